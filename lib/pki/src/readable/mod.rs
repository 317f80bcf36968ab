//! The readable profile: which certificates may stand in a file that devices load.
//!
//! OpenSSL, and Python on top of it, refuse *every* certificate of a PEM bundle when they cannot parse one of them. So
//! one odd root on a list takes all trust from a charger. What is admitted is therefore DER throughout, and written so
//! that the parsers in the field read it: OpenSSL, Python's `ssl` and `cryptography`, mbedTLS, wolfSSL. The profile is
//! a subset of what they read, on purpose: in doubt it refuses. docs/readable.md is the same in words, and
//! `interop/checks/22-readable` holds it against the parsers themselves.
//!
//! It says nothing of trust. An expired or forged certificate, and one with an algorithm that nobody knows, can be read.

mod bundle;
mod der;
mod extensions;

pub use bundle::{UnreadableBundle, readable_bundle};

use crate::asn1::{
    INTEGER, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, context, context_constructed,
};
use crate::error::CertificateError;
use crate::revocation::read as times;
use crate::{Certificate, asn1};

const NULL: u8 = 0x05;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// Seconds of 1950-01-01T00:00:00Z, before which UTCTime cannot write.
const YEAR_1950: i64 = -631_152_000;
/// RFC 5280 section 4.1.2.2.
const MAX_SERIAL: usize = 20;

