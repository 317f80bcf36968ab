//! Verifies a whole ledger before it is used: every entry is canonical and follows from those before it, and together
//! they have the root that was signed for them.

use ctl_core::log::{Checkpoint, LogKey, Note, Tree};
use ctl_core::names::Origin;
use ctl_core::{Digest, PublicKey};
use ctl_governance::statement::Entry;
use ctl_governance::{Refusal, Snapshot, State, check, genesis};
use serde::{Deserialize, Serialize};

use super::error::{Damage, OpenError};
use super::store::{Store, StoreError};
use crate::keys::log_key;

/// Added to the error about a sound entry that the rules refuse: it is damage, or from before the first release.
const EARLIER: &str = " (if a server before release 0.1 recorded it: this release does not read such ledgers; found the \
    scheme anew)";

/// A verified ledger.
#[derive(Debug)]
pub struct Verified {
    /// The state after the last entry.
    pub state: State,
    /// The tree over the entries.
    pub tree: Tree,
    /// The signed checkpoint of the whole log.
    pub checkpoint: Vec<u8>,
    pub keys: LogKeys,
}

/// The keys that a ledger has named for its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogKeys {
    /// Keys of the log under its present origin, the present one last; all of them signed it.
    pub of_this: Vec<LogKey>,
    /// Keys of logs that ended with a restart; their signatures no longer count.
    pub of_ended: Vec<LogKey>,
}

/// Replays entries one by one.
#[derive(Debug, Default)]
pub struct Replay {
    state: Option<State>,
    keys: LogKeys,
    /// The last key seen, to notice when the charter names another.
    named: Option<(Origin, PublicKey)>,
}

impl Replay {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Continues after replayed entries.
    #[must_use]
    pub fn after(state: State, keys: LogKeys) -> Self {
        let server = &state.charter.server;
        let named = Some((server.log_origin.clone(), server.log.clone()));
        Self { keys, named, state: Some(state) }
    }

    /// How many entries were replayed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.as_ref().map_or(0, State::size)
    }

    /// The state after them; none before the first.
    #[must_use]
    pub const fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Replays the next entry; returns its leaf hash.
    ///
    /// # Errors
    /// [`Damage::Entry`] if it may not be here.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Digest, Damage> {
        let index = self.size();
        let wrong = |why: String| Damage::Entry { index, why };
        let refused = |refusal: Refusal| wrong(format!("{refusal}{EARLIER}"));
        let entry = Entry::parse(bytes).map_err(|error| wrong(error.to_string()))?;
        let state = match self.state.take() {
            None => genesis(&entry).map_err(refused)?,
            Some(mut state) => {
                check(&state, &entry.statement, entry.recorded_at).map_err(refused)?;
                state.apply(&entry);
                state
            }
        };
        let server = &state.charter.server;
        if self.named.as_ref().is_none_or(|(origin, key)| (origin, key) != (&server.log_origin, &server.log))
        {
            let key = log_key(server).map_err(|error| wrong(error.to_string()))?;
            if self.named.as_ref().is_some_and(|(origin, _)| *origin != server.log_origin) {
                self.keys.of_ended.append(&mut self.keys.of_this);
                // The last of them may only be known by the root that the restart brought.
                let lost = state.lost_root.as_ref().and_then(|root| root.v2g.as_ref());
                self.keys.of_ended.extend(lost.and_then(|known| known.log.key.parse::<LogKey>().ok()));
            }
            self.keys.of_this.push(key);
            self.named = Some((server.log_origin.clone(), server.log.clone()));
        }
        self.state = Some(state);
        Ok(entry.leaf_hash)
    }

    /// Reads a checkpoint of this log and compares it with the entries; `what` names it in errors.
    ///
    /// # Errors
    /// [`Damage::Checkpoint`], [`Damage::Lost`] or [`Damage::Root`].
    pub fn check_checkpoint(&self, note: &[u8], what: &'static str) -> Result<Checkpoint, Damage> {
        let damaged = |why: String| Damage::Checkpoint { what, why };
        let key = self.keys.of_this.last().ok_or_else(|| damaged("there is no entry".into()))?;
        // After a rotation, the last checkpoint may still be signed with a former key.
        let earlier =
            || self.keys.of_this.iter().rev().find_map(|key| Checkpoint::open(note, key.name(), key).ok());
        let opened = Checkpoint::open(note, key.name(), key);
        let checkpoint =
            opened.or_else(|error| earlier().ok_or(error)).map_err(|error| damaged(error.to_string()))?;
        match self.state.as_ref().and_then(|state| state.root_at(checkpoint.size)) {
            None => Err(Damage::Lost { found: self.size(), signed: checkpoint.size }),
            Some(root) if root != checkpoint.root => Err(Damage::Root { size: checkpoint.size, what }),
            Some(_) => Ok(checkpoint),
        }
    }

    /// Compares the entries with the last checkpoint that the server signed.
    ///
    /// # Errors
    /// [`OpenError::Forgotten`] if it cannot be read, or [`OpenError::Damaged`].
    pub fn check_signed(&self, head: &[u8]) -> Result<Checkpoint, OpenError> {
        self.check_checkpoint(head, "the last signed checkpoint").map_err(|damage| match damage {
            Damage::Checkpoint { why, .. } => OpenError::Forgotten(why),
            damage => damage.into(),
        })
    }

    /// The keys that the entries so far have named for the log.
    #[must_use]
    pub const fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// The state after the last entry, and the keys; none without entries.
    #[must_use]
    pub fn finish(self) -> Option<(State, LogKeys)> {
        self.state.map(|state| (state, self.keys))
    }
}

