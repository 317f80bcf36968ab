//! The paths of a service, each written once: from this table come warp's filters, what decides between 404 and 405,
//! what metrics call a request, and the [`openapi`](crate::openapi) document.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;
use warp::{Filter as _, Rejection};

use crate::answer;
use crate::handler::Private;
use crate::openapi::{self, About};
use crate::problem::Problem;
use crate::request::Call;
use crate::service::Files;

/// What a request costs, and so who computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Next to nothing.
    Little,
    /// Bytes between a caller and the disk: [`Service::transfer`](crate::Service::transfer) answers.
    Bytes,
    /// Matrices, scans, sums: a few at once, in a queue, on threads of their own.
    Much,
    /// The same for those who run the service; it has a queue of its own.
    Scrape,
}

impl Cost {
    /// For how many reads one counts.
    #[must_use]
    pub const fn worth(self) -> NonZeroU32 {
        match self {
            Self::Little | Self::Bytes | Self::Scrape => NonZeroU32::MIN,
            Self::Much => NonZeroU32::MIN.saturating_add(4),
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;
type Handler<S> = Arc<dyn Fn(S, Call) -> Answer + Send + Sync>;

/// What can be done with a path.
pub(crate) struct Operation<S> {
    pub(crate) method: Method,
    pub(crate) summary: &'static str,
    handler: Option<Handler<S>>,
    pub(crate) query: Vec<Parameter>,
    pub(crate) headers: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) answers: Vec<Outcome>,
}

/// The body that a write must have.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) media_types: Vec<&'static str>,
    pub(crate) limit: usize,
    pub(crate) about: &'static str,
    pub(crate) schema: Option<Value>,
}

/// An answer that an operation may have.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) media_types: &'static [&'static str],
    pub(crate) about: &'static str,
    pub(crate) schema: Option<Value>,
}

/// A part of a path, a member of a query or a header, for the OpenAPI document.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub about: &'static str,
    /// Its JSON schema.
    pub schema: Value,
    /// Whether a request must have it. Parts of a path always are required.
    pub required: bool,
}

