//! The charger's side as a process: sockets first, then no privileges, then threads.

mod interface;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ctl_client::files::Disk;
use ctl_core::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::edge::privileges::{User, give_up, is_root, opened_by};
use crate::edge::sockets::{Mode, Sockets};
use crate::known::{Knowledge, know};
use crate::metrics;
use crate::responder::{Responder, Secc};
use crate::supported::Supported;
use interface::attend;

/// How often metrics are written.
const METRICS: Duration = Duration::from_secs(15);

/// What is supported, as everybody sees it; none as long as nothing is known. Replaced as a whole.
type Shared = ArcSwapOption<Supported>;

/// How what is supported stands.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) counts: BTreeMap<&'static str, usize>,
    pub(crate) warnings: usize,
    /// Why the last look failed.
    pub(crate) failure: Option<String>,
    pub(crate) known_at: Option<Timestamp>,
    told: BTreeSet<String>,
}

/// Answers cars until SIGINT or SIGTERM. To be called before there is a second thread.
///
/// # Errors
/// Why it could not begin or go on, in words: what supervises it starts it again.
pub fn serve(path: &Path) -> Result<(), String> {
    let config = Config::read(path)?;
    let named = |name: &Option<String>| name.as_deref().map(User::named).transpose();
    let (owner, user) = (named(&config.owner)?, named(&config.user)?);
    if is_root() && user.is_none() {
        return Err(format!(
            "{}: user: name the user to become, since this was started as root",
            path.display()
        ));
    }
    let sockets = opened_by(owner, || {
        config.interfaces.iter().map(|name| Sockets::open(config.mode, name)).collect::<Result<Vec<_>, _>>()
    })?;
    give_up(user)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    tokio::task::LocalSet::new().block_on(&runtime, run(config, sockets))
}

/// Answers cars on one interface with what does not change, for ever: for measurements, and for programs that know by
/// themselves what is supported.
///
/// # Errors
/// Why that is over, in words.
pub async fn answer(sockets: Sockets, supported: Supported, secc: Secc) -> Result<Infallible, String> {
    let shared = ArcSwapOption::from_pointee(supported);
    attend(sockets, &RefCell::new(Responder::new(secc)), &shared).await
}

async fn run(config: Config, all: Vec<Sockets>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("receive signals: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let shared: Arc<Shared> = Arc::default();
    let standing = Rc::new(RefCell::new(Standing::default()));
    let mut responders = Vec::new();
    let (ended, mut ends) = tokio::sync::mpsc::channel(1);
    for sockets in all {
        let responder = Rc::new(RefCell::new(Responder::new(config.secc.secc())));
        responders.push((sockets.name.to_string(), Rc::clone(&responder)));
        let mode = match config.mode {
            Mode::Shared => "shared",
            Mode::Packet => "packet",
            Mode::Alone => "alone",
        };
        say(&format!("hears cars on {}, mode {mode}", sockets.name));
        let (shared, ended) = (Arc::clone(&shared), ended.clone());
        tokio::task::spawn_local(async move {
            let Err(problem) = attend(sockets, &responder, &shared).await;
            let _ = ended.send(problem).await;
        });
    }
    let config = Rc::new(config);
    tokio::task::spawn_local(look(Rc::clone(&config), shared, Rc::clone(&standing), hangup));
    tokio::task::spawn_local(measure(config, responders, standing));
    tokio::select! {
        Some(problem) = ends.recv() => Err(problem),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Looks at agreements and lists again and again, at once after SIGHUP. What fails leaves what was known in force.
async fn look(config: Rc<Config>, shared: Arc<Shared>, standing: Rc<RefCell<Standing>>, mut hangup: Signal) {
    loop {
        let known = know(&config.client, &config.agreements).await;
        standing.borrow_mut().take(known, &shared);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(config.every_seconds)) => {}
            _ = hangup.recv() => {}
        }
    }
}

impl Standing {
    /// Takes up what a look brought, and tells what is new.
    fn take(&mut self, known: Result<Knowledge, String>, shared: &Shared) {
        let told = match known {
            Ok(known) => {
                let counts = known.supported.counts();
                if self.counts != counts || self.failure.is_some() {
                    let words: Vec<String> =
                        counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
                    say(&format!("mobility operators: {}", words.join(", ")));
                }
                self.counts = counts;
                self.warnings = known.warnings.len();
                self.failure = None;
                self.known_at = Some(Timestamp::from_unix(seconds()));
                shared.store(Some(Arc::new(known.supported)));
                known.warnings.into_iter().collect()
            }
            Err(problem) => {
                self.failure = Some(problem.clone());
                let so = if shared.load().is_some() {
                    "what was known stays in force"
                } else {
                    "nothing is known yet, and cars are not answered"
                };
                BTreeSet::from([format!("{problem}; {so}")])
            }
        };
        // Each once, until it is over.
        for text in told.difference(&self.told) {
            say(&format!("warning: {text}"));
        }
        self.told = told;
    }
}

async fn measure(
    config: Rc<Config>,
    responders: Vec<(String, Rc<RefCell<Responder>>)>,
    standing: Rc<RefCell<Standing>>,
) {
    let Some(metrics) = &config.metrics else { return };
    let mut is_well = true;
    loop {
        tokio::time::sleep(METRICS.min(Duration::from_secs(config.every_seconds))).await;
        let counts: Vec<_> = responders
            .iter()
            .map(|(name, responder)| (name.clone(), responder.borrow().counts().clone()))
            .collect();
        let text = metrics::page(&counts, &standing.borrow());
        let written = metrics.write(&Disk, &text);
        if let (Err(problem), true) = (&written, is_well) {
            say(&format!("warning: metrics are not written: {problem}"));
        }
        is_well = written.is_ok();
    }
}

fn seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A line for the journal. A closed pipe is no reason to panic.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "ctl-sdp: {text}");
}
