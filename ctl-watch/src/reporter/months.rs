//! The report on a month: when it is due, and what it holds.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::{NameError, ParticipantId};
use ctl_core::{Digest, PublicKey, Timestamp};
use ctl_governance::State;
use ctl_governance::service_levels::Share;
use ctl_governance::statement::body::ServiceSummary;
use ctl_policy::sla::{IncidentReport, Kind, Material, Month, PolicyName, Report, Time, Verdict};

use super::super::hours::{begin_of, hour_at};
use super::super::incident::{Incident, Wanted};
use super::super::levels::{self, Levels, are_missing};
use super::{Reporter, ReporterError, participant, withholds};

/// A month is reported this many seconds after its end, when its last hour is closed.
const AFTER: u64 = 600;
/// How many months back, for a watch that was down.
const MONTHS: usize = 3;

/// The past months that this watcher has not reported yet, by operator: as many as the log takes today.
#[must_use]
pub fn reports_due(
    state: &State,
    watcher: &ParticipantId,
    levels: &Levels,
    now: Timestamp,
) -> Vec<(ParticipantId, Month)> {
    let operators: BTreeSet<&ParticipantId> = levels.targets.values().map(|one| &one.operator).collect();
    let present = Month::of(Time(now.unix()));
    let months = std::iter::successors(Some(present.previous()), |month| Some(month.previous())).take(MONTHS);
    let mut due = Vec::new();
    let mut left: BTreeMap<Share, u32> = BTreeMap::new();
    for month in months {
        let end = Timestamp::from_unix(month.end().0);
        // Not before everything observed in it is written; otherwise that would count as missing.
        if now.seconds_since(end) < AFTER || levels.open_hour < hour_at(month.end()) {
            continue;
        }
        for operator in &operators {
            let named = participant(operator);
            let watched = levels.targets.values().filter(|one| one.operator == **operator);
            let watched = watched.map(|one| one.due(month.begin().0 * 1000, month.end().0 * 1000));
            let may = state.may_watch(watcher, named.as_ref());
            let key = (named, Timestamp::from_unix(month.begin().0), watcher.clone());
            // Below that there may be nothing to report, now or later.
            let watched = are_missing(watched.max().unwrap_or_default());
            if !may || !watched || state.service_levels.reports.contains_key(&key) {
                continue;
            }
            // What the log takes no more of today waits until tomorrow.
            let share = Share::of(state, key.0.as_ref());
            let recorded = state.service_levels.recorded_on_day_of(now, watcher, &share);
            let left =
                left.entry(share).or_insert_with(|| state.rules().watched_per_day.saturating_sub(recorded));
            if *left > 0 {
                *left -= 1;
                due.push(((*operator).clone(), month));
            }
        }
    }
    due
}

impl Reporter {
    /// The report on a month; none if nothing of the operator was watched in it. Blocks on the disk.
    pub(super) fn month(
        &self,
        (state, key): (&State, &PublicKey),
        operator: &ParticipantId,
        month: Month,
        now: Timestamp,
    ) -> Result<Option<Report>, ReporterError> {
        let (levels, policy) = (self.aggregator.levels(), self.aggregator.policy());
        let of: Vec<_> = levels.targets.values().filter(|one| one.operator == *operator).cloned().collect();
        let hours = (hour_at(month.begin()), hour_at(month.end()));
        let to_ms = begin_of(hours.1);
        let counted = levels::counted(self.aggregator.store(), &of, hours, to_ms)?;
        let targets: Vec<_> = of
            .iter()
            .filter_map(|one| Some((one, counted.get(&one.number).filter(|counts| counts.due() > 0)?)))
            .map(|(one, counts)| (one.id().to_string(), one.kind, one.url.clone(), counts.clone()))
            .collect();
        if targets.is_empty() {
            return Ok(None);
        }
        let ids: BTreeSet<&str> = targets.iter().map(|target| target.0.as_str()).collect();
        let month_ms = Some((begin_of(hours.0), to_ms));
        let wanted = Wanted { operator: Some(operator.clone()), touching: month_ms, ..Wanted::default() };
        let mut incidents = Vec::new();
        self.aggregator.all_incidents(&wanted, |incident| {
            if ids.contains(incident.target.as_str()) {
                let mut told = incident_report(incident);
                if withholds(Some(state), key, incident, now) {
                    told.evidence.clear();
                }
                incidents.push(told);
            }
            true
        })?;
        let objectives: BTreeMap<Kind, _> = Kind::ALL
            .iter()
            .filter_map(|kind| Some((*kind, policy.terms(operator.as_str(), *kind)?.objective.clone())))
            .collect();
        let periods: BTreeSet<u64> = of.iter().map(|one| one.period_ms.div_ceil(1000)).collect();
        let periods = periods.iter().map(u64::to_string).collect::<Vec<_>>().join(" or ");
        let maintenance = policy.maintenance_of(operator.as_str(), month.begin(), month.end()).cloned();
        Ok(Some(Report::new(Material {
            scheme: state.scheme.to_string(),
            operator: operator.to_string(),
            month,
            made_at: Time(now.unix()),
            policy: PolicyName {
                name: policy.name().to_owned(),
                version: policy.version().to_owned(),
                sha256: hex::encode(policy.digest()),
            },
            method: format!(
                "Every service was probed once in {periods} seconds, at random moments, and each answer judged by \
                 the limits in force at the time. What was promised is what the policy named here promises, the one \
                 in force when the report was made. Probes during announced maintenance are excused; probes that did \
                 not take place are missing, and neither good nor bad."
            ),
            objectives,
            incidents,
            maintenance: maintenance.collect(),
            targets,
        })))
    }
}

pub(super) fn incident_report(incident: &Incident) -> IncidentReport {
    let seconds = |at_ms: i64| Time(at_ms.div_euclid(1000));
    IncidentReport {
        incident: incident.number,
        target: incident.target.clone(),
        kind: incident.kind,
        url: incident.url.clone(),
        began_at: seconds(incident.began_ms),
        ended_at: incident.ended_ms.map(seconds),
        failures: incident.failures,
        reasons: incident.reasons.iter().map(|(code, count)| (code.as_str().to_owned(), *count)).collect(),
        evidence: incident.evidence.iter().map(Digest::to_string).collect(),
        breach: incident.breach_ms.is_some(),
    }
}

pub(super) fn summary(report: &Report) -> Result<Vec<ServiceSummary>, NameError> {
    let line = |one: &ctl_policy::sla::KindReport| {
        Ok(ServiceSummary {
            good: one.counts.good,
            kind: one.kind.as_str().parse()?,
            met: one.level.verdict() == Verdict::Met,
            missing: one.counts.missing,
            target_ppm: u32::try_from(one.objective.availability_ppm).unwrap_or(u32::MAX),
            valid: one.counts.valid(),
        })
    };
    let mut lines = report.kinds.iter().map(line).collect::<Result<Vec<_>, NameError>>()?;
    lines.sort_by(|a, b| a.kind.cmp(&b.kind));
    Ok(lines)
}
