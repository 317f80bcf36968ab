//! `ctl-server serve`: the parts are started in the order of the data's road, and stopped in reverse.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::blobs::Blobs;
use crate::clock::{GuardedClock, SystemClock};
use crate::config::Config;
use crate::governance::{Policies, Screener};
use crate::http::{self, App};
use crate::keys::Keys;
use crate::ledger::{Head, Ledger, Setup};
use crate::logging;
use crate::metrics::Metrics;
use crate::monitor::Monitor;
use crate::monitor::run::Beside;
use crate::publish::{self, Publisher};

pub(super) fn serve(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    logging::start(config.log.format, &config.log.filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(config))
}

async fn run(config: Config) -> Result<(), Failure> {
    // Before anything else, so that a signal during a long start is not lost.
    let stop = stop_signal()?;
    let keys = Arc::new(Keys::load(&config.data)?);
    let policies = Arc::new(Policies::load(&config.policies)?);
    let blobs = Arc::new(Blobs::open(&config.data)?);
    tracing::info!(data = %config.data.display(), "verifying the ledger");
    let ledger = Ledger::open(Setup {
        store: Arc::new(super::ledger::open(&config.data)?),
        keys,
        clock: Arc::new(GuardedClock::new(Arc::new(SystemClock::new()), config.clock.bounds())),
        head: Some(Head::below(&config.data)),
        queue: config.ledger.queue,
    })?;
    let snapshot = ledger.snapshot();
    policies.check(&snapshot.state.charter)?;
    tracing::info!(
        entries = snapshot.size(),
        scheme = %snapshot.state.scheme,
        environment = %snapshot.state.environment,
        "the ledger is whole"
    );
    if let Err(error) = ledger.writable() {
        tracing::error!(%error, "nothing is recorded for now");
    }
    drop(snapshot);

    let metrics = Arc::new(Metrics::new()?);
    let publication =
        publish::Config { settle: config.publication.settle.0, ..publish::Config::new(&config.data) };
    let (publisher, publishing) = Publisher::start(ledger.clone(), publication, metrics.clone())?;
    let screening = tokio::spawn(Screener::new(ledger.clone(), blobs.clone(), policies.clone()).run());
    let (monitor, watching) = if config.monitor.enabled {
        let beside = Beside {
            metrics: metrics.clone(),
            ledger: ledger.clone(),
            publisher: publisher.clone(),
            blobs: blobs.clone(),
            data: config.data.clone(),
        };
        let (monitor, watching) = Monitor::start(&beside, &config.monitor)?;
        (Some(monitor), Some(watching))
    } else {
        (None, None)
    };
    let listener = TcpListener::bind(config.http.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", config.http.listen))?;
    // The address as it is, for those who asked for port 0: on standard output, alone on its line.
    println!("listening on http://{}", listener.local_addr()?);
    tracing::info!(address = %listener.local_addr()?, "serving");
    let app = App::new(ledger.clone(), publisher, blobs, policies, metrics, config.http.limits())
        .with_monitor(monitor);
    http::serve(listener, app, stop).await;

    tracing::info!("stopping");
    if let Some(watching) = watching {
        watching.stop().await;
    }
    screening.abort();
    publishing.stop().await;
    ledger.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Ends at the first SIGINT or SIGTERM.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
