//! `/v1/blobs/{digest}`: texts outside the log, for digests that a recorded statement names. Restricted ones are
//! encrypted, so all are served to anyone. Policies are served here too, by the digest in the charter.
//!
//! Bytes pass between caller and disk in pieces; a whole blob is never in memory.

use ctl_core::Digest;
use ctl_core::paths::BLOB;
use ctl_serve::{Answering, FileBody, Problem, Readers, Source, Transfer, answer, conditional, file};
use http_body_util::BodyExt as _;
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use warp::hyper::body::Incoming;

use super::App;
use crate::blobs::{BlobError, MAX_BLOB, Put, Upload};

/// The least disk space that an upload counts as, whatever it announces.
const LEAST: usize = 256 * 1024;

/// Reads or takes a blob.
pub(super) async fn transfer(app: &App, transfer: Transfer<'_>) -> Result<Response<Source>, Problem> {
    let digest = digest(transfer.head.uri.path())?;
    if transfer.head.method == Method::PUT {
        put(app, digest, transfer).await
    } else {
        let Transfer { head, answering, readers, .. } = transfer;
        get(app, digest, &head.headers, (answering, readers)).await
    }
}

async fn get(
    app: &App,
    digest: Digest,
    request: &HeaderMap,
    (answering, readers): (&Answering, &Readers),
) -> Result<Response<Source>, Problem> {
    if let Some(text) = app.policies.text(&digest) {
        // The charter names a policy by the digest of its text without salt, because it is not secret.
        let whole = || answering.hold(text.len()).map(|()| Source::prepared(text.to_owned()));
        return unless_current(&digest, request, "public, max-age=31536000, immutable", whole);
    }
    check_named(app, &digest)?;
    let blobs = app.blobs.clone();
    let located = blocking(move || blobs.locate(&digest)).await?;
    let (path, length) = located.ok_or_else(|| {
        Problem::not_found(format!("blob {digest} is named in the log but was never sent here"))
    })?;
    let whole = || {
        answering.hold(file::HELD)?;
        Ok(Source::File(FileBody::new(path, length, readers.clone()).proven(digest)))
    };
    // A blob may be erased, so nobody may cache it for ever; and only what is still here is said to be current.
    unless_current(&digest, request, "public, max-age=300", whole)
}

/// The digest in a path that the table of routes accepted.
fn digest(path: &str) -> Result<Digest, Problem> {
    let name = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(BLOB.start()))
        .and_then(|name| name.parse().ok());
    name.ok_or_else(|| Problem::not_found("a blob is named by a SHA-256, 64 hex digits in small letters"))
}

/// Only blobs that the log names are stored and served.
fn check_named(app: &App, digest: &Digest) -> Result<(), Problem> {
    if app.ledger.snapshot().state.blobs.contains_key(digest) {
        return Ok(());
    }
    Err(Problem::not_found(format!("no recorded statement names blob {digest}: record the statement first")))
}

/// The bytes, or 304 if the caller has them: their digest is their tag.
fn unless_current(
    digest: &Digest,
    request: &HeaderMap,
    caching: &'static str,
    whole: impl FnOnce() -> Result<Source, Problem>,
) -> Result<Response<Source>, Problem> {
    let tag = HeaderValue::from_str(&format!("\"{digest}\"")).map_err(|error| Problem::internal(&error))?;
    let mut response =
        if conditional::is_current(request, &tag) { done(StatusCode::NOT_MODIFIED) } else { bytes(whole()?) };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    Ok(response)
}

fn bytes(body: Source) -> Response<Source> {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer::as_attachment(response)
}

/// Receives a blob. Whether it is named and whether it is here is checked before a byte is read.
async fn put(app: &App, digest: Digest, transfer: Transfer<'_>) -> Result<Response<Source>, Problem> {
    check_named(app, &digest)?;
    let promised = usize::try_from(transfer.promised.unwrap_or(MAX_BLOB as u64)).unwrap_or(usize::MAX);
    if promised > MAX_BLOB {
        return Err(problem(BlobError::TooLarge(promised)));
    }
    transfer.answering.hold(promised.max(LEAST))?;
    let blobs = app.blobs.clone();
    let upload = blocking(move || blobs.receive(&digest)).await?;
    let Some(upload) = upload else { return Ok(done(StatusCode::NO_CONTENT)) };
    let received = tokio::time::timeout(transfer.patience, receive(upload, transfer.body)).await;
    match received.unwrap_or_else(|_| Err(Problem::too_slow()))? {
        Put::Created => Ok(done(StatusCode::CREATED)),
        Put::Present => Ok(done(StatusCode::NO_CONTENT)),
    }
}

async fn receive(mut upload: Upload, body: &mut Incoming) -> Result<Put, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::cut_short())?;
        // Trailers are ignored.
        let Ok(piece) = frame.into_data() else { continue };
        upload = blocking(move || upload.write(&piece).map(|()| upload)).await?;
    }
    blocking(move || upload.finish()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, Problem> {
    answer::blocking(work).await?.map_err(problem)
}

fn done(status: StatusCode) -> Response<Source> {
    let mut response = Response::new(Source::prepared(""));
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
