//! Live services: in order when nothing is switched on, wrong in exactly one way when something is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod client;
mod control;
mod crl_faults;
mod handed_out;
mod healthy;
mod ocsp_faults;
mod transport;
