//! `/v1/registry/mo`: the MO identifiers, for readers. The signed registry is a static file.

use std::ops::Bound;

use ctl_core::names::MoId;
use ctl_governance::State;
use ctl_governance::state::MoEntry;
use ctl_serve::{Call, Page, Problem, answer};
use serde_json::{Value, json};
use warp::reply::Response;

use super::App;
use super::names::marked;

pub(super) async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let page: Page<MoId> = call.query()?;
    let (state, _) = app.view();
    let after = page.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let identifiers = state.mo_ids.range::<MoId, _>((after, Bound::Unbounded));
    let items = identifiers.map(|(id, entry)| (id.clone(), one(&state, id, entry)));
    Ok(answer::json(&page.of("identifiers", items)))
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let id = &call.part::<MoId>("id")?;
    let (state, _) = app.view();
    let entry = state.mo_ids.get(id).ok_or_else(|| Problem::not_found(format!("{id} is not assigned")))?;
    Ok(answer::json(&one(&state, id, entry)))
}

fn one(state: &State, id: &MoId, entry: &MoEntry) -> Value {
    marked(json!({
        "id": id,
        "holder": entry.holder,
        "name": state.participants.get(&entry.holder).map(|holder| &holder.name),
        "source": entry.source,
        "status": entry.status,
        "since": entry.since,
        "cause": entry.cause,
    }))
}
