//! The registry of mobility-operator identifiers: who holds which. It never feeds trust.

use serde::{Deserialize, Serialize};

use crate::json::MAX_INTEGER;
use crate::list::read::{self, Contradiction, Head, check_sorted};
use crate::list::{DocumentError, LogRef};
use crate::names::{Environment, Label, MoId, ParticipantId, RegistryId};
use crate::parts::MoStatus;
use crate::{Digest, Timestamp};

/// One identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryEntry {
    /// Index of the entry that caused its status.
    pub decision: u64,
    pub holder: ParticipantId,
    /// The identifier.
    pub id: MoId,
    /// The holder's name for people.
    pub name: Label,
    pub since: Timestamp,
    /// The national registry that issued it.
    pub source: RegistryId,
    /// Whether it is in use.
    pub status: MoStatus,
}

/// One version of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryDocument {
    /// Test or production.
    pub environment: Environment,
    /// Always 1.
    pub format: u32,
    /// The identifiers, in order.
    pub identifiers: Vec<RegistryEntry>,
    /// When it was drafted.
    pub issued_at: Timestamp,
    /// The log it was drafted from.
    pub log: LogRef,
    /// When a newer one is due.
    pub next_update: Timestamp,
    /// SHA-256 of the previous version; [`Digest::ZERO`] in the first.
    pub previous: Digest,
    pub scheme: Digest,
    /// Its number, one more with each version.
    pub sequence: u64,
    /// Always [`RegistryDocument::TYPE`].
    pub r#type: String,
}

impl RegistryDocument {
    /// The value of `type`.
    pub const TYPE: &'static str = "v2g-mo-registry";
    /// The value of `format`.
    pub const FORMAT: u32 = 1;

    /// Reads a registry of at most [`crate::list::MAX_PAYLOAD`] bytes.
    ///
    /// # Errors
    /// [`DocumentError`] if it is no registry, not in its one spelling, or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        match read::read_directly::<Self>(bytes) {
            Some(document) if document.is_plain() && document.check().is_ok() => Ok(document),
            _ => read::read(bytes, Self::TYPE, Self::FORMAT, Self::check),
        }
    }

    /// What the slow path of reading checks before there is a document.
    fn is_plain(&self) -> bool {
        let integers =
            self.identifiers.iter().map(|entry| entry.decision).chain([self.sequence, self.log.size]);
        self.r#type == Self::TYPE
            && self.format == Self::FORMAT
            && integers.into_iter().all(|integer| integer <= MAX_INTEGER)
    }

    fn check(&self) -> Result<(), Contradiction> {
        let Self { sequence, previous, issued_at, next_update, .. } = *self;
        Head { sequence, previous, issued_at, next_update }.check()?;
        check_sorted("identifiers", self.identifiers.iter().map(|entry| &entry.id))
    }

    /// What it says of an identifier.
    #[must_use]
    pub fn entry(&self, id: &MoId) -> Option<&RegistryEntry> {
        let index = self.identifiers.binary_search_by(|entry| entry.id.cmp(id)).ok()?;
        self.identifiers.get(index)
    }
}
