//! What the server serves, compared with what follows from the log, file by file.

mod freshness;
mod renditions;

use std::collections::BTreeMap;

use ctl_core::json;
use ctl_core::list::MAX_PAYLOAD;
use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::proof::MAX_PROOF_BYTES;
use ctl_core::log::tile::MAX_TILE_BYTES;
use ctl_core::log::{Checkpoint, LogKey, LogProof, Note, TileId, leaf_hash};
use ctl_core::paths;
use ctl_core::role::Role;
use ctl_core::tuf::Limits;
use ctl_replica::{Log, Replica, log_key};
use serde_json::Value;

use super::{History, Publication, document, latest};
use crate::{AdminError, difference};

/// What is served and follows from nothing that the log says for ever, so that nobody can compare it later.
const NOT_COMPARED: &str = "not compared: timestamps and snapshots before the present ones, partial tiles of earlier \
                            sizes, the views of the state below /v1 that no device and no person's tool reads";

pub(super) struct Comparison {
    pub(super) files: u64,
    pub(super) differences: Vec<String>,
    pub(super) notes: Vec<String>,
}

pub(super) struct Comparer<'a> {
    pub(super) session: &'a Replica,
    pub(super) replayed: &'a Log,
    origin: String,
    key: LogKey,
    steps: u64,
    pub(super) result: Comparison,
}

/// Compares everything.
pub(super) async fn compare(
    session: &Replica,
    replayed: &Log,
    history: &History,
    trusted_root: Option<Vec<u8>>,
) -> Result<Comparison, AdminError> {
    let publications = &history.publications;
    let (origin, key) = log_key(replayed.state())?;
    let tiles = TileId::added(0, replayed.size());
    let steps = tiles.len() + 5 * publications.len();
    let mut comparer = Comparer {
        session,
        replayed,
        origin,
        key,
        steps: steps as u64,
        result: Comparison { files: 0, differences: Vec::new(), notes: vec![NOT_COMPARED.into()] },
    };
    for tile in tiles {
        let expected = replayed.tile(tile)?;
        comparer.same(&paths::LOG.of(&[&tile.path()]), &expected, MAX_TILE_BYTES).await?;
    }
    for publication in publications {
        comparer.version(publication).await?;
    }
    let latest = latest(publications);
    for publication in &latest {
        comparer.nothing_newer(publication).await?;
    }
    let chain = comparer.chain(publications, trusted_root).await?;
    for publication in &latest {
        comparer.renditions(publication, &chain).await?;
    }
    comparer.freshness(&latest).await?;
    for publication in &latest {
        comparer.reach(publication, &history.reach).await?;
    }
    comparer.growth().await?;
    session.step("comparing what is served", comparer.steps, comparer.steps);
    Ok(comparer.result)
}

