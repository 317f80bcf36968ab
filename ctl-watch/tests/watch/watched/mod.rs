//! A whole watch in this process: it follows the service that [`Server`] pretends to be, and answers on a port of the
//! system's choice.
#![allow(unreachable_pub)]

#[path = "../../../../lib/serve/tests/serve/client.rs"]
mod client;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ctl_host::clock::{Clock as _, SystemClock};
use ctl_host::supervisor::Supervisor;
use ctl_serve::Http;
use ctl_watch::config::{self, Config, Scheme};
use ctl_watch::http::{App, Requests, routes};
use ctl_watch::metrics::Metrics;
use ctl_watch::run::{Running, Watch};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use client::Answer;

use crate::common::Server;
use crate::common::story::World;

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A service whose time is this machine's, which is also the watch's.
pub async fn in_the_present(mut world: World) -> Arc<Server> {
    world.now = SystemClock::new().now().max(world.now);
    Server::start(world).await
}

/// A watch that follows this service, keeps its data below a folder, and may call this network at any port.
pub fn config(server: &Server, folder: &Path) -> Config {
    let id = Some(server.world.lock().unwrap().state.scheme);
    let every = Duration::from_millis(100);
    Config {
        data: folder.join("data"),
        scheme: Scheme {
            server: server.url.clone(),
            id,
            root: None,
            tls_roots: Vec::new(),
            every,
            restart: None,
        },
        http: Http::default(),
        watch: config::Watch { period: Duration::from_millis(200), ..config::Watch::default() },
        fetch: ctl_fetch::Options {
            hosts: [("pki.example".into(), vec!["127.0.0.1".parse().unwrap()])].into(),
            ..crate::network::options(&["127.0.0.0/8"])
        },
        sources: Vec::new(),
        log: Default::default(),
    }
}

/// A running watch.
pub struct Watched {
    pub watch: Watch,
    pub supervisor: Supervisor,
    address: SocketAddr,
    running: Running,
    stop: oneshot::Sender<()>,
    http: JoinHandle<()>,
}

impl Watched {
    pub async fn start(config: &Config) -> Self {
        let metrics = Arc::new(Metrics::new().unwrap());
        let (watch, running) = Watch::start(config, &metrics).unwrap();
        let (requests, supervisor) = (Arc::new(Requests::new().unwrap()), Supervisor::new());
        let app = App { watch: watch.clone(), metrics, requests, supervisor: supervisor.clone() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let over = async { drop(stopped.await) };
        // Stories look again and again until something has happened.
        let often = NonZeroU32::MAX;
        let limits = Http { reads_per_minute: often, read_burst: often, ..Http::default() };
        let http = tokio::spawn(ctl_serve::serve(listener, (app, routes::table()), limits, over));
        Self { watch, supervisor, address, running, stop, http }
    }

    /// Stops it, so that another one can be started over the same data.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.http.await.unwrap();
        self.running.stop().await;
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        client::read_answer(&mut stream, method == "HEAD").await
    }

    /// Waits for something that the watch does by itself.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut(&Self) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = look(self).await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, found).await.unwrap_or_else(|_| panic!("never: {what}"))
    }
}
