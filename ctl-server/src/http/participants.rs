//! `/v1/participants`: everyone who was ever registered, with present keys and, for auditors, whether their reports
//! count.

use std::ops::Bound;

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_governance::State;
use ctl_governance::state::Participant;
use ctl_serve::{Call, Page, Problem, answer};
use serde_json::{Value, json};
use warp::reply::Response;

use super::App;
use super::names::marked;

pub(super) async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let page: Page<ParticipantId> = call.query()?;
    let (state, now) = app.view();
    let after = page.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let participants = state.participants.range::<ParticipantId, _>((after, Bound::Unbounded));
    Ok(answer::json(&page.of(
        "participants",
        participants.map(|(id, participant)| (id.clone(), one(&state, participant, now))),
    )))
}

fn one(state: &State, participant: &Participant, now: Timestamp) -> Value {
    let mut value = marked(json!({
        "id": participant.id,
        "organisation": participant.organisation,
        "name": participant.name,
        "kinds": participant.kinds,
        "key": participant.key,
        "keyid": participant.key.key_id(),
        "suspended": participant.suspended,
        "since": participant.since,
    }));
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
