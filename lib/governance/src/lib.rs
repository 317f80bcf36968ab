//! The governance fold: from a prefix of the ledger to the state of the scheme, the same on any
//! machine and with any later release.
//!
//! Two pure functions: [`check`] says whether a statement may be recorded, with a reason a person can
//! act on; [`State::apply`] makes the recorded entry part of the state and cannot fail. The charter names the
//! version of the rules; versions are tables of limits and switches ([`rules`]) over this one code path.
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as ctl_governance;

pub mod application;
mod apply;
mod auditors;
pub mod calendar;
mod check;
mod closing;
pub mod cross;
mod decide;
pub mod describe;
pub mod difference;
pub mod digest;
pub mod draft;
mod electorate;
mod genesis;
pub mod possession;
pub mod promises;
pub mod refusal;
pub mod rules;
#[cfg(test)]
pub(crate) mod second;
pub mod service_levels;
pub mod snapshot;
pub mod state;
pub mod statement;
mod time;
pub mod view;

pub use check::Verified;
pub use refusal::{Reason, Refusal};
pub use rules::{Rules, RulesVersion};
pub use snapshot::Snapshot;
pub use state::State;

use ctl_core::Timestamp;
use ctl_core::role::Role;
use ctl_core::threshold::Threshold;

use crate::statement::{Entry, Statement};

/// Founds a scheme: the state after the genesis entry.
///
/// # Errors
/// [`Refusal`] if it is no genesis, its charter cannot be carried out, or the board did not sign it.
pub fn genesis(entry: &Entry) -> Result<State, Refusal> {
    genesis::found(entry)
}

/// The state that a genesis would found once the board has signed it: what the first root.json is built
/// from, before there are any signatures.
///
/// # Errors
/// [`Refusal`] if it is no genesis, or its charter cannot be carried out.
pub fn propose_genesis(entry: &Entry) -> Result<State, Refusal> {
    genesis::propose(entry)
}

/// Whether this statement may be recorded at this moment on top of this state.
///
/// # Errors
/// [`Refusal`] with a reason a person can act on.
pub fn check(state: &State, statement: &Statement, recorded_at: Timestamp) -> Result<(), Refusal> {
    check_verified(state, statement, recorded_at, &Verified::default())
}

/// As [`check`], without verifying again what [`Verified::ahead`] has verified under the very key that counts here.
///
/// # Errors
/// As [`check`].
pub fn check_verified(
    state: &State,
    statement: &Statement,
    recorded_at: Timestamp,
    verified: &Verified,
) -> Result<(), Refusal> {
    let state = state.at(recorded_at);
    // By the charter in force at this very moment: an amendment may have been decided by time alone.
    check::check(state.rules(), &state, statement, recorded_at, verified)
}

/// Who must sign the open draft of a role; each of these thresholds must be met (a new root needs the
/// old and the new board).
///
/// # Errors
/// [`Refusal`] if the board has not yet said who signs for this role.
pub fn signing_thresholds(state: &State, role: &Role) -> Result<Vec<Threshold>, Refusal> {
    check::publications::thresholds(state.rules(), state, role)
}

impl State {
    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &'static Rules {
        self.charter.rules.rules()
    }

    /// Makes a recorded entry part of the state. The entry must have passed [`check`].
    pub fn apply(&mut self, entry: &Entry) {
        apply::apply(self, entry);
    }

    /// Lets time pass: votes close, notices expire, anchors become usable, each at its own moment,
    /// in order. Advancing in two steps is the same as advancing in one.
    pub fn advance(&mut self, to: Timestamp) {
        time::advance(self, to);
    }

    /// The state as it is at a later moment, if no entry follows until then.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> std::borrow::Cow<'_, Self> {
        if time::next_due(self).is_none_or(|due| due > time) {
            return std::borrow::Cow::Borrowed(self);
        }
        let mut later = self.clone();
        later.advance(time);
        std::borrow::Cow::Owned(later)
    }

    /// Replays entries from the genesis on.
    ///
    /// # Errors
    /// The index of the first entry that may not stand where it does, and why.
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, (u64, Refusal)> {
        let mut entries = entries.into_iter();
        let Some(first) = entries.next() else {
            return Err((0, Refusal::new(Reason::Genesis, "the ledger has no entry")));
        };
        let mut state = genesis(first).map_err(|refusal| (0, refusal))?;
        for entry in entries {
            let index = state.size();
            check(&state, &entry.statement, entry.recorded_at).map_err(|refusal| (index, refusal))?;
            state.apply(entry);
        }
        Ok(state)
    }
}
