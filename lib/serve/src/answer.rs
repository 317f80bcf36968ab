//! Answers that were made for one request.

use bytes::Bytes;
use serde_json::Value;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::problem::Problem;

/// A JSON answer that is right at this moment only.
#[must_use]
pub fn json(value: &Value) -> Response {
    json_with_caching(value, "no-cache")
}

/// A JSON answer with this `Cache-Control`.
#[must_use]
pub fn json_with_caching(value: &Value, caching: &'static str) -> Response {
    bytes(value.to_string(), "application/json", caching)
}

/// An answer of this media type with this `Cache-Control`.
#[must_use]
pub fn bytes(body: impl Into<Bytes>, media_type: &'static str, caching: &'static str) -> Response {
    let mut response = Response::new(body.into().into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// A page for people that may do what this `Content-Security-Policy` allows, right at this moment only.
#[must_use]
pub fn page(html: String, policy: &'static str) -> Response {
    let mut response = bytes(html, "text/html; charset=utf-8", "no-cache");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The same answer, never rendered by a browser as a page of this server: what is in it came from anyone.
#[must_use]
pub fn as_attachment<B>(mut response: warp::http::Response<B>) -> warp::http::Response<B> {
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response
}

/// The same, to be saved under this name.
#[must_use]
pub fn as_file(response: Response, name: &str) -> Response {
    let mut response = as_attachment(response);
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if let Ok(named) = HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
        && is_plain
    {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, named);
    }
    response
}

/// The same answer with another status.
#[must_use]
pub fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

/// Does what blocks (the disk, mostly) on a thread for it, and gives what came of it.
///
/// # Errors
/// [`Problem::internal`] if it panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
}
