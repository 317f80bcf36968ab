//! `POST /v1/checkpoints`: whoever has seen a checkpoint of this log brings it, and the server says
//! whether its log begins with it. If it does not, the server was rolled back, and stops.

use bytes::Bytes;
use ctl_core::log::note::MAX_NOTE_BYTES;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;
use warp::{Filter as _, path};

use super::App;
use super::api::{Routes, answer, with};
use super::problem::Problem;
use super::view;
use crate::ledger::rollback::Verdict;

/// A signed note, and nothing beside it.
pub(super) const MAX_BODY: usize = MAX_NOTE_BYTES;

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    path!("v1" / "checkpoints")
        .and(warp::post())
        .and(warp::body::bytes())
        .and(with(app))
        .then(|body: Bytes, app: App| async move { answer(examine(&app, body).await) })
}

async fn examine(app: &App, body: Bytes) -> Result<Response, Problem> {
    let ledger = app.ledger.clone();
    // What is evidence is kept, which blocks.
    let examined = tokio::task::spawn_blocking(move || ledger.examine(&body));
    let verdict = examined.await.map_err(|error| Problem::internal(&error))?.map_err(|error| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "refused",
            format!("no checkpoint of this log: {error}"),
        )
    })?;
    Ok(view::json(&match verdict {
        Verdict::Consistent { size } => json!({ "verdict": "consistent", "size": size }),
        Verdict::WentBack(why) => json!({ "verdict": "went-back", "why": why }),
    }))
}
