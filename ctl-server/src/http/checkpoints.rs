//! `POST /v1/checkpoints`: compares a checkpoint of this log that somebody has seen with the log. If the log does not
//! continue it, the server was rolled back, and stops signing.

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_serve::{Call, Problem, answer};
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::App;
use crate::ledger::rollback::Verdict;

/// A signed note and nothing else.
pub(super) const MAX_BODY: usize = MAX_NOTE_BYTES;

pub(super) async fn examine(app: App, call: Call) -> Result<Response, Problem> {
    let (ledger, body) = (app.ledger, call.body().clone());
    // Evidence is stored, which blocks.
    let examined = answer::blocking(move || ledger.examine(&body));
    let verdict = examined.await?.map_err(|error| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "refused",
            format!("no checkpoint of this log: {error}"),
        )
    })?;
    Ok(answer::json(&match verdict {
        Verdict::Consistent { size } => json!({ "verdict": "consistent", "size": size }),
        Verdict::WentBack(why) => json!({ "verdict": "went-back", "why": why }),
    }))
}
