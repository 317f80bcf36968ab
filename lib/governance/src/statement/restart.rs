//! `log.restart`: the board begins the log anew.

use std::collections::BTreeMap;

use ctl_core::PublicKey;
use ctl_core::list::LogRef;
use ctl_core::names::Origin;
use ctl_core::parts::Der;
use ctl_core::tuf::{GoOnFrom, RestartReason};
use serde::{Deserialize, Serialize};

/// `log.restart`: signed by the board, and the first entry of the new log. The entries before it are what is left of
/// the log that ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRestart {
    /// The new log's key; Ed25519.
    pub key: PublicKey,
    /// The last root.json that devices hold, as published, if this ledger lost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_root: Option<Der>,
    /// The log that ends, with its last checkpoint that the board knows.
    pub old: LogRef,
    /// The new log's origin.
    pub origin: Origin,
    pub reason: RestartReason,
    /// For each role, including `snapshot` and `timestamp`: the highest numbers that anyone may have seen.
    pub roles: BTreeMap<String, GoOnFrom>,
}
