//! The configuration: one TOML file, annotated in `ctl-watch.example.toml`. Unknown members are refused; relative paths
//! are relative to the file.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ctl_core::names::ParticipantId;
use ctl_core::{Digest, PrivateKey};
use ctl_fetch::Options;
use ctl_host::config::{self, ConfigError, positive};
use ctl_host::files;
use ctl_host::logging::Log;
use ctl_policy::sla::Kind;
use ctl_replica::{Confirmed, News, Trust};
use ctl_serve::Http;
use serde::{Deserialize, Deserializer};

use super::error::StartError;

/// The largest key file that is read, in bytes.
const MAX_KEY: u64 = 16 * 1024;

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    /// The scheme that is followed.
    pub scheme: Scheme,
    #[serde(default = "listening")]
    pub http: Http,
    /// What is watched, how often, and with which key the watcher signs.
    #[serde(default)]
    pub watch: Watch,
    /// Other people's lists and pools that are followed.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Which addresses the watch may call, and the limits of its requests.
    #[serde(default)]
    pub fetch: Options,
    #[serde(default)]
    pub log: Log,
}

/// The default suits a watch on the same machine as a server.
fn listening() -> Http {
    Http { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), ..Http::default() }
}

/// The scheme that is followed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The address of the service.
    pub server: String,
    /// The scheme's id, from a trusted source. Either this or `root`.
    pub id: Option<Digest>,
    /// A root.json of the scheme, of any age.
    pub root: Option<PathBuf>,
    /// PEM files of certificates that are trusted for the service's TLS, in addition to the system's.
    #[serde(default)]
    pub tls_roots: Vec<PathBuf>,
    /// How often the log is fetched.
    #[serde(default = "five_seconds", deserialize_with = "positive")]
    pub every: Duration,
    /// The number of the restart of the log that a person has confirmed.
    pub restart: Option<usize>,
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

impl Scheme {
    /// How to follow the scheme, remembering it in a folder.
    ///
    /// # Errors
    /// Unless exactly one of id and root is given, and the server is one.
    pub fn replica(&self, folder: &Path) -> Result<ctl_replica::Options, StartError> {
        Ok(self.replica_without_memory()?.remembering(folder))
    }

    /// The same without a folder.
    ///
    /// # Errors
    /// As [`Scheme::replica`].
    pub fn replica_without_memory(&self) -> Result<ctl_replica::Options, StartError> {
        if self.server.starts_with("file:") {
            return Err(StartError::NoServer(self.server.clone()));
        }
        let trust = match (&self.id, &self.root) {
            (Some(id), None) => Trust::Scheme(*id),
            (None, Some(root)) => Trust::Root(root.clone()),
            _ => return Err(StartError::Scheme),
        };
        let options = ctl_replica::Options::new(self.server.clone(), trust);
        let confirmed = Confirmed { restart: self.restart, ..Confirmed::default() };
        let listener = Arc::new(|news: &News| tracing::error!("{news}"));
        Ok(ctl_replica::Options { confirmed, listener, tls_roots: self.tls_roots.clone(), ..options })
    }

    /// How to ask the service itself; its address comes from the configuration and may be a local one.
    #[must_use]
    pub fn fetching(&self) -> Options {
        Options::for_own_addresses(self.tls_roots.clone())
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        config::read(path, |config: &mut Self, directory| {
            let Scheme { root, tls_roots, .. } = &mut config.scheme;
            config::join(directory, [&mut config.data].into_iter().chain(root).chain(tls_roots));
            config.http.relative_to(directory);
            config.watch.relative_to(directory);
            config.fetch.relative_to(directory);
            config.sources.iter_mut().for_each(|source| source.source.relative_to(directory));
        })
    }
}

/// A list or pool of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in metrics and paths.
    pub name: ParticipantId,
    /// How often it is read.
    #[serde(default = "one_hour", deserialize_with = "positive")]
    pub period: Duration,
    #[serde(rename = "at")]
    pub source: ctl_sources::Source,
}

const fn one_hour() -> Duration {
    Duration::from_secs(3600)
}

/// The watch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// The watcher's private key, which signs breaches and reports. Without it nothing is recorded.
    #[serde(deserialize_with = "path_or_none")]
    pub key: Option<PathBuf>,
    /// From where it looks, in a few words: its pages say so.
    pub place: String,
    /// How often a target is probed.
    #[serde(deserialize_with = "positive")]
    pub period: Duration,
    /// The service level policy; by default the one built into the release.
    #[serde(deserialize_with = "path_or_none")]
    pub service_levels: Option<PathBuf>,
    /// How long hourly counts, incidents and evidence are kept.
    #[serde(with = "humantime_serde")]
    pub rollups: Duration,
    /// Bytes on the disk for all of these.
    pub max_bytes: NonZeroU64,
    /// Targets in addition to those of lists and applications.
    pub targets: Vec<ConfiguredTarget>,
    /// Certificates whose status is known; OCSP responders are asked about them.
    pub canaries: Vec<Canary>,
}

/// A target that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredTarget {
    pub operator: ParticipantId,
    pub kind: Kind,
    pub url: String,
}

/// Certificates of one issuer whose status is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// SHA-256 of the issuer's certificate.
    pub issuer: Digest,
    /// Files, PEM or DER, of valid certificates.
    #[serde(default)]
    pub good: Vec<PathBuf>,
    /// Serial numbers that are revoked.
    #[serde(default)]
    pub revoked: Vec<Serial>,
}

