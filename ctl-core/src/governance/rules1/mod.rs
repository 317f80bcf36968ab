//! The rules, version 1: what may be recorded, what follows from it, and what time alone brings.

pub(super) mod apply;
pub(super) mod check;
mod decide;
mod electorate;
pub(super) mod genesis;
pub(super) mod time;

/// A statement's time of signing may lie at most so many seconds ahead of its recording.
pub(super) const ISSUED_AHEAD_SECONDS: u64 = 600;
