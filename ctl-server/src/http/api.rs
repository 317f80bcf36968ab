//! The API as warp filters: each resource brings its own, this file joins them and makes problem
//! documents of what they reject. Blobs are not among them, for their bytes go past warp.

use std::convert::Infallible;

use warp::http::StatusCode;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::problem::Problem;
use super::{
    App, anchors, applications, checkpoints, drafts, evidence, health, incidents, lists, participants,
    promises, proposals, registry, sla, statements, targets,
};

/// A resource's filters.
pub(super) trait Routes:
    Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static
{
}

impl<F> Routes for F where F: Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {}

/// The whole API.
pub(super) fn filters(
    app: App,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    statements::routes(&app)
        .or(checkpoints::routes(&app))
        .unify()
        .or(drafts::routes(&app))
        .unify()
        .or(lists::routes(&app))
        .unify()
        .or(anchors::routes(&app))
        .unify()
        .or(applications::routes(&app))
        .unify()
        .or(proposals::routes(&app))
        .unify()
        // Before whatever takes an operator's id in the place of the last part.
        .or(promises::routes(&app))
        .unify()
        .or(participants::routes(&app))
        .unify()
        .or(registry::routes(&app))
        .unify()
        .or(sla::routes(&app))
        .unify()
        .or(incidents::routes(&app))
        .unify()
        .or(evidence::routes(&app))
        .unify()
        .or(targets::routes(&app))
        .unify()
        .or(health::routes(&app))
        .unify()
        .recover(|rejection: Rejection| async move { Ok::<_, Infallible>(rejected(&rejection)) })
        .unify()
}

/// The table of routes has let the request in, so path and method exist: what is left are parts of
/// the path or the query that are not of the form they must have.
fn rejected(rejection: &Rejection) -> Response {
    let problem = if rejection.find::<warp::reject::InvalidQuery>().is_some() {
        Problem::malformed("the query is not of the form that this path has: see the documentation")
    } else if rejection.is_not_found() {
        Problem::not_found("a part of the path is not of the form it must have")
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", "the request is not of the form it must have")
    };
    problem.into_response()
}

/// The app, for a handler.
pub(super) fn with(
    app: &App,
) -> impl Filter<Extract = (App,), Error = Infallible> + Clone + Send + Sync + 'static + use<> {
    let app = app.clone();
    warp::any().map(move || app.clone())
}

/// An answer or the document of its problem.
pub(super) fn answer(result: Result<Response, Problem>) -> Response {
    result.unwrap_or_else(Problem::into_response)
}

/// How many bytes a body for this path may have.
pub(super) fn body_limit(path: &str) -> usize {
    match path {
        "/v1/statements" => statements::MAX_BODY,
        "/v1/checkpoints" => checkpoints::MAX_BODY,
        _ => drafts::MAX_BODY,
    }
}