/// A serial number, in hex with or without colons; kept in its shortest form, as in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Serial(pub Box<[u8]>);

impl TryFrom<String> for Serial {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || format!("{text:?} is no serial number in hex, like \"01:a2:ff\"");
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        if digits.is_empty() || digits.len() > 64 {
            return Err(refused());
        }
        let even = if digits.len().is_multiple_of(2) { digits } else { format!("0{digits}") };
        let bytes = hex::decode(even).map_err(|_| refused())?;
        // Two's complement: leading zeros go, except one before a set high bit.
        let mut number: &[u8] = &bytes;
        while let [0, rest @ ..] = number
            && !rest.is_empty()
        {
            number = rest;
        }
        let sign: &[u8] = if number.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
        Ok(Self([sign, number].concat().into_boxed_slice()))
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            key: None,
            place: String::new(),
            period: Duration::from_secs(30),
            service_levels: None,
            // Three years of 365.25 days, as `humantime` counts them.
            rollups: Duration::from_secs(3 * 31_557_600),
            max_bytes: NonZeroU64::MIN.saturating_add((2 << 30) - 1),
            targets: Vec::new(),
            canaries: Vec::new(),
        }
    }
}

impl Watch {
    /// The watcher's private key, if the configuration names one.
    ///
    /// # Errors
    /// The file cannot be read, others may read it too, or it holds no key.
    pub fn signer(&self) -> Result<Option<PrivateKey>, StartError> {
        let Some(path) = &self.key else { return Ok(None) };
        let failed = |why: String| StartError::Key { path: path.clone(), why };
        let pem = files::read_secret(path, MAX_KEY).map_err(|error| failed(error.to_string()))?;
        let pem = pem.ok_or_else(|| failed("there is no such file".into()))?;
        let key = PrivateKey::from_pem(&String::from_utf8_lossy(&pem));
        key.map(Some).map_err(|error| failed(error.to_string()))
    }

    /// Makes the paths relative to a directory.
    pub fn relative_to(&mut self, directory: &Path) {
        let canaries = self.canaries.iter_mut().flat_map(|canary| &mut canary.good);
        config::join(directory, self.key.iter_mut().chain(&mut self.service_levels).chain(canaries));
    }
}

fn path_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text.is_empty() { None } else { Some(text.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_the_defaults() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("ctl-watch.example.toml");
        let config = Config::read(&example).unwrap();
        assert_eq!(config.http, listening());
        assert_eq!(config.watch, Watch::default());
        assert_eq!(config.fetch, Options::default());
        assert_eq!(config.log, Log::default());
        assert_eq!((config.scheme.every, config.scheme.restart), (five_seconds(), None));
        assert_eq!(config.data, example.parent().unwrap().join("data"));
    }

    #[test]
    fn a_scheme_is_known_in_one_way() {
        let scheme = |known: &str| -> Scheme {
            toml::from_str(&format!("server = \"http://ctl.example\"\n{known}")).unwrap()
        };
        let id = format!("id = \"{}\"", "0".repeat(64));
        assert!(scheme(&id).replica_without_memory().is_ok());
        let mut files = scheme(&id);
        files.server = "file:///mirror".into();
        let error = files.replica_without_memory().err().unwrap().to_string();
        assert!(error.contains("file:///mirror") && error.contains("http"), "{error}");
        for known in ["", &format!("{id}\nroot = \"root.json\"")] {
            let error = scheme(known).replica_without_memory().err().unwrap().to_string();
            assert!(error.contains("id and root"), "{error}");
        }
    }

    #[test]
    fn serial_numbers_are_as_in_certificates() {
        for (text, serial) in [
            ("1", &[1][..]),
            ("00:00:01", &[1]),
            ("ff", &[0, 0xff]),
            ("00ff", &[0, 0xff]),
            ("0", &[0]),
            ("7F:00", &[0x7f, 0]),
        ] {
            assert_eq!(*Serial::try_from(text.to_owned()).unwrap().0, *serial, "{text}");
        }
        for text in ["", ":", "0x1", "g", &"1".repeat(65)] {
            assert!(Serial::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_whole_section_is_read_and_its_paths_are_relative_to_the_file() {
        let text = r#"
            key = "watcher.pem"
            period = "5s"
            service_levels = "sla.toml"
            [[targets]]
            operator = "volt"
            kind = "root-pool"
            url = "https://pki.example/opcp"
            [[canaries]]
            issuer = "0000000000000000000000000000000000000000000000000000000000000001"
            good = ["good.pem"]
            revoked = ["80"]
        "#;
        let mut watch: Watch = toml::from_str(text).unwrap();
        watch.relative_to(Path::new("/x"));
        assert_eq!(watch.key.as_deref(), Some(Path::new("/x/watcher.pem")));
        assert_eq!(watch.service_levels.as_deref(), Some(Path::new("/x/sla.toml")));
        assert_eq!(watch.canaries[0].good, [Path::new("/x/good.pem")]);
        assert_eq!(*watch.canaries[0].revoked[0].0, [0, 0x80]);
        assert_eq!(watch.targets[0].kind, Kind::RootPool);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in ["period = \"0s\"", "enable = true", "max_bytes = 0", "key = 1"] {
            assert!(toml::from_str::<Watch>(text).is_err(), "{text}");
        }
    }
}
