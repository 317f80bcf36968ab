//! The HTTP interface: static files, the API with one file per resource, and the portal's pages.
//!
//! [`routes`] is the table of the API; [`ctl_serve`] does the rest. A static file is a lookup in the prepared
//! [`Site`](crate::publish::Site). Every error is a problem document.

pub(crate) mod access;
mod anchors;
mod applications;
mod blobs;
mod breaches;
mod checkpoints;
mod drafts;
mod health;
mod lists;
mod names;
mod pages;
mod participants;
mod promises;
mod proposals;
mod registry;
pub mod routes;
mod statements;
pub(crate) mod statics;
mod view;
mod webhooks;

use std::sync::Arc;

use ctl_host::supervisor::Supervisor;
use ctl_serve::metrics::RequestMetrics;
use ctl_serve::{Moment, Problem, Readers, Service, Source, Transfer};
use warp::http::{HeaderMap, Response};
use warp::reply::Response as Reply;

use crate::access::Access;
use crate::blobs::Blobs;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::publish::Publisher;
use crate::publish::site::{Found, Route};
use crate::screening::Policies;
use crate::webhooks::Forward;

/// What the handlers share. Clones are cheap.
#[derive(Clone)]
pub struct App {
    pub ledger: Ledger,
    pub publisher: Publisher,
    /// Texts outside the log.
    pub blobs: Arc<Blobs>,
    pub policies: Arc<Policies>,
    pub metrics: Arc<Metrics>,
    /// Knows whether every part still runs.
    pub supervisor: Supervisor,
    /// Who may read what is not open to everyone.
    pub access: Arc<Access>,
    /// The way to the webhooks, if there are any.
    pub webhooks: Option<Arc<Forward>>,
    /// The state as readers see it now.
    views: Arc<view::Views>,
    /// What cross-certificates would bring, as last computed.
    effects: Arc<applications::Told>,
    /// What was published lately.
    news: Arc<pages::news::News>,
}

impl App {
    /// The app over these parts.
    #[must_use]
    pub fn new(
        ledger: Ledger,
        publisher: Publisher,
        blobs: Arc<Blobs>,
        policies: Arc<Policies>,
        metrics: Arc<Metrics>,
        access: Access,
    ) -> Self {
        let access = Arc::new(access);
        let (views, effects, news) = Default::default();
        let supervisor = Supervisor::new();
        Self {
            ledger,
            publisher,
            blobs,
            policies,
            metrics,
            supervisor,
            access,
            webhooks: None,
            views,
            effects,
            news,
        }
    }

    /// The same, with a way to the webhooks.
    #[must_use]
    pub fn with_webhooks(self, forward: Option<Forward>) -> Self {
        Self { webhooks: forward.map(Arc::new), ..self }
    }

    /// The same, with the supervisor of the tasks.
    #[must_use]
    pub fn with_supervisor(self, supervisor: Supervisor) -> Self {
        Self { supervisor, ..self }
    }
}

impl Service for App {
    type File = Found;

    fn requests(&self) -> &RequestMetrics {
        self.metrics.requests()
    }

    fn moment(&self) -> Moment {
        Moment { version: self.ledger.snapshot().size(), second: self.ledger.now().ok() }
    }

    fn problem_page(&self, path: &str, problem: &Problem) -> Option<Reply> {
        Some(pages::problem(self, path, problem))
    }

    fn file(&self, path: &str) -> Option<(Found, usize)> {
        let found = self.publisher.site().load().get(path)?;
        Some((found, Route::of(path) as usize))
    }

    async fn answer_file(
        &self,
        file: Found,
        request: &HeaderMap,
        readers: &Readers,
    ) -> Result<Response<Source>, Problem> {
        statics::respond(file, request, readers).await
    }

    async fn transfer(&self, transfer: Transfer<'_>) -> Result<Response<Source>, Problem> {
        blobs::transfer(self, transfer).await
    }
}
