//! Application files for the roots that are new here.

use std::fs;
use std::path::{Path, PathBuf};

use ctl_core::Digest;
use ctl_core::names::{Label, ListId};
use ctl_core::parts::{Purpose, Standard, Use};
use ctl_governance::State;
use ctl_pki::Certificate;
use ctl_pki::kind::{Kind, tell};
use ctl_sources::{Contents, Said};
use serde::Serialize;

use super::report::is_root;
use super::{Found, Report, found};
use crate::applicant::application_file::ApplicationFile;
use crate::output::section;
use crate::{AdminError, files};

/// The longest part of a file's name that comes from a certificate's.
const MAX_SLUG: usize = 40;

/// What became of the file of one root.
#[derive(Debug, Serialize)]
pub struct Written {
    pub file: PathBuf,
    /// Whether it was there already, and was left as it is.
    pub kept: bool,
    /// Whether it says what the root is for; where it does not, somebody must.
    pub complete: bool,
}

/// Writes what is unknown.
pub(super) fn all(
    folder: &Path,
    contents: &Contents,
    report: &Report,
    state: &State,
    lists: &[ListId],
) -> Result<Vec<Written>, AdminError> {
    let [list] = lists else {
        let known: Vec<String> = state.charter.lists.keys().map(ToString::to_string).collect();
        let problem = format!("name the one list that the applications are for: {}", known.join(", "));
        return Err(AdminError::input("--list", problem));
    };
    let is_unknown = |fingerprint: &Digest| {
        report.certificates.iter().any(|one| one.fingerprint == *fingerprint && one.is_unknown())
    };
    let new = found(contents)
        .into_iter()
        .filter(|(fingerprint, found)| is_unknown(fingerprint) && is_root(found.certificate));
    let new: Vec<_> = new.collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    if !folder.is_dir() {
        fs::create_dir(folder).map_err(AdminError::file(folder))?;
    }
    new.iter().map(|(fingerprint, found)| one(folder, fingerprint, found, list)).collect()
}

fn one(folder: &Path, fingerprint: &Digest, found: &Found<'_>, list: &ListId) -> Result<Written, AdminError> {
    let certificate = found.certificate;
    let stem = format!("{}-{}", slug(certificate), fingerprint.to_string().get(..12).unwrap_or_default());
    let (pem, file) = (format!("{stem}.pem"), folder.join(format!("{stem}.toml")));
    let uses = uses(certificate, &found.said);
    let complete = !uses.is_empty();
    if file.exists() {
        return Ok(Written { file, kept: true, complete });
    }
    let pem_file = folder.join(&pem);
    if !pem_file.exists() {
        files::write_new(&pem_file, certificate.to_pem().as_bytes(), files::PUBLIC)?;
    }
    let application =
        ApplicationFile::new(pem, *fingerprint, list.clone(), name(certificate, fingerprint)?, &uses);
    files::write_new(&file, application.text()?.as_bytes(), files::PUBLIC)?;
    Ok(Written { file, kept: false, complete })
}

/// The name for people: the certificate's own where that can be one.
fn name(certificate: &Certificate, fingerprint: &Digest) -> Result<Label, AdminError> {
    let own = certificate.common_name().and_then(|name| name.parse::<Label>().ok());
    let plain = || format!("Root {}", fingerprint.short()).parse();
    own.map_or_else(plain, Ok).map_err(|error| AdminError::input("--prepare", error))
}

/// Small letters, digits and single hyphens: nothing that a file system or a shell reads otherwise.
fn slug(certificate: &Certificate) -> String {
    let mut slug = String::new();
    for letter in certificate.common_name().unwrap_or_default().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= MAX_SLUG {
            break;
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "root".to_owned() } else { slug.to_owned() }
}

/// What it may be meant for: as the source says, else as the certificate itself tells. Whoever signs has to know.
fn uses(certificate: &Certificate, said: &Said) -> Vec<Use> {
    let said_purposes = said.purposes.iter().filter_map(|purpose| match purpose {
        ctl_sources::Purpose::V2g => Some(Purpose::V2g),
        ctl_sources::Purpose::Mo => Some(Purpose::Mo),
        ctl_sources::Purpose::Oem => Some(Purpose::Oem),
        ctl_sources::Purpose::Vehicle => Some(Purpose::Vehicle),
        ctl_sources::Purpose::Csms
        | ctl_sources::Purpose::Manufacturer
        | ctl_sources::Purpose::PrivateEnvironment
        | ctl_sources::Purpose::Other => None,
    });
    let mut purposes: Vec<Purpose> = said_purposes.collect();
    if said.purposes.is_empty() {
        purposes.extend(match tell(certificate, None).kind {
            Some(Kind::V2gRoot) => Some(Purpose::V2g),
            Some(Kind::MoRoot) => Some(Purpose::Mo),
            Some(Kind::OemRoot) => Some(Purpose::Oem),
            _ => None,
        });
    }
    let mut standards: Vec<Standard> = said.standards.iter().copied().collect();
    if standards.is_empty() {
        let profile = ctl_policy::profile::guess(certificate.der(), None).profile;
        let is_new = profile.is_some_and(|name| name.ends_with("-20"));
        standards.push(if is_new { Standard::Iso15118_20 } else { Standard::Iso15118_2 });
    }
    let mut uses = Vec::new();
    for standard in standards {
        // ISO 15118-2 knows no vehicle chain.
        let fits = |purpose: &&Purpose| standard == Standard::Iso15118_20 || **purpose != Purpose::Vehicle;
        uses.extend(purposes.iter().filter(fits).map(|purpose| Use { standard, purpose: *purpose }));
    }
    uses.sort_unstable();
    uses
}

/// What was written, and what to do with it.
pub(super) fn text(written: &[Written]) -> String {
    let lines: Vec<String> = written
        .iter()
        .map(|one| {
            let kept = if one.kept { ", there already, left as it is" } else { "" };
            let open = if one.complete { "" } else { ", says no use: fill in what it is for" };
            format!("{}{kept}{open}", one.file.display())
        })
        .collect();
    let mut text = section("application files:", &lines);
    if let Some(first) = written.first() {
        text += "read each, complete it, and let its applicant sign: ";
        text += &format!("ctl-admin apply file {} --key KEY\n", quoted(&first.file));
    }
    text
}

/// As a shell reads it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "./_-".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
