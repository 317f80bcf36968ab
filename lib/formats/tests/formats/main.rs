//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)]

mod cms;
mod list;
mod omission;
mod pkcs7;
mod pool;
mod rendition;
mod sae;
mod trust_anchors;

/// What is signed in tests of signatures.
const CONTENT: &[u8] = b"a list";
