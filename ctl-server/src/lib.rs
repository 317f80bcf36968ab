//! The service: ledger on disk, publication, HTTP.
#![forbid(unsafe_code)]

pub mod access;
pub mod blobs;
mod calendar_metrics;
pub mod cli;
pub mod config;
pub mod http;
pub mod init;
pub mod keys;
pub mod ledger;
pub mod metrics;
pub mod pool;
mod pool_metrics;
mod promises_metrics;
pub mod publish;
pub mod screening;
pub mod webhooks;
