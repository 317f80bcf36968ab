//! Live services: in order when nothing is switched on, wrong in exactly one way when something is.

mod client;
mod control;
mod crl_faults;
mod handed_out;
mod healthy;
mod ocsp_faults;
mod transport;
