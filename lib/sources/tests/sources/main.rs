//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod asked;
mod folders;
#[path = "../../../fetch/tests/fetch/network/mod.rs"]
mod network;

use ctl_core::Timestamp;
use ctl_pki::Certificate;
use ctl_sandbox::shape::{Key, Shape};
use ctl_sources::Contents;

/// When all of this happens.
pub fn now() -> Timestamp {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

pub fn root(name: &str) -> Certificate {
    let key = Key::p256(name).unwrap();
    Shape::ca(&format!("CN={name} V2G Root"), &key, None).unwrap().self_signed().unwrap()
}

/// The readable certificates of contents, in their order.
pub fn certificates(contents: &Contents) -> Vec<Certificate> {
    contents.items.iter().filter_map(|item| item.certificate.clone().ok()).collect()
}
