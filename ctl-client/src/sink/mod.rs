//! Where verified anchors go: a sink has a layout, which says what files it is made of, and one way
//! of changing them, which is in one step.

mod everest;
mod generation;
mod pem;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ctl_core::Digest;
use ctl_pki::{Certificate, certificate_from_bytes};

use crate::config::{SinkConfig, SinkKind};
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::store::TrustStore;
use generation::Generations;

/// A file of a sink is at most so many bytes.
const MAX_FILE: usize = 16 * 1024 * 1024;
/// A sink has at most so many files.
const MAX_FILES: usize = 10_000;

/// The files that a layout is made of, and the anchors that it could not take.
#[derive(Clone, Debug, Default)]
pub struct Layout<'a> {
    /// Certificates by file name.
    pub files: BTreeMap<String, Vec<&'a Certificate>>,
    /// Anchors that were left out: name and reason.
    pub left_out: Vec<(Digest, String)>,
}

/// What a sink should hold, compared with what it holds.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bytes by file name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Fingerprints of what we put there.
    pub ours: BTreeSet<Digest>,
    /// Fingerprints of everything that this client ever put there, this plan included.
    pub placed: BTreeSet<Digest>,
    /// Fingerprints of what others put there, and stays.
    pub foreign: BTreeSet<Digest>,
    /// Anchors that this layout cannot take, and why.
    pub left_out: Vec<(Digest, String)>,
    /// Whether the sink is as it should be already.
    pub in_place: bool,
}

/// One place that anchors are written to.
#[derive(Clone, Debug)]
pub struct Sink {
    config: SinkConfig,
}

impl Sink {
    /// As configured.
    #[must_use]
    pub const fn new(config: SinkConfig) -> Self {
        Self { config }
    }

    /// Its name in messages and in the state.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = match self.config.kind {
            SinkKind::Pem => "pem",
            SinkKind::Everest => "everest",
        };
        format!("{kind} {}", self.config.path.display())
    }

    /// The command after a change; empty for none.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.config.run_after_change
    }

    fn generations(&self) -> Generations {
        match self.config.kind {
            SinkKind::Pem => Generations::new(self.config.path.clone(), vec![]),
            SinkKind::Everest => everest::generations(&self.config.path),
        }
    }

    /// What the sink should hold. `placed` are the fingerprints of everything that this client
    /// remembers to have put there; the sink remembers them too, should the state be lost. What is
    /// there and not among them belongs to somebody else.
    ///
    /// # Errors
    /// [`ClientError::WouldBeEmpty`], [`ClientError::Sink`], [`ClientError::File`]. The sink is left
    /// alone then.
    pub fn plan(&self, store: &TrustStore, placed: &BTreeSet<Digest>) -> Result<Plan, ClientError> {
        let layout = match self.config.kind {
            SinkKind::Pem => pem::layout(store),
            SinkKind::Everest => everest::layout(store).map_err(|problem| self.error(problem))?,
        };
        let generations = self.generations();
        let present = generations.present()?;
        let ours: BTreeSet<Digest> = layout.files.values().flatten().map(|c| fingerprint(c)).collect();
        let mut placed: BTreeSet<Digest> = placed | &generations.placed();
        placed.extend(&ours);
        let was_empty = present.values().all(|bytes| certificates(bytes).is_empty());

        let mut wanted: BTreeMap<String, Vec<Certificate>> = layout
            .files
            .into_iter()
            .map(|(name, certificates)| (name, certificates.into_iter().cloned().collect()))
            .collect();
        let mut foreign = BTreeSet::new();
        if self.config.keep_foreign {
            for (name, bytes) in &present {
                let theirs = certificates(bytes).into_iter().filter(|certificate| {
                    let digest = fingerprint(certificate);
                    !placed.contains(&digest) && !store.is_distrusted(certificate)
                });
                for certificate in theirs {
                    foreign.insert(fingerprint(&certificate));
                    wanted.entry(name.clone()).or_default().push(certificate);
                }
            }
        }
        if !was_empty && store.listed > 0 && wanted.values().all(Vec::is_empty) {
            return Err(ClientError::WouldBeEmpty { sink: self.name(), listed: store.listed });
        }
        let files: BTreeMap<String, Vec<u8>> =
            wanted.into_iter().map(|(name, certificates)| (name, bundle(certificates))).collect();
        let in_place = files == present;
        Ok(Plan { files, ours, placed, foreign, left_out: layout.left_out, in_place })
    }

    /// Writes what was planned, in one step: readers and power cuts see the former content or this.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn apply(&self, files: &dyn Files, plan: &Plan) -> Result<(), ClientError> {
        let generations = self.generations();
        generations.remember(files, &plan.placed)?;
        generations.publish(files, &plan.files)
    }

    fn error(&self, problem: String) -> ClientError {
        ClientError::Sink { sink: self.name(), problem }
    }
}

/// A certificate's SHA-256.
#[must_use]
pub fn fingerprint(certificate: &Certificate) -> Digest {
    Digest::from_bytes(certificate.sha256())
}

/// One PEM file, each certificate once, by fingerprint, so that equal content is equal bytes.
fn bundle(certificates: Vec<Certificate>) -> Vec<u8> {
    let sorted: BTreeMap<Digest, Certificate> =
        certificates.into_iter().map(|certificate| (fingerprint(&certificate), certificate)).collect();
    sorted.values().map(Certificate::to_pem).collect::<String>().into_bytes()
}

/// Every certificate of a file that others may have written. What cannot be read is passed over: it
/// must not keep a suspension from taking effect.
fn certificates(pem: &[u8]) -> Vec<Certificate> {
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let mut certificates = Vec::new();
    let mut rest = pem;
    while let Some(at) = rest.windows(END.len()).position(|window| window == END) {
        let (block, after) = rest.split_at(at.saturating_add(END.len()));
        certificates.extend(certificate_from_bytes(block));
        rest = after;
    }
    certificates
}

/// The regular files of a directory, with their bytes.
fn read_folder(folder: &std::path::Path) -> Result<BTreeMap<String, Vec<u8>>, ClientError> {
    let mut found = BTreeMap::new();
    let failed = |source| ClientError::file("read", folder, source);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        other => other.map_err(failed)?,
    };
    for entry in entries.take(MAX_FILES) {
        let entry = entry.map_err(failed)?;
        let path: PathBuf = entry.path();
        let (Ok(name), true) = (entry.file_name().into_string(), path.is_file()) else { continue };
        if let Some(bytes) = files::read(&path, MAX_FILE)? {
            found.insert(name, bytes);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    proptest! {
        #[test]
        fn whatever_others_wrote_is_read_without_harm(
            bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..80,
        ) {
            prop_assert!(certificates(&bytes).is_empty());
            let mut near = PEM.as_bytes().to_vec();
            near.splice(at.min(near.len()).., bytes);
            prop_assert!(certificates(&near).is_empty());
        }
    }
}
