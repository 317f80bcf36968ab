//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod cms;
mod list;
mod omission;
mod pkcs7;
mod pool;
mod recognise;
mod rendition;
mod sae;
mod trust_anchors;

/// What is signed in tests of signatures.
const CONTENT: &[u8] = b"a list";
