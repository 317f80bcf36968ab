//! The configuration: one TOML file, annotated in `ctl-server.example.toml`. What is unknown is refused;
//! relative paths are relative to the file.

pub use ctl_watch::config as monitor;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_host::clock::ClockBounds;
use ctl_host::files;
use ctl_host::logging::Format;
use ctl_host::network::Network;
use ctl_host::words::Words;
use ctl_serve::Limits;
use serde::Deserialize;

pub use monitor::Monitor;

/// A configuration file is at most so many bytes.
const MAX_CONFIG: u64 = 256 * 1024;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not of the form.
    #[error("configuration {}: {error}", .path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        error: Box<toml::de::Error>,
    },
}

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// Policies that charters may name, beside the built-in one.
    #[serde(default)]
    pub policies: Vec<PathBuf>,
    /// The HTTP server.
    #[serde(default)]
    pub http: Http,
    /// The ledger.
    #[serde(default)]
    pub ledger: Ledger,
    /// Publication.
    #[serde(default)]
    pub publication: Publication,
    /// The clock.
    #[serde(default)]
    pub clock: Clock,
    /// The watch.
    #[serde(default)]
    pub monitor: Monitor,
    /// Logs.
    #[serde(default)]
    pub log: Log,
}

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// As [`Limits::writes_per_minute`].
    pub writes_per_minute: NonZeroU32,
    /// As [`Limits::write_burst`].
    pub write_burst: NonZeroU32,
    /// As [`Limits::reads_per_minute`].
    pub reads_per_minute: NonZeroU32,
    /// As [`Limits::read_burst`].
    pub read_burst: NonZeroU32,
    /// As [`Limits::file_reads_per_minute`].
    pub file_reads_per_minute: NonZeroU32,
    /// As [`Limits::file_read_burst`].
    pub file_read_burst: NonZeroU32,
    /// As [`Limits::bytes_in_flight`].
    pub bytes_in_flight: usize,
    /// As [`Limits::connections`].
    pub connections: usize,
    /// As [`Limits::connections_per_client`].
    pub connections_per_client: usize,
    /// As [`Limits::header_timeout`].
    pub header_timeout: Words,
    /// As [`Limits::body_timeout`].
    pub body_timeout: Words,
    /// As [`Limits::write_timeout`].
    pub write_timeout: Words,
    /// As [`Limits::shutdown`].
    pub shutdown: Words,
    /// As [`Limits::trusted_proxies`].
    pub trusted_proxies: Vec<Network>,
}

impl Default for Http {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            writes_per_minute: limits.writes_per_minute,
            write_burst: limits.write_burst,
            reads_per_minute: limits.reads_per_minute,
            read_burst: limits.read_burst,
            file_reads_per_minute: limits.file_reads_per_minute,
            file_read_burst: limits.file_read_burst,
            bytes_in_flight: limits.bytes_in_flight,
            connections: limits.connections,
            connections_per_client: limits.connections_per_client,
            header_timeout: Words(limits.header_timeout),
            body_timeout: Words(limits.body_timeout),
            write_timeout: Words(limits.write_timeout),
            shutdown: Words(limits.shutdown),
            trusted_proxies: limits.trusted_proxies,
        }
    }
}

impl Http {
    /// The limits of the HTTP server.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            writes_per_minute: self.writes_per_minute,
            write_burst: self.write_burst,
            reads_per_minute: self.reads_per_minute,
            read_burst: self.read_burst,
            file_reads_per_minute: self.file_reads_per_minute,
            file_read_burst: self.file_read_burst,
            bytes_in_flight: self.bytes_in_flight,
            connections: self.connections,
            connections_per_client: self.connections_per_client,
            header_timeout: self.header_timeout.0,
            body_timeout: self.body_timeout.0,
            write_timeout: self.write_timeout.0,
            shutdown: self.shutdown.0,
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }
}

/// The ledger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// How many statements may wait to be recorded before callers are turned away.
    pub queue: usize,
    /// A second place for the last signed checkpoint, outside the data directory.
    pub head: Option<PathBuf>,
    /// Where a mirror serves this scheme, with a slash at the end: its checkpoint is compared with ours.
    pub mirror: Option<String>,
    /// How often.
    pub mirror_period: Words,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { queue: 256, head: None, mirror: None, mirror_period: Words(Duration::from_secs(600)) }
    }
}

/// Publication.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publication {
    /// How long the ledger must be quiet before a draft is opened.
    pub settle: Words,
}

impl Default for Publication {
    fn default() -> Self {
        Self { settle: Words(Duration::from_secs(5)) }
    }
}

/// The clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// As [`ClockBounds::tolerance`].
    pub tolerance: Words,
    /// As [`ClockBounds::max_downtime`].
    pub max_downtime: Words,
}

impl Default for Clock {
    fn default() -> Self {
        let ClockBounds { tolerance, max_downtime } = ClockBounds::default();
        Self { tolerance: Words(tolerance), max_downtime: Words(max_downtime) }
    }
}

impl Clock {
    /// How much is believed of the clock.
    #[must_use]
    pub const fn bounds(&self) -> ClockBounds {
        ClockBounds { tolerance: self.tolerance.0, max_downtime: self.max_downtime.0 }
    }
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The form of a line.
    pub format: Format,
    /// A level, or directives by module.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: Format::default(), filter: "info".into() }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let failed = |error| ConfigError::File { path: path.to_owned(), error };
        let bytes = files::read(path, MAX_CONFIG)
            .and_then(|bytes| bytes.ok_or_else(|| std::io::ErrorKind::NotFound.into()))
            .map_err(failed)?;
        let mut config: Self = toml::from_slice(&bytes)
            .map_err(|error| ConfigError::Form { path: path.to_owned(), error: Box::new(error) })?;
        // Joining leaves absolute paths as they are.
        let directory = path.parent().unwrap_or(Path::new(""));
        config.data = directory.join(&config.data);
        config.ledger.head = config.ledger.head.map(|path| directory.join(path));
        for policy in &mut config.policies {
            *policy = directory.join(&policy);
        }
        config.monitor.relative_to(directory);
        Ok(config)
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
        assert_eq!(config.ledger, Ledger::default());
        assert_eq!(config.publication, Publication::default());
        assert_eq!(config.clock, Clock::default());
        assert_eq!(config.monitor, Monitor::default());
        assert_eq!(config.log, Log::default());
        assert_eq!(config.data, example.parent().unwrap().join("data"));
    }

    #[test]
    fn a_word_that_nobody_knows_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        for (text, named) in [
            ("data = \"d\"\nlisten = \"127.0.0.1:1\"", "listen"),
            ("data = \"d\"\n[clock]\ntolerance = \"soon\"", "soon"),
            ("[http]\nconnections = 1", "data"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Config::read(&path).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
