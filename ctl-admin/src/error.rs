//! Why a command did not do what was asked: what was wrong, where, and what to do.

use std::path::PathBuf;

use ctl_core::SignerError;
use ctl_core::log::LogError;
use ctl_replica::{Bound, ReplicaError};

use crate::exit;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The server said no.
    #[error("refused by the server ({status}{}): {detail}", reason.as_deref().map(|r| format!(", {r}")).unwrap_or_default())]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The refusal's word, if it is one of a statement.
        reason: Option<String>,
        /// What was wrong.
        detail: String,
    },
    /// Something that was verified does not hold: a forked log, a draft that is not what follows from
    /// the ledger, a wrong signature. Nothing was signed.
    #[error("{0}")]
    Untrue(String),
    /// What a person must not do, or cannot do now; said before anything is sent.
    #[error("{0}")]
    NotNow(String),
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
    /// Something was sent, and the server may have taken it or not.
    #[error("{address}: {problem}. Whether the server took what was sent is unknown")]
    Unanswered {
        /// Which address.
        address: String,
        /// What happened.
        problem: String,
    },
}

impl AdminError {
    /// The exit status that goes with it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Untrue(_) | Self::NotNow(_) => exit::NO,
            Self::Signer(_) | Self::Input(_) | Self::File { .. } | Self::Network { .. } => exit::UNUSABLE,
            Self::Unanswered { .. } => exit::UNKNOWN,
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

impl From<LogError> for AdminError {
    fn from(error: LogError) -> Self {
        Self::Untrue(format!("the log: {error}"))
    }
}

impl From<ReplicaError> for AdminError {
    fn from(error: ReplicaError) -> Self {
        match error {
            ReplicaError::Refusal { status, reason, detail } => Self::Refused { status, reason, detail },
            ReplicaError::Conflict { .. }
            | ReplicaError::Rollback { .. }
            | ReplicaError::Violation(_)
            | ReplicaError::Unproven { .. } => Self::Untrue(error.to_string()),
            ReplicaError::Outdated { .. } => Self::Input(error.to_string()),
            ReplicaError::Restart { number, .. } => {
                Self::NotNow(format!("{error}; if it is so, give --accept-restart {number}"))
            }
            ReplicaError::Misuse(problem) => Self::NotNow(problem),
            ReplicaError::Signer(error) => Self::Signer(error),
            ReplicaError::Input(problem) => Self::Input(problem),
            ReplicaError::File { path, source } => Self::File { path, source },
            ReplicaError::Network { address, problem } => Self::Network { address, problem },
            ReplicaError::Exhaustion { bound, .. } => {
                let option = match bound {
                    Bound::Bytes(_) => "if it is really that much, allow more with --max-download",
                    Bound::Time(_) => "allow more with --max-time",
                };
                Self::Input(format!("{error}: {option}"))
            }
            ReplicaError::Silence { address, problem } => Self::Unanswered { address, problem },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ctl_core::list::LogRef;
    use ctl_core::tuf::{Restart, RestartReason};
    use ctl_core::{Digest, Timestamp};

    use super::*;

    #[test]
    fn what_a_replica_says_comes_with_the_option_that_helps() {
        let used_up = |bound| {
            let (address, time) = ("http://ctl.example/".into(), Duration::from_secs(1));
            AdminError::from(ReplicaError::Exhaustion { address, bytes: 1 << 20, time, bound })
        };
        for (bound, option) in
            [(Bound::Bytes(1), "--max-download"), (Bound::Time(Duration::ZERO), "--max-time")]
        {
            let error = used_up(bound);
            assert!(error.to_string().contains(option), "{error}");
            assert_eq!(error.exit_code(), exit::UNUSABLE);
        }
        let log = LogRef { origin: "ctl.example/log".parse().unwrap(), root_hash: Digest::ZERO, size: 1 };
        let (old, new, reason) = (log.clone(), log, RestartReason::LedgerLost);
        let restart = Restart {
            old,
            new,
            reason,
            roles: std::collections::BTreeMap::new(),
            time: Timestamp::from_unix(0),
        };
        let error = AdminError::from(ReplicaError::Restart { number: 1, restart: Box::new(restart) });
        assert!(error.to_string().contains("--accept-restart 1"), "{error}");
        let silent = ReplicaError::Silence { address: String::new(), problem: String::new() };
        assert_eq!(AdminError::from(silent).exit_code(), exit::UNKNOWN);
    }
}
