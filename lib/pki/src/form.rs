//! Whether a certificate's frame is DER throughout.
//!
//! `Certificate::from_der` is more lenient, and must stay so. The library behind it passes over what it cannot read
//! inside a name, and over bytes behind the last member of a structure: enough for a certificate to show one
//! name here and another elsewhere. Paths are held to this instead.

use crate::asn1::{
    self, BIT_STRING, BOOLEAN, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET,
    context, context_constructed,
};
use crate::name::DistinguishedName;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Walks every structure of a Certificate (RFC 5280 section 4.1) down to the values of names and extensions.
/// `issuer` and `subject` are what was read of the names.
pub(crate) fn check(
    der: &[u8],
    issuer: &DistinguishedName,
    subject: &DistinguishedName,
) -> Result<(), Malformed> {
    let mut outer = Reader::sequence(der)?;
    let mut signed = Reader::new(outer.expect(SEQUENCE)?);
    let algorithm = outer.any()?;
    check_bits(outer.expect(BIT_STRING)?)?;
    outer.end()?;

    if let Some(version) = signed.optional(context_constructed(0))? {
        asn1::only(version, INTEGER)?;
    }
    signed.expect(INTEGER)?;
    // Neither this nor the frame of both is signed: whoever changes them gives the certificate a new fingerprint.
    let inside = signed.any()?.whole;
    if inside != algorithm.whole {
        return Err(match (has_null(inside), has_null(algorithm.whole)) {
            (true, false) => {
                "the signature algorithm has NULL parameters in the signed part and none beside the signature"
            }
            (false, true) => {
                "the signature algorithm has NULL parameters beside the signature and none in the signed part"
            }
            _ => "the algorithm beside the signature is not written as in the signed part",
        });
    }
    check_algorithm(algorithm.whole)?;
    check_name(signed.any()?.whole, issuer)?;
    let mut validity = Reader::new(signed.expect(SEQUENCE)?);
    for _ in 0..2 {
        if !matches!(validity.any()?.tag, UTC_TIME | GENERALIZED_TIME) {
            return Err("the validity is not made of two times");
        }
    }
    validity.end()?;
    check_name(signed.any()?.whole, subject)?;
    let mut key = Reader::new(signed.expect(SEQUENCE)?);
    check_algorithm(key.any()?.whole)?;
    check_bits(key.expect(BIT_STRING)?)?;
    key.end()?;
    signed.optional(context(1))?;
    signed.optional(context(2))?;
    if let Some(extensions) = signed.optional(context_constructed(3))? {
        check_extensions(asn1::only(extensions, SEQUENCE)?)?;
    }
    signed.end()
}

fn check_algorithm(der: &[u8]) -> Result<(), Malformed> {
    let mut algorithm = Reader::sequence(der)?;
    asn1::oid(algorithm.expect(OBJECT_IDENTIFIER)?)?;
    if !algorithm.is_empty() {
        algorithm.any()?;
    }
    algorithm.end()
}

/// Whether the algorithm's parameters are NULL.
fn has_null(algorithm: &[u8]) -> bool {
    algorithm.ends_with(&[0x05, 0x00])
}

fn check_bits(content: &[u8]) -> Result<(), Malformed> {
    if content.first() == Some(&0) {
        Ok(())
    } else {
        Err("a key or signature is not a whole number of bytes")
    }
}

/// Whether `read` is all that stands in the Name.
pub(crate) fn check_name(der: &[u8], read: &DistinguishedName) -> Result<(), Malformed> {
    let mut parts = Reader::sequence(der)?;
    let mut sizes = Vec::new();
    while !parts.is_empty() {
        let mut part = Reader::new(parts.expect(SET)?);
        let mut size = 0_usize;
        while !part.is_empty() {
            let mut attribute = Reader::new(part.expect(SEQUENCE)?);
            asn1::oid(attribute.expect(OBJECT_IDENTIFIER)?)?;
            attribute.any()?;
            attribute.end()?;
            size += 1;
        }
        sizes.push(size);
    }
    let complete = read.parts().map(<[_]>::len).eq(sizes) && read.parts().all(|part| !part.is_empty());
    if complete { Ok(()) } else { Err("a name has parts that cannot be read") }
}

fn check_extensions(content: &[u8]) -> Result<(), Malformed> {
    let mut extensions = Reader::new(content);
    while !extensions.is_empty() {
        let mut extension = Reader::new(extensions.expect(SEQUENCE)?);
        asn1::oid(extension.expect(OBJECT_IDENTIFIER)?)?;
        if let Some(critical) = extension.optional(BOOLEAN)? {
            asn1::boolean(critical)?;
        }
        extension.expect(OCTET_STRING)?;
        extension.end()?;
    }
    Ok(())
}
