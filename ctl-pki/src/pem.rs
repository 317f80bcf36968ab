//! Certificates from PEM text, as people paste and tools export it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Certificate, CertificateError};

/// The largest PEM file that is looked at, in bytes.
pub const MAX_PEM_SIZE: usize = 4 * 1024 * 1024;
/// The most certificates that one PEM file may hold.
pub const MAX_PEM_CERTIFICATES: usize = 2000;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Every certificate of a PEM file, in its order. Text around the blocks and blocks of other kinds are passed
/// over (RFC 7468 section 5.2 expects such text); at least one certificate must be there.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    if pem.len() > MAX_PEM_SIZE {
        return Err(CertificateError::TooLarge { size: pem.len(), limit: MAX_PEM_SIZE });
    }
    // The text around the blocks may be in any encoding; inside them a replacement character is no base64.
    let text = String::from_utf8_lossy(pem);
    let mut certificates = Vec::new();
    let mut rest = text.as_ref();
    while let Some((_, after_begin)) = rest.split_once(BEGIN) {
        let block = certificates.len() + 1;
        if block > MAX_PEM_CERTIFICATES {
            return Err(CertificateError::TooMany(MAX_PEM_CERTIFICATES));
        }
        let (body, after_end) =
            after_begin.split_once(END).ok_or(CertificateError::UnfinishedBlock { block })?;
        let base64: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(base64).map_err(|_| CertificateError::NotBase64 { block })?;
        let certificate = Certificate::from_der(&der)
            .map_err(|source| CertificateError::InBlock { block, source: Box::new(source) })?;
        certificates.push(certificate);
        rest = after_end;
    }
    if certificates.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(certificates)
}

/// Exactly one certificate, given as DER or as PEM.
pub fn certificate_from_bytes(bytes: &[u8]) -> Result<Certificate, CertificateError> {
    // A DER certificate is a SEQUENCE with a length in the long form; text cannot begin that way.
    if let [0x30, 0x80..=0xff, ..] = bytes {
        return Certificate::from_der(bytes);
    }
    let mut certificates = certificates_from_pem(bytes)?;
    match certificates.pop() {
        Some(certificate) if certificates.is_empty() => Ok(certificate),
        _ => Err(CertificateError::NotExactlyOne(certificates.len() + 1)),
    }
}

/// The certificate as one PEM block with lines of 64 characters (RFC 7468).
pub(crate) fn to_pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut pem = String::with_capacity(base64.len() + base64.len() / 64 + 64);
    pem.push_str(BEGIN);
    for (position, character) in base64.chars().enumerate() {
        if position % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push('\n');
    pem.push_str(END);
    pem.push('\n');
    pem
}
