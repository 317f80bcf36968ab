//! The command line: what the program is asked to do, and its exit status.

mod discover;
pub mod probe;
mod run;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ctl_host::process;

/// The watch of a scheme for certificate trust lists: its services probed and judged, from outside.
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
    /// Probe a service once or a few times, as the watch would, and say what is wrong with it.
    Probe(Box<probe::Probe>),
    /// Follow the scheme once, and print what would be watched, and what is left out and why.
    Discover {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Why a command ended without success, in words for its standard error.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Does what the arguments of the process ask for.
#[must_use]
pub fn run() -> ExitCode {
    process::restrict_umask();
    match act(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ctl-watch: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what these arguments ask for; the first is the program's name.
///
/// # Errors
/// Why that did not succeed.
pub fn act(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    match Arguments::parse_from(arguments).command {
        Command::Run { config } => run::run(&config),
        Command::Probe(arguments) => probe::run(*arguments),
        Command::Discover { config } => discover::run(&config),
    }
}
