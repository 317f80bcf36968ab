//! Why the log, or something that claims to come from it, was refused.

use super::tile::TileId;
use crate::SignerError;

/// Why a tree operation, a note, a tile or a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// More bytes than the format's limit; nothing of it was parsed.
    #[error("{what} has {actual} bytes, more than the limit of {limit}")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// Its size in bytes.
        actual: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The key gave no signature that holds.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The bytes are not of the format.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// What was being parsed.
        what: &'static str,
        why: String,
    },
    /// An entry was asked for that the log of this size does not have.
    #[error("entry {index} does not exist in a log of {size} entries")]
    NoSuchEntry {
        /// Zero-based index of the entry.
        index: u64,
        /// Number of entries.
        size: u64,
    },
    /// A tree was asked for that is larger than the one at hand.
    #[error("a log of {newer} entries cannot have grown from one of {older}: entries are missing")]
    Shrunk {
        /// Size that should be the smaller one.
        older: u64,
        /// Size that should be the larger one.
        newer: u64,
    },
    /// The inclusion proof does not lead from the entry to the root.
    #[error(
        "the inclusion proof does not lead from entry {index} to the root of the log of {size} entries: \
         the entry is not in this log at this place, or the proof is damaged"
    )]
    NotIncluded {
        /// Zero-based index that the proof claims.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The newer tree does not begin with the older one.
    #[error(
        "the log of {newer} entries was not shown to begin with the log of {older} entries seen before: \
         its history was rewritten, or the proof is damaged; keep the earlier checkpoint and compare both"
    )]
    NotAPrefix {
        /// Size of the older tree.
        older: u64,
        /// Size of the newer tree.
        newer: u64,
    },
    /// Tiles from which nothing follows, for or against the log.
    #[error(
        "the tiles do not lead to the root of the log of {size} entries: they were damaged on the way or on the \
         mirror, which says nothing of the log; try again, or another mirror"
    )]
    DamagedTiles {
        /// Size of the log that they should belong to.
        size: u64,
    },
    /// No signature line belongs to the key.
    #[error("not signed by {name:?}: no signature line has its name and key id")]
    NotSigned {
        /// Name of the key whose signature is needed.
        name: String,
    },
    /// A signature line names the key, but the signature is not of this text by this key.
    #[error("the signature of {name:?} does not fit the text")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
    /// A checkpoint of another log.
    #[error("this is a checkpoint of the log {found:?}, expected {expected:?}")]
    WrongOrigin {
        /// The origin that was asked for.
        expected: String,
        /// The origin in the checkpoint.
        found: String,
    },
    /// A tile that the computation needs is not in the set.
    #[error("tile {} is needed and missing (or too narrow)", .0.path())]
    MissingTile(TileId),
}

impl LogError {
    pub(super) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed { what, why: why.into() }
    }
}

/// Refuses `bytes` longer than `limit`.
pub(super) fn limit(what: &'static str, actual: usize, limit: usize) -> Result<(), LogError> {
    if actual > limit { Err(LogError::TooLarge { what, actual, limit }) } else { Ok(()) }
}

/// The beginning of a text from outside, short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(100).collect()
}
