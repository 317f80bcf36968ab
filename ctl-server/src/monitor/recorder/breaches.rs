//! Which statements about breaches are due. Pure: the ledger's state and the incidents say it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Timestamp;
use ctl_core::names::{NameError, ParticipantId};
use ctl_core::parts::PolicyRef;
use ctl_governance::State;
use ctl_governance::service_levels::{Breach, BreachKey};
use ctl_governance::statement::body::{BreachPhase, Measured, Objective, Service, SlaBreach};
use ctl_policy::sla::SlaPolicy;

use super::super::incident::Incident;
use super::super::keeper::Incidents;
use super::participant;

/// A breach that began longer ago is not recorded any more: the fold would refuse it.
const TOO_LATE: u64 = 4 * DAY - 600;
const DAY: u64 = 86_400;

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The statements, ends first.
    pub statements: Vec<SlaBreach>,
    /// Breaches that do not enter the log now, because as many did within a day as the policy lets.
    pub held_back: u64,
}

/// The statements about breaches that are due: the ends of those that the ledger knows as open, and of the incidents
/// that lasted long enough to be breaches those that the ledger does not know.
///
/// `incidents` are those at hand, which a keeper reads before anyone can ask it, and those put away of breaches that are
/// open in the ledger. If they are `complete`, a breach without its incident ends, as nobody will ever see the end of it;
/// if not all that is put away could be read, it may be there and such a breach waits.
///
/// # Errors
/// A name that cannot stand in a statement.
pub fn breaches_due(
    state: &State,
    incidents: &Incidents,
    complete: bool,
    policy: &SlaPolicy,
    policy_ref: &PolicyRef,
    now: Timestamp,
) -> Result<Due, NameError> {
    let mut statements = ends(state, incidents, complete, now)?;
    let (beginnings, held_back) = beginnings(state, incidents, policy, policy_ref, now)?;
    statements.extend(beginnings);
    Ok(Due { statements, held_back })
}

/// Whether a statement about a breach is still due, on the state at the moment of recording.
pub(super) fn still_due(state: &State, breach: &SlaBreach) -> bool {
    let open = state.open_breaches.get(&(breach.service.clone(), breach.objective.name.clone()));
    open.copied() == breach.opened
}

pub(super) fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_unix(at_ms.div_euclid(1000))
}

/// Whose service an incident is of, and the objective that it breaks. The service's own targets have no address
/// that anyone calls, so the objective names them.
fn subject(incident: &Incident) -> Result<BreachKey, NameError> {
    let operator = participant(&incident.operator);
    let url = if operator.is_some() { Some(incident.url.parse()?) } else { None };
    let name = match (&operator, incident.url.strip_prefix("/v1/lists/")) {
        (Some(_), _) => "availability".to_owned(),
        (None, Some(list)) => format!("list-{list}"),
        (None, None) => "checkpoint".to_owned(),
    };
    Ok((Service { kind: incident.kind.as_str().parse()?, operator, url }, name.parse()?))
}

/// The breaches that are open in the ledger, each with its incident if that is among these.
fn open<'a>(state: &'a State, incidents: &'a Incidents) -> Vec<(&'a Breach, Option<&'a Incident>)> {
    let open: Vec<&Breach> =
        state.open_breaches.values().filter_map(|index| Some(&**state.breaches.get(index)?)).collect();
    let began: BTreeSet<Timestamp> = open.iter().map(|breach| breach.opened_at).collect();
    let mut found: BTreeMap<(BreachKey, Timestamp), &Incident> = BTreeMap::new();
    for incident in incidents.values() {
        let opened_at = time(incident.began_ms);
        if began.contains(&opened_at)
            && let Ok(key) = subject(incident)
        {
            found.insert((key, opened_at), incident);
        }
    }
    let with = |breach: &'a Breach| (breach, found.get(&(breach.key(), breach.opened_at)).copied());
    open.into_iter().map(with).collect()
}

/// When the open breaches began of which the incident is not among these. Others may have begun in the same second.
pub(super) fn without_incident(state: &State, incidents: &Incidents) -> BTreeSet<Timestamp> {
    let open = open(state, incidents).into_iter();
    open.filter(|(_, incident)| incident.is_none()).map(|(breach, _)| breach.opened_at).collect()
}

/// The ends of breaches that are over, and of those whose incident is lost.
fn ends(
    state: &State,
    incidents: &Incidents,
    complete: bool,
    now: Timestamp,
) -> Result<Vec<SlaBreach>, NameError> {
    let mut ends = Vec::new();
    for (breach, incident) in open(state, incidents) {
        let end = match incident {
            Some(incident) => match incident.ended_ms {
                Some(ended_ms) => end(breach, incident, time(ended_ms).min(now))?,
                None => continue,
            },
            None if complete => end_of_lost(breach, now),
            None => continue,
        };
        ends.push(end);
    }
    Ok(ends)
}

/// It refers to the policy and the promise by which the breach opened.
fn end(breach: &Breach, incident: &Incident, closed_at: Timestamp) -> Result<SlaBreach, NameError> {
    let statement = statement(breach.key(), incident, breach.objective.clone(), breach.policy.clone())?;
    let (closed_at, opened) = (Some(closed_at), Some(breach.index));
    Ok(SlaBreach { closed_at, opened, phase: BreachPhase::Closed, ..statement })
}

