//! What the program keeps: one SQLite database with the documents as last verified, the roots that subscribers know of,
//! endpoints with their secrets, and deliveries. Every change is one transaction, and on the disk when its method returns.
//!
//! A damaged database is not replaced: with it the subscribers' secrets would be gone, and they must hear of that.

mod deliveries;
mod documents;
mod endpoints;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ctl_host::files;
use rusqlite::Connection;

pub use deliveries::{Counts, Delivery, Logged, Outcome};
pub use documents::{Advanced, Held};
pub use endpoints::Refused;

/// The format of the database.
const SCHEMA_VERSION: i64 = 1;
/// The database file.
const FILE: &str = "webhooks.db";
/// Every commit is synchronised: what was promised to a subscriber survives a loss of power.
const SETTINGS: &str = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 4194304; PRAGMA temp_store = MEMORY; \
                        PRAGMA secure_delete = ON;";

/// Why the store could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system failed.
    #[error("the store: {0}")]
    Io(#[from] io::Error),
    /// The database failed, or is damaged.
    #[error("the store: {0}; if webhooks.db is damaged, put a backup in its place")]
    Database(#[from] rusqlite::Error),
    /// A row is not what this program writes.
    #[error("the store: {0}; put a backup in its place")]
    Damaged(String),
    /// Another process has it open.
    #[error("the store is open in another process")]
    Locked,
    /// Another release wrote it.
    #[error(
        "the store has format {0}, and this release reads format {SCHEMA_VERSION}: run the release that wrote it"
    )]
    Version(i64),
}

impl StoreError {
    fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Damaged(what.to_string())
    }
}

/// The store. Every method blocks on the disk.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    /// Keeps other processes out.
    _lock: files::Lock,
}

impl Store {
    /// Opens or creates the database in this directory, which only its owner may enter.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        if !directory.exists() {
            files::create_secret_directory(directory)?;
        }
        let lock =
            files::locked(File::create(directory.join("webhooks.lock"))?)?.ok_or(StoreError::Locked)?;
        let file = directory.join(FILE);
        // SQLite gives its side files the permissions of this one.
        match files::write_new(&file, b"", files::SECRET) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let mut connection = Connection::open(&file)?;
        connection.execute_batch(SETTINGS)?;
        match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
            0 => {
                let transaction = connection.transaction()?;
                transaction.execute_batch(include_str!("schema.sql"))?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
                transaction.commit()?;
            }
            SCHEMA_VERSION => {}
            other => return Err(StoreError::Version(other)),
        }
        Ok(Self { connection: Mutex::new(connection), _lock: lock })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to write, as a full disk would, or stops refusing.
    ///
    /// # Errors
    /// [`StoreError`]
    #[doc(hidden)]
    pub fn refuse(&self, refuses: bool) -> Result<(), StoreError> {
        Ok(self.connection().pragma_update(None, "query_only", refuses)?)
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::damaged)
}
