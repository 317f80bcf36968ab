//! What the measurements share: a scheme in memory that can be made as large as needed.
#![forbid(unsafe_code)]

pub mod scheme;
