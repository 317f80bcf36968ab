//! What callers are told while a program starts: that the process lives, and how far it is. Whoever watches the process
//! must not take a start of minutes for a dead one.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use warp::http::{Request, StatusCode};
use warp::hyper::body::Incoming;
use warp::hyper::server::conn::http1;
use warp::hyper::service::service_fn;
use warp::reply::Response;

use crate::answer;
use crate::listeners::{Accepted, Listeners};
use crate::operation;
use crate::problem::Problem;

/// The longest that a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many callers are answered at once.
const CALLERS: usize = 256;
/// After a failed `accept` there is a pause.
const PAUSE: Duration = Duration::from_millis(100);

/// How far a start is, in words.
pub trait Step: Display {
    /// The same for programs: members of the answer to `/readyz`.
    fn members(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// How far a start is, for those who ask meanwhile.
#[derive(Debug)]
pub struct Progress(Mutex<(String, Map<String, Value>)>);

impl Progress {
    /// A start that has come so far.
    #[must_use]
    pub fn new(step: impl Step) -> Self {
        Self(Mutex::new((step.to_string(), step.members())))
    }

    /// Says how far it is.
    pub fn set(&self, step: impl Step) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (step.to_string(), step.members());
    }

    fn step(&self) -> (String, Map<String, Value>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers until `started` is over, and gives what came of it.
pub async fn serve<T>(
    listeners: &Listeners,
    progress: &Arc<Progress>,
    started: impl Future<Output = T>,
) -> T {
    let permits = Arc::new(Semaphore::new(CALLERS));
    tokio::pin!(started);
    loop {
        let permit = tokio::select! {
            over = &mut started => return over,
            permit = permits.clone().acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            over = &mut started => return over,
            accepted = listeners.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => {
                let progress = progress.clone();
                tokio::spawn(async move {
                    let answered = tokio::time::timeout(PATIENCE, answer_accepted(accepted, progress)).await;
                    tracing::debug!(?answered, "a connection while the server starts");
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer_accepted(accepted: Accepted, progress: Arc<Progress>) -> Result<(), warp::hyper::Error> {
    let Accepted { stream, tls, .. } = accepted;
    match tls {
        None => answer_one(stream, progress).await,
        Some(tls) => match tls.accept(stream, PATIENCE, PATIENCE).await {
            Ok((stream, _)) => answer_one(stream, progress).await,
            // Told already.
            Err(_) => Ok(()),
        },
    }
}

/// Answers one request; whoever has another comes again, and finds the service when it is there.
async fn answer_one(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    progress: Arc<Progress>,
) -> Result<(), warp::hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let step = progress.step();
        async move { Ok::<_, Infallible>(answer(request.uri().path(), step)) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).keep_alive(false).max_buf_size(16 * 1024);
    builder.serve_connection(TokioIo::new(stream), service).await
}

fn answer(path: &str, (step, members): (String, Map<String, Value>)) -> Response {
    match path {
        "/healthz" => operation::alive(),
        "/readyz" => {
            let mut body = members;
            body.insert("status".into(), "starting".into());
            body.insert("problems".into(), json!([step]));
            answer::with_status(answer::json(&Value::Object(body)), StatusCode::SERVICE_UNAVAILABLE)
        }
        _ => Problem::unavailable(format!("the server starts: {step}")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Of 300,000 entries.
    struct Verified(u64);

    impl Display for Verified {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{} of 300000 entries are verified", self.0)
        }
    }

    impl Step for Verified {
        fn members(&self) -> Map<String, Value> {
            Map::from_iter([("ledger".into(), json!({ "entries": 300_000, "verified": self.0 }))])
        }
    }

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn who_asks_while_the_ledger_is_verified_hears_how_far_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let progress = Arc::new(Progress::new(Verified(0)));
        let (start, started) = tokio::sync::oneshot::channel();
        let asking = async {
            let health = get(address, "/healthz").await;
            assert!(health.starts_with("HTTP/1.1 200") && health.contains("alive"), "{health}");
            progress.set(Verified(1200));
            let ready = get(address, "/readyz").await;
            assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
            assert!(
                ready.contains("1200 of 300000 entries") && ready.contains("\"verified\":1200"),
                "{ready}"
            );
            for path in ["/v1/lists", "/log/checkpoint", "/metrics"] {
                let answer = get(address, path).await;
                assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
                assert!(answer.contains("application/problem+json"), "{answer}");
            }
            start.send("the service").unwrap();
        };
        let listeners = listener.into();
        let (over, ()) = tokio::join!(serve(&listeners, &progress, started), asking);
        assert_eq!(over, Ok("the service"));
    }

    #[tokio::test]
    async fn callers_who_say_nothing_keep_nobody_from_starting() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (start, started) = tokio::sync::oneshot::channel();
        let (progress, mut silent) = (Arc::new(Progress::new(Verified(0))), Vec::new());
        let crowd = async {
            for _ in 0..=CALLERS {
                silent.push(TcpStream::connect(address).await.unwrap());
            }
            start.send(()).unwrap();
        };
        let listeners = listener.into();
        let (over, ()) = tokio::join!(serve(&listeners, &progress, started), crowd);
        assert_eq!(over, Ok(()));
    }
}
