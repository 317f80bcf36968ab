//! Entries becoming a state, one by one; and what a root.json says of the log.

use std::path::Path;

use ctl_core::log::{LogKey, Tree, WitnessKey};
use ctl_core::tuf::{Limits, Root, Signed, verify};
use ctl_core::{Digest, PublicKey};
use ctl_governance::State;
use ctl_governance::statement::Entry;

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

/// Entries becoming a state, one by one.
pub(super) struct Fold {
    scheme: Digest,
    pub(super) state: Option<State>,
    pub(super) tree: Tree,
}

impl Fold {
    pub(super) fn new(scheme: Digest) -> Self {
        Self { scheme, state: None, tree: Tree::new() }
    }

    /// Checks and applies one entry; the error says which, and why it may not stand there.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        let index = self.tree.size();
        let refused = |problem: &dyn std::fmt::Display| {
            format!(
                "entry {index} of the log may not stand there: {problem}. The server recorded what the rules \
                     refuse, or a newer release of this program is needed"
            )
        };
        let entry = Entry::parse(bytes).map_err(|e| refused(&e))?;
        match &mut self.state {
            None => {
                if entry.statement.id != self.scheme {
                    return Err(format!(
                        "this is the log of scheme {}, not of {}: another address or another root.json is meant",
                        entry.statement.id, self.scheme
                    ));
                }
                self.state = Some(ctl_governance::genesis(&entry).map_err(|e| refused(&e))?);
            }
            Some(state) => {
                ctl_governance::check(state, &entry.statement, entry.recorded_at).map_err(|e| refused(&e))?;
                state.apply(&entry);
            }
        }
        self.tree.push(entry.leaf_hash);
        Ok(())
    }
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
