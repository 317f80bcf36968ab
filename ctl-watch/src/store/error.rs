//! What can go wrong with the monitor's store. Nothing of it stops the server.

use std::io;

/// Why something was not kept or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk.
    #[error("the monitor's store: {0}")]
    Io(#[from] io::Error),
    /// What is on the disk is not what was written.
    #[error("the monitor's store is damaged: {0}")]
    Damaged(String),
    /// Another process has it open.
    #[error("the monitor's store is open in another process")]
    Locked,
}

impl StoreError {
    pub(super) fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Damaged(what.to_string())
    }
}
