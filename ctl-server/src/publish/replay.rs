//! Replays the ledger entry by entry and returns what was published. The state knows only the last version of each
//! role, but files of all versions are served.

use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::body::{DraftOpen, PublicationRecord};
use ctl_governance::statement::{Body, Entry};

use super::PublishError;

/// One version of one role, with its signatures.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Index of the publication's entry.
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What the draft fixed.
    pub open: DraftOpen,
    /// The bytes that were signed.
    pub documents: ctl_governance::draft::Documents,
    /// SHA-256 of the document.
    pub digest: Option<Digest>,
    /// The record with the signatures.
    pub record: PublicationRecord,
    /// The bytes of the publication's entry.
    pub entry: Vec<u8>,
}

impl Publication {
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.open.role
    }
}

/// The state up to the entries seen.
#[derive(Debug, Default)]
pub struct Replay {
    state: Option<State>,
}

impl Replay {
    /// How many entries were seen.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.as_ref().map_or(0, State::size)
    }

    /// Applies the next entry, which the ledger has checked; returns what it published.
    ///
    /// # Errors
    /// [`PublishError`] if the bytes are no entry.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<Option<Publication>, PublishError> {
        let index = self.size();
        let entry = Entry::parse(bytes).map_err(|error| PublishError::Entry { index, error })?;
        let Some(state) = &mut self.state else {
            self.state = Some(ctl_governance::genesis(&entry).map_err(PublishError::Genesis)?);
            return Ok(None);
        };
        state.apply(&entry);
        let Body::PublicationRecord(record) = &entry.statement.payload.body else { return Ok(None) };
        let published = state.published.get(&record.role).filter(|published| published.index == index);
        Ok(published.map(|published| Publication {
            index,
            at: published.at,
            open: published.open.clone(),
            documents: published.documents.clone(),
            digest: published.document,
            record: (**record).clone(),
            entry: entry.bytes.clone(),
        }))
    }
}
