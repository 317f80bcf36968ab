//! What words the pages have for what the watch knows: how a target stands now, how a day was, what was found.

use ctl_core::Timestamp;
use ctl_governance::service_levels::Outage;
use ctl_policy::sla::{self, Kind, MILLION, Objective, SlaPolicy, Time};
use ctl_web::status::{Breach, Day, Finding, Incident as Shown, Maintenance, Now};

use super::{Around, time};
use crate::Weight;
use crate::aggregator::days::{DAYS, Days, begin_of};
use crate::description::Description;
use crate::hours::HOUR_MS;
use crate::incident::{Cause, Incident};
use crate::observation;
use crate::standings::Standing;

/// A probe says nothing of now when so many periods have passed since, and this long.
const OLD_PERIODS: u32 = 5;
const OLD_MS: i64 = 300_000;
/// Of what a service sent, so many characters get to a page at most, which shows fewer.
const MAX_DETAIL: usize = 400;

/// How a target stands.
pub(super) fn now(standing: &Standing, has_incident: bool, policy: &SlaPolicy, now_ms: i64) -> Now {
    let target = &standing.target;
    let at = Time(now_ms.div_euclid(1000));
    let Some((last, verdict)) = standing.last.as_ref().zip(standing.verdict.as_ref()) else {
        return if has_incident { Now::Trouble } else { Now::Unknown };
    };
    let period_ms = i64::try_from(target.period.saturating_mul(OLD_PERIODS).as_millis()).unwrap_or(i64::MAX);
    if has_incident {
        Now::Trouble
    } else if now_ms.saturating_sub(last.at_ms) > period_ms.max(OLD_MS) {
        Now::Unknown
    } else if policy.maintenance(target.operator.as_str(), target.kind, at).is_some() {
        Now::Maintenance
    } else if !verdict.is_conforming() {
        Now::Failing
    } else if last.findings.iter().any(|finding| finding.code.weight() == Weight::Warning) {
        Now::Warned
    } else {
        Now::Good
    }
}

/// What was counted of some targets in a day.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) good: u64,
    pub(super) bad: u64,
    pub(super) excused: u64,
    /// Found missing between probes.
    missing: u64,
    /// In how many hours of targets there was a probe, and in how many there should have been.
    seen: u64,
    due: u64,
}

impl Sum {
    /// Whether anything was watched on this day.
    pub(super) const fn was_due(&self) -> bool {
        self.due > 0 || self.seen > 0
    }
}

/// Adds up these targets by day, the last one of ninety being `today`.
pub(super) fn sums<'a>(
    days: &Days,
    targets: impl IntoIterator<Item = &'a Description>,
    today: u32,
    now_ms: i64,
) -> Vec<Sum> {
    let first = today.saturating_sub(DAYS - 1);
    let mut sums: Vec<Sum> = (first..=today).map(|_| Sum::default()).collect();
    for target in targets {
        for (day, counts) in days.of(target.number) {
            if let Some(sum) = day.checked_sub(first).and_then(|place| sums.get_mut(place as usize)) {
                sum.good += u64::from(counts.good);
                sum.bad += u64::from(counts.bad);
                sum.excused += u64::from(counts.excused);
                sum.missing += u64::from(counts.missing);
                sum.seen += u64::from(counts.hours.count_ones());
            }
        }
        for (sum, day) in sums.iter_mut().zip(first..) {
            sum.due += hours_due(target, begin_of(day), begin_of(day.saturating_add(1)).min(now_ms));
        }
    }
    sums
}

/// In how many whole hours there should have been a probe. How often it is probed may have changed since: so hours, and not
/// probes, tell how much of a day was seen.
fn hours_due(target: &Description, from_ms: i64, to_ms: i64) -> u64 {
    let watched =
        target.watched_within(from_ms, to_ms).map(|(from, to)| to.saturating_sub(from).unsigned_abs());
    let hours = watched.fold(0_u64, u64::saturating_add) / HOUR_MS.unsigned_abs();
    hours.min(target.due(from_ms, to_ms))
}

/// How a day was by what is promised. What was hardly measured is not called good.
pub(super) fn day(sum: &Sum, objective: &Objective) -> Day {
    let Sum { good, bad, excused, missing, seen, due } = *sum;
    let valid = good + bad;
    if valid == 0 {
        return if excused > 0 { Day::Excused } else { Day::Unknown };
    }
    if bad == 0 {
        return if seen * 2 < due || missing > valid + excused { Day::Unknown } else { Day::Good };
    }
    if bad > good {
        Day::Down
    } else if bad.saturating_mul(MILLION) <= objective.budget_ppm().saturating_mul(valid) {
        Day::Marred
    } else {
        Day::Missed
    }
}

/// The days of a service.
pub(super) fn strip(sums: &[Sum], objective: &Objective) -> Vec<Day> {
    sums.iter().map(|sum| day(sum, objective)).collect()
}

/// What a probe found.
pub(super) fn finding(found: &observation::Finding) -> Finding {
    Finding {
        code: found.code.as_str(),
        meaning: found.code.meaning(),
        is_error: found.code.weight() == Weight::Error,
        address: found.address.map(|address| address.to_string()),
        detail: clipped(&found.detail),
    }
}

/// The beginning of a text.
pub(super) fn clipped(text: &str) -> String {
    text.chars().take(MAX_DETAIL).collect()
}

/// An incident as pages tell it.
pub(super) fn incident(around: &Around, one: &Incident) -> Shown {
    Shown {
        number: one.number,
        operator: one.operator.clone(),
        name: around.name_of(&one.operator),
        kind: one.kind,
        url: one.url.clone(),
        began_at: time(one.began_ms),
        ended_at: one.ended_ms.map(time),
        unwatched: one.unwatched,
        breach_at: one.breach_ms.map(time),
        burns: one.cause == Cause::Burn,
        failures: one.failures,
        probes: one.probes,
        reasons: one.reasons.iter().map(|(code, count)| (code.as_str(), code.meaning(), *count)).collect(),
    }
}

