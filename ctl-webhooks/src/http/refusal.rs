//! Errors as the callers of a pool know them: `{"errorMessages": […], "traceId": …}`.

use ctl_serve::answer;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) messages: Vec<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, messages: vec![message.into()] }
    }

    /// The fault is here. The caller learns nothing but that; the cause goes to the log, beside the trace.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed")
    }

    pub(super) fn into_response(self) -> Response {
        let trace = trace();
        tracing::info!(trace, status = self.status.as_u16(), "refused");
        let body = json!({ "errorMessages": self.messages, "traceId": trace });
        answer::with_status(answer::json_with_caching(&body, "no-store"), self.status)
    }
}

/// A random UUID (RFC 9562 section 5.4); nil where the system has no random bytes.
fn trace() -> String {
    let mut bytes = [0; 16];
    // A trace is for reading logs; a request is not refused for want of one.
    let _ = getrandom::fill(&mut bytes);
    ctl_formats::uuid(bytes, 4)
}
