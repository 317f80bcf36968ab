//! The configuration: one TOML file, annotated in `ctl-webhooks.example.toml`. Unknown members are refused; relative paths
//! are relative to the file.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_fetch::Options;
use ctl_host::config::{self, ConfigError, positive};
use ctl_host::logging::Log;
use ctl_serve::Http;
use serde::Deserialize;

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    /// The scheme whose lists are followed.
    pub scheme: Scheme,
    #[serde(default = "listening")]
    pub http: Http,
    #[serde(default)]
    pub webhooks: Webhooks,
    /// Which addresses endpoints may have, and the limits of requests to them.
    #[serde(default)]
    pub fetch: Options,
    #[serde(default)]
    pub log: Log,
}

/// The scheme whose lists are followed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The address of the service or mirror.
    pub server: String,
    /// A root.json of the scheme, of any age, from a trusted source.
    pub root: PathBuf,
    pub lists: Vec<ListId>,
    /// PEM files of certificates that are trusted for the service's TLS, in addition to the system's.
    #[serde(default)]
    pub tls_roots: Vec<PathBuf>,
    /// How often the lists are fetched.
    #[serde(default = "a_minute", deserialize_with = "positive")]
    pub every: Duration,
}

const fn a_minute() -> Duration {
    Duration::from_secs(60)
}

impl Scheme {
    /// The roles whose documents are followed.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        self.lists.iter().cloned().map(Role::List).chain([Role::Notices]).collect()
    }
}

/// The defaults suit one caller, on the same machine, that asks for many.
fn listening() -> Http {
    let often = NonZeroU32::MIN.saturating_add(5_999);
    let listen = SocketAddr::from(([127, 0, 0, 1], 8082));
    Http { listen, writes_per_minute: often, write_burst: often, ..Http::default() }
}

/// What endpoints there may be, and how they are told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// The file with the secret that is shared with the server.
    pub secret: PathBuf,
    /// Whether endpoints may be called by plain HTTP.
    pub plain_http: bool,
    /// How long a delivery may take.
    #[serde(deserialize_with = "positive")]
    pub timeout: Duration,
    /// How often one is tried again.
    pub retries: u32,
    /// After what time.
    #[serde(deserialize_with = "positive")]
    pub retry_after: Duration,
    /// Deliveries that are under way at once.
    pub concurrency: NonZeroUsize,
    pub endpoints_per_client: u32,
    /// Endpoints of all clients.
    pub endpoints: u32,
    /// Deliveries that may wait for one endpoint.
    pub waiting_per_endpoint: u32,
    /// Past deliveries that are kept for one endpoint.
    pub log_per_endpoint: u32,
    /// How long past deliveries are kept.
    #[serde(deserialize_with = "positive")]
    pub keep: Duration,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            secret: "forward.secret".into(),
            plain_http: false,
            timeout: Duration::from_secs(10),
            retries: 3,
            retry_after: Duration::from_secs(3600),
            concurrency: NonZeroUsize::MIN.saturating_add(63),
            endpoints_per_client: 10,
            endpoints: 1000,
            waiting_per_endpoint: 500,
            log_per_endpoint: 500,
            keep: Duration::from_secs(30 * 86_400),
        }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        config::read(path, |config: &mut Self, directory| {
            let own = [&mut config.data, &mut config.scheme.root, &mut config.webhooks.secret];
            config::join(directory, own.into_iter().chain(&mut config.scheme.tls_roots));
            config.http.relative_to(directory);
            config.fetch.relative_to(directory);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_the_defaults() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("ctl-webhooks.example.toml");
        let config = Config::read(&example).unwrap();
        let directory = example.parent().unwrap();
        assert_eq!(config.http, listening());
        let webhooks = Webhooks { secret: directory.join("forward.secret"), ..Webhooks::default() };
        assert_eq!(config.webhooks, webhooks);
        assert_eq!(config.fetch, Options::default());
        assert_eq!(config.log, Log::default());
        assert_eq!((config.scheme.every, config.scheme.roles().len()), (a_minute(), 2));
        assert_eq!((config.data, config.scheme.root), (directory.join("data"), directory.join("root.json")));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in ["timeout = \"0s\"", "retry_after = \"soon\"", "concurrency = 0", "redirects = true"] {
            assert!(toml::from_str::<Webhooks>(text).is_err(), "{text}");
        }
    }
}
