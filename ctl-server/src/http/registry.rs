//! `/v1/registry/mo`: the MO identifiers, for readers. The signed registry is a static file.

use std::ops::Bound;

use ctl_core::names::MoId;
use ctl_governance::State;
use ctl_governance::state::MoEntry;
use serde_json::{Value, json};
use warp::reply::Response;
use warp::{Filter as _, path};

use super::api::{Routes, answer, with};
use super::page::Page;
use super::problem::Problem;
use super::{App, view};

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    let all = path!("v1" / "registry" / "mo")
        .and(warp::get())
        .and(warp::query::<Page<MoId>>())
        .and(with(app))
        .map(|page: Page<MoId>, app: App| list(&app, &page));
    let one = path!("v1" / "registry" / "mo" / MoId)
        .and(warp::get())
        .and(with(app))
        .map(|id: MoId, app: App| answer(show(&app, &id)));
    all.or(one).unify()
}

fn list(app: &App, page: &Page<MoId>) -> Response {
    let (state, _) = app.view();
    let after = page.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let identifiers = state.mo_ids.range::<MoId, _>((after, Bound::Unbounded));
    view::json(&page.of("identifiers", identifiers.map(|(id, entry)| (id.clone(), one(&state, id, entry)))))
}

fn show(app: &App, id: &MoId) -> Result<Response, Problem> {
    let (state, _) = app.view();
    let entry = state.mo_ids.get(id).ok_or_else(|| Problem::not_found(format!("{id} is not assigned")))?;
    Ok(view::json(&one(&state, id, entry)))
}

fn one(state: &State, id: &MoId, entry: &MoEntry) -> Value {
    json!({
        "id": id,
        "holder": entry.holder,
        "name": state.participants.get(&entry.holder).map(|holder| &holder.name),
        "source": entry.source,
        "status": entry.status,
        "since": entry.since,
        "cause": entry.cause,
    })
}
