//! What the measurements share: a scheme in memory that can be made as large as needed, one that is two
//! years old, and what a process takes.
#![forbid(unsafe_code)]

pub mod past;
pub mod process;
pub mod scheme;
pub mod written;
pub mod years;