/// Verifies a whole store. `head` is the last checkpoint that the server signed, from the file outside the store.
/// `progress` gets the number of verified entries after each.
///
/// # Errors
/// [`OpenError`] naming the first entry that is wrong.
pub fn verify(
    store: &dyn Store,
    head: Option<&[u8]>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, OpenError> {
    rest(Replay::new(), Tree::new(), store, head, progress)
}

/// The same for the entries after a snapshot. The snapshot is believed if the entries after it lead to the signed root.
///
/// # Errors
/// [`OpenError`] about the snapshot or the ledger; to know which, verify the whole.
pub fn go_on(
    from: Snapshot,
    keys: LogKeys,
    store: &dyn Store,
    head: Option<&[u8]>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, OpenError> {
    if from.state.size() > store.size() {
        let (found, signed) = (store.size(), from.state.size());
        return Err(Damage::Lost { found, signed }.into());
    }
    rest(Replay::after(from.state, keys), from.tree, store, head, progress)
}

fn rest(
    mut replay: Replay,
    mut tree: Tree,
    store: &dyn Store,
    head: Option<&[u8]>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, OpenError> {
    for index in replay.size()..store.size() {
        tree.push(replay.push(&stored(store, index)?)?);
        progress(index + 1);
    }
    if replay.size() == 0 {
        // A server that never signed anything has lost nothing.
        let Some(note) = head else { return Err(OpenError::Empty) };
        let signed = Note::parse(note).and_then(|note| Checkpoint::parse(note.text()));
        let signed = signed.map_err(|error| OpenError::Forgotten(error.to_string()))?.size;
        return Err(Damage::Lost { found: 0, signed }.into());
    }
    if let Some(note) = head {
        replay.check_signed(note)?;
    }
    let what = "the stored checkpoint";
    let missing = || Damage::Checkpoint { what, why: "it is missing".into() };
    let checkpoint = store.checkpoint()?.ok_or_else(missing)?;
    let size = replay.check_checkpoint(&checkpoint, what)?.size;
    if size != replay.size() {
        let why = format!("it is of {size} entries, the ledger has {}", replay.size());
        return Err(Damage::Checkpoint { what, why }.into());
    }
    let (state, keys) = replay.finish().ok_or(OpenError::Empty)?;
    Ok(Verified { state, tree, checkpoint, keys })
}

/// An entry that must exist.
pub(super) fn stored(store: &dyn Store, index: u64) -> Result<Vec<u8>, StoreError> {
    store.entry(index)?.ok_or_else(|| StoreError::DamagedEntry { index, why: "it is missing".into() })
}
