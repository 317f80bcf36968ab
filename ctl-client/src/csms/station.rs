//! What is remembered of one charging station, and how that changes by what is sent and answered. Pure; how it is kept
//! stands in [`super::memory`].
//!
//! The order keeps every crash harmless: that a root is about to be sent is remembered before it is sent, and whatever is
//! sent makes the last proof worthless, so that the next step is to read again.

use std::collections::BTreeSet;

use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::hash::HashData;
use super::wants::Kind;

/// Whoever did not answer an installation may still carry it out for so long, in seconds: what a read-back does not show
/// within that time may yet come.
pub const SETTLE: u64 = 3600;
/// A change that was answered so often and is not seen is not tried again for a while.
pub const MOST_TRIES: u32 = 3;

/// A certificate in one of a station's stores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The store.
    pub kind: Kind,
    /// Its name.
    pub name: HashData,
}

/// What a station itself said that it holds: the only proof of presence and absence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Everything in the stores that are filled from here.
    pub entries: BTreeSet<Entry>,
}

/// A root that was put there from here, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// The store.
    pub kind: Kind,
    /// SHA-256 of the certificate.
    pub root: Digest,
    /// When it was last sent.
    pub sent_at: Timestamp,
    /// Whether nobody knows if it is still on its way.
    pub open: bool,
    /// Whether no earlier one was, when it was last sent: then its answer, or its presence, says that none is.
    pub alone: bool,
}

/// A change of a station.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// InstallCertificate.
    Install {
        /// The store.
        kind: Kind,
        /// SHA-256 of the certificate.
        root: Digest,
    },
    /// DeleteCertificate.
    Delete {
        /// The name that the station itself gave.
        name: HashData,
    },
}

/// How often a change was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tries {
    /// Which.
    pub change: Change,
    /// How often.
    pub count: u32,
    /// When last.
    pub last: Timestamp,
    /// What came of it, for people.
    pub reason: String,
}

/// Everything that is remembered of a station.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its id at the back end.
    pub station: String,
    /// What it said last that it holds; none if something was sent since.
    pub seen: Option<Seen>,
    /// What it was given from here.
    pub placed: Vec<Placed>,
    /// What was tried for the goal below.
    pub tries: Vec<Tries>,
    /// Which wants the tries are for.
    pub goal: Option<Digest>,
    /// Requests in a row without its answer.
    pub failures: u32,
    /// When the last of them failed.
    pub failed_at: Timestamp,
    /// Why.
    pub trouble: Option<String>,
    /// Whether the last of them reached the station, and it does not know what it was asked.
    pub refuses: bool,
    /// Whether its file was damaged once: what it was given before that counts as others'.
    pub was_damaged: bool,
}

/// How a station answered a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It has done it, by its own word.
    Accepted,
    /// It will not, whoever asks again.
    Refused(String),
    /// It could not.
    Failed(String),
}

impl Record {
    /// Of a station that nothing is known of.
    #[must_use]
    pub fn new(station: &str) -> Self {
        Self { station: station.to_owned(), ..Self::default() }
    }

    /// Whether a root was put into a store from here.
    #[must_use]
    pub fn placed(&self, kind: Kind, root: &Digest) -> Option<&Placed> {
        self.placed.iter().find(|placed| (placed.kind, &placed.root) == (kind, root))
    }

    /// How a change was refused, or answered so often in vain that it is left alone for a while.
    #[must_use]
    pub fn refusal(&self, change: &Change) -> Option<&Tries> {
        self.tries.iter().find(|tries| tries.change == *change && tries.count >= MOST_TRIES)
    }

    /// What was tried for other wants says nothing of these.
    pub fn aim(&mut self, goal: Digest) {
        if self.goal != Some(goal) {
            self.goal = Some(goal);
            self.tries.clear();
        }
    }

    /// Before a change is sent.
    pub fn sending(&mut self, change: &Change, now: Timestamp) {
        self.seen = None;
        let Change::Install { kind, root } = change else { return };
        let alone = !self.placed(*kind, root).is_some_and(|placed| placed.open && !settled(placed, now));
        self.placed.retain(|placed| (placed.kind, &placed.root) != (*kind, root));
        self.placed.push(Placed { kind: *kind, root: *root, sent_at: now, open: true, alone });
    }

    /// When a change was answered. What is there now is not known before it is read.
    pub fn replied(&mut self, change: &Change, reply: Reply, now: Timestamp) {
        self.settle(change);
        self.answered();
        let former = self.tries.iter().position(|tries| tries.change == *change);
        let count = former.map_or(0, |at| self.tries.remove(at).count).saturating_add(1);
        let (count, reason) = match (reply, change) {
            (Reply::Accepted, Change::Install { .. }) => {
                (count, "it said that it took it, and does not list it".into())
            }
            (Reply::Accepted, Change::Delete { .. }) => {
                (count, "it said that it removed it, and still lists it".into())
            }
            (Reply::Refused(reason), _) => (count.max(MOST_TRIES), reason),
            (Reply::Failed(reason), _) => (count, reason),
        };
        self.tries.push(Tries { change: change.clone(), count, last: now, reason });
    }

    /// When a back end took a change that no station ever confirms.
    pub fn handed_over(&mut self, change: &Change) {
        self.settle(change);
        self.answered();
    }

    /// When it was read.
    pub fn read(
        &mut self,
        entries: BTreeSet<Entry>,
        is_there: impl Fn(&Entry, &Placed) -> bool,
        now: Timestamp,
    ) {
        self.answered();
        for placed in &mut self.placed {
            // The clock was set back.
            placed.sent_at = placed.sent_at.min(now);
            placed.open &= !(placed.alone && entries.iter().any(|entry| is_there(entry, placed)));
        }
        self.placed.retain(|placed| {
            let pending = placed.open && !settled(placed, now);
            pending || entries.iter().any(|entry| is_there(entry, placed))
        });
        self.seen = Some(Seen { at: now, entries });
    }

    /// When a request was not answered. `sent`: it may have reached the station all the same.
    pub fn failed(&mut self, change: Option<&Change>, sent: bool, reason: String, now: Timestamp) {
        if let (Some(change), false) = (change, sent) {
            self.settle(change);
        }
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        self.trouble = Some(reason);
        self.refuses = false;
    }

    /// When it does not know what it was asked.
    pub fn refused(&mut self, change: Option<&Change>, reason: String, now: Timestamp) {
        self.failed(change, false, reason, now);
        self.refuses = true;
    }

    fn answered(&mut self) {
        (self.failures, self.trouble, self.refuses) = (0, None, false);
    }

    /// A change is no longer on its way. An earlier one may be.
    fn settle(&mut self, change: &Change) {
        let Change::Install { kind, root } = change else { return };
        for placed in &mut self.placed {
            placed.open &= !placed.alone || (placed.kind, &placed.root) != (*kind, root);
        }
    }
}

/// Whether a root that was sent cannot come any more.
#[must_use]
pub fn settled(placed: &Placed, now: Timestamp) -> bool {
    placed.sent_at <= now && now.seconds_since(placed.sent_at) >= SETTLE
}
