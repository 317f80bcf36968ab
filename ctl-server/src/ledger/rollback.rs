//! Whether this server went back behind what it once signed: a backup was restored, a disk lost its
//! tail, a second server runs with the same key.
//!
//! Evidence is a checkpoint with the log's own signature that is larger than the log, or that the log
//! does not continue. Nothing unsigned counts, whoever says it.

use ctl_core::log::{Checkpoint, LogError, LogKey, Note};

use super::LogView;
use super::verify::LogKeys;

/// What a checkpoint that somebody brings says of this log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This log begins with it.
    Consistent {
        /// Its number of entries.
        size: u64,
    },
    /// This log once was another, or longer.
    WentBack(String),
}

/// Compares a checkpoint with the log.
///
/// # Errors
/// [`LogError`] if it is none, or not signed with the log's present key: it says nothing then.
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

/// Compares a checkpoint that this server kept itself with the log. One that a former key of this log signed
/// counts as much as one of today. None if it is of a log that ended with a restart: what that lost, the board
/// has judged.
///
/// # Errors
/// [`LogError`] if it is none, or signed with a key that the ledger does not know. It then may be all that
/// shows that this ledger is older than the key.
pub fn judge_kept(note: &[u8], keys: &LogKeys, log: &LogView) -> Result<Option<Verdict>, LogError> {
    let mut unknown = LogError::Malformed { what: "checkpoint", why: "the log has no key".into() };
    for key in &keys.of_this {
        match judge(note, key, log) {
            Ok(verdict) => return Ok(Some(verdict)),
            // The present key is the last, and the one to speak of.
            Err(error) => unknown = error,
        }
    }
    let ended = keys.of_ended.iter().any(|key| Checkpoint::open(note, key.name(), key).is_ok());
    if ended { Ok(None) } else { Err(unknown) }
}
