//! The hours that are not closed: what was counted in each, what is missing, when each is over. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ctl_policy::sla::Counts;

use super::super::levels::{RunningHours, begin_of, hour_of, took_place};
use super::super::store::{Description, Record};
use super::gaps::Gap;

/// An hour is closed so long after its end: probes that began in it may still run.
const GRACE_MS: i64 = 120_000;

/// The hours that are not closed.
#[derive(Debug)]
pub(super) struct Hours {
    running: RunningHours,
    /// When the last probe of a target took place, by its number.
    probed: BTreeMap<u32, i64>,
    /// Hours before this one are closed, or are due to be written again.
    open: u32,
}

impl Hours {
    /// Hours before `open` are closed.
    pub(super) const fn new(open: u32) -> Self {
        Self { running: RunningHours::new(), probed: BTreeMap::new(), open }
    }

    /// When something counts that took place at this moment: what comes after its hour was closed counts in the one
    /// that is open.
    pub(super) fn counts_at(&self, at_ms: i64) -> i64 {
        at_ms.max(begin_of(self.open))
    }

    /// Hours before this one are closed.
    pub(super) fn open(&self) -> u32 {
        self.running.keys().next().map_or(self.open, |first| self.open.min(*first))
    }

    /// The hours in which something is counted.
    pub(super) fn counted(&self) -> BTreeSet<u32> {
        self.running.keys().copied().collect()
    }

    /// Takes note of a probe that counts in an hour which was closed before all this.
    pub(super) fn recall(&mut self, record: &Record) {
        self.probed.insert(record.number, record.at_ms);
    }

    /// Counts a probe, and what is missing since the one before.
    pub(super) fn count(&mut self, record: &Record, target: Option<&Description>) {
        let hour = hour_of(record.at_ms).max(self.open);
        record.count(self.running.entry(hour).or_default().entry(record.number).or_default());
        let last = self.probed.insert(record.number, record.at_ms);
        let Some(target) = target else { return };
        // The first probe comes within a period.
        let since = || target.watched.last().map_or(record.at_ms, |stretch| stretch.from_ms);
        let last = last.unwrap_or_else(since);
        let gap = Gap::between(last, record.at_ms, target.period_ms);
        // In an hour between these two nothing took place, so it is missing as a whole.
        for hour in BTreeSet::from([hour_of(last), hour]) {
            if let Some(counts) = self.running.get_mut(&hour).and_then(|all| all.get_mut(&record.number)) {
                let missing = gap.within(target, begin_of(hour), begin_of(hour.saturating_add(1)));
                counts.missing = counts.missing.saturating_add(missing);
            }
        }
    }

