//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod asking;
mod claims;
#[path = "../../../lib/replica/tests/replica/common/mod.rs"]
mod common;
mod faults;
mod following;
mod full_disk;
mod http;
mod levels;
#[path = "../../../lib/fetch/tests/fetch/network/mod.rs"]
mod network;
mod program;
mod run;
mod sandbox;
mod sources;
mod status;
mod targets;
mod unseen;
mod watched;
mod watcher;
