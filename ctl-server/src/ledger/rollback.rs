//! Detects that this server went back behind what it once signed: a backup was restored, a disk lost its tail, or a
//! second server runs with the same key.
//!
//! The evidence is a checkpoint with the log's own signature that is larger than the log, or that the log does not
//! continue. Anything unsigned counts for nothing.

use ctl_core::log::{Checkpoint, LogError, LogKey, Note};

use super::LogView;
use super::verify::LogKeys;

/// What a checkpoint says about this log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The log continues it.
    Consistent {
        /// How many entries it covers.
        size: u64,
    },
    /// This log was once a different or longer one.
    WentBack(String),
}

/// Compares a checkpoint with the log.
///
/// # Errors
/// [`LogError`] if it is no checkpoint with the log's present signature, and so says nothing.
pub fn judge(note: &[u8], key: &LogKey, log: &LogView) -> Result<Verdict, LogError> {
    let note = Note::parse(note)?;
    let Checkpoint { size, root, .. } = Checkpoint::open_note(&note, key.name(), key)?;
    Ok(match log.root_at(size) {
        Err(_) => Verdict::WentBack(format!(
            "a checkpoint of {size} entries with this log's signature exists, and the log has only {}",
            log.size()
        )),
        Ok(own) if own != root => Verdict::WentBack(format!(
            "a checkpoint of {size} entries with this log's signature exists whose root is {root}; here the root of \
             so many entries is {own}"
        )),
        Ok(_) => Verdict::Consistent { size },
    })
}

/// Compares a checkpoint that this server stored itself with the log. A signature with a former key of this log also
/// counts. None if its log ended with a restart: the board has judged what that lost.
///
/// # Errors
/// [`LogError`] if it is no checkpoint, or signed with a key that the ledger does not know. Then it may be the only
/// evidence that this ledger is older than the key.
pub fn judge_kept(note: &[u8], keys: &LogKeys, log: &LogView) -> Result<Option<Verdict>, LogError> {
    let mut unknown = LogError::Malformed { what: "checkpoint", why: "the log has no key".into() };
    for key in &keys.of_this {
        match judge(note, key, log) {
            Ok(verdict) => return Ok(Some(verdict)),
            // The last key is the present one, whose error to report.
            Err(error) => unknown = error,
        }
    }
    let ended = keys.of_ended.iter().any(|key| Checkpoint::open(note, key.name(), key).is_ok());
    if ended { Ok(None) } else { Err(unknown) }
}
