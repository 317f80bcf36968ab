//! What watchers found: claims, the breaches that follow, and reports. Nothing here changes trust.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::names::{OrganisationId, ParticipantId};

use super::{Place, name_blob};
use crate::check;
use crate::service_levels::{Breach, BreachKey, Claim, Closed, Found, LevelReport, ServiceLevels, Share};
use crate::state::State;
use crate::statement::body::{SlaBreach, SlaReport};

pub(super) fn breach(state: &mut State, place: Place<'_>, body: &SlaBreach) {
    let Some(watcher) = place.author.and_then(|id| state.participants.get(id)) else { return };
    let (watcher, organisation) = (watcher.id.clone(), watcher.organisation.clone());
    if let (Some(at), Some(opened)) = (body.closed_at, body.opened) {
        let end = Closed { index: place.index, at, recorded_at: place.at, lapsed: false };
        close(state, opened, end, Some(body));
        let key = (body.service.clone(), body.objective.name.clone());
        forget_of_service(state, &watcher, &key, place.rules.past_claims_of_service);
        forget(state, place.rules.past_claims);
        return;
    }
    let claim = Arc::new(Claim {
        index: place.index,
        watcher,
        organisation,
        service: body.service.clone(),
        objective: body.objective.clone(),
        policy: body.policy.clone(),
        opened_at: body.opened_at,
        recorded_at: place.at,
        found: Found {
            measured: body.measured,
            reasons: body.reasons.clone(),
            evidence: body.evidence.clone(),
        },
        closed: None,
    });
    count(state, place, &claim.watcher, claim.service.operator.as_ref());
    let levels = &mut state.service_levels;
    levels.open.insert_mut((claim.watcher.clone(), claim.index));
    levels.about.insert_mut((claim.key(), claim.index));
    levels.claims.insert_mut(claim.index, Arc::clone(&claim));
    judge(state, &claim, Closed { index: place.index, at: place.at, recorded_at: place.at, lapsed: false });
}

/// Ends a claim, by its watcher's statement or without it.
fn close(state: &mut State, index: u64, end: Closed, last: Option<&SlaBreach>) {
    let Some(mut claim) = state.service_levels.claims.get(&index).map(|claim| Claim::clone(claim)) else {
        return;
    };
    claim.closed = Some(end);
    if let Some(body) = last {
        claim.found.measured = body.measured;
        claim.found.reasons.clone_from(&body.reasons);
        let evidence: BTreeSet<_> = claim.found.evidence.iter().chain(&body.evidence).copied().collect();
        claim.found.evidence = evidence.into_iter().collect();
    }
    let claim = Arc::new(claim);
    state.service_levels.open.remove_mut(&(claim.watcher.clone(), index));
    state.service_levels.claims.insert_mut(index, Arc::clone(&claim));
    judge(state, &claim, end);
}

/// Updates the breaches of a service after a claim has opened or closed; `by` is the cause.
fn judge(state: &mut State, claim: &Claim, by: Closed) {
    let (key, levels) = (claim.key(), &state.service_levels);
    let mut breaches: Vec<Breach> =
        levels.breaches.get(&key).map(|breaches| Vec::clone(breaches)).unwrap_or_default();
    for breach in breaches.iter_mut().filter(|breach| breach.claims.contains_key(&claim.index)) {
        breach.count(claim);
        settle(breach, by);
    }
    let needed = state.charter.watchers.as_ref().map_or(u32::MAX, |watchers| watchers.threshold);
    let all: Vec<&Arc<Claim>> = levels.claims_about(&key).collect();
    // The number of agreeing watchers only grows at these moments.
    let moments = all.iter().map(|one| one.opened_at).chain(breaches.iter().map(|breach| breach.opened_at));
    let moments: BTreeSet<Timestamp> = moments.filter(|at| *at >= claim.opened_at).collect();
    for at in moments {
        let saying: Vec<&Arc<Claim>> = all.iter().copied().filter(|one| one.covers(at)).collect();
        let organisations: BTreeSet<&OrganisationId> = saying.iter().map(|one| &one.organisation).collect();
        let enough = organisations.len() >= needed as usize;
        // A breach that ended at this very moment continues if enough watchers still claim it.
        let goes_on = |breach: &Breach| enough && breach.closed.is_some_and(|closed| closed.at == at);
        let (lasting, others): (Vec<_>, Vec<_>) =
            breaches.into_iter().partition(|breach| breach.covers(at) || goes_on(breach));
        breaches = others;
        let mut breach = match lasting.into_iter().reduce(join) {
            Some(breach) => breach,
            None if !enough => continue,
            None => Breach {
                confirmed: by.index,
                recorded_at: by.recorded_at,
                service: claim.service.clone(),
                objective: claim.objective.clone(),
                opened_at: at,
                needed,
                claims: BTreeMap::new(),
                closed: None,
            },
        };
        for one in saying {
            breach.count(one);
        }
        settle(&mut breach, by);
        breaches.push(breach);
    }
    breaches.sort_by_key(|breach| (breach.opened_at, breach.confirmed));
    if !breaches.is_empty() {
        state.service_levels.breaches.insert_mut(key, Arc::new(breaches));
    }
}

