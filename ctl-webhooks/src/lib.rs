//! Tells the subscribers of a root pool which roots were added, have expired or were revoked, by webhooks as OPCP and OPNC
//! have them. A process of its own, without ledger and without keys but the subscribers' secrets.
//!
//! Data takes one road:
//!
//! ```text
//! lists and notices of the service ─ verified (follow) ─ roots ─ events ─┐
//!                                                                        ├─ deliveries in the store ─ courier ─ endpoints
//! requests that the server forwards ─ http ─ endpoints in the store ─────┘
//! ```
//!
//! What is to be said follows in [`events`] from what was known and what is known; what becomes of a delivery follows in
//! [`retry`] from its answer. Both are pure. The [`store`] changes in one transaction at a time, so that a crash loses
//! nothing: what was sent and not recorded is sent again, with the same bytes.
#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
pub mod courier;
pub mod endpoint;
pub mod error;
pub mod events;
pub mod follow;
pub mod http;
pub mod metrics;
pub mod retry;
pub mod roots;
pub mod run;
pub mod signature;
pub mod store;
