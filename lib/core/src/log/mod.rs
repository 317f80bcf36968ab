//! The transparency log: Merkle tree, signed checkpoints, tiles, proofs.
//!
//! The flow of the data: an entry's bytes become a leaf hash ([`merkle`]), the tree's root is signed
//! as a checkpoint ([`note`], [`checkpoint`]), tree and entries are served as static tiles
//! ([`tile`]), a client computes from untrusted tiles what it needs and checks it against a signed
//! checkpoint ([`tile_set`]), and one entry travels with its proof in a file of its own ([`proof`]).
//!
//! Formats: RFC 6962 and the C2SP documents `signed-note`, `tlog-checkpoint`, `tlog-cosignature`,
//! `tlog-tiles` and `tlog-proof`.

pub mod checkpoint;
mod error;
pub mod merkle;
pub mod note;
pub mod proof;
mod shape;
pub mod tile;
pub mod tile_set;

pub use checkpoint::{Checkpoint, Cosignature};
pub use error::LogError;
pub use merkle::{Frontier, Tree, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion};
pub use note::{LogKey, Note, WitnessKey};
pub use proof::LogProof;
pub use tile::{BundleId, TileId};
pub use tile_set::{TileSet, tiles_for_consistency, tiles_for_inclusion, tiles_for_root, verify_prefix};

/// The largest entry, in bytes: a tile's length prefix allows 65,535, and the log stays below it.
pub const MAX_ENTRY_BYTES: usize = 60_000;
