//! What is trusted as one JSON document, for a TLS stack or a program that needs nothing else: each certificate with its uses,
//! its status, and the names by which TLS and OCPP ask for it. The form is described in `docs/cpos-and-oems.md`.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::list::Identifiers;
use ctl_core::names::{Environment, ListId};
use ctl_core::parts::{AnchorStatus, Der, Use, certificates_cannot_express};
use ctl_core::{Digest, Timestamp};

use ctl_pki::{Certificate, readable};
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::file::{Content, Layout};
use super::fingerprint;
use super::form::Form;
use super::generation::Generations;
use crate::ask::HashData;
use crate::store::{ListVersion, TrustStore};

/// The value of `type`.
pub const TYPE: &str = "ctl-client-manifest";
/// The value of `format`. Members may be added without a new one; what is said by those of today stays.
pub const FORMAT: u32 = 1;

/// The one file of a sink of this kind.
pub(super) static LAYOUT: Layout = Layout {
    name: "manifest",
    generations: Generations::of_one_file,
    content: |store, config| super::p7c::all(store, &config.file_name()),
    form: |_| Form::Manifest,
    is_for: |_, _| true,
    stores: |config, _| vec![config.file_name()],
    own_name: |_| None,
    takes_cross_certificates: false,
};

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`TYPE`].
    pub r#type: String,
    /// [`FORMAT`].
    pub format: u32,
    /// The scheme, as the lists name it; none without lists.
    pub scheme: Option<Digest>,
    /// Test or production.
    pub environment: Option<Environment>,
    /// The versions of the lists that this follows from.
    pub lists: Vec<Version>,
    /// What is trusted, by fingerprint.
    pub anchors: Vec<Entry>,
    /// What may stand between an anchor and a chain.
    pub cross_certificates: Vec<Entry>,
}

/// A version of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The list.
    pub list: ListId,
    /// Its number.
    pub sequence: u64,
    /// When it was drafted.
    pub issued_at: Timestamp,
    /// When a newer one is due.
    pub next_update: Timestamp,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// The certificate in DER.
    pub certificate: Der,
    /// Its subject, for people.
    pub subject: String,
    /// Its issuer, for people.
    pub issuer: String,
    /// The serial number in hex.
    pub serial_number: String,
    /// When its validity begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// What it is trusted for; empty for a cross-certificate.
    pub uses: BTreeSet<Use>,
    /// By which list it is trusted, and how.
    pub trusted_by: Vec<TrustedBy>,
    /// How a client names it to a server with TLS 1.2 (RFC 6066 section 6).
    pub trusted_ca_keys: TrustedCaKeys,
    /// How a peer names it with TLS 1.3 (RFC 8446 section 4.2.4): the subject's name in DER.
    pub certificate_authorities: Der,
    /// OCPP's `CertificateHashData`, by which a station is told to delete it; none where the issuer is another.
    pub certificate_hash_data: Option<HashData>,
}

/// A list's word on an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedBy {
    /// The list.
    pub list: ListId,
    /// Its name there.
    pub name: String,
    /// Who operates it.
    pub operator: String,
    /// Its status.
    pub status: AnchorStatus,
    /// Since when.
    pub since: Timestamp,
}

/// The three names of an authority in `trusted_ca_keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedCaKeys {
    /// The subject's name in DER.
    pub x509_name: Der,
    /// SHA-1 of the certificate, in hex.
    pub cert_sha1_hash: String,
    /// SHA-1 of the public key's bits, in hex.
    pub key_sha1_hash: String,
}

