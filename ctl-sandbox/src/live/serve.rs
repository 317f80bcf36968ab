//! Connections: HTTP/1.1 over TCP or TLS, and what can happen to an answer on its way.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method as HttpMethod, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, Asked, answer, http_date};
use super::body::Sent;
use super::faults::Active;
use super::ocsp::Method;
use super::{Code, Shared, control};

/// The largest request that is read.
const MAX_REQUEST: usize = 64 * 1024;
/// What `body_too_large` sends: more than anybody reads of a CRL.
const TOO_LARGE: usize = 17 * 1024 * 1024;
const HOUR: i64 = 3_600;
/// How long a client may take for its handshake or the head of its request.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a listener rests that could not accept, for instance for want of file descriptors.
const REST: Duration = Duration::from_millis(50);

/// What is spoken at a listener.
#[derive(Clone)]
pub(super) enum Speaks {
    Http,
    Https(TlsAcceptor),
    Control,
}

/// Accepts connections until the task is stopped; those that are open end with it.
pub(super) async fn listen(shared: Arc<Shared>, listener: TcpListener, speaks: Speaks) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(shared.clone(), stream, speaks.clone()));
                }
                Err(_) => tokio::time::sleep(REST).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, speaks: Speaks) {
    let Ok(local) = stream.local_addr().map(|address| address.ip()) else { return };
    // Answers are small: they are not to wait for more.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let reset = Arc::new(AtomicBool::new(false));
    let stream = Resettable { stream, reset: reset.clone() };
    // Connections that end in the middle are the client's affair, or the fault's.
    let _ended = match speaks {
        Speaks::Http => http(shared, TokioIo::new(stream), local, reset).await,
        Speaks::Https(acceptor) => match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => http(shared, TokioIo::new(stream), local, reset).await,
            Ok(Err(_)) | Err(_) => return,
        },
        Speaks::Control => {
            let service = service_fn(move |request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(control::answer(&shared, request).await) }
            });
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await
        }
    };
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send>(
    shared: Arc<Shared>,
    stream: TokioIo<S>,
    local: IpAddr,
    reset: Arc<AtomicBool>,
) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let (shared, reset) = (shared.clone(), reset.clone());
        async move { exchange(&shared, request, local, &reset).await }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .auto_date_header(false)
        .serve_connection(stream, service)
        .await
}

/// One request. An error ends the connection without an answer.
async fn exchange(
    shared: &Shared,
    request: Request<Incoming>,
    local: IpAddr,
    reset: &AtomicBool,
) -> Result<Response<Sent>, io::Error> {
    let now = shared.now();
    let (head, body) = request.into_parts();
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Some(route) = shared.route(host, head.uri.path()) else {
        return finish(Answer::text(404, "There is no service here.\n"), now, &Active::default());
    };
    let method = match head.method {
        HttpMethod::GET => Method::Get,
        HttpMethod::POST => Method::Post,
        _ => return finish(Answer::text(405, "Only GET and POST.\n"), now, &Active::default()),
    };
    let body = match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return finish(Answer::text(413, "The request is too large.\n"), now, &Active::default()),
    };
    let faults = shared.faults.at(&route.service.slug, route.what.kind(), route.issuer());
    if faults.has(Code::TcpRefused) {
        reset.store(true, Ordering::Relaxed);
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    if faults.has(Code::TcpTimeout) {
        std::future::pending::<()>().await;
    }
    if faults.has(Code::Slow) {
        tokio::time::sleep(shared.slow).await;
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let asked = Asked {
        method,
        content_type: content_type.unwrap_or_default(),
        body: &body,
        is_other_address: faults.has(Code::AddressDisagreement) && shared.others.second == Some(local),
        now,
    };
    let mut answer = answer(route.service, &route, &asked, &faults).map_err(io::Error::other)?;
    if faults.has(Code::ContentType) {
        answer.content_type = "text/html";
    }
    if faults.has(Code::HttpStatus) {
        answer = Answer::text(404, "Not here any more.\n");
    }
    if faults.has(Code::RedirectRefused) {
        answer = Answer::text(302, "Elsewhere.\n");
        let kind = route.what.kind();
        let scheme = if kind.is_tls() { "https" } else { "http" };
        answer.headers.push(("location", format!("{scheme}://elsewhere.invalid{}", head.uri.path())));
    }
    finish(answer, now, &faults)
}

fn finish(answer: Answer, now: i64, faults: &Active) -> Result<Response<Sent>, io::Error> {
    let date = if faults.has(Code::ClockOffset) { now + HOUR } else { now };
    let length = answer.body.len();
    let (body, announced) = if faults.has(Code::BodyEmpty) {
        (Sent::Whole(None), 0)
    } else if faults.has(Code::BodyTruncated) {
        (Sent::Broken(Some(answer.body.slice(..length / 2)), false), length)
    } else if faults.has(Code::BodyTooLarge) {
        (Sent::Endless(TOO_LARGE), TOO_LARGE)
    } else {
        (Sent::Whole(Some(answer.body).filter(|body: &Bytes| !body.is_empty())), length)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(CONTENT_LENGTH, announced.into());
    headers.insert(DATE, HeaderValue::try_from(http_date(date)).map_err(io::Error::other)?);
    for (name, value) in answer.headers {
        headers.insert(name, HeaderValue::try_from(value).map_err(io::Error::other)?);
    }
    Ok(response)
}

/// A connection that can end as if the machine had gone.
struct Resettable {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // What cannot be reset is closed, and ends just as early for the client.
            let _is_reset = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
