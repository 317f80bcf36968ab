//! The command line and the exit status.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use ctl_host::clock::SystemClock;
use ctl_host::process::{self, Failure};
use ctl_serve::program::{self, Program};

use crate::config::Config;
use crate::http::routes;
use crate::run;

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

/// Does what the process's arguments ask for.
#[must_use]
pub fn run() -> ExitCode {
    process::run("ctl-webhooks", || act(std::env::args_os()))
}

/// Does what these arguments ask for; the first is the program's name.
///
/// # Errors
/// Why it failed.
pub fn act(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let Arguments { command: Command::Run { config } } = Arguments::parse_from(arguments);
    let config = Config::read(&config)?;
    program::run(&config.log, serve(&config))
}

async fn serve(config: &Config) -> Result<(), Failure> {
    let program = Program::begin(&config.http).await?;
    let (app, running) = run::start(config, Arc::new(SystemClock::new()), program.supervisor())?;
    program.serve((app, routes::table()), running.stop()).await
}
