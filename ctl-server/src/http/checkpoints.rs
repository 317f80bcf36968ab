//! `POST /v1/checkpoints`: whoever has seen a checkpoint of this log brings it, and the server says
//! whether its log begins with it. If it does not, the server was rolled back, and stops.

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_serve::{Call, Problem, answer};
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::App;
use crate::ledger::rollback::Verdict;

/// A signed note, and nothing beside it.
pub(super) const MAX_BODY: usize = MAX_NOTE_BYTES;

pub(super) async fn examine(app: App, call: Call) -> Result<Response, Problem> {
    let (ledger, body) = (app.ledger, call.body().clone());
    // What is evidence is kept, which blocks.
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
