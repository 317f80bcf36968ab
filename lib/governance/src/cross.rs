//! Requests for cross-certificates and their answers.

use ctl_core::names::{ListId, ParticipantId};
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::statement::body::{CrossAnswer, RefusalReason};
use crate::statement::parts::BlobRef;

/// A PKI operator's request that another one vouch for its root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrossCertification {
    /// Index of the request's entry.
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The list that both are on.
    pub list: ListId,
    /// Who asks.
    pub requester: ParticipantId,
    /// Fingerprint of its anchor.
    pub requester_anchor: Digest,
    /// Who is asked.
    pub issuer: ParticipantId,
    /// Fingerprint of its anchor.
    pub issuer_anchor: Digest,
    /// The terms that are offered.
    pub terms: Option<BlobRef>,
    pub answer: Option<Answer>,
    /// When it was closed without an answer, because one of both was suspended, and the index of the cause.
    pub closed: Option<(Timestamp, u64)>,
}

impl CrossCertification {
    /// Whether it still waits for its answer.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.answer.is_none() && self.closed.is_none()
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Index of its entry.
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    pub answer: CrossAnswer,
    /// Why it is declined, if it is.
    pub reason: Option<RefusalReason>,
    /// What is agreed, or the refusal in full.
    pub document: Option<BlobRef>,
}
