//! Checks of the validity.

use chrono::{DateTime, Days, Months, SecondsFormat};
use ctl_pki::written::Written;

use super::Failure;
use super::form::one;
use crate::profile::Period;

pub(super) fn forms(view: &Written<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (place, time) in [("validity.notBefore", view.not_before()), ("validity.notAfter", view.not_after())]
    {
        if let Some(flaw) = time.flaw {
            failures.push(Failure::new(place, time.at, flaw));
        }
    }
    failures
}

pub(super) fn ordered(view: &Written<'_>) -> Vec<Failure> {
    let Some((from, to)) = both(view) else { return Vec::new() };
    one(to < from, || failure(view))
}

pub(super) fn at_most(view: &Written<'_>, period: Period) -> Vec<Failure> {
    let Some((from, to)) = both(view) else { return Vec::new() };
    // An end beyond what can be counted is later than any that can.
    one(end(from, period).is_some_and(|end| to > end), || failure(view))
}

pub(super) fn at_least(view: &Written<'_>, period: Period) -> Vec<Failure> {
    let Some((from, to)) = both(view) else { return Vec::new() };
    // Validity that ends before it begins has a rule of its own.
    one(to >= from && end(from, period).is_none_or(|end| to < end), || failure(view))
}

fn both(view: &Written<'_>) -> Option<(i64, i64)> {
    view.not_before().seconds.zip(view.not_after().seconds)
}

fn end(from: i64, period: Period) -> Option<i64> {
    let from = DateTime::from_timestamp(from, 0)?;
    let end = match period {
        Period::Years(years) => from.checked_add_months(Months::new(years.checked_mul(12)?)),
        Period::Months(months) => from.checked_add_months(Months::new(months)),
        Period::Days(days) => from.checked_add_days(Days::new(days.into())),
    };
    end.map(|end| end.timestamp())
}

fn failure(view: &Written<'_>) -> Failure {
    Failure::new("validity", view.not_before().at, interval(view))
}

/// From when to when, for people.
pub(super) fn interval(view: &Written<'_>) -> String {
    let date = |seconds: Option<i64>, text: &str| {
        seconds
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .map_or_else(|| text.to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    let (from, to) = (view.not_before(), view.not_after());
    format!("{} to {}", date(from.seconds, &from.text), date(to.seconds, &to.text))
}
