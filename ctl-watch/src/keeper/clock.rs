//! What time the keeper believes it is. The wall clock says which hour an observation counts in and what is old
//! enough to be deleted, and a wall clock can be set to anything; time that has really passed cannot. So a step is
//! not followed before the clock has stood by it for a while, and for a day after that nothing is deleted for its
//! age: a clock that jumps ahead and comes back costs nothing. Pure: both readings come in.

use std::time::Duration;

/// The wall clock may differ so much from the time that has passed; more is a step.
const TOLERANCE_MS: i64 = 300_000;
/// A step is believed once the clock has stood by it for so long. Long enough for someone to undo it; short, as a
/// machine that slept is right about the time.
const BELIEVED_AFTER: Duration = Duration::from_secs(600);
/// After a step was believed, nothing is deleted by age for so long: someone notices a wrong clock within a day.
const SETTLED_AFTER: Duration = Duration::from_secs(86_400);
/// The clocks may drift apart by the tolerance in so long a time; then they are compared anew.
const COMPARED_FOR: Duration = Duration::from_secs(86_400);
/// A keeper that starts so long after the time was last sure is told it by a clock that may be wrong.
const LONG_PAUSE_MS: i64 = 86_400_000;

/// What the store says of the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// When the time was last sure, in Unix milliseconds.
    pub sure_ms: Option<i64>,
    /// The last moment of which anything was kept.
    pub last_ms: Option<i64>,
}

/// Follows the wall clock, and not where it jumps.
#[derive(Clone, Debug)]
pub struct Steady {
    /// The wall clock when it was last believed, and what had passed by then.
    wall_ms: i64,
    elapsed: Duration,
    /// By how much the clock has stepped, and since when, while that is not believed.
    step: Option<(i64, Duration)>,
    /// When the last step was believed.
    stepped: Option<Duration>,
}

/// A moment as the keeper believes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Unix milliseconds.
    pub now_ms: i64,
    /// By how much the wall clock is ahead of that.
    pub ahead_ms: i64,
    /// Whether the time has been sure for so long that what is old may be deleted.
    pub is_settled: bool,
}

impl Steady {
    /// Begins with what the wall clock says; or, if that lies before something that was kept, with the moment of that:
    /// a machine whose clock stood still while it was off knows the time only once others have told it, so its past is
    /// a step like any other.
    #[must_use]
    pub fn new(wall_ms: i64, elapsed: Duration, seen: Seen) -> Self {
        let late = seen.sure_ms.is_some_and(|sure| wall_ms.saturating_sub(sure) > LONG_PAUSE_MS);
        let last = seen.last_ms.filter(|last| last.saturating_sub(wall_ms) > TOLERANCE_MS);
        let wall_ms = last.unwrap_or(wall_ms);
        Self { wall_ms, elapsed, step: None, stepped: late.then_some(elapsed) }
    }

    /// What time it is, by the wall clock and the time that has passed since some fixed moment.
    pub fn read(&mut self, wall_ms: i64, elapsed: Duration) -> Moment {
        let passed = elapsed.saturating_sub(self.elapsed);
        let expected = self.wall_ms.saturating_add(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX));
        let ahead = wall_ms.saturating_sub(expected);
        let is_near = |ahead: i64| ahead.saturating_abs() <= TOLERANCE_MS;
        let mut now_ms = wall_ms;
        if is_near(ahead) {
            self.step = None;
            if passed > COMPARED_FOR {
                (self.wall_ms, self.elapsed) = (wall_ms, elapsed);
            }
        } else {
            let same = self.step.filter(|(step, _)| is_near(ahead.saturating_sub(*step)));
            let (_, since) = *self.step.insert(same.unwrap_or((ahead, elapsed)));
            if elapsed.saturating_sub(since) >= BELIEVED_AFTER {
                (self.wall_ms, self.elapsed, self.step) = (wall_ms, elapsed, None);
                self.stepped = Some(elapsed);
            } else {
                now_ms = expected;
            }
        }
        let settled = self.stepped.is_none_or(|at| elapsed.saturating_sub(at) >= SETTLED_AFTER);
        Moment {
            now_ms,
            ahead_ms: wall_ms.saturating_sub(now_ms),
            is_settled: settled && self.step.is_none(),
        }
    }
}

impl Moment {
    /// Whether time went back so far since an earlier moment that hours which are closed are to be opened again.
    #[must_use]
    pub const fn is_set_back(&self, earlier_ms: i64) -> bool {
        self.now_ms < earlier_ms.saturating_sub(TOLERANCE_MS)
    }

