//! Certification requests (PKCS#10, RFC 2986), as proof that somebody holds a key: read strictly, byte for byte
//! DER, and only as far as such a proof needs it. Nothing is ever issued on one.

use crate::der::{
    self, BIT_STRING, INTEGER, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, context_constructed,
};
use crate::pem::pem_blocks;
use crate::{AlgorithmName, Certificate, SignatureError, signature};

/// The largest request in bytes.
pub const MAX_REQUEST_SIZE: usize = 4096;

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// Why bytes are not such a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Larger than [`MAX_REQUEST_SIZE`].
    #[error("{0} bytes; a certification request has at most {MAX_REQUEST_SIZE}")]
    TooLarge(usize),
    /// Not a PKCS#10 request in DER.
    #[error("not a certification request in DER (RFC 2986): {0}")]
    Malformed(&'static str),
}

/// A certification request.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    signed: Box<[u8]>,
    subject: Box<[u8]>,
    spki: Box<[u8]>,
    has_attributes: bool,
    algorithm: AlgorithmName,
    signature: Box<[u8]>,
}

impl CertificationRequest {
    /// Reads one request in DER, with nothing after it.
    ///
    /// # Errors
    /// [`RequestError`] saying what was wrong.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MAX_REQUEST_SIZE {
            return Err(RequestError::TooLarge(der.len()));
        }
        Self::read(der).map_err(|error| RequestError::Malformed(error.what))
    }

    fn read(der: &[u8]) -> Result<Self, Malformed> {
        let mut outer = Reader::sequence(der)?;
        let info = outer.any()?;
        let mut algorithm = Reader::new(outer.expect(SEQUENCE)?);
        let oid = algorithm.expect(OBJECT_IDENTIFIER)?;
        der::oid(oid)?;
        if !algorithm.is_empty() {
            algorithm.any()?;
        }
        algorithm.end()?;
        let signature = whole_bytes(outer.expect(BIT_STRING)?)?;
        outer.end()?;
        let mut info_reader = Reader::sequence(info.whole)?;
        if info_reader.expect(INTEGER)? != [0] {
            return Err("its version is not 0, the only one there is".into());
        }
        let subject = info_reader.any()?;
        let key = info_reader.any()?;
        if subject.tag != SEQUENCE || key.tag != SEQUENCE {
            return Err("its subject or its key is no SEQUENCE".into());
        }
        let attributes = info_reader.expect(context_constructed(0))?;
        info_reader.end()?;
        Ok(Self {
            signed: info.whole.into(),
            subject: subject.whole.into(),
            spki: key.whole.into(),
            has_attributes: !attributes.is_empty(),
            algorithm: AlgorithmName::of_content(oid),
            signature: signature.into(),
        })
    }

    /// The subject's common name, if the subject is this one attribute and nothing else, in UTF-8 or as a
    /// PrintableString.
    #[must_use]
    pub fn only_common_name(&self) -> Option<&str> {
        only_common_name(&self.subject).ok()
    }

    /// Whether it asks for anything besides name and key, extensions for instance.
    #[must_use]
    pub const fn has_attributes(&self) -> bool {
        self.has_attributes
    }

    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Verifies that the key of `certificate` signed the request. That both have the same key is for the
    /// caller to ask.
    ///
    /// # Errors
    /// [`SignatureError`]; of an algorithm that this release cannot verify
    /// [`SignatureError::UnsupportedAlgorithm`].
    pub fn verify_signed_by(&self, certificate: &Certificate) -> Result<(), SignatureError> {
        signature::verify(&self.algorithm, &self.signed, &self.signature, certificate.public_key())
    }
}

fn only_common_name(subject: &[u8]) -> Result<&str, Malformed> {
    let mut name = Reader::sequence(subject)?;
    let mut part = Reader::new(name.expect(SET)?);
    name.end()?;
    let mut attribute = Reader::new(part.expect(SEQUENCE)?);
    part.end()?;
    let is_common_name = attribute.expect(OBJECT_IDENTIFIER)? == COMMON_NAME;
    let value = attribute.any()?;
    attribute.end()?;
    if !is_common_name || !matches!(value.tag, UTF8_STRING | PRINTABLE_STRING) {
        return Err("it is no common name".into());
    }
    std::str::from_utf8(value.content).map_err(|_| "it is not UTF-8".into())
}

fn whole_bytes(bits: &[u8]) -> Result<&[u8], Malformed> {
    match bits.split_first() {
        Some((0, bytes)) => Ok(bytes),
        _ => Err("its signature is not a whole number of bytes".into()),
    }
}

/// The bytes of the one request in a file, which is DER or PEM.
///
/// # Errors
/// There is none, or more than one.
pub fn der_from_bytes(bytes: &[u8]) -> Result<Vec<u8>, RequestError> {
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(bytes.to_vec());
    }
    // OpenSSL writes the first label, older tools the second.
    let mut found = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]
        .into_iter()
        .flat_map(|label| pem_blocks(bytes, label));
    match (found.next(), found.next()) {
        (Some(Ok(der)), None) => Ok(der),
        (Some(Ok(_)), Some(_)) => Err(RequestError::Malformed("the file has several")),
        (Some(Err(_)), _) => Err(RequestError::Malformed("its PEM block is broken")),
        (None, _) => Err(RequestError::Malformed("the file has no CERTIFICATE REQUEST block")),
    }
}
