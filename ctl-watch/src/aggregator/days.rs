//! What was counted in the last ninety days, by day: what the strips and curves of the status page are drawn from.
//!
//! It is kept in memory beside the history, so that a page costs no scan: read from the history once, the newest days
//! first, and added to whenever hours are written. As many targets as are watched at most (20,000) take some 50 MB.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use ctl_policy::sla::{Counts, Histogram, LATENCY_BOUNDS_MS};

use crate::changes::CountedHours;
use crate::description::Description;
use crate::hours::{HOUR_MS, hour_of};
use crate::levels::ServiceKey;
use crate::store::{Store, StoreError};

/// How many days are kept, today included.
pub const DAYS: u32 = 90;
const HOURS: u32 = 24;
/// A day in milliseconds.
pub const DAY_MS: i64 = HOUR_MS * 24;
/// Response times are kept of so many services; one machine watches fewer.
const SERVICES: usize = 5000;

/// What was counted of one target in one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    pub good: u32,
    pub bad: u32,
    /// In announced maintenance.
    pub excused: u32,
    /// Found missing between probes.
    pub missing: u32,
    /// The hours in which there was a probe, a bit each.
    pub hours: u32,
}

impl DayCounts {
    /// Adds what was counted elsewhere.
    pub const fn merge(&mut self, other: &Self) {
        self.good = self.good.saturating_add(other.good);
        self.bad = self.bad.saturating_add(other.bad);
        self.excused = self.excused.saturating_add(other.excused);
        self.missing = self.missing.saturating_add(other.missing);
        self.hours |= other.hours;
    }

    fn of(hour: u32, counts: &Counts) -> Self {
        let Counts { good, bad, excused, missing, .. } = counts;
        let [good, bad, excused, missing] =
            [good, bad, excused, missing].map(|count| u32::try_from(*count).unwrap_or(u32::MAX));
        let hours = if good | bad | excused == 0 { 0 } else { 1 << (hour % HOURS) };
        Self { good, bad, excused, missing, hours }
    }
}

/// How many answers of a day took how long, by class.
type Classes = [u32; LATENCY_BOUNDS_MS.len() + 1];

/// The days of all targets.
#[derive(Debug, Default)]
pub struct Days {
    /// All that was written of this day and later is counted here; none before the first read.
    from: Option<u32>,
    targets: BTreeMap<u32, BTreeMap<u32, DayCounts>>,
    response: BTreeMap<ServiceKey, BTreeMap<u32, Box<Classes>>>,
}

/// The day (since 1970, in UTC) that contains a moment.
#[must_use]
pub fn day_of(at_ms: i64) -> u32 {
    hour_of(at_ms) / HOURS
}

/// The first moment of a day.
#[must_use]
pub fn begin_of(day: u32) -> i64 {
    i64::from(day) * DAY_MS
}

impl Days {
    /// The first day that is complete; none while nothing was read.
    #[must_use]
    pub const fn from(&self) -> Option<u32> {
        self.from
    }

    /// The days of a target on which it was probed.
    pub fn of(&self, target: u32) -> impl Iterator<Item = (u32, DayCounts)> {
        self.targets.get(&target).into_iter().flatten().map(|(day, counts)| (*day, *counts))
    }

    /// The response times of a service, by day.
    pub fn response(&self, service: &ServiceKey) -> impl Iterator<Item = (u32, Histogram)> {
        let days = self.response.get(service).into_iter().flatten();
        days.map(|(day, classes)| (*day, Histogram(classes.map(u64::from))))
    }

    /// Adds hours that were written. Those of days that are not read yet come with their day.
    pub fn add(&mut self, hours: &CountedHours, targets: &BTreeMap<u32, Description>) {
        let Some(from) = self.from else { return };
        for (hour, counted) in hours.range(from.saturating_mul(HOURS)..) {
            self.count(*hour, counted, targets);
        }
    }

    fn count(&mut self, hour: u32, counted: &BTreeMap<u32, Counts>, targets: &BTreeMap<u32, Description>) {
        let day = hour / HOURS;
        for (number, counts) in counted {
            let Some(target) = targets.get(number) else { continue };
            self.targets
                .entry(*number)
                .or_default()
                .entry(day)
                .or_default()
                .merge(&DayCounts::of(hour, counts));
            let service = (target.operator.clone(), target.kind);
            // The service itself is not timed for all of its targets, and others only while there is room.
            if counts.latency_ms.total() == 0
                || (self.response.len() >= SERVICES && !self.response.contains_key(&service))
            {
                continue;
            }
            let classes = self.response.entry(service).or_default().entry(day).or_default();
            for (sum, more) in classes.iter_mut().zip(counts.latency_ms.0) {
                *sum = sum.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
            }
        }
    }

    /// Forgets what is older than ninety days, and what a wrong clock dated ahead.
    pub fn forget(&mut self, now_ms: i64) {
        let today = day_of(now_ms);
        let first = today.saturating_sub(DAYS - 1);
        // A clock that was set back has come before all that is known.
        self.from = self.from.filter(|from| *from <= today).map(|from| from.max(first));
        // What is being observed may be of a day that begins just now.
        let known = self.from.map(|from| from..=today.saturating_add(1));
        let is_known = |day| known.as_ref().is_some_and(|known| known.contains(&day));
        retain(&mut self.targets, is_known);
        retain(&mut self.response, is_known);
    }

