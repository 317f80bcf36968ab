//! The command line and the exit status.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ctl_host::clock::SystemClock;
use ctl_host::supervisor::Supervisor;
use ctl_host::{descriptors, logging, process};
use ctl_serve::Listeners;

use crate::config::Config;
use crate::{http, run};

/// Tells the subscribers of a root pool which roots were added, have expired or were revoked.
#[derive(Debug, Parser)]
#[command(name = "ctl-webhooks", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the lists and tell subscribers, until SIGINT or SIGTERM.
    Run {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Why a command failed, for standard error.
type Failure = Box<dyn Error + Send + Sync>;

/// Whatever has not stopped within this time is cut off.
const STOP: Duration = Duration::from_secs(60);

/// Does what the process's arguments ask for.
#[must_use]
pub fn run() -> ExitCode {
    process::restrict_umask();
    let Arguments { command: Command::Run { config } } = Arguments::parse();
    match serve(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ctl-webhooks: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    logging::start(config.log.format, &config.log.filter)?;
    let descriptors = descriptors::raise();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(until_told(config, descriptors));
    runtime.shutdown_background();
    served
}

async fn until_told(config: Config, descriptors: u64) -> Result<(), Failure> {
    // First of all, so that a signal during a long start is not lost.
    let mut stop = std::pin::pin!(process::stop_signal()?);
    let mut limits = config.http.clone();
    let listeners = Listeners::bind(&limits).await?;
    let supervisor = Supervisor::new();
    let (app, running) = run::start(&config, Arc::new(SystemClock::new()), &supervisor)?;
    // For callers that asked for port 0: the real address, alone on a line of standard output.
    println!("{}", listeners.addresses()?);
    limits.connections = descriptors::connections(limits.connections, descriptors);
    tracing::info!(address = %listeners.addresses()?.first, service = config.scheme.server, "telling");
    let over = async {
        tokio::select! {
            () = &mut stop => {}
            () = supervisor.failed() => {}
        }
    };
    http::serve(listeners, app, limits, over).await;

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
