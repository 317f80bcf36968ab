//! Asks by HTTP at addresses that come from certificates and applications, and so are an attacker's input.
//!
//! The fetcher resolves names itself, calls no address and no port that its [`Options`] do not allow, follows no
//! redirect to another host, and bounds bytes, time and connections: of each answer, of each operator's services
//! together, and of all.
//!
//! A [`Fetcher`] works in this order: it reads the URL; [`guard`] judges every address that is to be asked, whether the
//! URL or a [`resolve`]r gives it; the fetcher connects to exactly that address, so that a name which changes its
//! addresses in between gains nothing; it follows at most three redirects, to the same host at the same address.
//!
//! If time runs out, the [`Reason`] says during which step.
#![forbid(unsafe_code)]

mod budget;
mod exchange;
mod fetcher;
pub mod guard;
mod manner;
mod options;
mod place;
pub mod resolve;
mod tls;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

pub use budget::{Class, OverBudget, Reservation};
pub use fetcher::Fetcher;
pub use hyper::Method;
pub use manner::Manner;
pub use options::{Options, Ports};
pub use tls::Identity;

/// Sends requests: the [`Fetcher`], or in tests something that answers from memory.
pub trait Fetch: Send + Sync {
    /// Asks one or all addresses of the URL's host; one exchange for each, or one that says why there is none.
    fn fetch<'a>(&'a self, request: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>>;

    /// Reserves bytes for what is kept of answers; none if the budget has too few left.
    fn reserve(&self, _bytes: usize) -> Option<Reservation> {
        Some(Reservation::default())
    }

    /// The same on behalf of an operator, whose budget is charged; none if there are no budgets.
    fn on_behalf_of(&self, _name: &str, _class: Class) -> Option<Box<dyn Fetch>> {
        None
    }

    /// The same as who has this certificate; none if there is no TLS to show it by.
    fn showing(&self, _identity: &Identity) -> Option<Box<dyn Fetch>> {
        None
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The name does not resolve, or not in time.
    DnsFailure,
    /// The URL, the address or the port is none that may be asked.
    AddressForbidden,
    /// The connection is refused, or ends before the first byte of an answer.
    TcpRefused,
    /// Nobody takes the connection in time.
    TcpTimeout,
    /// The TLS handshake fails or does not end in time, or the certificate is not trusted for the name.
    TlsFailure,
    /// The answer is no HTTP, or its header breaks off.
    NotHttp,
    /// Redirected too often, to another host, or to a scheme that is not allowed.
    RedirectRefused,
    /// The body ends before its announced length.
    BodyTruncated,
    /// The body is larger than the limit, or the operator's bodies together are.
    BodyTooLarge,
    /// Once the request is sent, an answer does not come in time, or not whole.
    Slow,
    /// The fetcher itself had no connection, lookup or memory free, which says nothing of the service.
    Busy,
}

/// Why a fetcher cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file of TLS roots cannot be used.
    #[error("tls_roots {}: {why}", .path.display())]
    TlsRoots { path: PathBuf, why: String },
    /// A certificate of our own, or its key, cannot be used.
    #[error("the client certificate: {}: {why}", .path.display())]
    Identity { path: PathBuf, why: String },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// How long the parts of an exchange took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Resolving the name.
    pub dns: Duration,
    /// Connecting. After redirects, this and the next two are those of the last connection.
    pub tcp: Duration,
    /// The TLS handshake, where there was one.
    pub tls: Option<Duration>,
    /// From the request's last byte to the answer's first; where none came, how long it was waited for.
    pub first_byte: Duration,
    /// Everything.
    pub total: Duration,
}

/// Which of a name's addresses are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Every one, each on its own.
    All,
    /// One, which changes from round to round.
    Turn(u64),
}

/// A request, whose headers and body may hold secrets: they are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub url: String,
    /// The body; with one it is a POST, without it a GET.
    pub body: Option<Bytes>,
    /// The media type of the body.
    pub content_type: Option<&'static str>,
    pub accept: &'static str,
    /// Headers besides those that every request has. A redirect that is followed gets them too: it stays with the host.
    pub headers: Vec<Header>,
    /// The largest body of an answer, in bytes.
    pub max_body: usize,
    /// How long the exchange may take as a whole.
    pub timeout: Duration,
    /// Which of the host's addresses to ask.
    pub addresses: Addresses,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = self.body.as_ref().map(Bytes::len);
        f.debug_struct("Request")
            .field("url", &self.url)
            .field("body_bytes", &body)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// In lower case.
    pub name: &'static str,
    pub value: String,
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

/// An answer. Any status is an answer; judging it is the probe's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The headers, names in lower case, as received.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Bytes,
    /// Unix time at which the TLS certificate ends.
    pub tls_not_after: Option<i64>,
}

impl Answer {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FetchError {
    pub reason: Reason,
    pub detail: String,
    /// What came of an answer that broke off: status, headers and body so far.
    pub partial: Option<Box<Answer>>,
}

impl FetchError {
    const fn new(reason: Reason, detail: String) -> Self {
        Self { reason, detail, partial: None }
    }

    /// The same, with what came before it.
    fn after(self, partial: Option<Answer>) -> Self {
        Self { partial: partial.map(Box::new), ..self }
    }
}

/// One exchange with one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Whom; none where the name did not resolve.
    pub address: Option<SocketAddr>,
    /// How long it took.
    pub timings: Timings,
    /// What came.
    pub result: Result<Answer, FetchError>,
}

impl Exchange {
    const fn without(address: Option<SocketAddr>, timings: Timings, error: FetchError) -> Self {
        Self { address, timings, result: Err(error) }
    }
}
