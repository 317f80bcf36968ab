//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

// Who takes part in the stories of the ledger.
#[path = "../../../governance/tests/governance/common/mod.rs"]
mod common;
mod examine_attacks;
mod examine_stories;
