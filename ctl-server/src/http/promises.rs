//! `/v1/sla/governance`: how long applicants waited for a place on a list and for cross-certificates. The governance is
//! measured like the services that it watches; anyone can compute the same from the log.

use ctl_governance::promises::promises;
use ctl_serve::{Call, Problem, answer};
use warp::reply::Response;

use super::App;

pub(super) async fn show(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let value = serde_json::to_value(promises(&state, now)).map_err(|error| Problem::internal(&error))?;
    Ok(answer::json(&value))
}
