//! What readers see: the state and the log as they were after one entry, while the writer goes on.

use std::sync::{Arc, PoisonError, RwLock};

use ctl_core::Digest;
use ctl_core::log::{LogError, TileId, Tree};
use ctl_governance::State;

/// The ledger after its last acknowledged entry.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What follows from the entries. For the state at a later moment ask `state.at(now)`.
    pub state: State,
    pub log: LogView,
    /// The signed checkpoint of the log.
    pub checkpoint: Arc<[u8]>,
}

impl Snapshot {
    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.log.size
    }
}

/// The log up to a size. The tree only grows, so that all views share one.
#[derive(Clone, Debug)]
pub struct LogView {
    tree: Arc<RwLock<Tree>>,
    size: u64,
}

impl LogView {
    pub(super) fn new(tree: Tree) -> Self {
        Self { size: tree.size(), tree: Arc::new(RwLock::new(tree)) }
    }

    /// Appends leaves; the views that exist do not change.
    pub(super) fn grown(&self, leaves: impl IntoIterator<Item = Digest>) -> Self {
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        Self { tree: Arc::clone(&self.tree), size: tree.size() }
    }

    fn with<T>(&self, read: impl FnOnce(&Tree) -> T) -> T {
        read(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root at this or an earlier size.
    ///
    /// # Errors
    /// The log is smaller than that.
    pub fn root_at(&self, size: u64) -> Result<Digest, LogError> {
        self.has(size)?;
        self.with(|tree| tree.root_at(size))
    }

    /// The leaf hash of an entry.
    ///
    /// # Errors
    /// There is no such entry.
    pub fn leaf(&self, index: u64) -> Result<Digest, LogError> {
        if index >= self.size {
            return Err(LogError::NoSuchEntry { index, size: self.size });
        }
        self.with(|tree| tree.leaf(index))
    }

    /// The proof that an entry is in the log of this view.
    ///
    /// # Errors
    /// There is no such entry.
    pub fn inclusion_proof(&self, index: u64) -> Result<Vec<Digest>, LogError> {
        self.with(|tree| tree.inclusion_proof(index, self.size))
    }

    /// The proof that an entry is in the log at this or an earlier size.
    ///
    /// # Errors
    /// There was no such entry, or the log is smaller than that.
    pub fn inclusion_proof_at(&self, index: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        self.has(size)?;
        self.with(|tree| tree.inclusion_proof(index, size))
    }

    /// The proof that the log of this view begins with that of an earlier size.
    ///
    /// # Errors
    /// The log is smaller than that.
    pub fn consistency_proof(&self, older: u64) -> Result<Vec<Digest>, LogError> {
        self.with(|tree| tree.consistency_proof(older, self.size))
    }

    /// The bytes of a tile of hashes.
    ///
    /// # Errors
    /// The log has no such tile.
    pub fn tile(&self, tile: TileId) -> Result<Vec<u8>, LogError> {
        if !tile.exists_in(self.size) {
            return Err(LogError::MissingTile(tile));
        }
        self.with(|tree| tile.bytes(tree))
    }

    /// All hashes of this view, as [`Tree::hashes`] gives them.
    ///
    /// # Errors
    /// None that a view of this log could meet.
    pub fn hashes(&self) -> Result<Vec<u8>, LogError> {
        self.with(|tree| tree.hashes(self.size))
    }

    fn has(&self, size: u64) -> Result<(), LogError> {
        if size > self.size { Err(LogError::Shrunk { older: size, newer: self.size }) } else { Ok(()) }
    }
}
