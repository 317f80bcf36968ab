//! `/v1/evidence/{sha256}`: the exchanges behind an incident, as they were received.

use bytes::Bytes;
use ctl_core::Digest;
use warp::http::{HeaderValue, header};
use warp::reply::Response;
use warp::{Filter as _, path};

use super::App;
use super::api::{Routes, answer, with};
use super::problem::Problem;
use super::sla::keeper;

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    path!("v1" / "evidence" / Digest)
        .and(warp::get())
        .and(with(app))
        .then(|digest: Digest, app: App| async move { answer(get(&app, digest).await) })
}

async fn get(app: &App, digest: Digest) -> Result<Response, Problem> {
    let store = keeper(app)?.store().clone();
    let found = tokio::task::spawn_blocking(move || store.evidence(&digest)).await;
    let found =
        found.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))?;
    let bundle = found.ok_or_else(|| {
        Problem::not_found(format!("there is no evidence {digest} here: it never was, or is no longer kept"))
    })?;
    let mut response = Response::new(Bytes::from(bundle).into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Never rendered in a browser as a page of this server: what is in it came from anyone.
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    // Its name is its digest; but it is not kept for ever, so nobody else need.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Ok(response)
}
