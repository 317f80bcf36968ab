//! Suspension notices: the document by which emergency officers withdraw trust in a hurry. Nothing
//! in its form can add any.

use serde::{Deserialize, Serialize};

use crate::json::MAX_INTEGER;
use crate::list::read::{self, Contradiction, Head, check_sorted};
use crate::list::{DocumentError, LogRef};
use crate::names::{Environment, ListId};
use crate::parts::WithdrawalReason;
use crate::{Digest, Timestamp};

/// One suspension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeEntry {
    /// Fingerprint of the anchor.
    pub anchor: Digest,
    /// When it ends in the ledger; a device lifts it only by a newer document without it.
    pub expires_at: Timestamp,
    /// When it was recorded.
    pub issued_at: Timestamp,
    pub list: ListId,
    /// Index of its entry.
    pub notice: u64,
    pub reason: WithdrawalReason,
    /// SHA-256 of the anchor's SubjectPublicKeyInfo.
    pub spki: Digest,
}

/// One version of the notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesDocument {
    /// Test or production.
    pub environment: Environment,
    /// Always 1.
    pub format: u32,
    /// When it was drafted.
    pub issued_at: Timestamp,
    /// The log it was drafted from.
    pub log: LogRef,
    /// When a newer one is due.
    pub next_update: Timestamp,
    /// The notices in force.
    pub notices: Vec<NoticeEntry>,
    /// SHA-256 of the previous version; [`Digest::ZERO`] in the first.
    pub previous: Digest,
    pub scheme: Digest,
    /// Its number, one more with each version.
    pub sequence: u64,
    /// Always [`NoticesDocument::TYPE`].
    pub r#type: String,
}

impl NoticesDocument {
    /// The value of `type`.
    pub const TYPE: &'static str = "v2g-suspension-notices";
    /// The value of `format`.
    pub const FORMAT: u32 = 1;

    /// Reads notices of at most [`crate::list::MAX_PAYLOAD`] bytes.
    ///
    /// # Errors
    /// [`DocumentError`] if they are no notices, not in their one spelling, or contradict themselves.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        match read::read_directly::<Self>(bytes) {
            Some(document) if document.is_plain() && document.check().is_ok() => Ok(document),
            _ => read::read(bytes, Self::TYPE, Self::FORMAT, Self::check),
        }
    }

    /// What the slow path of reading checks before there is a document.
    fn is_plain(&self) -> bool {
        let integers = self.notices.iter().map(|entry| entry.notice).chain([self.sequence, self.log.size]);
        self.r#type == Self::TYPE
            && self.format == Self::FORMAT
            && integers.into_iter().all(|integer| integer <= MAX_INTEGER)
    }

    fn check(&self) -> Result<(), Contradiction> {
        let Self { sequence, previous, issued_at, next_update, .. } = *self;
        Head { sequence, previous, issued_at, next_update }.check()?;
        check_sorted("notices", self.notices.iter().map(|entry| entry.notice))
    }

    /// The notice that suspends an anchor of a list, by its fingerprint or its key.
    #[must_use]
    pub fn against(&self, list: &ListId, fingerprint: &Digest, spki: &Digest) -> Option<&NoticeEntry> {
        let named = |entry: &&NoticeEntry| entry.anchor == *fingerprint || entry.spki == *spki;
        self.notices.iter().filter(|entry| entry.list == *list).find(named)
    }
}
