//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod audits;
mod charters;
mod command_line;
#[path = "../../../lib/replica/tests/replica/common/mod.rs"]
mod common;
mod imports;
mod lint;
mod receipts;
mod signer_attacks;
mod stories;
mod tokens;
mod trust_paths;
mod watch;
mod what_people_read;
