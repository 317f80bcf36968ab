//! The Update Framework 1.0: metadata, verification, and the client's workflow, without I/O.
//!
//! The flow of the data: outside bytes become [`Signed`] metadata ([`metadata`], [`roles`]), its
//! signatures are counted against the role that was delegated ([`verify`]), and the [`Updater`]
//! applies specification §5 to them in order; it asks for files and says what to keep, and the
//! caller fetches and writes, be it over HTTP, from a mirror on disk, or in a test.

mod client;
mod error;
mod lookup;
pub mod metadata;
pub mod paths;
pub mod restart;
pub mod roles;
mod signed;
pub mod verify;

#[cfg(test)]
mod tests;

pub use client::{Clock, LocalMetadata, Response, Step, Updater};
pub use error::TufError;
pub use lookup::TargetInfo;
pub use metadata::{
    Hashes, LogTrust, MetaFile, Metadata, Root, Snapshot, Target, Targets, Timestamp, TopLevelRoles,
    V2gTrust, WitnessTrust,
};
pub use restart::{GoOnFrom, Restart, RestartReason};
pub use roles::{DelegatedRole, Delegations, Key, KeyHolders, RoleKeys};
pub use signed::{Signed, TufSignature, envelope, sign, signing_bytes};
pub use verify::{delegated_threshold, verify_role, verify_root_rotation, walk_root_chain};

/// The version of the specification that this module writes; it reads every 1.x.
pub const SPEC_VERSION: &str = "1.0.31";

/// How much a repository may ask of a client. The defaults are python-tuf's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a root file.
    pub root: usize,
    /// Bytes of the timestamp file.
    pub timestamp: usize,
    /// Bytes of a snapshot file.
    pub snapshot: usize,
    /// Bytes of a targets file, top-level or delegated.
    pub targets: usize,
    /// New root versions accepted in one run.
    pub root_rotations: u32,
    /// Delegated roles visited while looking for one target.
    pub delegations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root: 512_000,
            timestamp: 16_384,
            snapshot: 2_000_000,
            targets: 5_000_000,
            root_rotations: 256,
            delegations: 32,
        }
    }
}
