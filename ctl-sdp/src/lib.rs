//! Which contract will work here: what a charger tells, and what a car makes of it.
//!
//! A car with several contracts may try only one in a session of ISO 15118-2. CharIN's workshop proposes that it asks
//! first: a request of SDP (0x9004) with the identifiers of its mobility operators, and an answer (0x9005) with those
//! that the charger supports as well. This crate is both ends of it:
//!
//! ```text
//! lists and registry of ctl-client ─┐
//!                                   ├─ what is supported (supported) ─┐
//! roaming agreements (source) ──────┘                                 ├─ responder ─ 0x9005
//! datagrams ─ kernel filter ─ codec ──────────────────────────────────┘      └─ relay: asks the local SECC by 0x9000
//! ```
//!
//! What is decided is pure: [`codec`], [`identifier`], [`supported`], [`responder`]. What touches sockets and users stands in
//! [`edge`]; [`serve`] puts both together at the charger, [`query`] is the car's question.
#![forbid(unsafe_code)]

pub mod agreements;
pub mod check;
pub mod choose;
pub mod cli;
pub mod codec;
pub mod config;
pub mod edge;
pub mod identifier;
pub mod known;
mod metrics;
pub mod query;
pub mod responder;
pub mod serve;
pub mod supported;
pub mod vas;
