//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod choose;
mod codec;
mod config;
mod identifier;
mod known;
mod machine;
mod packet;
mod query;
mod responder;
mod slot;
mod supported;
mod vas;
mod wallet;
