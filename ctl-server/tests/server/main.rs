//! The tests of this crate as one binary: each module tells its own stories or attacks.
#![cfg(test)]
#![allow(unreachable_pub)]

mod access;
mod check;
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
mod openapi;
mod pages;
mod pool;
mod portal;
mod program;
mod promql;
mod publication;
mod publisher;
mod renditions;
mod rollback;
mod screening;
mod served;
mod snapshots;
mod storage;
mod stores;
mod webhooks;
mod writer;