/// One path with what can be done there.
///
/// ```text
/// Route::get("/v1/lists/{list}/diff", lists::diff, "What changed between two versions of a list.")
///     .costs(Cost::Much)
///     .query(from)
///     .answers(200, &["application/json"], "The difference.")
///     .fails(404, "There is no such list or version.")
/// ```
pub struct Route<S> {
    pub(crate) pattern: &'static str,
    pub(crate) cost: Cost,
    pub(crate) operations: Vec<Operation<S>>,
    /// The methods, as in the header `Allow`.
    allow: &'static str,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    fn new(pattern: &'static str, allow: &'static str, cost: Cost) -> Self {
        Self { pattern, cost, operations: Vec::new(), allow }
    }

    fn with(mut self, method: Method, summary: &'static str, handler: Option<Handler<S>>) -> Self {
        let (query, headers, body, answers) = (Vec::new(), Vec::new(), None, Vec::new());
        self.operations.push(Operation { method, summary, handler, query, headers, body, answers });
        self
    }

    /// A path that is read: `GET`, and `HEAD` by it. A part in braces stands for any one part.
    #[must_use]
    pub fn get<F>(
        pattern: &'static str,
        handler: impl Fn(S, Call) -> F + Send + Sync + 'static,
        summary: &'static str,
    ) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        Self::new(pattern, "GET, HEAD", Cost::Little).with(Method::GET, summary, Some(boxed(handler)))
    }

    /// A path to which is written.
    #[must_use]
    pub fn post<F>(
        pattern: &'static str,
        handler: impl Fn(S, Call) -> F + Send + Sync + 'static,
        summary: &'static str,
    ) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        Self::new(pattern, "POST", Cost::Little).with(Method::POST, summary, Some(boxed(handler)))
    }

    /// The same path, which has another method too. What is said of it from here on concerns that.
    #[must_use]
    pub fn and<F>(
        mut self,
        method: Method,
        handler: impl Fn(S, Call) -> F + Send + Sync + 'static,
        summary: &'static str,
    ) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        self = self.with(method, summary, Some(boxed(handler)));
        self.allow = allowed(&self.operations);
        self
    }

    /// A path whose bytes are read from the disk, by [`Service::transfer`](crate::Service::transfer).
    #[must_use]
    pub fn download(pattern: &'static str, summary: &'static str) -> Self {
        Self::new(pattern, "GET, HEAD", Cost::Bytes).with(Method::GET, summary, None)
    }

    /// The same, which are also written there. What is said of it from here on concerns the writing.
    #[must_use]
    pub fn and_upload(mut self, summary: &'static str) -> Self {
        self.allow = "GET, HEAD, PUT";
        self.with(Method::PUT, summary, None)
    }

    /// Says what a request costs.
    #[must_use]
    pub fn costs(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Operation<S>)) -> Self {
        if let Some(operation) = self.operations.last_mut() {
            change(operation);
        }
        self
    }

    /// Says of a member that the query may have.
    #[must_use]
    pub fn query(self, parameter: Parameter) -> Self {
        self.last(|operation| operation.query.push(parameter))
    }

    /// Says of a header that the request may have.
    #[must_use]
    pub fn header(self, parameter: Parameter) -> Self {
        self.last(|operation| operation.headers.push(parameter))
    }

    /// Says what the body must be, and the most bytes that it may have.
    #[must_use]
    pub fn takes(self, media_type: &'static str, limit: usize, about: &'static str) -> Self {
        self.last(|operation| {
            operation.body = Some(Body { media_types: vec![media_type], limit, about, schema: None })
        })
    }

    /// Says that the body may be written in another way, too.
    #[must_use]
    pub fn or_takes(self, media_type: &'static str) -> Self {
        self.last(|operation| {
            if let Some(body) = &mut operation.body {
                body.media_types.push(media_type);
            }
        })
    }

    /// Says of an answer. No media type: it has no body.
    #[must_use]
    pub fn answers(self, status: u16, media_types: &'static [&'static str], about: &'static str) -> Self {
        self.last(|operation| operation.answers.push(Outcome { status, media_types, about, schema: None }))
    }

    /// Says of a problem that is the operation's own; those that any request may meet are known.
    #[must_use]
    pub fn fails(self, status: u16, about: &'static str) -> Self {
        self.answers(status, &[crate::problem::CONTENT_TYPE], about)
    }

    /// Gives the schema of the answer that was named last, or of the body if there was none.
    #[must_use]
    pub fn schema(self, schema: Value) -> Self {
        self.last(|operation| match (operation.answers.last_mut(), &mut operation.body) {
            (Some(answer), _) => answer.schema = Some(schema),
            (None, Some(body)) => body.schema = Some(schema),
            (None, None) => {}
        })
    }

    /// The path; a part in braces stands for any one part.
    #[must_use]
    pub const fn pattern(&self) -> &'static str {
        self.pattern
    }

    /// Its methods, as in the header `Allow`.
    #[must_use]
    pub const fn allow(&self) -> &'static str {
        self.allow
    }

    /// Whether the path has this method.
    #[must_use]
    pub fn allows(&self, method: &Method) -> bool {
        self.allow.split(", ").any(|allowed| allowed == method.as_str())
    }

    /// How many bytes a body may have.
    pub(crate) fn body_limit(&self) -> usize {
        let bodies = self.operations.iter().filter_map(|operation| operation.body.as_ref());
        bodies.map(|body| body.limit).max().unwrap_or(0)
    }

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

fn boxed<S, F>(handler: impl Fn(S, Call) -> F + Send + Sync + 'static) -> Handler<S>
where
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    Arc::new(move |service, call| Box::pin(handler(service, call)))
}

