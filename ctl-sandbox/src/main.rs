//! Writes a set of pretend PKIs into a folder, or serves them live: two V2G PKIs with cross-certificates between
//! their roots, an MO root and an OEM root with their chains.
#![forbid(unsafe_code)]

mod serving;

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand};
use ctl_sandbox::live::LiveError;
use ctl_sandbox::{Pki, PkiKind, PkiSpec, SandboxError, cross_certify, write_certificate};

const DAY: i64 = 86_400;

/// Pretend Plug & Charge PKIs, the same from the same seed and start of validity.
#[derive(Parser)]
#[command(name = "ctl-sandbox", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    files: Option<Files>,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<serving::Serve>),
    /// Lists every fault that live services can have, a line each.
    Faults,
}

/// Without a command, the PKIs are written as files.
#[derive(Args)]
struct Files {
    /// Any text: keys and serial numbers follow from it.
    #[arg(long)]
    seed: String,
    /// The folder to write to; made when missing.
    #[arg(long)]
    out: PathBuf,
    /// Where validity begins, in Unix seconds [default: the start of this day, UTC]
    #[arg(long)]
    not_before: Option<i64>,
    /// Base URL of OCSP responders and CRLs named in the certificates [default: none are named]
    #[arg(long)]
    services: Option<String>,
}

fn main() -> ExitCode {
    let result = match Arguments::parse() {
        Arguments { command: Some(Command::Serve(serve)), .. } => run_live(*serve).map(|()| String::new()),
        Arguments { command: Some(Command::Faults), .. } => Ok(serving::faults()),
        Arguments { files: Some(files), .. } => run(&files).map_err(LiveError::from),
        Arguments { command: None, files: None } => {
            eprintln!("ctl-sandbox: say where to write to, or what to do; see --help");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(lines) => {
            print!("{lines}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ctl-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_live(serve: serving::Serve) -> Result<(), LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| LiveError::Runtime(error.to_string()))?;
    let (seed, not_before) = serve.seed();
    let specs = specs(seed, not_before.unwrap_or_else(|| start_of_this_day() - DAY));
    runtime.block_on(serve.run(specs.into()))
}

/// Aurora, Borealis, Cumulus, Dynamo.
fn specs(seed: &str, not_before: i64) -> [PkiSpec; 4] {
    let spec = |kind, name: &str, country: &str, operator: &str| {
        PkiSpec::new(kind, name, country, operator, seed, not_before)
    };
    [
        spec(PkiKind::V2g, "Aurora", "NL", "Aurora Charging B.V."),
        spec(PkiKind::V2g, "Borealis", "US", "Borealis Trust Inc."),
        spec(PkiKind::Mo, "Cumulus", "DE", "Cumulus Mobility GmbH"),
        spec(PkiKind::Oem, "Dynamo", "FR", "Dynamo Motors S.A."),
    ]
}

fn run(arguments: &Files) -> Result<String, SandboxError> {
    let not_before = arguments.not_before.unwrap_or_else(start_of_this_day);
    let generate = |spec| Pki::generate(&PkiSpec { services: arguments.services.clone(), ..spec });
    let [aurora, borealis, cumulus, dynamo] = specs(&arguments.seed, not_before).map(generate);
    let (aurora, borealis, cumulus, dynamo) = (aurora?, borealis?, cumulus?, dynamo?);
    let mut lines = String::new();
    for pki in [&aurora, &borealis, &cumulus, &dynamo] {
        let folder = arguments.out.join(pki.spec().slug());
        pki.write_to(&folder)?;
        lines += &line(&folder, pki.root().certificate().subject());
    }
    let folder = arguments.out.join("cross");
    fs::create_dir_all(&folder).map_err(|source| SandboxError::Write { path: folder.clone(), source })?;
    for (issuer, subject) in [(&aurora, &borealis), (&borealis, &aurora)] {
        let root = issuer.root();
        let certificate =
            cross_certify(root, subject.root().certificate(), not_before, root.certificate().not_after())?;
        let name = format!("{}-by-{}", subject.spec().slug(), issuer.spec().slug());
        write_certificate(&folder, &name, &certificate)?;
        lines += &line(&folder.join(format!("{name}.pem")), certificate.subject());
    }
    Ok(lines)
}

fn line(path: &Path, what: impl Display) -> String {
    format!("{}  {what}\n", path.display())
}

fn start_of_this_day() -> i64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds - seconds % 86_400).unwrap_or(0)
}
