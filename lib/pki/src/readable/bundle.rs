//! A whole PEM file, as it is put in place for a device.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Unreadable, readable};
use crate::{Certificate, MAX_PEM_CERTIFICATES, MAX_PEM_SIZE};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// Lines have 64 characters by RFC 7468; some tools write 76. OpenSSL's buffer ends at 254.
const MAX_LINE: usize = 76;

/// Why a device might not read a PEM file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableBundle {
    /// Larger than the limit.
    #[error("{size} bytes are more than the limit of {limit} for a PEM file")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More certificates than the limit.
    #[error("more than {0} certificates in one file")]
    TooMany(usize),
    /// Not UTF-8, or with a NUL in it, where some parsers stop.
    #[error("the file is not text")]
    NotText,
    /// A line is not what it must be.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        problem: &'static str,
    },
    #[error("certificate {number}, which begins in line {line}: {reason}")]
    Certificate {
        /// Counted from 1.
        number: usize,
        /// Where it begins, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: Unreadable,
    },
}

/// Every certificate of a PEM file, if devices can read the file as a whole. There may be none: an empty file is how
/// some readers are told to trust nobody.
///
/// Only CERTIFICATE blocks may stand in it, each as RFC 7468 writes them, with text between them that cannot be taken
/// for a block. At most [`MAX_PEM_SIZE`] bytes and [`MAX_PEM_CERTIFICATES`] certificates.
pub fn readable_bundle(pem: &[u8]) -> Result<Vec<Certificate>, UnreadableBundle> {
    if pem.len() > MAX_PEM_SIZE {
        return Err(UnreadableBundle::TooLarge { size: pem.len(), limit: MAX_PEM_SIZE });
    }
    let text = std::str::from_utf8(pem).map_err(|_| UnreadableBundle::NotText)?;
    if text.contains('\0') {
        return Err(UnreadableBundle::NotText);
    }
    let mut certificates = Vec::new();
    let mut lines = (1..).zip(text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)));
    while let Some((begin, line)) = lines.next() {
        let wrong = |line, problem| Err(UnreadableBundle::Line { line, problem });
        if line != BEGIN {
            if line.contains("-----") {
                return wrong(begin, "neither plain text nor the beginning of a CERTIFICATE block");
            }
            continue;
        }
        let number = certificates.len() + 1;
        if number > MAX_PEM_CERTIFICATES {
            return Err(UnreadableBundle::TooMany(MAX_PEM_CERTIFICATES));
        }
        let mut base64 = String::new();
        loop {
            let Some((at, line)) = lines.next() else {
                return wrong(begin, "the block that begins here has no end");
            };
            if line == END {
                break;
            }
            if line.is_empty() || line.len() > MAX_LINE {
                return wrong(at, "a line of base64 has 1 to 76 characters");
            }
            base64.push_str(line);
        }
        let Ok(der) = STANDARD.decode(base64) else {
            return wrong(begin, "the block that begins here does not hold base64");
        };
        certificates.push(readable(&der).map_err(|reason| UnreadableBundle::Certificate {
            number,
            line: begin,
            reason,
        })?);
    }
    Ok(certificates)
}
