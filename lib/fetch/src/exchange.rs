//! One exchange with one address: connect, TLS, ask, read, and follow redirects that stay with the host.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_host::with_causes;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::{self, ClientConfig};

use super::budget::{OverBudget, Reservation};
use super::guard::Guard;
use super::place::Place;
use super::tls::{self, Identity, Own};
use super::wire::{Marks, Watched};
use super::{Answer, Exchange, FetchError, Manner, Reason, Request, Timings};

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 3;
/// The smallest step, in bytes, in which a body takes memory.
const STEP: usize = 16 * 1024;
/// The largest header in bytes, and the most lines it may have.
const MAX_HEADER: usize = 32 * 1024;
const MAX_HEADER_LINES: usize = 100;
/// Who asks.
const AGENT: &str = concat!("ctl-fetch/", env!("CARGO_PKG_VERSION"));

/// One exchange that is under way.
pub(super) struct Attempt<'a> {
    pub(super) tls: &'a ClientConfig,
    pub(super) identity: Option<&'a Identity>,
    pub(super) guard: &'a Guard,
    /// For the body; counted until nobody holds it any more.
    pub(super) reservation: Reservation,
    pub(super) request: &'a Request,
    pub(super) manner: &'a Manner,
    pub(super) address: IpAddr,
    /// When it all began; what was waited for a free connection is left out.
    pub(super) begin: Instant,
    pub(super) deadline: Instant,
    pub(super) timings: Timings,
}

impl Attempt<'_> {
    /// Asks, and follows redirects. The parts of the time are those of the last connection, the total is all.
    pub(super) async fn run(mut self, mut place: Place) -> Exchange {
        let mut redirects = 0;
        let (address, result) = loop {
            let address = SocketAddr::new(self.address, place.port());
            let result = self.ask(&place, address).await;
            let Some(location) = result.as_ref().ok().and_then(|answer| self.redirection(answer)) else {
                break (address, result);
            };
            let next = if redirects == MAX_REDIRECTS {
                let detail = format!("more than {MAX_REDIRECTS} redirects, the last to {location:?}");
                Err(FetchError::new(Reason::RedirectRefused, detail))
            } else {
                self.follow(&place, &result, &location)
            };
            match next {
                Ok(next) => place = next,
                Err(error) => break (address, Err(error.after(result.ok()))),
            }
            redirects += 1;
        };
        self.timings.total = self.begin.elapsed();
        Exchange { address: Some(address), timings: self.timings, result }
    }

    /// Where an answer sends us.
    fn redirection(&self, answer: &Answer) -> Option<String> {
        let redirects = !self.manner.stays && matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        answer
            .header(LOCATION.as_str())
            .filter(|_| redirects)
            .map(|location| location.chars().take(200).collect())
    }

    fn follow(
        &self,
        place: &Place,
        result: &Result<Answer, FetchError>,
        location: &str,
    ) -> Result<Place, FetchError> {
        let status = result.as_ref().map_or(0, |answer| answer.status);
        // Other redirects would turn the POST into a GET without what was asked.
        if self.request.body.is_some() && !matches!(status, 307 | 308) {
            let detail = format!(
                "a POST was redirected with {status} to {location:?}: only 307 and 308 keep the question"
            );
            return Err(FetchError::new(Reason::RedirectRefused, detail));
        }
        let to = place.redirected(location)?;
        self.guard.check_port(to.port())?;
        Ok(to)
    }

    async fn ask(&mut self, place: &Place, address: SocketAddr) -> Result<Answer, FetchError> {
        let connecting = Instant::now();
        let stream = match timeout_at(self.deadline, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(connect_error(address, &error)),
            Err(_) => {
                let detail = format!("{address} did not take the connection within {}", self.within());
                return Err(FetchError::new(Reason::TcpTimeout, detail));
            }
        };
        self.timings.tcp = connecting.elapsed();
        let _ = stream.set_nodelay(true);
        let own = Own::new(self.identity);
        if !place.is_tls() {
            self.timings.tls = None;
            return self.talk(place, stream, None, &own).await;
        }
        let shaking = Instant::now();
        let name = place.server_name()?;
        let failed = |why: String| FetchError::new(Reason::TlsFailure, why);
        let connector = tls::connector(self.tls, &own);
        let stream = timeout_at(self.deadline, connector.connect(name, stream))
            .await
            .map_err(|_| {
                failed(format!("the TLS handshake with {address} did not end within {}", self.within()))
            })?
            .map_err(|error| {
                let asked = |answered| format!(", after it asked for a client certificate and {answered}");
                let why = own.answered().map(asked).unwrap_or_default();
                failed(format!("the TLS handshake with {address} failed{why}: {error}"))
            })?;
        self.timings.tls = Some(shaking.elapsed());
        let not_after = tls::not_after(stream.get_ref().1.peer_certificates());
        self.talk(place, stream, not_after, &own).await
    }

    async fn talk<S>(
        &mut self,
        place: &Place,
        stream: S,
        tls_not_after: Option<i64>,
        own: &Own,
    ) -> Result<Answer, FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let question = self.question(place)?;
        let marks = Marks::new();
        let stream = TokioIo::new(Watched::new(stream, Arc::clone(&marks)));
        // This cannot block: nothing is sent before the request.
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEADER)
            .max_headers(MAX_HEADER_LINES)
            .handshake(stream)
            .await
            .map_err(|error| no_answer(&error, &marks, own))?;
        // Dropped with this set, so that nothing outlives the exchange.
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let response = timeout_at(self.deadline, sender.send_request(question)).await;
        self.timings.first_byte = marks.first_byte().unwrap_or_else(|| marks.waited());
        let response = response
            .map_err(|_| {
                let what =
                    if marks.first_byte().is_some() { "the header was not whole" } else { "no answer came" };
                FetchError::new(Reason::Slow, format!("connected, but {what} within {}", self.within()))
            })?
            .map_err(|error| no_answer(&error, &marks, own))?;
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let mut answer = Answer {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: Bytes::new(),
            tls_not_after,
        };
        if self.manner.head_only {
            return Ok(answer);
        }
        let (bytes, end) = self.read(body).await;
        answer.body = bytes;
        match end {
            Ok(()) => Ok(answer),
            Err(error) => Err(error.after(Some(answer))),
        }
    }

    fn question(&self, place: &Place) -> Result<hyper::Request<Full<Bytes>>, FetchError> {
        let usual = if self.request.body.is_some() { Method::POST } else { Method::GET };
        let method = self.manner.method.clone().unwrap_or(usual);
        let mut question = hyper::Request::builder()
            .method(method)
            .uri(place.path_and_query())
            .header(HOST, place.authority())
            .header(ACCEPT, self.request.accept)
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close");
        if let Some(media_type) = self.request.content_type {
            question = question.header(CONTENT_TYPE, media_type);
        }
        for header in &self.request.headers {
            question = question.header(header.name, header.value.as_str());
        }
        question.body(Full::new(self.request.body.clone().unwrap_or_default())).map_err(|error| {
            FetchError::new(Reason::AddressForbidden, format!("this cannot be asked by HTTP: {error}"))
        })
    }

    /// The body as far as it came, and how it ended.
    async fn read(&mut self, mut body: Incoming) -> (Bytes, Result<(), FetchError>) {
        let limit = self.request.max_body;
        let too_large =
            || FetchError::new(Reason::BodyTooLarge, format!("the body has more than {limit} bytes"));
        // As announced; an announcement is a reason to stop early and none to allocate.
        if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return (Bytes::new(), Err(too_large()));
        }
        let mut bytes: Vec<u8> = Vec::new();
        let end = loop {
            match timeout_at(self.deadline, body.frame()).await {
                Ok(None) => break Ok(()),
                Ok(Some(Ok(frame))) => {
                    // What is no data is trailers, which nobody reads.
                    let data = frame.into_data().unwrap_or_default();
                    let left = limit.saturating_sub(bytes.len());
                    let fits = data.get(..left).unwrap_or(&data);
                    if let Err(over) = grow(&mut self.reservation, &mut bytes, fits.len(), limit) {
                        break Err(over_budget(over));
                    }
                    bytes.extend_from_slice(fits);
                    if data.len() > left {
                        break Err(too_large());
                    }
                }
                Ok(Some(Err(error))) => {
                    let detail =
                        format!("the body broke off after {} bytes: {}", bytes.len(), with_causes(&error));
                    break Err(FetchError::new(Reason::BodyTruncated, detail));
                }
                Err(_) => {
                    let detail =
                        format!("{} bytes of the body came within {}, not all", bytes.len(), self.within());
                    break Err(FetchError::new(Reason::Slow, detail));
                }
            }
        };
        bytes.shrink_to_fit();
        let mut reservation = std::mem::take(&mut self.reservation);
        // Less than before always fits.
        let _ = reservation.resize(bytes.capacity());
        (reservation.hold(bytes), end)
    }

    fn within(&self) -> String {
        let millis = self.deadline.saturating_duration_since(self.begin).as_millis();
        humantime::format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
            .to_string()
    }
}

