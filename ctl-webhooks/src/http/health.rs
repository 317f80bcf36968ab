//! `/readyz` and `/metrics`: for who runs the program.

use std::sync::Arc;

use ctl_serve::{Call, Problem, answer, operation};
use serde_json::json;
use warp::reply::Response;

use super::App;

/// Ready means that every list and the notices were verified at least once, and every part runs. That the service does
/// not answer now, or shows something that is refused, is told, and keeps nobody from what is waiting.
pub(super) async fn ready(app: App, _: Call) -> Result<Response, Problem> {
    let standing = app.standing.borrow().clone();
    let unseen = app.roles.iter().filter(|role| standing.held.iter().all(|held| held.role != **role));
    let unseen = unseen.map(|role| format!("{role} was not seen yet"));
    let problems: Vec<String> = app.supervisor.problem().into_iter().chain(unseen).collect();
    let members = json!({ "followed_at": standing.good, "following": standing.problems });
    Ok(operation::ready(&problems, members))
}

pub(super) async fn metrics(app: App, _: Call) -> Result<Response, Problem> {
    let (store, now) = (Arc::clone(&app.store), app.clock.now());
    let counts =
        answer::blocking(move || store.counts(now)).await?.map_err(|error| Problem::internal(&error))?;
    let standing = app.standing.borrow().clone();
    operation::scrape(app.metrics.render(counts, &standing))
}
