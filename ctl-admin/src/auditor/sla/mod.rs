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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!((share(998, 999), share(0, 0)), ("99.8998 %".into(), "-".into()));
    }
}
