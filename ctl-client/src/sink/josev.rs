//! Josev's layout (EcoG's iso15118, `iso15118/shared/security.py`, `CertPath`): `iso15118_2/certs/` and
//! `iso15118_20/certs/` below its `PKI_PATH`. Its TLS contexts load the `.pem`, which takes several roots and which
//! they fail at when it is empty or missing; the `.der` take one root each. Where one of those is missing, Josev leaves the judgement
//! to the back end, so that is how it is told that no root is trusted here. It reads no cross-certificates.
//!
//! Release 0.31 reads the first folder only, whatever the session speaks.

use std::path::PathBuf;

use ctl_core::parts::{Purpose, Standard, Use, certificates_cannot_express};

use super::file::{Content, Layout};
use super::form::Form;
use super::generation::{Generations, Name};
use crate::config::FilesConfig;
use crate::store::TrustStore;

/// The folders, and the standard of the anchors in them.
const FOLDERS: [(&str, Standard); 2] =
    [("iso15118_2", Standard::Iso15118_2), ("iso15118_20", Standard::Iso15118_20)];
/// The files of each, and the purposes of the anchors in them: with the OEMs' `.pem` a charger judges the vehicle as
/// TLS client.
const FILES: [(&str, Form, &[Purpose]); 5] = [
    ("v2gRootCACert.pem", Form::Store, &[Purpose::V2g]),
    ("v2gRootCACert.der", Form::Der, &[Purpose::V2g]),
    ("moRootCACert.der", Form::Der, &[Purpose::Mo]),
    ("oemRootCACert.pem", Form::Store, &[Purpose::Oem, Purpose::Vehicle]),
    ("oemRootCACert.der", Form::Der, &[Purpose::Oem]),
];
/// The directory of generations.
const OURS: &str = ".ctl-client";

pub(super) static LAYOUT: Layout = Layout {
    name: "josev",
    generations,
    content,
    form: |name| all().find(|file| file.name() == name).map_or(Form::Store, |file| file.form),
    is_for: |name, r#use| all().any(|file| file.name() == name && file.takes(r#use)),
    stores: |_, r#use| all().filter(|file| file.takes(r#use)).map(File::name).collect(),
    own_name: |_| None,
    takes_cross_certificates: false,
};

/// One file of the layout.
#[derive(Clone, Copy)]
struct File {
    folder: &'static str,
    standard: Standard,
    file: &'static str,
    form: Form,
    purposes: &'static [Purpose],
}

impl File {
    /// Its name in a generation, where both folders are one.
    fn name(self) -> String {
        format!("{}-{}", self.folder, self.file)
    }

    fn takes(self, r#use: Use) -> bool {
        r#use.standard == self.standard && self.purposes.contains(&r#use.purpose)
    }
}

fn all() -> impl Iterator<Item = File> {
    FOLDERS.iter().flat_map(|&(folder, standard)| {
        FILES.iter().map(move |&(file, form, purposes)| File { folder, standard, file, form, purposes })
    })
}

fn generations(config: &FilesConfig) -> Generations {
    let names = all().map(|file| Name {
        file: file.name(),
        place: file.file.to_owned(),
        folder: config.path.join(file.folder).join("certs"),
        way: PathBuf::from("../..").join(OURS),
    });
    Generations::new(config.path.join(OURS), names.collect())
}

fn content<'a>(store: &'a TrustStore, _: &FilesConfig) -> Content<'a> {
    let mut content = Content::default();
    for file in all() {
        let anchors = content.files.entry(file.name()).or_default();
        for anchor in store.anchors.iter().filter(|anchor| anchor.uses.iter().any(|r#use| file.takes(*r#use)))
        {
            match certificates_cannot_express(&anchor.constraints) {
                // An anchor of two lists is one certificate.
                None if anchors.contains(&&anchor.certificate) => {}
                None => anchors.push(&anchor.certificate),
                Some(reason) => content.left_out.push((anchor.fingerprint, reason)),
            }
        }
    }
    content.left_out.sort();
    content.left_out.dedup();
    content
}
