//! What can go wrong with the history. Nothing of it stops the watch.

use std::io;

use rusqlite::ErrorCode;

/// Why something was not kept or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("the history of the watch: {0}")]
    Io(#[from] io::Error),
    /// The database said no: the disk is full, or a file is not to be written.
    #[error("the history of the watch: {0}")]
    Database(rusqlite::Error),
    /// What is on the disk is not what was written.
    #[error("the history of the watch is damaged: {0}")]
    Damaged(String),
    /// Another process has it open.
    #[error("the history of the watch is open in another process")]
    Locked,
    /// Another release wrote it.
    #[error(
        "the history of the watch has format {0}, and this release reads format {expected}: move watch.db away, or run \
         the release that wrote it",
        expected = super::SCHEMA_VERSION
    )]
    Version(i64),
}

impl StoreError {
    pub(super) fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Damaged(what.to_string())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::damaged(error),
            _ => Self::Database(error),
        }
    }
}
