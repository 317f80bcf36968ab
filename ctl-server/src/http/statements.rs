//! `POST /v1/statements`: the only way anything changes. The signature is the credential.

use ctl_governance::Reason;
use ctl_governance::statement::{MAX_STATEMENT, Statement};
use ctl_serve::{Call, Problem, answer};
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::App;
use crate::ledger::{RecordError, error::refusal_of};
use crate::metrics::MALFORMED;

/// A little more than a statement may have, so that one just too large gets an explanation.
pub(super) const MAX_BODY: usize = MAX_STATEMENT + 1024;

pub(super) async fn record(app: App, call: Call) -> Result<Response, Problem> {
    let statement = Statement::parse(call.body()).map_err(|error| {
        app.metrics.count_refused(MALFORMED);
        let refusal = refusal_of(&error);
        if refusal.reason == Reason::TooLarge {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", refusal.detail)
        } else {
            Problem::malformed(refusal.detail)
        }
        .reason(refusal.reason.as_str())
    })?;
    let recorded = app.ledger.record(statement).await.map_err(|error| {
        if let Some(reason) = error.reason() {
            app.metrics.count_refused(reason.as_str());
        }
        problem_of(error)
    })?;
    // Whoever is told that it is recorded can read it in the log.
    app.publisher.served(recorded.index.saturating_add(1)).await;
    let receipt = answer::json(&json!({
        "index": recorded.index,
        "leaf_hash": recorded.leaf_hash,
        "recorded_at": recorded.recorded_at,
        "statement": recorded.statement,
    }));
    Ok(answer::with_status(receipt, StatusCode::CREATED))
}

/// The HTTP problem for a refusal.
pub(super) fn problem_of(error: RecordError) -> Problem {
    match error {
        RecordError::Refused(refusal) => {
            let (status, kind) = match refusal.reason {
                Reason::Replayed => (StatusCode::CONFLICT, "replayed"),
                Reason::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
                _ => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            };
            Problem::new(status, kind, refusal.detail).reason(refusal.reason.as_str())
        }
        RecordError::Busy => {
            // Of the kind that is never told on a page: the queue is full because too much is asked.
            Problem::busy("too many statements wait to be recorded: try again in a moment")
        }
        error @ RecordError::Unknown(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", error.to_string()).retry_in(10)
        }
        error @ (RecordError::Clock(_) | RecordError::ReadOnly(_) | RecordError::Closed) => {
            Problem::unavailable(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_floods_the_queue_is_told_so_in_a_line_and_not_on_a_page() {
        let busy = problem_of(RecordError::Busy);
        assert_eq!((busy.status, busy.kind), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
        assert_eq!(busy.retry_after, Some(1));
        assert!(!busy.is_worth_a_page());
        let read_only = problem_of(RecordError::ReadOnly("the disk is full".to_owned()));
        assert!(read_only.is_worth_a_page(), "a person is told what is wrong here");
    }
}
