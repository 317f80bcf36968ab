//! Other people's lists and pools, watched: which roots they hold, and when that changes. They are no services of the
//! scheme, so nothing here counts towards a service level and nothing of it is signed.
//!
//! [`judge`] compares what was read with what was held before; [`task`] reads, keeps and tells.

mod judge;
mod plan;
mod task;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ctl_core::{Digest, Timestamp};
use ctl_sources::{Entry, Said, Set};
use serde::{Deserialize, Serialize};

pub use judge::judge;
pub(crate) use plan::asked;
pub use task::{Asked, Reading, Setup, run};

/// What a source held when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The number of the list, where the source has one.
    pub sequence: Option<u64>,
    /// When the list ends, where it says so.
    pub not_after: Option<Timestamp>,
    pub roots: Set,
    /// How many items could not be read as certificates.
    pub unreadable: u64,
}

/// Why a source has an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Roots appeared, vanished, or are told of in another way. Over as soon as it is told.
    Moved,
    /// It cannot be read. Lasts until it can.
    Unread,
    /// It shows a smaller number than before, which is not taken. Lasts until it shows that number again.
    WentBack,
}

impl Cause {
    /// The word in metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Unread => "unread",
            Self::WentBack => "went-back",
        }
    }
}

/// A root in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub fingerprint: Digest,
    pub subject: String,
    /// What the source says of it.
    pub said: Said,
}

impl Told {
    pub(crate) fn of(fingerprint: Digest, Entry { subject, said }: Entry) -> Self {
        Self { fingerprint, subject, said }
    }
}

/// What happened to a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceIncident {
    pub cause: Cause,
    pub began_at: Timestamp,
    /// None while it lasts.
    pub ended_at: Option<Timestamp>,
    /// In words.
    pub detail: String,
    pub appeared: Vec<Told>,
    pub vanished: Vec<Told>,
    /// As they are now.
    pub changed: Vec<Told>,
}

impl SourceIncident {
    /// One of this cause that begins, without roots.
    #[must_use]
    pub fn new(cause: Cause, began_at: Timestamp, detail: String) -> Self {
        let (appeared, vanished, changed) = (Vec::new(), Vec::new(), Vec::new());
        Self { cause, began_at, ended_at: None, detail, appeared, vanished, changed }
    }
}

/// How a source stands: what is kept of it, and all that a reader is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What it held when it was last read; none before.
    pub contents: Option<Contents>,
    pub last_try_at: Option<Timestamp>,
    pub last_read_at: Option<Timestamp>,
    pub last_moved_at: Option<Timestamp>,
    /// The incident that lasts, if one does.
    pub open: Option<(u64, SourceIncident)>,
    /// How many roots ever appeared, vanished and changed since the first look.
    pub appeared: u64,
    pub vanished: u64,
    pub changed: u64,
}

/// A source as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name in metrics and paths.
    pub name: String,
    /// Where it is.
    pub place: String,
}

/// All sources and how they stand.
#[derive(Debug, Default)]
pub struct Sources {
    standings: Mutex<BTreeMap<String, (Named, Arc<Standing>)>>,
}

impl Sources {
    /// Every source in the order of names.
    #[must_use]
    pub fn all(&self) -> Vec<(Named, Arc<Standing>)> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(Named, Arc<Standing>)> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn put(&self, named: &Named, standing: Arc<Standing>) {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.insert(named.name.clone(), (named.clone(), standing));
    }
}
