//! What is refused in a policy file although it has the right form.

use ctl_pki::print;

use super::counts::LATENCY_BOUNDS_MS;
use super::level::MILLION;
use super::policy::{PerDay, SlaPolicyError, Terms, wrong};

/// Three days. The rules of the log take the beginning of a breach up to four days later.
const MAX_BREACH_AFTER: i64 = 3 * 86_400;
/// The state of the ledger knows the latest 10,000 breaches that are over: more than four days bring, so that none is
/// recorded twice.
const MAX_PER_DAY: u32 = 2000;

/// Whether statements of the log can name the policy: what they call a name and a version.
pub(super) fn named(name: &str, version: &str) -> Result<(), SlaPolicyError> {
    if !print::is_name(name, 120) {
        return wrong(
            "name",
            "it must be one line of 1 to 120 visible characters without spaces around it, as statements in the log \
             name the policy by it",
        );
    }
    if version.trim().is_empty() || version.len() > 48 || !version.bytes().all(|b| (0x20..0x7f).contains(&b))
    {
        return wrong(
            "version",
            format!(
                "{version:?} is not 1 to 48 characters of printable ASCII, as statements in the log name the policy by it"
            ),
        );
    }
    Ok(())
}

pub(super) fn per_day(breaches: PerDay) -> Result<(), SlaPolicyError> {
    let PerDay { all, of_operator } = breaches;
    if of_operator == 0 || of_operator > all || all > MAX_PER_DAY {
        return wrong(
            "breaches_per_day",
            format!(
                "{all}, and {of_operator} of one operator: at least one, of one operator at most as many as of all, \
                 at most {MAX_PER_DAY}"
            ),
        );
    }
    Ok(())
}

pub(super) fn line(member: &str, value: &str, limit: usize) -> Result<(), SlaPolicyError> {
    if value.trim().is_empty() || value.chars().count() > limit || !value.chars().all(print::is_safe) {
        return wrong(member, format!("it must be one line of 1 to {limit} characters"));
    }
    Ok(())
}

pub(super) fn operator(place: &str, name: &str) -> Result<(), SlaPolicyError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 48 || !name.bytes().all(plain) {
        return wrong(place, format!("{name:?} is no participant's id"));
    }
    Ok(())
}

pub(super) fn check(place: &str, terms: &Terms) -> Result<(), SlaPolicyError> {
    let objective = &terms.objective;
    line(&format!("{place}, text"), &terms.text, 500)?;
    line(&format!("{place}, source"), &terms.source, 500)?;
    if objective.availability_ppm >= MILLION || objective.availability_ppm == 0 {
        return wrong(
            place,
            format!(
                "availability is {}: it is in parts per million and lies between 1 and 999999, as nothing is always there",
                objective.availability_ppm
            ),
        );
    }
    for (member, share) in [
        ("freshness", objective.freshness_ppm),
        ("correctness", objective.correctness_ppm),
        ("coverage", objective.coverage_ppm),
    ] {
        if share > MILLION {
            return wrong(
                place,
                format!("{member} is {share}: it is in parts per million, at most {MILLION}"),
            );
        }
    }
    for (member, time) in
        [("p50_ms", objective.p50_ms), ("p95_ms", objective.p95_ms), ("p99_ms", objective.p99_ms)]
    {
        if !LATENCY_BOUNDS_MS.contains(&time) {
            return wrong(
                place,
                format!(
                    "{member} is {time}: response times are counted in classes, so it must be one of {LATENCY_BOUNDS_MS:?}"
                ),
            );
        }
    }
    if objective.p50_ms > objective.p95_ms || objective.p95_ms > objective.p99_ms {
        return wrong(place, "p50_ms, p95_ms and p99_ms must not fall");
    }
    if terms.breach_after > MAX_BREACH_AFTER {
        return wrong(
            place,
            "breach_after is more than 3 days: a breach enters the log within 4 days after it began or not at all, \
             and one day of them is left for gaps",
        );
    }
    for (member, number) in
        [("incident_after", terms.incident_after), ("incident_over_after", terms.incident_over_after)]
    {
        if !(1..=1000).contains(&number) {
            return wrong(place, format!("{member} is {number}: it lies between 1 and 1000 probes"));
        }
    }
    if let Some(code) = terms.counted.intersection(&terms.excused).next() {
        return wrong(place, format!("{code} is both counted and excused"));
    }
    Ok(())
}
