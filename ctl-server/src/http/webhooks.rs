//! The pool's webhook endpoints: for clients with the right to them, forwarded to `ctl-webhooks`.

use ctl_serve::{Call, Problem, Route, answer};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::App;
use super::access::{permit, refusal};
use crate::access::Right;
use crate::pool::error;

/// The largest body of a request, in bytes; the other process takes no larger one.
const MAX_BODY: usize = 16 * 1024;
const JSON: &[&str] = &["application/json"];
const PLAIN: &[&str] = &["text/plain; charset=utf-8"];
const REFUSED: &[&str] = &["application/json", "text/plain; charset=utf-8"];

/// Where a protocol has its endpoints, one of them, and what was delivered to it.
type Paths = [&'static str; 3];

const OPCP: Paths = [
    "/v1/webhook/endpoints",
    "/v1/webhook/endpoints/{endpoint}",
    "/v1/webhook/endpoints/{endpoint}/deliveries",
];
const OPNC: Paths = [
    "/opnc/v1/event/endpoints",
    "/opnc/v1/event/endpoints/{endpoint}",
    "/opnc/v1/event/endpoints/{endpoint}/deliveries",
];

/// All paths.
pub(super) fn routes() -> Vec<Route<App>> {
    [OPCP, OPNC].into_iter().flat_map(of).collect()
}

fn of([all, one, deliveries]: Paths) -> Vec<Route<App>> {
    let to = |method: Method, pattern: &'static str| {
        move |app: App, call: Call| forward(app, call, method.clone(), pattern)
    };
    let (none, wrong) = ("The client has no such endpoint.", "`errorMessages` says what is wrong.");
    let get = |pattern: &'static str, summary| Route::get(pattern, to(Method::GET, pattern), summary);
    let and = |route: Route<App>, method: Method, pattern, summary| {
        guarded(route).and(method.clone(), to(method, pattern), summary)
    };
    let listed = get(all, "The webhook endpoints of the client that asks.").answers(
        200,
        JSON,
        "Without their secrets.",
    );
    let made = and(listed, Method::POST, all, "Registers a webhook endpoint.")
        .takes("application/json", MAX_BODY, "`url` and `enabledEvents`.")
        .answers(201, JSON, "With its secret, which is not shown again.")
        .answers(400, JSON, wrong);
    let shown =
        get(one, "One webhook endpoint.").answers(200, JSON, "Without its secret.").answers(404, JSON, none);
    let changed = and(shown, Method::PUT, one, "Changes a webhook endpoint.")
        .takes("application/json", MAX_BODY, "`url`; what is left out stays.")
        .answers(200, JSON, "The endpoint.")
        .answers(400, JSON, wrong)
        .answers(404, JSON, none);
    let removed = and(changed, Method::DELETE, one, "Removes a webhook endpoint.")
        .answers(200, JSON, "It is gone.")
        .answers(404, JSON, none);
    let told = get(deliveries, "What was delivered to a webhook endpoint.")
        .answers(200, JSON, "Newest first, and what waits.")
        .answers(404, JSON, none);
    [made, removed, told].map(guarded).into()
}

async fn forward(app: App, call: Call, method: Method, pattern: &'static str) -> Result<Response, Problem> {
    let client = match permit(&app, &call, Right::Webhooks)? {
        Ok(Some(client)) => client,
        // Endpoints are somebody's.
        Ok(None) => return Ok(told(StatusCode::FORBIDDEN, "webhooks are for clients that are known")),
        Err(denied) => return Ok(refusal(denied)),
    };
    let Some(forward) = &app.webhooks else {
        return Ok(told(StatusCode::NOT_FOUND, "this service has no webhooks"));
    };
    let Some(path) = path(pattern, &call) else {
        return Ok(told(StatusCode::NOT_FOUND, "Webhook endpoint with the given ID is not found"));
    };
    let body = (method == Method::POST || method == Method::PUT).then(|| call.body().clone());
    match forward.ask(&client, method, &path, body).await {
        Ok(forwarded) => {
            let status = StatusCode::from_u16(forwarded.status).unwrap_or(StatusCode::BAD_GATEWAY);
            let response = answer::bytes(forwarded.body, "application/json", "private, no-store");
            Ok(answer::with_status(response, status))
        }
        Err(why) => {
            tracing::error!(why, "the webhooks process could not be asked");
            Ok(told(StatusCode::BAD_GATEWAY, "webhooks cannot be reached now: try again in a minute"))
        }
    }
}

/// The path with the endpoint's id, which is letters and digits and nothing that could lead elsewhere.
fn path(pattern: &str, call: &Call) -> Option<String> {
    let Some((before, after)) = pattern.split_once("{endpoint}") else { return Some(pattern.to_owned()) };
    let id: String = call.part("endpoint").ok()?;
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then(|| format!("{before}{id}{after}"))
}

/// An error in the words of pools.
fn told(status: StatusCode, message: &'static str) -> Response {
    error::response(Problem::new(status, "webhooks", message))
}

/// What the guard says of the operation that was named last.
fn guarded(route: Route<App>) -> Route<App> {
    route.answers(401, PLAIN, "No good credential was shown.").answers(
        403,
        REFUSED,
        "The client may not do that.",
    )
}
