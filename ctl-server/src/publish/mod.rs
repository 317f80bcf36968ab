//! From state to bytes: drafts, ceremonies, TUF roles, renditions, tiles.
//!
//! People sign first: the [`ceremony`] collects their signatures of a draft. The [`publisher`] follows the ledger.
//! Publications become files ([`documents`]), the log becomes tiles and a checkpoint ([`log`]), and the server vouches
//! for all of it with snapshot and timestamp ([`freshness`]), and compressed ([`press`]). The whole is one [`edition`] of the [`site`], in memory
//! and in a [`sink`], such as a directory on [`disk`].
//!
//! Everything except snapshot and timestamp follows from the ledger, to the byte.

pub mod ceremony;
pub mod disk;
pub mod documents;
pub mod edition;
pub mod freshness;
pub mod interop;
pub mod log;
mod maker;
pub mod prepared;
pub mod press;
pub mod publisher;
pub mod replay;
pub mod sink;
pub mod site;

pub use ceremony::Ceremonies;
pub use publisher::{Config, Publisher};
pub use site::{SharedSite, Site};

use ctl_core::SignerError;
use ctl_core::log::LogError;
use ctl_governance::Refusal;
use ctl_governance::statement::StatementError;
use ctl_host::clock::ClockError;

use crate::keys::KeysError;
use crate::ledger::{RecordError, StoreError};

/// Why something could not be published; the publisher tries again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The log lacks a part.
    #[error("the log: {0}")]
    Log(#[from] LogError),
    /// The server's keys cannot sign.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The key of snapshot or timestamp cannot sign.
    #[error("snapshot and timestamp are not signed: {0}")]
    Signer(#[from] SignerError),
    /// The ledger's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is missing.
    #[error("entry {0} of the ledger is missing")]
    Missing(u64),
    /// An entry cannot be read.
    #[error("entry {index} of the ledger: {error}")]
    Entry { index: u64, error: StatementError },
    /// The first entry does not found a scheme.
    #[error("entry 0 of the ledger: {0}")]
    Genesis(Refusal),
    /// What is signed for a role is not JSON.
    #[error("the metadata of {role}: {error}")]
    Metadata { role: String, error: String },
    /// The clock is not believed, so nothing with a time is signed.
    #[error("snapshot and timestamp are not signed: {0}")]
    Clock(#[from] ClockError),
    /// A draft or publication was not recorded.
    #[error("not recorded: {0}")]
    Record(#[from] RecordError),
    /// The publishing task ended.
    #[error("the publisher stopped: {0}")]
    Stopped(String),
}
