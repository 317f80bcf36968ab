//! Collects the reports of a fleet: `ctl-client collect`. It says how many devices hold which version, who is in
//! trouble and who is silent, and whether a roll-out shall go on. What devices report is their own word: nothing that is
//! trusted anywhere depends on it, and what it may cost is bounded.

mod command;
mod fleet;
mod http;
mod metrics;
mod shelf;
mod token;

pub(crate) use command::Collect;
pub use fleet::{Entry, Fleet, Head, Rules, Verdict};
pub use shelf::Shelf;
pub use token::Secret;
