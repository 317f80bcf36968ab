//! The configuration: one TOML file, annotated in `ctl-server.example.toml`. Unknown members are refused; relative
//! paths are relative to the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_host::clock::ClockBounds;
use ctl_host::config;
pub use ctl_host::config::ConfigError;
pub use ctl_host::logging::Log;
pub use ctl_serve::Http;
use serde::Deserialize;

pub use crate::pool::Config as Pool;
pub use crate::webhooks::Webhooks;

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    /// Policies that charters may name, in addition to the built-in one.
    #[serde(default)]
    pub policies: Vec<PathBuf>,
    #[serde(default)]
    pub http: Http,
    /// Who may read the pool.
    #[serde(default)]
    pub access: crate::access::Settings,
    #[serde(default)]
    pub ledger: Ledger,
    #[serde(default)]
    pub publication: Publication,
    /// The way to the webhooks, which are another process.
    #[serde(default)]
    pub webhooks: Webhooks,
    #[serde(default)]
    pub pool: Pool,
    #[serde(default)]
    pub clock: Clock,
    #[serde(default)]
    pub log: Log,
}

/// The ledger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// How many statements may wait to be recorded before callers are refused.
    pub queue: usize,
    /// A second place for the last signed checkpoint, outside the data directory.
    pub head: Option<PathBuf>,
    /// The address of a mirror of this scheme, with a trailing slash; its checkpoint is compared with ours.
    pub mirror: Option<String>,
    /// How often it is compared.
    #[serde(with = "humantime_serde")]
    pub mirror_period: Duration,
    /// PEM files of certificates trusted for the mirror's TLS server, in addition to the system's.
    pub mirror_tls_roots: Vec<PathBuf>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            queue: 256,
            head: None,
            mirror: None,
            mirror_period: Duration::from_secs(600),
            mirror_tls_roots: Vec::new(),
        }
    }
}

/// Publication.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publication {
    /// How long the ledger must be quiet before a draft is opened.
    #[serde(with = "humantime_serde")]
    pub settle: Duration,
    /// To how many earlier versions of a document differences are served (RFC 9842).
    pub differences: u8,
}

impl Default for Publication {
    fn default() -> Self {
        Self { settle: Duration::from_secs(5), differences: 4 }
    }
}

/// The clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// As [`ClockBounds::tolerance`].
    #[serde(with = "humantime_serde")]
    pub tolerance: Duration,
    /// As [`ClockBounds::max_downtime`].
    #[serde(with = "humantime_serde")]
    pub max_downtime: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        let ClockBounds { tolerance, max_downtime } = ClockBounds::default();
        Self { tolerance, max_downtime }
    }
}

impl Clock {
    /// When the clock is believed.
    #[must_use]
    pub const fn bounds(&self) -> ClockBounds {
        ClockBounds { tolerance: self.tolerance, max_downtime: self.max_downtime }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        config::read(path, |config: &mut Self, directory| {
            let Self { data, policies, ledger, webhooks, .. } = config;
            let optional = ledger.head.iter_mut().chain(&mut webhooks.secret);
            let tls_roots = ledger.mirror_tls_roots.iter_mut().chain(&mut webhooks.tls_roots);
            config::join(directory, [data].into_iter().chain(policies).chain(optional).chain(tls_roots));
            config.http.relative_to(directory);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_the_defaults() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("ctl-server.example.toml");
        let config = Config::read(&example).unwrap();
        assert_eq!(config.http, Http::default());
        assert_eq!(config.access, crate::access::Settings::default());
        assert_eq!(config.ledger, Ledger::default());
        assert_eq!(config.publication, Publication::default());
        assert_eq!(config.webhooks, Webhooks::default());
        assert_eq!(config.pool, Pool::default());
        assert_eq!(config.clock, Clock::default());
        assert_eq!(config.log, Log::default());
        assert_eq!(config.data, example.parent().unwrap().join("data"));
    }

    #[test]
    fn tls_is_as_the_example_says() {
        let example = include_str!("../../ctl-server.example.toml");
        let (before, tls) = example.split_once("# [http.tls]\n").unwrap();
        let (tls, after) = tls.split_once("\n\n").unwrap();
        // What is a member stands there as a comment, among comments.
        let members =
            tls.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| line.contains(" = "));
        let members: Vec<&str> = members.collect();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        std::fs::write(&path, format!("{before}[http.tls]\n{}\n\n{after}", members.join("\n"))).unwrap();
        let expected = ctl_serve::settings::Tls {
            certificate: directory.path().join("tls/fullchain.pem"),
            key: directory.path().join("tls/privkey.pem"),
            client_roots: Vec::new(),
            plain: Some(([127, 0, 0, 1], 8079).into()),
            check: Duration::from_secs(5),
        };
        assert_eq!(Config::read(&path).unwrap().http.tls, Some(expected));
    }

    #[test]
    fn lists_of_the_pool_are_named_with_what_the_field_calls_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        let lists = "[pool]\nlists = [{ list = \"na\", ctl = \"american\" }, { list = \"eu\" }]";
        std::fs::write(&path, format!("data = \"d\"\n{lists}")).unwrap();
        let of = |list: &str, ctl| crate::pool::Source { list: list.parse().unwrap(), ctl };
        let expected = vec![of("na", crate::pool::Ctl::American), of("eu", crate::pool::Ctl::None)];
        assert_eq!(Config::read(&path).unwrap().pool.lists, expected);
    }

    #[test]
    fn a_word_that_nobody_knows_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        for (text, named) in [
            ("data = \"d\"\nlisten = \"127.0.0.1:1\"", "listen"),
            ("data = \"d\"\n[clock]\ntolerance = \"soon\"", "soon"),
            ("data = \"d\"\n[pool]\nlists = [{ list = \"na\", ctl = \"asian\" }]", "asian"),
            ("[http]\nconnections = 1", "data"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Config::read(&path).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
