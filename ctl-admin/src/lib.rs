//! The command line for people: keys, applications, votes, signatures, audits.
//!
//! Every command is a library function that takes a struct and returns a result that can be shown as
//! text or JSON; the binary only reads arguments. Whatever a person decides on is computed here, from
//! the downloaded log: the server's own views are never trusted.
//!
//! `ctl-replica` follows the log, sends statements and holds the log to its receipts; here is what people want to know
//! and to say. [`draft`] is the signer's tool and [`audit`] the auditor's. [`exit`] has the exit statuses.
#![forbid(unsafe_code)]

pub mod application;
pub mod audit;
pub mod budget;
pub mod charter;
mod charter_words;
pub mod cross;
pub mod describe;
pub mod difference;
pub mod draft;
pub mod error;
pub mod exit;
mod files;
pub mod interop;
pub mod key;
pub mod lint;
pub mod mo;
pub mod notice;
pub mod output;
pub mod participant;
pub mod path;
pub mod possession;
pub mod profiles;
pub mod progress;
pub mod proposal;
pub mod receipts;
pub mod recompute;
pub mod restart;
pub mod review;
pub mod screening;
pub mod signing;
pub mod sla;
pub mod subca;
pub mod verify;

/// Its types stand in this library's interface.
pub use ctl_core;
pub use ctl_governance;
/// As do those of the policies.
pub use ctl_policy;
/// As does what follows the log.
pub use ctl_replica;
pub use error::AdminError;
