//! What a device must verify: keys, JSON, JWS, the log, trust lists, the MO registry, notices, TUF.
//! Pure: no I/O, no clock, no global state.
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as ctl_core;

pub mod digest;
pub mod emaid;
pub mod entry;
pub mod json;
pub mod jws;
pub mod keys;
pub mod list;
pub mod log;
pub mod names;
pub mod notices;
pub mod parts;
pub mod paths;
pub mod publication;
pub mod registry;
pub mod role;
pub mod selection;
pub mod signer;
pub mod text;
pub mod threshold;
pub mod tuf;

pub use ctl_pki::Timestamp;
pub use digest::Digest;
pub use emaid::Emaid;
pub use keys::{KeyId, PrivateKey, PublicKey};
pub use signer::{Signer, SignerError};
