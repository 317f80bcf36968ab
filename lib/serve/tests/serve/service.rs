//! A small service: prepared files, bytes that are moved, and routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ctl_serve::metrics::{Registrar, RequestMetrics};
use ctl_serve::openapi::About;
use ctl_serve::{
    Call, Cost, Files, Http, Listeners, Moment, Problem, Readers, Route, Service, Source, Table, Transfer,
    answer, serve,
};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use warp::http::{HeaderMap, Response};

use crate::client::{Answer, read_answer};

/// What looks like an answer of the server itself, and is served as it is.
pub const NASTY: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n";

#[derive(Clone)]
struct Small(Arc<(Registrar, RequestMetrics)>);

impl Service for Small {
    type File = &'static str;

    fn requests(&self) -> &RequestMetrics {
        &self.0.1
    }

    fn moment(&self) -> Moment {
        Moment::default()
    }

    fn file(&self, path: &str) -> Option<(&'static str, usize)> {
        (path == "files/one").then_some(("one", 0))
    }

    async fn answer_file(
        &self,
        file: &'static str,
        _: &HeaderMap,
        _: &Readers,
    ) -> Result<Response<Source>, Problem> {
        Ok(Response::new(Source::prepared(file)))
    }

    async fn transfer(&self, transfer: Transfer<'_>) -> Result<Response<Source>, Problem> {
        transfer.answering.hold(NASTY.len())?;
        Ok(Response::new(Source::prepared(NASTY)))
    }
}

async fn items(_: Small, _: Call) -> Result<warp::reply::Response, Problem> {
    Ok(answer::json(&json!({ "items": [] })))
}

async fn add(_: Small, call: Call) -> Result<warp::reply::Response, Problem> {
    Ok(answer::json(&json!({ "bytes": call.body().len() })))
}

/// The certificate that the caller has shown.
async fn who(_: Small, call: Call) -> Result<warp::reply::Response, Problem> {
    let shown = call.certificate();
    assert!(shown.is_none_or(|shown| ctl_core::Digest::of(&shown.der) == shown.sha256));
    Ok(answer::json(&json!(shown.map(|shown| shown.sha256))))
}

async fn metrics(small: Small, _: Call) -> Result<warp::reply::Response, Problem> {
    let text = small.0.0.text().map_err(|error| Problem::internal(&error))?;
    Ok(answer::bytes(text, ctl_serve::metrics::CONTENT_TYPE, "no-store"))
}

const FILES: &[Files] =
    &[Files { pattern: "/files/{file}", summary: "A file.", media_types: &["text/plain"] }];

/// The service while it runs.
pub struct Served {
    pub address: SocketAddr,
    pub plain: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Served {
    pub async fn start(limits: Http) -> Self {
        let mut registrar = Registrar::default();
        let requests = RequestMetrics::new(&mut registrar, FILES.iter().map(|file| file.pattern)).unwrap();
        let about = About { title: "Small", description: "A small service.", version: "1" };
        let routes = vec![
            Route::get("/v1/items", items, "All."),
            Route::post("/v1/items/new", add, "Add.").takes("text/plain", 1000, "Text."),
            Route::get("/v1/who", who, "Who asks."),
            Route::get("/v1/who/slowly", who, "Who asks.").costs(Cost::Much),
            Route::post("/v1/who/posts", who, "Who posts.").takes("text/plain", 1000, "Text."),
            Route::download("/v1/bytes/{name}", "Bytes."),
            Route::get("/metrics", metrics, "Metrics.").costs(Cost::Scrape),
        ];
        let table = Table::new(about, routes).files(FILES).described_at("/v1/openapi.json");
        // Wherever there is room.
        let http = Http { listen: SocketAddr::new(limits.listen.ip(), 0), ..limits };
        let listeners = Listeners::bind(&http).await.unwrap();
        let addresses = listeners.addresses().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = Small(Arc::new((registrar, requests)));
        let running = tokio::spawn(serve(listeners, (service, table), http, async { drop(stopped.await) }));
        Self { address: addresses.first, plain: addresses.plain, stop, running }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What is answered to these bytes on a connection of its own.
    pub async fn answered(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // A server that refuses early may not read everything.
        let _ = stream.write_all(request).await;
        read_answer(&mut stream, request.starts_with(b"HEAD")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.answered(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await
    }

    /// Begins to stop, and gives what ends when it has.
    pub fn begin_stop(self) -> impl Future<Output = ()> {
        self.stop.send(()).unwrap();
        async { tokio::time::timeout(Duration::from_secs(60), self.running).await.unwrap().unwrap() }
    }
}
