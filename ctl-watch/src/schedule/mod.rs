//! Decides when each target is probed, and runs the probes. The [`table`] decides, and knows no clock and no network.
//! The [`runner`] keeps the time, with one task and one timer however many targets there are, and starts a task for
//! each probe.
//!
//! A target's first probe comes at a random moment within a period, the others a period apart, each up to a fifth
//! earlier or later, so that targets neither bunch nor stay in step. A probe should end within half a period and is
//! aborted after three quarters. No target is probed twice at once: if a probe still runs or waits when the next is
//! due, that is reported as `probe_overrun` and the next does not take place. Probes that were due while the watch
//! stood still are `probe_missed`. Both are gaps, which count neither for nor against a service.

mod counters;
mod runner;
mod table;

pub use counters::{Counted, Counters};
pub use runner::{MemoryStore, Setup, run};
