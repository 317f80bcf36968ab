//! The log as verified and replayed.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use ctl_core::log::checkpoint::cosignatures;
use ctl_core::log::{Checkpoint, Note, Tree, leaf_hash};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::{Basis, Entry};

use super::fold::witness_keys;
use crate::entries::Entries;
use crate::folder::damaged;
use crate::{Proof, ReplicaError};

/// The log as verified and replayed. Its entries are on disk.
#[derive(Clone, Debug)]
pub struct Log {
    pub(super) state: State,
    pub(super) entries: Arc<Entries>,
    pub(super) waypoints: Vec<State>,
    pub(super) tree: Tree,
    pub(super) checkpoint: Checkpoint,
    pub(super) note: Note,
    pub(super) since: Timestamp,
}

impl Log {
    /// What follows from the log, as of its last entry.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The state at a later moment: votes closed, notices expired.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Cow<'_, State> {
        self.state.at(now.max(self.state.clock))
    }

    /// The checkpoint over the log: its name, number of entries and root.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The same as it was signed and cosigned.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// When this checkpoint was seen first, by this replica's clock: how long ago says how old it is at least.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The bytes of an entry, as they are on disk: held against its leaf hash.
    ///
    /// # Errors
    /// There is no such entry, or it cannot be read.
    pub fn entry_bytes(&self, index: u64) -> Result<Vec<u8>, ReplicaError> {
        let leaf = self.leaf(index)?;
        let read = self.entries.read(index);
        let read = read.and_then(|bytes| {
            let damaged = || io::Error::other("is not what was written");
            (leaf_hash(&bytes) == leaf).then_some(bytes).ok_or_else(damaged)
        });
        read.map_err(|error| damaged(self.entries.directory(), format!("entry {index}: {error}")))
    }

    /// An entry, parsed.
    ///
    /// # Errors
    /// As [`Log::entry_bytes`].
    pub fn entry(&self, index: u64) -> Result<Entry, ReplicaError> {
        Entry::parse(&self.entry_bytes(index)?)
            .map_err(|e| ReplicaError::Violation(format!("entry {index} of the log: {e}")))
    }

    /// Gives the states that the log had at these sizes, in ascending order, each with its place in `sizes`. All of them
    /// together cost one pass over the log at most; nothing is verified again.
    ///
    /// # Errors
    /// The log is smaller, or an entry cannot be read.
    pub fn prefixes(&self, sizes: &[u64], mut give: impl FnMut(usize, &State)) -> Result<(), ReplicaError> {
        let mut order: Vec<(u64, usize)> = sizes.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let mut at: Option<Cow<'_, State>> = None;
        for (size, place) in order {
            if size == self.size() {
                give(place, &self.state);
                continue;
            }
            let reached = at.as_ref().map_or(0, |state| state.size());
            let waypoint = self.waypoints.iter().rev().find(|state| state.size() <= size);
            if let Some(waypoint) = waypoint.filter(|waypoint| waypoint.size() > reached) {
                at = Some(Cow::Borrowed(waypoint));
            }
            let mut state = match at.take() {
                Some(state) => state,
                None => {
                    let founded = ctl_governance::genesis(&self.entry(0)?);
                    Cow::Owned(
                        founded.map_err(|e| ReplicaError::Violation(format!("entry 0 of the log: {e}")))?,
                    )
                }
            };
            for index in state.size()..size {
                let entry = self.entry(index)?;
                state.to_mut().apply(&entry);
            }
            give(place, &state);
            at = Some(state);
        }
        Ok(())
    }

    /// The leaf hash of an entry.
    ///
    /// # Errors
    /// There is no such entry.
    pub fn leaf(&self, index: u64) -> Result<Digest, ReplicaError> {
        Ok(self.tree.leaf(index)?)
    }

    /// The root that the log had at this size.
    ///
    /// # Errors
    /// The log is smaller than that.
    pub fn root_at(&self, size: u64) -> Result<Digest, ReplicaError> {
        Ok(self.tree.root_at(size)?)
    }

    /// The proof that an entry is in the log of this checkpoint.
    ///
    /// # Errors
    /// There is no such entry.
    pub fn inclusion_proof(&self, index: u64) -> Result<Vec<Digest>, ReplicaError> {
        Ok(self.tree.inclusion_proof(index, self.size())?)
    }

    /// The bytes of a tile of the log, as it is served.
    ///
    /// # Errors
    /// There is no such tile.
    pub fn tile(&self, tile: ctl_core::log::TileId) -> Result<Vec<u8>, ReplicaError> {
        Ok(tile.bytes(&self.tree)?)
    }

    /// Where a statement of this identity stands, and its entry; none if it is not in the log.
    ///
    /// # Errors
    /// What was remembered cannot be read.
    pub fn find(&self, statement: &Digest) -> Result<Option<(u64, Entry)>, ReplicaError> {
        if !self.state.is_recorded(statement) {
            return Ok(None);
        }
        // What people look for was said lately.
        for index in (0..self.size()).rev() {
            let entry = self.entry(index)?;
            if entry.statement.id == *statement {
                return Ok(Some((index, entry)));
            }
        }
        Ok(None)
    }

    /// How the checkpoint vouches for the log: its size and root, and who cosigned it.
    #[must_use]
    pub fn proof(&self) -> Proof {
        let seen = cosignatures(&self.note, &witness_keys(&self.state));
        Proof {
            size: self.checkpoint.size,
            root_hash: self.checkpoint.root,
            witnesses: seen.into_iter().map(|cosignature| cosignature.name).collect(),
            witnesses_needed: self.state.charter.witnesses.threshold,
        }
    }

    /// What a statement's author names as seen.
    #[must_use]
    pub fn basis(&self) -> Basis {
        Basis { size: self.state.size(), root_hash: self.state.root() }
    }
}
