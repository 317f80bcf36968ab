//! The HTTP interface of the watch, one file per resource. [`routes`] is the table of the paths; [`ctl_serve`] does the
//! rest. Every error is a problem document, and a page for people.

mod evidence;
mod health;
mod incidents;
mod pages;
pub mod routes;
mod sla;
mod sources;
mod targets;

use std::convert::Infallible;
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_host::supervisor::Supervisor;
use ctl_serve::metrics::{Described, Registrar, RequestMetrics};
use ctl_serve::{Moment, Problem, Service};
use warp::reply::Response;

use crate::metrics::Metrics;
use crate::run::Watch;

/// What the handlers share. Clones are cheap.
#[derive(Clone)]
pub struct App {
    pub watch: Watch,
    /// The metrics of the watch.
    pub metrics: Arc<Metrics>,
    /// The metrics of requests.
    pub requests: Arc<Requests>,
    /// Knows whether every part still runs.
    pub supervisor: Supervisor,
}

/// Counts requests.
pub struct Requests {
    registrar: Registrar,
    metrics: RequestMetrics,
}

impl Requests {
    /// Registers the counters.
    ///
    /// # Errors
    /// Only if two metrics had one name: a mistake in `ctl-serve`.
    pub fn new() -> Result<Self, prometheus::Error> {
        let mut registrar = Registrar::default();
        let metrics = RequestMetrics::new(&mut registrar, [])?;
        Ok(Self { registrar, metrics })
    }

    /// Their part of a scrape.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        self.registrar.text()
    }

    /// Every request metric that a scrape may hold.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        self.registrar.described()
    }
}

impl Service for App {
    type File = Infallible;

    fn requests(&self) -> &RequestMetrics {
        &self.requests.metrics
    }

    fn problem_page(&self, path: &str, problem: &Problem) -> Option<Response> {
        Some(pages::problem(self, path, problem))
    }

    fn moment(&self) -> Moment {
        let second = self.watch.aggregator().now_ms().div_euclid(1000);
        Moment { version: 0, second: Some(Timestamp::from_unix(second)) }
    }
}
