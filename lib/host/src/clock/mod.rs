//! The clock, and the guard that keeps a wrong one out of the ledger.
//!
//! `recorded_at` never decreases, so one entry from a clock that is years ahead would keep every later
//! statement out for years. The guard compares the system's clock with the last entry and with time
//! that has really passed, and refuses to say what time it is when they disagree. What is right is
//! found out in time: see [`steady`].

pub mod steady;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use ctl_core::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use steady::{Bounds, Reading, Steady};

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The time of day, right or wrong.
    fn now(&self) -> Timestamp;
    /// Time that has really passed since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The system's clock.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// Goes on while the machine is suspended, where the system has such a clock; that a virtual machine is paused, no
/// clock of its own tells.
#[cfg(target_os = "linux")]
const ELAPSED: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const ELAPSED: ClockId = ClockId::Monotonic;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Utc::now().into()
    }

    fn elapsed(&self) -> Duration {
        let since_boot = clock_gettime(ELAPSED);
        let nanoseconds = u32::try_from(since_boot.tv_nsec).unwrap_or_default();
        Duration::new(since_boot.tv_sec.unsigned_abs(), nanoseconds)
    }
}

/// A clock that is set by hand, for tests.
#[derive(Debug)]
pub struct ManualClock {
    time: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// A clock that stands at this moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { time: Mutex::new((now, Duration::ZERO)) }
    }

    /// Time passes.
    pub fn pass(&self, seconds: u64) {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        *time = (time.0.plus_seconds(seconds), time.1 + Duration::from_secs(seconds));
    }

    /// Someone sets the clock, while no time passes.
    pub fn set(&self, now: Timestamp) {
        self.time.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.time.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn elapsed(&self) -> Duration {
        self.time.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

/// How much is believed of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockBounds {
    /// How far the clock may differ from the time that has passed, and stand behind the last entry. One
    /// bound for both directions: whatever jump ahead is let in can be undone without a stop.
    pub tolerance: Duration,
    /// How far the clock may stand ahead of the last known moment when the server starts, and step while it
    /// runs: a machine that is paused is down as well.
    pub max_downtime: Duration,
}

impl Default for ClockBounds {
    /// Ten minutes, and thirty days.
    fn default() -> Self {
        Self { tolerance: Duration::from_secs(600), max_downtime: Duration::from_secs(30 * 86_400) }
    }
}

/// Why the time is not believed. Nothing is recorded until it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// Behind what is recorded already.
    #[error("the clock says {now}, but the last entry was recorded at {last}: set the clock right")]
    Behind {
        /// What the clock says.
        now: Timestamp,
        /// The last entry's time.
        last: Timestamp,
    },
    /// Not what it was plus the time that has passed.
    #[error(
        "the clock jumped: it says {now}, while {expected} was expected from the time that has passed. Set it right; \
         if it is right (the machine was paused), wait: by {until} it will have stood by it for long enough"
    )]
    Jumped {
        /// What the clock says.
        now: Timestamp,
        /// What it should say.
        expected: Timestamp,
        /// When it is believed, by itself.
        until: Timestamp,
    },
    /// The same, by more than is ever believed.
    #[error(
        "the clock jumped: it says {now}, while {expected} was expected from the time that has passed. Set it right; \
         if it is right, raise clock.max_downtime in the configuration (now {days} days) and restart"
    )]
    JumpedFar {
        /// What the clock says.
        now: Timestamp,
        /// What it should say.
        expected: Timestamp,
        /// The bound.
        days: u64,
    },
    /// Too far ahead when the server started.
    #[error(
        "the clock says {now}, more than {days} days after the server was last known to run ({seen}). Set it \
         right; if it is right, raise clock.max_downtime in the configuration and restart"
    )]
    AfterLongDowntime {
        /// What the clock says.
        now: Timestamp,
        /// The last known moment.
        seen: Timestamp,
        /// The bound.
        days: u64,
    },
}

/// A clock with its guard.
pub struct GuardedClock {
    clock: Arc<dyn Clock>,
    bounds: ClockBounds,
    /// None until the clock was believed for the first time.
    steady: Mutex<Option<Steady>>,
}

impl GuardedClock {
    /// Guards a clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, bounds: ClockBounds) -> Self {
        Self { clock, bounds, steady: Mutex::new(None) }
    }

    /// The system's clock with the default bounds.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock::new()), ClockBounds::default())
    }

    /// The time now, never before `last` (the last entry's time). `seen` is the last moment at which a
    /// server on this ledger is known to have run.
    ///
    /// # Errors
    /// [`ClockError`] if the clock cannot be right. The next call tries again.
    pub fn now(&self, last: Timestamp, seen: Timestamp) -> Result<Timestamp, ClockError> {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let (tolerance, days) = (self.bounds.tolerance, self.bounds.max_downtime.as_secs() / 86_400);
        let behind = now.plus_seconds(tolerance.as_secs()) < last;
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        match steady.as_mut() {
            None if behind => {}
            None => {
                let seen = seen.max(last);
                if now.seconds_since(seen) > self.bounds.max_downtime.as_secs() {
                    return Err(ClockError::AfterLongDowntime { now, seen, days });
                }
                *steady = Some(Steady::new(now, elapsed));
            }
            Some(steady) => {
                let bounds = Bounds { tolerance, largest_step: self.bounds.max_downtime };
                match steady.read(now, elapsed, bounds) {
                    Reading::Sure => {}
                    Reading::Believed { expected } => {
                        tracing::warn!(%now, %expected, "the clock stepped and stood by it; it is believed");
                    }
                    // That is the plainer word for it.
                    Reading::Jumped { .. } if behind => {}
                    Reading::Jumped { expected, wait: Some(wait) } => {
                        let until = now.plus_seconds(wait.as_secs());
                        return Err(ClockError::Jumped { now, expected, until });
                    }
                    Reading::Jumped { expected, wait: None } => {
                        return Err(ClockError::JumpedFar { now, expected, days });
                    }
                }
            }
        }
        if behind {
            return Err(ClockError::Behind { now, last });
        }
        Ok(now.max(last))
    }
}

