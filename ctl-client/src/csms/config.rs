//! What a `[[sink]]` of a charging-station back end says in `client.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ctl_serve::settings::{Http, Tls};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::rollout::StationsRollout;
use super::wants::Version;
use crate::transport::private_address;

/// A charging-station back end, whatever kind it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackEndConfig {
    /// Its API: `https://…`, or `http://` on this machine.
    pub url: String,
    /// CitrineOS: whose stations.
    #[serde(default)]
    pub tenant: Option<u64>,
    /// A file with the ids of stations, one a line, each with the version of OCPP that it speaks if that is not `ocpp`.
    #[serde(default)]
    pub stations: Option<PathBuf>,
    /// A command and its arguments that prints the same.
    #[serde(default)]
    pub stations_command: Vec<String>,
    /// What stations speak that say nothing else.
    #[serde(default)]
    pub ocpp: Option<Version>,
    /// CitrineOS: where it sends what stations answer.
    #[serde(default)]
    pub callback: Option<CallbackConfig>,
    /// A file with a token for `Authorization: Bearer`.
    #[serde(default)]
    pub bearer_file: Option<PathBuf>,
    /// A file with `name:password` for HTTP Basic.
    #[serde(default)]
    pub basic_file: Option<PathBuf>,
    /// A file with headers, one a line: `Name: value`.
    #[serde(default)]
    pub headers_file: Option<PathBuf>,
    /// How many stations are asked at once.
    #[serde(default = "sixteen")]
    pub at_once: usize,
    /// How long a station may take to answer, in seconds.
    #[serde(default = "minute")]
    pub answer_seconds: u64,
    /// After so many seconds a sync begins nothing more, and the next one goes on.
    #[serde(default = "two_minutes")]
    pub sync_seconds: u64,
    /// What a station holds is read anew after so many seconds.
    #[serde(default = "day")]
    pub reread_seconds: u64,
    /// A station that does not answer is left alone for so many seconds, then for twice as long each time.
    #[serde(default = "minute")]
    pub retry_seconds: u64,
    /// When what the lists add reaches which share of the stations; without it all of them at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<StationsRollout>,
    /// The state directory.
    #[serde(skip)]
    pub directory: PathBuf,
}

/// Where a back end sends what stations answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbackConfig {
    /// Where this client listens.
    pub listen: SocketAddr,
    /// How the back end reaches that; without it, by the address itself.
    #[serde(default)]
    pub url: Option<String>,
    /// A certificate chain in PEM, for TLS here.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its key.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Proxies that speak TLS for this client.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
}

const fn sixteen() -> usize {
    16
}

const fn minute() -> u64 {
    60
}

const fn two_minutes() -> u64 {
    120
}

const fn day() -> u64 {
    86_400
}

/// The kinds of back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// CitrineOS.
    Citrineos,
    /// MaEVe.
    Maeve,
    /// SteVe.
    Steve,
}

impl Brand {
    /// As in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Citrineos => "citrineos",
            Self::Maeve => "maeve",
            Self::Steve => "steve",
        }
    }

    /// What its stations may speak, what they speak mostly first.
    #[must_use]
    pub const fn versions(self) -> &'static [Version] {
        match self {
            Self::Citrineos => &[Version::V201, Version::V16, Version::V21],
            Self::Maeve => &[Version::V201, Version::V16],
            Self::Steve => &[Version::V16],
        }
    }

    /// Whether a station can be asked what it holds.
    #[must_use]
    pub const fn reads_back(self) -> bool {
        !matches!(self, Self::Maeve)
    }
}

impl BackEndConfig {
    /// What to correct, if anything.
    #[must_use]
    pub fn problem(&self, brand: Brand) -> Option<String> {
        self.check(brand)
            .err()
            .map(|problem| format!("sink {} {}: {problem}", brand.word(), shown(&self.url)))
    }

