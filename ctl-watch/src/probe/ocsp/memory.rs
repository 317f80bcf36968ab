//! What is remembered of a responder: certificates that it called revoked, which must stay revoked, and findings of the
//! last round's side questions, which are not asked again in this round.

use std::collections::BTreeSet;
use std::sync::Arc;

use ctl_pki::revocation::RevocationReason;

use super::judge::{Asked, Expected, Said};
use crate::observation::Finding;
use crate::probe::Memory;

/// SHA-256 of the issuer's SubjectPublicKeyInfo, and the serial number.
type Key = ([u8; 32], Box<[u8]>);

/// The first byte of saved bytes: their format.
const FORMAT: u8 = 1;

/// What is remembered of a responder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OcspMemory {
    /// Certificates that it once called revoked.
    revoked: BTreeSet<Key>,
    /// Findings of side questions in the last round; not kept over a restart.
    pub(super) standing: BTreeSet<Finding>,
}

impl OcspMemory {
    pub(super) fn of(memory: &Memory) -> Self {
        let own = memory.0.as_ref().and_then(|memory| memory.downcast_ref::<Self>());
        own.cloned().unwrap_or_default()
    }

    pub(super) fn into_memory(self) -> Memory {
        Memory(Some(Arc::new(self)))
    }

    /// For each: the key, the length of the serial number, and the number.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![FORMAT];
        for (spki, serial) in &self.revoked {
            bytes.extend(spki);
            bytes.extend(u16::try_from(serial.len()).ok()?.to_be_bytes());
            bytes.extend(serial);
        }
        Some(bytes)
    }

    /// The saved memory; none if it is damaged or of another release.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[FORMAT])?;
        let mut revoked = BTreeSet::new();
        while !rest.is_empty() {
            let (spki, after) = rest.split_first_chunk::<32>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let (serial, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            revoked.insert((*spki, serial.into()));
            rest = after;
        }
        Some(Self { revoked, ..Self::default() })
    }

    /// Takes in a fresh answer; returns whether it takes back a revocation. A suspended certificate may become good
    /// again (RFC 5280 section 5.3.1).
    ///
    /// A certificate known to be revoked is reported every time it is called good. A certificate known to be valid is
    /// reported once: it was wrong to call it revoked, but it is right to call it good.
    pub(super) fn see(&mut self, asked: &Asked<'_>, said: Said) -> bool {
        match said {
            Said::Revoked { reason: Some(RevocationReason::CertificateHold), .. } => {
                self.revoked.remove(&key(asked));
                false
            }
            Said::Revoked { .. } => {
                self.revoked.insert(key(asked));
                false
            }
            Said::Good if asked.expected == Expected::Good => self.revoked.remove(&key(asked)),
            Said::Good => self.revoked.contains(&key(asked)),
            Said::Unknown | Said::Unauthorized => false,
        }
    }

    /// Forgets certificates that are no longer asked about.
    pub(super) fn keep<'a>(&mut self, asked: impl FnOnce() -> Vec<Asked<'a>>) {
        if !self.revoked.is_empty() {
            let known: BTreeSet<Key> = asked().iter().map(key).collect();
            self.revoked.retain(|key| known.contains(key));
        }
    }
}

fn key(asked: &Asked<'_>) -> Key {
    (asked.issuer.spki_sha256(), asked.question().serial().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_comes_back_and_what_is_damaged_does_not() {
        let keys: [Key; 2] = [([1; 32], [5, 6].into()), ([2; 32], [9; 20].into())];
        for memory in [OcspMemory::default(), OcspMemory { revoked: keys.into(), ..OcspMemory::default() }] {
            let bytes = memory.to_bytes().unwrap();
            assert_eq!(OcspMemory::from_bytes(&bytes), Some(memory.clone()));
            for end in 0..bytes.len() {
                assert_ne!(OcspMemory::from_bytes(&bytes[..end]), Some(memory.clone()), "{end}");
            }
        }
        assert_eq!(OcspMemory::from_bytes(&[2]), None);
        assert_eq!(OcspMemory::from_bytes(&[FORMAT, 7]), None);
    }
}
