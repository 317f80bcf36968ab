//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)]

mod command_line;
mod common;
mod lint;
mod long_logs;
mod receipts;
mod restarts;
mod signer_attacks;
mod snapshots;
mod stories;
mod tokens;
mod trust_paths;
mod watch;
mod what_people_read;
