//! The level of a service: how good it was, in whole numbers, against what was promised.
//!
//! Shares are parts per million, rounded against the service where they say how good it was, so that no rounding
//! makes a promise kept that was not.

use serde::{Deserialize, Serialize};

use super::counts::Counts;

/// A whole, in parts per million.
pub const MILLION: u64 = 1_000_000;

/// What is promised of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Of a million probes, how many must get a good answer.
    pub availability_ppm: u64,
    /// Of a million answers, how many must be up to date.
    pub freshness_ppm: u64,
    /// Of a million answers, how many must be right in everything else.
    pub correctness_ppm: u64,
    /// Half of the answers come within this.
    pub p50_ms: u64,
    /// 95 of 100 answers come within this.
    pub p95_ms: u64,
    /// 99 of 100 answers come within this.
    pub p99_ms: u64,
    /// Of a million due probes, how many must have been made for a level to be known.
    pub coverage_ppm: u64,
}

impl Objective {
    /// The error budget: of a million probes, how many may be bad.
    #[must_use]
    pub const fn budget_ppm(&self) -> u64 {
        MILLION.saturating_sub(self.availability_ppm)
    }
}

ctl_pki::words! {
    /// Whether a promise was kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Verdict by as_str {
        /// Kept.
        Met => "met",
        /// Not kept.
        Missed => "missed",
        /// There is too little to say.
        Undetermined => "undetermined",
    }
}

/// The level of a service. What was not measured is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Good of valid probes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_ppm: Option<u64>,
    /// The same if every missing probe had been bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_at_least_ppm: Option<u64>,
    /// The same if every missing probe had been good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_at_most_ppm: Option<u64>,
    /// Probes that took place of those that were due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage_ppm: Option<u64>,
    /// Answers that were of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness_ppm: Option<u64>,
    /// Answers that were right in everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correctness_ppm: Option<u64>,
    /// Half of the answers came within this; absent also beyond the last class of response times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    /// 95 of 100 answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    /// 99 of 100 answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<u64>,
    /// What is left of the error budget, in parts per million of the probes; negative once it is overdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_left_ppm: Option<i64>,
    /// The promise of availability.
    pub availability: Verdict,
    /// The promise of freshness.
    pub freshness: Verdict,
    /// The promise of correctness.
    pub correctness: Verdict,
    /// The promises of response time, all three.
    pub response_time: Verdict,
}

/// `part` of `whole` in parts per million, rounded down; none of nothing.
#[must_use]
pub fn ppm(part: u64, whole: u64) -> Option<u64> {
    let share = (u128::from(part) * u128::from(MILLION)).checked_div(u128::from(whole))?;
    u64::try_from(share).ok()
}

impl Level {
    /// The level of what was counted.
    #[must_use]
    pub fn of(counts: &Counts, objective: &Objective) -> Self {
        let (valid, missing) = (counts.valid(), counts.missing);
        let availability_ppm = ppm(counts.good, valid);
        let with_missing = valid.saturating_add(missing);
        let at_least = ppm(counts.good, with_missing);
        let at_most = ppm(counts.good.saturating_add(missing), with_missing);
        let coverage_ppm = ppm(counts.due().saturating_sub(missing), counts.due());
        let freshness_ppm = ppm(counts.fresh, counts.answered);
        let correctness_ppm = ppm(counts.correct, counts.answered);
        let enough = coverage_ppm.is_some_and(|coverage| coverage >= objective.coverage_ppm);
        let judge = |measured: Option<u64>, promised: u64| match measured {
            Some(measured) if enough => kept(measured >= promised),
            _ => Verdict::Undetermined,
        };
        let availability = match (at_least, at_most) {
            // Whatever was missed could not change it.
            (Some(at_least), _) if at_least >= objective.availability_ppm => Verdict::Met,
            (_, Some(at_most)) if at_most < objective.availability_ppm => Verdict::Missed,
            _ => judge(availability_ppm, objective.availability_ppm),
        };
        let latency = &counts.latency_ms;
        let times = [(500, objective.p50_ms), (950, objective.p95_ms), (990, objective.p99_ms)];
        let measured = times.map(|(per_mille, promised)| (latency.percentile(per_mille), promised));
        let response_time = if !enough || measured.iter().any(|(time, _)| time.is_none()) {
            Verdict::Undetermined
        } else {
            let in_time = |(time, promised): &(Option<Option<u64>>, u64)| {
                time.flatten().is_some_and(|time| time <= *promised)
            };
            kept(measured.iter().all(in_time))
        };
        let [p50_ms, p95_ms, p99_ms] = measured.map(|(time, _)| time.flatten());
        Self {
            availability_ppm,
            availability_at_least_ppm: at_least,
            availability_at_most_ppm: at_most,
            coverage_ppm,
            freshness_ppm,
            correctness_ppm,
            p50_ms,
            p95_ms,
            p99_ms,
            budget_left_ppm: availability_ppm
                .map(|measured| signed(measured).saturating_sub(signed(objective.availability_ppm))),
            availability,
            freshness: judge(freshness_ppm, objective.freshness_ppm),
            correctness: judge(correctness_ppm, objective.correctness_ppm),
            response_time,
        }
    }

