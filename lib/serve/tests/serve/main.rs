//! The tests of this crate over its own listener, with a service that has one of each kind of path.
#![cfg(test)]
#![allow(unreachable_pub)]

mod certificates;
mod client;
mod connections;
mod protocol;
mod service;
mod tls;
mod tls_files;
