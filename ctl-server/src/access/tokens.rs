//! Tokens for clients: JWTs (RFC 7519) signed with ES256 by a key that is used for nothing else, in `access/token-key.pem` of
//! the data directory; the key before it stays known until another rotation, as `access/token-key-previous.pem`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ctl_core::{Digest, Timestamp};
use ctl_host::files;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use p256::ecdsa::SigningKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::settings::SettingsError;
use super::{Client, Denied, Settings, provider};

const FOLDER: &str = "access";
const CURRENT: &str = "token-key.pem";
const PREVIOUS: &str = "token-key-previous.pem";
const MAX_FILE: u64 = 16 * 1024;
const LONGEST: Duration = Duration::from_secs(86_400);

/// The keys of tokens.
#[derive(Debug)]
pub struct Keys {
    current: Key,
    previous: Option<Key>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: std::io::Error },
    /// A file holds something else.
    #[error("{}: not a P-256 key in PKCS#8 PEM; move it away, and a new one is made at the next start", .0.display())]
    Key(PathBuf),
    /// No random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

struct Key {
    id: String,
    x: String,
    y: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    fn of(key: &SigningKey, path: &Path) -> Result<Self, KeysError> {
        let public = key.verifying_key().to_sec1_point(false);
        let wrong = || KeysError::Key(path.to_owned());
        let (Some(x), Some(y)) = (public.x(), public.y()) else { return Err(wrong()) };
        let [x, y] = [&x[..], &y[..]].map(|half| BASE64_URL_SAFE_NO_PAD.encode(half));
        let der = key.to_pkcs8_der().map_err(|_| wrong())?;
        // The thumbprint of RFC 7638: these members in this order.
        let members = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
        Ok(Self {
            id: BASE64_URL_SAFE_NO_PAD.encode(Digest::of(members.as_bytes()).as_bytes()),
            encoding: EncodingKey::from_ec_der(der.as_bytes()),
            decoding: DecodingKey::from_ec_der(public.as_bytes()),
            x,
            y,
        })
    }

    fn load(path: &Path) -> Result<Option<Self>, KeysError> {
        let failed = |error| KeysError::File { path: path.to_owned(), error };
        let Some(bytes) = files::read_secret(path, MAX_FILE).map_err(failed)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| KeysError::Key(path.to_owned()))?;
        let key = SigningKey::from_pkcs8_pem(text).map_err(|_| KeysError::Key(path.to_owned()))?;
        Self::of(&key, path).map(Some)
    }

    /// A new one, written to this file.
    fn make(path: &Path) -> Result<Self, KeysError> {
        let failed = |error| KeysError::File { path: path.to_owned(), error };
        let key = loop {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed)?;
            // A number beyond the order of the curve is no key; there are next to none.
            if let Ok(key) = SigningKey::from_slice(&seed) {
                break key;
            }
        };
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeysError::Key(path.to_owned()))?;
        files::write(path, pem.as_bytes(), files::SECRET).map_err(failed)?;
        Self::of(&key, path)
    }

    fn jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id, "x": self.x, "y": self.y,
        })
    }
}

impl Keys {
    /// Those of a data directory; the first time they are made.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn load(data: &Path) -> Result<Self, KeysError> {
        let folder = data.join(FOLDER);
        match files::create_secret_directory(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(KeysError::File { path: folder, error });
            }
            _ => {}
        }
        let path = folder.join(CURRENT);
        let current = match Key::load(&path)? {
            Some(key) => key,
            None => Key::make(&path)?,
        };
        Ok(Self { current, previous: Key::load(&folder.join(PREVIOUS))? })
    }

    /// Makes a new key. Tokens of the one before stay good until they end, unless `forget`.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn rotate(data: &Path, forget: bool) -> Result<String, KeysError> {
        let Self { .. } = Self::load(data)?;
        let (current, previous) = (data.join(FOLDER).join(CURRENT), data.join(FOLDER).join(PREVIOUS));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| KeysError::File { path, error }
        };
        if forget {
            match std::fs::remove_file(&previous) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(&previous)(error));
                }
                _ => {}
            }
        } else if let Some(bytes) = files::read_secret(&current, MAX_FILE).map_err(failed(&current))? {
            files::write(&previous, &bytes, files::SECRET).map_err(failed(&previous))?;
        }
        Ok(Key::make(&current)?.id)
    }

    fn by_id(&self, id: &str) -> Option<&Key> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten().find(|key| key.id == id)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    scope: String,
}

/// A token, as its client gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub token: String,
    /// Seconds that it is good.
    pub expires_in: u64,
}

/// Why no token is issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Tokens for that audience are not issued here.
    #[error("this server issues tokens for {0}")]
    Audience(String),
    /// It cannot be signed.
    #[error("the token cannot be signed: {0}")]
    Signing(String),
}

/// Issues and verifies.
#[derive(Debug)]
pub struct Tokens {
    keys: Keys,
    issuer: String,
    audiences: Vec<String>,
    lifetime: Duration,
}

impl Tokens {
    pub(super) fn new(settings: &Settings, keys: Keys) -> Result<Self, SettingsError> {
        provider::install();
        let Settings { issuer, audiences, lifetime, clients, .. } = settings;
        if issuer.is_empty() && clients.iter().any(|client| client.secret_sha256.is_some()) {
            return Err(SettingsError::NoIssuer);
        }
        if lifetime.as_secs() == 0 || *lifetime > LONGEST {
            return Err(SettingsError::Lifetime);
        }
        let audiences = if audiences.is_empty() { vec![issuer.clone()] } else { audiences.clone() };
        Ok(Self { keys, issuer: issuer.clone(), audiences, lifetime: *lifetime })
    }

    /// The public keys, as others verify tokens with them (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys = [Some(&self.keys.current), self.keys.previous.as_ref()];
        json!({ "keys": keys.into_iter().flatten().map(Key::jwk).collect::<Vec<_>>() })
    }

    /// A token for a client, for this audience or the first.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn issue(&self, client: &Client, audience: Option<&str>, now: Timestamp) -> Result<Token, Refused> {
        let aud = match audience {
            None => self.audiences.first(),
            Some(wanted) => self.audiences.iter().find(|known| known.as_str() == wanted),
        };
        let aud = aud.cloned().ok_or_else(|| Refused::Audience(self.audiences.join(" or ")))?;
        let failed = |error: &dyn std::fmt::Display| Refused::Signing(error.to_string());
        let (expires_in, now) = (self.lifetime.as_secs(), now.unix());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud,
            sub: client.id.clone(),
            iat: now,
            nbf: now,
            exp: now.saturating_add_unsigned(expires_in),
            jti: super::secret().map_err(|error| failed(&error))?,
            scope: client.scope(),
        };
        let key = &self.keys.current;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|error| failed(&error))?;
        Ok(Token { token, expires_in })
    }

    /// The client that a token was issued to, if it is ours, for us, and its time is now.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<String, Denied> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Denied::Invalid)?;
        let key = header.kid.and_then(|id| self.keys.by_id(&id)).ok_or(Denied::Invalid)?;
        // The algorithm is the key's, whatever the header says.
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&self.audiences);
        // The times are compared below, with our own clock.
        (rules.validate_exp, rules.validate_nbf, rules.leeway) = (false, false, 0);
        let verified = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules);
        let claims = verified.map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidAudience => Denied::Audience,
            _ => Denied::Invalid,
        })?;
        let Claims { sub, nbf, exp, .. } = claims.claims;
        match now.unix() {
            now if now >= exp => Err(Denied::Expired),
            now if now < nbf => Err(Denied::Invalid),
            _ => Ok(sub),
        }
    }
}
