//! Bytes are recognised for what they are, whoever gives them, and count for what was verified of them.

mod bytes;
mod signatures;

use ctl_core::Timestamp;
use ctl_formats::recognise::{Contents, Demand, Form, ReadError, read};
use ctl_pki::Certificate;
use ctl_sandbox::shape::{Key, Shape};

/// When all of this happens.
fn now() -> Timestamp {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

fn root(name: &str) -> Certificate {
    let key = Key::p256(name).unwrap();
    Shape::ca(&format!("CN={name} V2G Root"), &key, None).unwrap().self_signed().unwrap()
}

fn plain(bytes: &[u8]) -> Result<Contents, ReadError> {
    read(bytes, Form::Auto, Demand::Nobody, now())
}

/// The readable certificates of contents, in their order.
fn certificates(contents: &Contents) -> Vec<Certificate> {
    contents.items.iter().filter_map(|item| item.certificate.clone().ok()).collect()
}
