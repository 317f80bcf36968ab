//! The schedule's counters of its own work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters, which only grow, and gauges.
#[derive(Debug, Default)]
pub struct Counters {
    started: AtomicU64,
    overrun: AtomicU64,
    missed: AtomicU64,
    lost: AtomicU64,
    late_ms: AtomicU64,
    latest_ms: AtomicU64,
    targets: AtomicU64,
    running: AtomicU64,
    waiting: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub started: u64,
    /// Probes that did not take place because the one before was not over, or were aborted.
    pub overrun: u64,
    /// Probes that did not take place because the watch stood still.
    pub missed: u64,
    /// Observations that were dropped because the aggregator was behind or gone.
    pub lost: u64,
    /// The sum of all delays, in milliseconds.
    pub late_ms: u64,
    /// The longest delay of a probe, in milliseconds.
    pub latest_ms: u64,
    /// Targets on the schedule.
    pub targets: u64,
    /// Probes that run.
    pub running: u64,
    /// Probes that are due and wait for their turn.
    pub waiting: u64,
}

impl Counters {
    /// The counters now.
    #[must_use]
    pub fn read(&self) -> Counted {
        let read = |value: &AtomicU64| value.load(Ordering::Relaxed);
        Counted {
            started: read(&self.started),
            overrun: read(&self.overrun),
            missed: read(&self.missed),
            lost: read(&self.lost),
            late_ms: read(&self.late_ms),
            latest_ms: read(&self.latest_ms),
            targets: read(&self.targets),
            running: read(&self.running),
            waiting: read(&self.waiting),
        }
    }

    pub(super) fn starts(&self, late: Duration) {
        let late = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        self.started.fetch_add(1, Ordering::Relaxed);
        self.late_ms.fetch_add(late, Ordering::Relaxed);
        self.latest_ms.fetch_max(late, Ordering::Relaxed);
    }

    pub(super) fn overruns(&self) {
        self.overrun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn misses(&self, probes: u64) {
        self.missed.fetch_add(probes, Ordering::Relaxed);
    }

    pub(super) fn loses(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stands(&self, targets: usize, running: usize, waiting: usize) {
        for (gauge, value) in [(&self.targets, targets), (&self.running, running), (&self.waiting, waiting)] {
            gauge.store(u64::try_from(value).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}
