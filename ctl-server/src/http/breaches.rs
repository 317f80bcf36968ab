//! `/v1/breaches`: the breaches of service levels that the charter's watchers have recorded. Each watch serves its
//! other observations itself.

use ctl_core::names::ParticipantId;
use ctl_governance::service_levels::OutageKey;
use ctl_serve::{Call, Page, Problem, answer};
use serde::Deserialize;
use serde_json::json;
use warp::reply::Response;

use super::App;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Only of this operator.
    operator: Option<ParticipantId>,
    /// Only what lasts, or only what is over.
    open: Option<bool>,
    after: Option<OutageKey>,
    limit: Option<usize>,
}

pub(super) async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let Query { operator, open, after, limit } = call.query()?;
    let (state, _) = app.view();
    let told = state.told().into_iter().filter(|(key, told)| {
        after.is_none_or(|after| *key > after)
            && operator.as_ref().is_none_or(|operator| told.is_of(operator))
            && open.is_none_or(|open| told.closed().is_none() == open)
    });
    let items = told.map(|(key, told)| (key, json!(told.outage(&state))));
    Ok(answer::json(&Page::new(after, limit).of("breaches", items)))
}
