//! One path of a table: what can be done there, by whom it is done, and what there is to say of it.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use warp::http::Method;
use warp::reply::Response;

use super::parameter::Parameter;
use crate::problem::Problem;
use crate::request::Call;

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
    pub(super) handler: Option<Handler<S>>,
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
    pub(crate) page: Option<&'static str>,
    pub(crate) operations: Vec<Operation<S>>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    fn new(pattern: &'static str, cost: Cost) -> Self {
        Self { pattern, cost, page: None, operations: Vec::new() }
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
        Self::new(pattern, Cost::Little).with(Method::GET, summary, Some(boxed(handler)))
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
        Self::new(pattern, Cost::Little).with(Method::POST, summary, Some(boxed(handler)))
    }

    /// The same path, which has another method too. What is said of it from here on concerns that.
    #[must_use]
    pub fn and<F>(
        self,
        method: Method,
        handler: impl Fn(S, Call) -> F + Send + Sync + 'static,
        summary: &'static str,
    ) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        self.with(method, summary, Some(boxed(handler)))
    }

    /// A path whose bytes are read from the disk, by [`Service::transfer`](crate::Service::transfer).
    #[must_use]
    pub fn download(pattern: &'static str, summary: &'static str) -> Self {
        Self::new(pattern, Cost::Bytes).with(Method::GET, summary, None)
    }

    /// The same, which are also written there. What is said of it from here on concerns the writing.
    #[must_use]
    pub fn and_upload(self, summary: &'static str) -> Self {
        self.with(Method::PUT, summary, None)
    }

    /// Says what a request costs.
    #[must_use]
    pub fn costs(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Says which page shows a person what programs read here, by a pattern with the same parts: whoever asks for HTML is
    /// sent there, unless the query says `format=json`.
    #[must_use]
    pub const fn page(mut self, pattern: &'static str) -> Self {
        self.page = Some(pattern);
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
    pub fn allow(&self) -> String {
        let methods = self.operations.iter().map(|one| match one.method {
            Method::GET => "GET, HEAD",
            ref other => other.as_str(),
        });
        methods.collect::<Vec<_>>().join(", ")
    }

    /// Whether the path has this method.
    #[must_use]
    pub fn allows(&self, method: &Method) -> bool {
        let asked = if *method == Method::HEAD { &Method::GET } else { method };
        self.operations.iter().any(|one| one.method == *asked)
    }

    /// How many bytes a body may have.
    pub(crate) fn body_limit(&self) -> usize {
        let bodies = self.operations.iter().filter_map(|operation| operation.body.as_ref());
        bodies.map(|body| body.limit).max().unwrap_or(0)
    }
}

fn boxed<S, F>(handler: impl Fn(S, Call) -> F + Send + Sync + 'static) -> Handler<S>
where
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    Arc::new(move |service, call| Box::pin(handler(service, call)))
}
