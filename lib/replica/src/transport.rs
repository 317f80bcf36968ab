//! Bytes from a server or from a plain directory, never more than was asked for, and never more in all than whoever
//! waits for them allows.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use ctl_core::names::is_web_address;
use ctl_core::text::with_causes;
use serde::Deserialize;

use crate::{Bound, ReplicaError, files};

/// An answer of the JSON endpoints is at most so many bytes.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// A file of TLS roots is at most so many bytes.
const MAX_ROOTS: usize = 4 * 1024 * 1024;
/// A problem document is at most so many bytes.
const MAX_PROBLEM: usize = 64 * 1024;

/// How often to wait for a server that has too much to do, and how long at most each time, in seconds.
const MAX_WAITS: usize = 5;
const MAX_WAIT: u64 = 30;
/// How often what may be asked twice is asked again on a fresh connection.
const MAX_AGAIN: usize = 2;
/// One request takes at most so long, however slowly the bytes drip.
const MAX_REQUEST: Duration = Duration::from_secs(600);

/// What one piece of work may download, and how long that may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes in all.
    pub bytes: u64,
    /// Time in all.
    pub time: Duration,
}

impl Default for Bounds {
    /// 2 GiB and two hours: more than the log of a busy scheme has after years.
    fn default() -> Self {
        Self { bytes: 2 << 30, time: Duration::from_secs(7200) }
    }
}

/// A server, a mirror, or a directory with the same files (`file:///…`).
#[derive(Clone, Debug)]
pub struct Transport {
    base: Base,
    bounds: Bounds,
    spent: Arc<Mutex<Spent>>,
}

#[derive(Clone, Debug)]
enum Base {
    Http {
        /// Keeps connections: the server may have closed one that it hands out.
        client: reqwest::Client,
        /// Makes a connection for each request.
        fresh: reqwest::Client,
        address: String,
    },
    Directory(PathBuf),
}

/// What the present piece of work has taken.
#[derive(Debug)]
struct Spent {
    bytes: u64,
    since: Instant,
}

/// Why a request brought nothing, and how far it came.
struct Failed {
    error: ReplicaError,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There was no connection: nothing was sent.
    Unconnected,
    /// The connection ended before the answer did.
    Broken,
    /// There was an answer that is none, or no answer for too long.
    Answered,
}

impl Failed {
    fn is_broken(&self) -> bool {
        self.stage == Stage::Broken
    }

    /// The error for whoever sent something.
    fn of_sending(self) -> ReplicaError {
        match self.error {
            ReplicaError::Network { address, problem } if self.stage != Stage::Unconnected => {
                ReplicaError::Silence { address, problem }
            }
            error => error,
        }
    }
}

impl From<ReplicaError> for Failed {
    fn from(error: ReplicaError) -> Self {
        Self { error, stage: Stage::Answered }
    }
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

/// The certificates in these files.
fn certificates(files: &[PathBuf]) -> Result<Vec<reqwest::Certificate>, ReplicaError> {
    let mut all = Vec::new();
    for path in files {
        let found = reqwest::Certificate::from_pem_bundle(&files::read(path, MAX_ROOTS)?);
        let found = found.map_err(|error| ReplicaError::input(path.display(), with_causes(&error)))?;
        if found.is_empty() {
            return Err(ReplicaError::input(path.display(), "there is no PEM certificate in it"));
        }
        all.extend(found);
    }
    Ok(all)
}

fn builder(roots: &[reqwest::Certificate]) -> reqwest::ClientBuilder {
    install_crypto();
    reqwest::Client::builder()
        .tls_certs_merge(roots.iter().cloned())
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(30))
        .timeout(MAX_REQUEST)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("ctl-replica/", env!("CARGO_PKG_VERSION")))
}

impl Transport {
    /// For an address that begins with `http://`, `https://` or `file:///`.
    ///
    /// # Errors
    /// Another kind of address, or no TLS trust store.
    pub fn new(address: &str) -> Result<Self, ReplicaError> {
        Self::trusting(address, &[])
    }

