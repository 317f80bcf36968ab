//! Errors in the words of OPCP and OPNC: `{"errorMessages":[…],"traceId":"<uuid>"}`.

use ctl_formats::uuid;
use ctl_serve::Problem;
use serde_json::json;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

/// The answer that tells of a problem.
pub(crate) fn response(problem: Problem) -> Response {
    let mut octets = [0; 16];
    if let Err(error) = getrandom::fill(&mut octets) {
        tracing::warn!(%error, "an error has no trace id of its own");
    }
    let trace = uuid(octets, 4);
    tracing::debug!(trace, status = problem.status.as_u16(), detail = %problem.detail, "the pool refused");
    let body = json!({ "errorMessages": [&problem.detail], "traceId": trace }).to_string();
    // Its status, and headers such as when to come again.
    let mut response = problem.into_response();
    *response.body_mut() = body.into();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
