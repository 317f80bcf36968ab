//! How certificates stand in a file: in PEM, in DER, in PKCS#7, in a manifest. Which pieces a file is made of, how such a file is
//! written, and whether it is found whole when it is read again.

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_formats::{certificates_from_pkcs7, certificates_to_pkcs7};
use ctl_pki::{Certificate, readable, readable_bundle};

use super::block::{Block, MAX_PIECES, blocks, end_line, join};
use super::{fingerprint, manifest};
use crate::store::TrustStore;

/// What stands in a [`Form::Store`] of which nobody is trusted: a revocation list of an issuer that is nobody, with
/// words before it. OpenSSL's loaders, and so Python's and those of EVerest's modules, refuse a file with neither
/// certificate nor revocation list (`NO_CERTIFICATE_OR_CRL_FOUND`, everest-demo issue 113), and take this one for
/// a store without anchors; EVerest's EvseSecurity passes over it.
const NOBODY: &str = include_str!("nobody.pem");

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// PEM, with text between the blocks, or no file.
    Pem,
    /// PEM that is never empty: [`NOBODY`] stands in it where no certificate does.
    Store,
    /// One certificate in DER, or no file.
    Der,
    /// A certs-only PKCS#7 (RFC 5652) in DER.
    Pkcs7,
    /// What is trusted as JSON ([`manifest`]). All of it is ours.
    Manifest,
}

impl Form {
    /// The pieces of a file, in order; [`NOBODY`] is none.
    pub(crate) fn blocks(self, file: &[u8]) -> Vec<Block<'_>> {
        match self {
            Self::Pem => blocks(file, MAX_PIECES),
            Self::Store => {
                let (mut pieces, mut rest) = (Vec::new(), file);
                // However often it is said.
                while let Some((before, after)) = around_nobody(rest) {
                    if pieces.len() >= MAX_PIECES {
                        break;
                    }
                    pieces.extend(blocks(before, MAX_PIECES.saturating_sub(pieces.len())));
                    rest = after;
                }
                pieces.extend(blocks(rest, MAX_PIECES.saturating_sub(pieces.len())));
                pieces
            }
            Self::Der if file.is_empty() => vec![],
            Self::Der => vec![match Certificate::from_der(file) {
                Ok(certificate) => Block::of(certificate),
                Err(_) => Block::other(file),
            }],
            Self::Pkcs7 => match certificates_from_pkcs7(file) {
                Ok(certificates) => certificates.into_iter().map(Block::of).collect(),
                Err(_) => vec![Block::other(file)],
            },
            Self::Manifest => manifest::blocks(file),
        }
    }

    /// These pieces as they are and nothing else, in a file of this form.
    pub(super) fn rest<'a>(self, stays: impl Iterator<Item = &'a Block<'a>>, store: &TrustStore) -> Vec<u8> {
        let stays: Vec<&Block<'_>> = stays.collect();
        let as_they_are = || stays.iter().flat_map(|block| block.bytes.to_vec()).collect();
        match self {
            // What was read of such a file can be written as one.
            Self::Pkcs7 | Self::Manifest if stays.iter().all(|block| block.certificate.is_some()) => {
                self.write(&stays, &[], store).unwrap_or_default()
            }
            _ => self.finished(as_they_are()),
        }
    }

    /// A file of these pieces and then these certificates.
    ///
    /// # Errors
    /// In words, why one file cannot hold them all.
    pub(super) fn write(
        self,
        kept: &[&Block<'_>],
        ours: &[&Certificate],
        store: &TrustStore,
    ) -> Result<Vec<u8>, String> {
        match self {
            Self::Pem | Self::Store => {
                let mut bytes = join(kept.iter().copied());
                if !ours.is_empty() {
                    end_line(&mut bytes);
                }
                bytes.extend(bundle(ours));
                Ok(self.finished(bytes))
            }
            Self::Der => match (kept, ours) {
                ([], []) => Ok(vec![]),
                ([], [one]) => Ok(one.der().to_vec()),
                ([other], []) => Ok(other.bytes.to_vec()),
                _ => Err("it takes one certificate".into()),
            },
            Self::Pkcs7 => {
                let mut all = BTreeMap::new();
                for block in kept {
                    let parsed = block.parsed.as_deref().ok_or("it is no PKCS#7 of certificates")?;
                    all.insert(fingerprint(parsed), parsed);
                }
                all.extend(ours.iter().map(|certificate| (fingerprint(certificate), *certificate)));
                certificates_to_pkcs7(all.into_values()).map_err(|reason| reason.to_string())
            }
            Self::Manifest => manifest::write(kept, ours, store),
        }
    }

    /// The certificates that readers find in a file.
    ///
    /// # Errors
    /// In words, why they would read nothing of it.
    pub(crate) fn read(self, file: &[u8]) -> Result<Vec<Certificate>, String> {
        match self {
            Self::Store => readable_bundle(&without_nobody(file)).map_err(|reason| reason.to_string()),
            Self::Pem => readable_bundle(file).map_err(|reason| reason.to_string()),
            Self::Der if file.is_empty() => Ok(vec![]),
            Self::Der => Ok(vec![readable(file).map_err(|reason| reason.to_string())?]),
            Self::Pkcs7 => {
                let found = certificates_from_pkcs7(file).map_err(|reason| reason.to_string())?;
                let read = |one: Certificate| readable(one.der()).map_err(|reason| reason.to_string());
                found.into_iter().map(read).collect()
            }
            Self::Manifest => manifest::read(file),
        }
    }

    /// Whether a file of this form is there also where it holds nothing.
    pub(crate) const fn is_there_when_empty(self) -> bool {
        !matches!(self, Self::Der | Self::Pem)
    }

    /// Whether readers load it as a PEM store.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self, Self::Pem | Self::Store)
    }

    fn finished(self, bytes: Vec<u8>) -> Vec<u8> {
        // What others left and nobody reads is not made better by it.
        let says_nothing = || readable_bundle(&bytes).is_ok_and(|found| found.is_empty());
        if self != Self::Store || !says_nothing() {
            return bytes;
        }
        let mut bytes = bytes;
        end_line(&mut bytes);
        bytes.extend_from_slice(NOBODY.as_bytes());
        bytes
    }
}