/// Why devices might not read a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// This release cannot parse it either.
    #[error(transparent)]
    NotParsed(#[from] CertificateError),
    /// Something in it is not DER.
    #[error("it is not DER throughout: {0}")]
    NotDer(&'static str),
    /// Neither version 3 nor, without extensions, version 1.
    #[error("the version is neither 3 nor, for a certificate without extensions, left out")]
    Version,
    /// The serial number.
    #[error("the serial number {0}")]
    Serial(&'static str),
    /// The parameters of the signature's or the key's algorithm.
    #[error("the algorithm of the {of} {problem}")]
    Algorithm {
        /// `signature` or `public key`.
        of: &'static str,
        /// What is wrong, to be read behind "the algorithm of the …".
        problem: &'static str,
    },
    /// Issuer or subject.
    #[error("the {whose} {problem}")]
    Name {
        /// `issuer` or `subject`.
        whose: &'static str,
        /// What is wrong, to be read behind "the issuer …".
        problem: &'static str,
    },
    /// The validity.
    #[error("the validity is odd: {0}")]
    Time(&'static str),
    /// The list of extensions.
    #[error("the extensions: {0}")]
    Extensions(&'static str),
    /// One extension.
    #[error("extension {name} ({oid}) {problem}")]
    Extension {
        /// The name the field uses, or again the object identifier.
        name: String,
        /// Its object identifier, dotted.
        oid: String,
        /// What is wrong, to be read behind the extension's name.
        problem: &'static str,
    },
    /// Unique identifiers, which RFC 5280 section 4.1.2.8 forbids.
    #[error("it has a unique identifier of issuer or subject, which no certificate of today has")]
    UniqueIdentifier,
}

impl Unreadable {
    /// A stable name for the rule that is broken.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NotParsed(_) => "parses",
            Self::NotDer(_) => "der",
            Self::Version => "version",
            Self::Serial(_) => "serial",
            Self::Algorithm { .. } => "algorithm-parameters",
            Self::Name { .. } => "name",
            Self::Time(_) => "time",
            Self::Extensions(_) => "extensions",
            Self::Extension { .. } => "extension",
            Self::UniqueIdentifier => "unique-identifier",
        }
    }
}

/// Parses one DER certificate and holds it against the readable profile.
pub fn readable(der: &[u8]) -> Result<Certificate, Unreadable> {
    let certificate = Certificate::from_der(der)?;
    certificate.check_readable()?;
    Ok(certificate)
}

impl Certificate {
    /// Whether the parsers that devices use read this certificate, by the written profile
    /// (docs/readable.md): DER throughout, and nothing in it that makes one of them refuse the whole file.
    pub fn check_readable(&self) -> Result<(), Unreadable> {
        self.check_der().map_err(Unreadable::NotDer)?;
        der::walk(self.der()).map_err(Unreadable::NotDer)?;
        check_parts(self.signed_part()).map_err(Unreadable::NotDer)?
    }
}

/// Goes through the signed part. The outer error is for what has not the form of a certificate at all.
fn check_parts(signed: &[u8]) -> Result<Result<(), Unreadable>, Malformed> {
    let mut parts = Reader::sequence(signed)?;
    let version = parts.optional(context_constructed(0))?;
    let serial = parts.expect(INTEGER)?;
    let signature = parts.expect(SEQUENCE)?;
    let issuer = parts.expect(SEQUENCE)?;
    let validity = parts.expect(SEQUENCE)?;
    let subject = parts.expect(SEQUENCE)?;
    let mut key = Reader::new(parts.expect(SEQUENCE)?);
    let key_algorithm = key.expect(SEQUENCE)?;
    let has_unique_identifier = parts.optional(context(1))?.is_some() | parts.optional(context(2))?.is_some();
    let extensions = parts.optional(context_constructed(3))?;
    parts.end()?;
    let version = version.map(|version| asn1::only(version, INTEGER)).transpose()?;
    let extensions = extensions.map(|extensions| asn1::only(extensions, SEQUENCE)).transpose()?;

    if !matches!((version, extensions), (Some([2]), _) | (None, None)) {
        return Ok(Err(Unreadable::Version));
    }
    let checked = check_serial(serial)
        .map_err(Unreadable::Serial)
        .and_then(|()| check_signature_algorithm(signature))
        .and_then(|()| check_name(issuer).map_err(|problem| Unreadable::Name { whose: "issuer", problem }))
        .and_then(|()| check_name(subject).map_err(|problem| Unreadable::Name { whose: "subject", problem }))
        .and_then(|()| check_validity(validity).map_err(Unreadable::Time))
        .and_then(|()| check_key_algorithm(key_algorithm));
    if checked.is_ok() && issuer.is_empty() {
        return Ok(Err(Unreadable::Name { whose: "issuer", problem: "is empty" }));
    }
    if checked.is_ok() && has_unique_identifier {
        return Ok(Err(Unreadable::UniqueIdentifier));
    }
    Ok(checked.and_then(|()| extensions.map_or(Ok(()), extensions::check)))
}

fn check_serial(content: &[u8]) -> Result<(), &'static str> {
    match content {
        [] => Err("is empty"),
        [0x80..=0xff, ..] => Err("is negative"),
        [0] => Err("is zero"),
        [0, 0..=0x7f, ..] => Err("is not in its shortest form"),
        content if content.len() > MAX_SERIAL => Err("has more than 20 octets"),
        _ => Ok(()),
    }
}

/// `1.2.840.113549.1.1`: RSA's algorithms, the only ones with NULL for parameters.
const RSA: &str = "1.2.840.113549.1.1.";
const RSA_PSS: [&str; 3] = ["1.2.840.113549.1.1.7", "1.2.840.113549.1.1.8", "1.2.840.113549.1.1.10"];

/// Kinds of keys that some read only with parameters: Diffie-Hellman, in both writings, and DSA.
const NEEDING_PARAMETERS: [&str; 3] = ["1.2.840.10046.2.1", "1.2.840.113549.1.3.1", "1.2.840.10040.4.1"];

fn check_signature_algorithm(content: &[u8]) -> Result<(), Unreadable> {
    let wrong = |problem| Unreadable::Algorithm { of: "signature", problem };
    let (oid, parameters) = algorithm(content).map_err(wrong)?;
    check_usual_parameters(&oid, parameters).map_err(wrong)
}

fn check_key_algorithm(content: &[u8]) -> Result<(), Unreadable> {
    let wrong = |problem| Unreadable::Algorithm { of: "public key", problem };
    let (oid, parameters) = algorithm(content).map_err(wrong)?;
    if NEEDING_PARAMETERS.contains(&oid.as_str()) {
        return Err(wrong("is Diffie-Hellman or DSA, which no root of today has"));
    }
    if oid != "1.2.840.10045.2.1" {
        return check_usual_parameters(&oid, parameters).map_err(wrong);
    }
    match parameters {
        Some(OBJECT_IDENTIFIER) => Ok(()),
        Some(SEQUENCE) => Err(wrong(
            "writes its curve out in explicit parameters instead of naming it (RFC 5480 section 2.1.1)",
        )),
        Some(NULL) => Err(wrong("has NULL where it must name its curve (RFC 5480 section 2.1.1)")),
        _ => Err(wrong("does not name its curve (RFC 5480 section 2.1.1)")),
    }
}

fn check_usual_parameters(oid: &str, parameters: Option<u8>) -> Result<(), &'static str> {
    if oid.starts_with(RSA) && !RSA_PSS.contains(&oid) {
        return if parameters == Some(NULL) {
            Ok(())
        } else {
            Err("is RSA and lacks the NULL that RFC 4055 asks for")
        };
    }
    match parameters {
        None => Ok(()),
        Some(NULL) => Err(
            "has NULL for parameters, where there must be none (RFC 5758 section 3.2, RFC 8410 section 3)",
        ),
        Some(_) => Err("has parameters, where there must be none"),
    }
}

