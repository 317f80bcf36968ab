//! Closes applications, and everything that a suspended participant leaves open.

use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;

use crate::application::Stage;
use crate::apply::service_levels;
use crate::cross::CrossCertification;
use crate::decide::decide;
use crate::rules::Rules;
use crate::state::State;

/// Ends an open application, and the vote on it.
pub(super) fn application(
    rules: &Rules,
    state: &mut State,
    index: u64,
    stage: Stage,
    at: Timestamp,
    cause: u64,
) {
    let Some(found) = state.applications.get_mut(&index).filter(|found| found.is_open()) else { return };
    let proposal = found.proposal;
    Arc::make_mut(found).ended = Some((stage, at, cause));
    if let Some(proposal) = proposal {
        decide(rules, state, proposal, at);
    }
}

/// Closes what a participant that may no longer sign has open: its claims as a watcher, its applications, and the
/// requests for cross-certificates that it made or would have to answer. What it did as an elector or officer stands;
/// others decide about that.
pub(super) fn of_suspended(
    rules: &Rules,
    state: &mut State,
    participant: &ParticipantId,
    at: Timestamp,
    cause: u64,
) {
    service_levels::lapse(state, participant, at, cause);
    if !rules.suspension_closes {
        return;
    }
    let open = state.applications.values().filter(|found| found.is_open() && found.applicant == *participant);
    for index in open.map(|found| found.index).collect::<Vec<_>>() {
        application(rules, state, index, Stage::Withdrawn, at, cause);
    }
    for index in &state.cross_open.clone() {
        let Some(request) = state.cross_requests.get(index) else { continue };
        if request.requester == *participant || request.issuer == *participant {
            let closed =
                CrossCertification { closed: Some((at, cause)), ..CrossCertification::clone(request) };
            state.cross_requests.insert_mut(*index, Arc::new(closed));
            state.cross_open.remove_mut(index);
        }
    }
}
