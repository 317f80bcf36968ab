//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod addresses;
mod answers;
mod asking;
mod bounds;
mod network;
mod tls;
