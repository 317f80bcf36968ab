//! The section `[access]` of the configuration.

use std::collections::BTreeSet;
use std::time::Duration;

use ctl_core::Digest;
use serde::Deserialize;

use super::Right;

/// How the pool is guarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Everyone may read it; credentials are not looked at.
    #[default]
    Open,
    /// Only clients may.
    Token,
    /// Everyone may, but a credential that is shown must be good: a client learns that its own has ended.
    Both,
}

/// What a client is. The words of pools' tokens (OPCP), and one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Cpo,
    Mo,
    Oem,
    Cps,
    /// Manages webhooks of its own.
    Webhooks,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cpo, Self::Mo, Self::Oem, Self::Cps, Self::Webhooks];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpo => "cpo",
            Self::Mo => "mo",
            Self::Oem => "oem",
            Self::Cps => "cps",
            Self::Webhooks => "webhooks",
        }
    }

    /// What it allows.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::Cpo | Self::Mo | Self::Oem | Self::Cps => Right::Pool,
            Self::Webhooks => Right::Webhooks,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no role: cpo, mo, oem, cps or webhooks"))
    }
}

/// A client. Its secrets stand here as SHA-256: they have 128 random bits, which nobody finds by trying, so a slow hash
/// would add nothing but work for us.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name in tokens and in the log.
    pub id: String,
    pub roles: BTreeSet<Role>,
    /// Of the secret with which it asks for tokens.
    #[serde(default)]
    pub secret_sha256: Option<Digest>,
    /// Of its API key.
    #[serde(default)]
    pub api_key_sha256: Option<Digest>,
    /// Of the TLS certificates that it may show (DER).
    #[serde(default)]
    pub certificates_sha256: Vec<Digest>,
}

/// The section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How the pool and EST's cacerts are guarded.
    pub pool: Mode,
    /// Our own name in tokens (`iss`): the address of this server.
    pub issuer: String,
    /// For whom tokens are good (`aud`); the first where a client does not say.
    pub audiences: Vec<String>,
    /// How long a token is good.
    #[serde(with = "humantime_serde")]
    pub lifetime: Duration,
    pub clients: Vec<Client>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pool: Mode::Open,
            issuer: String::new(),
            audiences: Vec::new(),
            lifetime: Duration::from_secs(3600),
            clients: Vec::new(),
        }
    }
}

/// What is wrong with the section.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Tokens without a name to stand for.
    #[error(
        "[access] has clients with secrets and no issuer: give the address of this server, like \"https://ctl.example\""
    )]
    NoIssuer,
    /// A token that lasts longer than its key is kept, or not at all.
    #[error("[access] lifetime: a token lasts between one second and one day")]
    Lifetime,
    /// Nobody could read the pool.
    #[error(
        "[access] pool is \"token\" and no client may read the pool: add [[access.clients]] (see `ctl-server access client --help`)"
    )]
    NoClient,
    /// An id that is not one.
    #[error("[access] client {0:?}: an id has 1 to 64 letters, digits, and any of . _ - @")]
    Id(String),
    /// Two of one name.
    #[error("[access] client {0:?} stands there twice")]
    Twice(String),
    /// A client that can show nothing.
    #[error(
        "[access] client {0:?} has no secret_sha256, api_key_sha256 or certificates_sha256, so it can never be known"
    )]
    Mute(String),
    /// Two clients with one credential.
    #[error("[access] clients {0:?} and {1:?} have the same credential: nobody could tell them apart")]
    Shared(String, String),
}