    /// The promises that were not kept, by name.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let promises = [
            ("availability", self.availability),
            ("freshness", self.freshness),
            ("correctness", self.correctness),
            ("response-time", self.response_time),
        ];
        promises.into_iter().filter(|(_, kept)| *kept == Verdict::Missed).map(|(name, _)| name).collect()
    }

    /// All promises together.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = [self.availability, self.freshness, self.correctness, self.response_time];
        if verdicts.contains(&Verdict::Missed) {
            Verdict::Missed
        } else if verdicts.contains(&Verdict::Undetermined) {
            Verdict::Undetermined
        } else {
            Verdict::Met
        }
    }
}

const fn kept(kept: bool) -> Verdict {
    if kept { Verdict::Met } else { Verdict::Missed }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::sla::counts::tests::counts;
    use proptest::prelude::*;

    pub(in crate::sla) const OBJECTIVE: Objective = Objective {
        availability_ppm: 999_000,
        freshness_ppm: 999_000,
        correctness_ppm: 999_900,
        p50_ms: 300,
        p95_ms: 1000,
        p99_ms: 5000,
        coverage_ppm: 900_000,
    };

    fn counted(good: u64, bad: u64, missing: u64) -> Counts {
        let mut counts = Counts { good, bad, missing, answered: good, ..Counts::default() };
        (counts.fresh, counts.correct) = (good, good);
        counts.latency_ms.0[3] = good;
        counts
    }

    #[test]
    fn one_bad_probe_of_a_thousand_is_just_within_999_per_mille() {
        let level = Level::of(&counted(999, 1, 0), &OBJECTIVE);
        assert_eq!((level.availability_ppm, level.budget_left_ppm), (Some(999_000), Some(0)));
        assert_eq!(level.verdict(), Verdict::Met);
        let level = Level::of(&counted(998, 1, 0), &OBJECTIVE);
        assert_eq!(level.availability, Verdict::Missed, "998 of 999 is less, however it is rounded");
        assert_eq!(level.budget_left_ppm, Some(-2));
    }

    #[test]
    fn a_gap_is_neither_good_nor_bad_and_too_large_a_gap_leaves_nothing_to_say() {
        let level = Level::of(&counted(700, 0, 300), &OBJECTIVE);
        assert_eq!(level.availability_ppm, Some(MILLION), "of what was measured");
        assert_eq!(level.availability_at_least_ppm, Some(700_000));
        assert_eq!(level.availability, Verdict::Undetermined);
        assert_eq!(level.response_time, Verdict::Undetermined);
        // Half of what was measured is bad: nothing in the gap could make that good.
        assert_eq!(Level::of(&counted(350, 350, 300), &OBJECTIVE).availability, Verdict::Missed);
        assert_eq!(Level::of(&Counts::default(), &OBJECTIVE).availability, Verdict::Undetermined);
    }

    #[test]
    fn a_service_that_is_always_down_has_no_response_time_and_misses_its_availability() {
        let level = Level::of(&counted(0, 1000, 0), &OBJECTIVE);
        assert_eq!(level.missed(), ["availability"]);
        assert_eq!((level.p50_ms, level.freshness_ppm), (None, None));
        assert_eq!(level.freshness, Verdict::Undetermined, "nothing was answered");
    }

    #[test]
    fn an_answer_beyond_all_classes_is_too_slow_whatever_was_promised() {
        let mut counts = counted(1000, 0, 0);
        counts.latency_ms = Default::default();
        (0..1000).for_each(|_| counts.latency_ms.add(60_000));
        let level = Level::of(&counts, &OBJECTIVE);
        assert_eq!((level.p50_ms, level.response_time), (None, Verdict::Missed));
    }

    proptest! {
        #[test]
        fn what_is_left_of_the_budget_is_never_more_than_the_budget(counts in counts()) {
            let level = Level::of(&counts, &OBJECTIVE);
            if let Some(left) = level.budget_left_ppm {
                prop_assert!(left <= i64::try_from(OBJECTIVE.budget_ppm()).unwrap());
            }
            if let (Some(least), Some(level), Some(most)) =
                (level.availability_at_least_ppm, level.availability_ppm, level.availability_at_most_ppm)
            {
                prop_assert!(least <= level && level <= most && most <= MILLION);
            }
        }

        #[test]
        fn the_level_of_a_whole_lies_between_those_of_its_parts(a in counts(), b in counts()) {
            let both = Level::of(&[&a, &b].into_iter().collect(), &OBJECTIVE).availability_ppm;
            let parts = [&a, &b].map(|part| Level::of(part, &OBJECTIVE).availability_ppm);
            if let (Some(both), [Some(a), Some(b)]) = (both, parts) {
                prop_assert!(a.min(b) <= both && both <= a.max(b));
            }
        }
    }
}
