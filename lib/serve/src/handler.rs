//! What becomes of one request: a prepared file, bytes of the disk, or a route's handler.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ctl_core::Digest;
use http_body_util::{BodyExt as _, Full};
use hyper_util::service::TowerToHyperService;
use warp::http::request::Parts;
use warp::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use warp::hyper::body::{Body, Incoming};
use warp::hyper::service::Service as _;

use crate::body::{AnswerBody, ApiBody, Source};
use crate::conditional;
use crate::connections::{Answering, Place};
use crate::encoding::{Coding, Codings};
use crate::file::Readers;
use crate::limits::{Client, Rate};
use crate::metrics::UNKNOWN;
use crate::problem::Problem;
use crate::queue::{self, Question, Queue};
use crate::reader;
use crate::refusal::MAX_URI;
use crate::service::{Service, Transfer};
use crate::settings::Http;
use crate::table::{Cost, Route, Table, method_name};
use crate::tls::ClientCertificate;

/// Expensive requests that are computed at once.
const COMPUTED: usize = 2;
/// How long an answer is good enough for whoever asks the same, while nothing is recorded.
const FRESH: Duration = Duration::from_secs(1);
/// A body of at most this many bytes is read to its end though nobody wants it: a caller who still sends does not
/// hear the answer.
const HEARD_OUT: u64 = 64 * 1024;
/// The same of a form with too large a file: a browser would show its person nothing but a broken connection.
const HEARD_OUT_OF_A_FORM: u64 = 16 * 1024 * 1024;
const ANYONE: HeaderValue = HeaderValue::from_static("*");

/// What a connection says of all that is asked over it.
#[derive(Clone)]
pub(crate) struct Link {
    /// Whether this peer may ask in this way.
    pub(crate) may_ask: bool,
    /// Whether it asks for others.
    pub(crate) is_proxy: bool,
    /// Whether nobody on the way can read along.
    pub(crate) is_private: bool,
    /// What it has shown.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

/// Whether nobody on the way could read a request; an extension of it.
#[derive(Clone, Copy)]
pub(crate) struct Private(pub(crate) bool);

/// Warp's filters as one function.
type Api = Box<dyn Fn(Request<Full<Bytes>>) -> ApiAnswer + Send + Sync>;
type ApiAnswer = Pin<Box<dyn Future<Output = Response<ApiBody>> + Send>>;

/// Answers requests, within the limits.
pub(crate) struct Handler<S> {
    pub(crate) service: S,
    table: Table<S>,
    pub(crate) limits: Arc<Http>,
    api: Api,
    writes: Rate,
    reads: Rate,
    file_reads: Rate,
    handshakes: Rate,
    readers: Readers,
    much: Queue,
    /// What somebody sent and is costly to judge: no crowd of it holds up who reads.
    judged: Queue,
    scrapes: Queue,
}

impl<S: Service> Handler<S> {
    pub(crate) fn new(service: S, table: Table<S>, limits: Arc<Http>) -> Self {
        let filters = TowerToHyperService::new(warp::service(table.filters(&service)));
        let api: Api = Box::new(move |request| {
            let answer = filters.call(request);
            Box::pin(async move {
                match answer.await {
                    Ok(response) => boxed(response),
                    Err(never) => match never {},
                }
            })
        });
        Self {
            writes: Rate::new(limits.writes_per_minute, limits.write_burst),
            reads: Rate::new(limits.reads_per_minute, limits.read_burst),
            file_reads: Rate::new(limits.file_reads_per_minute, limits.file_read_burst),
            // A handshake costs about as much as a read.
            handshakes: Rate::new(limits.reads_per_minute, limits.read_burst),
            readers: Readers::default(),
            much: Queue::new(COMPUTED, FRESH),
            judged: Queue::new(1, Duration::ZERO),
            // Counters move with every request.
            scrapes: Queue::new(1, Duration::ZERO),
            service,
            table,
            limits,
            api,
        }
    }