impl Comparer<'_> {
    pub(super) fn differ(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.result.differences.push(format!("{}: {problem}", self.session.transport().address(path)));
    }

    /// Fetches a file that should be there.
    async fn file(&mut self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, AdminError> {
        self.result.files += 1;
        let of = self.steps.max(self.result.files);
        self.session.step("comparing what is served", self.result.files, of);
        let found = self.session.transport().get(path, limit).await?;
        if found.is_none() {
            self.differ(path, "is missing");
        }
        Ok(found)
    }

    /// A file must be exactly these bytes.
    async fn same(&mut self, path: &str, expected: &[u8], limit: usize) -> Result<(), AdminError> {
        let Some(found) = self.file(path, limit.max(expected.len())).await? else { return Ok(()) };
        if found != expected {
            let lines = if path.ends_with("json") || path.contains("versions/") {
                difference::from_the_log(expected, &found, MAX_PAYLOAD)
            } else {
                Vec::new()
            };
            let details = if lines.is_empty() { String::new() } else { format!(": {}", lines.join("; ")) };
            self.differ(path, format_args!("is not what follows from the log{details}"));
        }
        Ok(())
    }

    /// One version of one role: metadata, document, proof.
    async fn version(&mut self, publication: &Publication) -> Result<(), AdminError> {
        let Publication { role, version, .. } = publication;
        let path = paths::metadata(*version, role);
        let limit = Limits::default().targets;
        if let Some(bytes) = self.file(&path, limit).await? {
            self.metadata(&path, &bytes, limit, publication);
        }
        let (Some(document), Some(name), Some(sequence)) =
            (document(publication), role.target_name(), publication.sequence)
        else {
            return Ok(());
        };
        let digest = ctl_core::Digest::of(document);
        self.same(&paths::TARGET.of(&[&format_args!("{digest}.{name}")]), document, MAX_PAYLOAD).await?;
        let Some(folder) = role.folder() else { return Ok(()) };
        if matches!(role, Role::List(_)) {
            self.same(&format!("{folder}/versions/{sequence}"), document, MAX_PAYLOAD).await?;
        }
        self.proof(&format!("{folder}/versions/{sequence}.tlog-proof"), publication).await
    }

    /// A TUF file must carry the rebuilt metadata and exactly the recorded signatures.
    fn metadata(&mut self, path: &str, bytes: &[u8], limit: usize, publication: &Publication) {
        let file = match json::parse(bytes, limit) {
            Ok(file) => file,
            Err(error) => return self.differ(path, error),
        };
        let signed = file.get("signed").map(json::olpc).unwrap_or_default();
        if signed != *publication.documents.metadata {
            let lines = difference::from_the_log(&publication.documents.metadata, &signed, limit);
            self.differ(path, format_args!("is not what follows from the log: {}", lines.join("; ")));
        }
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let served: BTreeMap<String, String> = file
            .get("signatures")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|signature| Some((text(signature, "keyid")?, text(signature, "sig")?)))
            .collect();
        let recorded: BTreeMap<String, String> = publication
            .record
            .metadata_signatures
            .iter()
            .map(|signature| (signature.keyid.to_string(), signature.sig.clone()))
            .collect();
        if served != recorded {
            self.differ(path, "carries other signatures than the log records");
        }
    }

    /// A proof must lead from the publication's entry to a checkpoint of this log.
    async fn proof(&mut self, path: &str, publication: &Publication) -> Result<(), AdminError> {
        let Some(bytes) = self.file(path, MAX_PROOF_BYTES).await? else { return Ok(()) };
        let index = publication.index;
        let entry = self.replayed.entry_bytes(index)?;
        let checked = LogProof::parse(&bytes)
            .and_then(|proof| Ok((proof.verify(&leaf_hash(&entry), &self.origin, &self.key)?, proof)));
        match checked {
            Err(error) => self.differ(path, error),
            Ok((checkpoint, proof)) => {
                if proof.index != index || proof.extra.as_deref() != Some(&*entry) {
                    self.differ(path, format_args!("is not about entry {index}, which records this version"));
                }
                self.checkpoint(path, &checkpoint);
            }
        }
        Ok(())
    }

    /// A signed checkpoint found anywhere must be of the history that was downloaded.
    fn checkpoint(&mut self, path: &str, checkpoint: &Checkpoint) {
        // A larger one was made while the audit ran; `growth` says so.
        let Ok(root) = self.replayed.root_at(checkpoint.size) else { return };
        if root != checkpoint.root {
            let size = checkpoint.size;
            self.differ(path, format_args!("its checkpoint of size {size} is of another history of the log"));
        }
    }

    /// There must be no metadata beyond what the log records.
    async fn nothing_newer(&mut self, publication: &Publication) -> Result<(), AdminError> {
        let path = paths::metadata(publication.version + 1, &publication.role);
        if self.session.transport().get(&path, Limits::default().targets).await?.is_some() {
            self.differ(&path, "is served, but the log records no such publication");
        }
        Ok(())
    }

    /// Whether the log grew while the audit ran.
    async fn growth(&mut self) -> Result<(), AdminError> {
        let path = paths::CHECKPOINT.plain();
        let Some(bytes) = self.file(path, MAX_NOTE_BYTES).await? else { return Ok(()) };
        match Note::parse(&bytes).and_then(|note| Checkpoint::open_note(&note, &self.origin, &self.key)) {
            Err(error) => self.differ(path, error),
            Ok(checkpoint) => {
                if checkpoint.size > self.replayed.size() {
                    self.result.notes.push(format!(
                        "the log grew from {} to {} entries during the audit: differences in what is latest may \
                         come from that, run it again",
                        self.replayed.size(),
                        checkpoint.size
                    ));
                }
                self.checkpoint(path, &checkpoint);
            }
        }
        Ok(())
    }
}
