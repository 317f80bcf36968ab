//! Burn rates: how many times faster than allowed the error budget is used up, in thousandths.

use super::level::{MILLION, Objective};

/// A pair of windows: the long one says that it matters, the short one that it still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurnWindow {
    /// The name in metrics and incidents.
    pub name: &'static str,
    /// In seconds.
    pub long: i64,
    /// In seconds.
    pub short: i64,
    /// The rate that is too fast, in thousandths.
    pub threshold_milli: u64,
    /// Whether someone is to be woken.
    pub page: bool,
}

const HOUR: i64 = 3600;

/// The four pairs of the usual practice.
pub const BURN_WINDOWS: [BurnWindow; 4] = [
    BurnWindow { name: "1h/5m", long: HOUR, short: 300, threshold_milli: 14_400, page: true },
    BurnWindow { name: "6h/30m", long: 6 * HOUR, short: 1800, threshold_milli: 6000, page: true },
    BurnWindow { name: "1d/2h", long: 24 * HOUR, short: 2 * HOUR, threshold_milli: 3000, page: false },
    BurnWindow { name: "3d/6h", long: 72 * HOUR, short: 6 * HOUR, threshold_milli: 1000, page: false },
];

/// The burn rate of `bad` among `valid` probes, in thousandths; none without a probe.
#[must_use]
pub fn burn_rate_milli(bad: u64, valid: u64, objective: &Objective) -> Option<u64> {
    let allowed = u128::from(valid) * u128::from(objective.budget_ppm());
    let rate = (u128::from(bad) * u128::from(MILLION) * 1000).checked_div(allowed)?;
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// Bad and valid probes of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub bad: u64,
    /// Good and bad.
    pub valid: u64,
}

impl BurnWindow {
    /// Whether the budget burns too fast in both windows, with at least `min_failures` bad probes: where probes are
    /// rare, a single failure is a high rate and means nothing.
    #[must_use]
    pub fn burns(&self, long: Share, short: Share, objective: &Objective, min_failures: u64) -> bool {
        let too_fast = |share: Share| {
            burn_rate_milli(share.bad, share.valid, objective)
                .is_some_and(|rate| rate >= self.threshold_milli)
        };
        long.bad >= min_failures && too_fast(long) && too_fast(short)
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::tests::OBJECTIVE;
    use super::*;
    use proptest::prelude::*;

    fn share(bad: u64, valid: u64) -> Share {
        Share { bad, valid }
    }

    #[test]
    fn bad_probes_exactly_as_allowed_burn_the_budget_in_exactly_its_time() {
        assert_eq!(burn_rate_milli(1, 1000, &OBJECTIVE), Some(1000));
        assert_eq!(burn_rate_milli(120, 120, &OBJECTIVE), Some(1_000_000));
        assert_eq!(burn_rate_milli(0, 0, &OBJECTIVE), None);
    }

    #[test]
    fn a_single_failure_in_an_hour_of_one_probe_a_minute_is_no_alarm() {
        let hour = &BURN_WINDOWS[0];
        assert!(
            burn_rate_milli(1, 60, &OBJECTIVE).unwrap() > hour.threshold_milli,
            "by its rate it would be"
        );
        assert!(!hour.burns(share(1, 60), share(1, 5), &OBJECTIVE, 2));
        assert!(hour.burns(share(2, 60), share(1, 5), &OBJECTIVE, 2));
    }

    #[test]
    fn what_is_over_is_no_alarm_any_more() {
        assert!(!BURN_WINDOWS[0].burns(share(60, 120), share(0, 10), &OBJECTIVE, 2));
    }

    proptest! {
        #[test]
        fn more_bad_probes_never_burn_slower(bad in 0_u64..1000, more in 0_u64..1000, valid in 2000_u64..10_000) {
            let (less, more) = (burn_rate_milli(bad, valid, &OBJECTIVE), burn_rate_milli(bad + more, valid, &OBJECTIVE));
            prop_assert!(less <= more);
        }
    }
}
