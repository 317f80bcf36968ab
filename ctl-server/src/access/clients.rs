//! The clients of the configuration, by what they can show.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ctl_core::Digest;

use super::settings::{self, Mode, SettingsError};
use super::{Right, Settings};

/// A client: its id and roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    roles: Vec<settings::Role>,
    secret: Option<Digest>,
}

impl Client {
    /// Whether one of its roles brings this right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.roles.iter().any(|role| role.right() == right)
    }

    /// The scope of its tokens (RFC 6749 section 3.3): its roles.
    #[must_use]
    pub fn scope(&self) -> String {
        self.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// All of them. What is compared are digests: nobody can steer how much of one fits, so the time tells nothing.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    all: BTreeMap<String, Client>,
    by_api_key: HashMap<Digest, String>,
    by_certificate: HashMap<Digest, String>,
}

impl Clients {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let mut clients = Self::default();
        let mut secrets = HashMap::new();
        for one in &settings.clients {
            let id = one.id.clone();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
            if id.is_empty() || id.len() > 64 || !id.chars().all(is_plain) {
                return Err(SettingsError::Id(id));
            }
            if one.secret_sha256.is_none()
                && one.api_key_sha256.is_none()
                && one.certificates_sha256.is_empty()
            {
                return Err(SettingsError::Mute(id));
            }
            let shown = [
                (&mut secrets, one.secret_sha256.as_slice()),
                (&mut clients.by_api_key, one.api_key_sha256.as_slice()),
                (&mut clients.by_certificate, one.certificates_sha256.as_slice()),
            ];
            for (known, digests) in shown {
                for digest in digests {
                    let other = known.insert(*digest, id.clone());
                    if let Some(other) = other.filter(|other| *other != id) {
                        return Err(SettingsError::Shared(other, id));
                    }
                }
            }
            let roles = one.roles.iter().copied().collect();
            let client = Client { id: id.clone(), roles, secret: one.secret_sha256 };
            if clients.all.insert(id.clone(), client).is_some() {
                return Err(SettingsError::Twice(id));
            }
        }
        if settings.pool == Mode::Token && !clients.all.values().any(|client| client.may(Right::Pool)) {
            return Err(SettingsError::NoClient);
        }
        Ok(clients)
    }

    /// The client of this name.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Client> {
        self.all.get(id)
    }

    /// The client of this name, if this is its secret.
    #[must_use]
    pub fn by_secret(&self, id: &str, secret: &str) -> Option<&Client> {
        self.all.get(id).filter(|client| client.secret == Some(Digest::of(secret.as_bytes())))
    }

    pub(super) fn by_api_key(&self, key: &str) -> Option<&Client> {
        self.all.get(self.by_api_key.get(&Digest::of(key.as_bytes()))?)
    }

    pub(super) fn by_certificate(&self, sha256: &Digest) -> Option<&Client> {
        self.all.get(self.by_certificate.get(sha256)?)
    }
}

/// A new secret of 128 random bits, in letters that go through forms and headers as they are.
///
/// # Errors
/// The system gives no random bytes.
pub fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
