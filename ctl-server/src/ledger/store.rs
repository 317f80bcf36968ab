//! What the ledger needs of a store. Entries are only ever appended. A store also holds a few small values that are not
//! part of the log, such as the signatures of an open ceremony.

use std::ops::Range;

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("the ledger is in use by another process: stop that server first")]
    Locked,
    /// An entry is not what was written.
    #[error("entry {index} is damaged: {why}")]
    DamagedEntry {
        /// Index of the entry.
        index: u64,
        why: String,
    },
    /// The database itself cannot be read.
    #[error("the ledger's database is damaged: {0}")]
    Damaged(String),
    /// The disk is full or gone, or permission is missing.
    #[error("the ledger's storage failed: {0}")]
    Failed(#[from] std::io::Error),
    /// The entries to append do not follow the last one.
    #[error("entry {offered} was to be appended to a ledger of {size} entries")]
    OutOfOrder {
        /// Index of the first entry to append.
        offered: u64,
        /// Number of entries in the store.
        size: u64,
    },
}

/// Holds the ledger's bytes. What [`Store::append`] and [`Store::keep`] have acknowledged survives a loss of power.
pub trait Store: Send + Sync + 'static {
    /// How many entries there are.
    fn size(&self) -> u64;

    /// The bytes of an entry; none beyond the end.
    ///
    /// # Errors
    /// [`StoreError`], for example if the bytes are not those that were appended.
    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Appends entries from index `first` on, all or none, together with the signed checkpoint of the resulting log;
    /// they are on the disk when this returns. Without a checkpoint the store is incomplete until more follow.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::Failed`] nobody knows whether the entries are on the disk.
    fn append(&self, first: u64, entries: &[Vec<u8>], checkpoint: Option<&[u8]>) -> Result<(), StoreError>;

    /// The last appended checkpoint.
    ///
    /// # Errors
    /// [`StoreError`]
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a small value outside the log; it is on the disk when this returns. None removes it.
    ///
    /// # Errors
    /// [`StoreError`]
    fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError>;

    /// A stored value.
    ///
    /// # Errors
    /// [`StoreError`]
    fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// All stored values whose names have this prefix, by name.
    ///
    /// # Errors
    /// [`StoreError`]
    fn kept_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Bytes on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    fn bytes_on_disk(&self) -> Result<u64, StoreError>;

    /// Closes and reopens the database, after a failure that may be over: then the store knows what is on the disk. A
    /// store without an open database does nothing.
    ///
    /// # Errors
    /// [`StoreError`] while the cause persists. Readers may have to wait for the next attempt.
    fn reopen(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The bytes of several entries; fewer if the ledger ends earlier.
    ///
    /// # Errors
    /// [`StoreError`]
    fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        range.map_while(|index| self.entry(index).transpose()).collect()
    }
}
