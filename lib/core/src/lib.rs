//! What people sign and what follows from it: statements, the log, the governance fold, trust
//! lists, the MO registry, TUF. Pure: no I/O, no clock, no global state.
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as ctl_core;

pub mod digest;
pub mod draft;
pub mod governance;
pub mod interop;
pub mod json;
pub mod jws;
pub mod keys;
pub mod list;
pub mod log;
pub mod names;
pub mod notices;
pub mod registry;
pub mod role;
pub mod statement;
pub mod threshold;
pub mod time;
pub mod tuf;

pub use digest::Digest;
pub use keys::{KeyId, PrivateKey, PublicKey};
pub use time::Timestamp;
