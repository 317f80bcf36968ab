//! The shape of RFC 6962 trees: which complete subtrees make up a root or a proof.
//!
//! Index arithmetic only. The tree in memory and the client's set of tiles both look up the subtrees
//! named here, so roots and proofs are computed by one piece of code.

use super::{LogError, merkle::node_hash};
use crate::Digest;

/// A complete subtree: the hash of the 2^level leaves from `index * 2^level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) level: u32,
    pub(super) index: u64,
}

/// Leaves `start..end`: the whole tree, or a part of it that RFC 6962's recursion visits, so that
/// `start` is a multiple of every power of two that fits into the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    /// The whole tree of this size.
    pub(super) const fn tree(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    const fn len(self) -> u64 {
        self.end - self.start
    }

    /// Left and right halves: the left one has the largest power of two below the length
    /// (RFC 6962 section 2.1). Only for at least two leaves.
    const fn split(self) -> (Self, Self) {
        let left = 1 << (self.len() - 1).ilog2();
        let middle = self.start + left;
        (Self { start: self.start, end: middle }, Self { start: middle, end: self.end })
    }

    /// The complete subtrees that make up this span, from the left, largest first.
    pub(super) fn nodes(self) -> impl DoubleEndedIterator<Item = Node> {
        // One subtree for each bit of the length; the bits above give its place.
        (0..u64::BITS).rev().filter(move |level| (self.len() >> level) & 1 == 1).map(move |level| {
            let above = (self.len() >> level) - 1;
            Node { level, index: (self.start >> level) + above }
        })
    }

    /// The Merkle tree hash of the span, which must not be empty, from its complete subtrees.
    pub(super) fn hash(self, node: &impl Fn(Node) -> Result<Digest, LogError>) -> Result<Digest, LogError> {
        let mut hash: Option<Digest> = None;
        for subtree in self.nodes().rev() {
            let left = node(subtree)?;
            hash = Some(hash.map_or(left, |right| node_hash(&left, &right)));
        }
        hash.ok_or(LogError::NoSuchEntry { index: self.start, size: self.end })
    }
}

/// The spans whose hashes are the inclusion proof of the entry, from the leaf to the root
/// (RFC 6962 section 2.1.1).
pub(super) fn inclusion(index: u64, size: u64) -> Result<Vec<Span>, LogError> {
    if index >= size {
        return Err(LogError::NoSuchEntry { index, size });
    }
    let mut spans = Vec::new();
    let mut here = Span::tree(size);
    while here.len() > 1 {
        let (left, right) = here.split();
        let sibling;
        (here, sibling) = if index < left.end { (left, right) } else { (right, left) };
        spans.push(sibling);
    }
    spans.reverse();
    Ok(spans)
}

/// The spans whose hashes are the consistency proof between the two sizes, in the order of
/// RFC 6962 section 2.1.2. Empty if the older tree is empty or both are equal.
pub(super) fn consistency(older: u64, newer: u64) -> Result<Vec<Span>, LogError> {
    if older > newer {
        return Err(LogError::Shrunk { older, newer });
    }
    let mut spans = Vec::new();
    if older == 0 {
        return Ok(spans);
    }
    let mut here = Span::tree(newer);
    // As long as only left halves were entered, the verifier knows the remaining subtree: it is the
    // older root itself.
    let mut known = true;
    while here.end != older {
        let (left, right) = here.split();
        if older <= left.end {
            spans.push(right);
            here = left;
        } else {
            spans.push(left);
            here = right;
            known = false;
        }
    }
    if !known {
        spans.push(here);
    }
    spans.reverse();
    Ok(spans)
}
