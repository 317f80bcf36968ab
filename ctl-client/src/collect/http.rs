//! What is asked and told: reports, the fleet, and whether a roll-out goes on.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ctl_core::{Timestamp, json};
use ctl_serve::metrics::RequestMetrics;
use ctl_serve::openapi::About;
use ctl_serve::{Call, Cost, Moment, Problem, Route, Service, Table, answer, operation};
use serde::Deserialize as _;
use serde_json::{Value, json};
use warp::http::{StatusCode, header};
use warp::reply::Response;

use super::fleet::{Entry, Fleet, Head, Rules, Verdict};
use super::metrics::Metrics;
use super::shelf::Shelf;
use super::token::Secret;
use crate::report::{DeviceId, MAX_BYTES};

const JSON: &[&str] = &["application/json"];
/// The file of those who are refused is at most so long, in bytes.
const MAX_REFUSED: u64 = 1024 * 1024;
/// A reason is at most so many characters.
const MAX_REASON: usize = 200;

const ABOUT: About = About {
    title: "Reports of a fleet",
    description: "What the devices of one operator report of themselves, and whether a roll-out shall go on. Reports carry \
        the device's own token, questions for the fleet the operator's.",
    version: env!("CARGO_PKG_VERSION"),
};

/// What the handlers share. Clones are cheap.
#[derive(Clone)]
pub(super) struct App(Arc<Shared>);

pub(super) struct Shared {
    pub(super) shelf: Shelf,
    pub(super) secret: Secret,
    pub(super) rules: Rules,
    /// Where the operator says that the roll-out is paused.
    pub(super) pause: Option<PathBuf>,
    /// Where the operator names the devices that are refused.
    pub(super) refuse: Option<PathBuf>,
    pub(super) now: fn() -> Timestamp,
    pub(super) metrics: Metrics,
    pub(super) known: Mutex<Known>,
    /// Held while a report is kept, so that disk and memory have the same one.
    pub(super) keeping: Mutex<()>,
}

/// What is known of the fleet.
pub(super) struct Known {
    fleet: Fleet,
    /// What follows from it at a moment, until somebody reports.
    verdict: Option<(Timestamp, Verdict)>,
    /// Who is refused, as last read.
    refused: Arc<BTreeSet<DeviceId>>,
    /// Why the last report could not be kept.
    failed: Option<String>,
}

impl Known {
    pub(super) fn new(fleet: Fleet) -> Self {
        Self { fleet, verdict: None, refused: Arc::default(), failed: None }
    }

