//! Endpoints: created, read, changed and removed by the client whose they are; and what was delivered to them.

use ctl_core::Timestamp;
use ctl_formats::PoolForm;
use ctl_serve::{Call, Problem, answer};
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::App;
use super::caller::caller;
use super::refusal::Refusal;
use crate::endpoint::{Asked, Endpoint, Settings};
use crate::retry;
use crate::store::{Logged, Refused, StoreError};

/// The largest body of a request, in bytes.
pub(super) const MAX_BODY: usize = 16 * 1024;
/// Bytes of a secret, and of an id.
const SECRET: usize = 32;
const ID: usize = 16;

type Answer = Result<Response, Problem>;

/// The answer, or the refusal in the pool's form.
fn told(answer: Result<Response, Refusal>) -> Answer {
    Ok(answer.unwrap_or_else(Refusal::into_response))
}

fn shown(value: &Value) -> Response {
    answer::json_with_caching(value, "no-store")
}

fn missing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Webhook endpoint with the given ID is not found")
}

fn asked(call: &Call) -> Result<Asked, Refusal> {
    serde_json::from_slice(call.body()).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("the body is no endpoint in JSON: {error}"))
    })
}

fn wrong(messages: Vec<String>) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, messages }
}

fn id(call: &Call) -> Result<String, Refusal> {
    call.part("id").map_err(|_| missing())
}

fn random<const N: usize>() -> Result<String, Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::internal(&error))?;
    Ok(hex::encode(bytes))
}

/// Works with the store on a thread for that.
async fn stored<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&App) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    let app = app.clone();
    match tokio::task::spawn_blocking(move || work(&app)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Refusal::internal(&error)),
        Err(error) => Err(Refusal::internal(&error)),
    }
}

/// The endpoint that the path names, if it is the caller's.
async fn own(app: &App, form: PoolForm, call: &Call) -> Result<Endpoint, Refusal> {
    let (client, id) = (caller(app, call)?, id(call)?);
    let found = stored(app, move |app| app.store.endpoint(&client, form, &id)).await?;
    found.ok_or_else(missing)
}

pub(super) async fn create(app: App, form: PoolForm, call: Call) -> Answer {
    told(created(&app, form, &call).await)
}

async fn created(app: &App, form: PoolForm, call: &Call) -> Result<Response, Refusal> {
    let client = caller(app, call)?;
    let settings = Settings::of(asked(call)?, None, &app.places).map_err(wrong)?;
    let endpoint = Endpoint {
        id: random::<ID>()?,
        client,
        form,
        created: app.clock.now(),
        secret: random::<SECRET>()?,
        settings,
    };
    let answer = endpoint.answer(true);
    let (per_client, all) = (app.rules.endpoints_per_client, app.rules.endpoints);
    let added = stored(app, move |app| app.store.add(&endpoint, per_client, all)).await?;
    added.map_err(|refused| match refused {
        Refused::OfClient => Refusal::new(
            StatusCode::FORBIDDEN,
            format!("a client may have {per_client} endpoints: delete one first"),
        ),
        Refused::OfAll => {
            tracing::error!(all, "there can be no more endpoints: raise [webhooks] endpoints");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "there is no room for more endpoints now")
        }
    })?;
    Ok(answer::with_status(shown(&answer), StatusCode::CREATED))
}

pub(super) async fn list(app: App, form: PoolForm, call: Call) -> Answer {
    told(listed(&app, form, &call).await)
}

async fn listed(app: &App, form: PoolForm, call: &Call) -> Result<Response, Refusal> {
    let client = caller(app, call)?;
    let endpoints = stored(app, move |app| app.store.endpoints(&client, form)).await?;
    Ok(shown(&endpoints.iter().map(|endpoint| endpoint.answer(false)).collect()))
}

pub(super) async fn show(app: App, form: PoolForm, call: Call) -> Answer {
    told(own(&app, form, &call).await.map(|endpoint| shown(&endpoint.answer(false))))
}

pub(super) async fn change(app: App, form: PoolForm, call: Call) -> Answer {
    told(changed(&app, form, &call).await)
}

async fn changed(app: &App, form: PoolForm, call: &Call) -> Result<Response, Refusal> {
    let mut endpoint = own(app, form, call).await?;
    endpoint.settings = Settings::of(asked(call)?, Some(endpoint.settings), &app.places).map_err(wrong)?;
    let answer = endpoint.answer(false);
    stored(app, move |app| app.store.change(&endpoint.id, &endpoint.settings)).await?;
    Ok(shown(&answer))
}

pub(super) async fn remove(app: App, form: PoolForm, call: Call) -> Answer {
    told(removed(&app, form, &call).await)
}

async fn removed(app: &App, form: PoolForm, call: &Call) -> Result<Response, Refusal> {
    let (client, id) = (caller(app, call)?, id(call)?);
    let was_there = stored(app, move |app| app.store.remove(&client, form, &id)).await?;
    if was_there { Ok(shown(&json!({}))) } else { Err(missing()) }
}

pub(super) async fn deliveries(app: App, form: PoolForm, call: Call) -> Answer {
    told(delivered(&app, form, &call).await)
}

async fn delivered(app: &App, form: PoolForm, call: &Call) -> Result<Response, Refusal> {
    let endpoint = own(app, form, call).await?;
    let limit = app.rules.log_per_endpoint.saturating_add(app.rules.waiting_per_endpoint);
    let logged = stored(app, move |app| app.store.logged(&endpoint.id, limit)).await?;
    Ok(shown(&logged.iter().map(row).collect()))
}

fn row(logged: &Logged) -> Value {
    let Logged { event, kind, at, attempts, last_at, status, reason, next_at, outcome } = logged;
    let time = |at: &Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "eventId": event,
        "eventType": kind,
        "timestamp": at.to_string(),
        "status": outcome.as_deref().unwrap_or("waiting"),
        "attempts": attempts,
        "lastAttempt": time(last_at),
        "httpStatus": status,
        "result": reason.as_deref().map(retry::told),
        "nextAttempt": time(next_at),
    })
}
