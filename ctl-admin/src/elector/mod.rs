//! Who decides: what is open, what a screening found when computed again here, proposals and votes.

pub mod proposal;
pub mod review;
