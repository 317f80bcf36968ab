//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)]

mod asking;
mod common;
mod costs;
mod damage;
mod dashboards;
mod demo;
mod export_import;
mod founding;
mod full_disk;
mod http;
mod kills;
mod mirror;
mod monitor_http;
mod monitor_levels;
#[path = "../../../lib/fetch/tests/fetch/network/mod.rs"]
mod network;
mod openapi;
mod own_watch;
mod program;
mod promql;
mod publication;
mod publisher;
mod rollback;
mod screening;
mod served;
mod snapshots;
mod storage;
mod stores;
mod targets;
mod watch;
mod writer;
