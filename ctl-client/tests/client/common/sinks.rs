//! What the tests of sinks share.

use std::fs;
use std::path::PathBuf;

use ctl_client::sink::manifest::Manifest;
use ctl_client::sync::SyncReport;
use ctl_formats::certificates_from_pkcs7;
use ctl_pki::{Certificate, certificates_from_pem};

use super::device::Options;
use super::{Device, Repository, na};

/// EVerest's bundle of V2G roots, on a device.
pub const V2G: &str = "everest/ca/v2g/V2G_ROOT_CA.pem";

pub fn problems(report: &SyncReport) -> String {
    report.problems.iter().map(|problem| format!("{}: {}\n", problem.about, problem.error)).collect()
}

/// What a reader finds in a file of a sink, which is whole.
pub fn certificates_in(bytes: &[u8]) -> Vec<Certificate> {
    if let Ok(one) = Certificate::from_der(bytes) {
        return vec![one];
    }
    if let Ok(all) = certificates_from_pkcs7(bytes) {
        return all;
    }
    if bytes.first() == Some(&b'{') {
        let manifest = Manifest::parse(bytes).unwrap();
        let all = manifest.anchors.iter().chain(&manifest.cross_certificates);
        return all.map(|entry| Certificate::from_der(&entry.certificate.0).unwrap()).collect();
    }
    // A store that trusts nobody says so in a revocation list.
    if !bytes.windows(17).any(|part| part == b"BEGIN CERTIFICATE") {
        return vec![];
    }
    certificates_from_pem(bytes).unwrap()
}

/// A file, with the directories above it.
pub fn place(path: PathBuf, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A device whose operator said that its sinks hold nothing but what the lists say.
pub fn replacing(repository: &Repository) -> Device {
    Device::with(repository, Options { keep_foreign: false, ..Options::default() })
}

/// The repository with its next list.
pub fn with_anchors(repository: &mut Repository, names: &[&str]) -> Repository {
    repository.pass(60);
    repository.set_anchors(&na(), names);
    repository.publish(&na());
    repository.refresh();
    repository.clone()
}
