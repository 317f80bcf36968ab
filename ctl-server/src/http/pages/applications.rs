//! The pages of applications and proposals, with the texts that were written about them.

use ctl_core::Digest;
use ctl_serve::{Call, Problem, Route};
use ctl_web::said::{Text, WHOLE};
use ctl_web::{About, Frame, Wanted, place};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, chosen, html, page};
use crate::blobs::{BlobError, SALT};
use crate::http::applications;

pub(super) fn routes() -> Vec<Route<App>> {
    vec![
        page(place::APPLICATIONS, list, "Who asks for a place on a list, for people."),
        page("/applications/{application}", show, "An application, for people.")
            .fails(404, "This entry is no application."),
        page(place::PROPOSALS, proposals, "What is or was put to the vote, for people."),
        page("/proposals/{proposal}", proposal, "A vote, for people.")
            .fails(404, "This entry is no proposal."),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct Filter {
    #[serde(default)]
    list: String,
    #[serde(default)]
    stage: String,
    before: Option<u64>,
}

async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let Filter { list, stage, before } = call.query()?;
    let wanted = Wanted { list: chosen("list", list)?, stage: chosen("stage", stage)?, before };
    let (state, now) = app.view();
    Ok(html(ctl_web::applications(&Frame { state: &state, now, here: place::APPLICATIONS }, &wanted)))
}

#[derive(Debug, Default, Deserialize)]
struct Before {
    before: Option<u64>,
}

/// Runs from the queue for costly requests: see the table of routes.
async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let index: u64 = call.part("application")?;
    let Before { before } = call.query()?;
    let (state, now) = app.view();
    let none = || Problem::not_found(format!("entry {index} is no application"));
    let application = state.applications.get(&index).ok_or_else(none)?;
    let findings = application.screening.as_ref().and_then(|one| applications::full_findings(&app, one));
    let effects =
        if application.is_open() { app.effects.words(&state, application, now) } else { Vec::new() };
    let texts = |digest: &Digest, content: bool| text(&app, digest, content);
    let about = About { findings: findings.as_deref(), effects: &effects, texts: &texts, before };
    let here = place::application(index);
    let page = ctl_web::application(&Frame { state: &state, now, here: &here }, index, &about);
    Ok(html(page.ok_or_else(none)?))
}

async fn proposals(app: App, call: Call) -> Result<Response, Problem> {
    let Before { before } = call.query()?;
    let (state, now) = app.view();
    Ok(html(ctl_web::proposals(&Frame { state: &state, now, here: place::PROPOSALS }, before)))
}

/// Runs from the queue for costly requests: see the table of routes.
async fn proposal(app: App, call: Call) -> Result<Response, Problem> {
    let index: u64 = call.part("proposal")?;
    let Before { before } = call.query()?;
    let (state, now) = app.view();
    let here = place::proposal(index);
    let texts = |digest: &Digest, content: bool| text(&app, digest, content);
    let page = ctl_web::proposal(&Frame { state: &state, now, here: &here }, index, &texts, before);
    Ok(html(page.ok_or_else(|| Problem::not_found(format!("entry {index} is no proposal")))?))
}

/// What there is of a text, proven by its digest where its content is wanted; of a long one only its length.
fn text(app: &App, digest: &Digest, content: bool) -> Text {
    let length = match app.blobs.locate(digest) {
        Ok(Some((_, length))) => length.saturating_sub(SALT as u64),
        Ok(None) => return Text::Absent,
        Err(BlobError::Erased(_)) => return Text::Erased,
        Err(_) => return Text::Damaged,
    };
    if !content || length > WHOLE {
        return Text::Here(length, None);
    }
    match app.blobs.get(digest) {
        Ok(Some(blob)) => Text::Here(length, blob.get(SALT..).map(<[u8]>::to_vec)),
        Ok(None) => Text::Absent,
        Err(BlobError::Erased(_)) => Text::Erased,
        Err(_) => Text::Damaged,
    }
}