/// The header `Allow` of a path with these operations.
fn allowed<S>(operations: &[Operation<S>]) -> &'static str {
    let has = |method: Method| operations.iter().any(|one| one.method == method);
    match (has(Method::GET), has(Method::POST), has(Method::PUT), has(Method::DELETE)) {
        (true, false, false, false) => "GET, HEAD",
        (true, true, false, false) => "GET, HEAD, POST",
        (true, false, true, false) => "GET, HEAD, PUT",
        (true, false, false, true) => "GET, HEAD, DELETE",
        (true, true, true, false) => "GET, HEAD, POST, PUT",
        (true, true, false, true) => "GET, HEAD, POST, DELETE",
        (true, false, true, true) => "GET, HEAD, PUT, DELETE",
        (true, true, true, true) => "GET, HEAD, POST, PUT, DELETE",
        (false, true, false, false) => "POST",
        (false, true, true, false) => "POST, PUT",
        (false, true, false, true) => "POST, DELETE",
        (false, true, true, true) => "POST, PUT, DELETE",
        (false, false, true, false) => "PUT",
        (false, false, true, true) => "PUT, DELETE",
        (false, false, false, true) => "DELETE",
        (false, false, false, false) => "",
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

/// Every path of a service.
pub struct Table<S> {
    about: About,
    routes: Vec<Route<S>>,
    files: &'static [Files],
    parameters: Vec<Parameter>,
}

impl<S: Clone + Send + Sync + 'static> Table<S> {
    /// A table for a service of this description. The first route that a path matches is taken: what is special stands
    /// before what stands for anything.
    #[must_use]
    pub fn new(about: About, routes: Vec<Route<S>>) -> Self {
        Self { about, routes, files: &[], parameters: Vec::new() }
    }

    /// The same with more routes.
    #[must_use]
    pub fn and(mut self, routes: impl IntoIterator<Item = Route<S>>) -> Self {
        self.routes.extend(routes);
        self
    }

    /// The same with files that were prepared before, in the order in which
    /// [`Service::file`](crate::Service::file) numbers them.
    #[must_use]
    pub fn files(self, files: &'static [Files]) -> Self {
        Self { files, ..self }
    }

    /// The same, with what the parts of its paths are.
    #[must_use]
    pub fn parameters(self, parameters: Vec<Parameter>) -> Self {
        Self { parameters, ..self }
    }

    /// The same with a path at which the OpenAPI document of the whole is read.
    #[must_use]
    pub fn described_at(mut self, pattern: &'static str) -> Self {
        let route = |document: Value| {
            let document = Arc::new(document);
            let handler = move |_: S, _: Call| {
                let document = document.clone();
                async move { Ok(answer::json_with_caching(&document, "public, max-age=3600")) }
            };
            Route::get(pattern, handler, "This document: every path, in OpenAPI 3.1.").answers(
                200,
                &["application/json"],
                "The OpenAPI document.",
            )
        };
        // It describes itself, too.
        self.routes.push(route(Value::Null));
        let document = self.document();
        self.routes.pop();
        self.routes.push(route(document));
        self
    }

    /// The OpenAPI document.
    #[must_use]
    pub fn document(&self) -> Value {
        openapi::document(&self.about, &self.routes, self.files, &self.parameters)
    }

    /// The routes, in their order.
    #[must_use]
    pub fn routes(&self) -> &[Route<S>] {
        &self.routes
    }

    /// The pattern of the file of this number.
    pub(crate) fn file_pattern(&self, number: usize) -> Option<&'static str> {
        self.files.get(number).map(|file| file.pattern)
    }

    /// The route that a path belongs to.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Route<S>> {
        self.routes.iter().find(|route| matches(route.pattern, path))
    }

    /// Everything as warp's filters.
    pub(crate) fn filters(&self, service: &S) -> BoxedFilter<(Response,)> {
        let routes = self.routes.iter().map(|route| route.filter(service));
        let all = routes.reduce(|one, other| one.or(other).unify().boxed()).unwrap_or_else(nothing);
        all.recover(|rejection: Rejection| async move { Ok::<_, Rejection>(rejected(&rejection)) })
            .unify()
            .boxed()
    }
}

/// The table has let the request in, so path and method exist.
fn rejected(rejection: &Rejection) -> Response {
    tracing::error!(?rejection, "a route of the table has no filter");
    Problem::malformed("the request is not of the form it must have").into_response()
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/');
    let mut found = path.split('/');
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {}
            _ => return false,
        }
    }
}

