//! The whole program in this process, with a clock that is set by hand: it follows the service that [`Server`] pretends to
//! be, and answers on a port of the system's choice as its server would ask it.

#[path = "../../../lib/serve/tests/serve/client.rs"]
mod client;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::role::Role;
use ctl_host::clock::ManualClock;
use ctl_host::supervisor::Supervisor;
use ctl_serve::Http;
use ctl_serve::forward::ForwardSecret;
use ctl_webhooks::config::{Config, Scheme, Webhooks};
use ctl_webhooks::http::routes;
use ctl_webhooks::run::{Running, start};
use ctl_webhooks::store::Store;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use client::Answer;

use crate::common::story::{World, na};
use crate::common::{Server, root_json};
use crate::hook::Hook;

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, found).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// An operator's root comes on the list.
pub fn listed(world: &mut World, operator: &str) {
    world.admitted(operator);
    world.publish_list();
    world.publish(&Role::Notices, &["officer-1"]).unwrap();
}

/// A scheme with alpha's root on its list and no notice, and a folder for who follows it.
pub async fn scheme() -> (Arc<Server>, tempfile::TempDir) {
    let mut world = World::published();
    listed(&mut world, "alpha-pki");
    let folder = tempfile::tempdir().unwrap();
    root_json(folder.path(), &world);
    (Server::start(world).await, folder)
}

/// A program that follows this service and calls the loopback network by plain HTTP.
pub fn config(server: &Server, folder: &Path) -> Config {
    Config {
        data: folder.join("data"),
        scheme: Scheme {
            server: server.url.clone(),
            root: folder.join("trusted-root.json"),
            lists: vec![na()],
            tls_roots: Vec::new(),
            every: Duration::from_millis(50),
        },
        http: Http::default(),
        webhooks: Webhooks {
            secret: folder.join("forward.secret"),
            plain_http: true,
            timeout: Duration::from_secs(20),
            ..Webhooks::default()
        },
        fetch: ctl_fetch::Options {
            allow: vec!["127.0.0.1/32".parse().unwrap()],
            ports: vec!["1-65535".parse().unwrap()],
            hosts: [("hooks.example".into(), vec!["127.0.0.1".parse().unwrap()])].into(),
            ..ctl_fetch::Options::default()
        },
        log: Default::default(),
    }
}

/// A running program.
pub struct Told {
    pub clock: Arc<ManualClock>,
    pub store: Arc<Store>,
    pub secret: ForwardSecret,
    address: SocketAddr,
    running: Running,
    stop: oneshot::Sender<()>,
    http: JoinHandle<()>,
}

impl Told {
    /// Starts it at the service's time, and waits until it has seen everything.
    pub async fn start(server: &Server, config: &Config) -> Self {
        let clock = Arc::new(ManualClock::at(server.world.lock().unwrap().now));
        let told = Self::start_at(Arc::clone(&clock), config).await;
        until("ready", async || (told.ask("GET", "/readyz", "", None).await.status == 200).then_some(()))
            .await;
        told
    }

    pub async fn start_at(clock: Arc<ManualClock>, config: &Config) -> Self {
        let (app, running) = start(config, clock.clone(), &Supervisor::new()).unwrap();
        let (store, secret) = (Arc::clone(&app.store), app.secret.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let over = async { drop(stopped.await) };
        let limits = Http {
            writes_per_minute: 60_000.try_into().unwrap(),
            write_burst: 60_000.try_into().unwrap(),
            ..Http::default()
        };
        let http = tokio::spawn(ctl_serve::serve(listener, (app, routes::table()), limits, over));
        Self { clock, store, secret, address, running, stop, http }
    }

    /// Stops it, so that another one can be started over the same data.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.http.await.unwrap();
        self.running.stop().await;
        // What was at work on the disk when it was cut off.
        until("the store is closed", async || (Arc::strong_count(&self.store) == 1).then_some(())).await;
    }

    /// Asks with these headers and nothing else.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n"
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
        client::read_answer(&mut stream, method == "HEAD").await
    }

    /// Asks as the server does for a client.
    pub async fn ask(&self, method: &str, path: &str, client: &str, body: Option<Value>) -> Answer {
        let headers = [("ctl-client", client), ("ctl-forward-secret", self.secret.as_str())];
        self.send(method, path, &headers, &body.map(|body| body.to_string()).unwrap_or_default()).await
    }

    /// Registers an endpoint for every event of a root; the answer.
    pub async fn subscribe(&self, client: &str, url: &str) -> Value {
        let answer = self.ask("POST", "/v1/webhook/endpoints", client, Some(wish(url))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// What is told of deliveries to an endpoint.
    pub async fn log(&self, client: &str, endpoint: &Value) -> Vec<Value> {
        let path = format!("/v1/webhook/endpoints/{}/deliveries", endpoint["id"].as_str().unwrap());
        self.ask("GET", &path, client, None).await.json().as_array().unwrap().clone()
    }

    /// Waits until all deliveries to an endpoint are as they should be.
    pub async fn until_log(&self, client: &str, endpoint: &Value, is: impl Fn(&Value) -> bool) -> Vec<Value> {
        until("the deliveries", async || {
            let log = self.log(client, endpoint).await;
            (!log.is_empty() && log.iter().all(&is)).then_some(log)
        })
        .await
    }
}

/// A request for an endpoint.
pub fn wish(url: &str) -> Value {
    json!({ "url": url, "enabledEvents": ["root.cert.added", "root.cert.expired", "root.cert.revoked"] })
}

/// Another operator's root comes on the list: in OPCP one event for chargers' chains and one for contracts'.
pub fn admit(server: &Server, told: &Told, operator: &str) {
    let mut world = server.world.lock().unwrap();
    listed(&mut world, operator);
    told.clock.set(world.now);
}

/// An endpoint that answers 200, and its subscription.
pub async fn subscriber(told: &Told, client: &str) -> (Hook, Value) {
    let hook = Hook::says(crate::hook::Says::Status(200)).await;
    let endpoint = told.subscribe(client, &hook.url()).await;
    (hook, endpoint)
}
