//! Why the ledger does not record or open.

use std::path::PathBuf;

use ctl_core::json::JsonError;
use ctl_core::jws::JwsError;
use ctl_governance::statement::StatementError;
use ctl_governance::{Reason, Refusal};
use ctl_host::clock::ClockError;

use super::store::StoreError;
use crate::keys::KeysError;

/// Why a statement was not recorded. Nothing of it is in the ledger, except perhaps after [`RecordError::Unknown`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    /// The rules refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server's clock is not believed.
    #[error("nothing is recorded until the server's clock is right: {0}")]
    Clock(#[from] ClockError),
    /// The ledger can be read, but not written.
    #[error("the ledger is read-only: {0}")]
    ReadOnly(String),
    /// The storage failed while the statement was written; it may or may not be in the log.
    #[error(
        "{0}. Whether the statement is recorded is not known yet: send it again in a while; the answer \"replayed\" then says that it was"
    )]
    Unknown(String),
    /// Too many statements wait.
    #[error("too many statements wait to be recorded: try again in a moment")]
    Busy,
    /// The server is stopping.
    #[error("the server is stopping: try again later")]
    Closed,
}

impl RecordError {
    /// The kind of the rules' refusal, if it is one.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(refusal) => Some(refusal.reason),
            _ => None,
        }
    }
}

/// What is wrong with a ledger, or with an export of one.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// An entry cannot stand where it does.
    #[error("entry {index} is damaged: {why}")]
    Entry {
        /// Index of the first damaged entry.
        index: u64,
        why: String,
    },
    /// The entries do not have the root that was signed for them.
    #[error("the {size} entries do not have the root that was signed for them ({what})")]
    Root {
        /// How many entries the checkpoint covers.
        size: u64,
        /// Which checkpoint.
        what: &'static str,
    },
    /// A checkpoint is missing or not this log's.
    #[error("{what} is damaged: {why}")]
    Checkpoint {
        /// Which checkpoint.
        what: &'static str,
        why: String,
    },
    /// Entries are missing at the end.
    #[error("entries {found} to {last} are lost: the server signed a log of {signed} entries, here are {found}", last = signed.saturating_sub(1))]
    Lost {
        /// How many entries are here.
        found: u64,
        /// How many entries were signed.
        signed: u64,
    },
    /// The snapshot of the state does not follow from the entries.
    #[error(
        "the snapshot of the state after {0} entries, from which the server went on, is not what follows from them: \
             what was recorded since may not follow either"
    )]
    Snapshot(u64),
    /// The database cannot be read.
    #[error("the ledger's database is damaged: {0}")]
    Database(String),
}

/// Why a ledger cannot be opened. The server does not run on a damaged one.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no ledger.
    #[error(
        "there is no ledger yet: found the scheme with `ctl-server init`, or restore one with `ctl-server ledger import`; if there is an empty directory `ledger`, remove it first"
    )]
    Empty,
    /// The ledger is damaged; only another copy repairs it.
    #[error("{0}. {RESTORE}")]
    Damaged(#[from] Damage),
    /// The file with the last signed checkpoint is unreadable.
    #[error("the file `checkpoint` in the data directory is damaged: {0}. {COMPARE}")]
    Forgotten(String),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The file with the last checkpoint cannot be read.
    #[error("the file with the last signed checkpoint: {0}")]
    Head(std::io::Error),
    /// The checkpoint outside the data directory cannot be compared with the ledger.
    #[error("{}: the checkpoint that is kept there cannot be compared with this ledger: {why}. {UNJUDGED}", .path.display())]
    Outside { path: PathBuf, why: String },
    /// The server's keys are not those that the charter names.
    #[error(
        "the server's {0} is not the one that the charter names: restore the keys directory from its backup"
    )]
    Keys(&'static str),
    /// The server's keys cannot sign.
    #[error(transparent)]
    Sign(#[from] KeysError),
    /// The writer's thread cannot be started.
    #[error("the ledger's writer cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What to do about a damaged ledger.
const RESTORE: &str = "The server does not run on a damaged ledger. Move the directory `ledger` away, if there is \
    one, and restore it with `ctl-server ledger import --data DIR --from EXPORT`; every mirror's `log/` directory is \
    such an export";

/// What to do if the record of what was signed is lost.
const COMPARE: &str = "It tells how long a log this server has signed; the ledger itself may be whole. Ask a mirror, \
    a witness or an auditor for the size of the log, move the file away and try again. If `ctl-server ledger verify \
    --data DIR` then counts fewer entries than they do, restore the ledger from them with `ctl-server ledger import`";

/// What to do about a checkpoint that cannot be compared with this ledger.
const UNJUDGED: &str = "It is kept as it is. If `data` comes from a backup, that is perhaps older than the log's \
    present key or name, and the server must not run on it: ask a mirror, a witness or an auditor for the log's name and \
    size, and compare with `ctl-server ledger verify --data DIR`. If they know more, move the directory `ledger` away and \
    import theirs with `ctl-server ledger import`, with the keys that the log has now. If they know nothing more, the \
    file is damaged: move it away, and the server writes a new one";

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DamagedEntry { index, why } => Damage::Entry { index, why }.into(),
            StoreError::Damaged(why) => Damage::Database(why).into(),
            other => Self::Store(other),
        }
    }
}

/// The refusal of a malformed statement.
#[must_use]
pub fn refusal_of(error: &StatementError) -> Refusal {
    let reason = match error {
        StatementError::TooLarge(_)
        | StatementError::Jws(JwsError::Json(JsonError::TooLarge { .. }))
        | StatementError::Payload(JsonError::TooLarge { .. }) => Reason::TooLarge,
        StatementError::Jws(JwsError::Type { .. }) => Reason::Signature,
        _ => Reason::Content,
    };
    Refusal::new(reason, error.to_string())
}
