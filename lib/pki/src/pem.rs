//! PEM: a file in pieces, the certificates in it, and the one form in which it is written (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Certificate, CertificateError};

/// The largest PEM file that is looked at, in bytes.
pub const MAX_PEM_SIZE: usize = 4 * 1024 * 1024;
/// The most certificates that one PEM file may hold.
pub const MAX_PEM_CERTIFICATES: usize = 2000;

/// The label of a block with a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// A piece of a file: text, or a block.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Its bytes; a block's with the end of its last line. All pieces in a row are the file.
    pub bytes: &'a [u8],
    pub block: Option<Block<'a>>,
}

/// What stands between the lines BEGIN and END.
#[derive(Debug)]
pub struct Block<'a> {
    pub label: &'a [u8],
    pub content: Result<Vec<u8>, BrokenBlock>,
}

/// Why a PEM block holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenBlock {
    /// It begins and never ends.
    Unfinished,
    /// What it holds is not base64.
    NotBase64,
}

/// The pieces of a file, in order. Text around the blocks may be in any encoding (RFC 7468 section 5.2 expects such
/// text); inside them white space may stand anywhere.
pub fn pieces(file: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = file;
    std::iter::from_fn(move || {
        let begin = find(rest, BEGIN).unwrap_or(rest.len());
        let piece = if begin > 0 {
            Piece { bytes: rest.get(..begin)?, block: None }
        } else {
            // A block that has not ended where the next one begins does not end.
            let inner = rest.get(BEGIN.len()..)?;
            let next = find(inner, BEGIN).map_or(rest.len(), |at| at.saturating_add(BEGIN.len()));
            block(rest.get(..next)?)
        };
        rest = rest.get(piece.bytes.len()..)?;
        Some(piece)
    })
}

/// The block with which these bytes begin.
fn block(bytes: &[u8]) -> Piece<'_> {
    let inner = bytes.get(BEGIN.len()..).unwrap_or_default();
    let Some((label, after)) = split(inner, DASHES) else { return Piece { bytes, block: None } };
    let Some((body, mut after)) = split(after, &[b"-----END ", label, DASHES].concat()) else {
        return Piece { bytes, block: Some(Block { label, content: Err(BrokenBlock::Unfinished) }) };
    };
    after = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n")).unwrap_or(after);
    let base64: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let content = STANDARD.decode(base64).map_err(|_| BrokenBlock::NotBase64);
    let length = bytes.len().saturating_sub(after.len());
    Piece { bytes: bytes.get(..length).unwrap_or(bytes), block: Some(Block { label, content }) }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// What stands before and what after the first place of `at`.
fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = find(bytes, at)?;
    Some((bytes.get(..place)?, bytes.get(place.saturating_add(at.len())..)?))
}

/// What the blocks with this label hold, in their order.
pub fn pem_blocks<'a>(
    file: &'a [u8],
    label: &'a str,
) -> impl Iterator<Item = Result<Vec<u8>, BrokenBlock>> + 'a {
    let blocks = pieces(file).filter_map(|piece| piece.block);
    blocks.filter(move |block| block.label == label.as_bytes()).map(|block| block.content)
}

/// The bytes of every certificate of a PEM file, in its order, not parsed. Blocks of other kinds are passed over; at least
/// one certificate must be there.
///
/// # Errors
/// [`CertificateError`] saying which block is wrong, and how.
pub fn ders_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    if pem.len() > MAX_PEM_SIZE {
        return Err(CertificateError::TooLarge { size: pem.len(), limit: MAX_PEM_SIZE });
    }
    let mut ders = Vec::new();
    for (block, der) in (1..).zip(pem_blocks(pem, CERTIFICATE)) {
        if block > MAX_PEM_CERTIFICATES {
            return Err(CertificateError::TooMany(MAX_PEM_CERTIFICATES));
        }
        ders.push(der.map_err(|broken| match broken {
            BrokenBlock::Unfinished => CertificateError::UnfinishedBlock { block },
            BrokenBlock::NotBase64 => CertificateError::NotBase64 { block },
        })?);
    }
    if ders.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(ders)
}

/// Every certificate of a PEM file, as [`ders_from_pem`] finds them.
///
/// # Errors
/// [`CertificateError`] saying which block is wrong, and how.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    let parsed = (1..).zip(ders_from_pem(pem)?).map(|(block, der)| {
        Certificate::from_der(&der)
            .map_err(|source| CertificateError::InBlock { block, source: Box::new(source) })
    });
    parsed.collect()
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
