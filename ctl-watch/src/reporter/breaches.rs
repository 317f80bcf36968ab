//! Decides which statements about breaches are due, from the ledger's state and the incidents. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::names::{NameError, ParticipantId};
use ctl_core::parts::PolicyRef;
use ctl_core::{PublicKey, Timestamp};
use ctl_governance::State;
use ctl_governance::service_levels::{BreachKey, Claim, Share, Told};
use ctl_governance::statement::body::{BreachPhase, Measured, Objective, Service, SlaBreach};
use ctl_policy::sla::SlaPolicy;

use super::super::aggregator::Incidents;
use super::super::incident::Incident;
use super::participant;

/// The fold refuses a breach that began longer ago.
const TOO_LATE: u64 = 4 * DAY - 600;
const DAY: u64 = 86_400;

/// What is due now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Ends come first.
    pub statements: Vec<SlaBreach>,
    /// Breaches that must wait, because the policy's number for one day is reached.
    pub held_back: u64,
    /// Incidents that are breaches and all of whose evidence other watchers have named before. Whoever holds back what a
    /// watcher sends can see to that; what nobody was told of yet proves the next claim.
    pub copied: BTreeSet<u64>,
}

/// The statements about breaches that are due from a watcher: the ends of its claims that are open in the ledger, and
/// the beginnings of breaches that it has not claimed.
///
/// `incidents` are those in memory, which are read before anyone can ask for them, and those in the history whose
/// claims are open in the ledger. A claim without an incident ends, because nobody will ever see its end; but not one that
/// began in an `unread` second, of which not everything in the history could be read: its incident may be there, and go on.
///
/// # Errors
/// A name that no statement can carry.
pub fn breaches_due(
    state: &State,
    watcher: &ParticipantId,
    incidents: &Incidents,
    unread: &BTreeSet<Timestamp>,
    policy: &SlaPolicy,
    policy_ref: &PolicyRef,
    now: Timestamp,
) -> Result<Due, NameError> {
    let mut statements = ends(state, watcher, incidents, unread, now)?;
    let beginnings = beginnings(state, watcher, incidents, policy, policy_ref, now)?;
    statements.extend(beginnings.statements);
    Ok(Due { statements, ..beginnings })
}

/// Whether an incident's evidence is kept from everyone: as long as this watcher may still claim it, so that nobody can
/// name it first. The log has what was claimed; before that is known (no `state`), nothing is told.
pub(crate) fn withholds(
    state: Option<&State>,
    watcher: &PublicKey,
    incident: &Incident,
    now: Timestamp,
) -> bool {
    let began = time(incident.began_ms);
    let claimable = incident.is_open() || incident.breach_ms.is_some();
    if !claimable || now.seconds_since(began) > 4 * DAY {
        return false;
    }
    let (Some(state), Ok(key)) = (state, subject(incident)) else { return true };
    let Ok(watcher) = super::watcher(state, watcher) else { return false };
    let mut claims = state.service_levels.claims_about(&key);
    state.may_watch(&watcher, key.0.operator.as_ref())
        && !claims.any(|claim| claim.watcher == watcher && claim.opened_at == began)
}

/// What watchers say of an incident in the log: this watcher's claim, or the breach that it counts in, which began when enough
/// watchers agreed. A watch that is nobody's finds the claim of anyone who saw it begin in the same second.
#[must_use]
pub fn in_log<'a>(
    state: &'a State,
    watcher: Option<&ParticipantId>,
    incident: &Incident,
) -> Option<Told<'a>> {
    let (key, began) = (subject(incident).ok()?, time(incident.began_ms));
    let levels = &state.service_levels;
    let is_own = |claim: &&Arc<Claim>| {
        claim.opened_at == began && watcher.is_none_or(|watcher| *watcher == claim.watcher)
    };
    // A claim that lapsed may have been made again.
    let index = levels.claims_about(&key).filter(is_own).map(|claim| claim.index).last()?;
    let breaches = levels.breaches.get(&key).into_iter().flat_map(|breaches| breaches.iter());
    let breach = breaches.rev().find(|breach| breach.claims.contains_key(&index));
    breach.map(Told::Breach).or_else(|| levels.claims.get(&index).map(|claim| Told::Claim(claim)))
}

pub(super) fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_unix(at_ms.div_euclid(1000))
}

/// The service and the objective of an incident. Targets of the service itself have no address to name, so the
/// objective names them.
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

/// The watcher's claims that are open in the ledger, each with its incident if that is among these.
fn open<'a>(
    state: &'a State,
    watcher: &ParticipantId,
    incidents: &'a Incidents,
) -> Vec<(&'a Claim, Option<&'a Incident>)> {
    let open: Vec<&Claim> = state.service_levels.open_claims(watcher).map(|claim| &**claim).collect();
    let began: BTreeSet<Timestamp> = open.iter().map(|claim| claim.opened_at).collect();
    let mut found: BTreeMap<(BreachKey, Timestamp), &Incident> = BTreeMap::new();
    for incident in incidents.values() {
        let opened_at = time(incident.began_ms);
        if began.contains(&opened_at)
            && let Ok(key) = subject(incident)
        {
            found.insert((key, opened_at), incident);
        }
    }
    let with = |claim: &'a Claim| (claim, found.get(&(claim.key(), claim.opened_at)).copied());
    open.into_iter().map(with).collect()
}

