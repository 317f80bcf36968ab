//! `/v1/breaches`: what the watchers whom the charter names have recorded of breaches of service levels. What a watch
//! sees besides is its own to serve.

use ctl_serve::{Call, Problem, answer};
use serde_json::json;
use warp::reply::Response;

use super::App;

pub(super) async fn list(app: App, _: Call) -> Result<Response, Problem> {
    let (state, _) = app.view();
    Ok(answer::json(&json!({ "breaches": state.outages() })))
}