    /// Forgets clients that have not asked for long.
    pub(crate) fn forget_idle(&self) {
        [&self.writes, &self.reads, &self.file_reads, &self.handshakes]
            .into_iter()
            .for_each(Rate::forget_idle);
    }

    /// Counts a handshake of this client; whether it may have one more.
    pub(crate) fn may_shake(&self, client: Client) -> bool {
        self.handshakes.check(client, NonZeroU32::MIN).is_ok()
    }

    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        mut request: Request<Incoming>,
        (peer, link): (SocketAddr, Link),
        place: &Arc<Place>,
    ) -> Response<AnswerBody> {
        let start = Instant::now();
        let reader = reader::wants_page(request.headers()).then(|| request.uri().path().to_owned());
        let caller = Client::of(peer, request.headers(), &self.limits.trusted_proxies);
        let answering = place.answering(caller);
        let method = request.method().clone();
        let reads = method == Method::GET || method == Method::HEAD;
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        let (found, file) = self.service.file(path).unzip();
        let route = self.table.find(request.uri().path());
        if let Some(certificate) = link.certificate {
            request.extensions_mut().insert(certificate);
        }
        request.extensions_mut().insert(Private(link.is_private));
        let allowed = if link.may_ask { well_formed(&request) } else { Err(plain_http()) };
        let answer = match (allowed, found, route) {
            (Err(problem), _, _) => Err(problem),
            (Ok(()), Some(_), _) if asks_for_leave(&request) => Ok(leave_to_read()),
            (Ok(()), Some(_), _) if !reads => Err(not_allowed("GET, HEAD".into())),
            (Ok(()), Some(found), _) => match counted(&self.file_reads, caller, NonZeroU32::MIN, "reads") {
                Ok(()) => self.service.answer_file(found, request.headers(), &self.readers).await,
                Err(problem) => Err(problem),
            },
            (Ok(()), None, None) => counted(&self.reads, caller, NonZeroU32::MIN, "reads").and_then(|()| {
                Err(Problem::not_found(format!("there is nothing at {}", excerpt(request.uri().path()))))
            }),
            (Ok(()), None, Some(route)) if asks_for_leave(&request) && route.allows(&Method::GET) => {
                Ok(leave_to_read())
            }
            (Ok(()), None, Some(route)) if !route.allows(&method) => Err(not_allowed(route.allow())),
            (Ok(()), None, Some(route)) => self.answer_api(route, request, &answering).await,
        };
        let mut response = answer.unwrap_or_else(|problem| boxed(problem.into_response()).map(Source::Made));
        let told = response.extensions_mut().remove::<Problem>();
        let told = told.filter(Problem::is_worth_a_page);
        let page = reader.zip(told).and_then(|(path, problem)| self.service.problem_page(&path, &problem));
        if let Some(page) = page {
            response = reader::told(response, boxed(page));
        }
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if reads || method == Method::OPTIONS {
            // Whatever can be read here, anyone may read, from a page of any origin.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
        }
        let status = response.status();
        let requests = self.service.requests();
        match file {
            Some(file) if reads && (status == StatusCode::OK || status == StatusCode::NOT_MODIFIED) => {
                let not_modified = status == StatusCode::NOT_MODIFIED;
                requests.count_file(file, method == Method::HEAD, not_modified, start.elapsed());
            }
            _ => {
                let pattern = file.and_then(|file| self.table.file_pattern(file));
                let pattern = pattern.or(route.map(Route::pattern)).unwrap_or(UNKNOWN);
                requests.count(pattern, method_name(&method), status.as_u16(), start.elapsed());
            }
        }
        response.map(|source| AnswerBody::new(source, answering))
    }

