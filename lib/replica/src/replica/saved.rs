//! What a new process takes from the folder: the snapshot of the state, so that it does not replay what was replayed
//! before, and what follows on that.
//!
//! The snapshot is believed where it is whole, of this scheme, and of the log whose signed checkpoint the folder remembers: its
//! leaf hashes, with those of the entries behind it, must lead to that checkpoint's root. That the state in it is what
//! follows from the entries is not verified then: whoever can write to the folder could have sealed another one. A log
//! verified [afresh](super::Options::afresh) is, and the snapshot is held against it.

use std::sync::Arc;

use ctl_core::log::{Tree, leaf_hash};
use ctl_governance::snapshot;
use ctl_host::files;

use super::fold::Fold;
use super::{Log, News, Observer, Replica, signed_by_its_log};
use crate::ReplicaError;
use crate::entries::Entries;
use crate::folder::{Folder, Seen};

impl Replica {
    /// Takes in what the folder has beyond what this process has seen: from its snapshot, and replayed what follows on
    /// that.
    pub(super) async fn remember(
        &mut self,
        observer: &mut (dyn Observer + Send),
    ) -> Result<(), ReplicaError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let Some(seen) = folder.load()? else { return Ok(()) };
        if self.log.as_ref().is_some_and(|log| log.size() >= seen.checkpoint.size) {
            return Ok(());
        }
        let entries = Arc::new(folder.entries()?);
        let mut believed = None;
        if let Some(fold) = self.saved_state(folder, &entries, &seen) {
            let size = fold.tree.size();
            match self.recall(fold, &entries, &seen, observer).await.and_then(signed_by_its_log) {
                Ok(log) => believed = Some((size, log)),
                Err(why) => self.not_taken(folder, &why),
            }
        }
        if let Some((size, log)) = believed {
            (self.saved, self.log) = (Some(size), Some(log));
        } else {
            let log = self.recall(self.fold(), &entries, &seen, observer).await;
            self.log = Some(log.map_err(|why| folder.damaged(why))?);
        }
        Ok(())
    }

    /// The log up to the checkpoint that the folder remembers, from what is replayed of it.
    async fn recall(
        &self,
        fold: Fold,
        entries: &Arc<Entries>,
        seen: &Seen,
        observer: &mut (dyn Observer + Send),
    ) -> Result<Log, String> {
        let fold = self.replay(fold, entries, seen.checkpoint.size, observer).await;
        let fold = fold.map_err(|error| error.to_string())?;
        if fold.tree.root() != seen.checkpoint.root {
            return Err("the entries do not lead to the checkpoint's root".into());
        }
        let Fold { state: Some(state), tree, waypoints, .. } = fold else {
            return Err("it is empty".into());
        };
        let (entries, Seen { note, checkpoint, since }) = (Arc::clone(entries), seen.clone());
        Ok(Log { state, entries, waypoints, tree, checkpoint, note, since })
    }

    /// What the folder's snapshot begins a replay with; none if there is none to be believed, or if what is replayed
    /// must be replayed from the first entry on.
    fn saved_state(&self, folder: &Folder, entries: &Entries, seen: &Seen) -> Option<Fold> {
        if self.log.is_some() || self.afresh {
            return None;
        }
        self.read_bound(folder, entries, seen).unwrap_or_else(|why| {
            self.not_taken(folder, &why);
            None
        })
    }

    fn read_bound(&self, folder: &Folder, entries: &Entries, seen: &Seen) -> Result<Option<Fold>, String> {
        let Some(snapshot::Snapshot { state, tree: kept, .. }) = read(folder)? else { return Ok(None) };
        let (size, remembered) = (state.size(), seen.checkpoint.size);
        if state.scheme != self.scheme {
            return Err(format!("it is of scheme {}", state.scheme));
        }
        if size > remembered {
            return Err(format!("it is of {size} entries, and {remembered} are remembered"));
        }
        // Made again from the leaves: the hashes above them are sealed with the state, which anybody can do.
        let mut tree = Tree::new();
        for index in 0..size {
            tree.push(kept.leaf(index).map_err(|error| error.to_string())?);
        }
        let root = tree.root();
        let mut whole = tree.clone();
        for index in size..remembered {
            let entry = entries.read(index).map_err(|error| format!("entry {index}: {error}"))?;
            whole.push(leaf_hash(&entry));
        }
        if root != state.root() || whole.root() != seen.checkpoint.root {
            return Err("it, or what follows on it, is not of the log whose checkpoint is remembered".into());
        }
        Ok(Some(Fold::from(state, tree)))
    }

    fn not_taken(&self, folder: &Folder, why: &str) {
        let path = folder.snapshot_path();
        self.tell(format!(
            "the state snapshot {} is not taken ({why}); the log is replayed from its beginning",
            path.display()
        ));
    }

    pub(crate) fn set_aside(&self, what: String) {
        (self.listener)(&News::SetAside(what));
    }

    pub(crate) fn tell(&self, what: String) {
        (self.listener)(&News::Memory(what));
    }

    /// Writes the snapshot if there is none to be believed, or if the log has grown enough since. Without it, only the
    /// next process takes longer.
    pub(super) fn save_state(&mut self) {
        let (Some(folder), Some(log)) = (&self.folder, &self.log) else { return };
        let size = log.size();
        if self.saved.is_some_and(|saved| !snapshot::is_due(saved, size)) {
            return;
        }
        let path = folder.snapshot_path();
        files::remove_unfinished(&path);
        let hashes = log.tree.hashes(size).map_err(std::io::Error::other);
        let written = hashes.and_then(|hashes| {
            files::write_with(&path, files::SECRET, |file| snapshot::write(&log.state, &hashes, &[], file))
        });
        if let Err(error) = written {
            self.tell(format!(
                "the state snapshot {} is not written ({error}); the next process replays the log",
                path.display()
            ));
        }
        self.saved = Some(size);
    }

    /// Holds the entries in the folder against those that were downloaded afresh and take their place: the first of
    /// them that is damaged is told.
    pub(super) fn compare_entries(&self, size: u64, afresh: &Tree) -> Result<(), ReplicaError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let entries = folder.entries()?;
        for index in 0..size {
            let leaf = afresh.leaf(index)?;
            if !entries.read(index).is_ok_and(|entry| leaf_hash(&entry) == leaf) {
                let folder = folder.directory().display();
                self.tell(format!("{folder}: entry {index} was not what was written; all are replaced"));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Holds the folder's snapshot against a log that was verified afresh. One that is wrong is removed.
    pub(super) fn compare_state(&self, folder: &Folder, log: &Log) -> Result<(), ReplicaError> {
        let path = folder.snapshot_path();
        let path = path.display();
        let saved = match read(folder) {
            Ok(Some(saved)) => saved,
            Ok(None) => return Ok(()),
            Err(why) => {
                self.tell(format!("the state snapshot {path} could not be read ({why}); it is written anew"));
                return Ok(());
            }
        };
        let size = saved.state.size();
        let (mut state, mut tree) = (false, false);
        if (1..=log.size()).contains(&size) {
            log.prefixes(&[size], |_, true_state| state = saved.state == *true_state)?;
            tree = saved.tree.hashes(size)? == log.tree.hashes(size)?;
        }
        if !(state && tree) {
            let what = if state { "the tree" } else { "the state" };
            (self.listener)(&News::Forged(format!(
                "{what} in the state snapshot {path} is not that of the first {size} entries of the log: what tools \
                 showed that went on from it may be wrong. It is replaced; find out who can write to the folder"
            )));
            folder.remove_snapshot()?;
        }
        Ok(())
    }
}

fn read(folder: &Folder) -> Result<Option<snapshot::Snapshot>, String> {
    let bytes =
        files::read(&folder.snapshot_path(), snapshot::MAX_BYTES).map_err(|error| error.to_string())?;
    bytes.map(|bytes| snapshot::read(&bytes).map_err(|error| error.to_string())).transpose()
}
