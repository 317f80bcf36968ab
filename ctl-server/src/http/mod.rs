//! The service as HTTP callers see it: static files first, then the API, one file per resource.
//!
//! A request for a static file is a lookup in the prepared [`Site`](crate::publish::Site). Everything
//! else goes through the table of [`routes`], the [`limits`], and warp's filters to its resource; what is
//! expensive waits in a lane. Every error is a [`problem`] document.

mod anchors;
mod api;
mod applications;
mod blobs;
mod body;
mod checkpoints;
mod drafts;
mod encoding;
mod evidence;
mod file;
mod health;
mod house;
mod incidents;
mod lane;
pub mod limits;
mod lists;
mod page;
mod participants;
pub mod problem;
mod promises;
mod proposals;
mod refusal;
mod registry;
pub mod routes;
mod server;
mod sla;
mod stall;
pub mod starting;
mod statements;
mod statics;
mod targets;
mod view;

use std::sync::Arc;

use ctl_host::supervisor::Supervisor;

use crate::blobs::Blobs;
use crate::governance::Policies;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::monitor::Monitor;
use crate::publish::Publisher;
pub use limits::Limits;
pub use server::serve;

/// What the handlers work with. Clones are cheap.
#[derive(Clone)]
pub struct App {
    /// The ledger.
    pub ledger: Ledger,
    /// What is published.
    pub publisher: Publisher,
    /// Texts outside the log.
    pub blobs: Arc<Blobs>,
    /// The policies at hand.
    pub policies: Arc<Policies>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How much a caller may ask.
    pub limits: Arc<Limits>,
    /// The watch, unless it is off.
    pub monitor: Option<Monitor>,
    /// Whether everything runs that must.
    pub supervisor: Supervisor,
    /// The state as readers see it now.
    views: Arc<view::Views>,
    /// What cross-certificates would bring, as it was told last.
    effects: Arc<applications::Told>,
}

impl App {
    /// The service over these parts.
    #[must_use]
    pub fn new(
        ledger: Ledger,
        publisher: Publisher,
        blobs: Arc<Blobs>,
        policies: Arc<Policies>,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> Self {
        let limits = Arc::new(limits);
        let (views, effects, supervisor) = (Arc::default(), Arc::default(), Supervisor::new());
        Self {
            ledger,
            publisher,
            blobs,
            policies,
            metrics,
            limits,
            monitor: None,
            supervisor,
            views,
            effects,
        }
    }

    /// The same with the watch.
    #[must_use]
    pub fn with_monitor(self, monitor: Option<Monitor>) -> Self {
        Self { monitor, ..self }
    }

    /// The same, with who watches over the tasks.
    #[must_use]
    pub fn with_supervisor(self, supervisor: Supervisor) -> Self {
        Self { supervisor, ..self }
    }
}
