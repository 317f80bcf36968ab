//! The Merkle tree of RFC 6962 section 2.1: growing it, proving with it, and checking proofs.

use super::{
    LogError,
    shape::{self, Node, Span},
};
use crate::Digest;

/// The hash of an entry as a leaf: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest::of_parts(&[&[0], entry])
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The root of a log without entries: the SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// A growing tree with every complete-subtree hash, 64 bytes for each entry: roots and proofs for
/// every size up to its own.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `levels[l][i]` is the hash of the 2^l leaves from i * 2^l on.
    levels: Vec<Vec<Digest>>,
    size: u64,
}

impl Tree {
    /// A tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry by its leaf hash ([`leaf_hash`]).
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        // Each trailing one bit of the old size is a complete left subtree waiting for its sibling.
        let waiting = self.size.trailing_ones() as usize;
        for hashes in self.levels.iter_mut().take(waiting) {
            let left = hashes.last().copied();
            hashes.push(hash);
            if let Some(left) = left {
                hash = node_hash(&left, &hash);
            }
        }
        match self.levels.get_mut(waiting) {
            Some(hashes) => hashes.push(hash),
            None => self.levels.push(vec![hash]),
        }
        self.size += 1;
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the whole tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        // Cannot fail: the size is the tree's own, and every complete subtree is kept.
        self.root_at(self.size).unwrap_or_else(|_| empty_root())
    }

    /// The root that the tree had at this size.
    ///
    /// # Errors
    /// The tree is smaller than that.
    pub fn root_at(&self, size: u64) -> Result<Digest, LogError> {
        self.has(size)?;
        if size == 0 {
            return Ok(empty_root());
        }
        Span::tree(size).hash(&|node| self.node(node))
    }

    /// The leaf hash of an entry.
    ///
    /// # Errors
    /// There is no such entry.
    pub fn leaf(&self, index: u64) -> Result<Digest, LogError> {
        self.node(Node { level: 0, index })
    }

    /// The proof that the entry is in the tree of this size.
    ///
    /// # Errors
    /// The tree is smaller than `size`, or `size` has no such entry.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        self.has(size)?;
        shape::inclusion(index, size)?.into_iter().map(|span| span.hash(&|node| self.node(node))).collect()
    }

    /// The proof that the tree of `newer` entries begins with the tree of `older` entries.
    ///
    /// # Errors
    /// The tree is smaller than `newer`, or `newer` than `older`.
    pub fn consistency_proof(&self, older: u64, newer: u64) -> Result<Vec<Digest>, LogError> {
        self.has(newer)?;
        shape::consistency(older, newer)?.into_iter().map(|span| span.hash(&|node| self.node(node))).collect()
    }

    pub(super) fn node(&self, node: Node) -> Result<Digest, LogError> {
        let hashes = self.levels.get(node.level as usize);
        let index = usize::try_from(node.index).ok();
        hashes
            .zip(index)
            .and_then(|(hashes, index)| hashes.get(index).copied())
            .ok_or(LogError::NoSuchEntry { index: node.index, size: self.size })
    }

    fn has(&self, size: u64) -> Result<(), LogError> {
        if size > self.size { Err(LogError::Shrunk { older: size, newer: self.size }) } else { Ok(()) }
    }
}

impl FromIterator<Digest> for Tree {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaves: I) -> Self {
        let mut tree = Self::new();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

/// The right edge of a tree: enough to append and to know the root, in at most 64 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    /// The complete subtrees that make up the tree, from the left, largest first: one for each one
    /// bit of the size.
    nodes: Vec<Digest>,
    size: u64,
}

impl Frontier {
    /// The frontier of a tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry by its leaf hash ([`leaf_hash`]).
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.nodes.push(hash);
        self.size += 1;
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.nodes
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }
}

/// Checks that the entry with this leaf hash is at `index` in the log of `size` entries with this
/// root (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// [`LogError::NoSuchEntry`] or [`LogError::NotIncluded`].
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), LogError> {
    if index >= size {
        return Err(LogError::NoSuchEntry { index, size });
    }
    let refused = LogError::NotIncluded { index, size };
    // `place` is the index of the node on the path within its level, `last` that of the level's last
    // node.
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(refused);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // A node without right sibling moves up unchanged until it is a right child.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(refused) }
}

/// Checks that the log of `newer` entries with root `newer_root` begins with the log of `older`
/// entries with root `older_root` (RFC 9162 section 2.1.4.2).
///
/// Equal sizes need equal roots and an empty proof; so does, with any newer root, an older log
/// without entries.
///
/// # Errors
/// [`LogError::Shrunk`] or [`LogError::NotAPrefix`].
pub fn verify_consistency(
    older: u64,
    older_root: &Digest,
    newer: u64,
    newer_root: &Digest,
    proof: &[Digest],
) -> Result<(), LogError> {
    if older > newer {
        return Err(LogError::Shrunk { older, newer });
    }
    let verdict = |fits: bool| if fits { Ok(()) } else { Err(LogError::NotAPrefix { older, newer }) };
    if older == newer {
        let empty_fits = older != 0 || *older_root == empty_root();
        return verdict(proof.is_empty() && older_root == newer_root && empty_fits);
    }
    if older == 0 {
        return verdict(proof.is_empty() && *older_root == empty_root());
    }
    let mut rest = proof.iter();
    // Of an older tree that is one complete subtree, the verifier knows the first hash already.
    let first = if older.is_power_of_two() { Some(older_root) } else { rest.next() };
    let Some(first) = first else { return verdict(false) };
    let (mut place, mut last) = (older - 1, newer - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut older_hash, mut newer_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return verdict(false);
        }
        if place & 1 == 1 || place == last {
            older_hash = node_hash(sibling, &older_hash);
            newer_hash = node_hash(sibling, &newer_hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            newer_hash = node_hash(&newer_hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    verdict(last == 0 && older_hash == *older_root && newer_hash == *newer_root)
}
