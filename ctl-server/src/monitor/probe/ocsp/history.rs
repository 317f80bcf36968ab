//! What a responder has said before: certificates that were revoked stay so.

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_pki::revocation::RevocationReason;

use super::judge::{Asked, Expected, Said};
use crate::monitor::probe::Memory;

/// SHA-256 of the issuer's SubjectPublicKeyInfo, and the serial number.
type Key = ([u8; 32], Box<[u8]>);

/// The certificates that a responder once called revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    revoked: BTreeMap<Key, Option<RevocationReason>>,
}

impl History {
    pub(super) fn of(memory: &Memory) -> Self {
        let history = memory.0.as_ref().and_then(|memory| memory.downcast_ref::<Self>());
        history.cloned().unwrap_or_default()
    }

    pub(super) fn into_memory(self) -> Memory {
        Memory(Some(Arc::new(self)))
    }

    /// Takes in what a fresh answer says, and gives words if it takes a revocation back. One on hold may come
    /// back (RFC 5280 section 5.3.1).
    ///
    /// A certificate that is known to be revoked is found again and again while it is called good. One that is
    /// known to be in order is found once: that it flipped was wrong, that it is good now is not.
    pub(super) fn see(&mut self, asked: &Asked<'_>, said: Said) -> Option<String> {
        let key = (asked.issuer.spki_sha256(), asked.question().serial().into());
        match said {
            Said::Revoked { reason: Some(RevocationReason::CertificateHold), .. } => {
                self.revoked.remove(&key);
                None
            }
            Said::Revoked { reason, .. } => {
                self.revoked.insert(key, reason);
                None
            }
            Said::Good => {
                let reason = self.revoked.get(&key)?;
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let words = format!("it was revoked{reason} before and is good again");
                if asked.expected == Expected::Good {
                    self.revoked.remove(&key);
                }
                Some(words)
            }
            Said::Unknown | Said::Unauthorized => None,
        }
    }

    /// Forgets the certificates that are asked about no more.
    pub(super) fn keep<'a>(&mut self, asked: impl Fn() -> Vec<Asked<'a>>) {
        if self.revoked.is_empty() {
            return;
        }
        let known: Vec<Key> = asked()
            .iter()
            .map(|asked| (asked.issuer.spki_sha256(), asked.question().serial().into()))
            .collect();
        self.revoked.retain(|key, _| known.contains(key));
    }
}
