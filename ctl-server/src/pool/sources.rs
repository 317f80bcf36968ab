//! What may be handed out at a moment, of the latest published lists. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::list::{DisclosedSubCa, ListAnchor, ListPayload};
use ctl_core::parts::{DistrustKind, Distrusted};
use ctl_core::{Digest, Timestamp};
use ctl_formats::PoolCtl;
use ctl_pki::Certificate;

/// Everything that the answers follow from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The lists, and what OPNC calls each.
    pub lists: Vec<(ListPayload, PoolCtl)>,
    /// The sub-CAs that were disclosed and not revoked, by what issued them.
    pub sub_cas: BTreeMap<Digest, Vec<DisclosedSubCa>>,
    /// The keys (SHA-256 of the SubjectPublicKeyInfo) that a notice in force suspends.
    pub suspended: BTreeSet<Digest>,
    pub now: Timestamp,
}

/// Why an anchor of a published list is not handed out at this moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    pub what: String,
    pub why: String,
}

impl Sources {
    /// Takes out of the lists what a notice in force suspends, on whatever list that was issued, and what has ended: both
    /// leave at once, while the next version of the list waits for its signatures. Tells what it was, and when the next
    /// certificate ends.
    pub fn leave(&mut self) -> (BTreeSet<Left>, Option<Timestamp>) {
        let (mut left, mut next) = (BTreeSet::new(), None);
        let (now, suspended) = (self.now, &self.suspended);
        for (list, _) in &mut self.lists {
            list.anchors.retain(|anchor| {
                // One that cannot be read is left out, and told, by whoever writes the pool.
                let Ok(certificate) = Certificate::from_der(&anchor.certificate.0) else { return true };
                let why = if suspended.contains(&Digest::from_bytes(certificate.spki_sha256())) {
                    "a notice in force suspends its key"
                } else if has_ended(&certificate, now) {
                    "its certificate has ended"
                } else {
                    soonest(&mut next, end(&certificate));
                    return true;
                };
                left.insert(Left { what: name(anchor), why: why.to_owned() });
                false
            });
        }
        (left, next)
    }

    /// Whether a certificate must not be handed out below any root: one of the lists distrusts it or its key, or a notice
    /// suspends its key.
    pub fn is_distrusted(&self, certificate: &Certificate) -> bool {
        let spki = Digest::from_bytes(certificate.spki_sha256());
        let named = [
            (DistrustKind::Certificate, Digest::from_bytes(certificate.sha256())),
            (DistrustKind::Spki, spki),
        ];
        let distrusts = |list: &ListPayload| {
            named.iter().any(|&(kind, sha256)| list.distrusted.contains(&Distrusted { kind, sha256 }))
        };
        self.suspended.contains(&spki) || self.lists.iter().any(|(list, _)| distrusts(list))
    }
}

/// Whether its last second is over.
pub(super) fn has_ended(certificate: &Certificate, now: Timestamp) -> bool {
    certificate.not_after() < now.unix()
}

/// The first moment at which it has ended.
pub(super) fn end(certificate: &Certificate) -> Timestamp {
    Timestamp::from_unix(certificate.not_after().saturating_add(1))
}

/// Keeps the earlier of two moments.
pub(super) fn soonest(next: &mut Option<Timestamp>, moment: Timestamp) {
    *next = Some(next.map_or(moment, |next| next.min(moment)));
}

fn name(anchor: &ListAnchor) -> String {
    format!("{} ({})", anchor.name, anchor.fingerprint)
}
