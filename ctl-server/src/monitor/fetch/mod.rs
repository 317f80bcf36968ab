//! Asking a service by HTTP: the only part of the monitor that touches the network.
//!
//! Addresses come from certificates and applications, so they are an attacker's input. The fetcher resolves
//! names itself, calls no address and no port that the configuration does not allow, follows no redirect to another
//! host, and bounds octets, time and connections: of each answer, of each operator's services together ([`account`])
//! and of all.
//!
//! A [`Fetcher`] goes this way: the URL is read ([`guard`] judges addresses, whether the URL or a [`resolve`]r
//! gives them), every address that is to be asked is judged and then connected to as it is, so that a name which
//! changes its addresses in between gains nothing, and at most three redirects are followed, to the same
//! host by the same address.
//!
//! What time runs out on decides the code: no connection is `tcp_timeout`, no name `dns_failure`, no TLS
//! `tls_failure`; once the request is sent, an answer that does not come, or does not come whole, is `slow`.
//! A connection that ends before the first octet of an answer is `tcp_refused`, within the header or with
//! something else than HTTP `http_status`, within the body `body_truncated`.

mod account;
mod exchange;
mod fetcher;
pub mod guard;
mod place;
pub mod resolve;
mod tls;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::code::Code;
pub use account::{NoRoom, Room};
pub use fetcher::Fetcher;

/// How long the parts of an exchange took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Resolving the name.
    pub dns: Duration,
    /// Connecting. After redirects this and what follows, but for the total, is of the last connection.
    pub tcp: Duration,
    /// The TLS handshake, where there was one.
    pub tls: Option<Duration>,
    /// From the request's last octet to the answer's first; where none came, how long it was waited for.
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

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where.
    pub url: String,
    /// The body; with one it is a POST, without it a GET.
    pub body: Option<Bytes>,
    /// The media type of the body.
    pub content_type: Option<&'static str>,
    /// What is accepted.
    pub accept: &'static str,
    /// The answer's body may have so many octets.
    pub max_body: usize,
    /// Everything together may take so long.
    pub timeout: Duration,
    /// Whom to ask.
    pub addresses: Addresses,
}

/// An answer. Any status is an answer; judging it is the probe's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
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
    /// The reason code; of family transport, or `probe_overrun` where the monitor itself had no connection free,
    /// which says nothing of the service.
    pub code: Code,
    /// What exactly.
    pub detail: String,
    /// What came of an answer that broke off: status, headers and body so far.
    pub partial: Option<Box<Answer>>,
}

impl FetchError {
    pub(super) const fn new(code: Code, detail: String) -> Self {
        Self { code, detail, partial: None }
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
