//! The command line.

use std::io::Write as _;
#[cfg(feature = "back-end")]
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_pki::print;

use crate::ask::command as ask;
#[cfg(feature = "back-end")]
use crate::collect::Collect;
use crate::config::{FilesConfig, SinkConfig};
use crate::contract::command::AuthorizeArguments;
use crate::daemon;
use crate::error::ClientError;
use crate::files::{self, Disk};
use crate::init::{Init, init};
#[cfg(feature = "back-end")]
use crate::metrics::{self, Shown};
use crate::sync::{Client, Machine, SyncReport};

/// Takes verified certificate trust lists into chargers, vehicles and back ends.
#[derive(Debug, Parser)]
#[command(name = "ctl-client", version)]
struct Arguments {
    /// The state directory.
    #[arg(long, value_name = "DIR", global = true)]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Begin: make a state directory from a trusted root.json.
    Init(Begin),
    /// Fetch, verify and write what is new; for ever, or once.
    Sync {
        /// Sync once; exit 0 if nothing went wrong.
        #[arg(long)]
        once: bool,
        /// Show the metrics of the last sync at this address, for Prometheus.
        #[cfg(feature = "back-end")]
        #[arg(long, value_name = "ADDRESS", conflicts_with = "once")]
        metrics: Option<SocketAddr>,
    },
    /// What is trusted, since when, how fresh, and what is wrong. Exit 1 if anything is wrong.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// With every charging station behind a back end.
        #[arg(long)]
        stations: bool,
    },
    /// What changed here, when, and by which entry of the log.
    History {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Only what changed since then: 2027-01-15T08:00:00Z, or a day.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        since: Option<Timestamp>,
    },
    /// Collect in --dir what the devices of a fleet report; say whether a roll-out goes on.
    #[cfg(feature = "back-end")]
    Collect(Box<Collect>),
    /// Verify everything kept again, and that the sinks equal it. Exit 1 if anything does not hold.
    Verify,
    /// Into which store of which sink each certificate of these files belongs, and why, or why not. Exit 1 if
    /// something in them is no certificate.
    Explain(ask::ExplainArguments),
    /// The trusted root that a name, a key identifier, a fingerprint, CertificateHashData or a certificate means, with
    /// where it is. Exit 1 if there is none.
    Resolve(ask::ResolveArguments),
    /// Whether the contract that a vehicle presents may be charged on, and if not, why and what to do. Exit 0 only if it
    /// is accepted.
    Authorize(AuthorizeArguments),
    /// Read every store of every sink as devices do, before one relies on it. Exit 1 if anything is wrong.
    Preflight(ask::PreflightArguments),
}

#[derive(Debug, clap::Args)]
struct Begin {
    /// The repository: https://…, or file:///… for a directory or USB stick.
    #[arg(long)]
    url: String,
    /// The trusted root.json, brought over a channel that you trust.
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// A list to follow; may be given several times. Without it, every list of the scheme.
    #[arg(long = "list", value_name = "ID")]
    lists: Vec<ListId>,
    /// This device's clock cannot be believed.
    #[arg(long)]
    no_clock: bool,
    /// A proxy for everything; without it the usual environment variables are honoured.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Write a directory of PEM files and bundles here.
    #[arg(long = "pem", value_name = "DIR")]
    pem: Vec<PathBuf>,
    /// Write EVerest's bundles into this certificate directory.
    #[arg(long = "everest", value_name = "DIR")]
    everest: Vec<PathBuf>,
    /// Write the root certificates of Josev (EcoG's iso15118) into this folder, its PKI_PATH.
    #[arg(long = "josev", value_name = "DIR")]
    josev: Vec<PathBuf>,
    /// Write a certs-only PKCS#7 of all roots to this file.
    #[arg(long = "p7c", value_name = "FILE")]
    p7c: Vec<PathBuf>,
    /// Write what is trusted, with the names that TLS and OCPP know it by, to this file as JSON.
    #[arg(long = "manifest", value_name = "FILE")]
    manifest: Vec<PathBuf>,
    /// Replace certificates that others put into the sinks; without it they stay, byte for byte.
    #[arg(long)]
    replace_foreign: bool,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "back-end")]
    let arguments = match arguments {
        Arguments { dir, command: Command::Collect(collect) } => return ended(collect.run(dir)),
        other => other,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(format!("no runtime: {error}")),
    };
    ended(outcome)
}

fn ended(outcome: Result<ExitCode, String>) -> ExitCode {
    outcome.unwrap_or_else(|text| {
        say_error(&format!("ctl-client: {text}"));
        ExitCode::FAILURE
    })
}

/// A closed pipe is no reason to panic.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn say_error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A moment, or a day's first.
fn moment(text: &str) -> Result<Timestamp, String> {
    let day = format!("{text}T00:00:00Z");
    text.parse().or_else(|error| day.parse().map_err(|_| format!("{error}")))
}

fn text(error: ClientError) -> String {
    error.to_string()
}

fn needed(name: &str) -> String {
    format!("{name} is needed here; see --help")
}

