//! The configuration of the fetcher: which addresses it may call, and how much it may use.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ctl_host::config;
use ctl_host::network::Network;
use serde::Deserialize;

/// Which addresses the fetcher may call, and how much it may use; the section `[fetch]` of a program's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Connections that may be open at once; unlisted operators have another eighth for themselves.
    pub concurrency: NonZeroUsize,
    /// Connections to one address that may be open at once.
    pub per_host: NonZeroUsize,
    /// Connections of one operator that may be open at once; of an unlisted one, an eighth.
    pub per_operator: NonZeroUsize,
    /// Bytes that bodies may take in memory, of all answers together; one operator's may take half of them.
    /// Unlisted operators have another eighth for themselves.
    pub body_bytes: NonZeroU64,
    /// Bytes of answers that may be remembered, divided in the same way.
    pub memory_bytes: NonZeroU64,
    /// Ports that may be called.
    pub ports: Vec<Ports>,
    /// Networks that may be called although they are private, loopback or link-local.
    pub allow: Vec<Network>,
    /// PEM files of certificates that are trusted for TLS in addition to the system's.
    pub tls_roots: Vec<PathBuf>,
    /// Names that are answered here and not by DNS.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
}

impl Default for Options {
    fn default() -> Self {
        let mebibytes = |count: u64| NonZeroU64::MIN.saturating_add((count << 20) - 1);
        Self {
            concurrency: NonZeroUsize::MIN.saturating_add(255),
            per_host: NonZeroUsize::MIN.saturating_add(7),
            per_operator: NonZeroUsize::MIN.saturating_add(31),
            body_bytes: mebibytes(256),
            memory_bytes: mebibytes(256),
            ports: vec![Ports::from(80), Ports::from(443)],
            allow: Vec::new(),
            tls_roots: Vec::new(),
            hosts: BTreeMap::new(),
        }
    }
}

impl Options {
    /// For an address that the operator's configuration names: no attacker has chosen it, so every network and port may
    /// be called.
    #[must_use]
    pub fn for_own_addresses(tls_roots: Vec<PathBuf>) -> Self {
        let anywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok());
        let ports = vec![Ports { first: 1, last: u16::MAX }];
        Self { allow: anywhere.collect(), ports, tls_roots, ..Self::default() }
    }

    /// Makes the paths relative to a directory, as in a configuration file of that directory.
    pub fn relative_to(&mut self, directory: &Path) {
        config::join(directory, &mut self.tls_roots);
    }
}

/// One port, or a range of ports as in "8000-8010".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PortsText")]
pub struct Ports {
    first: u16,
    last: u16,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PortsText {
    One(u16),
    Text(String),
}

impl Ports {
    /// Whether a port is one of them.
    #[must_use]
    pub const fn contain(&self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self { first: port, last: port }
    }
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is neither a port nor a range of ports like \"8000-8010\"");
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |digits: &str| digits.trim().parse::<u16>().map_err(|_| refused());
        let ports = Self { first: port(first)?, last: port(last)? };
        if ports.first <= ports.last { Ok(ports) } else { Err(refused()) }
    }
}

impl TryFrom<PortsText> for Ports {
    type Error = String;

    fn try_from(text: PortsText) -> Result<Self, String> {
        match text {
            PortsText::One(port) => Ok(port.into()),
            PortsText::Text(text) => text.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_section_is_read_and_its_paths_are_relative_to_the_file() {
        let text = r#"
            allow = ["127.0.0.0/8", "fd00::/8"]
            ports = [443, "8000-8010"]
            tls_roots = ["a.pem", "/etc/b.pem"]
            [hosts]
            "pki.example" = ["127.0.0.1", "::1"]
        "#;
        let mut options: Options = toml::from_str(text).unwrap();
        options.relative_to(Path::new("/x"));
        assert_eq!(options.tls_roots, [Path::new("/x/a.pem"), Path::new("/etc/b.pem")]);
        let called = [80, 443, 8005].map(|port| options.ports.iter().any(|ports| ports.contain(port)));
        assert_eq!(called, [false, true, true]);
        assert!(Options::default().ports.iter().all(|ports| ports.contain(80) || ports.contain(443)));
        assert_eq!(options.hosts["pki.example"].len(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in
            ["concurrency = 0", "allow = [\"here\"]", "allowed = []", "ports = [70000]", "ports = [\"9-8\"]"]
        {
            assert!(toml::from_str::<Options>(text).is_err(), "{text}");
        }
    }
}
