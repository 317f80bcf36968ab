//! `/v1/participants`: everyone who was ever registered, with present keys and, of auditors, whether their
//! reports count.

use std::ops::Bound;

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_governance::State;
use ctl_governance::state::Participant;
use serde_json::{Value, json};
use warp::reply::Response;
use warp::{Filter as _, path};

use super::api::{Routes, with};
use super::page::Page;
use super::{App, view};

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    path!("v1" / "participants")
        .and(warp::get())
        .and(warp::query::<Page<ParticipantId>>())
        .and(with(app))
        .map(|page: Page<ParticipantId>, app: App| list(&app, &page))
}

fn list(app: &App, page: &Page<ParticipantId>) -> Response {
    let (state, now) = app.view();
    let after = page.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let participants = state.participants.range::<ParticipantId, _>((after, Bound::Unbounded));
    view::json(&page.of(
        "participants",
        participants.map(|(id, participant)| (id.clone(), one(&state, participant, now))),
    ))
}

fn one(state: &State, participant: &Participant, now: Timestamp) -> Value {
    let mut value = json!({
        "id": participant.id,
        "organisation": participant.organisation,
        "name": participant.name,
        "kinds": participant.kinds,
        "key": participant.key,
        "keyid": participant.key.key_id(),
        "suspended": participant.suspended,
        "since": participant.since,
    });
    if let (Some(found), Some(members)) = (state.auditors.get(&participant.id), value.as_object_mut()) {
        let withdrawn = found.withdrawn.map(|(at, cause)| json!({ "at": at, "proposal": cause }));
        let accreditation = json!({
            "in_force": state.is_accredited(&participant.id, now),
            "since": found.since,
            "proposal": found.cause,
            "expires_at": found.expires_at,
            "withdrawn": withdrawn,
        });
        members.insert("accreditation".into(), accreditation);
    }
    value
}
