//! The companion: takes verified trust lists into chargers, vehicles and back ends.
//!
//! How data travels: bytes arrive through [`transport`], are verified in [`sync`], remembered in
//! [`state`], become one [`store`] of what this device trusts, and are written to [`sink`]s. No step
//! trusts the place that the bytes came from, and none that fails takes away what was trusted before.
#![forbid(unsafe_code)]

pub mod apart;
pub mod ask;
pub mod cli;
#[cfg(feature = "back-end")]
pub mod collect;
mod command;
pub mod config;
pub mod contract;
#[cfg(feature = "back-end")]
pub mod csms;
mod daemon;
pub mod error;
pub mod files;
pub mod folder;
pub mod hash_data;
pub mod history;
mod init;
pub mod local;
pub mod metrics;
pub mod report;
pub mod sink;
pub mod state;
pub mod status;
pub mod store;
pub mod suspensions;
pub mod sync;
pub mod transport;
mod verify;

pub use error::{ClientError, FetchError};
pub use init::{Init, init};
pub use sync::{Client, Machine};
pub use verify::Verification;
