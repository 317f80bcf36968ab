//! Why the history could not be read or written. None of it stops the watch.

use std::io;

use rusqlite::ErrorCode;

/// Why the history could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system failed.
    #[error("the history of the watch: {0}")]
    Io(#[from] io::Error),
    /// The database failed: the disk is full, or the file is not writable.
    #[error("the history of the watch: {0}")]
    Database(rusqlite::Error),
    /// The database is damaged.
    #[error("the history of the watch is damaged: {0}")]
    Damaged(String),
    /// Another process has the history open.
    #[error("the history of the watch is open in another process")]
    Locked,
    /// Another release wrote the history.
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
