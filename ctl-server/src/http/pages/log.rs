//! The pages of the log, and of what the governance body promises.

use ctl_core::paths;
use ctl_governance::promises::promises;
use ctl_governance::statement::Entry;
use ctl_serve::{Call, Cost, Problem, Route};
use ctl_web::{ENTRIES_AT_ONCE, Frame, Proof, place};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, HTML, html};

pub(super) fn routes() -> Vec<Route<App>> {
    vec![
        Route::get(place::LOG, log, "The log's newest entries, for people.")
            .costs(Cost::Much)
            .costs(Cost::Much)
            .answers(200, HTML, "The page."),
        Route::get("/log/{entry}", entry, "An entry of the log with its proof, for people.")
            .costs(Cost::Much)
            .answers(200, HTML, "The page.")
            .fails(404, "The log has no such entry."),
        Route::get(place::PROMISES, kept, "How long applicants were kept waiting, for people.")
            .costs(Cost::Much)
            .answers(200, HTML, "The page."),
    ]
}

#[derive(Debug, Deserialize)]
struct Before {
    before: Option<u64>,
}

/// Runs from the queue for costly requests: see the table of routes.
async fn log(app: App, call: Call) -> Result<Response, Problem> {
    let Before { before } = call.query()?;
    let (state, now) = app.view();
    let end = before.unwrap_or(u64::MAX).min(state.size());
    let indices = (end.saturating_sub(ENTRIES_AT_ONCE)..end).rev();
    let entries: Vec<(u64, Option<Entry>)> = indices.map(|index| (index, app.read(index))).collect();
    let (site, snapshot) = (app.publisher.site().load(), app.ledger.snapshot());
    // The one that is served has the witnesses' signatures.
    let served = site.file(paths::CHECKPOINT.plain()).and_then(|file| file.identity());
    let checkpoint = served.map_or(&*snapshot.checkpoint, |bytes| bytes);
    Ok(html(ctl_web::log(&Frame { state: &state, now, here: place::LOG }, &entries, checkpoint)))
}

/// Runs from the queue for costly requests: see the table of routes.
async fn entry(app: App, call: Call) -> Result<Response, Problem> {
    let index: u64 = call.part("entry")?;
    let (state, now) = app.view();
    let snapshot = app.ledger.snapshot();
    let bytes = app.ledger.entry(index).map_err(|error| Problem::internal(&error))?;
    let bytes = bytes.ok_or_else(|| Problem::not_found(format!("the log has no entry {index}")))?;
    let entry = Entry::parse(&bytes).map_err(|error| Problem::internal(&error))?;
    let path = snapshot.log.inclusion_proof(index).map_err(|error| Problem::internal(&error))?;
    let proof = Proof { size: snapshot.size(), root: snapshot.state.root(), path };
    let here = place::entry(index);
    Ok(html(ctl_web::entry(&Frame { state: &state, now, here: &here }, index, &entry, &proof)))
}

/// Runs from the queue for costly requests: see the table of routes.
async fn kept(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let frame = Frame { state: &state, now, here: place::PROMISES };
    Ok(html(ctl_web::promises(&frame, &promises(&state, now))))
}
