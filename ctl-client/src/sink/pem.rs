//! The `pem` layout: one file for each anchor by its fingerprint, one bundle for each use, and the
//! cross-certificates, all below `current/`.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::parts::{Purpose, Standard, Use};

use super::Layout;
use crate::store::TrustStore;

/// The file of one anchor.
pub(super) fn own_name(anchor: &Digest) -> String {
    format!("{anchor}.pem")
}

/// The bundle of a use: `v2g-iso15118-2.pem`.
pub(super) fn bundle_name(r#use: Use) -> String {
    let purpose = match r#use.purpose {
        Purpose::V2g => "v2g",
        Purpose::Mo => "mo",
        Purpose::Oem => "oem",
        Purpose::Vehicle => "vehicle",
    };
    let standard = match r#use.standard {
        Standard::Iso15118_2 => "iso15118-2",
        Standard::Iso15118_20 => "iso15118-20",
    };
    format!("{purpose}-{standard}.pem")
}

pub(super) fn layout(store: &TrustStore) -> Layout<'_> {
    let mut layout = Layout::default();
    let mut taken: BTreeSet<Digest> = BTreeSet::new();
    for anchor in &store.anchors {
        if !anchor.constraints.is_empty() {
            layout.left_out.push((anchor.fingerprint, cannot_carry(&anchor.constraints)));
            continue;
        }
        taken.insert(anchor.fingerprint);
        let own = own_name(&anchor.fingerprint);
        for name in anchor.uses.iter().map(|r#use| bundle_name(*r#use)).chain([own]) {
            layout.files.entry(name).or_default().push(&anchor.certificate);
        }
    }
    let subjects: BTreeMap<&[u8], Digest> =
        store.anchors.iter().map(|anchor| (anchor.certificate.spki_der(), anchor.fingerprint)).collect();
    for cross in &store.cross_certificates {
        // Otherwise it would lead round the constraint for which its subject was left out.
        if subjects.get(cross.spki_der()).is_some_and(|subject| taken.contains(subject)) {
            layout.files.entry("cross-certificates.pem".into()).or_default().push(cross);
        }
    }
    layout
}

/// Why a plain certificate file cannot take an anchor.
pub(super) fn cannot_carry(constraints: &[String]) -> String {
    format!("a certificate file cannot carry its critical constraint {}", constraints.join(", "))
}
