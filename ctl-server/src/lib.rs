//! The service: ledger on disk, publication, HTTP.
#![forbid(unsafe_code)]

pub mod blobs;
pub mod clock;
pub mod files;
pub mod http;
pub mod keys;
pub mod ledger;
pub mod metrics;
pub mod publish;
