//! The listener: connections with their limits, and TLS where it is spoken.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use warp::hyper::server::conn::http1;
use warp::hyper::service::service_fn;

use crate::connections::{Connections, Place};
use crate::handler::{Handler, Link};
use crate::listeners::{Accepted, Listeners, is_loopback};
use crate::refusal::{Courteous, MAX_HEADER};
use crate::service::Service;
use crate::settings::Http;
use crate::table::Table;
use crate::tls::{ClientCertificate, Failure, Tls};
use crate::write_timeout::WriteTimeout;

/// After a failed `accept`, usually for want of file descriptors, there is a pause.
const PAUSE: Duration = Duration::from_millis(100);
/// How often clients that have been idle are forgotten.
const FORGET: Duration = Duration::from_secs(300);

/// Serves a service by its table, within these limits, until `shutdown`; then lets requests in flight finish, for as
/// long as the limits say.
pub async fn serve<S: Service>(
    listeners: impl Into<Listeners>,
    (service, table): (S, Table<S>),
    limits: Http,
    shutdown: impl Future<Output = ()> + Send,
) {
    let limits = Arc::new(limits);
    let connections = Connections::new(&limits);
    let handler = Arc::new(Handler::new(service, table, limits.clone()));
    let listeners = listeners.into();
    let keeping = listeners.tls().map(|tls| {
        let told = handler.clone();
        tokio::spawn(tls.clone().keep(move |standing| told.service.requests().set_tls(standing)))
    });
    let graceful = GracefulShutdown::new();
    // Ends when no more handshakes are waited for.
    let (shaking, stopping) = watch::channel(());
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(MAX_HEADER);
    let mut forget = tokio::time::interval(FORGET);
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listeners.accept() => accepted,
            _ = forget.tick() => { handler.forget_idle(); continue }
            () = &mut shutdown => break,
        };
        let Accepted { stream, peer, tls } = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let is_proxy = limits.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
        let admitted = tokio::select! {
            admitted = connections.admit(peer.ip().into(), is_proxy) => admitted,
            () = &mut shutdown => break,
        };
        let place = match admitted {
            Ok(place) => place,
            Err(why) => {
                tracing::debug!(%peer, ?why, "a connection was closed at once");
                continue;
            }
        };
        let is_private = tls.is_some() || is_proxy || is_loopback(peer.ip());
        let may_ask = is_private || limits.plain_for_all;
        let talk = Talk {
            handler: handler.clone(),
            http: builder.clone(),
            place: place.clone(),
            peer,
            link: Link { may_ask, is_proxy, is_private, certificate: None },
        };
        let talking = talk.begin(prepared(stream), tls, graceful.watcher(), stopping.clone());
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = place.closed() => tracing::debug!(%peer, "a connection was closed for another"),
                () = talking => {}
            }
        });
    }
    drop((listeners, shaking));
    if let Some(keeping) = keeping {
        keeping.abort();
    }
    if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still in flight and are cut off");
    }
}

/// One connection, before anything is said over it.
struct Talk<S> {
    handler: Arc<Handler<S>>,
    http: http1::Builder,
    place: Arc<Place>,
    peer: SocketAddr,
    link: Link,
}

impl<S: Service> Talk<S> {
    /// Shakes hands where TLS is spoken, unless the server stops, and serves.
    async fn begin(
        self,
        stream: TcpStream,
        tls: Option<Arc<Tls>>,
        watcher: Watcher,
        mut stopping: watch::Receiver<()>,
    ) {
        let Http { header_timeout, write_timeout, .. } = *self.handler.limits;
        let Some(tls) = tls else {
            return self.serve(WriteTimeout::new(stream, write_timeout), watcher).await;
        };
        // A proxy is many.
        if !self.link.is_proxy && !self.handler.may_shake(self.peer.ip().into()) {
            return self.handler.service.requests().count_handshake(Failure::TooMany);
        }
        let secured = tokio::select! {
            secured = tls.accept(stream, header_timeout, write_timeout) => secured,
            _ = stopping.changed() => return,
        };
        match secured {
            Ok((stream, certificate)) => self.shown(certificate).serve(stream, watcher).await,
            Err(why) => self.handler.service.requests().count_handshake(why),
        }
    }

    /// The same, of a client that has shown this certificate. A proxy's own says nothing of its clients.
    fn shown(mut self, certificate: Option<Arc<ClientCertificate>>) -> Self {
        self.link.certificate = certificate.filter(|_| !self.link.is_proxy);
        self
    }

    /// Answers what comes over it, until it ends or is asked to.
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, watcher: Watcher) {
        let Self { handler, http, place, peer, link } = self;
        let io = TokioIo::new(Courteous::new(stream, place.clone()));
        let service = service_fn(move |request| {
            let (handler, place, link) = (handler.clone(), place.clone(), link.clone());
            async move { Ok::<_, Infallible>(handler.answer(request, (peer, link), &place).await) }
        });
        if let Err(error) = watcher.watch(http.serve_connection(io, service)).await {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    }
}

fn prepared(stream: TcpStream) -> TcpStream {
    // Answers are written whole; waiting for more to send only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    stream
}
