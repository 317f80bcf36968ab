//! Entries becoming a state; and what a root.json says of the log.

use std::path::Path;
use std::thread;

use ctl_core::log::{LogKey, Tree, WitnessKey};
use ctl_core::tuf::{Limits, Root, Signed, verify};
use ctl_core::{Digest, PublicKey};
use ctl_governance::statement::{Entry, unknown_rules};
use ctl_governance::{State, Verified, check_verified};

use super::Log;
use crate::{ReplicaError, files};

/// The log's name and key, as the charter in force has them.
///
/// # Errors
/// The key is of a kind that signs no checkpoints.
pub fn log_key(state: &State) -> Result<(String, LogKey), ReplicaError> {
    let server = &state.charter.server;
    let PublicKey::Ed25519(key) = &server.log else {
        return Err(ReplicaError::Violation("the charter names a log key that is not Ed25519".into()));
    };
    let origin = server.log_origin.to_string();
    Ok((origin.clone(), LogKey::new(origin, *key)?))
}

/// The witnesses that the charter names. One whose key cannot cosign is left out: the charter's check refuses it.
pub(super) fn witness_keys(state: &State) -> Vec<WitnessKey> {
    let witnesses = state.charter.witnesses.witnesses.iter();
    let keys = witnesses.filter_map(|witness| match &witness.key {
        PublicKey::Ed25519(key) => WitnessKey::new(witness.name.as_str(), *key).ok(),
        PublicKey::P256(_) => None,
    });
    keys.collect()
}

/// Is told of every entry as it is replayed: verified, and not yet applied. A closure will do.
pub trait Observer {
    /// `before` is the state that the entry changes; none before the first.
    fn entry(&mut self, before: Option<&State>, index: u64, entry: &Entry);
}

impl<F: FnMut(Option<&State>, u64, &Entry)> Observer for F {
    fn entry(&mut self, before: Option<&State>, index: u64, entry: &Entry) {
        self(before, index, entry);
    }
}

/// Entries that are parsed, and whose signatures are verified, at once: so many, or so many bytes.
pub(super) const BATCH: usize = 2048;
pub(super) const BATCH_BYTES: usize = 8 << 20;
/// A state is kept for each so many entries, so that an earlier one is found without a replay from the beginning.
/// States share what they have in common.
pub(super) const STRIDE: u64 = 4096;

/// Entries becoming a state.
pub(super) struct Fold {
    scheme: Digest,
    pub(super) state: Option<State>,
    pub(super) tree: Tree,
    pub(super) waypoints: Vec<State>,
}

impl Fold {
    pub(super) fn new(scheme: Digest) -> Self {
        Self { scheme, state: None, tree: Tree::new(), waypoints: Vec::new() }
    }

    /// What follows on a state that was kept, with the tree over its entries.
    pub(super) fn from(state: State, tree: Tree) -> Self {
        Self { scheme: state.scheme, waypoints: vec![state.clone()], state: Some(state), tree }
    }

    /// What follows on a log that was replayed before.
    pub(super) fn on(log: &Log, scheme: Digest) -> Self {
        let (state, waypoints) = (Some(log.state.clone()), log.waypoints.clone());
        Self { scheme, state, tree: log.tree.clone(), waypoints }
    }

    /// Checks and applies entries. They are parsed, and their signatures verified, on all cores; checks and changes of
    /// the state go one after the other.
    ///
    /// # Errors
    /// [`ReplicaError::Violation`] says which entry may not stand there, and why; [`ReplicaError::Outdated`] if this
    /// release cannot tell.
    pub(super) fn push(
        &mut self,
        batch: &[Vec<u8>],
        observer: &mut dyn Observer,
    ) -> Result<(), ReplicaError> {
        for (bytes, prepared) in batch.iter().zip(prepare(self.state.as_ref(), batch)) {
            self.one(bytes, prepared, observer)?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        bytes: &[u8],
        prepared: Result<Prepared, String>,
        observer: &mut dyn Observer,
    ) -> Result<(), ReplicaError> {
        let index = self.tree.size();
        let refused = |problem: &dyn std::fmt::Display| {
            ReplicaError::Violation(format!(
                "entry {index} of the log may not stand there: {problem}. The server recorded what the rules refuse, or \
                 a newer release of this program is needed"
            ))
        };
        let Prepared { entry, verified } = prepared.map_err(|problem| match unknown_rules(bytes) {
            Some(rules) => ReplicaError::Outdated { index, rules },
            None => refused(&problem),
        })?;
        match &mut self.state {
            None => {
                if entry.statement.id != self.scheme {
                    return Err(ReplicaError::Violation(format!(
                        "this is the log of scheme {}, not of {}: another address or another root.json is meant",
                        entry.statement.id, self.scheme
                    )));
                }
                let founded = ctl_governance::genesis(&entry).map_err(|e| refused(&e))?;
                observer.entry(None, index, &entry);
                self.state = Some(founded);
            }
            Some(state) => {
                check_verified(state, &entry.statement, entry.recorded_at, &verified)
                    .map_err(|e| refused(&e))?;
                observer.entry(Some(&*state), index, &entry);
                state.apply(&entry);
                if state.size() % STRIDE == 0 {
                    self.waypoints.push(state.clone());
                }
            }
        }
        self.tree.push(entry.leaf_hash);
        Ok(())
    }
}

/// An entry that is parsed, with what of its signatures holds under the keys known so far.
struct Prepared {
    entry: Entry,
    verified: Verified,
}

impl Prepared {
    fn new(state: Option<&State>, bytes: &[u8]) -> Result<Self, String> {
        let entry = Entry::parse(bytes).map_err(|error| error.to_string())?;
        let verified = state.map(|state| Verified::ahead(state, &entry.statement)).unwrap_or_default();
        Ok(Self { entry, verified })
    }
}

/// Parses entries and verifies their signatures, on all cores where there are enough to be worth it.
fn prepare(state: Option<&State>, batch: &[Vec<u8>]) -> Vec<Result<Prepared, String>> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = batch.len().div_ceil(cores).max(16);
    let one = |bytes: &Vec<u8>| Prepared::new(state, bytes);
    if batch.len() <= share {
        return batch.iter().map(one).collect();
    }
    thread::scope(|scope| {
        let workers: Vec<_> = batch
            .chunks(share)
            .map(|chunk| (chunk, scope.spawn(move || chunk.iter().map(one).collect::<Vec<_>>())))
            .collect();
        let done = workers.into_iter().map(|(chunk, worker)| {
            // A worker that failed is no verdict: its share is done again here, where a panic is seen.
            worker.join().unwrap_or_else(|_| chunk.iter().map(one).collect())
        });
        done.flatten().collect()
    })
}

/// Reads a root.json that is trusted, and verifies that it is signed as it says itself.
///
/// # Errors
/// It cannot be read, or does not hold.
pub fn read_root(path: &Path) -> Result<Signed<Root>, ReplicaError> {
    let limits = Limits::default();
    verify::trusted_root(&files::read(path, limits.root)?, &limits)
        .map_err(|e| ReplicaError::input(path.display(), e))
}
