//! The command line by which the public TUF conformance suite drives a client: the client's transport and
//! files with `ctl_core`'s workflow, metadata under non-versioned names in one directory, nothing of lists,
//! logs and sinks.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ctl_client::ClientError;
use ctl_client::files::{self, Disk};
use ctl_client::folder::Folder;
use ctl_client::sync::{system_time, take_steps};
use ctl_client::transport::{Source, TransportOptions};
use ctl_core::tuf::paths::encode_segment;
use ctl_core::tuf::verify::trusted_root;
use ctl_core::tuf::{Clock, Limits, LocalMetadata, Updater};

const ROOT: &str = "root.json";

/// A TUF client for the conformance suite.
#[derive(Debug, Parser)]
#[command(name = "ctl-tuf-client", version)]
struct Arguments {
    /// Where metadata is kept.
    #[arg(long, value_name = "DIR")]
    metadata_dir: PathBuf,
    /// Where metadata is fetched from.
    #[arg(long, value_name = "URL")]
    metadata_url: Option<String>,
    /// A target to download; may be given several times.
    #[arg(long = "target-name", value_name = "NAME")]
    target_names: Vec<String>,
    /// Where targets are fetched from.
    #[arg(long, value_name = "URL")]
    target_base_url: Option<String>,
    /// Where targets are written.
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take this root as trusted.
    Init {
        /// A root.json.
        trusted_root: PathBuf,
    },
    /// Refresh the metadata.
    Refresh,
    /// Refresh the metadata and download the targets.
    Download,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ctl-tuf-client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { metadata_dir, metadata_url, target_names, target_base_url, target_dir, command } =
        arguments;
    let needed = |name: &str| format!("{name} is needed here; see --help");
    let url = || metadata_url.as_deref().ok_or_else(|| needed("--metadata-url"));
    match command {
        Command::Init { trusted_root: path } => {
            let root = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            trusted_root(&root, &Limits::default())?;
            let folder = files::create_directories(&Disk, &metadata_dir)?;
            files::replace(&Disk, &folder, ROOT, &root)?;
        }
        Command::Refresh => Repository::refreshed(&metadata_dir, url()?).await.map(drop)?,
        Command::Download => {
            let base = target_base_url.ok_or_else(|| needed("--target-base-url"))?;
            let folder = target_dir.ok_or_else(|| needed("--target-dir"))?;
            let mut repository = Repository::refreshed(&metadata_dir, url()?).await?;
            repository.download(&target_names, &base, &folder).await?;
        }
    }
    Ok(())
}

fn load(metadata: &Folder) -> Result<LocalMetadata, ClientError> {
    let failed = |source| ClientError::file("read", metadata.path(), source);
    let limits = Limits::default();
    let most = limits.targets.max(limits.snapshot);
    let mut found = BTreeMap::new();
    for name in metadata.names().map_err(failed)? {
        let Ok(name) = name.into_string() else { continue };
        if name.ends_with(".json")
            && !name.starts_with('.')
            && let Some(bytes) = files::read_in(metadata, &name, most)?
        {
            found.insert(name, bytes);
        }
    }
    let path = metadata.path().join(ROOT);
    let root = found.remove(ROOT).ok_or(ClientError::RootDamaged { path })?;
    Ok(LocalMetadata { root, files: found })
}

/// A repository with what is kept of it.
struct Repository {
    updater: Updater,
    metadata: Folder,
    source: Source,
}

impl Repository {
    async fn refreshed(metadata: &Path, url: &str) -> Result<Self, ClientError> {
        let source = Source::open(url, &TransportOptions::default())?;
        let metadata = files::create_directories(&Disk, metadata)?;
        let updater = Updater::new(load(&metadata)?, Clock::Known(system_time()), Limits::default())?;
        let mut repository = Self { updater, metadata, source };
        repository.take_steps().await?;
        Ok(repository)
    }

    async fn take_steps(&mut self) -> Result<(), ClientError> {
        let keep = |name: String, bytes: Option<Vec<u8>>| match bytes {
            Some(bytes) => files::replace(&Disk, &self.metadata, &name, &bytes),
            None => files::remove(&Disk, &self.metadata, name.as_ref()),
        };
        take_steps(&mut self.updater, &self.source, "", |_| None, keep).await
    }

    /// Downloads these targets, but for those that are there already.
    async fn download(&mut self, names: &[String], base: &str, folder: &Path) -> Result<(), ClientError> {
        let targets = Source::open(base, &TransportOptions::default())?;
        let folder = files::create_directories(&Disk, folder)?;
        for name in names {
            self.updater.seek(name)?;
            self.take_steps().await?;
            let missing = || ClientError::NotPublished { name: name.clone(), had: false };
            let target = self.updater.found().ok_or_else(missing)?;
            let limit = usize::try_from(target.length).unwrap_or(usize::MAX);
            // No name leads out of the folder.
            let place = encode_segment(name);
            let held = files::read_in(&folder, &place, limit).ok().flatten();
            if held.is_some_and(|bytes| target.check(&bytes).is_ok()) {
                continue;
            }
            let path: Vec<String> = target.path.split('/').map(encode_segment).collect();
            let bytes = targets.fetch(&path.join("/"), limit).await?.ok_or_else(missing)?;
            // Nothing refused is ever left in the folder.
            target.check(&bytes)?;
            files::replace(&Disk, &folder, &place, &bytes)?;
        }
        Ok(())
    }
}
