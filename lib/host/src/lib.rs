//! What the programs ask of the machine they run on: files that are written whole, logs, clocks, descriptors, tasks
//! that are watched over; how processes are stopped; and how configurations name networks.
#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod descriptors;
pub mod files;
pub mod logging;
pub mod network;
pub mod process;
pub mod supervisor;

/// What went wrong on the way to another machine has causes, of which the first says least.
pub use ctl_core::text::with_causes;