async fn run(arguments: Arguments) -> Result<ExitCode, String> {
    let Arguments { dir, command } = arguments;
    let directory = || dir.as_deref().ok_or_else(|| needed("--dir"));
    let client = || Client::open(directory()?, Machine::default()).map_err(text);
    let good = match command {
        Command::Init(begin) => {
            begin.run(directory()?)?;
            true
        }
        Command::Sync { once: true, .. } => {
            let report = client()?.sync().await.map_err(text)?;
            tell(&report);
            report.is_success()
        }
        #[cfg(feature = "back-end")]
        Command::Sync { metrics: Some(address), .. } => {
            let (mut client, shown) = (client()?, Shown::default());
            client.show_metrics(shown.clone());
            let (address, serving) = metrics::listen(address, shown).await?;
            say(&format!("listening on http://{address}"));
            tokio::select! {
                done = daemon::run(&mut client, tell_outcome) => done.map_err(text)?,
                () = serving => return Err("the listener has ended".into()),
            }
            true
        }
        Command::Sync { .. } => {
            daemon::run(&mut client()?, tell_outcome).await.map_err(text)?;
            true
        }
        // It has a runtime of its own.
        #[cfg(feature = "back-end")]
        Command::Collect(_) => false,
        Command::Status { json, stations } => {
            let mut status = client()?.status().await.map_err(text)?;
            if !stations {
                status.stations.clear();
            }
            match json {
                true => say(&serde_json::to_string_pretty(&status).map_err(|error| error.to_string())?),
                false => say(status.to_string().trim_end()),
            }
            !status.is_wrong()
        }
        Command::History { json, since } => {
            let history = client()?.history().map_err(text)?.since(since.unwrap_or_default());
            match json {
                true => say(&serde_json::to_string_pretty(&history).map_err(|error| error.to_string())?),
                false if history.events.is_empty() => say("nothing"),
                false => say(history.to_string().trim_end()),
            }
            if history.damaged > 0 {
                say_error(&format!(
                    "note: {} lines of the history are damaged and left out",
                    history.damaged
                ));
            }
            true
        }
        Command::Verify => {
            let found = client()?.verify().await.map_err(text)?;
            found.good.iter().for_each(|line| say(&format!("ok     {line}")));
            found.problems.iter().for_each(|line| say(&format!("WRONG  {line}")));
            found.problems.is_empty()
        }
        Command::Explain(asked) => answer(asked.run(&client()?)?),
        Command::Resolve(asked) => answer(asked.run(&client()?)?),
        Command::Authorize(asked) => answer(asked.run(client()?, say).await?),
        Command::Preflight(asked) => answer(asked.run(&client()?).await?),
    };
    Ok(ExitCode::from(u8::from(!good)))
}

fn answer(said: ask::Said) -> bool {
    say(said.text.trim_end());
    said.good
}

impl Begin {
    fn run(self, directory: &Path) -> Result<(), String> {
        let files = |path| {
            let path = std::path::absolute(path).map_err(|error| error.to_string())?;
            Ok(FilesConfig { keep_foreign: !self.replace_foreign, ..FilesConfig::at(path) })
        };
        let pem = self.pem.into_iter().map(|path| files(path).map(SinkConfig::Pem));
        let everest = self.everest.into_iter().map(|path| files(path).map(SinkConfig::Everest));
        let josev = self.josev.into_iter().map(|path| files(path).map(SinkConfig::Josev));
        let p7c = self.p7c.into_iter().map(|path| files(path).map(SinkConfig::P7c));
        let manifest = self.manifest.into_iter().map(|path| files(path).map(SinkConfig::Manifest));
        let sinks =
            pem.chain(everest).chain(josev).chain(p7c).chain(manifest).collect::<Result<_, String>>()?;
        let begin = Init {
            url: self.url,
            root: read_root(&self.root)?,
            lists: self.lists,
            clock: !self.no_clock,
            proxy: self.proxy,
            sinks,
        };
        let config = init(directory, begin, Box::new(Disk)).map_err(text)?;
        let (scheme, environment) = (config.identity.scheme, config.identity.environment);
        let place = directory.display();
        say(&format!("scheme {scheme} ({environment}): ready to sync; settings in {place}/client.toml"));
        Ok(())
    }
}

fn read_root(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = files::read(path, 1024 * 1024).map_err(text)?;
    bytes.ok_or_else(|| format!("{} does not exist", path.display()))
}

fn tell_outcome(outcome: &Result<SyncReport, ClientError>) {
    match outcome {
        Ok(report) => tell(report),
        Err(error) => say_error(&format!("sync: {error}")),
    }
}

/// One line for each thing that happened.
fn tell(report: &SyncReport) {
    for (role, sequence) in &report.accepted {
        say(&format!("accepted {role} version {sequence}"));
    }
    for sink in &report.changed {
        say(&format!("changed sink {sink}"));
    }
    for note in &report.notes {
        say_error(&format!("note: {}", print::line(note)));
    }
    for problem in &report.problems {
        say_error(&format!("problem: {}: {}", problem.about, print::line(&problem.error.to_string())));
    }
    if report.is_success() {
        say("sync complete");
    }
}
