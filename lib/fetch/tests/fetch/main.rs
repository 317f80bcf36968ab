//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)]

mod addresses;
mod answers;
mod asking;
mod bounds;
mod network;
mod tls;
