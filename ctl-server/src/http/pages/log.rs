//! The pages of the log, and of what the governance body promises.

use ctl_core::log::{LogProof, Note};
use ctl_core::paths;
use ctl_governance::promises::promises;
use ctl_governance::statement::Entry;
use ctl_serve::{Call, Cost, Problem, Route, answer};
use ctl_web::{ENTRIES_AT_ONCE, Frame, Proof, place};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, html, page};

pub(super) fn routes() -> Vec<Route<App>> {
    vec![
        page(place::LOG, log, "The log's newest entries, for people."),
        page("/log/{entry}", entry, "An entry of the log with its proof, for people.")
            .fails(404, "The log has no such entry."),
        Route::get(
            "/log/{entry}/tlog-proof",
            file,
            "The proof that an entry is in the log (C2SP tlog-proof).",
        )
        .costs(Cost::Much)
        .answers(200, &["text/plain; charset=utf-8"], "The proof, with the entry in it.")
        .fails(404, "The log has no such entry, or no signed checkpoint covers it yet."),
        page(place::PROMISES, kept, "How long applicants were kept waiting, for people."),
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
    Ok(html(ctl_web::log(&Frame { state: &state, now, here: place::LOG }, &entries, &app.checkpoint())))
}

/// Runs from the queue for costly requests: see the table of routes.
async fn entry(app: App, call: Call) -> Result<Response, Problem> {
    let index: u64 = call.part("entry")?;
    let (state, now) = app.view();
    let (_, entry) = bytes(&app, index)?;
    let proven = proven(&app, index)?.map(|(_, proof)| proof);
    let here = place::entry(index);
    Ok(html(ctl_web::entry(&Frame { state: &state, now, here: &here }, index, &entry, proven.as_ref())))
}

/// Runs from the queue for costly requests: see the table of routes.
async fn file(app: App, call: Call) -> Result<Response, Problem> {
    let index: u64 = call.part("entry")?;
    let (bytes, _) = bytes(&app, index)?;
    let proven = proven(&app, index)?;
    let (checkpoint, proof) = proven.ok_or_else(|| {
        Problem::not_found(format!("no signed checkpoint covers entry {index} yet: ask again in a minute"))
    })?;
    let proof = LogProof { extra: Some(bytes), index, hashes: proof.path, checkpoint };
    Ok(answer::as_attachment(answer::bytes(proof.encode(), "text/plain; charset=utf-8", "no-cache")))
}

/// The bytes of an entry, and what they say.
fn bytes(app: &App, index: u64) -> Result<(Vec<u8>, Entry), Problem> {
    let bytes = app.ledger.entry(index).map_err(|error| Problem::internal(&error))?;
    let bytes = bytes.ok_or_else(|| Problem::not_found(format!("the log has no entry {index}")))?;
    let entry = Entry::parse(&bytes).map_err(|error| Problem::internal(&error))?;
    Ok((bytes, entry))
}

/// That an entry is in the log of the checkpoint that is served; none if that does not cover it yet.
fn proven(app: &App, index: u64) -> Result<Option<(Note, Proof)>, Problem> {
    let snapshot = app.ledger.snapshot();
    let Some((note, checkpoint)) = ctl_web::verified(&snapshot.state, &app.checkpoint()) else {
        return Ok(None);
    };
    if index >= checkpoint.size {
        return Ok(None);
    }
    let path = snapshot.log.inclusion_proof_at(index, checkpoint.size);
    let path = path.map_err(|error| Problem::internal(&error))?;
    Ok(Some((note, Proof { checkpoint, path })))
}

impl App {
    /// The checkpoint that is served: it has the witnesses' signatures.
    fn checkpoint(&self) -> Vec<u8> {
        let site = self.publisher.site().load();
        let served =
            site.file(paths::CHECKPOINT.plain()).and_then(|file| file.identity()).map(|bytes| bytes.to_vec());
        served.unwrap_or_else(|| self.ledger.snapshot().checkpoint.to_vec())
    }
}

/// Runs from the queue for costly requests: see the table of routes.
async fn kept(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let frame = Frame { state: &state, now, here: place::PROMISES };
    Ok(html(ctl_web::promises(&frame, &promises(&state, now))))
}
