//! What people ask of a device that has synced: where a certificate belongs ([`explain`]), which root is meant by a
//! name or number ([`resolve`]), and whether what is in place can be used ([`preflight`]).
//!
//! Each is a pure function of what is [`Known`] and of bytes that somebody brings: no network, and nothing is changed.
//! What the bytes say is a stranger's; whatever of it is printed is escaped first.

pub(crate) mod chain;
mod explain;
mod inspect;
mod known;
mod name;
pub(crate) mod pieces;
mod preflight;
mod reader;
mod resolve;
mod text;

pub use chain::Chain;
pub use explain::{CertificateFacts, Explanation, Verdict, explain};
pub use inspect::{Inspection, Problem, inspect};
pub use known::{InSink, Known, KnownSink, ListedAnchor};
pub use name::names_from_text;
pub use preflight::{Preflight, StoreReport};
pub use reader::Reader;
pub use resolve::{Form, HashData, Match, Query, Resolved, resolve};

pub(crate) mod command;

/// A file that somebody brings is read up to here. What a PEM file may have is less, and said when it is exceeded.
pub const MAX_FILE: usize = 16 * 1024 * 1024;