/// The algorithm's object identifier, and the tag of its parameters.
fn algorithm(content: &[u8]) -> Result<(String, Option<u8>), Malformed> {
    let mut reader = Reader::new(content);
    let oid = asn1::oid(reader.expect(OBJECT_IDENTIFIER)?)?;
    let parameters = if reader.is_empty() { None } else { Some(reader.any()?.tag) };
    reader.end()?;
    Ok((oid, parameters))
}

/// Whether every value is of a string type that all read. What its characters are was seen by the walk.
fn check_name(content: &[u8]) -> Result<(), Malformed> {
    let mut parts = Reader::new(content);
    while !parts.is_empty() {
        let mut part = Reader::new(parts.expect(SET)?);
        let mut seen = Vec::new();
        while !part.is_empty() {
            let mut attribute = Reader::new(part.expect(SEQUENCE)?);
            let kind = attribute.expect(OBJECT_IDENTIFIER)?;
            let value = attribute.any()?;
            attribute.end()?;
            if !matches!(value.tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING) {
                return Err("has a value that is neither UTF8String nor PrintableString nor IA5String");
            }
            if value.content.is_empty() {
                return Err("has an empty value");
            }
            if seen.contains(&kind) {
                return Err("has an attribute twice in one of its parts");
            }
            seen.push(kind);
        }
    }
    Ok(())
}

fn check_validity(content: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(content);
    for _ in 0..2 {
        if times::time(reader.any()?)? < YEAR_1950 {
            return Err("a year before 1950");
        }
    }
    reader.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_positive_short_and_plain() {
        for content in [[].as_slice(), &[0], &[0xff], &[0, 1], &[1; 21], &[0, 0x80, 0]] {
            assert_eq!(check_serial(content).is_ok(), content == [0, 0x80, 0], "{content:02x?}");
        }
        assert_eq!(check_serial(&[0x7f; 20]), Ok(()));
    }

    #[test]
    fn parameters_that_one_parser_takes_and_another_refuses_are_refused() {
        let ecdsa = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
        assert!(check_signature_algorithm(&ecdsa).is_ok());
        let with_null = [&ecdsa[..], &[5, 0]].concat();
        assert!(check_signature_algorithm(&with_null).unwrap_err().to_string().contains("NULL"));
        let explicit = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x30, 0];
        assert!(check_key_algorithm(&explicit).unwrap_err().to_string().contains("explicit"));
    }
}
