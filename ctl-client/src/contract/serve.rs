//! `ctl-client authorize --listen`: the same for a station's software, over HTTP on this machine alone.
//!
//! One thread judges, in turn: a station asks for one car at a time. What it judges by is read again when the state or a
//! file has changed, and at the latest after a minute, because a suspension may end by itself.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::tuf::Clock;
use ctl_serve::metrics::{Registrar, RequestMetrics};
use ctl_serve::openapi::About;
use ctl_serve::{Call, Http, Listeners, Moment, Problem, Route, Service, Table, answer, operation, serve};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use warp::reply::Response;

use super::{Contracts, Evidence, EvidenceFiles, MAX_CHAIN, Strictness, Verdict};
use crate::config;
use crate::state::{BACKUP, STATE};
use crate::sync::Client;

/// What was read holds so many seconds at most.
const HOLDS: u64 = 60;
/// So many chains wait.
const QUEUE: usize = 16;

const ABOUT: About = About {
    title: "Contracts at this station",
    description: "Whether the contract that a vehicle presents may be charged on, by the lists that this device holds.",
    version: env!("CARGO_PKG_VERSION"),
};

type Judged = Result<Verdict, String>;
type Question = (Vec<u8>, oneshot::Sender<Judged>);

/// A client, and what was read of it.
struct Judging {
    client: Client,
    files: EvidenceFiles,
    strictness: Strictness,
    read: Option<Read>,
}

struct Read {
    stamps: Vec<Stamp>,
    at: Timestamp,
    contracts: Contracts,
    evidence: Evidence,
}

/// A file as it was: device, inode, length, when it changed; none if it cannot be looked at.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}

impl Judging {
    fn stamps(&self) -> Vec<Stamp> {
        let state = [STATE, BACKUP, config::FILE].map(|name| self.client.directory.path().join(name));
        let files = state.iter().chain(&self.files.crls).chain(&self.files.responses);
        files.map(|path| stamp(path)).collect()
    }

    fn judge(&mut self, chain: &[u8]) -> Judged {
        let (now, stamps) = ((self.client.now)(), self.stamps());
        let holds =
            |read: &Read| read.stamps == stamps && now >= read.at && now.seconds_since(read.at) < HOLDS;
        if !self.read.as_ref().is_some_and(holds) {
            // What cannot be read again does not count any more.
            self.read = None;
            // A configuration with mistakes changes nothing, as in the daemon.
            if let Err(error) = self.client.reread() {
                tracing::warn!("the configuration is left as it was: {error}");
            }
            let contracts = Contracts::new(self.client.known().map_err(|error| error.to_string())?);
            self.read = Some(Read { stamps, at: now, contracts, evidence: self.files.read()? });
        }
        let read = self.read.as_mut().ok_or("nothing is known here")?;
        if let Clock::Known(before) = read.contracts.known().clock {
            read.contracts.set_clock(Clock::Known(before.max(now)));
        }
        Ok(read.contracts.judge(chain, &read.evidence, self.strictness))
    }
}

#[derive(Clone)]
struct App {
    questions: mpsc::Sender<Question>,
    registrar: Arc<Registrar>,
    requests: Arc<RequestMetrics>,
}

impl Service for App {
    type File = Infallible;

    fn requests(&self) -> &RequestMetrics {
        &self.requests
    }

    fn moment(&self) -> Moment {
        Moment::default()
    }
}

impl App {
    async fn ask(&self, chain: Vec<u8>) -> Result<Verdict, Problem> {
        let (sender, receiver) = oneshot::channel();
        let gone = |()| Problem::unavailable("it is being stopped");
        self.questions.send((chain, sender)).await.map_err(|_| gone(()))?;
        receiver.await.map_err(|_| gone(()))?.map_err(Problem::unavailable)
    }
}

async fn authorize(app: App, call: Call) -> Result<Response, Problem> {
    let verdict = app.ask(call.body().to_vec()).await?;
    Ok(answer::json(&json!(verdict)))
}

async fn ready(app: App, _: Call) -> Result<Response, Problem> {
    let problem = app.ask(Vec::new()).await.err().map(|problem| problem.document());
    Ok(operation::ready(problem.as_slice(), json!({})))
}

async fn metrics(app: App, _: Call) -> Result<Response, Problem> {
    operation::scrape(app.registrar.text())
}

fn table() -> Table<App> {
    let routes = vec![
        Route::post("/v1/authorize", authorize, "Judge the chain of a contract.")
            .takes("application/pem-certificate-chain", MAX_CHAIN, "The contract certificate with its sub-CAs.")
            .or_takes("application/pkcs7-mime")
            .answers(
                200,
                &["application/json"],
                "`certificateStatus` as OCPP's Authorize has it, the reasons, and `iso15118CertificateHashData`.",
            )
            .fails(503, "This device does not know what to trust: sync it first."),
    ];
    Table::new(ABOUT, routes).operation("Whether contracts can be judged.", ready, metrics)
}

/// Listens until it is told to stop.
///
/// # Errors
/// In words: the address is not one of this machine alone, or cannot be listened at.
pub(super) async fn listen(
    address: SocketAddr,
    client: Client,
    files: EvidenceFiles,
    strictness: Strictness,
    say: impl Fn(&str),
) -> Result<(), String> {
    if !address.ip().to_canonical().is_loopback() {
        return Err(format!("--listen {address}: only this machine may ask; listen on 127.0.0.1 or [::1]"));
    }
    let many = NonZeroU32::MIN.saturating_add(99_999);
    let http = Http {
        listen: address,
        connections: 64,
        writes_per_minute: many,
        write_burst: many,
        ..Http::default()
    };
    let listeners = Listeners::bind(&http).await.map_err(|error| error.to_string())?;
    let addresses = listeners.addresses().map_err(|error| error.to_string())?;
    let mut registrar = Registrar::default();
    let table = table();
    let requests = RequestMetrics::new(&mut registrar, []).map_err(|error| error.to_string())?;
    let (questions, mut asked) = mpsc::channel(QUEUE);
    let app = App { questions, registrar: Arc::new(registrar), requests: Arc::new(requests) };
    let mut judging = Judging { client, files, strictness, read: None };
    // Said before anybody can ask: what is wrong now should not wait for the first car.
    if let Err(problem) = judging.judge(&[]) {
        let _ = writeln!(std::io::stderr(), "not ready: {problem}");
    }
    say(&addresses.to_string());
    let answering = async move {
        while let Some((chain, answer)) = asked.recv().await {
            // Whoever asked may be gone.
            let _ = answer.send(judging.judge(&chain));
        }
    };
    tokio::select! {
        () = serve(listeners, (app, table), http, std::future::pending()) => Err("the listener has ended".into()),
        () = answering => Err("nobody judges any more".into()),
        stopped = stop() => stopped,
    }
}

/// Ends with SIGTERM or SIGINT.
async fn stop() -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| format!("signals cannot be received: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
