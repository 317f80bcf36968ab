//! What the ledger needs of a store. Entries are only ever appended; beside them a store keeps a few
//! small values that are not part of the log, such as signatures of a ceremony that is under way.

use std::ops::Range;

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the ledger is in use by another process: stop that server first")]
    Locked,
    /// An entry is not what was written.
    #[error("entry {index} is damaged: {why}")]
    DamagedEntry {
        /// Index of the entry.
        index: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The database itself cannot be read.
    #[error("the ledger's database is damaged: {0}")]
    Damaged(String),
    /// Disk full, device gone, no permission.
    #[error("the ledger's storage failed: {0}")]
    Failed(#[from] std::io::Error),
    /// An append that does not follow the last entry.
    #[error("entry {offered} was to be appended to a ledger of {size} entries")]
    OutOfOrder {
        /// Index of the first entry to be appended.
        offered: u64,
        /// Number of entries in the store.
        size: u64,
    },
}

/// Holds the ledger's bytes. What [`Store::append`] and [`Store::keep`] acknowledge survives a loss of
/// power.
pub trait Store: Send + Sync + 'static {
    /// Number of entries.
    fn size(&self) -> u64;

    /// The bytes of an entry; none beyond the end.
    ///
    /// # Errors
    /// [`StoreError`], in particular if the bytes are not those that were appended.
    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Appends entries from index `first` on, all or none of them, together with the signed checkpoint
    /// of the log that they make, and returns when they are on the disk. Without a checkpoint, more must
    /// follow before the store is whole.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::Failed`] nobody knows whether the entries are on the disk.
    fn append(&self, first: u64, entries: &[Vec<u8>], checkpoint: Option<&[u8]>) -> Result<(), StoreError>;

    /// The signed checkpoint that was appended last.
    ///
    /// # Errors
    /// [`StoreError`]
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a small value outside the log, on the disk when this returns; none forgets it.
    ///
    /// # Errors
    /// [`StoreError`]
    fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError>;

    /// A value that was kept.
    ///
    /// # Errors
    /// [`StoreError`]
    fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// All kept values whose names begin with this, by name.
    ///
    /// # Errors
    /// [`StoreError`]
    fn kept_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Bytes on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    fn bytes_on_disk(&self) -> Result<u64, StoreError>;

    /// Lets go of what is open and opens it again, after a failure that may be over: what the store knows
    /// then is what is on the disk. A store that has nothing open has nothing to do.
    ///
    /// # Errors
    /// [`StoreError`] while the cause is still there. Readers may have to wait for the next try.
    fn reopen(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The bytes of several entries; fewer if the ledger ends before.
    ///
    /// # Errors
    /// [`StoreError`]
    fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        range.map_while(|index| self.entry(index).transpose()).collect()
    }
}
