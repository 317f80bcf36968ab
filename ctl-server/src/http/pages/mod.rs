//! The portal: pages for people, from the state as it is now. What programs read stands beside this under `/v1`.

mod applications;
pub(super) mod calendar;
mod check;
mod lists;
mod log;
pub(super) mod news;
mod people;

use ctl_core::Digest;
use ctl_core::role::Role;
use ctl_serve::{Call, Cost, Problem, Route, answer};
use ctl_web::{Frame, Health, SignedBy, asset, changes, place};
use serde::de::DeserializeOwned;
use warp::reply::Response;

use super::{App, health};

/// The media type of pages, as the table of routes names it.
const HTML: &[&str] = &["text/html; charset=utf-8"];
/// Assets have addresses that change with their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// So many changes are told on the overview.
const LATELY: usize = 12;

/// Every page.
pub(super) fn routes() -> Vec<Route<App>> {
    let mut routes = vec![
        page(place::OVERVIEW, overview, "The portal: how the lists stand, and what goes on."),
        page("/certificates/{fingerprint}", certificate, "A certificate that a list knows, for people.")
            .fails(404, "No list knows it."),
        Route::get("/assets/{file}", asset, "Style and icon of the pages.")
            .answers(200, &["text/css; charset=utf-8", "image/svg+xml"], "The asset.")
            .fails(404, "There is no such asset."),
    ];
    routes.extend(check::routes());
    routes.extend(lists::routes());
    routes.extend(applications::routes());
    routes.extend(people::routes());
    routes.extend(log::routes());
    routes.extend(news::routes());
    routes.extend(calendar::routes());
    routes
}

/// The route of a page: from the queue for costly requests, because a page looks at much.
fn page<F>(
    pattern: &'static str,
    handler: impl Fn(App, Call) -> F + Send + Sync + 'static,
    summary: &'static str,
) -> Route<App>
where
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    Route::get(pattern, handler, summary).costs(Cost::Much).answers(200, HTML, "The page.")
}

/// A page, which may show itself and send its forms back here.
fn html(page: String) -> Response {
    answer::page(page, asset::CONTENT_SECURITY_POLICY)
}

/// What was chosen in a form; none if nothing was.
fn chosen<T: DeserializeOwned>(what: &str, text: String) -> Result<Option<T>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_value(serde_json::Value::String(text));
    read.map(Some).map_err(|error| Problem::malformed(format!("{what}: {error}")))
}

/// The page that tells a person of a problem.
pub(super) fn problem(app: &App, path: &str, problem: &Problem) -> Response {
    let (state, now) = app.view();
    let title = problem.status.canonical_reason().unwrap_or("Error");
    html(Frame { state: &state, now, here: path }.refusal(title, &problem.detail))
}

async fn overview(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let status = app.publisher.status();
    let health = Health {
        checkpoint: (status.size > 0).then_some((status.size, status.checkpoint_at)),
        fresh_until: status.freshness_expires.map(|(snapshot, timestamp)| snapshot.min(timestamp)),
        problems: health::problems(&app, now),
    };
    let lately = changes::latest(&state, &app.publications(), LATELY);
    let signed_by = state.charter.lists.keys().map(|id| {
        let signers = lists::signed_by(&app, &state, &Role::List(id.clone()))?;
        Ok((id.clone(), signers))
    });
    let signed_by = signed_by.collect::<Result<SignedBy, Problem>>()?;
    let frame = Frame { state: &state, now, here: place::OVERVIEW };
    Ok(html(ctl_web::overview(&frame, &health, &lately, &signed_by)))
}

async fn certificate(app: App, call: Call) -> Result<Response, Problem> {
    let fingerprint: Digest = call.part("fingerprint")?;
    let (state, now) = app.view();
    let here = place::certificate(&fingerprint);
    let page = ctl_web::certificate(&Frame { state: &state, now, here: &here }, &fingerprint);
    let page = page.ok_or_else(|| {
        Problem::not_found(format!("no list knows a certificate with fingerprint {fingerprint}"))
    })?;
    Ok(html(page))
}

async fn asset(_: App, call: Call) -> Result<Response, Problem> {
    let file: String = call.part("file")?;
    let (media_type, text) =
        asset::asset(&file).ok_or_else(|| Problem::not_found("there is no such asset"))?;
    Ok(answer::bytes(text, media_type, FOR_EVER))
}
