//! Who may ask for what is not open to everyone: the field's root pool, and the pool's webhooks. The signed lists, the log
//! and the API of the scheme are open, and nothing here touches them.
//!
//! A caller shows a token of ours ([`tokens`]), an API key or a TLS certificate; [`Access::permit`] says yes or why not. It is
//! a pure function of configuration, credentials and time.

mod clients;
mod credentials;
mod provider;
pub mod settings;
mod tokens;

use ctl_core::Timestamp;

pub use clients::{Client, Clients, secret};
pub use credentials::{Credentials, Shown};
pub use settings::{Mode, Role, Settings};
pub use tokens::{Keys, KeysError, Refused, Token};

use self::settings::SettingsError;
use self::tokens::Tokens;

/// What a caller may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// To read the pool and EST's cacerts.
    Pool,
    /// To manage webhooks of their own.
    Webhooks,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// Nobody in particular: the pool is open.
    Anyone,
    /// A client of the configuration.
    Client(&'a Client),
}

/// Why a caller is refused, in the words of the gateways that the field's clients know (guide, tables 2 to 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credential was shown.
    #[error("Jwt is missing")]
    Missing,
    /// The token's time is over.
    #[error("Jwt is expired")]
    Expired,
    /// The token is for somebody else.
    #[error("Audiences in Jwt are not allowed")]
    Audience,
    /// The credential is not one of ours.
    #[error("Jwt verification fails")]
    Invalid,
    /// It was sent where anybody on the way could read it.
    #[error("credentials over plain HTTP are refused: ask with https, and have what was sent replaced")]
    PlainHttp,
    /// A good credential without this right.
    #[error("RBAC: access denied")]
    Rights,
}

impl Denied {
    /// All, for metrics.
    pub const ALL: [Self; 6] =
        [Self::Missing, Self::Expired, Self::Audience, Self::Invalid, Self::PlainHttp, Self::Rights];

    /// The label in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::Audience => "audience",
            Self::Invalid => "invalid",
            Self::PlainHttp => "plain-http",
            Self::Rights => "rights",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Rights | Self::PlainHttp => 403,
            Self::Missing | Self::Expired | Self::Audience | Self::Invalid => 401,
        }
    }
}

/// The configuration, and the keys of tokens.
#[derive(Debug)]
pub struct Access {
    mode: Mode,
    clients: Clients,
    tokens: Tokens,
}

impl Access {
    /// By this configuration, with these keys.
    ///
    /// # Errors
    /// [`SettingsError`]: it contradicts itself.
    pub fn new(settings: &Settings, keys: Keys) -> Result<Self, SettingsError> {
        let clients = Clients::of(settings)?;
        Ok(Self { mode: settings.pool, clients, tokens: Tokens::new(settings, keys)? })
    }

    /// How the pool is guarded.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Issues a token, and verifies them.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The clients.
    #[must_use]
    pub const fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Whether this caller has this right.
    ///
    /// Where several credentials are shown, one good one is enough: clients of the field send a token and an API key at
    /// once, of which one may mean nothing here. What a client may do stands in the configuration and not in its token, so
    /// that a client that is taken out is out at once.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn permit(
        &self,
        credentials: &Credentials<'_>,
        right: Right,
        now: Timestamp,
    ) -> Result<Caller<'_>, Denied> {
        let open = right == Right::Pool && self.mode != Mode::Token;
        if open && (self.mode == Mode::Open || credentials.shown.is_empty()) {
            return Ok(Caller::Anyone);
        }
        if credentials.shown.is_empty() {
            return Err(Denied::Missing);
        }
        if !credentials.is_private {
            return Err(Denied::PlainHttp);
        }
        let mut why = None;
        for shown in &credentials.shown {
            match self.known(shown, now) {
                Ok(client) if client.may(right) => return Ok(Caller::Client(client)),
                Ok(_) => why = Some(Denied::Rights),
                Err(denied) => why = why.or(Some(denied)),
            }
        }
        Err(why.unwrap_or(Denied::Missing))
    }

    fn known(&self, shown: &Shown<'_>, now: Timestamp) -> Result<&Client, Denied> {
        let client = match shown {
            Shown::Bearer(token) => self.clients.by_id(&self.tokens.verify(token, now)?),
            Shown::ApiKey(key) => self.clients.by_api_key(key),
            Shown::Certificate(sha256) => self.clients.by_certificate(sha256),
        };
        client.ok_or(Denied::Invalid)
    }
}

#[cfg(test)]
mod tests;
