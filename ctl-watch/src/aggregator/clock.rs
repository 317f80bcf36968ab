//! The time that the watch believes. It decides which hour an observation counts in and what is old enough to delete,
//! and a wall clock can be set to anything. [`Steady`] tells a step of the clock from time that passed; this module
//! decides with which time the watch begins, and when the time is sure enough to delete by age.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_host::clock::Clock;
use ctl_host::clock::steady::{Bounds, Reading, Steady};

use crate::code::Code;
use crate::observation::Observation;

const DAY: u64 = 86_400;
/// Five minutes are drift. Any larger step is believed after a while: a watch that waits forever watches nothing.
pub const BOUNDS: Bounds = Bounds { tolerance: Duration::from_secs(300), largest_step: Duration::MAX };
/// After a believed step, or a start that nothing confirms, nothing is deleted by age for this long: a wrong clock is
/// noticed within a day.
const SETTLED_AFTER: Duration = Duration::from_secs(DAY);
/// Observations dated this long after the last sure time were dated by a wrong clock.
const UNSURE: u64 = 2 * DAY;
/// A history dated further ahead than this was written under a wrong clock.
const LONGEST_AHEAD: u64 = 30 * DAY;
/// 2026-01-01T00:00:00Z. No release is older, so an earlier clock has not been set yet.
const NOT_BEFORE: Timestamp = Timestamp::from_unix(1_767_225_600);

/// The clock of the watch.
pub struct WatchClock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    steady: Steady,
    /// Nothing is deleted by age before this much time has passed.
    settled_at: Duration,
}

/// The time as the watch believes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Unix milliseconds.
    pub now_ms: i64,
    /// How far the wall clock is ahead of it.
    pub ahead_ms: i64,
    /// Whether the time has been sure for long enough to delete by age.
    pub is_settled: bool,
}

const fn ms(time: Timestamp) -> i64 {
    time.unix().saturating_mul(1000)
}

impl WatchClock {
    /// Begins with the wall clock; if that is before the last stored observation, with the time of that observation,
    /// because the clock of a machine that was off may be right only after it has been synchronised. `sure` is when the
    /// time was last settled.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, sure: Option<Timestamp>, last: Option<Timestamp>) -> Self {
        let (wall, elapsed) = (clock.now(), clock.elapsed());
        let last = last.filter(|last| sure.is_none_or(|sure| last.seconds_since(sure) <= UNSURE)).max(sure);
        let is_ahead = |last: &Timestamp| {
            let ahead = last.seconds_since(wall);
            ahead > BOUNDS.tolerance.as_secs() && (ahead <= LONGEST_AHEAD || wall < NOT_BEFORE)
        };
        let steady = Steady::new(last.filter(is_ahead).unwrap_or(wall), elapsed);
        let confirmed = sure.is_some_and(|sure| wall.seconds_since(sure) <= DAY);
        let settled_at = if confirmed { elapsed } else { elapsed.saturating_add(SETTLED_AFTER) };
        Self { clock, state: Mutex::new(State { steady, settled_at }) }
    }

    /// Reads the time.
    pub fn read(&self) -> Moment {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, elapsed) = (self.clock.now(), self.clock.elapsed());
        let (now, is_sure) = match state.steady.read(wall, elapsed, BOUNDS) {
            Reading::Sure => (wall, true),
            Reading::Believed { expected } => {
                tracing::warn!(%wall, %expected, "the clock stepped and has stayed there; its time is believed now");
                state.settled_at = elapsed.saturating_add(SETTLED_AFTER);
                (wall, true)
            }
            Reading::Jumped { expected, .. } => (expected, false),
        };
        Moment {
            now_ms: ms(now),
            ahead_ms: ms(wall).saturating_sub(ms(now)),
            is_settled: is_sure && elapsed >= state.settled_at,
        }
    }
}

impl Moment {
    /// Whether the wall clock is wrong, for all that is known.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.ahead_ms.saturating_abs() > Self::tolerance_ms()
    }

    /// Dates what was observed. What was judged by a clock that is not believed is a gap: freshness would be that of
    /// another time.
    #[must_use]
    pub fn date(&self, observation: Observation) -> Observation {
        let at_ms = self.place(observation.at_ms);
        let off_ms = observation.at_ms.saturating_sub(at_ms);
        if off_ms.saturating_abs() <= Self::tolerance_ms() {
            return Observation { at_ms, ..observation };
        }
        let detail = format!("the watch's clock was off by {} s", off_ms / 1000);
        Observation::gap(observation.target, at_ms, Code::ProbeMissed, detail)
    }

    fn tolerance_ms() -> i64 {
        i64::try_from(BOUNDS.tolerance.as_millis()).unwrap_or(i64::MAX)
    }

    /// Whether time went back since an earlier moment.
    #[must_use]
    pub fn is_set_back(&self, earlier_ms: i64) -> bool {
        self.now_ms < earlier_ms.saturating_sub(Self::tolerance_ms())
    }

    /// When something took place that has just arrived, dated by a wall clock that may have been set before or after.
    #[must_use]
    pub fn place(&self, at_ms: i64) -> i64 {
        let both = [at_ms, at_ms.saturating_sub(self.ahead_ms)];
        let at_ms = both.into_iter().min_by_key(|at| at.abs_diff(self.now_ms)).unwrap_or(at_ms);
        if at_ms > self.now_ms.saturating_add(Self::tolerance_ms()) { self.now_ms } else { at_ms }
    }
}

