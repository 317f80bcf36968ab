//! Probes that were due and did not take place, told by the distances between those that did. Pure.
//!
//! The schedule sets probes a period apart, each up to a fifth earlier or later, so that their number in an hour is
//! not fixed: the standard deviation of a distance is a fifth of the period over √3, that of the number in an hour of
//! N about 0.115·√N (1.3 of 120). Counting what an hour lacks would therefore have to forgive several probes in every
//! hour, and a service that is always asked a little too seldom would never show. But no distance without a gap is
//! longer than 1.2 periods, and none with one shorter than 1.6: each distance says for itself what is missing in it.

use super::super::store::Description;

/// The time between two probes that took place, or after the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    from_ms: i64,
    length_ms: i64,
    /// Probes that are missing in between: they lie evenly.
    missing: i64,
}

impl Gap {
    /// Between two probes.
    pub(super) fn between(from_ms: i64, to_ms: i64, period_ms: u64) -> Self {
        let length_ms = to_ms.saturating_sub(from_ms).max(0);
        let period = i64::try_from(period_ms).unwrap_or(i64::MAX).max(1);
        // Of periods, to the nearest: the last one ends with a probe.
        let missing = (length_ms.saturating_add(period / 2) / period).saturating_sub(1).max(0);
        Self { from_ms, length_ms, missing }
    }

    /// After the last probe, for as long as anyone asks.
    pub(super) fn after(from_ms: i64, until_ms: i64, period_ms: u64) -> Self {
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

    /// How many are missing in a stretch of time, while the target was watched.
    pub(super) fn within(&self, target: &Description, from_ms: i64, to_ms: i64) -> u64 {
        if self.missing == 0 {
            return 0;
        }
        let stretches = target.watched_within(from_ms, to_ms);
        let missing = stretches.map(|(from, to)| self.before(to).saturating_sub(self.before(from)).max(0));
        missing.fold(0_i64, i64::saturating_add).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::Kind;

    use super::*;
    use crate::store::Watched;

    const PERIOD: u64 = 30_000;
    const HOUR: i64 = 3_600_000;

    fn target(watched: Vec<Watched>) -> Description {
        Description {
            number: 1,
            kind: Kind::Ocsp,
            operator: "alpha-pki".parse().unwrap(),
            url: "http://ocsp.example/".into(),
            period_ms: PERIOD,
            watched,
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
}
