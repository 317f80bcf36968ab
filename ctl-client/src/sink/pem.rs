//! The `pem` layout: one file for each anchor by its fingerprint, one bundle for each use, and the
//! cross-certificates, all below `current/`.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::parts::{Use, certificates_cannot_express};

use super::file::{Content, Layout};
use super::form::Form;
use super::generation::Generations;
use crate::config::FilesConfig;
use crate::store::TrustStore;

pub(super) static LAYOUT: Layout = Layout {
    name: "pem",
    generations: |config| Generations::new(config.path.clone(), vec![]),
    content,
    form: |_| Form::Pem,
    is_for: |name, r#use| bundle_name(r#use) == name,
    stores: |_, r#use| vec![bundle_name(r#use)],
    own_name: |anchor| Some(own_name(anchor)),
    takes_cross_certificates: true,
};

/// The file of one anchor.
fn own_name(anchor: &Digest) -> String {
    format!("{anchor}.pem")
}

/// The bundle of a use: `v2g-iso15118-2.pem`.
fn bundle_name(r#use: Use) -> String {
    format!("{}-{}.pem", r#use.purpose, r#use.standard)
}

fn content<'a>(store: &'a TrustStore, _: &FilesConfig) -> Content<'a> {
    let mut content = Content::default();
    let mut taken: BTreeSet<Digest> = BTreeSet::new();
    for anchor in &store.anchors {
        if let Some(reason) = certificates_cannot_express(&anchor.constraints) {
            content.left_out.push((anchor.fingerprint, reason));
            continue;
        }
        taken.insert(anchor.fingerprint);
        let own = own_name(&anchor.fingerprint);
        for name in anchor.uses.iter().map(|r#use| bundle_name(*r#use)).chain([own]) {
            content.files.entry(name).or_default().push(&anchor.certificate);
        }
    }
    let subjects: BTreeMap<&[u8], Digest> =
        store.anchors.iter().map(|anchor| (anchor.certificate.spki_der(), anchor.fingerprint)).collect();
    for cross in &store.cross_certificates {
        // Otherwise it would lead round the constraint for which its subject was left out.
        if subjects.get(cross.spki_der()).is_some_and(|subject| taken.contains(subject)) {
            content.files.entry("cross-certificates.pem".into()).or_default().push(cross);
        }
    }
    content
}
