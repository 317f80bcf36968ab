//! Only some of what is trusted: the roots that somebody signed off for devices with little room
//! ([`ctl_core::selection`]). A selection leaves out, and never adds: what it names is taken if the lists trust it. One
//! that cannot be followed changes nothing but removals.

use std::collections::BTreeMap;
use std::path::Path;

use ctl_core::Digest;
use ctl_core::keys::PublicKey;
use ctl_core::parts::Purpose;
use ctl_core::selection::{MAX_BYTES, Selection};

use crate::config::SelectionConfig;
use crate::files;
use crate::store::TrustStore;

/// A file with a public key is at most so many bytes.
const MAX_KEY: usize = 4096;

/// What a selection leaves of what is trusted.
pub(super) struct Selected {
    /// The rest.
    pub(super) store: TrustStore,
    /// What is trusted and not taken.
    pub(super) left_out: Vec<(Digest, String)>,
    /// What is worth knowing.
    pub(super) notes: Vec<String>,
}

/// Follows a selection.
///
/// # Errors
/// In words, why it must not be followed, and what to do.
pub(super) fn select(config: &SelectionConfig, store: &TrustStore) -> Result<Selected, String> {
    let (file, shown) = (&config.file, config.file.display());
    let key = read(&config.key, MAX_KEY)?;
    let key = String::from_utf8(key).ok().and_then(|pem| PublicKey::from_pem(&pem).ok());
    let key = key.ok_or_else(|| format!("{} holds no public key in PEM", config.key.display()))?;
    let selection = Selection::open(&read(file, MAX_BYTES)?, &key)
        .map_err(|error| format!("the selection {shown}: {error}"))?;
    let here = store.lists.iter().find(|list| list.list == selection.list);
    let Some(list) = here else {
        return Err(format!(
            "the selection {shown} is for list {}, which this device does not follow",
            selection.list
        ));
    };
    if (selection.scheme, selection.environment) != (list.scheme, list.environment) {
        return Err(format!(
            "the selection {shown} is for another scheme: {} ({})",
            selection.scheme, selection.environment
        ));
    }
    let names: BTreeMap<Digest, &str> =
        selection.roots.iter().map(|root| (root.fingerprint, root.name.as_str())).collect();
    let mut selected = Selected { store: store.clone(), left_out: vec![], notes: vec![] };
    let narrowed = &mut selected.store;
    narrowed.anchors.retain(|anchor| names.contains_key(&anchor.fingerprint));
    // A device without the root of one end has no path through it.
    let anchors = &narrowed.anchors;
    narrowed.cross_certificates.retain(|cross| {
        anchors.iter().any(|anchor| anchor.certificate.subject_name() == cross.issuer_name())
            && anchors.iter().any(|anchor| anchor.certificate.spki_der() == cross.spki_der())
    });
    // That it takes nothing for other uses is what it says.
    let of_it = (selection.standard, Purpose::V2g);
    narrowed.listed_uses.retain(|r#use| (r#use.standard, r#use.purpose) == of_it);
    let others = store.anchors.iter().filter(|anchor| !names.contains_key(&anchor.fingerprint));
    selected.left_out =
        others.map(|anchor| (anchor.fingerprint, "the selection does not name it".to_owned())).collect();
    for (digest, name) in names {
        if !store.anchors.iter().any(|anchor| anchor.fingerprint == digest) {
            let why = store.why_not(digest, store.distrusts(digest));
            selected.notes.push(format!(
                "the selection names {} ({name}), which is not trusted here: {why}",
                digest.short()
            ));
        }
    }
    if selection.sequence != list.sequence {
        selected.notes.push(format!(
            "the selection was chosen from version {} of list {}, and {} is in force",
            selection.sequence, selection.list, list.sequence
        ));
    }
    Ok(selected)
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    match files::read(path, limit) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(format!("{} does not exist", path.display())),
        Err(error) => Err(error.to_string()),
    }
}
