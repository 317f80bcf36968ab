//! A whole server in this process, over a scheme of `ctl-core`'s stories: ledger on disk, publisher,
//! HTTP on a port of the system's choice, a clock that is set by hand; and a small HTTP client that
//! can also misbehave.
#![allow(dead_code, unreachable_pub)]

#[path = "../../../../lib/serve/tests/serve/client.rs"]
mod client;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_core::jws::Signature;
use ctl_core::keys::PrivateKey;
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_governance::draft::{self, SaeCms};
use ctl_governance::state::Draft;
use ctl_governance::statement::body::MetadataSignature;
use ctl_host::clock::ManualClock;
use ctl_host::supervisor::Supervisor;
use ctl_serve::Http;
use ctl_server::access::{self, Access, Settings};
use ctl_server::blobs::Blobs;
use ctl_server::http::{App, routes};
use ctl_server::ledger::{Head, Ledger};
use ctl_server::metrics::Metrics;
use ctl_server::pool::{self, Ctl};
use ctl_server::publish::interop::{Answers, Question};
use ctl_server::publish::publisher::Running;
use ctl_server::publish::{Config, Publisher};
use ctl_server::screening::Policies;
use ctl_server::webhooks::Forward;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use client::{Answer, read_answer};

use crate::common::world::{self, World};

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Served {
    pub address: SocketAddr,
    pub data: TempDir,
    pub ledger: Ledger,
    pub clock: Arc<ManualClock>,
    pub publisher: Publisher,
    pub blobs: Arc<Blobs>,
    pub supervisor: Supervisor,
    stop: oneshot::Sender<()>,
    http: JoinHandle<()>,
    running: Option<Running>,
}

/// How a server is run, where it is not as usual.
struct Manner {
    limits: Http,
    guard: Settings,
    forward: Option<Forward>,
    answer: fn(&Question) -> Option<Answers>,
    pool: pool::Config,
}

impl Default for Manner {
    fn default() -> Self {
        let (limits, guard, pool) = Default::default();
        Self { limits, guard, forward: None, answer: Question::answer, pool }
    }
}

/// A root pool of these lists.
fn fed_by(lists: &[(&str, Ctl)]) -> pool::Config {
    let source = |(list, ctl): &(&str, Ctl)| pool::Source { list: list.parse().unwrap(), ctl: *ctl };
    pool::Config { lists: lists.iter().map(source).collect() }
}

impl Served {
    /// A server with what the world has recorded.
    pub async fn start(world: &World) -> Self {
        Self::start_as(world, Manner::default()).await
    }

    pub async fn start_with(world: &World, limits: Http) -> Self {
        Self::start_as(world, Manner { limits, ..Manner::default() }).await
    }

    /// A server on which this answers who can charge where.
    pub async fn start_answering_by(world: &World, answer: fn(&Question) -> Option<Answers>) -> Self {
        Self::start_as(world, Manner { answer, ..Manner::default() }).await
    }

    /// A server whose pool is guarded so.
    pub async fn start_guarded(world: &World, guard: &Settings, limits: Http) -> Self {
        Self::start_as(world, Manner { guard: guard.clone(), limits, ..Manner::default() }).await
    }

    /// The same, with a pool fed by the one list, and a way to webhooks.
    pub async fn start_with_webhooks(world: &World, guard: &Settings, forward: Forward) -> Self {
        let (pool, forward) = (fed_by(&[("na", Ctl::American)]), Some(forward));
        Self::start_as(world, Manner { guard: guard.clone(), forward, pool, ..Manner::default() }).await
    }

    /// A server whose root pool is fed by these lists.
    pub async fn start_pooling(world: &World, lists: &[(&str, Ctl)]) -> Self {
        Self::start_pooling_guarded(world, lists, &Settings::default()).await
    }

    /// The same, guarded so.
    pub async fn start_pooling_guarded(world: &World, lists: &[(&str, Ctl)], guard: &Settings) -> Self {
        Self::start_as(world, Manner { guard: guard.clone(), pool: fed_by(lists), ..Manner::default() }).await
    }

    async fn start_as(world: &World, manner: Manner) -> Self {
        let data = tempfile::tempdir().unwrap();
        crate::common::on_disk(data.path(), world);
        let served = Self::open_as(data, world.now, manner).await;
        served.settled().await;
        served
    }

    /// A server over a data directory that has a ledger.
    pub async fn open(data: TempDir, now: Timestamp, limits: Http) -> Self {
        Self::open_as(data, now, Manner { limits, ..Manner::default() }).await
    }

