//! The command line for people: keys, applications, votes, signatures, audits.
//!
//! Every command is a library function that takes a struct and returns a result that can be shown as
//! text or JSON; the binary only reads arguments. Whatever a person decides on is computed here, from
//! the downloaded log: the server's own views are never trusted.
//!
//! `ctl-replica` follows the log, sends statements and holds the log to its receipts; here is what people want to know
//! and to say. [`signer::draft`] is the signer's tool and [`auditor::audit`] the auditor's. [`exit`] has the exit statuses.
#![forbid(unsafe_code)]

pub mod applicant;
pub mod arguments;
pub mod auditor;
pub mod elector;
pub mod error;
pub mod exit;
mod files;
pub mod import;
pub mod judge;
pub mod key;
pub mod output;
pub mod progress;
pub mod receipts;
pub mod recompute;
pub mod registrar;
pub mod screening;
pub mod signer;
pub mod signing;

/// Its types stand in this library's interface.
pub use ctl_core;
pub use ctl_governance;
/// What is read before a vote or signature is told in the words that everybody else reads.
pub use ctl_governance::{describe, difference};
/// As do those of the policies.
pub use ctl_policy;
/// As does what follows the log.
pub use ctl_replica;
pub use error::AdminError;