/// What stands before and after the first place where [`NOBODY`] is said.
fn around_nobody(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = file.windows(NOBODY.len()).position(|here| here == NOBODY.as_bytes())?;
    Some((file.get(..at)?, file.get(at.saturating_add(NOBODY.len())..)?))
}

/// The same file with spaces in the place of [`NOBODY`], so that all lines and bytes stay where they are.
pub(crate) fn without_nobody(file: &[u8]) -> Vec<u8> {
    let mut rest = file.to_vec();
    let places = file.windows(NOBODY.len()).enumerate().filter(|(_, here)| *here == NOBODY.as_bytes());
    for (at, _) in places {
        let said = rest.iter_mut().skip(at).take(NOBODY.len()).filter(|byte| **byte != b'\n');
        said.for_each(|byte| *byte = b' ');
    }
    rest
}

/// One PEM file, each certificate once, by fingerprint, so that equal content is equal bytes.
fn bundle(certificates: &[&Certificate]) -> Vec<u8> {
    let sorted: BTreeMap<Digest, &Certificate> =
        certificates.iter().map(|certificate| (fingerprint(certificate), *certificate)).collect();
    sorted.values().map(|certificate| certificate.to_pem()).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_nobody_is_said_once_and_is_nobodys_text() {
        let store = TrustStore::default();
        let alone = Form::Store.write(&[], &[], &store).unwrap();
        assert_eq!(alone, NOBODY.as_bytes());
        assert!(Form::Store.blocks(&alone).is_empty() && Form::Store.read(&alone).unwrap().is_empty());
        let text = format!("# by hand\n{NOBODY}# after\n");
        assert!(Form::Store.read(text.as_bytes()).unwrap().is_empty());
        let pieces = Form::Store.blocks(text.as_bytes());
        assert_eq!(
            Form::Store.rest(pieces.iter(), &store),
            format!("# by hand\n# after\n{NOBODY}").as_bytes()
        );
        assert_eq!(Form::Pem.write(&[], &[], &store).unwrap(), b"");
    }
}
