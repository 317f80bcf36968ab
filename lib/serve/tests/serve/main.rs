//! The tests of this crate over its own listener, with a service that has one of each kind of path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)]

mod certificates;
mod client;
mod connections;
mod protocol;
mod service;
mod tls;
mod tls_files;