    /// The same, with certificates in PEM files that are trusted in addition to the system's.
    ///
    /// # Errors
    /// As [`Transport::new`], and if a file cannot be read or has no certificate.
    pub fn trusting(address: &str, tls_roots: &[PathBuf]) -> Result<Self, ReplicaError> {
        let address = address.trim_end_matches('/');
        let spent = Arc::new(Mutex::new(Spent { bytes: 0, since: Instant::now() }));
        let with = |base| Self { base, bounds: Bounds::default(), spent };
        if let Some(path) = address.strip_prefix("file://") {
            if !path.starts_with('/') {
                return Err(ReplicaError::input(address, "a directory is written file:///absolute/path"));
            }
            return Ok(with(Base::Directory(PathBuf::from(path))));
        }
        if !is_web_address(address) {
            return Err(ReplicaError::input(
                address,
                "not an address; expected http://…, https://… or file:///…",
            ));
        }
        let problem =
            |e: reqwest::Error| ReplicaError::Network { address: address.into(), problem: with_causes(&e) };
        let roots = certificates(tls_roots)?;
        let client = builder(&roots).build().map_err(problem)?;
        let fresh = builder(&roots).pool_max_idle_per_host(0).build().map_err(problem)?;
        Ok(with(Base::Http { client, fresh, address: address.into() }))
    }

    /// With other bounds for each piece of work.
    #[must_use]
    pub fn with_bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Begins a new piece of work: the bounds count from here.
    pub fn begin(&self) {
        *self.spent() = Spent { bytes: 0, since: Instant::now() };
    }

    /// How many bytes the present piece of work has downloaded.
    #[must_use]
    pub fn downloaded(&self) -> u64 {
        self.spent().bytes
    }

