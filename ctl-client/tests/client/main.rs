//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod ask;
mod ask_preflight;
mod attacks_ask;
mod attacks_coding;
mod attacks_conflict;
mod attacks_crowded;
mod attacks_damage;
mod attacks_device;
mod attacks_documents;
mod attacks_links;
mod attacks_log;
mod attacks_metadata;
mod attacks_notices;
mod attacks_sinks;
mod attacks_transport;
mod command_line;
mod common;
mod contract;
#[cfg(feature = "back-end")]
mod csms;
mod fleet;
mod history;
mod nothing_new;
mod own_say;
mod reports;
mod sink_conformance;
mod sink_kinds;
mod stories;
mod taken;
