//! A whole signed repository in memory that can be made to lie, and a device that syncs from it.
//!
//! Keys are numbers: the board 1, 2, 3 (two must sign), snapshot 10, timestamp 11, the log 12, the
//! recorder 13, signers of `na` 20, 21, 22 (two must), of `eu` 30, the registrar 40, the officers 50
//! and 51, of whom one must, and only 50 does unless a test says so.
//! Odd ones are Ed25519, even ones P-256, but for the log and witnesses (60, 61), which must be
//! Ed25519.
#![allow(dead_code, unused_imports, unreachable_pub)]

pub mod backend;
pub mod device;
pub mod inbox;
mod log;
mod metadata;
pub mod parts;
pub mod power;
pub mod repository;
pub mod server;
pub mod sinks;

pub use device::Device;
pub use parts::*;
pub use repository::Repository;
