//! `/v1/lists`: the published lists, for readers. Devices use the signed renditions.

use ctl_core::list::ListPayload;
use ctl_core::list::difference::Difference;
use ctl_core::names::ListId;
use ctl_core::paths::LIST_VERSION;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::state::{Anchor, CrossCertificate, Listed, Notice};
use ctl_governance::view::END_NOTICES;
use ctl_serve::{Call, Problem, answer};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::App;
use super::names::marked;
use crate::publish::prepared::Content;
use crate::publish::site::Found;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Versions {
    from: u64,
    to: u64,
}

pub(super) async fn list(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let lists: Vec<Value> = state.charter.lists.keys().map(|id| summary(&state, id, now)).collect();
    Ok(answer::json(&json!({
        "scheme": state.scheme,
        "environment": state.environment,
        "lists": lists,
    })))
}

/// A list in a few lines.
pub(super) fn summary(state: &State, id: &ListId, now: Timestamp) -> Value {
    let role = Role::List(id.clone());
    let published = state.published.get(&role);
    let counts: Map<String, Value> = state
        .anchors_by_status(id)
        .into_iter()
        .map(|(status, count)| (status.as_str().to_owned(), count.into()))
        .collect();
    // What leaves the list by itself within two years: a new root can still reach the vehicles in that time.
    let [two_years, _] = END_NOTICES;
    let ending: Vec<Value> = state
        .ending(now, two_years)
        .into_iter()
        .filter(|(list, _)| *list == id)
        .map(|(_, listed)| json!({ "fingerprint": listed.fingerprint, "not_after": listed.not_after }))
        .collect();
    json!({
        "list": id,
        "name": state.charter.lists.get(id).map(|list| &list.name),
        "sequence": published.map(|published| published.open.sequence),
        "sha256": published.map(|published| published.document),
        "issued_at": published.map(|published| published.open.issued_at),
        "published_at": published.map(|published| published.at),
        "next_update": published.map(|published| published.open.expires),
        "overdue": published.is_some_and(|published| published.open.expires < now),
        "draft": state.drafts.get(&role).map(|draft| draft.index),
        "anchors": counts,
        "ending": ending,
    })
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let id = &call.part::<ListId>("list")?;
    let (state, now) = app.view();
    let contents = state.lists.get(id).filter(|_| state.charter.lists.contains_key(id));
    let contents = contents.ok_or_else(|| Problem::not_found(format!("there is no list {id}")))?;
    let anchors: Vec<Value> = contents.anchors.values().map(|one| anchor(&state, now, id, one)).collect();
    let cross: Vec<Value> =
        contents.cross_certificates.values().map(|one| cross(&state, now, id, one)).collect();
    let distrusted: Vec<Value> = contents
        .distrusted
        .iter()
        .map(|(what, proposal)| json!({ "kind": what.kind, "sha256": what.sha256, "decision": proposal }))
        .collect();
    let notices: Vec<Value> = state.notices_in_force(id).map(notice).collect();
    let mut value = summary(&state, id, now);
    let site = app.publisher.site().load();
    if let Some(members) = value.as_object_mut() {
        members.insert("renditions".into(), json!(site.renditions(&Role::List(id.clone()))));
        members.insert("policy".into(), json!(state.charter.lists.get(id).map(|list| &list.policy)));
        members.insert("anchors".into(), anchors.into());
        members.insert("cross_certificates".into(), cross.into());
        members.insert("distrusted".into(), distrusted.into());
        members.insert("notices".into(), notices.into());
    }
    Ok(answer::json(&value))
}

/// An anchor of a list, whatever its status, with its events.
pub(super) fn anchor(state: &State, now: Timestamp, list: &ListId, anchor: &Anchor) -> Value {
    let mut value = listed(state, now, list, &anchor.listed);
    if let Some(members) = value.as_object_mut() {
        members.insert("uses".into(), json!(anchor.uses));
        members.insert("constraints".into(), json!(anchor.constraints));
        members.insert("services".into(), json!(anchor.services));
    }
    value
}

/// A cross-certificate of a list, whatever its status, with its events.
pub(super) fn cross(state: &State, now: Timestamp, list: &ListId, cross: &CrossCertificate) -> Value {
    let mut value = listed(state, now, list, &cross.listed);
    if let Some(members) = value.as_object_mut() {
        members.insert("issuer".into(), json!(cross.issuer));
        members.insert("subject".into(), json!(cross.subject));
    }
    value
}

fn listed(state: &State, now: Timestamp, list: &ListId, listed: &Listed) -> Value {
    let effective = state.effective_status(listed);
    let history: Vec<Value> = listed
        .history
        .iter()
        .map(|change| json!({ "status": change.status, "at": change.at, "cause": change.cause }))
        .collect();
    marked(json!({
        "fingerprint": listed.fingerprint,
        "spki_sha256": listed.spki,
        "operator": listed.operator,
        "name": listed.name,
        "status": effective.status,
        "since": effective.at,
        "cause": effective.cause,
        // Whatever its status: not if it or its key is distrusted, a condition has ended, or a root that it connects fell.
        "trusted": state.is_trusted_at(list, listed, now),
        "not_after": listed.not_after,
        "history": history,
        "first_published": listed.first_published.map(|(index, at)| json!({ "entry": index, "at": at })),
    }))
}

fn notice(notice: &Notice) -> Value {
    json!({
        "notice": notice.index,
        "anchor": notice.anchor,
        "reason": notice.reason,
        "issued_at": notice.issued_at,
        "expires_at": notice.expires_at,
    })
}

pub(super) async fn diff(app: App, call: Call) -> Result<Response, Problem> {
    let (id, versions): (ListId, Versions) = (call.part("list")?, call.query()?);
    let difference = difference(&app, &id, &versions).await?;
    let difference = serde_json::to_value(difference).map_err(|error| Problem::internal(&error))?;
    // Neither version will ever change.
    Ok(answer::json_with_caching(&difference, "public, max-age=86400"))
}

/// What changed between two published versions.
pub(super) async fn difference(app: &App, id: &ListId, versions: &Versions) -> Result<Difference, Problem> {
    let older = if versions.from == 0 { None } else { Some(payload(app, id, versions.from).await?.0) };
    let (newer, _) = payload(app, id, versions.to).await?;
    Ok(Difference::between(older.as_ref(), &newer))
}

/// A published version, and the SHA-256 of its bytes.
pub(super) async fn payload(app: &App, id: &ListId, sequence: u64) -> Result<(ListPayload, Digest), Problem> {
    let absent = || Problem::not_found(format!("there is no version {sequence} of list {id}"));
    let found = app.publisher.site().load().get(&LIST_VERSION.of(&[id, &sequence]));
    let Some(Found::File(file)) = found else { return Err(absent()) };
    let bytes = match &file.content {
        Content::Memory { identity, .. } => identity.bytes.clone(),
        Content::Disk { path, .. } => {
            tokio::fs::read(path).await.map_err(|error| Problem::internal(&error))?.into()
        }
    };
    let read = ListPayload::read(&bytes).map_err(|error| Problem::internal(&error))?;
    Ok((read, Digest::of(&bytes)))
}
