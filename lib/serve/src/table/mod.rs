//! The paths of a service, each written once: from this table come warp's filters, what decides between 404 and 405,
//! what metrics call a request, and the [`openapi`](crate::openapi) document.

mod filters;
mod parameter;
mod route;
pub mod schema;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;
use warp::http::Method;

use crate::answer;
use crate::openapi::{self, About};
use crate::request::Call;
use crate::service::Files;

pub use parameter::{Parameter, optional, required};
pub(crate) use route::{Body, Operation, Outcome};
pub use route::{Cost, Route};

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
