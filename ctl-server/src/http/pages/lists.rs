//! The pages of a list: as it is, any version, the difference between two, who can charge where.

use ctl_core::names::{ListId, ParticipantId};
use ctl_core::paths::LIST_VERSION;
use ctl_core::role::Role;
use ctl_governance::State;
use ctl_governance::statement::{Body, Entry};
use ctl_serve::table::schema::count;
use ctl_serve::table::{optional, required};
use ctl_serve::{Call, Problem, Route};
use ctl_web::{Frame, VERSIONS_AT_ONCE, place};
use serde::Deserialize;
use warp::reply::Response;

use super::super::lists::{Versions, difference, payload};
use super::{App, html, page};

#[derive(Debug, Deserialize)]
struct Before {
    before: Option<u64>,
}

pub(super) fn routes() -> Vec<Route<App>> {
    let none = "There is no such list or version.";
    vec![
        page("/lists/{list}", show, "A list, for people.").fails(404, none),
        page("/lists/{list}/versions", versions, "The versions of a list, for people.")
            .query(optional("before", "Only older ones than this.", count()))
            .fails(404, none),
        page("/lists/{list}/versions/{version}", version, "One version of a list, for people.")
            .fails(404, none),
        page("/lists/{list}/changes", changes, "What changed between two versions of a list, for people.")
            .query(required("from", "The older version; 0 is the empty list.", count()))
            .query(required("to", "The newer version.", count()))
            .fails(404, none),
        page("/lists/{list}/reach", reach, "Which vehicles can charge at which chargers, for people.")
            .fails(404, none),
    ]
}

fn found(page: Option<String>, id: &ListId) -> Result<Response, Problem> {
    page.map(html).ok_or_else(|| Problem::not_found(format!("there is no list {id}")))
}

async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let id: ListId = call.part("list")?;
    let (state, now) = app.view();
    let here = place::list(&id);
    let site = app.publisher.site().load();
    let role = Role::List(id.clone());
    let renditions = site.renditions(&role).map(ctl_web::Rendition::described).unwrap_or_default();
    let signed_by = signed_by(&app, &state, &role)?;
    let latest = state.published.get(&role).and_then(|published| published.open.sequence);
    let before = latest.map_or(0, |latest| site.version_before(&id, latest));
    let frame = Frame { state: &state, now, here: &here };
    found(ctl_web::list(&frame, &id, &renditions, &signed_by, before), &id)
}

/// Who signed the latest version of a role: its publication says so.
pub(super) fn signed_by(app: &App, state: &State, role: &Role) -> Result<Vec<ParticipantId>, Problem> {
    let Some(published) = state.published.get(role) else { return Ok(Vec::new()) };
    let bytes = app.ledger.entry(published.index).map_err(|error| Problem::internal(&error))?;
    let entry = bytes.and_then(|bytes| Entry::parse(&bytes).ok());
    let Some(Body::PublicationRecord(record)) = entry.map(|entry| entry.statement.payload.body) else {
        return Ok(Vec::new());
    };
    let keys = record.metadata_signatures.iter().map(|signature| &signature.keyid);
    Ok(keys.filter_map(|key| Some(state.keys.get(key)?.participant.clone())).collect())
}

async fn versions(app: App, call: Call) -> Result<Response, Problem> {
    let (id, Before { before }): (ListId, Before) = (call.part("list")?, call.query()?);
    let (state, now) = app.view();
    let here = place::list(&id);
    let newest = state
        .published
        .get(&Role::List(id.clone()))
        .map_or(0, |published| published.open.sequence.unwrap_or_default());
    let end = before.unwrap_or(u64::MAX).min(newest.saturating_add(1));
    let site = app.publisher.site().load();
    // After a restart of the log numbers are left out.
    let first = end.saturating_sub(VERSIONS_AT_ONCE as u64).max(1);
    let there = (first..end).rev().filter(|number| site.get(&LIST_VERSION.of(&[&id, number])).is_some());
    let numbers: Vec<(u64, u64)> = there.map(|number| (number, site.version_before(&id, number))).collect();
    found(
        ctl_web::versions(
            &Frame { state: &state, now, here: &here },
            &id,
            &numbers,
            (first > 1).then_some(first),
        ),
        &id,
    )
}

async fn version(app: App, call: Call) -> Result<Response, Problem> {
    let (id, sequence): (ListId, u64) = (call.part("list")?, call.part("version")?);
    let (list, sha256) = payload(&app, &id, sequence).await?;
    let (state, now) = app.view();
    let here = place::list(&id);
    let before = app.publisher.site().load().version_before(&id, sequence);
    found(ctl_web::version(&Frame { state: &state, now, here: &here }, &list, &sha256, before), &id)
}

async fn changes(app: App, call: Call) -> Result<Response, Problem> {
    let (id, versions): (ListId, Versions) = (call.part("list")?, call.query()?);
    let difference = difference(&app, &id, &versions).await?;
    let json = serde_json::to_string_pretty(&difference).map_err(|error| Problem::internal(&error))?;
    let (state, now) = app.view();
    let here = place::list(&id);
    found(ctl_web::difference(&Frame { state: &state, now, here: &here }, &id, &difference, &json), &id)
}

async fn reach(app: App, call: Call) -> Result<Response, Problem> {
    let id: ListId = call.part("list")?;
    let (state, now) = app.view();
    let here = place::list(&id);
    let site = app.publisher.site().load();
    let body = site.reach(&Role::List(id.clone())).map(|body| &**body);
    found(ctl_web::reach(&Frame { state: &state, now, here: &here }, &id, body), &id)
}
