//! The HTTP interface: the endpoint API of OPCP and OPNC for callers that the server names, and health and metrics for who
//! runs the program. Errors of the API have the pool's form.

mod caller;
mod endpoints;
mod health;
mod refusal;
pub mod routes;

use std::convert::Infallible;
use std::sync::Arc;

use ctl_core::role::Role;
use ctl_host::clock::Clock;
use ctl_host::supervisor::Supervisor;
use ctl_serve::forward::ForwardSecret;
use ctl_serve::metrics::RequestMetrics;
use ctl_serve::{Moment, Service};
use tokio::sync::watch;

use crate::config::Webhooks;
use crate::endpoint::Places;
use crate::follow::Standing;
use crate::metrics::Metrics;
use crate::store::Store;

/// What the handlers share. Clones are cheap.
#[derive(Clone)]
pub struct App {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// By which the server is known.
    pub secret: ForwardSecret,
    /// Which addresses endpoints may have.
    pub places: Arc<Places>,
    pub rules: Arc<Webhooks>,
    /// What is followed.
    pub roles: Arc<[Role]>,
    /// How following stands.
    pub standing: watch::Receiver<Standing>,
    /// Knows whether every part still runs.
    pub supervisor: Supervisor,
}

impl Service for App {
    type File = Infallible;

    fn requests(&self) -> &RequestMetrics {
        self.metrics.requests()
    }

    fn moment(&self) -> Moment {
        Moment { version: 0, second: Some(self.clock.now()) }
    }
}
