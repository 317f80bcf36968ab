//! What readers see: the state and the log after one entry, while the writer goes on.

use std::sync::{Arc, PoisonError, RwLock};

use ctl_core::Digest;
use ctl_core::log::{LogError, TileId, Tree};
use ctl_governance::State;

/// The ledger after its last acknowledged entry.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The state after the last entry. For a later moment call `state.at(now)`.
    pub state: State,
    pub log: LogView,
    /// The signed checkpoint of the log.
    pub checkpoint: Arc<[u8]>,
}

impl Snapshot {
    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.log.size
    }
}

/// The log up to a size. The tree only grows, so all views share it.
#[derive(Clone, Debug)]
pub struct LogView {
    tree: Arc<RwLock<Tree>>,
    size: u64,
}

impl LogView {
    pub(super) fn new(tree: Tree) -> Self {
        Self { size: tree.size(), tree: Arc::new(RwLock::new(tree)) }
    }

    /// Appends leaves; existing views do not change.
    pub(super) fn grown(&self, leaves: impl IntoIterator<Item = Digest>) -> Self {
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        Self { tree: Arc::clone(&self.tree), size: tree.size() }
    }

    fn with<T>(&self, read: impl FnOnce(&Tree) -> T) -> T {
        read(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root at this or an earlier size.
    ///
    /// # Errors
    /// If the log is smaller.
    pub fn root_at(&self, size: u64) -> Result<Digest, LogError> {
        self.has(size)?;
        self.with(|tree| tree.root_at(size))
    }

    /// The leaf hash of an entry.
    ///
    /// # Errors
    /// If there is no such entry.
    pub fn leaf(&self, index: u64) -> Result<Digest, LogError> {
        if index >= self.size {
            return Err(LogError::NoSuchEntry { index, size: self.size });
        }
        self.with(|tree| tree.leaf(index))
    }

    /// The proof that an entry is in this log.
    ///
    /// # Errors
    /// If there is no such entry.
    pub fn inclusion_proof(&self, index: u64) -> Result<Vec<Digest>, LogError> {
        self.with(|tree| tree.inclusion_proof(index, self.size))
    }

    /// The proof that an entry is in the log at this or an earlier size.
    ///
    /// # Errors
    /// If there was no such entry, or the log is smaller.
    pub fn inclusion_proof_at(&self, index: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        self.has(size)?;
        self.with(|tree| tree.inclusion_proof(index, size))
    }

    /// The proof that this log continues that of an earlier size.
    ///
    /// # Errors
    /// If the log is smaller.
    pub fn consistency_proof(&self, older: u64) -> Result<Vec<Digest>, LogError> {
        self.with(|tree| tree.consistency_proof(older, self.size))
    }

    /// The bytes of a tile of hashes.
    ///
    /// # Errors
    /// If the log has no such tile.
    pub fn tile(&self, tile: TileId) -> Result<Vec<u8>, LogError> {
        if !tile.exists_in(self.size) {
            return Err(LogError::MissingTile(tile));
        }
        self.with(|tree| tile.bytes(tree))
    }

    /// All hashes of this view, as [`Tree::hashes`] gives them.
    ///
    /// # Errors
    /// None, for a view of this log.
    pub fn hashes(&self) -> Result<Vec<u8>, LogError> {
        self.with(|tree| tree.hashes(self.size))
    }

    fn has(&self, size: u64) -> Result<(), LogError> {
        if size > self.size { Err(LogError::Shrunk { older: size, newer: self.size }) } else { Ok(()) }
    }
}