/// Joins two breaches that turn out to be one; the one that was confirmed first continues.
fn join(one: Breach, other: Breach) -> Breach {
    let (mut first, second) = if one.confirmed <= other.confirmed { (one, other) } else { (other, one) };
    first.opened_at = first.opened_at.min(second.opened_at);
    first.claims.extend(second.claims);
    first
}

/// Sets how a breach ended; if that changes, this entry is the cause.
fn settle(breach: &mut Breach, by: Closed) {
    let end = breach.end();
    if end != breach.closed.map(|closed| closed.at) {
        breach.closed = end.map(|at| Closed { at, ..by });
    }
}

/// Ends the claims of a watcher that is no longer in office.
pub(crate) fn lapse(state: &mut State, watcher: &ParticipantId, at: Timestamp, cause: u64) {
    let open: Vec<u64> = state.service_levels.open_claims(watcher).map(|claim| claim.index).collect();
    for index in open {
        close(state, index, Closed { index: cause, at, recorded_at: at, lapsed: true }, None);
    }
}

/// Forgets closed claims, the earliest recorded first, until `keep` of them are left.
pub(crate) fn forget(state: &mut State, keep: usize) {
    let levels = &mut state.service_levels;
    while levels.claims.size() > levels.open.size().saturating_add(keep) {
        let oldest = levels.claims.values().find(|claim| claim.closed.is_some());
        let Some(claim) = oldest.cloned() else { return };
        remove(levels, &claim);
    }
}

/// The same of one watcher's claims about one service and objective.
fn forget_of_service(state: &mut State, watcher: &ParticipantId, key: &BreachKey, keep: usize) {
    let levels = &mut state.service_levels;
    let over = levels.claims_about(key).filter(|claim| claim.watcher == *watcher && claim.closed.is_some());
    let over: Vec<Arc<Claim>> = over.cloned().collect();
    for claim in over.iter().take(over.len().saturating_sub(keep)) {
        remove(levels, claim);
    }
}

/// Forgets a closed claim, and closed breaches none of whose closed claims is left. One that lasts keeps no breach of the
/// past: or what many short claims confirm with it would stay as long as it does.
fn remove(levels: &mut ServiceLevels, claim: &Claim) {
    let key = claim.key();
    levels.claims.remove_mut(&claim.index);
    levels.about.remove_mut(&(key.clone(), claim.index));
    let Some(breaches) = levels.breaches.get(&key) else { return };
    let is_left = |index: &u64| levels.claims.get(index).is_some_and(|claim| claim.closed.is_some());
    let mut left = Vec::clone(breaches);
    left.retain(|breach| breach.closed.is_none() || breach.claims.keys().any(is_left));
    if left.is_empty() {
        levels.breaches.remove_mut(&key);
    } else if left.len() < breaches.len() {
        levels.breaches.insert_mut(key, Arc::new(left));
    }
}

/// Counts a statement towards its watcher's share of the day.
fn count(state: &mut State, place: Place<'_>, watcher: &ParticipantId, operator: Option<&ParticipantId>) {
    let today = check::day(place.at);
    let key = (watcher.clone(), Share::of(state, operator));
    let used = match state.service_levels.recorded_today.get(&key) {
        Some((day, used)) if *day == today => used.saturating_add(1),
        _ => 1,
    };
    state.service_levels.recorded_today.insert_mut(key, (today, used));
}

pub(super) fn report(state: &mut State, place: Place<'_>, body: &SlaReport) {
    let Some(watcher) = place.author else { return };
    name_blob(state, &body.report);
    count(state, place, watcher, body.operator.as_ref());
    let report = LevelReport {
        index: place.index,
        recorded_at: place.at,
        to: body.to,
        policy: body.policy.clone(),
        report: body.report.clone(),
        summary: body.summary.clone(),
    };
    let key = (body.operator.clone(), body.from, watcher.clone());
    state.service_levels.reports.insert_mut(key, Arc::new(report));
}
