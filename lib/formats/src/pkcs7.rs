//! Certificates in PKCS#7 (RFC 5652), read and written: the certs-only SignedData that EST and caIssuers addresses serve
//! and chargers read as `.p7c`. It carries certificates and no signature, so nothing in it is proven.

use ctl_pki::der::{INTEGER, Malformed, OBJECT_IDENTIFIER, SEQUENCE, SET, context_constructed, encode};
use ctl_pki::{Certificate, CertificateError, MAX_PEM_CERTIFICATES, MAX_PEM_SIZE, base64_lines};

use crate::ber::BerReader;
use crate::cms::{DATA, SIGNED_DATA};

/// Why bytes are no certs-only PKCS#7.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs7Error {
    /// Larger than the limit.
    #[error("{size} bytes of PKCS#7 are more than the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Neither DER nor BER of the structure.
    #[error("not a PKCS#7 SignedData in BER or DER: {0}")]
    Malformed(&'static str),
    /// It carries a signature, which nobody would verify here.
    #[error("the PKCS#7 is signed; certificates come in one without signers (RFC 5652 section 5.1)")]
    Signed,
    /// More certificates than the limit.
    #[error("more than {0} certificates in one PKCS#7")]
    TooMany(usize),
    /// One of its certificates cannot be read.
    #[error("certificate {position} of the PKCS#7: {source}")]
    Certificate {
        /// Counted from 1.
        position: usize,
        /// What is wrong with it.
        source: CertificateError,
    },
}

/// Every certificate of a certs-only PKCS#7, in its order; there may be none. BER is read (RFC 5280 section 4.2.2.1
/// allows it), but for the certificates, which are DER wherever they stand. At most [`MAX_PEM_SIZE`]
/// bytes and [`MAX_PEM_CERTIFICATES`] certificates, and nothing after it.
pub fn certificates_from_pkcs7(der: &[u8]) -> Result<Vec<Certificate>, Pkcs7Error> {
    if der.len() > MAX_PEM_SIZE {
        return Err(Pkcs7Error::TooLarge { size: der.len(), limit: MAX_PEM_SIZE });
    }
    let malformed = |error: Malformed| Pkcs7Error::Malformed(error.what);
    let (certificates, signers) = signed_data(der).map_err(malformed)?;
    if !signers.is_empty() {
        return Err(Pkcs7Error::Signed);
    }
    let mut reader = BerReader::new(certificates);
    let mut read = Vec::new();
    while !reader.is_empty() {
        if read.len() >= MAX_PEM_CERTIFICATES {
            return Err(Pkcs7Error::TooMany(MAX_PEM_CERTIFICATES));
        }
        let element = reader.any().map_err(malformed)?;
        let position = read.len() + 1;
        let certificate = Certificate::from_der(element.whole);
        read.push(certificate.map_err(|source| Pkcs7Error::Certificate { position, source })?);
    }
    Ok(read)
}

/// The certs-only PKCS#7 of these certificates, as RFC 5652 section 5.1 has it for those without signers. It is DER: they
/// stand in the order of their encodings, as X.690 section 11.6 wants it of a SET OF. The order says nothing.
///
/// # Errors
/// [`Pkcs7Error::TooMany`] or [`Pkcs7Error::TooLarge`]: it could not be read again.
pub fn certificates_to_pkcs7<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> Result<Vec<u8>, Pkcs7Error> {
    let mut certificates: Vec<&[u8]> = certificates.into_iter().map(Certificate::der).collect();
    certificates.sort_unstable();
    pkcs7(&certificates)
}

/// The body in which EST carries them (RFC 7030 section 4.1.3): PKCS#7 in base64, in lines as RFC 2045 wants them. RFC 8951
/// section 3.1 lets a sender put white space or none; readers older than it expect lines.
///
/// They stand in the order given, since some clients take the last one for the root. A SET OF has no order, and RFC 5652
/// asks for BER, so that is allowed; in DER it would be sorted, and parsers that want DER warn of it.
///
/// # Errors
/// As [`certificates_to_pkcs7`].
pub fn est_body<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Result<String, Pkcs7Error> {
    let certificates: Vec<&[u8]> = certificates.into_iter().map(Certificate::der).collect();
    Ok(base64_lines(&pkcs7(&certificates)?))
}

/// Certificates in this order.
fn pkcs7(certificates: &[&[u8]]) -> Result<Vec<u8>, Pkcs7Error> {
    if certificates.len() > MAX_PEM_CERTIFICATES {
        return Err(Pkcs7Error::TooMany(MAX_PEM_CERTIFICATES));
    }
    let signed_data = encode(
        SEQUENCE,
        &[
            &encode(INTEGER, &[&[1]]),
            &encode(SET, &[]),
            &encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[DATA])]),
            &encode(context_constructed(0), certificates),
            &encode(SET, &[]),
        ],
    );
    let signed_data = encode(context_constructed(0), &[&signed_data]);
    let der = encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[SIGNED_DATA]), &signed_data]);
    match der.len() {
        ..=MAX_PEM_SIZE => Ok(der),
        size => Err(Pkcs7Error::TooLarge { size, limit: MAX_PEM_SIZE }),
    }
}

/// The contents of `certificates` and of `signerInfos`.
fn signed_data(der: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut whole = BerReader::new(der);
    let mut outer = BerReader::new(whole.expect(SEQUENCE)?);
    whole.end()?;
    if outer.expect(OBJECT_IDENTIFIER)? != SIGNED_DATA {
        return Err("the content is no SignedData".into());
    }
    let content = outer.expect(context_constructed(0))?;
    outer.end()?;
    let mut content = BerReader::new(content);
    let mut reader = BerReader::new(content.expect(SEQUENCE)?);
    content.end()?;
    reader.expect(INTEGER)?;
    reader.expect(SET)?;
    reader.expect(SEQUENCE)?;
    let certificates = reader.optional(context_constructed(0))?.unwrap_or_default();
    // CRLs may stand beside them.
    reader.optional(context_constructed(1))?;
    let signers = reader.expect(SET)?;
    reader.end()?;
    Ok((certificates, signers))
}
