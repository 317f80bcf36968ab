//! A file that somebody brings, piece by piece: where each begins, and what it is.

use ctl_formats::certificates_from_pkcs7;
use ctl_pki::der::{Reader, SEQUENCE};
use ctl_pki::{BrokenBlock, Certificate, MAX_PEM_CERTIFICATES, pem};

use crate::sink::block::{LABELS, first_element};

/// A piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The line in which it begins, counted from 1; 1 throughout a file in DER.
    pub(crate) line: usize,
    /// The byte at which it begins, counted from 0; 0 throughout a PKCS#7.
    pub(crate) byte: usize,
    pub(crate) content: Content,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// What should be a certificate in DER.
    Certificate(Vec<u8>),
    /// A PEM block of another kind.
    Other(String),
    /// What cannot be read.
    Broken(&'static str),
}

/// The pieces of a file in PEM, DER, or certs-only PKCS#7, without the text between them. There is always one: a file that holds nothing is broken.
pub(crate) fn pieces(file: &[u8]) -> Vec<Piece> {
    // Text cannot begin with a SEQUENCE whose length is in the long form.
    let mut found = if let [0x30, 0x80..=0xff, ..] = file { in_der(file) } else { in_pem(file) };
    if found.is_empty() {
        let content = Content::Broken("there is neither a PEM block nor a certificate in DER in it");
        found.push(Piece { line: 1, byte: 0, content });
    }
    found
}

const TOO_MANY: &str = "more than 2000 certificates in one file: the rest was not looked at; split it";

fn in_der(file: &[u8]) -> Vec<Piece> {
    if let Ok(all) = certificates_from_pkcs7(file) {
        let der = |one: Certificate| Content::Certificate(one.der().to_vec());
        return all.into_iter().map(|one| Piece { line: 1, byte: 0, content: der(one) }).collect();
    }
    let mut found = Vec::new();
    let mut byte = 0;
    let mut reader = Reader::new(file);
    while !reader.is_empty() {
        let content = match reader.any() {
            _ if found.len() == MAX_PEM_CERTIFICATES => Content::Broken(TOO_MANY),
            Ok(element) if element.tag == SEQUENCE => {
                let der = element.whole.to_vec();
                let length = der.len();
                found.push(Piece { line: 1, byte, content: Content::Certificate(der) });
                byte = byte.saturating_add(length);
                continue;
            }
            Ok(_) => Content::Broken("what stands here is no certificate"),
            Err(error) => Content::Broken(error.what),
        };
        found.push(Piece { line: 1, byte, content });
        break;
    }
    found
}

fn in_pem(file: &[u8]) -> Vec<Piece> {
    let mut found = Vec::new();
    let (mut line, mut byte) = (1_usize, 0_usize);
    for piece in pem::pieces(file) {
        let content = piece.block.map(|block| {
            let is_certificate = LABELS.iter().any(|known| known.as_bytes() == block.label);
            match block.content {
                Err(BrokenBlock::Unfinished) => Content::Broken("the PEM block that begins here has no end"),
                Err(BrokenBlock::NotBase64) => {
                    Content::Broken("the PEM block that begins here does not hold base64")
                }
                Ok(der) if is_certificate => Content::Certificate(first_element(&der).to_vec()),
                Ok(_) => {
                    let label: String = String::from_utf8_lossy(block.label).chars().take(60).collect();
                    Content::Other(label)
                }
            }
        });
        if let Some(content) = content {
            if found.len() == MAX_PEM_CERTIFICATES {
                found.push(Piece { line, byte, content: Content::Broken(TOO_MANY) });
                break;
            }
            found.push(Piece { line, byte, content });
        }
        line = line.saturating_add(piece.bytes.iter().filter(|byte| **byte == b'\n').count());
        byte = byte.saturating_add(piece.bytes.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_tells_where_it_begins() {
        let file = "by hand\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n\
                    -----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nMAA";
        let found: Vec<(usize, usize, bool)> = pieces(file.as_bytes())
            .into_iter()
            .map(|piece| (piece.line, piece.byte, matches!(piece.content, Content::Certificate(_))))
            .collect();
        assert_eq!(found, [(2, 8, true), (5, 67, false), (8, 132, false)]);
    }

    #[test]
    fn der_may_hold_several_one_after_the_other() {
        let one = [&[0x30, 0x81, 0x80][..], &[0; 0x80]].concat();
        let found = pieces(&[&one[..], &one[..], b"rest"].concat());
        assert_eq!(found.iter().map(|piece| piece.byte).collect::<Vec<_>>(), [0, 131, 262]);
        assert!(matches!(found[2].content, Content::Broken(_)), "{found:?}");
    }

    #[test]
    fn a_file_full_of_beginnings_costs_no_more_than_its_length() {
        for file in ["-----BEGIN ".repeat(900_000), "-----BEGIN CERTIFICATE-----\n".repeat(300_000)] {
            assert!(pieces(file.as_bytes()).len() <= MAX_PEM_CERTIFICATES + 1);
        }
        assert!(matches!(pieces(&vec![b' '; 10_000_000])[..], [Piece { content: Content::Broken(_), .. }]));
    }
}
