//! What a probe adds to the counts of its hour, and how many due probes are missing, computed from the distances
//! between probes. Pure.
//!
//! The schedule sets probes a period apart, each up to a fifth earlier or later, so the number in an hour varies: the
//! standard deviation of a distance is a fifth of the period over √3, that of the number in an hour of N about 0.115·√N
//! (1.3 of 120). Comparing an hour's number with the expected one would have to tolerate several missing probes in
//! every hour, and would never notice a service that is always probed a little too seldom. But a distance without a
//! missing probe is at most 1.2 periods, and one with a missing probe at least 1.6, so each distance shows what is
//! missing in it.

use std::collections::BTreeSet;

use ctl_policy::sla::Counts;

use super::changes::CountedHours;
use super::description::Description;
use super::hours::{begin_of, hour_of};
use super::record::Record;

/// The time between two probes that took place, or after the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    from_ms: i64,
    length_ms: i64,
    /// Missing probes in between, evenly spaced.
    missing: i64,
}

impl Gap {
    /// Between two probes.
    fn between(from_ms: i64, to_ms: i64, period_ms: u64) -> Self {
        let length_ms = to_ms.saturating_sub(from_ms).max(0);
        let period = i64::try_from(period_ms).unwrap_or(i64::MAX).max(1);
        // In periods, rounded: the last one ends with a probe.
        let missing = (length_ms.saturating_add(period / 2) / period).saturating_sub(1).max(0);
        Self { from_ms, length_ms, missing }
    }

    /// The gap after the last probe, up to the moment of asking.
    fn after(from_ms: i64, until_ms: i64, period_ms: u64) -> Self {
        let period = i64::try_from(period_ms).unwrap_or(i64::MAX).max(1);
        let missing = until_ms.saturating_sub(from_ms).max(0) / period;
        Self { from_ms, length_ms: period.saturating_mul(missing.saturating_add(1)), missing }
    }

    /// How many are missing before a moment.
    fn before(&self, at_ms: i64) -> i64 {
        let into = i128::from(at_ms.saturating_sub(self.from_ms).max(0));
        let steps = into * i128::from(self.missing + 1);
        let length = i128::from(self.length_ms.max(1));
        let passed = (steps + length - 1) / length - 1;
        i64::try_from(passed).unwrap_or(i64::MAX).clamp(0, self.missing)
    }

    /// How many are missing within a stretch of time in which the target was watched.
    fn within(&self, target: &Description, from_ms: i64, to_ms: i64) -> u64 {
        if self.missing == 0 {
            return 0;
        }
        let stretches = target.watched_within(from_ms, to_ms);
        let missing = stretches.map(|(from, to)| self.before(to).saturating_sub(self.before(from)).max(0));
        missing.fold(0_i64, i64::saturating_add).unsigned_abs()
    }
}

/// How many probes took place.
const fn took_place(counts: &Counts) -> u64 {
    counts.valid().saturating_add(counts.excused)
}

/// Counts a probe in its hour, and the probes missing since the previous one in the hours of both. Hours between these
/// two have no counts at all, and are missing as a whole.
pub fn count(record: &Record, last_ms: Option<i64>, target: &Description, hours: &mut CountedHours) {
    // The first probe comes within a period.
    let since = || target.watched.last().map_or(record.at_ms, |stretch| stretch.from_ms);
    let (number, hour, last) = (record.number, hour_of(record.at_ms), last_ms.unwrap_or_else(since));
    // If the last probe lies in the future because the clock was wrong, it only says that this hour had none before.
    let last = if last > record.at_ms { begin_of(hour) } else { last };
    record.count(hours.entry(hour).or_default().entry(number).or_default());
    let gap = Gap::between(last, record.at_ms, target.period_ms);
    for hour in BTreeSet::from([hour_of(last), hour]) {
        let missing = gap.within(target, begin_of(hour), begin_of(hour.saturating_add(1)));
        if missing > 0 {
            let counts = hours.entry(hour).or_default().entry(number).or_default();
            counts.missing = counts.missing.saturating_add(missing);
        }
    }
}