/// A method as metrics name it: a fixed set, whatever is sent.
#[must_use]
pub const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::service::TowerToHyperService;
    use serde_json::json;
    use warp::http::{Request, StatusCode};
    use warp::hyper::service::Service as _;

    use super::*;

    async fn told(_: (), call: Call) -> Result<Response, Problem> {
        let list: String = call.part("list").unwrap_or_default();
        Ok(answer::json(&json!([list, call.query, call.body.len()])))
    }

    fn table() -> Table<()> {
        let about = About { title: "Lists", description: "Lists.", version: "1" };
        let routes = vec![
            Route::get("/v1/lists", told, "All."),
            Route::get("/v1/lists/special", told, "A special one."),
            Route::get("/v1/lists/{list}", told, "One.").answers(200, &["application/json"], "The list."),
            Route::get("/v1/lists/{list}/diff", told, "What changed.").costs(Cost::Much).query(Parameter {
                name: "from",
                about: "The older version.",
                schema: json!({ "type": "integer" }),
                required: true,
            }),
            Route::post("/v1/lists/{list}/signatures", told, "Sign.").takes("application/json", 10, "It."),
            Route::download("/v1/blobs/{digest}", "Bytes.").and_upload("Puts bytes."),
            Route::get("/v1/hooks/{list}", told, "One.")
                .and(Method::PUT, told, "Changes it.")
                .takes("application/json", 7, "It.")
                .and(Method::DELETE, told, "Ends it."),
            Route::get("/v1/slashed/{list}/", told, "With a slash at the end.").header(Parameter {
                name: "From-Whom",
                about: "Who asks.",
                schema: json!({ "type": "string" }),
                required: false,
            }),
        ];
        Table::new(about, routes).described_at("/v1/openapi.json")
    }

    #[test]
    fn paths_find_their_pattern_and_nothing_else() {
        let table = table();
        for (path, expected) in [
            ("/v1/lists", Some("/v1/lists")),
            ("/v1/lists/na", Some("/v1/lists/{list}")),
            ("/v1/lists/special", Some("/v1/lists/special")),
            ("/v1/lists/na/diff", Some("/v1/lists/{list}/diff")),
            ("/v1/lists/na/signatures", Some("/v1/lists/{list}/signatures")),
            ("/v1/lists/", None),
            ("/v1/lists/na/", None),
            ("/v1/slashed/na/", Some("/v1/slashed/{list}/")),
            ("/v1/slashed/na", None),
            ("/v1//na", None),
            ("v1/lists", None),
            ("/v1/lists/na/diff/x", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(table.find(path).map(Route::pattern), expected, "{path}");
        }
    }

    #[test]
    fn methods_are_those_of_the_path() {
        let table = table();
        let blobs = table.find("/v1/blobs/00").unwrap();
        assert!(blobs.allows(&Method::PUT) && blobs.allows(&Method::HEAD));
        assert!(!blobs.allows(&Method::POST) && !blobs.allows(&Method::DELETE));
        let hooks = table.find("/v1/hooks/1").unwrap();
        assert_eq!((hooks.allow(), hooks.body_limit()), ("GET, HEAD, PUT, DELETE", 7));
        assert!(hooks.allows(&Method::DELETE) && !hooks.allows(&Method::POST));
        assert_eq!(method_name(&Method::from_bytes(b"BREW").unwrap()), "other");
        assert_eq!(table.find("/v1/lists/na/signatures").unwrap().body_limit(), 10);
    }

    #[tokio::test]
    async fn filters_hand_each_handler_the_parts_of_its_path() {
        let filters = table().filters(&());
        let ask = async |method: &str, path: &str, body: &'static str| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Full::new(Bytes::from_static(body.as_bytes())))
                .unwrap();
            let answer =
                TowerToHyperService::new(warp::service(filters.clone())).call(request).await.unwrap();
            (answer.status(), answer.into_body().collect().await.unwrap().to_bytes())
        };
        for (method, path, expected) in [
            ("GET", "/v1/lists", Some(json!(["", "", 0]))),
            ("GET", "/v1/lists/na?x=1", Some(json!(["na", "x=1", 0]))),
            ("GET", "/v1/lists/special", Some(json!(["", "", 0]))),
            ("GET", "/v1/lists/na/diff", Some(json!(["na", "", 0]))),
            ("POST", "/v1/lists/na/signatures", Some(json!(["na", "", 3]))),
            ("GET", "/v1/hooks/a", Some(json!(["a", "", 0]))),
            ("PUT", "/v1/hooks/a", Some(json!(["a", "", 3]))),
            ("DELETE", "/v1/hooks/a", Some(json!(["a", "", 0]))),
            ("GET", "/v1/blobs/00", None),
            ("GET", "/v1/lists/na/diff/x", None),
        ] {
            let body = if ["POST", "PUT"].contains(&method) { "abc" } else { "" };
            let (status, answer) = ask(method, path, body).await;
            match expected {
                Some(expected) => {
                    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), expected, "{path}");
                }
                None => assert_eq!(status, StatusCode::BAD_REQUEST, "{path}"),
            }
        }
        let (_, document) = ask("GET", "/v1/openapi.json", "").await;
        let document: Value = serde_json::from_slice(&document).unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), table().routes().len(), "itself, too");
        assert!(paths["/v1/blobs/{digest}"]["put"].is_object());
        let diff = &paths["/v1/lists/{list}/diff"]["get"]["parameters"];
        assert_eq!((&diff[0]["in"], &diff[1]["in"]), (&json!("path"), &json!("query")), "{diff}");
    }
}
