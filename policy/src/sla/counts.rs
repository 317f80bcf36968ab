//! What was counted of a service in a stretch of time. Counts of one stretch and of the next add up to those of
//! both, so hours become days, months and PKIs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Upper bounds of the classes of response times, in milliseconds; one more class is beyond the last.
pub const LATENCY_BOUNDS_MS: [u64; 16] =
    [5, 10, 20, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000];

const CLASSES: usize = LATENCY_BOUNDS_MS.len() + 1;

/// How many answers took how long: one number for each class of [`LATENCY_BOUNDS_MS`] and one beyond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram(pub [u64; CLASSES]);

impl Histogram {
    /// Counts an answer.
    pub fn add(&mut self, milliseconds: u64) {
        let class = LATENCY_BOUNDS_MS.iter().take_while(|bound| **bound < milliseconds).count();
        if let Some(count) = self.0.get_mut(class) {
            *count = count.saturating_add(1);
        }
    }

    /// Answers counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time within which at least this many of a thousand answers came: the upper bound of their class, so never
    /// less than it was. `Some(None)` is beyond the last bound; none if nothing was counted.
    #[must_use]
    pub fn percentile(&self, per_mille: u64) -> Option<Option<u64>> {
        let total = u128::from(self.total());
        if total == 0 {
            return None;
        }
        let rank = (total * u128::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0;
        let class = self.0.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank
        })?;
        Some(LATENCY_BOUNDS_MS.get(class).copied())
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Probes whose answer was good.
    pub good: u64,
    /// Probes whose answer was not good, or did not come.
    pub bad: u64,
    /// Probes during announced maintenance: neither good nor bad.
    pub excused: u64,
    /// Probes that were due and did not take place: a gap, neither good nor bad.
    pub missing: u64,
    /// Of good and bad: those that got an answer.
    pub answered: u64,
    /// Of the answered: those whose answer was of now.
    pub fresh: u64,
    /// Of the answered: those whose answer was right in everything else.
    pub correct: u64,
    /// How long the answers took.
    pub latency_ms: Histogram,
    /// How often each reason code was found, warnings and excused probes included.
    pub reasons: BTreeMap<String, u64>,
}

impl Counts {
    /// Good and bad: what a level is computed from.
    #[must_use]
    pub const fn valid(&self) -> u64 {
        self.good.saturating_add(self.bad)
    }

    /// All probes that were due.
    #[must_use]
    pub const fn due(&self) -> u64 {
        self.valid().saturating_add(self.excused).saturating_add(self.missing)
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        let Self { good, bad, excused, missing, answered, fresh, correct, latency_ms, reasons } = other;
        for (sum, more) in [
            (&mut self.good, good),
            (&mut self.bad, bad),
            (&mut self.excused, excused),
            (&mut self.missing, missing),
            (&mut self.answered, answered),
            (&mut self.fresh, fresh),
            (&mut self.correct, correct),
        ] {
            *sum = sum.saturating_add(*more);
        }
        for (sum, more) in self.latency_ms.0.iter_mut().zip(latency_ms.0) {
            *sum = sum.saturating_add(more);
        }
        for (reason, more) in reasons {
            let sum = self.reasons.entry(reason.clone()).or_default();
            *sum = sum.saturating_add(*more);
        }
    }

    /// Whether the numbers can be those of anything: parts are not larger than what they are parts of.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.answered <= self.valid()
            && self.good <= self.answered
            && self.fresh <= self.answered
            && self.correct <= self.answered
            && self.latency_ms.total() <= self.valid()
            && self.reasons.values().all(|count| *count <= self.valid().saturating_add(self.excused))
    }
}

impl<'a> FromIterator<&'a Counts> for Counts {
    fn from_iter<I: IntoIterator<Item = &'a Self>>(counts: I) -> Self {
        let mut sum = Self::default();
        counts.into_iter().for_each(|counts| sum.merge(counts));
        sum
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        /// Counts as a watch could have made them.
        pub(crate) fn counts()(
            good in 0_u64..10_000,
            unanswered in 0_u64..500,
            wrong in 0_u64..500,
            stale in 0_u64..500,
            excused in 0_u64..100,
            missing in 0_u64..1000,
            slow in 0_u64..20_000,
        ) -> Counts {
            let answered = good + wrong + stale;
            let mut latency_ms = Histogram::default();
            (0..answered).for_each(|n| latency_ms.add((n * 7919) % (slow + 1)));
            let reasons = [("tcp_refused", unanswered), ("signature_invalid", wrong), ("next_update_past", stale)];
            Counts {
                good,
                bad: unanswered + wrong + stale,
                excused,
                missing,
                answered,
                fresh: answered - stale,
                correct: answered - wrong,
                latency_ms,
                reasons: reasons.into_iter().filter(|(_, n)| *n > 0).map(|(r, n)| (r.to_owned(), n)).collect(),
            }
        }
    }

    fn sum(a: &Counts, b: &Counts) -> Counts {
        [a, b].into_iter().collect()
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_hours_are_grouped(a in counts(), b in counts(), c in counts()) {
            prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
            prop_assert_eq!(sum(&a, &b), sum(&b, &a));
            prop_assert_eq!(sum(&a, &Counts::default()), a.clone());
            prop_assert!(sum(&a, &b).is_possible());
        }

        #[test]
        fn a_percentile_is_never_less_than_the_time_it_stands_for(
            mut times in proptest::collection::vec(0_u64..20_000, 1..200),
            per_mille in 1_u64..=1000,
        ) {
            let mut histogram = Histogram::default();
            times.iter().for_each(|time| histogram.add(*time));
            times.sort_unstable();
            let rank = (times.len() as u64 * per_mille).div_ceil(1000).max(1);
            let exact = times[usize::try_from(rank).unwrap() - 1];
            match histogram.percentile(per_mille).unwrap() {
                Some(bound) => prop_assert!(exact <= bound),
                None => prop_assert!(exact > LATENCY_BOUNDS_MS[LATENCY_BOUNDS_MS.len() - 1]),
            }
        }
    }

    #[test]
    fn nothing_counted_has_no_percentile() {
        assert_eq!(Histogram::default().percentile(500), None);
    }
}
