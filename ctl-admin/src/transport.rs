//! Bytes from a server or from a plain directory, never more than was asked for.

use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use serde::Deserialize;

use crate::{AdminError, files};

/// An answer of the JSON endpoints is at most so many bytes.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// A problem document is at most so many bytes.
const MAX_PROBLEM: usize = 64 * 1024;

/// How often to wait for a server that has too much to do, and how long at most each time, in seconds.
const MAX_WAITS: usize = 5;
const MAX_WAIT: u64 = 30;

/// A server, a mirror, or a directory with the same files (`file:///…`).
#[derive(Clone, Debug)]
pub struct Transport {
    base: Base,
}

#[derive(Clone, Debug)]
enum Base {
    Http { client: reqwest::Client, address: String },
    Directory(PathBuf),
}

/// RFC 9457, as far as it is shown.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails only if another part of the program has installed a provider, which will do as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl Transport {
    /// For an address that begins with `http://`, `https://` or `file:///`.
    ///
    /// # Errors
    /// Another kind of address, or no TLS trust store.
    pub fn new(address: &str) -> Result<Self, AdminError> {
        let address = address.trim_end_matches('/');
        if let Some(path) = address.strip_prefix("file://") {
            if !path.starts_with('/') {
                return Err(AdminError::input(address, "a directory is written file:///absolute/path"));
            }
            return Ok(Self { base: Base::Directory(PathBuf::from(path)) });
        }
        if !address.starts_with("http://") && !address.starts_with("https://") {
            return Err(AdminError::input(
                address,
                "not an address; expected http://…, https://… or file:///…",
            ));
        }
        install_crypto();
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ctl-admin/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| AdminError::Network { address: address.into(), problem: chain(&e) })?;
        Ok(Self { base: Base::Http { client, address: address.into() } })
    }

    /// The full address of a path, for messages.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        match &self.base {
            Base::Http { address, .. } => format!("{address}/{path}"),
            Base::Directory(directory) => format!("file://{}/{path}", directory.display()),
        }
    }

    /// Whether statements and signatures can be sent there.
    #[must_use]
    pub const fn accepts(&self) -> bool {
        matches!(self.base, Base::Http { .. })
    }

    /// Fetches a file of at most `limit` bytes; none if there is no such file.
    ///
    /// # Errors
    /// Unreachable, too large, or another answer.
    pub async fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, AdminError> {
        match &self.base {
            Base::Directory(directory) => {
                let file = directory.join(path);
                match files::read(&file, limit) {
                    Err(AdminError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                        Ok(None)
                    }
                    other => other.map(Some),
                }
            }
            Base::Http { client, .. } => {
                let address = self.address(path);
                let response = client.get(&address).send().await.map_err(network(&address))?;
                match response.status().as_u16() {
                    200 => body(response, &address, limit).await.map(Some),
                    404 => Ok(None),
                    _ => Err(problem(response, &address).await),
                }
            }
        }
    }

    /// Fetches a file that must be there.
    ///
    /// # Errors
    /// As [`Transport::get`], and if there is no such file.
    pub async fn fetch(&self, path: &str, limit: usize) -> Result<Vec<u8>, AdminError> {
        self.get(path, limit).await?.ok_or_else(|| AdminError::Network {
            address: self.address(path),
            problem: "there is no such file; is this the address of a CTL server or mirror?".into(),
        })
    }

    /// Sends JSON and returns the answer's JSON.
    ///
    /// # Errors
    /// Unreachable, refused with a problem document, or another answer.
    pub async fn post(&self, path: &str, json: Vec<u8>) -> Result<Vec<u8>, AdminError> {
        let (client, address) = self.writable(path)?;
        let request = client.post(&address).header("content-type", "application/json").body(json);
        let response = patiently(request, &address).await?;
        if response.status().is_success() {
            body(response, &address, MAX_ANSWER).await
        } else {
            Err(problem(response, &address).await)
        }
    }

    /// Puts bytes at an address.
    ///
    /// # Errors
    /// Unreachable, or refused with a problem document.
    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), AdminError> {
        let (client, address) = self.writable(path)?;
        let request = client.put(&address).header("content-type", "application/octet-stream").body(bytes);
        let response = patiently(request, &address).await?;
        if response.status().is_success() { Ok(()) } else { Err(problem(response, &address).await) }
    }

    fn writable(&self, path: &str) -> Result<(&reqwest::Client, String), AdminError> {
        match &self.base {
            Base::Http { client, .. } => Ok((client, self.address(path))),
            Base::Directory(directory) => Err(AdminError::input(
                directory.display(),
                "a directory takes no statements; write them with --out and submit them to the server",
            )),
        }
    }
}

/// Sends a request, and again when the server says that it took nothing because there were too many.
async fn patiently(request: reqwest::RequestBuilder, address: &str) -> Result<reqwest::Response, AdminError> {
    for _ in 0..MAX_WAITS {
        let Some(again) = request.try_clone() else { break };
        let response = again.send().await.map_err(network(address))?;
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        match wait {
            Some(seconds) if response.status().as_u16() == 429 && seconds <= MAX_WAIT => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            _ => return Ok(response),
        }
    }
    request.send().await.map_err(network(address))
}

async fn body(mut response: reqwest::Response, address: &str, limit: usize) -> Result<Vec<u8>, AdminError> {
    let too_large = || AdminError::Network {
        address: address.into(),
        problem: format!("the answer has more than the {limit} bytes allowed"),
    };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network(address))? {
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn problem(response: reqwest::Response, address: &str) -> AdminError {
    let status = response.status();
    let text = body(response, address, MAX_PROBLEM).await.unwrap_or_default();
    match serde_json::from_slice::<Problem>(&text) {
        Ok(problem) => AdminError::Refused {
            status: status.as_u16(),
            reason: problem.reason,
            detail: problem.detail.unwrap_or(problem.title),
        },
        Err(_) => AdminError::Network { address: address.into(), problem: format!("answered {status}") },
    }
}

fn network(address: &str) -> impl FnOnce(reqwest::Error) -> AdminError {
    let address = address.to_owned();
    move |error| AdminError::Network { address, problem: chain(&error.without_url()) }
}

/// An error with its causes: reqwest's own text hides them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}
