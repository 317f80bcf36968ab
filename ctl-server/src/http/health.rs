//! `/readyz` and `/metrics`: for the operators of the service.

use ctl_core::Timestamp;
use ctl_governance::statement::Entry;
use ctl_serve::{Call, Problem, operation};
use serde_json::{Value, json};
use warp::reply::Response;

use super::pages::calendar;
use super::{App, lists};
use crate::ledger::{Ledger, Verification};
use crate::metrics::Facts;

/// An entry that is not served this many seconds after its recording is late.
const SERVED_WITHIN: u64 = 10;

/// Ready means: the ledger is verified at least from the snapshot of the state, statements are accepted, recorded
/// entries are served, and every part runs. An overdue list waits for people, not for this process, so it appears in
/// the body only.
pub(super) async fn ready(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let status = app.publisher.status();
    let entries = app.ledger.snapshot().size();
    let problems = problems(&app, now);
    let lists: Vec<Value> = state.charter.lists.keys().map(|id| lists::summary(&state, id, now)).collect();
    let members = json!({
        "ledger": { "entries": entries, "served": status.size, "verified": verified(&app.ledger) },
        "snapshot_expires": status.freshness_expires.map(|(snapshot, _)| snapshot),
        "timestamp_expires": status.freshness_expires.map(|(_, timestamp)| timestamp),
        "lists": lists,
    });
    Ok(operation::ready(&problems, members))
}

/// What keeps the service from being ready.
pub(super) fn problems(app: &App, now: Timestamp) -> Vec<String> {
    let status = app.publisher.status();
    let problems = app.supervisor.problem().into_iter();
    let problems = problems.chain(app.ledger.writable().err().map(|error| error.to_string()));
    problems.chain(status.problem).chain(unserved(&app.ledger, status.size, now)).collect()
}

/// How many entries are verified, from the genesis; usually all.
fn verified(ledger: &Ledger) -> u64 {
    match ledger.verification() {
        Verification::Whole => ledger.snapshot().size(),
        Verification::Running { verified, .. } | Verification::Failed { verified, .. } => verified,
    }
}

/// The problem, if recorded entries are not served in time.
fn unserved(ledger: &Ledger, served: u64, now: Timestamp) -> Option<String> {
    let first = match ledger.entry(served) {
        Ok(first) => first?,
        Err(error) => return Some(format!("entry {served} is recorded and not served: {error}")),
    };
    // An unreadable entry is late whenever it was recorded.
    let recorded_at = Entry::parse(&first).ok().map(|entry| entry.recorded_at);
    if recorded_at.is_some_and(|at| now.seconds_since(at) < SERVED_WITHIN) {
        return None;
    }
    let entries = ledger.snapshot().size();
    Some(format!(
        "the log that is served has {served} entries, {entries} are recorded: the publisher is behind"
    ))
}

pub(super) async fn metrics(app: App, _: Call) -> Result<Response, Problem> {
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
        verified: verified(&app.ledger),
        damaged: matches!(app.ledger.verification(), Verification::Failed { .. }),
    };
    let pool = app.publisher.pool().load();
    let dues = calendar::dues(&app, &state, now);
    operation::scrape(app.metrics.render(&state, &facts, &pool, &dues))
}