    /// The next hour that is over, with what was counted in it, if anything was; and whether it is closed for the first
    /// time. Of an hour in which nothing took place there is nothing to keep: it is missing as a whole.
    pub(super) fn close_next<'a>(
        &mut self,
        now_ms: i64,
        targets: impl Iterator<Item = &'a Description>,
    ) -> Option<(u32, BTreeMap<u32, Counts>, bool)> {
        let hour = self.open();
        if begin_of(hour.saturating_add(1)).saturating_add(GRACE_MS) > now_ms {
            return None;
        }
        let mut counted = self.running.remove(&hour).unwrap_or_default();
        let is_first = hour >= self.open;
        if is_first {
            let next = self.running.keys().next().copied().unwrap_or_else(|| hour_of(now_ms));
            self.open = next.min(hour_of(now_ms)).max(hour.saturating_add(1));
        }
        if !counted.is_empty() {
            self.fill(hour, &mut counted, targets);
        }
        Some((hour, counted, is_first))
    }

    /// Hours that could not be written: each runs until it is.
    pub(super) fn again(&mut self, hours: RunningHours) {
        self.running.extend(hours);
    }

    /// Hours that were closed already, of which the fuller count holds. What was missing is found again when they
    /// are closed again.
    pub(super) fn open_again(&mut self, hours: RunningHours) {
        for (hour, counted) in hours {
            let running = self.running.entry(hour).or_default();
            for (number, mut counts) in counted {
                counts.missing = 0;
                let one = running.entry(number).or_default();
                if took_place(one) < took_place(&counts) {
                    *one = counts;
                }
            }
        }
    }

    /// The clock has been set back, so far that hours which were closed are to come again.
    pub(super) fn set_back(&mut self, now_ms: i64, reopened: RunningHours) {
        let present = hour_of(now_ms);
        self.open = self.open.min(present);
        for (hour, counted) in std::mem::take(&mut self.running) {
            // What was counted in an hour that is yet to come took place just now.
            let hour = if reopened.contains_key(&hour) { hour } else { hour.min(present) };
            let running = self.running.entry(hour).or_default();
            for (number, counts) in counted {
                running.entry(number).or_default().merge(&counts);
            }
        }
        self.open_again(reopened);
        self.probed.retain(|_, at_ms| *at_ms <= now_ms);
    }

    /// What was counted, with what is missing up to now.
    pub(super) fn running<'a>(
        &self,
        now_ms: i64,
        targets: impl Iterator<Item = &'a Description>,
    ) -> RunningHours {
        let mut running = self.running.clone();
        for target in targets {
            // A probe is not late before it is half a period late.
            let late_ms = now_ms.saturating_sub(i64::try_from(target.period_ms / 2).unwrap_or(i64::MAX));
            for (hour, counted) in &mut running {
                if let Some(counts) = counted.get_mut(&target.number) {
                    self.tail(target, counts, *hour, late_ms, now_ms);
                }
            }
        }
        running
    }

    fn fill<'a>(
        &self,
        hour: u32,
        counted: &mut BTreeMap<u32, Counts>,
        targets: impl Iterator<Item = &'a Description>,
    ) {
        let (from, to) = (begin_of(hour), begin_of(hour.saturating_add(1)));
        for target in targets {
            let due = target.due(from, to);
            match counted.get_mut(&target.number).filter(|counts| took_place(counts) > 0) {
                Some(counts) => self.tail(target, counts, hour, to, to),
                None if due > 0 => counted.entry(target.number).or_default().missing = due,
                None => {}
            }
        }
    }

    /// Counts what is missing after the last probe, before `late`, and never more than the hour lacks at `until`: a
    /// probe that began late, because it waited for its turn, is no gap.
    fn tail(&self, target: &Description, counts: &mut Counts, hour: u32, late: i64, until: i64) {
        let (from, to) = (begin_of(hour), begin_of(hour.saturating_add(1)));
        if let Some(last) = self.probed.get(&target.number) {
            let gap = Gap::after(*last, late.min(to), target.period_ms);
            counts.missing = counts.missing.saturating_add(gap.within(target, from, late.min(to)));
        }
        counts.missing =
            counts.missing.min(target.due(from, until.min(to)).saturating_sub(took_place(counts)));
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::Kind;

    use super::*;
    use crate::levels::HOUR_MS;
    use crate::store::{Outcome, Watched};

    const PERIOD: i64 = 30_000;
    const FIRST: u32 = 498_672;

    fn target() -> Description {
        Description {
            number: 1,
            kind: Kind::Ocsp,
            operator: "alpha-pki".parse().unwrap(),
            url: "http://ocsp.example/".into(),
            period_ms: 30_000,
            watched: vec![Watched { from_ms: 0, to_ms: None }],
        }
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
        let (target, begin) = (target(), begin_of(FIRST));
        let (mut hours, mut found) = (Hours::new(FIRST), Vec::new());
        let (mut at_ms, mut random) = (begin + 7000, 0x2545_f491_4f6c_dd1d_u64);
        while at_ms < begin + HOURS * HOUR_MS + 300_000 {
            if !left_out(at_ms % HOUR_MS) {
                hours.count(&record(at_ms), Some(&target));
            }
            while let Some((_, counted, _)) = hours.close_next(at_ms, std::iter::once(&target)) {
                found.push(counted[&1].missing);
            }
            // xorshift64: the same story every time.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            at_ms += PERIOD * 4 / 5 + i64::try_from(random % 12_000).unwrap();
        }
        assert_eq!(found.len(), 200);
        found
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
        let (target, begin) = (target(), begin_of(FIRST));
        let mut hours = Hours::new(FIRST);
        (0..20).for_each(|n| hours.count(&record(begin + n * PERIOD), Some(&target)));
        let missing = |minutes: i64| {
            hours.running(begin + minutes * 60_000, std::iter::once(&target))[&FIRST][&1].missing
        };
        assert_eq!((missing(10), missing(20), missing(59)), (0, 20, 98));
    }

    #[test]
    fn an_hour_that_cannot_be_written_runs_until_it_is() {
        let (target, begin) = (target(), begin_of(FIRST));
        let mut hours = Hours::new(FIRST);
        hours.count(&record(begin), Some(&target));
        let over = begin + HOUR_MS + GRACE_MS;
        let (hour, counted, is_first) = hours.close_next(over, std::iter::once(&target)).unwrap();
        assert!(is_first && hour == FIRST && hours.open() == FIRST + 1);
        hours.again([(hour, counted.clone())].into());
        assert_eq!(hours.open(), FIRST, "it is not closed");
        let (hour, again, is_first) = hours.close_next(over, std::iter::once(&target)).unwrap();
        assert_eq!((hour, again, is_first), (FIRST, counted, false));
        assert_eq!(hours.close_next(over, std::iter::once(&target)), None);
        assert_eq!(hours.open(), FIRST + 1);
    }
}
