//! What the programs ask of the machine they run on: files that are written whole, logs, clocks, descriptors, tasks
//! that are watched over; and the words in which configurations name networks and durations.
#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod descriptors;
pub mod files;
pub mod logging;
pub mod network;
pub mod supervisor;
pub mod words;