    async fn answer_api(
        &self,
        route: &Route<S>,
        request: Request<Incoming>,
        answering: &Answering,
    ) -> Result<Response<Source>, Problem> {
        let (mut head, mut body) = request.into_parts();
        let caller = answering.caller();
        if head.method != Method::GET && head.method != Method::HEAD {
            let written = self.write(route, &head, &mut body, answering).await;
            let unheard = !body.is_end_stream();
            // Not of somebody who sends too often, and only where a form is judged.
            let is_too_large =
                matches!(&written, Err(problem) if problem.status == StatusCode::PAYLOAD_TOO_LARGE);
            let is_form = is_too_large && route.cost == Cost::Much && reader::wants_page(&head.headers);
            let most = if is_form { HEARD_OUT_OF_A_FORM } else { HEARD_OUT };
            if unheard && promised(&head.headers).is_some_and(|length| length <= most) {
                hear_out(&mut body, self.limits.body_timeout).await;
            }
            return written;
        }
        counted(&self.reads, caller, route.cost.worth(), "reads")?;
        let codings = Codings::of(&head.headers);
        codings.identity_only()?;
        if route.page.is_some() {
            reader::as_program(&mut head);
        }
        if let Some(page) = route.page
            && reader::wants_page(&head.headers)
            && !reader::names_format(&head.uri)
        {
            let page = reader::page_of(route.pattern(), page, &head.uri);
            return Ok(reader::see(&page).map(Source::Made));
        }
        if route.cost == Cost::Bytes {
            return self.transfer(&head, &mut body, answering).await;
        }
        // The filters know GET; hyper leaves the body out of the answer to HEAD.
        head.method = Method::GET;
        let accept =
            head.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let coding = codings.choose(|coding| coding == Coding::Gzip).filter(|coding| *coding == Coding::Gzip);
        let question = Question {
            uri: head.uri.to_string(),
            accept: accept.to_owned(),
            coding,
            certificate: shown(&head).map(|certificate| certificate.sha256),
            credentials: credentials(&head.headers),
            moment: self.service.moment(),
        };
        let known = head.headers.clone();
        let computed = (self.api)(Request::from_parts(head, Full::default()));
        let computed = async move { reader::compressed(computed.await, coding).await };
        let response = match route.cost {
            Cost::Much => queue::made(self.much.answer(caller, Some(question), computed).await?),
            Cost::Scrape => queue::made(self.scrapes.answer(caller, Some(question), computed).await?),
            Cost::Little | Cost::Bytes => computed.await,
        };
        let mut response = conditional::unless_current(response, &known).await?;
        if route.page.is_some() {
            response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
        }
        held(&response, answering)?;
        Ok(response.map(Source::Made))
    }

    async fn transfer(
        &self,
        head: &Parts,
        body: &mut Incoming,
        answering: &Answering,
    ) -> Result<Response<Source>, Problem> {
        let (promised, patience) = (promised(&head.headers), self.limits.body_timeout);
        let transfer = Transfer { head, body, promised, answering, readers: &self.readers, patience };
        self.service.transfer(transfer).await
    }

    async fn write(
        &self,
        route: &Route<S>,
        head: &Parts,
        body: &mut Incoming,
        answering: &Answering,
    ) -> Result<Response<Source>, Problem> {
        counted(&self.writes, answering.caller(), route.cost.worth(), "writes")?;
        if route.cost == Cost::Bytes {
            return self.transfer(head, body, answering).await;
        }
        let limit = route.body_limit();
        // What the header promises is refused before a byte of it is read.
        if promised(&head.headers).is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        let receiving = receive(body, limit, answering);
        let received = tokio::time::timeout(self.limits.body_timeout, receiving).await;
        let received = received.unwrap_or_else(|_| Err(Problem::too_slow()))?;
        let mut request = Request::new(Full::new(received));
        (*request.method_mut(), *request.uri_mut()) = (head.method.clone(), head.uri.clone());
        *request.headers_mut() = head.headers.clone();
        if let Some(certificate) = shown(head) {
            request.extensions_mut().insert(certificate.clone());
        }
        if let Some(private) = head.extensions.get::<Private>() {
            request.extensions_mut().insert(*private);
        }
        let coding = Codings::of(&head.headers).choose(|coding| coding == Coding::Gzip);
        let coding = coding.filter(|coding| *coding == Coding::Gzip);
        let computed = (self.api)(request);
        let computed = async move { reader::compressed(computed.await, coding).await };
        let response = match route.cost {
            Cost::Much | Cost::Scrape => {
                queue::made(self.judged.answer(answering.caller(), None, computed).await?)
            }
            Cost::Little | Cost::Bytes => computed.await,
        };
        held(&response, answering)?;
        Ok(response.map(Source::Made))
    }
}

