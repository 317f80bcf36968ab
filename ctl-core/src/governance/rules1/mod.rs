//! The rules, version 1: check, fold and the passing of time.

pub(super) mod apply;
pub(super) mod check;
pub(super) mod genesis;
pub(super) mod time;