/// Makes room for more bytes, in the memory and in the reservation.
fn grow(
    reservation: &mut Reservation,
    bytes: &mut Vec<u8>,
    more: usize,
    limit: usize,
) -> Result<(), OverBudget> {
    let needed = bytes.len().saturating_add(more);
    if needed > bytes.capacity() {
        let capacity = needed.max(bytes.len().saturating_mul(3) / 2).max(STEP).min(limit).max(needed);
        reservation.resize(capacity)?;
        bytes.reserve_exact(capacity.saturating_sub(bytes.len()));
    }
    Ok(())
}

fn over_budget(over: OverBudget) -> FetchError {
    match over {
        OverBudget::Operator => FetchError::new(
            Reason::BodyTooLarge,
            "the services of this operator send more at once than one operator's may".to_owned(),
        ),
        OverBudget::Total => FetchError::new(
            Reason::Busy,
            "there was no room for the body: raise [fetch] body_bytes".to_owned(),
        ),
    }
}

/// Why a connection that stood gave no answer.
fn no_answer(error: &hyper::Error, marks: &Marks, own: &Own) -> FetchError {
    let why = with_causes(error);
    if marks.first_byte().is_some() {
        return FetchError::new(Reason::NotHttp, format!("the answer is no HTTP: {why}"));
    }
    if let Some(answered) = own.answered() {
        let detail = format!("the server asked for a client certificate, and ended when {answered}: {why}");
        return FetchError::new(Reason::TlsFailure, detail);
    }
    if is_of_tls(error) {
        return FetchError::new(Reason::TlsFailure, format!("TLS ended after the handshake: {why}"));
    }
    FetchError::new(Reason::TcpRefused, format!("the connection was closed without an answer: {why}"))
}

/// Whether what ended a connection was an alert, or anything else that TLS calls an error.
fn is_of_tls(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn connect_error(address: SocketAddr, error: &io::Error) -> FetchError {
    let reason = match error.kind() {
        ErrorKind::TimedOut => Reason::TcpTimeout,
        _ => Reason::TcpRefused,
    };
    FetchError::new(reason, format!("{address}: {error}"))
}
