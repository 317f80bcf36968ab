//! The rules, version 1: what may be recorded, what follows from it, and what time alone brings.
//!
//! Later rules build on these. Where a match must name what only later rules know, it hands that on to
//! them; under rules 1 nothing of it gets past [`check::check`].

pub(super) mod apply;
pub(super) mod check;
mod decide;
pub(super) mod electorate;
pub(super) mod genesis;
pub(super) mod time;

/// A statement's time of signing may lie at most so many seconds ahead of its recording.
pub(super) const ISSUED_AHEAD_SECONDS: u64 = 600;
