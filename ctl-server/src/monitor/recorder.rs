//! What of the watch enters the ledger: breaches when they begin and end, and each PKI's month. What is due is
//! decided from the ledger's state, so nothing is recorded twice, whatever was forgotten in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ctl_core::governance::State;
use ctl_core::names::{NameError, ObjectiveName, ParticipantId};
use ctl_core::statement::Body;
use ctl_core::statement::body::{
    BreachPhase, Measured, Objective, Service, ServiceSummary, SlaBreach, SlaReport,
};
use ctl_core::statement::parts::{BlobAccess, BlobRef, PolicyRef};
use ctl_core::{Digest, Timestamp};
use ctl_policy::sla::{IncidentReport, Kind, Material, Month, PolicyName, Report, SlaPolicy, Time, Verdict};
use tokio::sync::watch;

use super::incident::Incident;
use super::keeper::{Incidents, Keeper};
use super::levels::{self, Levels, begin_of, hour_at};
use super::own::OWN;
use super::store::StoreError;
use super::target::Target;
use crate::blobs::{BlobError, Blobs};
use crate::ledger::{Ledger, RecordError};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(15);
/// A month is reported on so many seconds after its end: its last hour is closed then.
const AFTER: u64 = 600;
/// So many months back, for a server that stood still.
const MONTHS: usize = 3;
/// The rules that know breaches and reports.
const RULES: u32 = 3;
/// A breach that began longer ago is not recorded any more: the fold would refuse it.
const TOO_LATE: u64 = 4 * 86_400 - 600;

