//! Starts and stops the parts: one follows the lists, one brings what follows from them to the endpoints.

use std::sync::Arc;

use ctl_fetch::Fetcher;
use ctl_fetch::guard::Guard;
use ctl_host::clock::Clock;
use ctl_host::supervisor::Supervisor;
use ctl_serve::forward::ForwardSecret;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::courier::{Courier, Rules};
use crate::endpoint::Places;
use crate::error::StartError;
use crate::follow::{Follower, Shared};
use crate::http::App;
use crate::metrics::Metrics;
use crate::retry::Retry;
use crate::store::Store;

/// The tasks.
pub struct Running {
    stop: [oneshot::Sender<()>; 2],
    tasks: [JoinHandle<()>; 2],
}

impl Running {
    /// Ends them, and waits for the attempts that are under way.
    pub async fn stop(self) {
        // A task that has ended by itself is the supervisor's business.
        for stop in self.stop {
            let _ = stop.send(());
        }
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Starts everything but the listener, for which the app is. Reads files; must be called within a runtime.
///
/// # Errors
/// [`StartError`]
pub fn start(
    config: &Config,
    clock: Arc<dyn Clock>,
    supervisor: &Supervisor,
) -> Result<(App, Running), StartError> {
    let (rules, fetch) = (&config.webhooks, &config.fetch);
    let failed = |error| StartError::Store { path: config.data.clone(), error };
    let store = Arc::new(Store::open(&config.data).map_err(failed)?);
    let secret = ForwardSecret::read_or_make(&rules.secret)?;
    let (metrics, wake) = (Arc::new(Metrics::new()?), Arc::new(Notify::new()));
    let (told, standing) = watch::channel(Default::default());
    let shared = Shared {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        metrics: Arc::clone(&metrics),
        told,
        wake: Arc::clone(&wake),
    };
    let follower = Follower::new(&config.scheme, rules.waiting_per_endpoint, shared)?;
    let courier = Courier {
        store: Arc::clone(&store),
        fetcher: Fetcher::new(fetch)?,
        clock: Arc::clone(&clock),
        metrics: Arc::clone(&metrics),
        wake,
        rules: Rules {
            retry: Retry { retries: rules.retries, after: rules.retry_after },
            timeout: rules.timeout,
            concurrency: rules.concurrency.get(),
            keep: (rules.keep, rules.log_per_endpoint),
        },
    };
    let places =
        Places { guard: Guard::new(fetch.allow.clone(), fetch.ports.clone()), plain_http: rules.plain_http };
    let app = App {
        store,
        clock,
        metrics,
        secret,
        places: Arc::new(places),
        rules: Arc::new(rules.clone()),
        roles: config.scheme.roles().into(),
        standing,
        supervisor: supervisor.clone(),
    };
    let ((stop_following, following_stopped), (stop, stopped)) = (oneshot::channel(), oneshot::channel());
    let tasks = [
        supervisor.watch("following the lists", tokio::spawn(follower.run(following_stopped))),
        supervisor.watch("the courier", tokio::spawn(courier.run(stopped))),
    ];
    Ok((app, Running { stop: [stop_following, stop], tasks }))
}
