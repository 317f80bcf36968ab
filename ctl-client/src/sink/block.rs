//! A bundle that others may have written to, piece by piece: what is a certificate is recognised as
//! one, and everything else is kept as it is, byte for byte.

use std::borrow::Cow;

use ctl_core::Digest;
use ctl_pki::{Certificate, pem};

/// Labels of blocks that hold a certificate; the last one holds something of OpenSSL's after it.
pub(crate) const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// So many pieces of a file are told apart. Whoever owns the folder can write more; what is after them is one piece more,
/// which nobody looks into.
pub(super) const MAX_PIECES: usize = 20_000;

/// A piece of a file.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// Its bytes, with the end of its last line. All pieces in a row are the file.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// The SHA-256 of the certificate in it, also of one that this release cannot parse.
    pub(crate) certificate: Option<Digest>,
    /// The certificate, if it can be parsed.
    pub(crate) parsed: Option<Box<Certificate>>,
}

impl<'a> Block<'a> {
    fn certificate(bytes: &'a [u8], der: &[u8]) -> Self {
        let parsed = Certificate::from_der(der).ok().map(Box::new);
        Self { bytes: Cow::Borrowed(bytes), certificate: Some(Digest::of(der)), parsed }
    }

    /// A certificate that stands for itself.
    pub(super) fn of(certificate: Certificate) -> Self {
        let digest = Digest::from_bytes(certificate.sha256());
        Self {
            bytes: certificate.der().to_vec().into(),
            certificate: Some(digest),
            parsed: Some(Box::new(certificate)),
        }
    }

    /// Something that is kept as it is.
    pub(super) const fn other(bytes: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), certificate: None, parsed: None }
    }
}

/// The pieces of a file, in order: so many, and what is after them as one more.
pub(super) fn blocks(file: &[u8], room: usize) -> Vec<Block<'_>> {
    if Certificate::from_der(file).is_ok() {
        return vec![Block::certificate(file, file)];
    }
    let mut rest = file;
    let mut pieces = Vec::new();
    for piece in pem::pieces(file).take(room) {
        rest = rest.get(piece.bytes.len()..).unwrap_or_default();
        pieces.push(match piece.block {
            Some(pem::Block { label, content: Ok(der) })
                if LABELS.iter().any(|known| known.as_bytes() == label) =>
            {
                Block::certificate(piece.bytes, first_element(&der))
            }
            _ => Block::other(piece.bytes),
        });
    }
    pieces.extend((!rest.is_empty()).then(|| Block::other(rest)));
    pieces
}

/// The first DER element; all of it if there is no such element.
pub(crate) fn first_element(der: &[u8]) -> &[u8] {
    let length = match *der {
        [0x30, short @ 0..=0x7f, ..] => usize::from(short).saturating_add(2),
        [0x30, 0x81, a, ..] => usize::from(a).saturating_add(3),
        [0x30, 0x82, a, b, ..] => usize::from(u16::from_be_bytes([a, b])).saturating_add(4),
        _ => der.len(),
    };
    der.get(..length).unwrap_or(der)
}

/// These pieces in a row, each beginning on a line of its own.
pub(super) fn join<'a>(blocks: impl IntoIterator<Item = &'a Block<'a>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for block in blocks {
        end_line(&mut bytes);
        bytes.extend_from_slice(&block.bytes);
    }
    bytes
}

/// What comes next begins on a line of its own.
pub(super) fn end_line(bytes: &mut Vec<u8>) {
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    fn found(file: &str) -> Vec<(String, bool)> {
        let text = |block: &Block<'_>| String::from_utf8_lossy(&block.bytes).into_owned();
        blocks(file.as_bytes(), 9).iter().map(|block| (text(block), block.certificate.is_some())).collect()
    }

    #[test]
    fn what_is_no_whole_block_is_kept_apart_from_what_is() {
        let truncated = "-----BEGIN CERTIFICATE-----\nMAA=\n";
        let fused = PEM.trim_end();
        assert_eq!(
            found(&format!("by hand\n{PEM}{truncated}{PEM}")),
            [("by hand\n".into(), false), (PEM.into(), true), (truncated.into(), false), (PEM.into(), true),]
        );
        assert_eq!(found(&format!("{fused}{PEM}")), [(fused.into(), true), (PEM.into(), true)]);
        assert_eq!(found("-----BEGIN "), [("-----BEGIN ".into(), false)]);
        // OpenSSL writes more after the certificate into such blocks: it is the certificate that counts.
        let trusted = "-----BEGIN TRUSTED CERTIFICATE-----\nMAAwAA==\n-----END TRUSTED CERTIFICATE-----\r\n";
        let blocks = blocks(trusted.as_bytes(), 9);
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0].certificate, Some(Digest::of(&[0x30, 0])));
    }

    proptest! {
        #[test]
        fn the_pieces_in_a_row_are_the_file(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            parts in proptest::collection::vec(0usize..5, 0..8),
        ) {
            let part = |n: &usize| match n {
                0 => PEM.as_bytes().to_vec(),
                1 => PEM.as_bytes()[..40].to_vec(),
                2 => b"-----BEGIN ".to_vec(),
                3 => b"-----END CERTIFICATE-----".to_vec(),
                _ => bytes.clone(),
            };
            let file: Vec<u8> = parts.iter().flat_map(part).collect();
            for room in [0, 1, 3, MAX_PIECES] {
                let found = blocks(&file, room);
                let pieces: Vec<u8> = found.iter().flat_map(|block| block.bytes.to_vec()).collect();
                prop_assert!(found.len() <= room + 1);
                prop_assert_eq!(&pieces, &file);
            }
        }
    }
}
