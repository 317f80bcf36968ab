//! `/healthz`, `/readyz` and `/metrics`: what every program that serves has for who runs it.

use std::future::Future;

use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use crate::answer;
use crate::metrics::CONTENT_TYPE;
use crate::problem::Problem;
use crate::request::Call;
use crate::table::{Cost, Route, Table};

const JSON: &[&str] = &["application/json"];

impl<S: Clone + Send + Sync + 'static> Table<S> {
    /// The same with these three paths. `whether` says what it means to be ready; [`ready`] and [`scrape`] make the
    /// answers.
    #[must_use]
    pub fn operation<R, M>(
        self,
        whether: &'static str,
        ready: impl Fn(S, Call) -> R + Send + Sync + 'static,
        metrics: impl Fn(S, Call) -> M + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<Response, Problem>> + Send + 'static,
        M: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let lives = "Whether the process lives.";
        self.and([
            Route::get("/healthz", async |_, _| Ok(alive()), lives).answers(200, JSON, "It does."),
            Route::get("/readyz", ready, whether).answers(200, JSON, "It is so.").answers(
                503,
                JSON,
                "It is not: `problems` says why.",
            ),
            Route::get("/metrics", metrics, "What Prometheus scrapes.").costs(Cost::Scrape).answers(
                200,
                &[CONTENT_TYPE],
                "The text format.",
            ),
        ])
    }
}

pub(crate) fn alive() -> Response {
    answer::json(&json!({ "status": "alive" }))
}

/// Ready if there are no problems. The members say how things stand.
#[must_use]
pub fn ready(problems: &[String], members: Value) -> Response {
    let (word, status) = match problems {
        [] => ("ready", StatusCode::OK),
        _ => ("not-ready", StatusCode::SERVICE_UNAVAILABLE),
    };
    let mut body = json!({ "status": word, "problems": problems });
    if let (Some(body), Value::Object(members)) = (body.as_object_mut(), members) {
        body.extend(members);
    }
    answer::with_status(answer::json(&body), status)
}

/// The text of a scrape.
///
/// # Errors
/// [`Problem::internal`] if the encoder failed.
pub fn scrape(text: Result<String, prometheus::Error>) -> Result<Response, Problem> {
    let text = text.map_err(|error| Problem::internal(&error))?;
    Ok(answer::bytes(text, CONTENT_TYPE, "no-store"))
}
