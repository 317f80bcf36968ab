//! `/v1/blobs/{digest}`: texts outside the log, for digests that a recorded statement names. Restricted
//! ones are ciphertext, so all are served to anyone. Policies are served here too, by the digest that a
//! charter names.
//!
//! Bytes go between the caller and the disk in pieces: a blob is never in memory.

use bytes::Bytes;
use ctl_core::Digest;
use http_body_util::{BodyExt as _, Full};
use warp::http::{HeaderValue, Response, StatusCode, header};
use warp::hyper::body::Incoming;

use super::App;
use super::body::Source;
use super::file::{self, FileBody, Readers};
use super::house::Answering;
use super::limits::Client;
use super::problem::Problem;
use crate::blobs::{BlobError, MAX_BLOB, Put, Upload};

/// So much disk counts for an upload at least, whatever it promises.
const LEAST: usize = 256 * 1024;

/// Reads a blob.
pub(super) async fn get(
    app: &App,
    digest: Digest,
    (answering, caller): (&Answering, Client),
    readers: &Readers,
) -> Result<Response<Source>, Problem> {
    if let Some(text) = app.policies.text(&digest) {
        // The charter names a policy by the digest of its very text, without a salt: it hides nothing.
        let bytes = Bytes::from(text.to_owned());
        answering.hold(caller, bytes.len())?;
        return Ok(octets(Source::Prepared(Full::new(bytes)), "public, max-age=31536000, immutable"));
    }
    check_named(app, &digest)?;
    let blobs = app.blobs.clone();
    let located = tokio::task::spawn_blocking(move || blobs.locate(&digest)).await;
    let located = located.map_err(|error| Problem::internal(&error))?.map_err(problem)?;
    let (path, length) = located.ok_or_else(|| {
        Problem::not_found(format!("blob {digest} is named in the log but was never sent here"))
    })?;
    answering.hold(caller, file::HELD)?;
    let body = FileBody::new(path, length, readers.clone()).proven(digest);
    // A blob may be erased one day, so nobody may keep it for ever.
    Ok(octets(Source::File(body), "public, max-age=300"))
}

/// The digest in a path that the table of routes has let in.
pub(super) fn digest(path: &str) -> Result<Digest, Problem> {
    let name = path.strip_prefix("/v1/blobs/").and_then(|name| name.parse().ok());
    name.ok_or_else(|| Problem::not_found("a blob is named by a SHA-256, 64 hex digits in small letters"))
}

/// A blob that nobody names is nobody's: the store takes and tells only what the log knows.
fn check_named(app: &App, digest: &Digest) -> Result<(), Problem> {
    if app.ledger.snapshot().state.blobs.contains_key(digest) {
        return Ok(());
    }
    Err(Problem::not_found(format!("no recorded statement names blob {digest}: record the statement first")))
}

fn octets(body: Source, caching: &'static str) -> Response<Source> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // Never rendered in a browser as a page of this server: its author may be anyone.
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// Takes a blob. Whether anyone names it, and whether it is here, is asked before a byte is read.
pub(super) async fn put(
    app: &App,
    digest: Digest,
    (answering, caller): (&Answering, Client),
    promised: Option<u64>,
    body: &mut Incoming,
) -> Result<Response<Source>, Problem> {
    check_named(app, &digest)?;
    let promised = usize::try_from(promised.unwrap_or(MAX_BLOB as u64)).unwrap_or(usize::MAX);
    if promised > MAX_BLOB {
        return Err(problem(BlobError::TooLarge(promised)));
    }
    answering.hold(caller, promised.max(LEAST))?;
    let blobs = app.blobs.clone();
    let upload = blocking(move || blobs.receive(&digest)).await?;
    let Some(upload) = upload else { return Ok(done(StatusCode::NO_CONTENT)) };
    let received = tokio::time::timeout(app.limits.body_timeout, receive(upload, body)).await;
    match received.unwrap_or_else(|_| Err(Problem::too_slow()))? {
        Put::Created => Ok(done(StatusCode::CREATED)),
        Put::Present => Ok(done(StatusCode::NO_CONTENT)),
    }
}

async fn receive(mut upload: Upload, body: &mut Incoming) -> Result<Put, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::cut_short())?;
        // Trailers say nothing that counts.
        let Ok(piece) = frame.into_data() else { continue };
        upload = blocking(move || upload.write(&piece).map(|()| upload)).await?;
    }
    blocking(move || upload.finish()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::internal(&error))?.map_err(problem)
}

fn done(status: StatusCode) -> Response<Source> {
    let mut response = Response::new(Source::Prepared(Full::default()));
    *response.status_mut() = status;
    response
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
