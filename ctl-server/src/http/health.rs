//! `/healthz`, `/readyz`, `/metrics`: for those who run the service.

use ctl_core::Timestamp;
use ctl_governance::statement::Entry;
use serde_json::{Value, json};
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;
use warp::{Filter as _, path};

use super::api::{Routes, answer, with};
use super::problem::Problem;
use super::{App, lists, view};
use crate::ledger::Ledger;
use crate::metrics::{CONTENT_TYPE, Facts};
use crate::monitor::Monitor;

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    let alive = path!("healthz").and(warp::get()).map(|| view::json(&json!({ "status": "alive" })));
    let ready = path!("readyz").and(warp::get()).and(with(app)).map(|app: App| ready(&app));
    let metrics = path!("metrics").and(warp::get()).and(with(app)).map(|app: App| answer(metrics(&app)));
    alive.or(ready).unify().or(metrics).unify()
}

/// An entry is served within seconds of its recording; after so many it is late.
const SERVED_WITHIN: u64 = 10;

/// Ready means: the ledger is verified, statements are accepted, what is recorded is served, and every part runs. An
/// overdue list waits for people, not for this process, and stands in the body only.
fn ready(app: &App) -> Response {
    let (state, now) = app.view();
    let status = app.publisher.status();
    let entries = app.ledger.snapshot().size();
    let problems = app.supervisor.problem().into_iter();
    let problems = problems.chain(app.ledger.writable().err().map(|error| error.to_string()));
    let problems = problems.chain(status.problem).chain(unserved(&app.ledger, status.size, now));
    let problems: Vec<String> = problems.collect();
    let lists: Vec<Value> = state.charter.lists.keys().map(|id| lists::summary(&state, id, now)).collect();
    let mut response = view::json(&json!({
        "status": if problems.is_empty() { "ready" } else { "not-ready" },
        "problems": problems,
        "ledger": { "entries": entries, "served": status.size },
        "snapshot_expires": status.freshness_expires.map(|(snapshot, _)| snapshot),
        "timestamp_expires": status.freshness_expires.map(|(_, timestamp)| timestamp),
        "lists": lists,
    }));
    if !problems.is_empty() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// What is said of entries that are recorded and, after a while, not served.
fn unserved(ledger: &Ledger, served: u64, now: Timestamp) -> Option<String> {
    let first = match ledger.entry(served) {
        Ok(first) => first?,
        Err(error) => return Some(format!("entry {served} is recorded and not served: {error}")),
    };
    // What cannot be read is late whenever it was recorded.
    let recorded_at = Entry::parse(&first).ok().map(|entry| entry.recorded_at);
    if recorded_at.is_some_and(|at| now.seconds_since(at) < SERVED_WITHIN) {
        return None;
    }
    let entries = ledger.snapshot().size();
    Some(format!(
        "the log that is served has {served} entries, {entries} are recorded: the publisher is behind"
    ))
}

fn metrics(app: &App) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let status = app.publisher.status();
    let facts = Facts {
        now,
        checkpoint_at: status.checkpoint_at,
        checkpoint_entries: status.size,
        freshness_expires: status.freshness_expires,
        freshness_signed: status.freshness_signed,
        writable: app.ledger.writable().is_ok(),
        went_back: app.ledger.went_back().is_some(),
    };
    let gathered = app.monitor.as_ref().map(Monitor::gathered);
    let readings = gathered.as_ref().map(ctl_watch::metrics::Gathered::readings);
    let text =
        app.metrics.render(&state, &facts, readings.as_ref()).map_err(|error| Problem::internal(&error))?;
    let mut response = Response::new(bytes::Bytes::from(text).into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
