//! The command line and the exit status.

mod discover;
pub mod probe;
mod run;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ctl_host::process;
pub use ctl_host::process::Failure;

/// The watch of a certificate trust list scheme: probes and judges its services from outside.
#[derive(Debug, Parser)]
#[command(name = "ctl-watch", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch until SIGINT or SIGTERM.
    Run {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Probe a service once or a few times as the watch would, and print what is wrong.
    Probe(Box<probe::Probe>),
    /// Follow the scheme once, and print what would be watched, and what is left out and why.
    Discover {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Does what the process's arguments ask for.
#[must_use]
pub fn run() -> ExitCode {
    process::run("ctl-watch", || act(std::env::args_os()))
}

/// Does what these arguments ask for; the first is the program's name.
///
/// # Errors
/// Why it failed.
pub fn act(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    match Arguments::parse_from(arguments).command {
        Command::Run { config } => run::run(&config),
        Command::Probe(arguments) => probe::run(*arguments),
        Command::Discover { config } => discover::run(&config),
    }
}
