//! `/v1/sources`: other people's lists and pools that the configuration names, what they hold and when that changed.

use ctl_core::Digest;
use ctl_serve::{Call, Page, Problem, answer};
use serde::Deserialize;
use serde_json::{Value, json};
use warp::reply::Response;

use super::App;
use crate::sources::{Named, SourceIncident, Standing};

/// Incidents on a page where the caller does not say, and at most.
const INCIDENTS: (usize, usize) = (20, 100);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Incidents before this one.
    before: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn list(app: App, _: Call) -> Result<Response, Problem> {
    let all = app.watch.sources().all();
    let all: Vec<Value> = all.iter().map(|(named, standing)| summary(named, standing)).collect();
    Ok(answer::json(&json!({ "sources": all })))
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let (named, standing) = found(&app, &call)?;
    let Query { before, limit } = call.query()?;
    let limit = limit.unwrap_or(INCIDENTS.0).clamp(1, INCIDENTS.1);
    let aggregator = app.watch.aggregator().clone();
    let name = named.name.clone();
    let read = answer::blocking(move || aggregator.store().source_incidents(&name, before, limit)).await?;
    let incidents = read.map_err(|error| Problem::internal(&error))?;
    let incidents: Vec<Value> = incidents.iter().map(|(number, one)| incident(*number, one)).collect();
    let mut value = summary(&named, &standing);
    if let Some(members) = value.as_object_mut() {
        members.insert("incidents".into(), incidents.into());
    }
    Ok(answer::json(&value))
}

pub(super) async fn roots(app: App, call: Call) -> Result<Response, Problem> {
    let (_, standing) = found(&app, &call)?;
    let page: Page<Digest> = call.query()?;
    let held = standing.contents.iter().flat_map(|held| &held.roots);
    let items = held.filter(|(fingerprint, _)| page.after.is_none_or(|after| **fingerprint > after));
    let items = items.map(|(fingerprint, root)| {
        let value = json!({
            "fingerprint": fingerprint, "subject": root.subject, "said": root.said,
        });
        (*fingerprint, value)
    });
    Ok(answer::json(&page.of("roots", items)))
}

pub(super) fn found(app: &App, call: &Call) -> Result<(Named, std::sync::Arc<Standing>), Problem> {
    let name: String = call.part("source")?;
    let found = app.watch.sources().get(&name);
    found.ok_or_else(|| Problem::not_found("the configuration of this watch names no such source"))
}

fn summary(named: &Named, standing: &Standing) -> Value {
    let held = standing.contents.as_ref();
    json!({
        "source": named.name,
        "place": named.place,
        "last_try_at": standing.last_try_at,
        "last_read_at": standing.last_read_at,
        "last_moved_at": standing.last_moved_at,
        "sequence": held.and_then(|held| held.sequence),
        "not_after": held.and_then(|held| held.not_after),
        "roots": held.map(|held| held.roots.len()),
        "unreadable": held.map(|held| held.unreadable),
        "appeared": standing.appeared,
        "vanished": standing.vanished,
        "changed": standing.changed,
        "open": standing.open.as_ref().map(|(number, open)| incident(*number, open)),
    })
}

fn incident(number: u64, incident: &SourceIncident) -> Value {
    let mut value = json!(incident);
    if let Some(members) = value.as_object_mut() {
        members.insert("incident".into(), number.into());
    }
    value
}
