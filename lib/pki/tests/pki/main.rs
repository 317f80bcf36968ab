//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod certificates;
mod common;
mod crl;
mod kinds;
mod ocsp;
mod path_attacks;
mod path_explosions;
mod path_revocation;
mod path_rules;
mod path_search;
mod path_stories;
mod readable;
mod real_certificates;
mod request;
mod revocation;