#[cfg(test)]
mod tests {
    use ctl_host::clock::ManualClock;

    use super::*;

    const YEAR: i64 = 365 * 86_400;
    const HOUR: u64 = 3600;

    /// 2026-11-21T00:00:00Z.
    fn moment() -> Timestamp {
        Timestamp::from_unix(1_795_219_200)
    }

    fn shifted(by: i64) -> Timestamp {
        Timestamp::from_unix(moment().unix() + by)
    }

    /// A watch that begins with this clock.
    fn begin(wall: Timestamp, sure: Option<i64>, last: Option<i64>) -> (Arc<ManualClock>, WatchClock) {
        let clock = Arc::new(ManualClock::at(wall));
        (clock.clone(), WatchClock::new(clock, sure.map(shifted), last.map(shifted)))
    }

    /// Time passes, and the clock is read every ten seconds; what is read at its end.
    fn pass((clock, watch): &(Arc<ManualClock>, WatchClock), seconds: u64) -> Moment {
        for _ in 0..seconds / 10 {
            clock.pass(10);
            watch.read();
        }
        watch.read()
    }

    fn step((clock, _): &(Arc<ManualClock>, WatchClock), by: i64) {
        clock.set(Timestamp::from_unix(clock.now().unix() + by));
    }

    #[test]
    fn a_clock_that_jumps_a_year_and_comes_back_moves_nothing() {
        let watch = begin(moment(), Some(0), Some(0));
        let at = |seconds: i64| ms(shifted(seconds));
        assert_eq!(pass(&watch, 100), Moment { now_ms: at(100), ahead_ms: 0, is_settled: true });
        step(&watch, YEAR);
        let moment = Moment { now_ms: at(7300), ahead_ms: YEAR * 1000, is_settled: false };
        assert_eq!(pass(&watch, 7200), moment);
        step(&watch, -YEAR);
        assert_eq!(pass(&watch, 10), Moment { now_ms: at(7310), ahead_ms: 0, is_settled: true });
    }

    #[test]
    fn a_step_is_followed_in_time_and_nothing_is_deleted_for_a_day() {
        let watch = begin(moment(), Some(0), Some(0));
        for by in [3 * 3600, -3 * 3600] {
            let before = pass(&watch, 10);
            step(&watch, by);
            let moment = pass(&watch, 590);
            assert_eq!(moment.now_ms, before.now_ms + 590_000, "the machine slept, perhaps");
            let moment = pass(&watch, 30);
            assert_eq!((moment.ahead_ms, moment.is_settled), (0, false));
            assert_eq!(moment.is_set_back(before.now_ms), by < 0);
            assert!(!pass(&watch, DAY - 100).is_settled);
            assert!(pass(&watch, 200).is_settled);
        }
    }

    #[test]
    fn a_start_that_nothing_confirms_deletes_nothing_for_a_day() {
        let year = (Some(-YEAR), Some(-60));
        for ((sure, last), settled) in
            [((None, None), false), ((Some(-3600), Some(-60)), true), (year, false)]
        {
            let watch = begin(moment(), sure, last);
            assert_eq!(pass(&watch, 10).is_settled, settled, "{sure:?}");
            assert!(pass(&watch, DAY).is_settled);
        }
    }

    #[test]
    fn a_start_in_the_past_goes_on_after_what_was_kept() {
        for wall in [Timestamp::EPOCH, shifted(-YEAR), shifted(-3600)] {
            for (sure, last) in
                [(None, Some(0)), (Some(-3600), Some(0)), (Some(0), Some(-60)), (Some(0), Some(YEAR))]
            {
                let watch = begin(wall, sure, last);
                let begun = watch.1.read();
                assert_eq!(
                    (begun.now_ms, begun.is_settled),
                    (ms(moment()), false),
                    "{wall} {sure:?} {last:?}"
                );
                let later = pass(&watch, 30);
                assert_eq!(later.place(ms(wall) + 29_000), ms(shifted(29)));
                // Then the network tells the time: it was off for two minutes.
                watch.0.set(shifted(151));
                let told = pass(&watch, 10);
                assert_eq!(told.now_ms, ms(shifted(161)));
            }
        }
        let watch = begin(shifted(-3600), None, Some(0));
        assert_eq!(pass(&watch, HOUR).now_ms, ms(moment()), "nobody corrects it: then it is the time");
        let watch = begin(shifted(-200), None, Some(0));
        assert_eq!(watch.1.read().now_ms, ms(shifted(-200)), "drift is no past");
        let watch = begin(moment(), None, Some(10 * YEAR));
        assert_eq!(watch.1.read().now_ms, ms(moment()), "such a history was kept by a wrong clock");
    }

    #[test]
    fn what_was_observed_around_a_step_is_placed_where_it_took_place() {
        let (now_ms, year_ms) = (ms(moment()), YEAR * 1000);
        let jumped = Moment { now_ms, ahead_ms: year_ms, is_settled: false };
        assert_eq!(jumped.place(now_ms + year_ms - 10), now_ms - 10, "after the step");
        assert_eq!(jumped.place(now_ms - 10), now_ms - 10, "before it");
        let back = Moment { now_ms, ahead_ms: 0, is_settled: true };
        assert_eq!(back.place(now_ms + year_ms), now_ms, "told by a clock that has come back since");
        assert_eq!(back.place(now_ms - 10), now_ms - 10);
    }
}
