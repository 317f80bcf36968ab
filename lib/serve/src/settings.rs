//! What a configuration says of the HTTP server.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_host::config;
use ctl_host::network::Network;
use serde::Deserialize;

/// Where the HTTP server listens, and how much one caller may ask: the section `[http]` of a program's configuration.
/// The defaults suit a small machine behind nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How to speak TLS there.
    pub tls: Option<Tls>,
    /// Plain HTTP is answered for everyone, not only for this machine and trusted proxies.
    pub plain_for_all: bool,
    /// Writes per minute and client address, on average.
    pub writes_per_minute: NonZeroU32,
    /// Writes that one client address may make at once.
    pub write_burst: NonZeroU32,
    /// Reads of the API per minute and client address, on average. An expensive one counts for several.
    pub reads_per_minute: NonZeroU32,
    /// Reads of the API that one client address may make at once.
    pub read_burst: NonZeroU32,
    /// Reads of static files per minute and client address, on average.
    pub file_reads_per_minute: NonZeroU32,
    /// Reads of static files that one client address may make at once.
    pub file_read_burst: NonZeroU32,
    /// Bytes of requests that are received and of answers that were made for one caller, in all. Static files do
    /// not count: all callers share their bytes.
    pub bytes_in_flight: usize,
    /// Connections in all; never more than half of the file descriptors.
    pub connections: usize,
    /// Connections per client address; trusted proxies may have as many as there are.
    pub connections_per_client: usize,
    /// How long a client may take to send a request's header, and stay idle between two requests.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How long a client may take before it accepts any more of an answer.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// How long a stop waits for requests in flight.
    #[serde(with = "humantime_serde")]
    pub shutdown: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            plain_for_all: false,
            writes_per_minute: NonZeroU32::MIN.saturating_add(119),
            write_burst: NonZeroU32::MIN.saturating_add(59),
            reads_per_minute: NonZeroU32::MIN.saturating_add(5_999),
            read_burst: NonZeroU32::MIN.saturating_add(2_999),
            file_reads_per_minute: NonZeroU32::MIN.saturating_add(59_999),
            file_read_burst: NonZeroU32::MIN.saturating_add(59_999),
            bytes_in_flight: 128 * 1024 * 1024,
            connections: 4096,
            connections_per_client: 512,
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            shutdown: Duration::from_secs(10),
            trusted_proxies: Vec::new(),
        }
    }
}

impl Http {
    /// Takes paths as relative to the folder of the configuration; absolute ones stay.
    pub fn relative_to(&mut self, directory: &Path) {
        if let Some(tls) = &mut self.tls {
            let files = [&mut tls.certificate, &mut tls.key].into_iter();
            config::join(directory, files.chain(&mut tls.client_roots));
        }
    }
}

/// TLS: the section `[http.tls]`. The files are read again whenever they change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The server's certificate and what leads from it to its root, in PEM, in this order.
    pub certificate: PathBuf,
    /// Its private key (PKCS#8, PEM), a file that nobody else may read.
    pub key: PathBuf,
    /// Roots of clients' certificates. With any, clients are asked for one; who shows none is answered all the same,
    /// who shows one that no root has issued is not.
    #[serde(default)]
    pub client_roots: Vec<PathBuf>,
    /// A second address, where HTTP is plain: for this machine and for trusted proxies.
    #[serde(default)]
    pub plain: Option<SocketAddr>,
    /// How often the files are looked at.
    #[serde(default = "five_seconds", with = "humantime_serde")]
    pub check: Duration,
}

impl Tls {
    /// The files are not looked at more often than so.
    pub(crate) const SHORTEST_CHECK: Duration = Duration::from_millis(10);
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}