    fn spent(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts bytes that arrived, or none to look at the time.
    ///
    /// # Errors
    /// The piece of work has taken more than its bounds.
    fn count(&self, address: &str, bytes: usize) -> Result<(), ReplicaError> {
        let mut spent = self.spent();
        spent.bytes += bytes as u64;
        let (bytes, time) = (spent.bytes, spent.since.elapsed());
        let bound = if bytes > self.bounds.bytes {
            Bound::Bytes(self.bounds.bytes)
        } else if time > self.bounds.time {
            Bound::Time(self.bounds.time)
        } else {
            return Ok(());
        };
        Err(ReplicaError::Exhaustion { address: address.into(), bytes, time, bound })
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
    pub async fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ReplicaError> {
        let address = self.address(path);
        self.count(&address, 0)?;
        match &self.base {
            Base::Directory(directory) => {
                let file = directory.join(path);
                let bytes = files::read_if_any(&file, limit)?;
                self.count(&address, bytes.as_ref().map_or(0, Vec::len))?;
                Ok(bytes)
            }
            Base::Http { client, fresh, .. } => {
                // A server closes idle connections, and while a log is replayed they are idle: what broke is asked
                // again, on a connection that nobody can have closed yet.
                let mut attempt = self.get_once(client, &address, limit).await;
                for _ in 0..MAX_AGAIN {
                    if !attempt.as_ref().is_err_and(Failed::is_broken) {
                        break;
                    }
                    attempt = self.get_once(fresh, &address, limit).await;
                }
                attempt.map_err(|failed| failed.error)
            }
        }
    }

    async fn get_once(
        &self,
        client: &reqwest::Client,
        address: &str,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Failed> {
        let response = patiently(client.get(address), address).await?;
        match response.status().as_u16() {
            200 => self.body(response, address, limit).await.map(Some),
            404 => Ok(None),
            _ => Err(self.problem(response, address).await.into()),
        }
    }

    /// Fetches a file that must be there.
    ///
    /// # Errors
    /// As [`Transport::get`], and if there is no such file.
    pub async fn fetch(&self, path: &str, limit: usize) -> Result<Vec<u8>, ReplicaError> {
        self.get(path, limit).await?.ok_or_else(|| ReplicaError::Network {
            address: self.address(path),
            problem: "there is no such file; is this the address of a CTL server or mirror?".into(),
        })
    }

    /// Sends JSON, once, and returns the answer's JSON.
    ///
    /// # Errors
    /// Unreachable, refused with a problem document, or another answer; [`ReplicaError::Silence`] if the server may
    /// have taken it all the same.
    pub async fn post(&self, path: &str, json: Vec<u8>) -> Result<Vec<u8>, ReplicaError> {
        let (client, address) = self.writable(path)?;
        self.begin();
        let request = client.post(&address).header("content-type", "application/json").body(json);
        let response = patiently(request, &address).await.map_err(Failed::of_sending)?;
        if response.status().is_success() {
            return self.body(response, &address, MAX_ANSWER).await.map_err(Failed::of_sending);
        }
        let status = response.status();
        match self.problem(response, &address).await {
            // Said by whoever could not finish, or by a proxy in between: it proves nothing about the statement.
            ReplicaError::Refusal { detail, .. } if status.is_server_error() => {
                let problem = format!("answered {status}: {detail}");
                Err(ReplicaError::Silence { address, problem })
            }
            ReplicaError::Network { problem, .. } if status.is_server_error() => {
                Err(ReplicaError::Silence { address, problem })
            }
            refused => Err(refused),
        }
    }

    /// Puts bytes at an address that their digest names, so that twice is as good as once.
    ///
    /// # Errors
    /// Unreachable, or refused with a problem document.
    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), ReplicaError> {
        let (client, address) = self.writable(path)?;
        self.begin();
        let mut again = MAX_AGAIN;
        let response = loop {
            let content = ("content-type", "application/octet-stream");
            let request = client.put(&address).header(content.0, content.1).body(bytes.clone());
            match patiently(request, &address).await {
                Err(failed) if failed.is_broken() && again > 0 => again -= 1,
                done => break done.map_err(|failed| failed.error)?,
            }
        };
        if response.status().is_success() { Ok(()) } else { Err(self.problem(response, &address).await) }
    }

    /// What changes something goes over a connection of its own: a person has read and thought since the last one
    /// was used.
    fn writable(&self, path: &str) -> Result<(&reqwest::Client, String), ReplicaError> {
        match &self.base {
            Base::Http { fresh, .. } => Ok((fresh, self.address(path))),
            Base::Directory(directory) => Err(ReplicaError::input(
                directory.display(),
                "a directory takes no statements; write them to a file and submit that to the server",
            )),
        }
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        address: &str,
        limit: usize,
    ) -> Result<Vec<u8>, Failed> {
        let too_large = || ReplicaError::Network {
            address: address.into(),
            problem: format!("the answer has more than the {limit} bytes allowed"),
        };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large().into());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed(address))? {
            self.count(address, chunk.len())?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large().into());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    async fn problem(&self, response: reqwest::Response, address: &str) -> ReplicaError {
        let status = response.status();
        let text = self.body(response, address, MAX_PROBLEM).await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&text) {
            Ok(problem) => ReplicaError::Refusal {
                status: status.as_u16(),
                reason: problem.reason,
                detail: problem.detail.unwrap_or(problem.title),
            },
            Err(_) => {
                ReplicaError::Network { address: address.into(), problem: format!("answered {status}") }
            }
        }
    }
}

/// Sends a request, and again when the server says that it cannot answer now: too many asked, it is still starting, or
/// it does not know what became of a statement. Sent twice, a statement is recorded once.
async fn patiently(request: reqwest::RequestBuilder, address: &str) -> Result<reqwest::Response, Failed> {
    for _ in 0..MAX_WAITS {
        let Some(again) = request.try_clone() else { break };
        let response = again.send().await.map_err(failed(address))?;
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        match wait {
            Some(seconds) if matches!(response.status().as_u16(), 429 | 503) && seconds <= MAX_WAIT => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            _ => return Ok(response),
        }
    }
    request.send().await.map_err(failed(address))
}

fn failed(address: &str) -> impl FnOnce(reqwest::Error) -> Failed {
    let address = address.to_owned();
    move |error| {
        let stage = if error.is_connect() || error.is_builder() {
            Stage::Unconnected
        } else if error.is_timeout() {
            Stage::Answered
        } else {
            Stage::Broken
        };
        let problem = with_causes(&error.without_url());
        Failed { error: ReplicaError::Network { address, problem }, stage }
    }
}
