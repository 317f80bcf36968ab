//! EVerest's layout (EvseSecurity module, `lib/everest/evse_security` of its repository): `ca/v2g/V2G_ROOT_CA.pem` and
//! `ca/mo/MO_ROOT_CA.pem` below its certificate directory. It has no bundle for OEM and vehicle roots, and skips
//! cross-certificates, so none are written. Where it is configured to take the folders `ca/v2g` and `ca/mo` for its
//! stores, it reads the same files there.
//!
//! Release 2026.8 can also scan a folder of trust lists at each start, and appends their certificates to its bundles, by
//! the subject's domain component and without looking at any signature (`utils/load_ctl.cpp`, issue 2197). Where that folder is configured, a
//! `.p7c` of ours stands in it, so that what EVerest adds by itself is what the bundles hold already.
//!
//! All names are symbolic links into one directory of ours, so that all change in one step. `ca`
//! and what is below it may be links or mount points of the operator's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use ctl_core::Digest;
use ctl_core::parts::{Purpose, Use, certificates_cannot_express};
use ctl_pki::{Certificate, pem};

use super::block::{Block, LABELS, MAX_PIECES, first_element};
use super::file::{Content, Layout};
use super::form::Form;
use super::generation::{Generations, Name};
use super::plan::is_distrusted;
use super::{MAX_FILE, MAX_FILES, fingerprint};
use crate::config::FilesConfig;
use crate::error::ClientError;
use crate::files;
use crate::store::TrustStore;

/// Bundles with their place and the purpose of the anchors in them.
const BUNDLES: [(&str, &str, Purpose); 2] =
    [("V2G_ROOT_CA.pem", "ca/v2g", Purpose::V2g), ("MO_ROOT_CA.pem", "ca/mo", Purpose::Mo)];
/// The file in its folder of trust lists.
const LIST: &str = "ctl-client.p7c";
/// What its reader of lists goes by, and the purpose of the bundle that it adds to.
const COMPONENTS: [(&str, Purpose); 2] = [("V2G", Purpose::V2g), ("MO", Purpose::Mo)];
/// What PEM calls a PKCS#7 (RFC 7468 sections 8 and 9).
const LISTS: [&str; 2] = ["PKCS7", "CMS"];
const DOMAIN_COMPONENT: &str = "0.9.2342.19200300.100.1.25";
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
    form: |name| if name == LIST { Form::Pkcs7 } else { Form::Store },
    is_for,
    stores: |_, r#use| {
        BUNDLES
            .iter()
            .filter(|(_, _, of)| *of == r#use.purpose)
            .map(|(file, ..)| (*file).to_owned())
            .collect()
    },
    own_name: |_| None,
    takes_cross_certificates: false,
};

fn generations(config: &FilesConfig) -> Generations {
    let name = |file: &str, folder: PathBuf, way: PathBuf| Name {
        file: file.to_owned(),
        place: file.to_owned(),
        folder,
        way,
    };
    let base = config.path.join(OURS);
    let bundles = BUNDLES
        .iter()
        .map(|(file, folder, _)| name(file, config.path.join(folder), PathBuf::from("../..").join(OURS)));
    let list = config.ctl_folder.iter().map(|folder| name(LIST, folder.clone(), base.clone()));
    Generations::new(base.clone(), bundles.chain(list).collect())
}

fn is_for(name: &str, r#use: Use) -> bool {
    BUNDLES.iter().any(|(file, _, of)| (*file == name || name == LIST) && *of == r#use.purpose)
}

fn content<'a>(store: &'a TrustStore, config: &FilesConfig) -> Content<'a> {
    let mut content = Content::default();
    for (file, _, purpose) in BUNDLES {
        let mut bundle: BTreeMap<Digest, &Certificate> = BTreeMap::new();
        for anchor in &store.anchors {
            if !anchor.uses.iter().any(|r#use| r#use.purpose == purpose) {
                continue;
            }
            match certificates_cannot_express(&anchor.constraints) {
                // An anchor of two lists is one entry.
                None => drop(bundle.insert(anchor.fingerprint, &anchor.certificate)),
                Some(reason) => content.left_out.push((anchor.fingerprint, reason)),
            }
        }
        if bundle.len() > MAX_ENTRIES {
            content.cannot = Some(format!(
                "{file} would have {} entries, and EVerest takes {MAX_ENTRIES}: follow fewer lists, or take a \
                 `selection`",
                bundle.len()
            ));
        }
        content.files.insert(file.to_owned(), bundle.into_values().collect());
    }
    let folders = BUNDLES.iter().map(|(file, folder, _)| {
        (config.path.join(folder), *file, "EVerest trusts it where it takes this folder for its store")
    });
    let lists = config.ctl_folder.clone().map(|folder| {
        list(&mut content);
        (folder, LIST, "EVerest adds it to its bundles at each start")
    });
    for (folder, ours, effect) in folders.chain(lists) {
        match strangers(&folder, ours, effect, store) {
            Ok(found) => content.complaints.extend(found),
            Err(error) => content.complaints.push(error.to_string()),
        }
    }
    content
}