    async fn open_as(data: TempDir, now: Timestamp, manner: Manner) -> Self {
        let Manner { limits, guard, forward, answer, pool } = manner;
        let store = Arc::new(crate::common::store_below(data.path()).unwrap());
        let (clock, guarded) = crate::common::clock_at(now);
        let head = Some(Head::below(data.path()));
        let ledger = Ledger::open(crate::common::setup(store, guarded, head)).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let (settle, tick) = (Duration::ZERO, Duration::from_millis(20));
        let (patience, pool) = (DEADLINE, Arc::new(pool));
        let config = Config { settle, tick, patience, answer, pool, ..Config::new(data.path()) };
        let (publisher, running) = Publisher::start(ledger.clone(), config, metrics.data_bytes()).unwrap();
        let blobs = Arc::new(Blobs::open(data.path()).unwrap());
        let policies = Arc::new(Policies::load(&[]).unwrap());
        let access = Access::new(&guard, access::Keys::load(data.path()).unwrap()).unwrap();
        let app = App::new(ledger.clone(), publisher.clone(), blobs.clone(), policies, metrics, access)
            .with_webhooks(forward);
        let supervisor = app.supervisor.clone();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let over = async { drop(stopped.await) };
        let http = tokio::spawn(ctl_serve::serve(listener, (app, routes::table()), limits, over));
        let running = Some(running);
        Self { address, data, ledger, clock, publisher, blobs, supervisor, stop, http, running }
    }

    /// Begins a graceful stop and gives what is left to wait for.
    pub fn begin_stop(self) -> Stopping {
        self.stop.send(()).unwrap();
        Stopping { data: self.data, ledger: self.ledger, http: self.http, running: self.running }
    }

    /// Stops the publisher and nothing else, as if it hung.
    pub async fn stop_publisher(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub async fn stop(self) -> TempDir {
        self.begin_stop().finish().await
    }

    pub fn public(&self) -> PathBuf {
        self.data.path().join("public")
    }

    /// Time passes; the server looks at the clock.
    pub fn pass(&self, seconds: u64) {
        self.clock.pass(seconds);
        self.publisher.wake();
    }

    /// Waits until the server has opened and serves the drafts that are due: the log then stays as it
    /// is until somebody writes or time passes.
    pub async fn settled(&self) {
        self.until("the drafts that are due", async |served| {
            let due = draft::due(&served.ledger.snapshot().state, served.now());
            due.is_empty().then_some(())
        })
        .await;
        let size = self.ledger.snapshot().size();
        self.until("the drafts to be served", async |served| {
            (served.publisher.status().size >= size).then_some(())
        })
        .await;
    }

    /// Waits until what is served is fresh by the server's clock.
    pub async fn fresh(&self) {
        self.until("a fresh timestamp", async |served| {
            let (snapshot, timestamp) = served.publisher.status().freshness_expires?;
            (snapshot.min(timestamp) > served.now()).then_some(())
        })
        .await;
    }

    pub fn now(&self) -> Timestamp {
        self.ledger.now().unwrap()
    }

    /// Waits for something that the server does by itself.
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

    /// The open draft of a role, once the server has opened one newer than `after`.
    pub async fn draft(&self, role: &Role, after: Option<u64>) -> Arc<Draft> {
        self.until(&format!("a draft of {role}"), async |served| {
            let snapshot = served.ledger.snapshot();
            snapshot
                .state
                .drafts
                .get(role)
                .filter(|draft| after.is_none_or(|after| draft.index > after))
                .cloned()
        })
        .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, &[]).await
    }

    pub async fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.send("POST", path, &[], body).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        // A server that refuses early may not read everything.
        let _ = stream.write_all(body).await;
        read_answer(&mut stream, method == "HEAD").await
    }

    /// One person's signatures on a role's draft, as sent to the server.
    pub fn submission(&self, draft: &Draft, signer: &str) -> Value {
        submission(draft, &world::key(signer))
    }

    /// One person signs a role's open draft over HTTP.
    pub async fn sign(&self, role: &Role, signer: &str) -> Answer {
        let draft = self.draft(role, None).await;
        let body = self.submission(&draft, signer).to_string();
        self.post(&format!("/v1/drafts/{role}/signatures"), body.as_bytes()).await
    }
}

pub fn submission(draft: &Draft, key: &PrivateKey) -> Value {
    let documents = &draft.documents;
    let typ = draft.open.role.document_typ();
    let document = documents
        .document
        .as_deref()
        .zip(typ)
        .map(|(document, typ)| Signature::sign(key, typ, document).unwrap().to_value());
    let mut value = json!({
        "draft": draft.index,
        "metadata_signature": {
            "keyid": key.public_key().key_id(),
            "sig": TufSignature::over(&documents.metadata, key).unwrap().sig,
        },
    });
    if let Some(document) = document {
        value["document_signature"] = document;
    }
    if let SaeCms::Drafted { attributes, .. } = &documents.sae_cms {
        let signature = MetadataSignature::over_cms(key, &attributes.0).unwrap();
        value["sae_cms_signature"] = serde_json::to_value(signature).unwrap();
    }
    value
}

/// A server that is stopping.
pub struct Stopping {
    data: TempDir,
    ledger: Ledger,
    http: JoinHandle<()>,
    running: Option<Running>,
}

impl Stopping {
    pub async fn finish(self) -> TempDir {
        tokio::time::timeout(DEADLINE, self.http).await.unwrap().unwrap();
        if let Some(running) = self.running {
            running.stop().await;
        }
        self.ledger.close().await;
        self.data
    }
}

/// Every file below a directory, as a path with slashes.
pub fn files_below(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        // A running server replaces and removes files meanwhile.
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound && directory != root => continue,
            entries => entries.unwrap(),
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            // One that is being written has a name that begins so.
            if path.file_name().unwrap().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            match std::fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                bytes => drop(found.insert(name, bytes.unwrap())),
            }
        }
    }
    found
}
