//! The command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tells a car and a charger which contract will work here.
#[derive(Debug, Parser)]
#[command(name = "ctl-sdp", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// At the charger: answer cars until SIGINT or SIGTERM.
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// At the charger: which mobility operators are supported by this configuration, and which are not and why.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let outcome: Result<ExitCode, String> = match command {
        Command::Serve { config } | Command::Check { config, .. } => {
            Err(format!("{}: this release cannot do that yet", config.display()))
        }
    };
    outcome.unwrap_or_else(|text| {
        let _ = writeln!(std::io::stderr(), "ctl-sdp: {text}");
        ExitCode::FAILURE
    })
}