impl std::fmt::Debug for GuardedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedClock").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn moment() -> Timestamp {
        "2026-11-21T20:13:00Z".parse().unwrap()
    }

    fn guarded() -> (Arc<ManualClock>, GuardedClock) {
        let clock = Arc::new(ManualClock::at(moment()));
        (clock.clone(), GuardedClock::new(clock, ClockBounds::default()))
    }

    #[test]
    fn a_clock_that_jumps_years_ahead_is_not_believed_until_it_comes_back() {
        let (clock, guard) = guarded();
        assert_eq!(guard.now(moment(), moment()), Ok(moment()));
        clock.set(moment().plus_seconds(5 * 365 * DAY));
        assert!(matches!(guard.now(moment(), moment()), Err(ClockError::JumpedFar { .. })));
        clock.set(moment());
        clock.pass(7);
        assert_eq!(guard.now(moment(), moment()), Ok(moment().plus_seconds(7)));
    }

    #[test]
    fn a_clock_that_goes_back_a_little_stands_still_and_back_far_is_not_believed() {
        let (clock, guard) = guarded();
        assert!(guard.now(moment(), moment()).is_ok());
        clock.set(moment().minus_seconds(300));
        assert_eq!(guard.now(moment(), moment()), Ok(moment()), "time never runs backwards");
        clock.set(moment().minus_seconds(3 * DAY));
        assert!(matches!(guard.now(moment(), moment()), Err(ClockError::Behind { .. })));
        // Even where the last entry is old, so that nothing recorded contradicts the clock.
        let old = moment().minus_seconds(10 * DAY);
        assert!(matches!(guard.now(old, old), Err(ClockError::Jumped { .. })));
    }

    #[test]
    fn a_start_with_a_clock_years_ahead_is_refused_and_one_after_a_weekend_is_not() {
        let (clock, guard) = guarded();
        clock.set(moment().plus_seconds(365 * DAY));
        assert!(matches!(guard.now(moment(), moment()), Err(ClockError::AfterLongDowntime { .. })));
        clock.set(moment().plus_seconds(3 * DAY));
        assert_eq!(guard.now(moment(), moment()), Ok(moment().plus_seconds(3 * DAY)));
    }

    #[test]
    fn a_clock_that_is_set_right_after_the_start_is_believed_from_then_on() {
        let (clock, guard) = guarded();
        clock.set(Timestamp::EPOCH);
        assert!(matches!(guard.now(moment(), moment()), Err(ClockError::Behind { .. })));
        clock.set(moment().plus_seconds(60));
        assert_eq!(guard.now(moment(), moment()), Ok(moment().plus_seconds(60)));
    }

    #[test]
    fn a_quiet_ledger_of_a_server_that_runs_is_no_long_downtime() {
        let (clock, guard) = guarded();
        clock.pass(200 * DAY);
        let seen = moment().plus_seconds(199 * DAY);
        assert!(guard.now(moment(), seen).is_ok());
        // Slow drift is forgiven once a day.
        for _ in 0..30 {
            clock.pass(DAY + 1);
            clock.set(clock.now().plus_seconds(300));
            assert!(guard.now(moment(), seen).is_ok());
        }
    }

    #[test]
    fn a_machine_that_was_paused_goes_on_without_a_restart() {
        let (clock, guard) = guarded();
        assert!(guard.now(moment(), moment()).is_ok());
        // It sleeps for a night; then the network tells it the time.
        let morning = moment().plus_seconds(DAY / 2);
        clock.set(morning);
        let Err(ClockError::Jumped { until, .. }) = guard.now(moment(), moment()) else { panic!() };
        assert_eq!(until, morning.plus_seconds(DAY / 48));
        // Who waits as the message says is served.
        while clock.now() < until {
            assert!(guard.now(moment(), moment()).is_err());
            clock.pass(1);
        }
        assert_eq!(guard.now(moment(), moment()), Ok(until));
        assert!(guard.now(until, until).is_ok());
    }

    #[test]
    fn the_systems_clock_goes_on() {
        let clock = SystemClock::new();
        let before = clock.elapsed();
        assert!(clock.elapsed() >= before && before > Duration::ZERO);
    }
}