/// Why something was not recorded. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// A name cannot stand in a statement.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What was counted cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report cannot be kept.
    #[error("the report: {0}")]
    Blob(#[from] BlobError),
    /// The ledger does not take it.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Records what is due.
#[derive(Clone)]
pub struct Recorder {
    /// The ledger.
    pub ledger: Ledger,
    /// Where reports are kept.
    pub blobs: Arc<Blobs>,
    /// What was observed.
    pub keeper: Keeper,
}

impl Recorder {
    /// Records what is due, again and again, until nobody follows any more.
    pub async fn run(self, mut following: watch::Receiver<Arc<[Arc<Target>]>>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => match self.record_due().await {
                    Ok(_) => {}
                    Err(RecorderError::Record(RecordError::Closed)) => return,
                    Err(error) => tracing::error!(%error, "a breach or report was not recorded"),
                },
                changed = following.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Records everything that is due; returns how many statements were made.
    ///
    /// # Errors
    /// The first failure, after all others were tried.
    pub async fn record_due(&self) -> Result<usize, RecorderError> {
        let now = self.ledger.now().map_err(RecordError::from)?;
        let snapshot = self.ledger.snapshot();
        if snapshot.state.charter.rules < RULES {
            return Ok(0);
        }
        let policy = policy_ref(self.keeper.policy())?;
        let due =
            breaches_due(&snapshot.state, &self.keeper.incidents(), self.keeper.policy(), &policy, now)?;
        let (mut made, mut failure) = (0, None);
        for breach in due {
            let recorded = self.ledger.observe(move |state| still_due(state, &breach).then(|| breach.into()));
            match recorded.await {
                Ok(recorded) => made += usize::from(recorded.is_some()),
                Err(error) => failure = failure.or(Some(error.into())),
            }
        }
        for (operator, month) in reports_due(&snapshot.state, &self.keeper.levels(), now) {
            match self.report(&operator, month, &policy, now).await {
                Ok(recorded) => made += usize::from(recorded),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(made), Err)
    }

    async fn report(
        &self,
        operator: &ParticipantId,
        month: Month,
        policy: &PolicyRef,
        now: Timestamp,
    ) -> Result<bool, RecorderError> {
        // Before a report is written that nothing would name.
        self.ledger.writable()?;
        let (recorder, of) = (self.clone(), operator.clone());
        let scheme = self.ledger.snapshot().state.scheme;
        let report = tokio::task::spawn_blocking(move || recorder.month(scheme, &of, month, now)).await;
        let report = report.map_err(|error| RecordError::ReadOnly(error.to_string()))??;
        // A month in which nothing of the operator was watched.
        let Some(report) = report else { return Ok(false) };
        let blobs = Arc::clone(&self.blobs);
        let bytes = ctl_core::json::canonical(&report);
        let added = tokio::task::spawn_blocking(move || blobs.add(&bytes)).await;
        let sha256 = added.map_err(|error| RecordError::ReadOnly(error.to_string()))??;
        let body = SlaReport {
            from: Timestamp::from_unix(report.from.0),
            operator: participant(operator),
            policy: policy.clone(),
            report: BlobRef { access: BlobAccess::Public, sha256 },
            summary: summary(&report)?,
            to: Timestamp::from_unix(report.to.0),
        };
        let key = (body.operator.clone(), body.from);
        let recorded = self
            .ledger
            .observe(move |state| (!state.level_reports.contains_key(&key)).then(|| Body::from(body)))
            .await?;
        if let Some(recorded) = recorded {
            tracing::info!(%operator, %month, entry = recorded.index, "reported");
        }
        Ok(recorded.is_some())
    }

    /// The report of a month; none if nothing of the operator was watched in it. Blocks on the disk.
    fn month(
        &self,
        scheme: Digest,
        operator: &ParticipantId,
        month: Month,
        now: Timestamp,
    ) -> Result<Option<Report>, RecorderError> {
        let (levels, policy) = (self.keeper.levels(), self.keeper.policy());
        let of: Vec<_> = levels.targets.values().filter(|one| one.operator == *operator).cloned().collect();
        let hours = (hour_at(month.begin()), hour_at(month.end()));
        let to_ms = begin_of(hours.1);
        let counted = levels::counted(self.keeper.store(), &of, &levels.running, hours, to_ms)?;
        let targets: Vec<_> = of
            .iter()
            .filter_map(|one| Some((one, counted.get(&one.number).filter(|counts| counts.due() > 0)?)))
            .map(|(one, counts)| (one.id().to_string(), one.kind, one.url.clone(), counts.clone()))
            .collect();
        if targets.is_empty() {
            return Ok(None);
        }
        let ids: BTreeSet<&str> = targets.iter().map(|target| target.0.as_str()).collect();
        let incidents = self.keeper.incidents();
        let touching = incidents.values().filter(|incident| {
            ids.contains(incident.target.as_str()) && incident.touches(begin_of(hours.0), to_ms)
        });
        let objectives: BTreeMap<Kind, _> = Kind::ALL
            .iter()
            .filter_map(|kind| Some((*kind, policy.terms(operator.as_str(), *kind)?.objective.clone())))
            .collect();
        let periods: BTreeSet<u64> = of.iter().map(|one| one.period_ms.div_ceil(1000)).collect();
        let periods = periods.iter().map(u64::to_string).collect::<Vec<_>>().join(" or ");
        let maintenance = policy.maintenance_of(operator.as_str(), month.begin(), month.end()).cloned();
        Ok(Some(Report::new(Material {
            scheme: scheme.to_string(),
            operator: operator.to_string(),
            month,
            made_at: Time(now.unix()),
            policy: PolicyName {
                name: policy.name().to_owned(),
                version: policy.version().to_owned(),
                sha256: hex::encode(policy.digest()),
            },
            method: format!(
                "Every service was probed once in {periods} seconds, at random moments, and its answers judged by \
                 the policy. Probes during announced maintenance are excused; probes that did not take place are \
                 missing, and neither good nor bad."
            ),
            objectives,
            incidents: touching.map(|incident| incident_report(incident)).collect(),
            maintenance: maintenance.collect(),
            targets,
        })))
    }
}

/// The service level policy as statements name it.
fn policy_ref(policy: &SlaPolicy) -> Result<PolicyRef, NameError> {
    Ok(PolicyRef {
        name: policy.name().parse()?,
        sha256: Digest::from_bytes(policy.digest()),
        version: policy.version().parse()?,
    })
}

/// An operator as statements name it: the trust list manager itself is none.
fn participant(operator: &ParticipantId) -> Option<ParticipantId> {
    (operator.as_str() != OWN).then(|| operator.clone())
}

fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_unix(at_ms.div_euclid(1000))
}

fn incident_report(incident: &Incident) -> IncidentReport {
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

fn summary(report: &Report) -> Result<Vec<ServiceSummary>, NameError> {
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

/// Whose service an incident is of, and the objective that it breaks. The service's own targets have no address
/// that anyone calls, so the objective names them.
fn subject(incident: &Incident) -> Result<(Service, ObjectiveName), NameError> {
    let operator = participant(&incident.operator);
    let url = if operator.is_some() { Some(incident.url.parse()?) } else { None };
    let name = match (&operator, incident.url.strip_prefix("/v1/lists/")) {
        (Some(_), _) => "availability".to_owned(),
        (None, Some(list)) => format!("list-{list}"),
        (None, None) => "checkpoint".to_owned(),
    };
    Ok((Service { kind: incident.kind.as_str().parse()?, operator, url }, name.parse()?))
}

/// The statements about breaches that are due: of incidents that lasted long enough to be breaches, those that
/// the ledger does not know, and the ends of those that it knows as open.
///
/// # Errors
/// A name that cannot stand in a statement.
pub fn breaches_due(
    state: &State,
    incidents: &Incidents,
    policy: &SlaPolicy,
    policy_ref: &PolicyRef,
    now: Timestamp,
) -> Result<Vec<SlaBreach>, NameError> {
    let mut due = Vec::new();
    // Openings and ends of before, so that an incident of days ago is not looked up for nothing.
    for incident in incidents.values().filter(|incident| incident.breach_ms.is_some()) {
        let opened_at = time(incident.began_ms);
        let (service, name) = match subject(incident) {
            Ok(named) => named,
            // One that cannot be named must not keep the others out of the ledger.
            Err(error) => {
                tracing::warn!(%error, incident = incident.number, "a breach cannot be named in a statement");
                continue;
            }
        };
        if service.operator.as_ref().is_some_and(|operator| !state.participants.contains_key(operator)) {
            continue;
        }
        let key = (service, name);
        let open = state.open_breaches.get(&key).and_then(|index| state.breaches.get(index));
        let known =
            || state.breaches.values().any(|breach| breach.opened_at == opened_at && breach.key() == key);
        let (phase, opened, policy_ref) = match open {
            // Its end refers to the policy by which it opened.
            Some(open) if open.opened_at == opened_at && !incident.is_open() => {
                (BreachPhase::Closed, Some(open.index), &open.policy)
            }
            None if now.seconds_since(opened_at) <= TOO_LATE && !known() => {
                (BreachPhase::Opened, None, policy_ref)
            }
            _ => continue,
        };
        let Some(terms) = policy.terms(incident.operator.as_str(), incident.kind) else { continue };
        let mut evidence = incident.evidence.clone();
        evidence.sort_unstable();
        let reasons = incident.reasons.iter().filter(|(_, count)| **count > 0);
        due.push(SlaBreach {
            closed_at: opened.and(incident.ended_ms).map(|at_ms| time(at_ms).min(now)),
            evidence,
            measured: Measured {
                good: incident.probes.saturating_sub(incident.failures),
                missing: 0,
                valid: incident.probes,
            },
            objective: Objective {
                name: key.1,
                target_ppm: u32::try_from(terms.objective.availability_ppm).unwrap_or(u32::MAX),
                window_seconds: terms.breach_after.unsigned_abs().max(1),
            },
            opened,
            opened_at,
            phase,
            policy: policy_ref.clone(),
            reasons: reasons
                .map(|(code, count)| Ok((code.as_str().parse()?, *count)))
                .collect::<Result<_, NameError>>()?,
            service: key.0,
        });
    }
    Ok(due)
}

/// Whether a statement about a breach is still due, on the state at the moment of recording.
fn still_due(state: &State, breach: &SlaBreach) -> bool {
    let open = state.open_breaches.get(&(breach.service.clone(), breach.objective.name.clone()));
    open.copied() == breach.opened
}

/// The months that are over and not reported on, by operator.
#[must_use]
pub fn reports_due(state: &State, levels: &Levels, now: Timestamp) -> Vec<(ParticipantId, Month)> {
    let operators: BTreeSet<&ParticipantId> = levels.targets.values().map(|one| &one.operator).collect();
    let present = Month::of(Time(now.unix()));
    let months = std::iter::successors(Some(present.previous()), |month| Some(month.previous())).take(MONTHS);
    let mut due = Vec::new();
    for month in months {
        let end = Timestamp::from_unix(month.end().0);
        // Not before its last hour is closed.
        let open = levels.running.keys().next().is_some_and(|hour| *hour < hour_at(month.end()));
        if now.seconds_since(end) < AFTER || open {
            continue;
        }
        for operator in &operators {
            let named = participant(operator);
            let watched = levels.targets.values().filter(|one| one.operator == **operator);
            let watched = watched.map(|one| one.due(month.begin().0 * 1000, month.end().0 * 1000));
            let known = named.as_ref().is_none_or(|operator| state.participants.contains_key(operator));
            let key = (named, Timestamp::from_unix(month.begin().0));
            if known && watched.max().unwrap_or_default() > 0 && !state.level_reports.contains_key(&key) {
                due.push(((*operator).clone(), month));
            }
        }
    }
    due
}
