//! `ctl-watch run`: listens, then starts the parts, which are supervised while they run and stopped in reverse.

use std::path::Path;
use std::sync::Arc;

use ctl_host::process::Failure;
use ctl_serve::program::{self, Program};

use crate::config::Config;
use crate::http::{App, Requests, routes};
use crate::metrics::Metrics;
use crate::run::Watch;

pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    program::run(&config.log, watch(&config))
}

async fn watch(config: &Config) -> Result<(), Failure> {
    let program = Program::begin(&config.http).await?;
    let metrics = Arc::new(Metrics::new()?);
    let (watch, running) = Watch::start(config, &metrics)?;
    let running = running.supervised(program.supervisor());
    let requests = Arc::new(Requests::new()?);
    let app = App { watch, metrics, requests, supervisor: program.supervisor().clone() };
    program.serve((app, routes::table()), running.stop()).await
}