/// Counts an answer that was made for the caller as held for it.
fn held(response: &Response<ApiBody>, answering: &Answering) -> Result<(), Problem> {
    let length = response.body().size_hint().exact().unwrap_or_default();
    answering.hold(usize::try_from(length).unwrap_or(usize::MAX))
}

/// A body, whose bytes are held for the caller as they come.
async fn receive(body: &mut Incoming, limit: usize, answering: &Answering) -> Result<Bytes, Problem> {
    let mut received = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing that counts.
        let Ok(piece) = frame.map_err(|_| Problem::cut_short())?.into_data() else { continue };
        if received.len().saturating_add(piece.len()) > limit {
            return Err(too_large(limit));
        }
        answering.hold(piece.len())?;
        received.extend_from_slice(&piece);
    }
    Ok(received.into())
}

/// Reads what is left of a body that nobody wants.
async fn hear_out(body: &mut Incoming, patience: Duration) {
    let hearing = async { while let Some(Ok(_)) = body.frame().await {} };
    // Whoever takes longer does not hear the answer.
    let _ = tokio::time::timeout(patience, hearing).await;
}

/// Counts a request, or says when to come again.
fn counted(rate: &Rate, caller: Client, worth: NonZeroU32, what: &str) -> Result<(), Problem> {
    rate.check(caller, worth).map_err(|seconds| {
        let detail = format!("too many {what} from your address: try again in {seconds} seconds");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail).retry_in(seconds)
    })
}

/// What tells callers apart who show different credentials in headers.
fn credentials(headers: &HeaderMap) -> Option<Digest> {
    let value = |name| headers.get(name).map_or(&b""[..], HeaderValue::as_bytes);
    let (authorization, key) = (value("authorization"), value("x-api-key"));
    let any = !authorization.is_empty() || !key.is_empty();
    any.then(|| Digest::of_parts(&[authorization, b"\0", key]))
}

/// The certificate that the caller has shown.
fn shown(head: &Parts) -> Option<&Arc<ClientCertificate>> {
    head.extensions.get()
}

fn plain_http() -> Problem {
    let detail = "plain HTTP is answered for this machine and its proxies only: ask with https://";
    Problem::new(StatusCode::FORBIDDEN, "plain-http", detail)
}

/// What hyper lets through and RFC 9112 does not (section 3.2), and paths that are longer than any here.
fn well_formed(request: &Request<Incoming>) -> Result<(), Problem> {
    let uri = request.uri();
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if length > MAX_URI {
        return Err(Problem::uri_too_long());
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(Problem::malformed("a request in HTTP/1.1 has one header Host (RFC 9112 section 3.2)"));
    }
    Ok(())
}

/// Whether a browser asks if a page of another origin may read this (CORS preflight).
fn asks_for_leave(request: &Request<Incoming>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// It may read, and no more: writing takes a signature, which no page of another origin needs to send from there.
fn leave_to_read() -> Response<Source> {
    let mut response = Response::new(Source::Prepared(Full::default()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("if-none-match"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

fn boxed<B>(response: Response<B>) -> Response<ApiBody>
where
    B: Body<Data = Bytes, Error = warp::Error> + Send + Sync + 'static,
{
    response.map(|body| body.boxed())
}

fn promised(headers: &warp::http::HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body has more than {limit} bytes, which are the most that is taken here");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
}

fn not_allowed(allow: String) -> Problem {
    let detail = format!("this path has {allow} only");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
    Problem { allow: Some(allow), ..problem }
}

/// A path in an error, of bounded length.
fn excerpt(path: &str) -> String {
    path.chars().take(120).collect()
}
