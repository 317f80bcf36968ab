//! What can go wrong while a scheme is followed: what it was, where, and what a caller can do about it.

use std::path::PathBuf;
use std::time::Duration;

use ctl_core::log::LogError;
use ctl_core::{SignerError, tuf};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The server said no.
    #[error("refused by the server ({status}{}): {detail}", reason.as_deref().map(|r| format!(", {r}")).unwrap_or_default())]
    Refusal {
        /// The HTTP status.
        status: u16,
        /// The refusal's word, if it is one of a statement.
        reason: Option<String>,
        /// What was wrong.
        detail: String,
    },
    /// The log contradicts what was seen of it before: its operator, or a thief of its key, rewrote it.
    #[error(
        "the log was rewritten: {problem}.{} Do not sign anything; show it to the board",
        evidence.as_ref().map(|path| format!(" The signed checkpoint is kept as evidence: {}.", path.display())).unwrap_or_default()
    )]
    Conflict {
        /// What contradicts what.
        problem: String,
        /// Where the contradicting signed checkpoint is kept.
        evidence: Option<PathBuf>,
    },
    /// What is shown is older than what was seen before.
    #[error(
        "{address} shows {shown} entries of the log; you have seen {seen}. It is a stale mirror, or takes back what it \
         showed: ask the server itself, and do not sign anything on this basis"
    )]
    Rollback {
        /// Where.
        address: String,
        /// Entries of the checkpoint that is shown.
        shown: u64,
        /// Entries of the checkpoint that was seen.
        seen: u64,
    },
    /// The board let the log begin anew, and a person must confirm before it is followed: what was seen or sent may
    /// not be in it. See [`Confirmed`](crate::Confirmed).
    #[error(
        "the board let the log begin anew at {} ({}): {} ended with {} entries, {} began with {} of them. What you have \
         seen or sent may not be in it. Ask the board over another channel",
        restart.time, restart.reason, restart.old.origin, restart.old.size, restart.new.origin, restart.new.size
    )]
    Restart {
        /// The number of the restart, which confirms it.
        number: usize,
        /// What root.json says of it.
        restart: Box<tuf::Restart>,
    },
    /// Something that was verified does not hold: a wrong signature, an entry that the rules refuse, another scheme.
    #[error("{0}")]
    Violation(String),
    /// What stands where the log should be is not signed with its key, or is something else altogether: a page of a
    /// proxy, a damaged copy, a stranger's log. It proves nothing against the log.
    #[error("{address}: {problem}")]
    Unproven {
        /// Which address.
        address: String,
        /// What it shows.
        problem: String,
    },
    /// The log is under rules that this release does not know.
    #[error(
        "entry {index} of the log brings rules {rules}, which this release does not know: update this program"
    )]
    Outdated {
        /// Index of the entry.
        index: u64,
        /// The version of the rules.
        rules: u64,
    },
    /// A caller asked too early, or for what was done already.
    #[error("{0}")]
    Misuse(String),
    /// A key gave no signature that holds.
    #[error("{0}. Nothing was sent or written")]
    Signer(#[from] SignerError),
    /// The input cannot be used.
    #[error("{0}")]
    Input(String),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server cannot be reached, or answers something else.
    #[error("{address}: {problem}")]
    Network {
        /// Which address.
        address: String,
        /// What happened.
        problem: String,
    },
    /// The server sends more, or takes longer, than [`Bounds`](crate::transport::Bounds) allow.
    #[error(
        "{address}: after {} MiB in {} s, the {} allowed are used up",
        bytes >> 20,
        time.as_secs(),
        bound
    )]
    Exhaustion {
        /// Which address.
        address: String,
        /// What was downloaded.
        bytes: u64,
        /// How long it took.
        time: Duration,
        /// The bound that was reached.
        bound: Bound,
    },
    /// Something was sent, and the server may have taken it or not.
    #[error("{address}: {problem}. Whether the server took what was sent is unknown")]
    Silence {
        /// Which address.
        address: String,
        /// What happened.
        problem: String,
    },
}

/// A bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So many bytes.
    Bytes(u64),
    /// So much time.
    Time(Duration),
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} MiB", bytes >> 20),
            Self::Time(time) => write!(f, "{} s", time.as_secs()),
        }
    }
}

impl ReplicaError {
    /// Whether the same may go well later by itself: the server could not be reached, refused to answer now, or
    /// something between it and here answered.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Network { .. } | Self::Refusal { .. } | Self::Exhaustion { .. } | Self::Unproven { .. }
        )
    }

    /// Why what stands at an address is not what the log's key signs.
    pub(crate) fn unproven(address: String, error: LogError) -> Self {
        match error {
            // The key signed the checkpoint of another log under this one's name.
            LogError::WrongOrigin { .. } => error.into(),
            error => Self::Unproven { address, problem: error.to_string() },
        }
    }

    /// Unusable input: where, and what was wrong.
    pub(crate) fn input(place: impl std::fmt::Display, problem: impl std::fmt::Display) -> Self {
        Self::Input(format!("{place}: {problem}"))
    }

    /// For `map_err` around file operations.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

impl From<LogError> for ReplicaError {
    fn from(error: LogError) -> Self {
        Self::Violation(format!("the log: {error}"))
    }
}