/// When those open claims began whose incident is not among these. Other incidents may have begun in the same second.
pub(super) fn without_incident(
    state: &State,
    watcher: &ParticipantId,
    incidents: &Incidents,
) -> BTreeSet<Timestamp> {
    let open = open(state, watcher, incidents).into_iter();
    open.filter(|(_, incident)| incident.is_none()).map(|(claim, _)| claim.opened_at).collect()
}

/// The ends of claims that are over or whose incident is lost.
fn ends(
    state: &State,
    watcher: &ParticipantId,
    incidents: &Incidents,
    unread: &BTreeSet<Timestamp>,
    now: Timestamp,
) -> Result<Vec<SlaBreach>, NameError> {
    let mut ends = Vec::new();
    for (claim, incident) in open(state, watcher, incidents) {
        let end = match incident {
            Some(incident) => match incident.ended_ms {
                Some(ended_ms) => end(claim, incident, time(ended_ms).min(now))?,
                None => continue,
            },
            None if unread.contains(&claim.opened_at) => continue,
            None => end_of_lost(claim, next(claim, incidents).unwrap_or(now).min(now)),
        };
        ends.push(end);
    }
    Ok(ends)
}

/// When the next incident of a claim's service began. The claim was over by then, because incidents of a service do not
/// overlap.
fn next(claim: &Claim, incidents: &Incidents) -> Option<Timestamp> {
    let later = incidents.values().filter(|incident| time(incident.began_ms) > claim.opened_at);
    let same = later.filter(|incident| subject(incident).is_ok_and(|key| key == claim.key()));
    same.map(|incident| time(incident.began_ms)).min()
}

/// The end names the policy and objective with which the claim opened.
fn end(claim: &Claim, incident: &Incident, closed_at: Timestamp) -> Result<SlaBreach, NameError> {
    let statement = statement(claim.key(), incident, claim.objective.clone(), claim.policy.clone())?;
    let (closed_at, opened) = (Some(closed_at), Some(claim.index));
    Ok(SlaBreach { closed_at, opened, phase: BreachPhase::Closed, ..statement })
}