/// Announced maintenance as pages tell it.
pub(super) fn maintenance(one: &sla::Maintenance) -> Maintenance<'_> {
    Maintenance {
        kinds: &one.kinds,
        from: Timestamp::from_unix(one.starts_at.0),
        to: Timestamp::from_unix(one.ends_at.0),
        text: &one.text,
        excuses: one.excuses,
    }
}

/// What watchers say in the log as pages tell it.
pub(super) fn breach(one: Outage) -> Breach {
    Breach {
        objective: one.objective.name.to_string(),
        url: one.service.url.as_ref().map(ToString::to_string),
        opened_at: one.opened_at,
        closed_at: one.closed.map(|closed| closed.at),
        confirmed: one.confirmed,
        organisations: one.organisations,
        needed: one.needed,
        entry: one.entry,
    }
}

/// Every kind of service, in the order of pages.
pub(super) const KINDS: [Kind; 7] =
    [Kind::Service, Kind::Ocsp, Kind::Crl, Kind::CaIssuers, Kind::Est, Kind::RootPool, Kind::Https];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ctl_policy::sla::BUILT_IN;

    use super::*;
    use crate::code::Code;
    use crate::metrics::tests::Probe;
    use crate::verdict::Verdict;

    const DAY: i64 = 1_795_219_200_000;

    fn standing(policy: &SlaPolicy, code: Option<Code>) -> Standing {
        let last = code.map_or_else(|| Probe::at(DAY).good(), |code| Probe::at(DAY).wrong(code));
        Standing {
            target: last.target.clone(),
            since_ms: 0,
            verdict: Verdict::of(policy, &last),
            last: Some(Arc::new(last)),
            answered_ms: None,
            good_ms: None,
            facts: Default::default(),
        }
    }

    #[test]
    fn what_nobody_looked_at_is_never_called_fine() {
        let policy = SlaPolicy::parse(BUILT_IN).unwrap();
        let good = standing(&policy, None);
        assert_eq!(now(&good, false, &policy, DAY + 60_000), Now::Good);
        assert_eq!(now(&good, false, &policy, DAY + 3_600_000), Now::Unknown, "that was an hour ago");
        assert_eq!(now(&good, true, &policy, DAY + 3_600_000), Now::Trouble);
        let never = Standing { last: None, verdict: None, ..good.clone() };
        assert_eq!(now(&never, false, &policy, DAY), Now::Unknown);
        let bad = standing(&policy, Some(Code::SignatureInvalid));
        assert_eq!(now(&bad, false, &policy, DAY), Now::Failing);
        let warned = standing(&policy, Some(Code::TlsCertificateExpiring));
        assert_eq!(now(&warned, false, &policy, DAY), Now::Warned);
        let announced = SlaPolicy::parse(&format!(
            "{BUILT_IN}\n[[maintenance]]\noperator = \"{}\"\nannounced_at = \"2026-01-01T00:00:00Z\"\n\
             starts_at = \"2026-11-01T00:00:00Z\"\nends_at = \"2026-12-01T00:00:00Z\"\ntext = \"New hardware.\"\n",
            bad.target.operator
        ));
        let announced = announced.unwrap();
        assert_eq!(now(&bad, false, &announced, DAY), Now::Maintenance, "it was announced that it would be");
        assert_eq!(now(&bad, true, &announced, DAY), Now::Trouble);
        assert_eq!(now(&good, false, &announced, DAY + 3_600_000), Now::Unknown);
    }

    #[test]
    fn a_day_is_as_good_as_what_was_seen_of_it() {
        let policy = SlaPolicy::parse(BUILT_IN).unwrap();
        let objective = &policy.terms("anyone", Kind::Ocsp).unwrap().objective;
        let of = |good, bad, excused, missing, seen| {
            day(&Sum { good, bad, excused, missing, seen, due: 24 }, objective)
        };
        assert_eq!(of(0, 0, 0, 0, 0), Day::Unknown);
        assert_eq!(of(10, 0, 0, 0, 1), Day::Unknown, "an hour says nothing of a day");
        assert_eq!(
            of(240, 0, 0, 2640, 24),
            Day::Unknown,
            "nor do ten probes an hour of a hundred and twenty"
        );
        assert_eq!(of(2880, 0, 0, 0, 24), Day::Good);
        assert_eq!(of(2879, 1, 0, 0, 24), Day::Marred);
        assert_eq!(of(2800, 80, 0, 0, 24), Day::Missed);
        assert_eq!(of(10, 11, 0, 0, 1), Day::Down, "what was seen of it was bad");
        assert_eq!(of(0, 0, 2880, 0, 24), Day::Excused);
    }

    #[test]
    fn who_probes_more_often_from_now_on_does_not_unsee_the_past() {
        let mut target = Description {
            number: 0,
            kind: Kind::Ocsp,
            operator: "alpha-pki".parse().unwrap(),
            url: "http://ocsp.alpha.example/".into(),
            period_ms: 60_000,
            watched: vec![crate::description::Watched { from_ms: DAY, to_ms: None }],
            promised: Some(true),
        };
        let day = |target: &Description| hours_due(target, DAY, DAY + 24 * HOUR_MS);
        assert_eq!(day(&target), 24);
        target.period_ms = 10_000;
        assert_eq!(day(&target), 24);
        target.period_ms = 24 * 3_600_000;
        assert_eq!(day(&target), 1, "once a day is enough for who is asked once a day");
    }
}
