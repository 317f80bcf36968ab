//! The way to `ctl-webhooks`, the process that tells subscribers of the pool what became of its roots. This server knows who
//! asks, and names the client; the other keeps the endpoints. Neither keeps the other from working.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::{Addresses, Fetcher, Header, Manner, Method, Options, Request, SetupError};
use ctl_serve::forward::{CLIENT, ForwardSecret, SECRET, SecretError};
use serde::Deserialize;

/// How long the process may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer in bytes: the deliveries of an endpoint.
const MAX_ANSWER: usize = 1 << 20;

/// The section `[webhooks]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// The address of `ctl-webhooks`. Without it there are no webhooks here.
    pub address: Option<String>,
    /// The secret that both share: a copy of the file that `ctl-webhooks` made, readable by this server alone.
    pub secret: Option<PathBuf>,
    /// PEM files of certificates trusted for its TLS, in addition to the system's.
    pub tls_roots: Vec<PathBuf>,
}

/// Why webhooks cannot be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    /// One of two members that go together.
    #[error("[webhooks] needs both address and secret, or neither")]
    Half,
    /// The secret cannot be used.
    #[error("[webhooks] secret: {0}")]
    Secret(#[from] SecretError),
    /// The fetcher cannot be made.
    #[error("[webhooks] {0}")]
    Fetch(#[from] SetupError),
}

/// The way to the process.
pub struct Forward {
    address: String,
    secret: ForwardSecret,
    fetcher: Fetcher,
}

/// What the process answered: the status, and JSON.
pub struct Forwarded {
    pub status: u16,
    pub body: Bytes,
}

impl Forward {
    /// The way that the configuration names, if it names one. Reads the secret.
    ///
    /// # Errors
    /// [`WebhooksError`]
    pub fn new(config: &Webhooks) -> Result<Option<Self>, WebhooksError> {
        let (address, secret) = match (&config.address, &config.secret) {
            (None, None) => return Ok(None),
            (Some(address), Some(secret)) => (address, secret),
            _ => return Err(WebhooksError::Half),
        };
        Ok(Some(Self {
            address: address.trim_end_matches('/').to_owned(),
            secret: ForwardSecret::read(secret)?,
            fetcher: Fetcher::new(&Options::for_own_addresses(config.tls_roots.clone()))?,
        }))
    }

    /// Asks for a client. Nothing that the client sent goes on but the body: no header, and the path is one of ours.
    ///
    /// # Errors
    /// Why there is no answer that a client could be given; for the log.
    pub async fn ask(
        &self,
        client: &str,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Forwarded, String> {
        let header = |name, value: &str| Header { name, value: value.to_owned() };
        let request = Request {
            url: format!("{}{path}", self.address),
            content_type: body.is_some().then_some("application/json"),
            body,
            accept: "application/json",
            headers: vec![header(CLIENT, client), header(SECRET, self.secret.as_str())],
            max_body: MAX_ANSWER,
            timeout: TIMEOUT,
            addresses: Addresses::Turn(0),
        };
        let manner = Manner { method: Some(method), stays: true, ..Manner::default() };
        let exchange = self.fetcher.send(&request, &manner).await.into_iter().next();
        let answer = exchange.ok_or("no address")?.result.map_err(|error| error.to_string())?;
        if answer.status == 401 {
            return Err("it does not know our secret: copy its forward.secret here".to_owned());
        }
        let is_json = answer.header("content-type").is_some_and(|kind| kind == "application/json");
        if !is_json || !(200..600).contains(&answer.status) || (300..400).contains(&answer.status) {
            return Err(format!("it answered {} and no JSON of endpoints", answer.status));
        }
        Ok(Forwarded { status: answer.status, body: answer.body })
    }
}
