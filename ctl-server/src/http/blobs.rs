//! `/v1/blobs/{digest}`: texts outside the log, for digests that a recorded statement names. Restricted
//! ones are ciphertext, so all are served to anyone. Policies are served here too, by the digest that a
//! charter names.

use bytes::Bytes;
use ctl_core::Digest;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;
use warp::{Filter as _, path};

use super::App;
use super::api::{Routes, answer, with};
use super::problem::Problem;
use crate::blobs::{BlobError, Put};

pub(super) use crate::blobs::MAX_BLOB;

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    let get = path!("v1" / "blobs" / Digest)
        .and(warp::get())
        .and(with(app))
        .then(|digest: Digest, app: App| async move { answer(get(app, digest).await) });
    let put =
        path!("v1" / "blobs" / Digest).and(warp::put()).and(warp::body::bytes()).and(with(app)).then(
            |digest: Digest, body: Bytes, app: App| async move { answer(put(app, digest, body).await) },
        );
    get.or(put).unify()
}

/// A blob that nobody names is nobody's: the store takes and tells only what the log knows.
fn check_named(app: &App, digest: &Digest) -> Result<(), Problem> {
    if app.ledger.snapshot().state.blobs.contains_key(digest) {
        return Ok(());
    }
    Err(Problem::not_found(format!("no recorded statement names blob {digest}: record the statement first")))
}

async fn get(app: App, digest: Digest) -> Result<Response, Problem> {
    if let Some(text) = app.policies.text(&digest) {
        // The charter names a policy by the digest of its very text, without a salt: it hides nothing.
        return Ok(octets(text.to_owned().into(), "public, max-age=31536000, immutable"));
    }
    check_named(&app, &digest)?;
    let blobs = app.blobs.clone();
    let found = tokio::task::spawn_blocking(move || blobs.get(&digest)).await;
    let blob = found.map_err(|error| Problem::internal(&error))?.map_err(problem)?;
    let blob = blob.ok_or_else(|| {
        Problem::not_found(format!("blob {digest} is named in the log but was never sent here"))
    })?;
    // A blob may be erased one day, so nobody may keep it for ever.
    Ok(octets(blob.into(), "public, max-age=300"))
}

fn octets(bytes: Bytes, caching: &'static str) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // Never rendered in a browser as a page of this server: its author may be anyone.
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

async fn put(app: App, digest: Digest, body: Bytes) -> Result<Response, Problem> {
    check_named(&app, &digest)?;
    let blobs = app.blobs.clone();
    let put = tokio::task::spawn_blocking(move || blobs.put(&digest, &body)).await;
    let put = put.map_err(|error| Problem::internal(&error))?.map_err(problem)?;
    let mut response = Response::default();
    *response.status_mut() = match put {
        Put::Created => StatusCode::CREATED,
        Put::Present => StatusCode::NO_CONTENT,
    };
    Ok(response)
}

fn problem(error: BlobError) -> Problem {
    let (status, kind) = match &error {
        BlobError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
        BlobError::NoSalt(_) | BlobError::OtherDigest { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
        BlobError::Erased(_) => (StatusCode::GONE, "erased"),
        BlobError::Damaged(_) | BlobError::Random(_) | BlobError::Io(_) => return Problem::internal(&error),
    };
    Problem::new(status, kind, error.to_string())
}