/// The file of ours in the folder of lists.
fn list(content: &mut Content<'_>) {
    let mut anchors: BTreeMap<Digest, &Certificate> = BTreeMap::new();
    for (file, _, purpose) in BUNDLES {
        for certificate in content.files.get(file).into_iter().flatten() {
            // Elsewhere its reader would add it to a bundle for which no list names it, or pass over it.
            if sorted_into(certificate) == Some(purpose) {
                anchors.insert(fingerprint(certificate), certificate);
            }
        }
    }
    content.files.insert(LIST.to_owned(), anchors.into_values().collect());
}

/// Into which bundle the reader of lists puts a certificate. It takes one of the components; with several that differ,
/// nobody should rely on which.
fn sorted_into(certificate: &Certificate) -> Option<Purpose> {
    let name = certificate.subject_name();
    let components = name.attributes().filter(|part| part.oid() == DOMAIN_COMPONENT);
    let mut found = components.map(|part| {
        let text = part.text().unwrap_or_default().to_uppercase();
        COMPONENTS.iter().find(|(component, _)| *component == text).map(|(_, purpose)| *purpose)
    });
    let first = found.next()??;
    found.all(|other| other == Some(first)).then_some(first)
}

/// Files of others beside ours from which EVerest would take what is distrusted.
fn strangers(
    folder: &Path,
    ours: &str,
    effect: &str,
    store: &TrustStore,
) -> Result<Vec<String>, ClientError> {
    let Some(opened) = files::open_directory(folder)? else { return Ok(vec![]) };
    let failed = |source| ClientError::file("read", folder, source);
    let mut names = opened.names().map_err(failed)?;
    names.retain(|name| *name != ours);
    if names.len() > MAX_FILES {
        return Err(failed(io::Error::other(format!(
            "it has more than {MAX_FILES} names: nobody looked at them"
        ))));
    }
    let mut found = Vec::new();
    for name in names {
        let shown = folder.join(&name).display().to_string();
        let bytes = match opened.read_linked(&name, MAX_FILE) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(error) => {
                found.push(format!(
                    "{shown} cannot be read ({error}), and may hold what is distrusted; {effect}: look at it, or remove it"
                ));
                continue;
            }
        };
        // It reads PKCS#7 in DER and in PEM, and else one certificate.
        let inner = pem::pieces(&bytes).filter_map(|piece| piece.block).take(MAX_PIECES);
        let (mut all, mut must_be_read) = (vec![bytes.clone()], vec![bytes.clone()]);
        for (label, content) in inner.filter_map(|block| Some((block.label, block.content.ok()?))) {
            if [&LABELS[..], &LISTS].concat().iter().any(|known| known.as_bytes() == label) {
                must_be_read.push(content.clone());
            }
            all.push(content);
        }
        let blocks: Vec<Block<'_>> = all
            .iter()
            .flat_map(|file| Form::Pkcs7.blocks(file).into_iter().chain(Form::Store.blocks(file)))
            .collect();
        let bad = blocks.iter().find(|block| is_distrusted(block, store));
        if let Some(digest) = bad.and_then(|block| block.certificate) {
            found.push(format!("{shown} holds {digest}, which is distrusted, and {effect}: remove it"));
        } else if must_be_read.iter().any(|file| is_der(file) && !is_read(file)) {
            found.push(format!(
                "{shown} holds what cannot be read here, perhaps what is distrusted; {effect}: look at it, or remove it"
            ));
        }
    }
    Ok(found)
}

/// Whether something may be a certificate or a PKCS#7: both are a SEQUENCE.
fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
}

fn is_read(bytes: &[u8]) -> bool {
    Certificate::from_der(first_element(bytes)).is_ok()
        || Form::Pkcs7.blocks(bytes).iter().all(|block| block.certificate.is_some())
}
