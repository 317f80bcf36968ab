//! The service: ledger on disk, publication, HTTP.
#![forbid(unsafe_code)]
