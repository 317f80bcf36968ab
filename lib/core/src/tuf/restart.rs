//! Restarts of the log: what `restarts[]` of root.json says, and how one root may follow another.
//!
//! A device that knows a log remembers it for good, so a log that has to begin anew (its key was
//! stolen, its database is lost) needs the board's word. The list only grows, whoever reads root.json
//! sees all of it, and the root that adds to it does nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Root, TufError, V2gTrust};
use crate::Timestamp;
use crate::list::LogRef;

ctl_pki::words! {
    /// Why the log began anew.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum RestartReason by as_str {
        /// The log's key is, or may be, in wrong hands.
        LogKeyCompromise => "log-key-compromise",
        /// Entries are lost that somebody has seen.
        LedgerLost => "ledger-lost",
    }
}

/// The numbers that a role goes on from: the next are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoOnFrom {
    /// The highest version of its metadata that anyone may have seen.
    pub version: u64,
    /// The highest sequence of its document that anyone may have seen; 0 where it has none.
    pub sequence: u64,
}

/// One restart of the log, as the board signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// The log that ends: its origin, and the last checkpoint of it that the board knows.
    pub old: LogRef,
    /// The log that begins: its origin, and the checkpoint that it begins with.
    pub new: LogRef,
    pub reason: RestartReason,
    /// By role, `snapshot` and `timestamp` among them.
    pub roles: BTreeMap<String, GoOnFrom>,
    /// When the board decided it.
    pub time: Timestamp,
}

impl V2gTrust {
    /// Origins that the log had before, by the restarts.
    #[must_use]
    pub fn former_origins(&self) -> BTreeSet<&str> {
        self.restarts.iter().map(|restart| restart.old.origin.as_str()).collect()
    }
}

/// Whether the log of a root may follow that of the root before. The restarts only grow, one in each
/// root; without a new one the origin stays, and with one nothing else changes.
///
/// # Errors
/// [`TufError::Restart`] with what is wrong.
pub fn check_log_succession(old: &Root, new: &Root) -> Result<(), TufError> {
    let wrong = |problem: String| Err(TufError::Restart { version: new.version, problem });
    let Some(before) = &old.v2g else { return Ok(()) };
    let Some(after) = &new.v2g else { return wrong("it no longer names scheme and log".into()) };
    let Some(added) = after.restarts.strip_prefix(before.restarts.as_slice()) else {
        return wrong("it does not name every restart that the root before it names".into());
    };
    let restart = match added {
        [] if before.log.origin == after.log.origin => return Ok(()),
        [] => return wrong(format!("the log's origin becomes {:?} without a restart", after.log.origin)),
        [restart] => restart,
        _ => return wrong("it names more than one restart that the root before it does not".into()),
    };
    let named = (restart.old.origin.as_str(), restart.new.origin.as_str());
    if named != (&before.log.origin, &after.log.origin) {
        return wrong("its restart is not from the log of the root before to its own".into());
    }
    // The key's text contains the origin where it is a verifier key.
    let key = |text: &str| text.rsplit('+').next().unwrap_or_default().to_owned();
    if named.0 == named.1
        || before.former_origins().contains(named.1)
        || key(&before.log.key) == key(&after.log.key)
    {
        return wrong("a restart needs an origin and a key that the log never had".into());
    }
    let mut expected = Root { version: new.version, expires: new.expires, ..old.clone() };
    if let Some(v2g) = &mut expected.v2g {
        v2g.log = after.log.clone();
        v2g.restarts = after.restarts.clone();
    }
    if expected != *new {
        return wrong("it names a restart and changes something else besides".into());
    }
    Ok(())
}