impl Entry {
    /// A certificate with what a store says of it.
    pub(super) fn of(certificate: &Certificate, store: &TrustStore) -> Self {
        let digest = fingerprint(certificate);
        // With constraints it stands beside as another entry of the store, which this file cannot take.
        let here = store.anchors.iter().filter(|anchor| {
            anchor.fingerprint == digest && certificates_cannot_express(&anchor.constraints).is_none()
        });
        let Identifiers { certificate_sha1, public_key_sha1, subject } = Identifiers::of(certificate);
        Self {
            fingerprint: digest,
            certificate: Der(certificate.der().to_vec()),
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer().to_owned(),
            serial_number: certificate.serial_hex().to_owned(),
            not_before: Timestamp::from_unix(certificate.not_before()),
            not_after: Timestamp::from_unix(certificate.not_after()),
            uses: here.clone().flat_map(|anchor| anchor.uses.iter().copied()).collect(),
            trusted_by: here
                .map(|anchor| TrustedBy {
                    list: anchor.list.clone(),
                    name: anchor.name.clone(),
                    operator: anchor.operator.clone(),
                    status: anchor.status,
                    since: anchor.since,
                })
                .collect(),
            certificate_authorities: subject.clone(),
            trusted_ca_keys: TrustedCaKeys {
                x509_name: subject,
                cert_sha1_hash: certificate_sha1,
                key_sha1_hash: public_key_sha1,
            },
            certificate_hash_data: certificate.is_self_issued().then(|| HashData {
                hash_algorithm: "SHA256".into(),
                issuer_name_hash: Digest::of(certificate.issuer_der()).to_string(),
                issuer_key_hash: Digest::of(certificate.public_key_bits()).to_string(),
                serial_number: certificate.serial_hex().to_owned(),
            }),
        }
    }

    fn is_anchor(&self) -> bool {
        !self.trusted_by.is_empty()
    }
}

impl Manifest {
    /// Reads one.
    ///
    /// # Errors
    /// In words: it is none, or of a format that this release does not know.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match (manifest.r#type.as_str(), manifest.format) {
            (TYPE, FORMAT) => Ok(manifest),
            (found, format) => {
                Err(format!("it is a {found:?} of format {format}, not a {TYPE:?} of {FORMAT}"))
            }
        }
    }

    /// All certificates.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.anchors.iter().chain(&self.cross_certificates)
    }
}

/// Its entries, each with what it says as JSON.
pub(super) fn blocks(file: &[u8]) -> Vec<Block<'_>> {
    let Ok(manifest) = Manifest::parse(file) else {
        return if file.is_empty() { vec![] } else { vec![Block::other(file)] };
    };
    let block = |entry: &Entry| Block {
        bytes: ctl_core::json::canonical(entry).into(),
        // By what it holds, whatever name it gives it.
        certificate: Some(Digest::of(&entry.certificate.0)),
        parsed: Certificate::from_der(&entry.certificate.0).ok().map(Box::new),
    };
    manifest.entries().map(block).collect()
}

/// A manifest of what it said before of these, and of these.
pub(super) fn write(
    kept: &[&Block<'_>],
    ours: &[&Certificate],
    store: &TrustStore,
) -> Result<Vec<u8>, String> {
    let mut entries: BTreeMap<Digest, Entry> = BTreeMap::new();
    for block in kept {
        let entry: Entry = serde_json::from_slice(&block.bytes).map_err(|error| error.to_string())?;
        entries.insert(entry.fingerprint, entry);
    }
    entries.extend(ours.iter().map(|one| (fingerprint(one), Entry::of(one, store))));
    let (anchors, cross_certificates) = entries.into_values().partition(Entry::is_anchor);
    let first = store.lists.first();
    let manifest = Manifest {
        r#type: TYPE.into(),
        format: FORMAT,
        scheme: first.map(|list| list.scheme),
        environment: first.map(|list| list.environment),
        lists: store.lists.iter().map(version).collect(),
        anchors,
        cross_certificates,
    };
    let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(|error| error.to_string())?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn version(list: &ListVersion) -> Version {
    let ListVersion { list, sequence, issued_at, next_update, .. } = list.clone();
    Version { list, sequence, issued_at, next_update }
}

/// Its certificates, if each is what its entry says.
pub(super) fn read(file: &[u8]) -> Result<Vec<Certificate>, String> {
    let manifest = Manifest::parse(file)?;
    let read = |entry: &Entry| {
        let certificate = readable(&entry.certificate.0).map_err(|reason| reason.to_string())?;
        match fingerprint(&certificate) == entry.fingerprint {
            true => Ok(certificate),
            false => Err(format!("{} is the name of another certificate", entry.fingerprint)),
        }
    };
    manifest.entries().map(read).collect()
}

/// What is named in the manifest of a folder: every anchor that stands in its files, and every cross-certificate.
pub(super) fn beside<'a>(content: &mut Content<'a>, name: &str) {
    let all: BTreeMap<Digest, &'a Certificate> =
        content.files.values().flatten().map(|one| (fingerprint(one), *one)).collect();
    content.files.insert(name.to_owned(), all.into_values().collect());
}