/// The end of a claim whose incident is lost with the history, or forgotten. It repeats the findings of the beginning.
/// If the service still fails, that is another incident.
fn end_of_lost(claim: &Claim, over: Timestamp) -> SlaBreach {
    tracing::warn!(
        claim = claim.index,
        "the history of this claim is lost and its end was not seen; it is recorded as over"
    );
    SlaBreach {
        closed_at: Some(over.max(claim.opened_at)),
        evidence: claim.found.evidence.clone(),
        measured: claim.found.measured,
        objective: claim.objective.clone(),
        opened: Some(claim.index),
        opened_at: claim.opened_at,
        phase: BreachPhase::Closed,
        policy: claim.policy.clone(),
        reasons: claim.found.reasons.clone(),
        service: claim.service.clone(),
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

/// A breach that is not in the ledger.
struct Candidate<'a> {
    key: BreachKey,
    incident: &'a Incident,
}

/// Open ones first, then the longest.
fn order(incident: &Incident) -> (bool, Reverse<i64>, u64) {
    (!incident.is_open(), Reverse(incident.bad_ms), incident.number)
}

/// The beginnings of breaches, and how many must wait because the number for one day is reached.
///
/// Operators take turns, so that one whose services fail and recover all day takes no other's place. Operators on a
/// list come first; all others share one place.
fn beginnings(
    state: &State,
    watcher: &ParticipantId,
    incidents: &Incidents,
    policy: &SlaPolicy,
    policy_ref: &PolicyRef,
    now: Timestamp,
) -> Result<Due, NameError> {
    let (per_day, rules) = (policy.breaches_per_day(), state.rules());
    let of_share = per_day.of_operator.min(rules.watched_per_day);
    let mut today: BTreeMap<Share, u32> = BTreeMap::new();
    let mut open: BTreeMap<Share, usize> = BTreeMap::new();
    let mut of_service: BTreeMap<BreachKey, u32> = BTreeMap::new();
    let day = |at: Timestamp| at.unix().div_euclid(DAY.cast_signed());
    for claim in state.service_levels.claims.values().filter(|claim| claim.watcher == *watcher) {
        let share = Share::of(state, claim.service.operator.as_ref());
        if claim.closed.is_none() {
            *open.entry(share.clone()).or_default() += 1;
        }
        if day(claim.recorded_at) == day(now) {
            *of_service.entry(claim.key()).or_default() += 1;
        }
        if now.seconds_since(claim.recorded_at) < DAY {
            *today.entry(share).or_default() += 1;
        }
    }
    let listed = today.iter().filter(|(share, _)| **share != Share::Unlisted);
    let mut of_listed = listed.fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
    let mut candidates: Vec<(Share, Candidate<'_>)> = Vec::new();
    let (waiting, copied) = waiting(state, watcher, incidents, now);
    let mut due = Due { copied, ..Due::default() };
    for (key, waiting) in waiting {
        let share = Share::of(state, key.0.operator.as_ref());
        let count = today.get(&share).copied().unwrap_or_default();
        let of_service =
            rules.claims_of_service_per_day.saturating_sub(of_service.get(&key).copied().unwrap_or(0));
        if of_service == 0 {
            due.held_back += 1;
            continue;
        }
        let left = usize::try_from(of_share.saturating_sub(count).min(of_service)).unwrap_or(usize::MAX);
        // A service breaks an objective once at a time: one of several incidents is due now, the others after it. They
        // come in order, unless there are more than may be recorded.
        let next = if waiting.len() <= left {
            waiting.first()
        } else {
            waiting.iter().min_by_key(|incident| order(incident))
        };
        candidates.extend(next.map(|incident| (share, Candidate { key, incident })));
    }
    candidates.sort_by_key(|(_, candidate)| order(candidate.incident));
    let mut turns: Vec<(bool, u32, Share, Candidate<'_>)> = Vec::new();
    for (share, candidate) in candidates {
        let count = today.entry(share.clone()).or_default();
        turns.push((share == Share::Unlisted, *count, share, candidate));
        *count = count.saturating_add(1);
    }
    turns.sort_by_key(|(unlisted, count, _, candidate)| (*unlisted, *count, order(candidate.incident)));
    let mut logged: BTreeMap<Share, u32> = BTreeMap::new();
    for (unlisted, count, share, Candidate { key, incident }) in turns {
        // Reports count there as well.
        let recorded = state.service_levels.recorded_on_day_of(now, watcher, &share);
        let logged = logged.entry(share.clone()).or_insert(recorded);
        let is_full = *logged >= rules.watched_per_day;
        let open = open.entry(share).or_default();
        if is_full
            || count >= of_share
            || (!unlisted && of_listed >= per_day.all)
            || *open >= rules.open_claims
        {
            due.held_back += 1;
            continue;
        }
        let Some(terms) = policy.terms(incident.operator.as_str(), incident.kind) else { continue };
        let objective = Objective {
            name: key.1.clone(),
            target_ppm: u32::try_from(terms.objective.availability_ppm).unwrap_or(u32::MAX),
            window_seconds: terms.breach_after.unsigned_abs().max(1),
        };
        due.statements.push(statement(key, incident, objective, policy_ref.clone())?);
        *open = open.saturating_add(1);
        *logged = logged.saturating_add(1);
        of_listed = of_listed.saturating_add(u32::from(!unlisted));
    }
    Ok(due)
}

/// The breaches that can still be recorded, are not in the ledger, and do not follow a claim that is open there; of
/// services that this watcher may speak about, and with evidence. Besides, those whose evidence is none of their own.
fn waiting<'a>(
    state: &State,
    watcher: &ParticipantId,
    incidents: &'a Incidents,
    now: Timestamp,
) -> (BTreeMap<BreachKey, Vec<&'a Incident>>, BTreeSet<u64>) {
    // The watch's clock may be ahead of the ledger's.
    let in_time = |at: Timestamp| at <= now && now.seconds_since(at) <= TOO_LATE;
    let claims = state.service_levels.claims.values().filter(|claim| claim.watcher == *watcher);
    // A claim that lapsed with the watcher's office is made again when the watcher has the office again.
    let claims = claims.filter(|claim| claim.closed.is_none_or(|closed| !closed.lapsed));
    let mut known: BTreeSet<(BreachKey, Timestamp)> = BTreeSet::new();
    let mut open: BTreeSet<BreachKey> = BTreeSet::new();
    for claim in claims {
        if claim.closed.is_none() {
            open.insert(claim.key());
        }
        if in_time(claim.opened_at) {
            known.insert((claim.key(), claim.opened_at));
        }
    }
    let (mut waiting, mut copied) = (BTreeMap::<BreachKey, Vec<&Incident>>::new(), BTreeSet::new());
    let breaches = incidents.values().filter(|incident| incident.breach_ms.is_some());
    for incident in breaches.filter(|incident| !incident.evidence.is_empty()) {
        let opened_at = time(incident.began_ms);
        if !in_time(opened_at) {
            continue;
        }
        let key = match subject(incident) {
            Ok(key) => key,
            // One that cannot be named must not hold up the others.
            Err(error) => {
                tracing::warn!(%error, incident = incident.number, "a breach cannot be named in a statement");
                continue;
            }
        };
        let is_known = known.contains(&(key.clone(), opened_at)) || open.contains(&key);
        if is_known || !state.may_watch(watcher, key.0.operator.as_ref()) {
            continue;
        }
        if state.service_levels.copied_from(&key, watcher, &incident.evidence).is_some() {
            copied.insert(incident.number);
        } else {
            waiting.entry(key).or_default().push(incident);
        }
    }
    (waiting, copied)
}
