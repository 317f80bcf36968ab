//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod auditors_and_evidence;
mod calendar;
mod common;
mod corpus;
mod cross_effects;
mod governance_attacks;
mod governance_stories;
mod operators;
mod promises;
mod restart;
mod sae_cms;
