//! The listener: connections with their limits, and what becomes of one request.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use warp::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use warp::hyper::body::{Body, Incoming};
use warp::hyper::server::conn::http1;
use warp::hyper::service::{Service, service_fn};

use super::body::{AnswerBody, ApiBody};
use super::limits::{Client, Connections, WriteRate};
use super::problem::Problem;
use super::stall::StallGuard;
use super::{App, api, routes, statics};
use crate::publish::site::Route;

/// After a failed `accept`, usually for want of file descriptors, there is a pause.
const PAUSE: Duration = Duration::from_millis(100);
/// How often clients that have been idle are forgotten.
const FORGET: Duration = Duration::from_secs(300);

/// Serves until `shutdown`; then lets requests in flight finish, for as long as the limits say.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()> + Send) {
    let service = TowerToHyperService::new(warp::service(api::filters(app.clone())));
    let api: Api = Box::new(move |request| {
        let answer = service.call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => boxed(response),
                Err(never) => match never {},
            }
        })
    });
    let limits = app.limits.clone();
    let rate = Arc::new(WriteRate::new(&limits));
    let handler = Arc::new(Handler { app, api, rate: rate.clone() });
    let seats = Arc::new(Semaphore::new(limits.connections.max(1)));
    let connections = Connections::default();
    let graceful = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(64 * 1024);
    let mut forget = tokio::time::interval(FORGET);
    tokio::pin!(shutdown);
    loop {
        // A full house leaves newcomers in the kernel's queue.
        let seat = tokio::select! {
            seat = seats.clone().acquire_owned() => seat,
            () = &mut shutdown => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = forget.tick() => { rate.forget_idle(); continue }
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let is_proxy = limits.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
        let most = if is_proxy { usize::MAX } else { limits.connections_per_client };
        let Some(connected) = connections.enter(peer.ip().into(), most) else {
            tracing::debug!(%peer, "too many connections of one client");
            continue;
        };
        let io = TokioIo::new(StallGuard::new(prepared(stream), limits.write_timeout));
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let handler = handler.clone();
            async move { Ok::<_, Infallible>(handler.answer(request, peer).await) }
        });
        let connection = graceful.watch(builder.serve_connection(io, service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
            drop((connected, seat));
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still in flight and are cut off");
    }
}

fn prepared(stream: TcpStream) -> TcpStream {
    // Answers are written whole; waiting for more to send only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    stream
}

/// Warp's filters as one function.
type Api = Box<dyn Fn(Request<Full<Bytes>>) -> ApiAnswer + Send + Sync>;
type ApiAnswer = Pin<Box<dyn Future<Output = Response<ApiBody>> + Send>>;

struct Handler {
    app: App,
    api: Api,
    rate: Arc<WriteRate>,
}

impl Handler {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<AnswerBody> {
        let start = Instant::now();
        let reads = request.method() == Method::GET || request.method() == Method::HEAD;
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        let found = self.app.publisher.site().load().get(path);
        if let Some(found) = found {
            return self.answer_static(found, reads, &request, start).await;
        }
        let method = routes::method_name(request.method());
        let route = routes::find(request.uri().path());
        let pattern = route.map_or(routes::UNKNOWN, |route| route.pattern);
        let answer = match route {
            None => Err(Problem::not_found(format!("there is nothing at {}", excerpt(request.uri().path())))),
            Some(route) if !route.allows(request.method()) => Err(not_allowed(route.allow)),
            Some(_) => self.answer_api(request, peer, reads).await,
        };
        let mut response = answer.unwrap_or_else(|problem| boxed(problem.into_response()));
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        self.app.metrics.count(pattern, method, response.status().as_u16(), start.elapsed());
        response.map(AnswerBody::Made)
    }

    async fn answer_static(
        &self,
        found: crate::publish::site::Found,
        reads: bool,
        request: &Request<Incoming>,
        start: Instant,
    ) -> Response<AnswerBody> {
        let route = Route::of(request.uri().path().trim_start_matches('/'));
        let answer = if reads {
            statics::respond(found, request.headers()).await
        } else {
            Err(not_allowed("GET, HEAD"))
        };
        match answer {
            Ok(response) => {
                let head = request.method() == Method::HEAD;
                let not_modified = response.status() == StatusCode::NOT_MODIFIED;
                self.app.metrics.count_static(route, head, not_modified, start.elapsed());
                response.map(AnswerBody::Prepared)
            }
            Err(problem) => {
                let method = routes::method_name(request.method());
                let status = problem.status.as_u16();
                self.app.metrics.count(route.as_str(), method, status, start.elapsed());
                let mut response = boxed(problem.into_response());
                let headers = response.headers_mut();
                headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                response.map(AnswerBody::Made)
            }
        }
    }

    async fn answer_api(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        reads: bool,
    ) -> Result<Response<ApiBody>, Problem> {
        let limits = &self.app.limits;
        if !reads {
            let client = Client::of(peer, request.headers(), &limits.trusted_proxies);
            self.rate.check(client).map_err(|seconds| Problem {
                retry_after: Some(seconds),
                ..Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "rate-limited",
                    format!("too many writes from your address: try again in {seconds} seconds"),
                )
            })?;
        }
        let (mut head, body) = request.into_parts();
        let body = if reads {
            Bytes::new()
        } else {
            let limit = api::body_limit(head.uri.path());
            // What the header promises is refused before a byte of it is read.
            if promised(&head.headers).is_some_and(|length| length > limit as u64) {
                return Err(too_large(limit));
            }
            let collected = tokio::time::timeout(limits.body_timeout, Limited::new(body, limit).collect());
            match collected.await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
                Ok(Err(_)) => return Err(Problem::malformed("the body ended early or is not well framed")),
                Err(_) => {
                    let detail = "the body did not arrive in time";
                    return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", detail));
                }
            }
        };
        // The filters know GET; hyper leaves the body out of the answer to HEAD.
        if head.method == Method::HEAD {
            head.method = Method::GET;
        }
        Ok((self.api)(Request::from_parts(head, Full::new(body))).await)
    }
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
    let detail = format!("the body has more than {limit} bytes; put long texts into blobs");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
}

fn not_allowed(allow: &'static str) -> Problem {
    let detail = format!("this path has {allow} only");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
    Problem { allow: Some(allow), ..problem }
}

/// A path in an error, of bounded length.
fn excerpt(path: &str) -> String {
    path.chars().take(120).collect()
}
