//! What a client does with tiles from an untrusted server or mirror: name those that it needs,
//! compute roots and proofs from them, and check the result against roots that it trusts.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    LogError,
    merkle::{empty_root, node_hash, verify_consistency, verify_inclusion},
    shape::{self, Node, Span},
    tile::{TILE_HEIGHT, TileId},
};
use crate::Digest;

/// The tiles that [`TileSet::root`] needs.
#[must_use]
pub fn tiles_for_root(size: u64) -> Vec<TileId> {
    tiles_for([Span::tree(size)], size)
}

/// The tiles that [`TileSet::inclusion_proof`] needs. They hold the entry's own leaf hash too.
///
/// # Errors
/// The log of this size has no such entry.
pub fn tiles_for_inclusion(index: u64, size: u64) -> Result<Vec<TileId>, LogError> {
    let own = Span { start: index, end: index.saturating_add(1) };
    Ok(tiles_for(shape::inclusion(index, size)?.into_iter().chain([own]), size))
}

/// The tiles that [`TileSet::consistency_proof`], [`TileSet::prefix`] and [`verify_prefix`] need.
///
/// # Errors
/// `newer` is smaller than `older`.
pub fn tiles_for_consistency(older: u64, newer: u64) -> Result<Vec<TileId>, LogError> {
    let proof = shape::consistency(older, newer)?;
    let own = (older != newer).then_some(Span::tree(older));
    Ok(tiles_for(proof.into_iter().chain(own), newer))
}

fn tiles_for(spans: impl IntoIterator<Item = Span>, size: u64) -> Vec<TileId> {
    let nodes = spans.into_iter().flat_map(Span::nodes);
    nodes.map(|node| TileId::holding(node, size)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Tiles as they were received. Nothing in it is trusted: every result has to be checked against a
/// root, as [`verify_prefix`] and [`TileSet::verify_entry`] do.
#[derive(Debug, Clone, Default)]
pub struct TileSet {
    tiles: BTreeMap<(u8, u64), Vec<Digest>>,
}

impl TileSet {
    /// A set without tiles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tile. A wider tile stands for all narrower ones of its place, so where a log has
    /// deleted a partial tile, its full one ([`TileId::full`]) will do.
    ///
    /// # Errors
    /// Not exactly as many hashes as the tile is wide.
    pub fn insert(&mut self, id: TileId, bytes: &[u8]) -> Result<(), LogError> {
        let hashes = id.hashes(bytes)?;
        let known = self.tiles.entry((id.level, id.index)).or_default();
        if known.len() < hashes.len() {
            *known = hashes;
        }
        Ok(())
    }

    /// Which of these tiles are not in the set.
    #[must_use]
    pub fn missing(&self, needed: &[TileId]) -> Vec<TileId> {
        let has = |id: &TileId| {
            self.tiles.get(&(id.level, id.index)).is_some_and(|hashes| hashes.len() >= usize::from(id.width))
        };
        needed.iter().copied().filter(|id| !has(id)).collect()
    }

    /// The root of the log of this size, by these tiles.
    ///
    /// # Errors
    /// A tile is missing: see [`tiles_for_root`].
    pub fn root(&self, size: u64) -> Result<Digest, LogError> {
        if size == 0 { Ok(empty_root()) } else { self.hash(Span::tree(size), size) }
    }

    /// The inclusion proof of an entry, by these tiles.
    ///
    /// # Errors
    /// No such entry, or a tile is missing: see [`tiles_for_inclusion`].
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        shape::inclusion(index, size)?.into_iter().map(|span| self.hash(span, size)).collect()
    }

    /// The consistency proof between two sizes, by these tiles.
    ///
    /// # Errors
    /// The sizes are in the wrong order, or a tile is missing: see [`tiles_for_consistency`].
    pub fn consistency_proof(&self, older: u64, newer: u64) -> Result<Vec<Digest>, LogError> {
        shape::consistency(older, newer)?.into_iter().map(|span| self.hash(span, newer)).collect()
    }

    /// The root that the log of `newer` entries with this (trusted) root had at `older` entries, and
    /// the proof of it. What comes out is proven, whatever the tiles are: so a root other than the one
    /// that was seen at that size proves that the log's history was changed.
    ///
    /// # Errors
    /// [`LogError::Shrunk`], [`LogError::MissingTile`] (see [`tiles_for_consistency`]), or
    /// [`LogError::DamagedTiles`], which prove nothing.
    pub fn prefix(
        &self,
        older: u64,
        newer: u64,
        newer_root: &Digest,
    ) -> Result<(Digest, Vec<Digest>), LogError> {
        if older == newer {
            return Ok((*newer_root, vec![]));
        }
        let proof = self.consistency_proof(older, newer)?;
        let root = if older == 0 { empty_root() } else { self.hash(Span::tree(older), newer)? };
        match verify_consistency(older, &root, newer, newer_root, &proof) {
            Ok(()) => Ok((root, proof)),
            Err(_) => Err(LogError::DamagedTiles { size: newer }),
        }
    }

    /// Checks that the entry with this leaf hash is at `index` in the log with this size and
    /// (trusted) root.
    ///
    /// # Errors
    /// A tile is missing (see [`tiles_for_inclusion`]), or the tiles do not lead to the root.
    pub fn verify_entry(&self, leaf: &Digest, index: u64, size: u64, root: &Digest) -> Result<(), LogError> {
        verify_inclusion(leaf, index, size, &self.inclusion_proof(index, size)?, root)
    }

    fn hash(&self, span: Span, size: u64) -> Result<Digest, LogError> {
        span.hash(&|node| self.node(node, size))
    }

    /// The node's hash, from the hashes of its tile.
    fn node(&self, node: Node, size: u64) -> Result<Digest, LogError> {
        let id = TileId::holding(node, size);
        let height = node.level % TILE_HEIGHT;
        let count = 1_usize << height;
        // Place of the node's first hash within the tile: below 256.
        let first = ((node.index << height) & 0xff) as usize;
        let tile = self.tiles.get(&(id.level, id.index));
        let hashes = tile.and_then(|hashes| hashes.get(first..first + count));
        let mut hashes = hashes.ok_or(LogError::MissingTile(id))?.to_vec();
        for _ in 0..height {
            hashes = hashes.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        hashes.first().copied().ok_or(LogError::MissingTile(id))
    }
}

/// Checks, from untrusted tiles of the newer log, that it begins with the older one. Both sizes and
/// roots come from verified checkpoints (or a payload's `log` member and a verified checkpoint).
///
/// # Errors
/// Those of [`TileSet::prefix`], and [`LogError::NotAPrefix`], which proves that the newer log does not
/// begin with the older one.
pub fn verify_prefix(
    tiles: &TileSet,
    older: u64,
    older_root: &Digest,
    newer: u64,
    newer_root: &Digest,
) -> Result<(), LogError> {
    let (root, _) = tiles.prefix(older, newer, newer_root)?;
    let empty_fits = newer != 0 || *newer_root == empty_root();
    if root == *older_root && empty_fits { Ok(()) } else { Err(LogError::NotAPrefix { older, newer }) }
}
