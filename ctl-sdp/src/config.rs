//! The configuration: one TOML file, annotated in `ctl-sdp.example.toml`. Unknown members are refused.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_client::metrics::MetricsConfig;
use serde::Deserialize;

use crate::agreements::Source;
use crate::codec::{Endpoint, Security, Transport};
use crate::edge::interface::InterfaceName;
use crate::edge::sockets::Mode;
use crate::responder::{Secc, Times};

const MAX_BYTES: usize = 256 * 1024;

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The state directory of ctl-client, which is only read.
    pub client: PathBuf,
    /// Where cars are.
    pub interfaces: Vec<InterfaceName>,
    /// How the port is heard beside whoever owns it.
    pub mode: Mode,
    /// The user of the charging stack, with which the port is shared.
    #[serde(default)]
    pub owner: Option<String>,
    /// The user to become.
    #[serde(default)]
    pub user: Option<String>,
    /// Seconds from one look at agreements and lists to the next.
    #[serde(default = "a_minute")]
    pub every_seconds: u64,
    pub agreements: Source,
    #[serde(default)]
    pub secc: SeccConfig,
    #[serde(default)]
    pub metrics: Option<MetricsConfig>,
}

/// How it is known where the SECC listens: the section `[secc]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "learn", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SeccConfig {
    /// It is asked.
    Relay {
        #[serde(default = "keep")]
        keep_milliseconds: u64,
        #[serde(default = "every")]
        every_milliseconds: u64,
        #[serde(default = "quiet")]
        quiet_milliseconds: u64,
        #[serde(default = "wait")]
        wait_milliseconds: u64,
    },
    /// It is told here.
    Fixed { address: Ipv6Addr, port: u16, security: Security },
}

const fn a_minute() -> u64 {
    60
}
const fn keep() -> u64 {
    3_000
}
const fn every() -> u64 {
    1_000
}
const fn quiet() -> u64 {
    5_000
}
const fn wait() -> u64 {
    2_000
}

impl Default for SeccConfig {
    fn default() -> Self {
        Self::Relay {
            keep_milliseconds: keep(),
            every_milliseconds: every(),
            quiet_milliseconds: quiet(),
            wait_milliseconds: wait(),
        }
    }
}

impl SeccConfig {
    /// As the responder takes it.
    #[must_use]
    pub const fn secc(&self) -> Secc {
        match *self {
            Self::Relay { keep_milliseconds, every_milliseconds, quiet_milliseconds, wait_milliseconds } => {
                Secc::Relay(Times {
                    keep: Duration::from_millis(keep_milliseconds),
                    every: Duration::from_millis(every_milliseconds),
                    quiet: Duration::from_millis(quiet_milliseconds),
                    wait: Duration::from_millis(wait_milliseconds),
                })
            }
            Self::Fixed { address, port, security } => {
                Secc::Fixed(Endpoint { address, port, security, transport: Transport::Tcp })
            }
        }
    }

    fn problem(&self) -> Option<String> {
        match self {
            Self::Relay { every_milliseconds, wait_milliseconds, .. } => {
                let is_sane = *every_milliseconds >= 100 && (100..=60_000).contains(wait_milliseconds);
                (!is_sane).then(|| {
                    "[secc] every_milliseconds is at least 100, wait_milliseconds 100 to 60000: a stack may restart its \
                     TCP server at each question"
                        .into()
                })
            }
            Self::Fixed { address, port, .. } => (!address.is_unicast_link_local() || *port == 0)
                .then(|| "[secc] address is this host's link-local one (fe80::…), and port not 0".into()),
        }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// What to correct, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let place = path.display();
        let bytes = ctl_client::files::read(path, MAX_BYTES).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| format!("{place} does not exist"))?;
        let config: Self = toml::from_slice(&bytes).map_err(|error| format!("{place}: {error}"))?;
        match config.problem() {
            Some(problem) => Err(format!("{place}: {problem}")),
            None => Ok(config),
        }
    }

    fn problem(&self) -> Option<String> {
        let say = |problem: &str| Some(problem.to_owned());
        let mut names: Vec<&InterfaceName> = self.interfaces.iter().collect();
        names.sort_unstable();
        names.dedup();
        match () {
            () if !self.client.is_absolute() => {
                say("client: write the absolute path of ctl-client's state directory")
            }
            () if self.interfaces.is_empty() => say("interfaces: name at least one, such as \"eth1\""),
            () if names.len() != self.interfaces.len() => say("interfaces: one is named twice"),
            () if self.owner.is_some() && self.mode != Mode::Shared => {
                say("owner: only mode \"shared\" shares the port with its owner")
            }
            () if self.mode == Mode::Alone && matches!(self.secc, SeccConfig::Relay { .. }) => say(
                "mode \"alone\": there is no stack to ask where the SECC listens; write [secc] learn = \"fixed\" with its \
                 address, port and security",
            ),
            () if self.every_seconds == 0 => say("every_seconds: at least 1"),
            () => {
                let metrics = || self.metrics.as_ref()?.problem();
                self.agreements.problem().or_else(|| self.secc.problem()).or_else(metrics)
            }
        }
    }
}
