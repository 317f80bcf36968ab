//! How a source is told who asks: a token or key from a file, a token from a place that gives them for client credentials
//! (RFC 6749 section 4.4), as OPCP and its clients do it: in JSON, or as a form; or a certificate, by TLS.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::{Addresses, Fetch, Header, Identity, Request};
use ctl_host::{config, files};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::error::SourceError;

/// The largest file with a secret, and the longest token, in bytes.
const MAX_SECRET: usize = 16 * 1024;
/// The largest answer of a place that gives tokens, in bytes.
const MAX_TOKEN_ANSWER: usize = 64 * 1024;
const JSON: &str = "application/json";

/// Who asks. Nothing of it is needed where a source is public; token, key and certificate may all be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// A file with a token, sent as `Authorization: Bearer`.
    pub bearer: Option<PathBuf>,
    /// A file with a key, sent as `X-API-Key`.
    pub api_key: Option<PathBuf>,
    /// Where to get a token.
    pub oauth: Option<OAuth>,
    /// A PEM file with a certificate of ours and its issuers, shown by TLS to the source and to the place of tokens.
    pub client_certificate: Option<PathBuf>,
    /// The PEM file with its key.
    pub client_key: Option<PathBuf>,
}

/// A place that gives tokens for client credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    pub token_url: String,
    pub client_id: String,
    /// The file with the client's secret.
    pub client_secret: PathBuf,
    pub audience: Option<String>,
    pub scope: Option<String>,
    /// How the question is written.
    #[serde(default)]
    pub body: TokenBody,
}

ctl_pki::words! {
    /// How a token is asked for.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum TokenBody by as_str {
        /// As JSON: OPCP.
        #[default]
        Json => "json",
        /// As a form: RFC 6749.
        Form => "form",
    }
}

#[derive(Serialize)]
struct Question<'a> {
    grant_type: &'static str,
    client_id: &'a str,
    client_secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

impl Access {
    /// Makes the paths relative to a directory, as in a configuration file of that directory.
    pub(crate) fn relative_to(&mut self, directory: &Path) {
        let secret = self.oauth.as_mut().map(|oauth| &mut oauth.client_secret);
        let pair = [self.client_certificate.as_mut(), self.client_key.as_mut()];
        let files = [self.bearer.as_mut(), self.api_key.as_mut(), secret].into_iter().chain(pair);
        config::join(directory, files.flatten());
    }

    /// Whether a new token may help where this one did not.
    pub(crate) const fn gives_new_tokens(&self) -> bool {
        self.oauth.is_some()
    }

    /// Who asks, to be shown by TLS.
    pub(crate) fn identity(&self, url: &str) -> Result<Option<Identity>, SourceError> {
        let (certificate, key) = match (&self.client_certificate, &self.client_key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => return Err(SourceError::Config("a client certificate needs its key".into())),
            (None, Some(_)) => return Err(SourceError::Config("a client key needs its certificate".into())),
        };
        if address(url)?.scheme() != "https" {
            return Err(SourceError::Config(format!("{url}: a client certificate is shown over https only")));
        }
        let identity = Identity::load(certificate, key);
        identity.map(Some).map_err(|error| SourceError::Config(error.to_string()))
    }

    /// The headers that a source at this URL is asked with.
    pub(crate) async fn headers(
        &self,
        fetch: &dyn Fetch,
        url: &str,
        timeout: Duration,
    ) -> Result<Vec<Header>, SourceError> {
        if self.bearer.is_none() && self.api_key.is_none() && self.oauth.is_none() {
            return Ok(Vec::new());
        }
        if self.bearer.is_some() && self.oauth.is_some() {
            return Err(SourceError::Config("a bearer token is given and a place to get one: choose".into()));
        }
        confidential(url)?;
        let mut headers = Vec::new();
        let token = match (&self.bearer, &self.oauth) {
            (Some(file), _) => Some(secret(file)?),
            (None, Some(oauth)) => Some(oauth.token(fetch, timeout).await?),
            (None, None) => None,
        };
        headers.extend(token.map(|token| Header { name: "authorization", value: format!("Bearer {token}") }));
        if let Some(file) = &self.api_key {
            headers.push(Header { name: "x-api-key", value: secret(file)? });
        }
        Ok(headers)
    }
}

impl OAuth {
    async fn token(&self, fetch: &dyn Fetch, timeout: Duration) -> Result<String, SourceError> {
        confidential(&self.token_url)?;
        let failed = |why: String| SourceError::Token { address: self.token_url.clone(), why };
        let client_secret = secret(&self.client_secret)?;
        let question = Question {
            grant_type: "client_credentials",
            client_id: &self.client_id,
            client_secret: &client_secret,
            audience: self.audience.as_deref(),
            scope: self.scope.as_deref(),
        };
        let (body, content_type) = match self.body {
            TokenBody::Json => (serde_json::to_string(&question).map_err(|e| e.to_string()), JSON),
            TokenBody::Form => (
                serde_urlencoded::to_string(&question).map_err(|e| e.to_string()),
                "application/x-www-form-urlencoded",
            ),
        };
        let request = Request {
            url: self.token_url.clone(),
            body: Some(Bytes::from(body.map_err(failed)?)),
            content_type: Some(content_type),
            accept: JSON,
            headers: Vec::new(),
            max_body: MAX_TOKEN_ANSWER,
            timeout,
            addresses: Addresses::Turn(0),
        };
        let exchange = fetch.fetch(&request).await.into_iter().next();
        let exchange = exchange.ok_or_else(|| failed("nobody was asked".into()))?;
        let answer = exchange.result.map_err(|error| failed(error.to_string()))?;
        if answer.status != 200 {
            return Err(failed(format!("it answers {}, not 200: check client id and secret", answer.status)));
        }
        // What else the answer says is not shown: it may hold secrets.
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| failed("the answer is no JSON with an access_token".into()))?;
        let token = token.access_token;
        match is_token(&token) {
            true => Ok(token),
            false => Err(failed("its access_token is none that could be sent".into())),
        }
    }
}

/// What may stand in a header, and is neither empty nor endless.
fn is_token(text: &str) -> bool {
    (1..=MAX_SECRET).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a file with a secret holds, white space around it apart.
fn secret(path: &Path) -> Result<String, SourceError> {
    let failed = |source| SourceError::File { path: path.to_owned(), source };
    let limit = u64::try_from(MAX_SECRET).unwrap_or(u64::MAX);
    let bytes = files::read_secret(path, limit).map_err(failed)?;
    let bytes = bytes.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if is_token(&text) {
        return Ok(text);
    }
    let why = format!("{} holds no token or key: one word of visible ASCII is expected", path.display());
    Err(SourceError::Config(why))
}

/// Secrets go over TLS, or nowhere but to this machine.
fn confidential(url: &str) -> Result<(), SourceError> {
    let parsed = address(url)?;
    let is_here = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if parsed.scheme() == "https" || is_here {
        return Ok(());
    }
    Err(SourceError::Config(format!("{url}: tokens and keys go over https only")))
}

/// A URL that may be shown: errors and pages say it, so no password may stand in it.
pub(crate) fn address(url: &str) -> Result<Url, SourceError> {
    let parsed = Url::parse(url).map_err(|error| SourceError::Config(format!("{url:?}: {error}")))?;
    if !names_user(&parsed) {
        return Ok(parsed);
    }
    let host = parsed.host_str().unwrap_or_default();
    Err(SourceError::Config(format!(
        "the address at {host} names a user, and addresses are shown: give a token, key or client certificate by its file"
    )))
}

pub(crate) fn names_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
