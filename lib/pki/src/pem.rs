//! Certificates from PEM text, as people paste and tools export it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Certificate, CertificateError};

/// The largest PEM file that is looked at, in bytes.
pub const MAX_PEM_SIZE: usize = 4 * 1024 * 1024;
/// The most certificates that one PEM file may hold.
pub const MAX_PEM_CERTIFICATES: usize = 2000;

/// Every certificate of a PEM file, in its order. Text around the blocks and blocks of other kinds are passed
/// over (RFC 7468 section 5.2 expects such text); at least one certificate must be there.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    if pem.len() > MAX_PEM_SIZE {
        return Err(CertificateError::TooLarge { size: pem.len(), limit: MAX_PEM_SIZE });
    }
    // The text around the blocks may be in any encoding; inside them a replacement character is no base64.
    let text = String::from_utf8_lossy(pem);
    let mut certificates = Vec::new();
    for (block, der) in (1..).zip(pem_blocks(&text, "CERTIFICATE")) {
        if block > MAX_PEM_CERTIFICATES {
            return Err(CertificateError::TooMany(MAX_PEM_CERTIFICATES));
        }
        let der = der.map_err(|broken| match broken {
            BrokenBlock::Unfinished => CertificateError::UnfinishedBlock { block },
            BrokenBlock::NotBase64 => CertificateError::NotBase64 { block },
        })?;
        let certificate = Certificate::from_der(&der)
            .map_err(|source| CertificateError::InBlock { block, source: Box::new(source) })?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(certificates)
}

/// Why a PEM block holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenBlock {
    /// It begins and never ends.
    Unfinished,
    /// What it holds is not base64.
    NotBase64,
}

/// What the PEM blocks with this label hold, in their order.
pub fn pem_blocks<'a>(text: &'a str, label: &str) -> impl Iterator<Item = Result<Vec<u8>, BrokenBlock>> + 'a {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after_begin) = rest.split_once(begin.as_str())?;
        let Some((body, after_end)) = after_begin.split_once(end.as_str()) else {
            rest = "";
            return Some(Err(BrokenBlock::Unfinished));
        };
        rest = after_end;
        let base64: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        Some(STANDARD.decode(base64).map_err(|_| BrokenBlock::NotBase64))
    })
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

/// One PEM block with lines of 64 characters (RFC 7468).
#[must_use]
pub fn pem_block(label: &str, bytes: &[u8]) -> String {
    let base64 = base64_lines(bytes);
    format!("-----BEGIN {label}-----\n{base64}-----END {label}-----\n")
}

/// Base64 in lines of 64 characters, each ended.
#[must_use]
pub fn base64_lines(bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    let mut lines = String::with_capacity(base64.len() + base64.len() / 64 + 1);
    for (position, character) in base64.chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines.push('\n');
    lines
}
