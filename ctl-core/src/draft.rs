//! Drafts: the exact bytes that people sign, as a pure function of the ledger up to the draft's entry.

use std::sync::Arc;

/// The bytes to be signed for one version of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    /// The document in canonical JSON, signed as JWS; none for the board's metadata.
    pub document: Option<Arc<[u8]>>,
    /// The `signed` part of the role's TUF metadata in OLPC canonical JSON.
    pub metadata: Arc<[u8]>,
}
