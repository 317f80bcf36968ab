//! `ctl-watch run`: listens, then starts the parts, which are supervised while they run and stopped in reverse.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ctl_host::supervisor::Supervisor;
use ctl_host::{descriptors, logging, process};
use ctl_serve::Listeners;

use super::Failure;
use crate::config::Config;
use crate::http::{self, App, Requests};
use crate::metrics::Metrics;
use crate::run::Watch;

/// Whatever has not stopped within this time is cut off.
const STOP: Duration = Duration::from_secs(60);

pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    logging::start(config.log.format, &config.log.filter)?;
    let descriptors = descriptors::raise();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let watched = runtime.block_on(watch(config, descriptors));
    runtime.shutdown_background();
    watched
}

async fn watch(config: Config, descriptors: u64) -> Result<(), Failure> {
    // First of all, so that a signal during a long start is not lost.
    let mut stop = std::pin::pin!(process::stop_signal()?);
    let listeners = Listeners::bind(&config.http).await?;
    // For callers that asked for port 0: the real address, alone on a line of standard output.
    println!("{}", listeners.addresses()?);
    let supervisor = Supervisor::new();
    let metrics = Arc::new(Metrics::new()?);
    let (watch, running) = Watch::start(&config, &metrics)?;
    let running = running.supervised(&supervisor);
    let mut http = config.http.clone();
    http.connections = descriptors::connections(http.connections, descriptors);
    tracing::info!(address = %listeners.addresses()?.first, scheme = config.scheme.server, "watching");
    let requests = Arc::new(Requests::new()?);
    let app = App { watch, metrics, requests, supervisor: supervisor.clone() };
    let over = async {
        tokio::select! {
            () = &mut stop => {}
            () = supervisor.failed() => {}
        }
    };
    http::serve(listeners, app, http, over).await;

    tracing::info!("stopping");
    supervisor.stopping();
    let stopped = tokio::time::timeout(STOP, running.stop()).await;
    if let Some(problem) = supervisor.problem() {
        return Err(problem.into());
    }
    stopped.map_err(|_| format!("not everything stopped within {STOP:?}, and the rest was cut off"))?;
    tracing::info!("stopped");
    Ok(())
}
