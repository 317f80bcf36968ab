//! EVerest's layout (EvseSecurity module, `lib/everest/evse_security` of its repository): `ca/v2g/V2G_ROOT_CA.pem` and
//! `ca/mo/MO_ROOT_CA.pem` below its certificate directory. It has no bundle for OEM and vehicle roots, and skips
//! cross-certificates, so none are written. Where it is configured to take the folders `ca/v2g` and `ca/mo` for its
//! stores, it reads the same files there.
//!
//! Both names are symbolic links into one directory of ours, so that both change in one step. `ca`
//! and what is below it may be links or mount points of the operator's.

use std::path::PathBuf;

use ctl_core::parts::{Purpose, Use, certificates_cannot_express};

use super::file::{Content, Layout};
use super::form::Form;
use super::generation::{Generations, Name};
use crate::config::FilesConfig;
use crate::store::TrustStore;

/// Bundles with their place and the purpose of the anchors in them.
const BUNDLES: [(&str, &str, Purpose); 2] =
    [("V2G_ROOT_CA.pem", "ca/v2g", Purpose::V2g), ("MO_ROOT_CA.pem", "ca/mo", Purpose::Mo)];
/// The directory of generations.
const OURS: &str = ".ctl-client";
/// EVerest's store takes no more entries.
const MAX_ENTRIES: usize = 2000;

/// Its reader wants both bundles, and makes an empty file where there is none; its modules for the vehicle fail at an
/// empty one.
pub(super) static LAYOUT: Layout = Layout {
    name: "everest",
    generations,
    content,
    form: |_| Form::Store,
    is_for,
    own_name: |_| None,
    wants_empty_files: true,
};

fn generations(config: &FilesConfig) -> Generations {
    let names = BUNDLES.map(|(file, folder, _)| Name {
        file: file.to_owned(),
        place: file.to_owned(),
        folder: config.path.join(folder),
        way: PathBuf::from("../..").join(OURS),
    });
    Generations::new(config.path.join(OURS), names.into())
}

fn is_for(name: &str, r#use: Use) -> bool {
    BUNDLES.iter().any(|(file, _, of)| *file == name && *of == r#use.purpose)
}

fn content<'a>(store: &'a TrustStore, _: &FilesConfig) -> Result<Content<'a>, String> {
    let mut content = Content::default();
    for (file, _, purpose) in BUNDLES {
        let bundle = content.files.entry(file.to_owned()).or_default();
        for anchor in &store.anchors {
            if !anchor.uses.iter().any(|r#use| r#use.purpose == purpose) {
                continue;
            }
            match certificates_cannot_express(&anchor.constraints) {
                None => bundle.push(&anchor.certificate),
                Some(reason) => content.left_out.push((anchor.fingerprint, reason)),
            }
        }
        if bundle.len() > MAX_ENTRIES {
            return Err(format!("{file} would have {} entries, EVerest takes {MAX_ENTRIES}", bundle.len()));
        }
    }
    Ok(content)
}
