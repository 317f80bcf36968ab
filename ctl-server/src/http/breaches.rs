//! `/v1/breaches`: the breaches of service levels that the charter's watchers have recorded. Each watch serves its
//! other observations itself.

use ctl_serve::{Call, Problem, answer};
use serde_json::json;
use warp::reply::Response;

use super::App;

pub(super) async fn list(app: App, _: Call) -> Result<Response, Problem> {
    let (state, _) = app.view();
    Ok(answer::json(&json!({ "breaches": state.outages() })))
}