    /// Whether days are missing that the history may have.
    #[must_use]
    pub fn lacks(&self, now_ms: i64) -> Option<u32> {
        let today = day_of(now_ms);
        let next = self.from.map_or(Some(today), |from| from.checked_sub(1));
        next.filter(|next| *next >= today.saturating_sub(DAYS - 1))
    }

    /// Takes a day that was read, the one before those that are known.
    pub fn put(&mut self, day: u32, counted: &CountedHours, targets: &BTreeMap<u32, Description>) {
        self.from = Some(day);
        for (hour, counted) in counted {
            self.count(*hour, counted, targets);
        }
    }
}

fn retain<K: Ord, V>(all: &mut BTreeMap<K, BTreeMap<u32, V>>, keeps: impl Fn(u32) -> bool) {
    all.retain(|_, days| {
        days.retain(|day, _| keeps(*day));
        !days.is_empty()
    });
}

/// Reads the days that are missing, the newest first, and passes each on, until all are there or the patience ends.
/// Blocks on the disk.
///
/// # Errors
/// [`StoreError`]
pub fn catch_up(
    store: &Store,
    days: &RwLock<Days>,
    targets: &BTreeMap<u32, Description>,
    now_ms: i64,
    patience: Duration,
) -> Result<(), StoreError> {
    let begin = Instant::now();
    let locked = || days.write().unwrap_or_else(PoisonError::into_inner);
    locked().forget(now_ms);
    let numbers: BTreeSet<u32> = targets.keys().copied().collect();
    loop {
        let Some(day) = locked().lacks(now_ms) else { return Ok(()) };
        let mut counted = CountedHours::new();
        let first = day.saturating_mul(HOURS);
        store.hours(&numbers, first, first.saturating_add(HOURS), |number, hour, counts| {
            counted.entry(hour).or_default().insert(number, counts);
        })?;
        locked().put(day, &counted, targets);
        if begin.elapsed() > patience {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::{BUILT_IN, Kind};

    use super::super::task::write;
    use super::super::tests::{DAY, Story, observation, target};
    use super::*;
    use crate::code::Code;

    const PATIENCE: Duration = Duration::from_secs(3600);

    fn read(story: &Story) -> Days {
        let (days, targets) = (RwLock::default(), story.machine.targets());
        catch_up(&story.store, &days, &targets, story.now, PATIENCE).unwrap();
        days.into_inner().unwrap()
    }

    #[test]
    fn what_is_added_as_it_is_written_is_what_is_read_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let mut story = Story::begin(directory.path(), BUILT_IN);
        let mut days = read(&story);
        assert_eq!((days.from(), days.lacks(story.now)), (Some(day_of(DAY) - 89), None));
        for hours in 1..=30 {
            let target = target(Kind::Ocsp, "http://ocsp.alpha.example/");
            for _ in 0..120 {
                let bad = (story.now % (7 * HOUR_MS) == 0).then_some(Code::TcpRefused);
                story.machine.take(observation(&target, story.now, bad));
                story.now += 30_000;
            }
            let changes = story.machine.changes(story.now);
            let targets = story.machine.targets();
            days.add(&changes.hours, &targets);
            assert!(write(&story.store, changes).is_empty(), "{hours}");
        }
        days.forget(story.now);
        let again = read(&story);
        assert_eq!((days.from, &days.targets, &days.response), (again.from, &again.targets, &again.response));
        let of: Vec<_> = days.of(0).collect();
        assert_eq!(of.len(), 2, "{of:?}");
        assert_eq!(of[0].1.good + of[0].1.bad, 24 * 120);
        assert!(of[0].1.bad > 0);
        let service = ("alpha-pki".parse().unwrap(), Kind::Ocsp);
        let times = days.response(&service).next().unwrap().1;
        assert_eq!((times.total(), times.percentile(500)), (u64::from(of[0].1.good), Some(Some(100))));
    }

    #[test]
    fn days_end_after_ninety_and_a_clock_that_was_wrong_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut story = Story::begin(directory.path(), BUILT_IN);
        story.until(DAY + HOUR_MS, |_| None);
        let mut days = read(&story);
        assert_eq!(days.of(0).count(), 1);
        days.forget(DAY + 89 * DAY_MS);
        assert_eq!(days.of(0).count(), 1);
        days.forget(DAY + 90 * DAY_MS);
        assert_eq!((days.of(0).count(), days.lacks(DAY + 90 * DAY_MS)), (0, None));
        // It was not that late: all is read again.
        days.forget(story.now);
        assert_eq!((days.from(), days.lacks(story.now)), (None, Some(day_of(DAY))));
    }

    #[test]
    fn a_large_history_is_read_in_pieces_the_newest_first() {
        let directory = tempfile::tempdir().unwrap();
        let mut story = Story::begin(directory.path(), BUILT_IN);
        story.until(DAY + HOUR_MS, |_| None);
        let (days, targets) = (RwLock::default(), story.machine.targets());
        catch_up(&story.store, &days, &targets, story.now, Duration::ZERO).unwrap();
        assert_eq!(days.read().unwrap().lacks(story.now), Some(day_of(DAY) - 1));
        assert_eq!(days.read().unwrap().of(0).count(), 1);
    }
}
