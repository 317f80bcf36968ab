//! The progress of the server's start.

use ctl_serve::starting;
use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The ledger is being opened.
    Opening,
    /// This many entries are verified.
    Verifying { verified: u64, entries: u64 },
    /// The publications are rebuilt from the ledger.
    Publishing,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opening => f.write_str("the ledger is being opened"),
            Self::Verifying { verified, entries } => {
                write!(f, "the ledger is being verified: {verified} of {entries} entries")
            }
            Self::Publishing => f.write_str("the publications are being made from the ledger"),
        }
    }
}

impl starting::Step for Step {
    fn members(&self) -> Map<String, Value> {
        match self {
            Self::Verifying { verified, entries } => {
                Map::from_iter([("ledger".into(), json!({ "entries": entries, "verified": verified }))])
            }
            Self::Opening | Self::Publishing => Map::new(),
        }
    }
}
