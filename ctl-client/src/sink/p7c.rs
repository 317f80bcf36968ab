//! One certs-only PKCS#7 (RFC 5652) in DER with every anchor: what EST clients and older readers of lists take. It
//! says nothing of uses, so it is for readers that tell them apart by themselves.

use std::collections::BTreeMap;

use ctl_core::parts::certificates_cannot_express;

use super::file::{Content, Layout};
use super::form::Form;
use super::generation::Generations;
use crate::store::TrustStore;

pub(super) static LAYOUT: Layout = Layout {
    name: "p7c",
    generations: Generations::of_one_file,
    content: |store, config| all(store, &config.file_name()),
    form: |_| Form::Pkcs7,
    is_for: |_, _| true,
    stores: |config, _| vec![config.file_name()],
    own_name: |_| None,
    takes_cross_certificates: false,
};

/// Every anchor in one file of this name.
pub(super) fn all<'a>(store: &'a TrustStore, name: &str) -> Content<'a> {
    let mut content = Content::default();
    let mut anchors = BTreeMap::new();
    for anchor in &store.anchors {
        match certificates_cannot_express(&anchor.constraints) {
            None => drop(anchors.insert(anchor.fingerprint, &anchor.certificate)),
            Some(reason) => content.left_out.push((anchor.fingerprint, reason)),
        }
    }
    content.files.insert(name.to_owned(), anchors.into_values().collect());
    content
}
