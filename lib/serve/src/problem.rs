//! Errors as callers see them: problem documents (RFC 9457).

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::json;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

/// The media type of problem documents.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong with a request, and what its sender can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status code.
    pub status: StatusCode,
    /// What kind of problem this is: the last part of `type`.
    pub kind: &'static str,
    /// What was wrong, where, and what to do.
    pub detail: Cow<'static, str>,
    /// The word of the fold's refusal, for programs.
    pub reason: Option<&'static str>,
    /// After how many seconds to try again.
    pub retry_after: Option<u64>,
    /// The methods that the path has.
    pub allow: Option<String>,
}

impl Problem {
    /// The kind of what is not there yet. Nothing that comes of asking too much is of it: [`Problem::busy`].
    pub const NOT_READY: &str = "not-ready";

    /// A problem of this kind.
    #[must_use]
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, kind, detail: detail.into(), reason: None, retry_after: None, allow: None }
    }

    /// 400: the request cannot be read.
    #[must_use]
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 500: the fault is here. The caller learns nothing but that; the cause goes to the log.
    #[must_use]
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed; its log says why")
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, Self::NOT_READY, detail);
        Self { retry_after: Some(30), ..problem }
    }

    /// 400: the body is not what its header says.
    #[must_use]
    pub fn cut_short() -> Self {
        Self::malformed("the body ended early or is not well framed")
    }

    /// 414: path and query are longer than any that exist here.
    #[must_use]
    pub fn uri_too_long() -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            "uri-too-long",
            "path and query are longer than any that exist here",
        )
    }

    /// 408: the body took too long.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time")
    }

    /// 406: the caller can decode nothing of what there is.
    #[must_use]
    pub fn not_acceptable() -> Self {
        let detail =
            "the header Accept-Encoding forbids every form in which this can be had: allow identity or gzip";
        Self::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", detail)
    }

    /// 503: too much is going on at this moment.
    #[must_use]
    pub fn busy(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_in(1)
    }

    /// Whether a person is told of it on a page: one costs more than the refusal, and whoever asks too much is not given
    /// more. What is not there yet is no matter of how much is asked.
    #[must_use]
    pub fn is_worth_a_page(&self) -> bool {
        self.retry_after.is_none() || self.kind == Self::NOT_READY
    }

    /// Adds the word of a refusal.
    #[must_use]
    pub fn reason(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_in(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    #[must_use]
    pub fn document(&self) -> String {
        let mut body = json!({
            "type": format!("urn:v2g-ctl:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Some(reason), Some(members)) = (self.reason, body.as_object_mut()) {
            members.insert("reason".into(), reason.into());
        }
        body.to_string()
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response {
        let mut response = Response::new(Bytes::from(self.document()).into());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // RFC 9110 section 15.5.2 demands one; tokens are all that is taken here.
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(Ok(allow)) = self.allow.as_ref().map(HeaderValue::try_from) {
            headers.insert(header::ALLOW, allow);
        }
        // For whoever can tell it in another way.
        response.extensions_mut().insert(self);
        response
    }
}
