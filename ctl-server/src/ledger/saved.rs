//! The snapshot of the state, so that a start need not replay the whole ledger.
//!
//! It is believed if it fits the ledger, and verified afterwards: see [`Ledger::open`](super::Ledger::open). It is
//! written in the background, from time to time and when the server stops.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use ctl_governance::{Snapshot, State, snapshot};
use ctl_host::files;

use super::error::Damage;
use super::store::StoreError;
use super::verify::{self, LogKeys, Replay};
use super::{Ledger, LogView, Shared};

/// The pause between attempts to read an entry from a failed storage.
const PAUSE: Duration = Duration::from_secs(1);

/// How much of the ledger is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Everything.
    Whole,
    /// The entries after the snapshot; those before it so far.
    Running {
        /// Verified entries.
        verified: u64,
        /// Entries before the snapshot's end.
        of: u64,
    },
    /// Something is wrong.
    Failed {
        /// Verified entries.
        verified: u64,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// The snapshot file.
#[derive(Clone, Debug)]
pub(super) struct Saved(PathBuf);

impl Saved {
    /// The file in the directory of the last checkpoint.
    pub(super) fn beside(head: &Path) -> Self {
        Self(head.with_file_name("state.snapshot"))
    }

    /// The snapshot with the log's keys; none if there is no usable one. Only to be called with the store open: removes
    /// what a killed process left half-written.
    pub(super) fn read(&self) -> Option<(Snapshot, LogKeys)> {
        files::remove_unfinished(&self.0);
        let path = self.0.display();
        let bytes = match files::read(&self.0, snapshot::MAX_BYTES) {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::warn!(%path, %error, "the snapshot cannot be read; replaying the whole ledger");
                return None;
            }
        };
        let read = snapshot::read(&bytes).map_err(|error| error.to_string()).and_then(|snapshot| {
            let keys = serde_json::from_slice(&snapshot.added).map_err(|error| error.to_string())?;
            Ok((snapshot, keys))
        });
        read.inspect_err(|error| {
            tracing::warn!(%path, error, "the snapshot cannot be used; replaying the whole ledger");
        })
        .ok()
    }

    fn write(&self, state: &State, log: &LogView, keys: &LogKeys) -> std::io::Result<()> {
        let hashes = log.hashes().map_err(std::io::Error::other)?;
        let added = serde_json::to_vec(keys)?;
        files::write_with(&self.0, files::PUBLIC, |file| snapshot::write(state, &hashes, &added, file))
    }

    /// Removes a wrong snapshot.
    pub(super) fn forget(&self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::error!(path = %self.0.display(), %error, "the wrong snapshot cannot be removed; remove it by hand");
        }
    }
}

/// When and how the ledger writes its snapshot.
pub(super) struct Saving {
    file: Option<Saved>,
    /// The log's keys, which do not change while the server runs.
    keys: LogKeys,
    /// How many entries the file covers.
    size: Mutex<u64>,
    verification: Mutex<Verification>,
}

impl Saving {
    pub(super) fn new(file: Option<Saved>, keys: LogKeys, believed: Option<&State>) -> Self {
        let size = believed.map_or(0, State::size);
        let verification = match believed {
            Some(_) => Verification::Running { verified: 0, of: size },
            None => Verification::Whole,
        };
        Self { file, keys, size: Mutex::new(size), verification: Mutex::new(verification) }
    }

    fn verification(&self) -> Verification {
        self.verification.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, verification: Verification) {
        *self.verification.lock().unwrap_or_else(PoisonError::into_inner) = verification;
    }
}

impl Ledger {
    /// How much of the ledger is verified.
    #[must_use]
    pub fn verification(&self) -> Verification {
        self.shared.saving.verification()
    }

