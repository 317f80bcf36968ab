//! Beginning: a state directory from a `root.json` that somebody brought over a channel they trust.

use std::path::Path;

use ctl_core::Digest;
use ctl_core::names::{Environment, ListId};
use ctl_core::tuf::{Limits, verify::trusted_root};

use crate::config::{Config, Identity, SinkConfig};
use crate::error::ClientError;
use crate::files::Files;
use crate::local::Local;
use crate::state::StateDirectory;
use crate::sync::Trust;
use crate::transport::{Source, TransportOptions};

/// What a client begins with.
#[derive(Clone, Debug)]
pub struct Init {
    /// The repository.
    pub url: String,
    /// The trusted `root.json`.
    pub root: Vec<u8>,
    /// The lists to follow; none for every list of the scheme.
    pub lists: Vec<ListId>,
    /// Whether this device's clock may be believed.
    pub clock: bool,
    /// A proxy.
    pub proxy: Option<String>,
    /// Where anchors are put.
    pub sinks: Vec<SinkConfig>,
}

/// Makes a state directory. Nothing is fetched yet. Gives the configuration that it wrote.
///
/// # Errors
/// [`ClientError::AlreadyInitialised`]; [`ClientError::Tuf`], [`ClientError::NoScheme`] if the root
/// cannot be used; [`ClientError::Fetch`] for an address that cannot be used; [`ClientError::File`].
pub fn init(path: &Path, begin: Init, files: Box<dyn Files>) -> Result<Config, ClientError> {
    let transport = TransportOptions { proxy: begin.proxy.clone(), ..TransportOptions::default() };
    Source::open(&begin.url, &transport)?;
    let root = trusted_root(&begin.root, &Limits::default())?.signed;
    // Checks that there is such a member, and that log and witness keys can be used.
    let trust = Trust::of(&root)?;
    let refused = |problem: &str| ClientError::NoScheme { version: root.version, problem: problem.into() };
    let v2g = trust.root.v2g.as_ref().ok_or_else(|| refused("there is none"))?;
    let environment = match v2g.environment.as_str() {
        "production" => Environment::Production,
        "test" => Environment::Test,
        _ => return Err(refused("its environment is neither test nor production")),
    };
    let config = Config {
        url: begin.url,
        lists: begin.lists,
        registry: true,
        clock: begin.clock,
        proxy: begin.proxy,
        interval_seconds: crate::config::default_interval(),
        grace_seconds: crate::config::default_grace(),
        device: None,
        local: Local::default(),
        identity: Identity { root_sha256: Digest::of(&begin.root), scheme: v2g.scheme, environment },
        report: None,
        metrics: None,
        sink: begin.sinks,
    };
    let directory = StateDirectory::create(path, &begin.root, files)?;
    // Last: a directory without it is none, so that an interrupted init can be repeated.
    config.write(directory.files(), path)?;
    Ok(config)
}