    fn check(&self, brand: Brand) -> Result<(), String> {
        guarded(&self.url).map_err(|problem| format!("url: {problem}"))?;
        let is_citrineos = brand == Brand::Citrineos;
        if self.tenant.is_some() && !is_citrineos {
            return Err("tenant: only CitrineOS has any".into());
        }
        match &self.callback {
            None if is_citrineos => {
                return Err("[sink.callback] is missing: CitrineOS sends there what stations answer".into());
            }
            Some(_) if !is_citrineos => return Err("[sink.callback]: this back end never calls back".into()),
            Some(callback) => callback.check()?,
            None => {}
        }
        match (&self.stations, self.stations_command.is_empty()) {
            (None, true) => {
                return Err("name the stations: stations = \"/file\" or stations_command = [\"…\"]".into());
            }
            (Some(_), false) => return Err("stations and stations_command: say only one of them".into()),
            _ => {}
        }
        let files = [&self.stations, &self.bearer_file, &self.basic_file, &self.headers_file];
        if let Some(path) = files.into_iter().flatten().find(|path| !path.is_absolute()) {
            return Err(format!("{}: write an absolute path", path.display()));
        }
        if self.bearer_file.is_some() && self.basic_file.is_some() {
            return Err("bearer_file and basic_file: say only one of them".into());
        }
        if let Some(version) = self.ocpp.filter(|version| !brand.versions().contains(version)) {
            return Err(format!("ocpp: {} does not speak {version}", brand.word()));
        }
        if let Some(problem) = self.rollout.as_ref().and_then(StationsRollout::problem) {
            return Err(problem);
        }
        if self.at_once == 0 || self.at_once > 1000 {
            return Err("at_once: between 1 and 1000".into());
        }
        for (name, seconds) in [
            ("answer_seconds", self.answer_seconds),
            ("sync_seconds", self.sync_seconds),
            ("reread_seconds", self.reread_seconds),
            ("retry_seconds", self.retry_seconds),
        ] {
            if seconds == 0 || seconds > 365 * 86_400 {
                return Err(format!("{name}: between 1 and a year"));
            }
        }
        Ok(())
    }

    /// What stations speak that say nothing else.
    #[must_use]
    pub fn version(&self, brand: Brand) -> Version {
        self.ocpp.or_else(|| brand.versions().first().copied()).unwrap_or(Version::V201)
    }
}

impl CallbackConfig {
    fn check(&self) -> Result<(), String> {
        if let Some(url) = &self.url {
            guarded(url).map_err(|problem| format!("[sink.callback] url: {problem}"))?;
        } else if !self.listen.ip().is_loopback() {
            return Err("[sink.callback] url: say how the back end reaches this client, with https".into());
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err("[sink.callback]: certificate and key belong together".into());
        }
        if let Some(path) = self.certificate.iter().chain(&self.key).find(|path| !path.is_absolute()) {
            return Err(format!("[sink.callback] {}: write an absolute path", path.display()));
        }
        self.http().map(|_| ())
    }

    /// How the listener is served: one back end calls back for thousands of stations.
    ///
    /// # Errors
    /// In words, which network cannot be read.
    pub fn http(&self) -> Result<Http, String> {
        let many = |number: u32| std::num::NonZeroU32::MIN.saturating_add(number);
        let mut trusted_proxies = Vec::new();
        for network in &self.trusted_proxies {
            let read = network.parse();
            trusted_proxies.push(
                read.map_err(|_| format!("[sink.callback] trusted_proxies: {network:?} is no network"))?,
            );
        }
        let tls = self.certificate.clone().zip(self.key.clone()).map(|(certificate, key)| Tls {
            certificate,
            key,
            client_roots: vec![],
            plain: None,
            check: std::time::Duration::from_secs(5),
        });
        Ok(Http {
            listen: self.listen,
            tls,
            writes_per_minute: many(60_000),
            write_burst: many(10_000),
            connections: 1024,
            shutdown: std::time::Duration::from_secs(1),
            trusted_proxies,
            ..Http::default()
        })
    }
}

/// An address that nobody on the way can read or change: `https`, or this machine. Without a name and a password: those
/// stand in files.
///
/// # Errors
/// In words, what is wrong with it.
pub fn guarded(url: &str) -> Result<Url, String> {
    let url = private_address(url)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("name and password stand in files, not in addresses".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address without ? and #".into());
    }
    Ok(url)
}

fn shown(url: &str) -> String {
    crate::transport::without_password(url)
}

impl BackEndConfig {
    /// Where its memory is.
    pub(crate) fn keep_in(&mut self, directory: &Path) {
        self.directory = directory.to_owned();
    }
}