    /// When something took place that came just now, by a wall clock that may have been set before or after it.
    #[must_use]
    pub fn place(&self, at_ms: i64) -> i64 {
        let both = [at_ms, at_ms.saturating_sub(self.ahead_ms)];
        let at_ms = both.into_iter().min_by_key(|at| at.abs_diff(self.now_ms)).unwrap_or(at_ms);
        if at_ms > self.now_ms.saturating_add(TOLERANCE_MS) { self.now_ms } else { at_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_219_200_000;
    const YEAR: i64 = 365 * 86_400_000;

    fn kept(at_ms: i64) -> Seen {
        Seen { sure_ms: Some(at_ms), last_ms: Some(at_ms) }
    }

    /// A clock in hours of a story, read every ten seconds.
    struct Story {
        steady: Steady,
        passed: u64,
        offset: i64,
    }

    impl Story {
        fn new() -> Self {
            Self { steady: Steady::new(NOW, Duration::ZERO, kept(NOW)), passed: 0, offset: 0 }
        }

        fn wall(&self) -> i64 {
            NOW + i64::try_from(self.passed).unwrap() * 1000 + self.offset
        }

        /// Time passes; what is read at its end.
        fn pass(&mut self, seconds: u64) -> Moment {
            let end = self.passed + seconds;
            while self.passed + 10 < end {
                self.passed += 10;
                self.steady.read(self.wall(), Duration::from_secs(self.passed));
            }
            self.passed = end;
            self.steady.read(self.wall(), Duration::from_secs(end))
        }
    }

    #[test]
    fn a_clock_that_jumps_a_year_and_comes_back_within_minutes_moves_nothing() {
        let mut story = Story::new();
        assert_eq!(story.pass(100), Moment { now_ms: NOW + 100_000, ahead_ms: 0, is_settled: true });
        story.offset = YEAR;
        assert_eq!(story.pass(500), Moment { now_ms: NOW + 600_000, ahead_ms: YEAR, is_settled: false });
        story.offset = 0;
        assert_eq!(story.pass(10), Moment { now_ms: NOW + 610_000, ahead_ms: 0, is_settled: true });
        // Nor do jumps one after the other, each undone before it is believed.
        for round in 0..20 {
            story.offset = (round % 4) * YEAR;
            assert_eq!(story.pass(500).now_ms, story.wall() - story.offset);
        }
    }

    #[test]
    fn a_step_is_followed_after_ten_minutes_and_nothing_is_deleted_for_a_day() {
        let mut story = Story::new();
        story.offset = 3 * 3_600_000;
        assert_eq!(story.pass(600).now_ms, NOW + 600_000, "the machine slept, perhaps");
        let moment = story.pass(20);
        assert_eq!((moment.now_ms, moment.ahead_ms, moment.is_settled), (story.wall(), 0, false));
        assert!(!story.pass(86_000).is_settled);
        assert!(story.pass(1000).is_settled);
        // And back: the same.
        story.offset = 0;
        let last = story.pass(10).now_ms;
        let moment = story.pass(700);
        assert!(moment.is_set_back(last) && !moment.is_settled);
        assert_eq!(moment.now_ms, story.wall());
    }

    #[test]
    fn a_clock_that_drifts_or_is_set_right_by_little_is_followed() {
        let mut story = Story::new();
        for _ in 0..30 {
            story.offset += 200_000;
            let moment = story.pass(90_000);
            assert_eq!((moment.now_ms, moment.is_settled), (story.wall(), true));
        }
    }

    #[test]
    fn a_clock_that_creeps_ahead_in_small_steps_is_not_followed_at_once() {
        let mut story = Story::new();
        for _ in 0..100 {
            story.offset += 100_000;
            story.pass(1);
        }
        let moment = story.pass(1);
        assert!(moment.now_ms < NOW + 110_000 && !moment.is_settled, "{moment:?}");
    }

    #[test]
    fn a_start_long_after_what_was_kept_deletes_nothing_for_a_day() {
        let within = Seen { last_ms: Some(NOW - 60_000), ..kept(NOW - YEAR) };
        let (hour, year) = (kept(NOW - 3_600_000), kept(NOW - YEAR));
        for (seen, settled) in [(Seen::default(), true), (hour, true), (year, false), (within, false)] {
            let mut steady = Steady::new(NOW, Duration::ZERO, seen);
            assert_eq!(steady.read(NOW, Duration::ZERO).is_settled, settled, "{seen:?}");
            assert!(steady.read(NOW + 86_400_000, Duration::from_secs(86_400)).is_settled);
        }
    }

    #[test]
    fn a_start_in_the_past_goes_on_after_what_was_kept() {
        for wall in [0, NOW - YEAR, NOW - 3_600_000] {
            let mut steady = Steady::new(wall, Duration::ZERO, kept(NOW));
            let moment = steady.read(wall, Duration::ZERO);
            assert_eq!((moment.now_ms, moment.is_settled), (NOW, false));
            let moment = steady.read(wall + 30_000, Duration::from_secs(30));
            assert_eq!((moment.now_ms, moment.place(wall + 29_000)), (NOW + 30_000, NOW + 29_000));
            // Then the network tells the time: it was off for two minutes.
            let moment = steady.read(NOW + 151_000, Duration::from_secs(31));
            assert_eq!((moment.now_ms, moment.is_settled), (NOW + 151_000, true));
        }
        // Nobody corrects it: then it is the time.
        let mut steady = Steady::new(NOW - YEAR, Duration::ZERO, kept(NOW));
        steady.read(NOW - YEAR, Duration::ZERO);
        let moment = steady.read(NOW - YEAR + 600_000, Duration::from_secs(600));
        assert_eq!((moment.now_ms, moment.is_settled), (NOW - YEAR + 600_000, false));
        // What the clock may differ by is no past.
        assert_eq!(Steady::new(NOW - 200_000, Duration::ZERO, kept(NOW)).wall_ms, NOW - 200_000);
    }

    #[test]
    fn what_was_observed_around_a_step_is_placed_where_it_took_place() {
        let jumped = Moment { now_ms: NOW, ahead_ms: YEAR, is_settled: false };
        assert_eq!(jumped.place(NOW + YEAR - 10), NOW - 10, "after the step");
        assert_eq!(jumped.place(NOW - 10), NOW - 10, "before it");
        let back = Moment { now_ms: NOW, ahead_ms: 0, is_settled: true };
        assert_eq!(back.place(NOW + YEAR), NOW, "told by a clock that has come back since");
        assert_eq!(back.place(NOW - 10), NOW - 10);
    }
}
