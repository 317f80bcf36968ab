//! Service levels as the log has them: breaches, reports that are verified down to their arithmetic, and the
//! governance's own promises.

mod breaches;
mod promises;
mod report;

pub(crate) use breaches::lines as breach_lines;
pub use breaches::{Breaches, breaches};
pub use promises::{Shown, promises};
pub use report::{Reports, Verified, report};
pub(crate) use report::{Served, fetch};

use ctl_core::names::ParticipantId;
use ctl_governance::statement::body::Service;

/// Whose services these are, for people.
pub(crate) fn whose(operator: Option<&ParticipantId>) -> String {
    operator.map_or_else(|| "the trust list manager".into(), ToString::to_string)
}

/// A service, for people.
pub(crate) fn service(service: &Service) -> String {
    let kind = &service.kind;
    let whose = whose(service.operator.as_ref());
    match (&service.url, &service.operator) {
        (Some(url), _) => format!("{kind} {url} of {whose}"),
        (None, Some(_)) => format!("{kind} of {whose}, all together"),
        (None, None) => format!("{kind} of {whose}"),
    }
}

/// A share in percent, from parts per million.
pub(crate) fn percent(ppm: u128) -> String {
    format!("{}.{:04} %", ppm / 10_000, ppm % 10_000)
}

/// How many of how many, in percent, rounded down.
pub(crate) fn share(good: u64, valid: u64) -> String {
    (u128::from(good) * 1_000_000).checked_div(u128::from(valid)).map_or_else(|| "-".into(), percent)
}

/// A time that passed, in the two largest units.
pub(crate) fn lasted(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, 0) => format!("{minutes} min"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, 0, _) => format!("{hours} h"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, 0, ..) => format!("{days} d"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min 59 s"),
            (3600, "1 h"),
            (90_000, "1 d 1 h"),
            (20 * 86_400 + 59, "20 d"),
        ] {
            assert_eq!(lasted(seconds), expected);
        }
        assert_eq!((share(998, 999), share(0, 0)), ("99.8998 %".into(), "-".into()));
    }
}
