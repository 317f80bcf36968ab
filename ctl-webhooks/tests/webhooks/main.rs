//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod api;
#[path = "../../../lib/replica/tests/replica/common/mod.rs"]
mod common;
mod deliveries;
mod described;
mod following;
mod hook;
mod program;
mod told;
