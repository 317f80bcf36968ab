//! The watch as a part of the server: it follows the ledger, and breaches and reports go from it through the recorder
//! into the ledger like any other statement.

pub mod own;
pub mod recorder;
pub mod run;
#[cfg(test)]
#[path = "../../../ctl-watch/src/testing.rs"]
pub(crate) mod testing;

pub use ctl_watch::*;
pub use run::Monitor;
