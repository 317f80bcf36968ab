//! A clock that steps, told from one that is wrong: the time of day is compared with the time that has really
//! passed. A step is believed once the clock has stood by it for a while, the longer the larger it is, so that a
//! machine that was paused goes on by itself and someone has time to undo a mistake. Pure: both readings come in.

use std::time::Duration;

use ctl_core::Timestamp;

/// No step is believed earlier than this.
const SHORTEST_WAIT: u64 = 600;
/// The wait for a step is the step divided by this: two and a half hours after a weekend.
const WAIT_PART: u64 = 24;
/// No step is waited for longer than this, which is the wait for thirty days.
const LONGEST_WAIT: u64 = 30 * 3600;
/// How long the two clocks may drift apart before that is forgiven.
const COMPARED_FOR: Duration = Duration::from_secs(86_400);

/// How large a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Up to this it is drift, or a clock set right by little.
    pub tolerance: Duration,
    /// Beyond this a step is never believed.
    pub largest_step: Duration,
}

/// Follows the time of day, and not where it jumps.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    /// The time of day when it was last believed, and what had passed by then.
    wall: Timestamp,
    elapsed: Duration,
    /// The step that is not believed yet.
    step: Option<Step>,
}

/// A step, in seconds, and what had passed when it was first seen.
#[derive(Clone, Copy, Debug)]
struct Step {
    by: i64,
    since: Duration,
}

/// What the time of day is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is what it was and the time that has passed.
    Sure,
    /// It has stood by a step for so long that it is right from now on.
    Believed {
        /// The time before the step.
        expected: Timestamp,
    },
    /// It is something else.
    Jumped {
        /// What it should be.
        expected: Timestamp,
        /// How much longer until the step is believed; none if it is too large for that.
        wait: Option<Duration>,
    },
}

impl Steady {
    /// Begins with a time of day that is believed.
    #[must_use]
    pub const fn new(wall: Timestamp, elapsed: Duration) -> Self {
        Self { wall, elapsed, step: None }
    }

    /// Takes a reading of both clocks. The more often this is called, the surer it is that the clock stood by a
    /// step all the while.
    pub fn read(&mut self, wall: Timestamp, elapsed: Duration, bounds: Bounds) -> Reading {
        let passed = elapsed.saturating_sub(self.elapsed);
        let expected = self.wall.plus_seconds(passed.as_secs());
        let by = wall.unix().saturating_sub(expected.unix());
        let is_near = |by: i64| by.unsigned_abs() <= bounds.tolerance.as_secs();
        if is_near(by) {
            self.step = None;
            if passed > COMPARED_FOR {
                *self = Self::new(wall, elapsed);
            }
            return Reading::Sure;
        }
        let same = self.step.filter(|step| is_near(by.saturating_sub(step.by)));
        let Step { since, .. } = *self.step.insert(same.unwrap_or(Step { by, since: elapsed }));
        if by.unsigned_abs() > bounds.largest_step.as_secs() {
            return Reading::Jumped { expected, wait: None };
        }
        let wait = Duration::from_secs((by.unsigned_abs() / WAIT_PART).clamp(SHORTEST_WAIT, LONGEST_WAIT));
        let stood = elapsed.saturating_sub(since);
        if stood < wait {
            return Reading::Jumped { expected, wait: Some(wait.saturating_sub(stood)) };
        }
        *self = Self::new(wall, elapsed);
        Reading::Believed { expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    const BOUNDS: Bounds =
        Bounds { tolerance: Duration::from_secs(600), largest_step: Duration::from_secs(30 * DAY) };

    /// The two clocks of a story, read every ten seconds.
    struct Story {
        steady: Steady,
        wall: Timestamp,
        passed: u64,
    }

    impl Story {
        fn new() -> Self {
            let wall = "2026-11-21T20:13:00Z".parse().unwrap();
            Self { steady: Steady::new(wall, Duration::ZERO), wall, passed: 0 }
        }

        fn pass(&mut self, seconds: u64) -> Reading {
            let mut reading = Reading::Sure;
            for _ in 0..seconds / 10 {
                self.passed += 10;
                self.wall = self.wall.plus_seconds(10);
                let next = self.steady.read(self.wall, Duration::from_secs(self.passed), BOUNDS);
                // What was believed on the way is sure afterwards.
                reading = if matches!(reading, Reading::Believed { .. }) { reading } else { next };
            }
            reading
        }

        fn step(&mut self, seconds: i64) {
            self.wall = Timestamp::from_unix(self.wall.unix() + seconds);
        }
    }

    fn jumped(reading: Reading) -> Option<u64> {
        match reading {
            Reading::Jumped { wait, .. } => wait.map(|wait| wait.as_secs()),
            _ => panic!("{reading:?}"),
        }
    }

    #[test]
    fn a_pause_of_the_machine_is_believed_the_later_the_longer_it_was() {
        for (pause, wait) in [(HOUR, 600), (5 * DAY / 2, 9000), (29 * DAY, 29 * HOUR)] {
            let mut story = Story::new();
            assert_eq!(story.pass(100), Reading::Sure);
            story.step(pause.cast_signed());
            assert_eq!(jumped(story.pass(10)), Some(wait));
            assert_eq!(jumped(story.pass(wait - 10)), Some(10));
            assert!(matches!(story.pass(10), Reading::Believed { .. }), "{pause}");
            assert_eq!(story.pass(1000), Reading::Sure);
        }
    }

    #[test]
    fn a_step_that_is_undone_or_changes_is_not_believed() {
        let mut story = Story::new();
        for _ in 0..50 {
            story.step(20 * 3600);
            assert!(jumped(story.pass(2990)).is_some());
            story.step(-20 * 3600);
            assert_eq!(story.pass(10), Reading::Sure);
        }
        // Whoever moves the clock on and on never stands by a step.
        for _ in 0..50 {
            story.step(3600);
            assert!(jumped(story.pass(590)).is_some());
        }
    }

    #[test]
    fn a_clock_that_is_years_off_is_never_believed() {
        let mut story = Story::new();
        for by in [5 * 365 * DAY.cast_signed(), -10 * 365 * DAY.cast_signed()] {
            story.step(by);
            assert_eq!(jumped(story.pass(40 * HOUR)), None);
        }
    }

    #[test]
    fn without_a_bound_any_step_is_believed_within_thirty_hours() {
        let mut story = Story::new();
        story.pass(100);
        story.step(5 * 365 * DAY.cast_signed());
        let unbounded = Bounds { largest_step: Duration::MAX, ..BOUNDS };
        let mut read = |hours: u64| {
            story.steady.read(
                story.wall.plus_seconds(hours * HOUR),
                Duration::from_secs(100 + hours * HOUR),
                unbounded,
            )
        };
        assert_eq!(jumped(read(0)), Some(30 * HOUR));
        assert_eq!(jumped(read(29)), Some(HOUR));
        assert!(matches!(read(30), Reading::Believed { .. }));
    }

    #[test]
    fn slow_drift_is_forgiven_once_a_day() {
        let mut story = Story::new();
        for _ in 0..10 {
            story.step(300);
            assert_eq!(story.pass(DAY + 20), Reading::Sure);
        }
    }
}