/// The end of a breach of which the store has no incident any more: it was lost with it, or forgotten. What was found
/// stays as the beginning has it. If the service still fails, that is another incident.
fn end_of_lost(breach: &Breach, now: Timestamp) -> SlaBreach {
    tracing::warn!(
        breach = breach.index,
        "the history of this breach is lost, so its end was not seen; the log says that it is over"
    );
    SlaBreach {
        closed_at: Some(now.max(breach.opened_at)),
        evidence: breach.found.evidence.clone(),
        measured: breach.found.measured,
        objective: breach.objective.clone(),
        opened: Some(breach.index),
        opened_at: breach.opened_at,
        phase: BreachPhase::Closed,
        policy: breach.policy.clone(),
        reasons: breach.found.reasons.clone(),
        service: breach.service.clone(),
    }
}

/// A statement that an incident is a breach.
fn statement(
    (service, _): BreachKey,
    incident: &Incident,
    objective: Objective,
    policy: PolicyRef,
) -> Result<SlaBreach, NameError> {
    let mut evidence = incident.evidence.clone();
    evidence.sort_unstable();
    let reasons = incident.reasons.iter().filter(|(_, count)| **count > 0);
    let reasons = reasons.map(|(code, count)| Ok((code.as_str().parse()?, *count)));
    Ok(SlaBreach {
        closed_at: None,
        evidence,
        measured: Measured {
            good: incident.probes.saturating_sub(incident.failures),
            missing: 0,
            valid: incident.probes,
        },
        objective,
        opened: None,
        opened_at: time(incident.began_ms),
        phase: BreachPhase::Opened,
        policy,
        reasons: reasons.collect::<Result<_, NameError>>()?,
        service,
    })
}

/// An incident that is a breach and not in the ledger.
struct Candidate<'a> {
    key: BreachKey,
    incident: &'a Incident,
}

/// What lasts, and what lasted longest, comes first.
fn order(incident: &Incident) -> (bool, Reverse<i64>, u64) {
    (!incident.is_open(), Reverse(incident.bad_ms), incident.number)
}

/// The beginnings of breaches, and how many have to wait because the day is full.
///
/// Operators take turns, so that one whose services come and go all day takes no other's place.
fn beginnings(
    state: &State,
    incidents: &Incidents,
    policy: &SlaPolicy,
    policy_ref: &PolicyRef,
    now: Timestamp,
) -> Result<(Vec<SlaBreach>, u64), NameError> {
    let per_day = policy.breaches_per_day();
    let mut today: BTreeMap<Option<ParticipantId>, u32> = BTreeMap::new();
    for breach in state.breaches.values().filter(|breach| now.seconds_since(breach.recorded_at) < DAY) {
        *today.entry(breach.service.operator.clone()).or_default() += 1;
    }
    let mut of_all = today.values().fold(0_u32, |sum, count| sum.saturating_add(*count));
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for (key, waiting) in waiting(state, incidents, now) {
        let count = today.get(&key.0.operator).copied().unwrap_or_default();
        let room = usize::try_from(per_day.of_operator.saturating_sub(count)).unwrap_or(usize::MAX);
        // A service breaks an objective once at a time: of several incidents one is due now, the others when it is
        // over. In their order, unless there is no room for all of them.
        let next = if waiting.len() <= room {
            waiting.first()
        } else {
            waiting.iter().min_by_key(|incident| order(incident))
        };
        candidates.extend(next.map(|incident| Candidate { key, incident }));
    }
    candidates.sort_by_key(|candidate| order(candidate.incident));
    let mut turns: Vec<(u32, Candidate<'_>)> = Vec::new();
    for candidate in candidates {
        let count = today.entry(candidate.key.0.operator.clone()).or_default();
        turns.push((*count, candidate));
        *count = count.saturating_add(1);
    }
    turns.sort_by_key(|(count, candidate)| (*count, order(candidate.incident)));
    let (mut due, mut held_back) = (Vec::new(), 0);
    for (count, Candidate { key, incident }) in turns {
        if count >= per_day.of_operator || of_all >= per_day.all {
            held_back += 1;
            continue;
        }
        let Some(terms) = policy.terms(incident.operator.as_str(), incident.kind) else { continue };
        let objective = Objective {
            name: key.1.clone(),
            target_ppm: u32::try_from(terms.objective.availability_ppm).unwrap_or(u32::MAX),
            window_seconds: terms.breach_after.unsigned_abs().max(1),
        };
        due.push(statement(key, incident, objective, policy_ref.clone())?);
        of_all = of_all.saturating_add(1);
    }
    Ok((due, held_back))
}

/// The incidents that are breaches, in time, and neither in the ledger nor behind one that is open there.
fn waiting<'a>(
    state: &State,
    incidents: &'a Incidents,
    now: Timestamp,
) -> BTreeMap<BreachKey, Vec<&'a Incident>> {
    // The monitor's clock may be ahead of the ledger's.
    let in_time = |at: Timestamp| at <= now && now.seconds_since(at) <= TOO_LATE;
    let known = state.breaches.values().filter(|breach| in_time(breach.opened_at));
    let known: BTreeSet<(BreachKey, Timestamp)> =
        known.map(|breach| (breach.key(), breach.opened_at)).collect();
    let mut waiting: BTreeMap<BreachKey, Vec<&Incident>> = BTreeMap::new();
    for incident in incidents.values().filter(|incident| incident.breach_ms.is_some()) {
        let opened_at = time(incident.began_ms);
        if !in_time(opened_at) {
            continue;
        }
        let key = match subject(incident) {
            Ok(key) => key,
            // One that cannot be named must not keep the others out of the ledger.
            Err(error) => {
                tracing::warn!(%error, incident = incident.number, "a breach cannot be named in a statement");
                continue;
            }
        };
        let operator = key.0.operator.as_ref();
        let is_known = known.contains(&(key.clone(), opened_at)) || state.open_breaches.contains_key(&key);
        if !is_known && operator.is_none_or(|operator| state.participants.contains_key(operator)) {
            waiting.entry(key).or_default().push(incident);
        }
    }
    waiting
}
