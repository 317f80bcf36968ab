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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    /// The tree's right edge.
    #[must_use]
    pub fn frontier(&self) -> Frontier {
        // None is missing: every complete subtree is kept.
        let nodes = Span::tree(self.size).nodes().filter_map(|node| self.node(node).ok()).collect();
        Frontier { nodes, size: self.size }
    }

    /// All hashes of the tree at this or an earlier size, level by level from the leaves up, 32 bytes each: what
    /// [`Tree::from_hashes`] reads.
    ///
    /// # Errors
    /// The tree is smaller than that.
    pub fn hashes(&self, size: u64) -> Result<Vec<u8>, LogError> {
        self.has(size)?;
        let mut bytes = Vec::new();
        for (level, hashes) in self.levels.iter().enumerate() {
            let complete = usize::try_from(size.checked_shr(level as u32).unwrap_or(0)).unwrap_or(usize::MAX);
            bytes.extend(hashes.iter().take(complete).flat_map(|hash| hash.as_bytes()));
        }
        Ok(bytes)
    }

    /// The tree of this size from all its hashes, without making any of them again: they are believed. A leaf or a
    /// node that is wrong shows in proofs, which nobody accepts, and only those at the right edge in the root.
    ///
    /// # Errors
    /// [`LogError::Malformed`] if there are not as many hashes as such a tree has.
    pub fn from_hashes(size: u64, bytes: &[u8]) -> Result<Self, LogError> {
        let malformed = || LogError::malformed("tree", format!("it has not the hashes of {size} entries"));
        let (hashes, odd) = bytes.as_chunks::<32>();
        let (mut rest, mut levels) = (hashes, Vec::new());
        let mut complete = size;
        while complete > 0 {
            let length = usize::try_from(complete).map_err(|_| malformed())?;
            let (level, above) = rest.split_at_checked(length).ok_or_else(malformed)?;
            levels.push(level.iter().map(|hash| Digest::from_bytes(*hash)).collect());
            rest = above;
            complete >>= 1;
        }
        if rest.is_empty() && odd.is_empty() { Ok(Self { levels, size }) } else { Err(malformed()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The test tree of the Certificate Transparency reference implementation, used by RFC 6962
    /// implementations ever since: eight entries and the root after each.
    const ENTRIES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves() -> Vec<Digest> {
        ENTRIES.iter().map(|entry| leaf_hash(&hex::decode(entry).unwrap())).collect()
    }

    #[test]
    fn the_published_roots_come_out() {
        let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(tree.size(), size as u64);
            assert_eq!(tree.root().to_string(), *root);
            assert_eq!(frontier.size(), size as u64);
            assert_eq!(frontier.root().to_string(), *root);
            assert_eq!(tree.frontier(), frontier);
            let hashes = tree.hashes(size as u64).unwrap();
            assert_eq!(Tree::from_hashes(size as u64, &hashes).unwrap(), tree);
            assert!(Tree::from_hashes(size as u64 + 1, &hashes).is_err());
            if let Some(leaf) = leaves().get(size) {
                tree.push(*leaf);
                frontier.push(*leaf);
            }
        }
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(tree.root_at(size as u64).unwrap().to_string(), *root);
        }
    }

    #[test]
    fn the_published_consistency_proof_from_six_to_eight_comes_out() {
        let tree: Tree = leaves().into_iter().collect();
        let proof = tree.consistency_proof(6, 8).unwrap();
        let published = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(proof.iter().map(Digest::to_string).collect::<Vec<_>>(), published);
    }

    #[test]
    fn what_the_tree_does_not_have_is_an_error() {
        let tree: Tree = leaves().into_iter().collect();
        assert_eq!(tree.root_at(9), Err(LogError::Shrunk { older: 9, newer: 8 }));
        assert_eq!(tree.leaf(8), Err(LogError::NoSuchEntry { index: 8, size: 8 }));
        assert_eq!(tree.inclusion_proof(3, 3), Err(LogError::NoSuchEntry { index: 3, size: 3 }));
        assert_eq!(tree.inclusion_proof(3, 9), Err(LogError::Shrunk { older: 9, newer: 8 }));
        assert_eq!(tree.consistency_proof(5, 4), Err(LogError::Shrunk { older: 5, newer: 4 }));
        assert_eq!(tree.consistency_proof(5, 9), Err(LogError::Shrunk { older: 9, newer: 8 }));
    }
}
