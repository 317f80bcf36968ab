//! Where a back end sends what stations answer. It says neither station nor request, so each request has an address of its
//! own: 128 random bits, valid once, and only while somebody waits for it. Whatever comes elsewhere, twice or later changes
//! nothing; and what comes in time is an answer, never proof of what a station holds unless it was asked just that.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use ctl_serve::metrics::{Registrar, RequestMetrics};
use ctl_serve::openapi::About;
use ctl_serve::{Call, Listeners, Moment, Problem, Route, Service, Table, answer, serve};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::config::{CallbackConfig, guarded};

/// The most bytes of a station's answer: 2,000 certificates with SHA-512 and room to spare.
const MAX_ANSWER: usize = 2 * 1024 * 1024;

/// 128 bits that nobody can guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Token(u128);

impl FromStr for Token {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_hex =
            text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let number = is_hex.then(|| u128::from_str_radix(text, 16).ok());
        number.flatten().map(Self).ok_or(())
    }
}

type Expected = Mutex<BTreeMap<Token, oneshot::Sender<Value>>>;

/// What the handlers share.
#[derive(Clone)]
struct App(Arc<Shared>);

struct Shared {
    requests: RequestMetrics,
    _registrar: Registrar,
    expected: Arc<Expected>,
}

impl Service for App {
    type File = Infallible;

    fn requests(&self) -> &RequestMetrics {
        &self.0.requests
    }

    fn moment(&self) -> Moment {
        Moment::default()
    }
}

/// The listener. It ends with this.
pub(super) struct Callbacks {
    expected: Arc<Expected>,
    base: String,
    serving: JoinHandle<()>,
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Callbacks {
    /// Listens.
    ///
    /// # Errors
    /// In words.
    pub(super) async fn open(config: &CallbackConfig) -> Result<Self, String> {
        let http = config.http()?;
        let listeners = Listeners::bind(&http).await.map_err(|error| format!("[sink.callback] {error}"))?;
        let address = listeners.addresses().map_err(|error| error.to_string())?.first;
        let scheme = if http.tls.is_some() { "https" } else { "http" };
        let base = config.url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
        let base = guarded(&base)?.as_str().trim_end_matches('/').to_owned();
        let mut registrar = Registrar::default();
        let requests = RequestMetrics::new(&mut registrar, []).map_err(|error| error.to_string())?;
        let expected = Arc::<Expected>::default();
        let app = App(Arc::new(Shared { requests, _registrar: registrar, expected: expected.clone() }));
        let about = About {
            title: "Answers of charging stations",
            description: "Where a back end sends what stations answer.",
            version: env!("CARGO_PKG_VERSION"),
        };
        let route = Route::post("/answers/{call}", take, "Takes the answer of a station, once.")
            .takes("application/json", MAX_ANSWER, "What the station answered.")
            .answers(200, &["application/json"], "It was waited for.")
            .fails(404, "Nobody waits for it, or no longer.");
        let table = Table::new(about, vec![route]);
        let serving = tokio::spawn(serve(listeners, (app, table), http, std::future::pending()));
        Ok(Self { expected, base, serving })
    }

    /// Whether it still listens: it ends with the runtime that it was opened in.
    #[must_use]
    pub(super) fn is_open(&self) -> bool {
        !self.serving.is_finished()
    }

    /// An address for one answer.
    ///
    /// # Errors
    /// There is no randomness.
    pub(super) fn expect(&self) -> Result<Expectation, String> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| format!("no randomness: {error}"))?;
        let token = Token(u128::from_be_bytes(random));
        let (sender, answer) = oneshot::channel();
        lock(&self.expected).insert(token, sender);
        let url = format!("{}/answers/{:032x}", self.base, token.0);
        Ok(Expectation { expected: self.expected.clone(), token, url, answer })
    }
}

/// An answer that is waited for; nobody waits any more when this is gone.
pub(super) struct Expectation {
    expected: Arc<Expected>,
    token: Token,
    /// Where the answer is to be sent.
    pub(super) url: String,
    /// The answer.
    pub(super) answer: oneshot::Receiver<Value>,
}

impl Drop for Expectation {
    fn drop(&mut self) {
        lock(&self.expected).remove(&self.token);
    }
}

fn lock(expected: &Expected) -> std::sync::MutexGuard<'_, BTreeMap<Token, oneshot::Sender<Value>>> {
    expected.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(app: App, call: Call) -> Result<warp::reply::Response, Problem> {
    let unknown = || Problem::not_found("nobody waits for an answer here");
    let token: Token = call.part("call").map_err(|_| unknown())?;
    // Nothing is read for strangers.
    if !lock(&app.0.expected).contains_key(&token) {
        return Err(unknown());
    }
    let body: Value = serde_json::from_slice(call.body())
        .map_err(|_| Problem::malformed("what a station answers is JSON"))?;
    let waiting = lock(&app.0.expected).remove(&token).ok_or_else(unknown)?;
    waiting.send(body).map_err(|_| unknown())?;
    Ok(answer::json(&json!({})))
}