    fn verdict(&mut self, rules: &Rules, now: Timestamp) -> Verdict {
        match &self.verdict {
            Some((at, verdict)) if *at == now => verdict.clone(),
            _ => {
                let verdict = self.fleet.verdict(rules, now);
                self.verdict = Some((now, verdict.clone()));
                verdict
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service for App {
    type File = Infallible;

    fn requests(&self) -> &RequestMetrics {
        &self.0.metrics.requests
    }

    fn moment(&self) -> Moment {
        Moment { version: 0, second: Some((self.0.now)()) }
    }
}

impl App {
    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// What the operator says, or else what the fleet reports.
    fn verdict(&self) -> Verdict {
        let Shared { known, rules, now, .. } = &*self.0;
        let mut verdict = locked(known).verdict(rules, now());
        if let Some(reason) = self.0.pause.as_deref().and_then(said) {
            verdict.reason = if verdict.paused { format!("{reason}; {}", verdict.reason) } else { reason };
            verdict.paused = true;
        }
        verdict
    }

    /// Reads who is refused, and forgets them.
    ///
    /// # Errors
    /// [`Problem::internal`] if the operator's file cannot be read: then nobody can say who reports.
    fn refused(&self) -> Result<Arc<BTreeSet<DeviceId>>, Problem> {
        let Shared { refuse, known, shelf, .. } = &*self.0;
        let Some(path) = refuse else { return Ok(Arc::default()) };
        let bytes = ctl_host::files::read(path, MAX_REFUSED).map_err(|error| Problem::internal(&error))?;
        let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let refused: Result<BTreeSet<DeviceId>, _> = lines.map(str::parse).collect();
        let refused = Arc::new(refused.map_err(|error| Problem::internal(&error))?);
        let mut known = locked(known);
        if known.refused != refused {
            for device in known.fleet.forget(|device| refused.contains(device)) {
                shelf.forget(&device).map_err(|error| Problem::internal(&error))?;
            }
            (known.refused, known.verdict) = (Arc::clone(&refused), None);
        }
        Ok(refused)
    }

    fn keep(&self, head: Head, report: &Value) -> Result<(), Problem> {
        let Shared { shelf, rules, known, metrics, keeping, now, .. } = &*self.0;
        let _one = locked(keeping);
        if self.refused()?.contains(&head.device) {
            metrics.count("refused");
            return Err(unauthorised("this device is refused by the operator of the fleet: --refuse"));
        }
        if locked(known).fleet.is_too_soon(&head.device, rules, now()) {
            metrics.count("refused");
            let detail = format!("this device reported less than {} seconds ago", rules.between);
            return Err(
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail).retry_in(rules.between)
            );
        }
        if !locked(known).fleet.has_room(&head.device, rules) {
            metrics.count("refused");
            return Err(Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "full",
                "there are as many devices as there may be: --devices",
            ));
        }
        let received_at = now();
        let kept = shelf.keep(&head.device, received_at, report);
        let mut known = locked(known);
        known.failed = kept.as_ref().err().map(ToString::to_string);
        if let Err(error) = kept {
            metrics.count("failed");
            return Err(Problem::internal(&error));
        }
        metrics.count("kept");
        known.fleet.put(Entry { received_at, head });
        known.verdict = None;
        Ok(())
    }
}

/// What the operator says in a file: nothing if there is none. One that cannot be read says that it is paused.
fn said(path: &Path) -> Option<String> {
    match ctl_host::files::read(path, 4096) {
        Ok(None) => None,
        Ok(Some(bytes)) => {
            let text = String::from_utf8_lossy(&bytes);
            let line = text.lines().next().unwrap_or_default().trim();
            let line: String = line.chars().filter(|letter| !letter.is_control()).take(MAX_REASON).collect();
            Some(if line.is_empty() { "the operator has paused it".to_owned() } else { line })
        }
        Err(_) => Some("the operator's file that may pause it cannot be read".to_owned()),
    }
}

fn unauthorised(whose: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", whose)
}

fn authorization(call: &Call) -> Option<&str> {
    call.header(&header::AUTHORIZATION)
}

async fn report(app: App, call: Call) -> Result<Response, Problem> {
    let read = |call: &Call| -> Result<(Head, Value), String> {
        let value = json::parse(call.body(), MAX_BYTES).map_err(|error| error.to_string())?;
        let head = Head::deserialize(&value).map_err(|error| error.to_string())?;
        head.problem().map_or(Ok((head, value)), |problem| Err(problem.to_owned()))
    };
    let refused = |problem| {
        app.0.metrics.count("refused");
        problem
    };
    let (head, value) =
        read(&call).map_err(|error| refused(Problem::malformed(format!("no report: {error}"))))?;
    if !app.0.secret.is_device(authorization(&call), &head.device) {
        let whose = "Authorization is not the bearer token of the device that the report names: `collect --token-for` says it";
        return Err(refused(unauthorised(whose)));
    }
    let keeper = app.clone();
    answer::blocking(move || keeper.keep(head, &value)).await??;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

async fn fleet(app: App, call: Call) -> Result<Response, Problem> {
    if !app.0.secret.is_operator(authorization(&call)) {
        return Err(unauthorised("Authorization is not the operator's secret as a bearer token"));
    }
    let reader = app.clone();
    answer::blocking(move || reader.refused()).await??;
    let mut summary = locked(&app.0.known).fleet.summary(&app.0.rules, (app.0.now)());
    if let Some(members) = summary.as_object_mut() {
        members.insert("rollout".into(), json!(app.verdict()));
    }
    Ok(answer::json(&summary))
}

async fn rollout(app: App, _: Call) -> Result<Response, Problem> {
    let reader = app.clone();
    answer::blocking(move || reader.refused()).await??;
    Ok(answer::json(&json!(app.verdict())))
}

async fn ready(app: App, _: Call) -> Result<Response, Problem> {
    let known = locked(&app.0.known);
    let problems: Vec<String> =
        known.failed.iter().map(|error| format!("the last report could not be kept: {error}")).collect();
    Ok(operation::ready(&problems, json!({ "devices": known.fleet.len() })))
}

async fn metrics(app: App, _: Call) -> Result<Response, Problem> {
    let paused = app.verdict().paused;
    let known = locked(&app.0.known);
    operation::scrape(app.0.metrics.render(&known.fleet, &app.0.rules, (app.0.now)(), paused))
}

/// Every path.
pub(super) fn table() -> Table<App> {
    let routes = vec![
        Route::post("/v1/reports", report, "A device reports.")
            .takes("application/json", MAX_BYTES, "The report, as docs/cpos-and-oems.md describes it.")
            .answers(204, &[], "It is kept.")
            .fails(401, "The token is not that device's, or the device is refused.")
            .fails(429, "The device reported a moment ago.")
            .fails(507, "There are as many devices as there may be."),
        Route::get("/v1/fleet", fleet, "How the fleet is, for its operator.")
            .costs(Cost::Much)
            .answers(200, JSON, "Versions, trouble and silence.")
            .fails(401, "It is not the operator who asks."),
        Route::get("/v1/rollout", rollout, "Whether a roll-out shall go on.").answers(
            200,
            JSON,
            "`paused`, `reason`, and `version` by list.",
        ),
    ];
    Table::new(ABOUT, routes)
        .operation("Whether reports can be kept.", ready, metrics)
        .described_at("/v1/openapi.json")
}
