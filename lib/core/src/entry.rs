//! The envelopes of the ledger, whatever they hold: an entry around a statement, and the payload that is signed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::Nonce;
use crate::{Digest, Timestamp};

/// The largest entry in bytes, so that it fits an entry bundle (u16 lengths).
pub const MAX_ENTRY: usize = 60_000;
/// What an entry adds around a statement, rounded up.
const ENTRY_OVERHEAD: usize = 64;
/// The largest statement in bytes of canonical JSON.
pub const MAX_STATEMENT: usize = MAX_ENTRY - ENTRY_OVERHEAD;

/// The log that a statement's author had seen: makes a rewritten history visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Number of entries.
    pub size: u64,
    /// Root hash of the tree over them (RFC 6962).
    pub root_hash: Digest,
}

/// The payload of a statement: what is signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPayload {
    /// The log that its author had seen.
    pub basis: Basis,
    /// What it says, by its type.
    pub body: Value,
    /// When its author says it was signed.
    pub issued_at: Timestamp,
    /// Makes it unique.
    pub nonce: Nonce,
    /// The scheme's id; [`Digest::ZERO`] in the genesis.
    pub scheme: Digest,
    pub r#type: String,
}

/// An entry of the ledger.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEntry {
    /// When the server recorded it.
    pub recorded_at: Timestamp,
    /// The statement: JWS general JSON.
    pub statement: Value,
}
