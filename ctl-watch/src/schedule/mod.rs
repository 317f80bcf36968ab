//! When what is probed. Decisions are in the [`table`], which knows no clock and no network; the [`runner`] keeps
//! the time and carries them out: one task and one timer, however many targets there are, and a task for each
//! probe that runs.
//!
//! A target's first probe comes at a random moment of its first period, the others a period apart, each up to a
//! fifth earlier or later, so that targets neither bunch nor beat. A probe has half a period, is ended by force
//! after three quarters, and no target is probed twice at once: a probe that runs or waits for its turn when the
//! next is due is reported as `probe_overrun`, and the next does not take place. Moments that passed while the
//! watch could not look are `probe_missed`. Both are gaps, which count neither for nor against a service.

mod counters;
mod runner;
mod table;

pub use counters::{Counted, Counters};
pub use runner::{MemoryStore, Setup, run};