    /// Writes the snapshot, unless it is up to date or must not be believed. Takes as long as reading it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self) -> std::io::Result<()> {
        let saving = &self.shared.saving;
        let Some(file) = &saving.file else { return Ok(()) };
        let mut size = saving.size.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.snapshot();
        let server = &now.state.charter.server;
        let same_key = crate::keys::log_key(server).is_ok_and(|key| saving.keys.of_this.last() == Some(&key));
        let wrong =
            matches!(saving.verification(), Verification::Failed { .. }) || self.went_back().is_some();
        // With another key the server must be restarted, and then replays the new entries.
        if now.size() == *size || wrong || !same_key {
            return Ok(());
        }
        file.write(&now.state, &now.log, &saving.keys)?;
        *size = now.size();
        Ok(())
    }

    /// Writes the snapshot whenever many entries were added, until dropped.
    pub async fn keep_saved(self) {
        let mut changes = self.changes();
        let mut tried = *self.shared.saving.size.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let size = *changes.borrow_and_update();
            if snapshot::is_due(tried, size) {
                tried = size;
                self.save_behind().await;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Writes it on a thread of its own. If that fails, the next start just takes longer.
    pub(super) async fn save_behind(&self) {
        let ledger = self.clone();
        let saved = tokio::task::spawn_blocking(move || ledger.save()).await;
        if let Err(error) = saved.map_err(std::io::Error::other).and_then(|saved| saved) {
            tracing::warn!(%error, "the snapshot of the state cannot be written; the next start takes longer");
        }
    }
}

/// Verifies on a thread of its own what was believed at the start: that every entry follows from those before it, that
/// the tree is theirs, and that the snapshot is their state. If anything is wrong, nothing is recorded any more, and
/// the next start verifies the whole ledger before it serves anything.
pub(super) fn verify_behind(shared: &Arc<Shared>, believed: State, keys: LogKeys) -> std::io::Result<()> {
    let shared = Arc::downgrade(shared);
    let thread = std::thread::Builder::new().name("verify".into());
    thread.spawn(move || verify_believed(&shared, &believed, &keys)).map(drop)
}

fn verify_believed(shared: &Weak<Shared>, believed: &State, keys: &LogKeys) {
    let mut replay = Replay::new();
    let of = believed.size();
    while replay.size() < of {
        // Nobody has the ledger open any more.
        let Some(shared) = shared.upgrade() else { return };
        match one_more(&shared, &mut replay) {
            Ok(()) => {
                shared.saving.set(Verification::Running { verified: replay.size(), of });
            }
            Err(None) => {
                drop(shared);
                std::thread::sleep(PAUSE);
            }
            Err(Some(damage)) => return fail(&shared, replay.size(), &damage),
        }
    }
    let Some(shared) = shared.upgrade() else { return };
    if replay.state() != Some(believed) || replay.keys() != keys {
        return fail(&shared, 0, &Damage::Snapshot(of));
    }
    tracing::info!(entries = of, "the whole ledger is verified");
    shared.saving.set(Verification::Whole);
}

/// Replays the next entry; none if the storage does not work now.
fn one_more(shared: &Shared, replay: &mut Replay) -> Result<(), Option<Damage>> {
    let index = replay.size();
    let bytes = match verify::stored(&*shared.store, index) {
        Ok(bytes) => bytes,
        Err(StoreError::DamagedEntry { index, why }) => return Err(Some(Damage::Entry { index, why })),
        Err(StoreError::Damaged(why)) => return Err(Some(Damage::Database(why))),
        Err(_) => return Err(None),
    };
    let leaf = replay.push(&bytes).map_err(Some)?;
    let log = &shared.snapshot.load().log;
    let root = replay.state().map(State::root);
    if log.leaf(index).ok() != Some(leaf) || log.root_at(index.saturating_add(1)).ok() != root {
        let why = "it is not the one in the served log".into();
        return Err(Some(Damage::Entry { index, why }));
    }
    Ok(())
}

fn fail(shared: &Shared, verified: u64, damage: &Damage) {
    if let Some(file) = &shared.saving.file {
        file.forget();
    }
    let why =
        format!("{damage}. Restart the server: it then verifies the whole ledger before it serves anything");
    shared.saving.set(Verification::Failed { verified, why: why.clone() });
    shared.set_read_only(why);
}