/// How many probes an hour lacks up to now: those found missing between probes, and those missing after the last one if
/// that was in this hour. Never more than the hour lacks: a probe that waited for its turn is late, not missing.
#[must_use]
pub fn missing(target: &Description, last_ms: Option<i64>, hour: u32, counts: &Counts, now_ms: i64) -> u64 {
    let (from, to) = (begin_of(hour), begin_of(hour.saturating_add(1)));
    // A probe is late only after half a period.
    let late = now_ms.saturating_sub(i64::try_from(target.period_ms / 2).unwrap_or(i64::MAX)).min(to);
    let after = last_ms.filter(|last| hour_of(*last) == hour);
    let after = after.map_or(0, |last| Gap::after(last, late, target.period_ms).within(target, from, late));
    let (due, took_place) = (target.due(from, to.min(now_ms)), took_place(counts));
    let missing = counts.missing.saturating_add(after);
    // An hour in which many more took place than were due is of another period.
    if took_place > due.saturating_add(due / 2) {
        missing
    } else {
        missing.min(due.saturating_sub(took_place))
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::Kind;

    use super::*;
    use crate::description::Watched;
    use crate::verdict::Outcome;

    const PERIOD: u64 = 30_000;
    const HOUR: i64 = 3_600_000;
    const PERIOD_MS: i64 = 30_000;
    const FIRST: u32 = 498_672;

    fn target(watched: Vec<Watched>) -> Description {
        Description {
            number: 1,
            kind: Kind::Ocsp,
            operator: "alpha-pki".parse().unwrap(),
            url: "http://ocsp.example/".into(),
            period_ms: PERIOD,
            watched,
            promised: Some(true),
        }
    }

    #[test]
    fn what_is_missing_lies_evenly_and_falls_into_its_hour() {
        let always = target(vec![Watched { from_ms: 0, to_ms: None }]);
        for (length, missing) in
            [(10_000, 0), (36_000, 0), (44_000, 0), (48_000, 1), (72_000, 1), (300_000, 9)]
        {
            let gap = Gap::between(HOUR, HOUR + length, PERIOD);
            assert_eq!(gap.within(&always, 0, 9 * HOUR), missing, "{length}");
        }
        // Ten minutes around the end of an hour.
        let gap = Gap::between(HOUR - 300_000, HOUR + 300_000, PERIOD);
        assert_eq!(gap.within(&always, 0, HOUR), 9, "and not the one at the full hour");
        assert_eq!(gap.within(&always, HOUR, 2 * HOUR), 10);
        // After the last probe of an hour.
        let gap = Gap::after(HOUR - 300_000, HOUR, PERIOD);
        assert_eq!(gap.within(&always, 0, HOUR), 9);
        assert_eq!(Gap::after(HOUR - 20_000, HOUR, PERIOD).within(&always, 0, HOUR), 0);
        assert_eq!(Gap::between(HOUR, 0, PERIOD).within(&always, 0, HOUR), 0, "a clock that went back");
    }

    #[test]
    fn nothing_is_missing_while_nobody_was_to_watch() {
        let target = target(vec![
            Watched { from_ms: 0, to_ms: Some(600_000) },
            Watched { from_ms: 1_200_000, to_ms: None },
        ]);
        let gap = Gap::between(300_000, 1_500_000, PERIOD);
        assert_eq!(gap.within(&target, 0, HOUR), 9 + 10);
    }

    fn record(at_ms: i64) -> Record {
        Record {
            number: 1,
            at_ms,
            outcome: Outcome::Good,
            answered: true,
            fresh: true,
            correct: true,
            duration_ms: None,
            codes: Vec::new(),
        }
    }

    /// What is missing in each of two hundred hours of a schedule that moves every probe by up to a fifth of a period,
    /// where those do not take place of which `left_out` says so by the time in their hour.
    fn missing(left_out: impl Fn(i64) -> bool) -> Vec<u64> {
        const HOURS: i64 = 200;
        let (target, begin) =
            (target(vec![Watched { from_ms: begin_of(FIRST), to_ms: None }]), begin_of(FIRST));
        let (mut hours, mut last) = (CountedHours::new(), None);
        let (mut at_ms, mut random) = (begin + 7000, 0x2545_f491_4f6c_dd1d_u64);
        while at_ms < begin + HOURS * HOUR + 300_000 {
            if !left_out(at_ms % HOUR) {
                count(&record(at_ms), last.replace(at_ms), &target, &mut hours);
            }
            // xorshift64: the same story every time.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            at_ms += PERIOD_MS * 4 / 5 + i64::try_from(random % 12_000).unwrap();
        }
        (FIRST..FIRST + 200)
            .map(|hour| super::missing(&target, last, hour, &hours[&hour][&1], at_ms))
            .collect()
    }

    #[test]
    fn what_the_schedule_moves_is_not_missing() {
        assert_eq!(missing(|_| false).into_iter().max(), Some(0));
    }

    #[test]
    fn four_minutes_that_are_missing_in_every_hour_are_counted_in_every_hour() {
        for (from, to) in [(20, 24), (0, 4), (56, 60)] {
            let found = missing(|at| (from * 60_000..to * 60_000).contains(&at));
            let sum: u64 = found.iter().sum();
            assert!((1450..=1650).contains(&sum), "eight probes of each hour: {sum}");
            assert!(found.iter().all(|missing| (4..=11).contains(missing)), "{found:?}");
        }
    }

    #[test]
    fn even_one_probe_that_is_missing_in_every_hour_shows() {
        let sum: u64 = missing(|at| (600_000..630_000).contains(&at)).iter().sum();
        assert!((100..=220).contains(&sum), "{sum} of about 200");
    }

    #[test]
    fn what_is_missing_shows_while_the_hour_runs() {
        let (target, begin) = (target(vec![Watched { from_ms: 0, to_ms: None }]), begin_of(FIRST));
        let (mut hours, mut last) = (CountedHours::new(), Some(begin - PERIOD_MS));
        for n in 0..20 {
            let at_ms = begin + n * PERIOD_MS;
            count(&record(at_ms), last.replace(at_ms), &target, &mut hours);
        }
        let counts = &hours[&FIRST][&1];
        let missing = |minutes: i64| super::missing(&target, last, FIRST, counts, begin + minutes * 60_000);
        assert_eq!((missing(10), missing(20), missing(59)), (0, 20, 98));
    }

    #[test]
    fn an_hour_that_was_counted_with_another_period_keeps_what_was_missing() {
        let mut target = target(vec![Watched { from_ms: 0, to_ms: None }]);
        let counts = Counts { good: 110, missing: 10, ..Counts::default() };
        let missing =
            |target: &Description| super::missing(target, None, FIRST, &counts, begin_of(FIRST + 9));
        assert_eq!(missing(&target), 10);
        target.period_ms *= 2;
        assert_eq!(missing(&target), 10);
    }
}
