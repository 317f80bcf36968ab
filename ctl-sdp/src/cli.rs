//! The command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ctl_core::names::MoId;

use crate::check::check;
use crate::choose::command::Choose;
use crate::codec::{Endpoint, Identifiers, Security};
use crate::edge::interface::InterfaceName;
use crate::identifier::mo_id;
use crate::query::{Answer, Query, ask};
use crate::serve::serve;
use crate::vas::command::Vas;

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
    /// At the charger: which mobility operators are supported by this configuration, and which are not and why. Exit 1 if
    /// there is a warning.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// In the car: ask the charger which of these mobility operators it supports. Exit 1 if none answers.
    Query(Ask),
    /// In the car: which contract to present, and why. Exit 1 if only EIM is left.
    Choose(Box<Choose>),
    /// At the charger: write value-added service 64 for EVerest, and SupportedProviders of ISO 15118-20. Exit 1 if something
    /// does not fit, or there is a warning.
    Vas(Vas),
}

#[derive(Debug, clap::Args)]
struct Ask {
    /// Where the charger is, such as eth1.
    #[arg(long, value_name = "NAME")]
    interface: InterfaceName,
    /// Identifiers of mobility operators (USEVG), or the eMAIDs of contracts.
    #[arg(required = true, value_parser = mo_id)]
    identifiers: Vec<MoId>,
    /// How often to ask, a quarter of a second apart.
    #[arg(long, default_value_t = 12)]
    tries: u32,
    /// How long to wait for an answer before asking again.
    #[arg(long, value_name = "MS", default_value_t = 250)]
    wait_milliseconds: u64,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let outcome = match command {
        Command::Serve { config } => serve(&config).map(|()| ExitCode::SUCCESS),
        Command::Check { config, json } => check(&config).and_then(|check| {
            say(if json { to_json(&check)? } else { check.text() }.trim_end());
            Ok(if check.warnings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }),
        Command::Query(question) => query(question),
        Command::Vas(vas) => vas.run().map(|said| {
            say(said.text.trim_end());
            for warning in &said.warnings {
                let _ = writeln!(std::io::stderr(), "warning: {warning}");
            }
            if said.warnings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }),
        Command::Choose(choose) => choose.run().map(|(text, has_contract)| {
            say(text.trim_end());
            if has_contract { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }),
    };
    outcome.unwrap_or_else(|text| {
        let _ = writeln!(std::io::stderr(), "ctl-sdp: {text}");
        ExitCode::FAILURE
    })
}

fn query(Ask { interface, identifiers, tries, wait_milliseconds, json }: Ask) -> Result<ExitCode, String> {
    let identifiers = Identifiers::new(identifiers).map_err(|error| error.to_string())?;
    let wait = Duration::from_millis(wait_milliseconds.clamp(10, 60_000));
    let query = Query { wait, tries, ..Query::new(interface, identifiers) };
    let answers = ask(&query)?;
    if json {
        say(&to_json(&answers)?);
    } else {
        for answer in &answers {
            say(&text(answer, &query));
        }
        if answers.is_empty() {
            say("no charger answers this question: it may still take any of the contracts");
        }
    }
    Ok(if answers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn text(answer: &Answer, query: &Query) -> String {
    let Endpoint { address, port, security, .. } = answer.endpoint;
    let how = match security {
        Security::Tls => "TLS",
        Security::None => "no TLS",
    };
    let listed = |ids: Vec<&MoId>| {
        let words: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let others = query.identifiers.iter().filter(|id| !answer.supported.contains(id)).collect();
    format!(
        "{}%{}: port {port}, {how}; supports {}; does not say so of {}",
        address,
        query.interface,
        listed(answer.supported.iter().collect()),
        listed(others)
    )
}

fn to_json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}

/// A closed pipe is no reason to panic.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
