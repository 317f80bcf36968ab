//! `/v1/sla/governance`: how long whom was kept waiting, for a place on a list and for cross-certificates. The
//! governance is measured like the services that it watches; anyone can compute the same from the log.

use ctl_governance::promises::promises;
use warp::reply::Response;
use warp::{Filter as _, path};

use super::api::{Routes, answer, with};
use super::problem::Problem;
use super::{App, view};

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    path!("v1" / "sla" / "governance").and(warp::get()).and(with(app)).map(|app: App| answer(show(&app)))
}

fn show(app: &App) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let value = serde_json::to_value(promises(&state, now)).map_err(|error| Problem::internal(&error))?;
    Ok(view::json(&value))
}
