//! With whom the operator has agreements, from where that is known: a file, a program, an address of the back end.

pub mod read;

use std::path::PathBuf;
use std::time::Duration;

use ctl_client::transport::{Source as Address, TransportOptions};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use crate::supported::Agreements;
use read::{MAX_BYTES, Read, read};

/// How long a program or an address may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where agreements are known from: the section `[agreements]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// With everybody in the registry.
    Registry {},
    /// A file.
    File { path: PathBuf },
    /// What a program writes to its standard output.
    Command { program: Vec<String> },
    /// What an address answers.
    Http { url: String },
}

impl Source {
    /// What is wrong with it, and what to write instead.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Registry {} => None,
            Self::File { path } => {
                (!path.is_absolute()).then(|| "[agreements] path: write an absolute path".into())
            }
            Self::Command { program } => {
                program.is_empty().then(|| "[agreements] program: name a program and its arguments".into())
            }
            Self::Http { url } => {
                let split = split(url);
                split
                    .is_none()
                    .then(|| format!("[agreements] url {url:?}: write http:// or https:// with a path"))
            }
        }
    }

    /// Asks it.
    ///
    /// # Errors
    /// Why it cannot be used, in words. What was known before stays known.
    pub async fn ask(&self) -> Result<(Agreements, Vec<String>), String> {
        let (place, bytes) = match self {
            Self::Registry {} => return Ok((Agreements::Registry, Vec::new())),
            Self::File { path } => {
                let bytes = ctl_client::files::read(path, MAX_BYTES).map_err(|error| error.to_string())?;
                (
                    path.display().to_string(),
                    bytes.ok_or_else(|| format!("{} does not exist", path.display()))?,
                )
            }
            Self::Command { program } => {
                let place = program.first().cloned().unwrap_or_default();
                let output = tokio::time::timeout(PATIENCE, output(program));
                let late = |_| format!("{place} took more than {} seconds", PATIENCE.as_secs());
                let bytes = output.await.map_err(late)?.map_err(|problem| format!("{place}: {problem}"))?;
                (place, bytes)
            }
            Self::Http { url } => {
                let (base, path) = split(url).ok_or_else(|| self.problem().unwrap_or_default())?;
                let options = TransportOptions { total: PATIENCE, ..TransportOptions::default() };
                let source = Address::open(base, &options).map_err(|error| error.to_string())?;
                let bytes = source.fetch(path, MAX_BYTES).await.map_err(|error| error.to_string())?;
                (
                    "the address in [agreements]".into(),
                    bytes.ok_or("the address in [agreements] answers 404")?,
                )
            }
        };
        let Read { with, problems } = read(&bytes).map_err(|problem| format!("{place}: {problem}"))?;
        Ok((
            Agreements::With(with),
            problems.into_iter().map(|problem| format!("{place}: {problem}")).collect(),
        ))
    }
}

/// An address as a folder and a file in it.
fn split(url: &str) -> Option<(&str, &str)> {
    let after = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let slash = after.rfind('/')?;
    let (base, path) = url.split_at(url.len().checked_sub(after.len())?.checked_add(slash)?.checked_add(1)?);
    (!path.is_empty()).then_some((base, path))
}

async fn output(program: &[String]) -> Result<Vec<u8>, String> {
    let (name, arguments) = program.split_first().ok_or("no program is named")?;
    let mut child = tokio::process::Command::new(name)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        stdout.take(limit).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    }
    if bytes.len() > MAX_BYTES {
        return Err(format!("it writes more than {MAX_BYTES} bytes"));
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() { Ok(bytes) } else { Err(format!("it failed with {status}")) }
}
