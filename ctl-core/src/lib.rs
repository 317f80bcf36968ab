//! What people sign and what follows from it: statements, the log, the governance fold, trust
//! lists, the MO registry, TUF. Pure: no I/O, no clock, no global state.
#![forbid(unsafe_code)]

pub mod digest;
pub mod log;
pub mod time;
pub mod tuf;

pub use digest::Digest;
pub use time::Timestamp;
