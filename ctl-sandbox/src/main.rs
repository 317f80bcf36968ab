//! Writes a set of pretend PKIs into a folder: two V2G PKIs with cross-certificates between their roots, an MO
//! root and an OEM root with their chains.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use ctl_sandbox::{Pki, PkiKind, PkiSpec, SandboxError, cross_certify, write_certificate};

/// Pretend Plug & Charge PKIs, the same from the same seed and start of validity.
#[derive(Parser)]
#[command(name = "ctl-sandbox", version)]
struct Arguments {
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
    match run(&Arguments::parse()) {
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

fn run(arguments: &Arguments) -> Result<String, SandboxError> {
    let not_before = arguments.not_before.unwrap_or_else(start_of_this_day);
    let spec = |kind, name: &str, country: &str, operator: &str| PkiSpec {
        services: arguments.services.clone(),
        ..PkiSpec::new(kind, name, country, operator, &arguments.seed, not_before)
    };
    let aurora = Pki::generate(&spec(PkiKind::V2g, "Aurora", "NL", "Aurora Charging B.V."))?;
    let borealis = Pki::generate(&spec(PkiKind::V2g, "Borealis", "US", "Borealis Trust Inc."))?;
    let cumulus = Pki::generate(&spec(PkiKind::Mo, "Cumulus", "DE", "Cumulus Mobility GmbH"))?;
    let dynamo = Pki::generate(&spec(PkiKind::Oem, "Dynamo", "FR", "Dynamo Motors S.A."))?;
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
