//! A table as warp's filters.

use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;
use warp::{Filter as _, Rejection};

use super::Table;
use super::route::Route;
use crate::handler::Private;
use crate::problem::Problem;
use crate::request::Call;

impl<S: Clone + Send + Sync + 'static> Table<S> {
    /// Everything as warp's filters.
    pub(crate) fn filters(&self, service: &S) -> BoxedFilter<(Response,)> {
        let routes = self.routes.iter().map(|route| route.filter(service));
        let all = routes.reduce(|one, other| one.or(other).unify().boxed()).unwrap_or_else(nothing);
        all.recover(|rejection: Rejection| async move { Ok::<_, Rejection>(rejected(&rejection)) })
            .unify()
            .boxed()
    }
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    fn filter(&self, service: &S) -> BoxedFilter<(Response,)> {
        let mut path = warp::any().map(Vec::<(&'static str, String)>::new).boxed();
        // Warp takes a path with and without a slash at its end for the same; the table tells them apart.
        for segment in self.pattern.split('/').skip(1).filter(|segment| !segment.is_empty()) {
            path = match parameter(segment) {
                Some(name) => path
                    .and(warp::path::param::<String>())
                    .map(move |mut parts: Vec<_>, text| {
                        parts.push((name, text));
                        parts
                    })
                    .boxed(),
                None => path.and(warp::path(segment)).boxed(),
            };
        }
        let path = path.and(warp::path::end()).boxed();
        let handled =
            self.operations.iter().filter_map(|one| Some((one.method.clone(), one.handler.clone()?)));
        let filters = handled.map(|(method, handler)| {
            let service = service.clone();
            path.clone()
                .and(asked_by(&method))
                .and(warp::query::raw().or(warp::any().map(String::new)).unify())
                .and(warp::header::headers_cloned())
                .and(warp::body::bytes())
                .and(warp::ext::optional())
                .and(warp::ext::optional())
                .then(move |parts, query, headers: HeaderMap, body, certificate, private: Option<Private>| {
                    let is_private = private.is_some_and(|private| private.0);
                    let call = Call { parts, query, headers, body, certificate, is_private };
                    let answer = handler(service.clone(), call);
                    async move { answer.await.unwrap_or_else(Problem::into_response) }
                })
                .boxed()
        });
        filters.reduce(|one, other| one.or(other).unify().boxed()).unwrap_or_else(nothing)
    }
}

fn asked_by(method: &Method) -> BoxedFilter<()> {
    match *method {
        Method::POST => warp::post().boxed(),
        Method::PUT => warp::put().boxed(),
        Method::DELETE => warp::delete().boxed(),
        _ => warp::get().boxed(),
    }
}

fn nothing() -> BoxedFilter<(Response,)> {
    warp::any().and_then(|| async { Err::<Response, _>(warp::reject::not_found()) }).boxed()
}

/// The name of a part of a pattern that stands for any one part.
pub(crate) fn parameter(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The table has let the request in, so path and method exist.
fn rejected(rejection: &Rejection) -> Response {
    tracing::error!(?rejection, "a route of the table has no filter");
    Problem::malformed("the request is not of the form it must have").into_response()
}
