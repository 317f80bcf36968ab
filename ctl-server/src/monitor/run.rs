//! The monitor as a whole: what the server starts, asks and stops.
//!
//! Three tasks, in the order of the data's road: one follows the ledger and says what is watched, one runs the
//! schedule, one takes what is observed. Each ends when the one before it is gone, so that nothing which was
//! observed is lost by a stop.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use ctl_policy::sla::{BUILT_IN, MAX_SLA_POLICY_SIZE, SlaPolicy};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::board::{Board, Standing};
use super::discover::{Discovered, Plan, discover};
use super::error::MonitorError;
use super::fetch::Fetcher;
use super::observation::{Facts, Observation};
use super::plan::plan;
use super::probe;
use super::schedule::{self, Counted, Counts};
use super::target::Target;
use crate::config;
use crate::files;
use crate::ledger::Ledger;

/// So many observations may wait for whoever takes them.
const OBSERVATIONS: usize = 4096;
/// What is watched follows from the time too (certificates expire, notices end), so it is looked at once an hour
/// although the ledger has not changed.
const LOOK: Duration = Duration::from_secs(3600);
/// After an entry, others often follow at once; one look is enough for all of them.
const SETTLE: Duration = Duration::from_millis(500);

/// A handle on the monitor. Clones are cheap.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
}

struct Shared {
    board: ArcSwap<Board>,
    discovered: ArcSwap<Discovered>,
    policy: Arc<SlaPolicy>,
    counts: Arc<Counts>,
}

/// The monitor's tasks.
pub struct Running {
    stop: oneshot::Sender<()>,
    tasks: [JoinHandle<()>; 3],
}

impl Running {
    /// Stops asking, and finishes what was observed.
    pub async fn stop(self) {
        // One that has ended by itself says so below.
        let _ = self.stop.send(());
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the monitor failed");
            }
        }
    }
}

impl Monitor {
    /// Starts to watch what the ledger and the configuration say. Reads files; must be called within a runtime.
    ///
    /// # Errors
    /// [`MonitorError`] if the configuration names something that cannot be used.
    pub fn start(ledger: Ledger, config: &config::Monitor) -> Result<(Self, Running), MonitorError> {
        let (plan, fetcher, policy) = (plan(config)?, Fetcher::new(config)?, Arc::new(policy(config)?));
        let counts = Arc::new(Counts::default());
        let shared = Arc::new(Shared {
            board: ArcSwap::default(),
            discovered: ArcSwap::default(),
            policy: Arc::clone(&policy),
            counts: Arc::clone(&counts),
        });
        let (targets, following) = watch::channel(Arc::from([]));
        let (observations, inbox) = mpsc::channel(OBSERVATIONS);
        let schedule = schedule::run(schedule::Setup {
            probes: probe::all(),
            fetch: Arc::new(fetcher),
            limits: Arc::new(move |target| policy.limits(target.operator.as_str(), target.kind)),
            now_ms: Arc::new(now_ms),
            targets: following.clone(),
            observations,
            concurrency: config.concurrency.get(),
            per_host: config.per_host.get(),
            counts,
        });
        let (stop, stopped) = oneshot::channel();
        let tasks = [
            tokio::spawn(follow(ledger, plan, Arc::clone(&shared), targets, stopped)),
            tokio::spawn(schedule),
            tokio::spawn(take(Arc::clone(&shared), inbox, following)),
        ];
        Ok((Self { shared }, Running { stop, tasks }))
    }

    /// How things stand now.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        self.shared.board.load_full()
    }

    /// What is watched now, the certificates whose end is watched, and what is left out.
    #[must_use]
    pub fn discovered(&self) -> Arc<Discovered> {
        self.shared.discovered.load_full()
    }

    /// By what services are judged.
    #[must_use]
    pub fn policy(&self) -> &Arc<SlaPolicy> {
        &self.shared.policy
    }

    /// What the schedule counts of its own work.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.shared.counts.read()
    }
}

/// Says what is watched, again and again, until it is told to stop.
async fn follow(
    ledger: Ledger,
    plan: Plan,
    shared: Arc<Shared>,
    targets: watch::Sender<Arc<[Arc<Target>]>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let (plan, mut changes) = (Arc::new(plan), ledger.changes());
    loop {
        changes.mark_unchanged();
        let (seen, plan) = (ledger.snapshot(), Arc::clone(&plan));
        let time = ledger.now().unwrap_or_else(|_| seen.state.clock());
        // Reads every certificate of the scheme.
        let look = tokio::task::spawn_blocking(move || discover(&seen.state.at(time), time.unix(), &plan));
        match look.await {
            Ok(discovered) => show(&shared, &targets, discovered),
            Err(error) => tracing::error!(%error, "what is to be watched cannot be told; it stays as it was"),
        }
        tokio::select! {
            _ = &mut stopped => break,
            // An hour without an entry is as good a reason to look as an entry.
            changed = timeout(LOOK, changes.changed()) => if let Ok(Err(_)) = changed { break },
        }
        tokio::select! {
            _ = &mut stopped => break,
            () = sleep(SETTLE) => {}
        }
    }
}

fn show(shared: &Shared, targets: &watch::Sender<Arc<[Arc<Target>]>>, discovered: Discovered) {
    let before = shared.discovered.load();
    for left_out in discovered.left_out.iter().filter(|left_out| !before.left_out.contains(left_out)) {
        let operator = left_out.operator.as_ref().map_or("", |operator| operator.as_str());
        tracing::warn!(operator, what = left_out.what, why = %left_out.why, "not watched");
    }
    if before.targets.len() != discovered.targets.len() {
        tracing::info!(targets = discovered.targets.len(), "watching");
    }
    targets.send_replace(discovered.targets.as_slice().into());
    shared.discovered.store(Arc::new(discovered));
}

/// Keeps the board until nobody observes any more.
async fn take(
    shared: Arc<Shared>,
    mut inbox: mpsc::Receiver<Observation>,
    mut targets: watch::Receiver<Arc<[Arc<Target>]>>,
) {
    let (mut board, mut batch, mut follows) = (Board::default(), Vec::new(), true);
    loop {
        tokio::select! {
            changed = targets.changed(), if follows => {
                follows = changed.is_ok();
                let wanted = Arc::clone(&targets.borrow_and_update());
                watch_these(&mut board, &wanted, now_ms());
            }
            taken = inbox.recv_many(&mut batch, OBSERVATIONS) => {
                if taken == 0 {
                    break;
                }
                for observation in batch.drain(..) {
                    note(&mut board, observation);
                }
            }
        }
        shared.board.store(Arc::new(board.clone()));
    }
}

fn watch_these(board: &mut Board, targets: &[Arc<Target>], now_ms: i64) {
    let mut before = std::mem::take(&mut board.targets);
    for target in targets {
        let fresh = || Standing {
            target: Arc::clone(target),
            since_ms: now_ms,
            last: None,
            answered_ms: None,
            good_ms: None,
            facts: Facts::default(),
        };
        let mut standing = before.remove(&target.id).unwrap_or_else(|| Arc::new(fresh()));
        Arc::make_mut(&mut standing).target = Arc::clone(target);
        board.targets.insert(target.id, standing);
    }
}

fn note(board: &mut Board, observation: Observation) {
    let Some(standing) = board.targets.get_mut(&observation.target.id) else { return };
    let standing = Arc::make_mut(standing);
    if observation.timings.is_some() {
        standing.answered_ms = Some(observation.at_ms);
    }
    if observation.is_valid() && observation.is_good() {
        standing.good_ms = Some(observation.at_ms);
    }
    if observation.facts != Facts::default() {
        standing.facts = observation.facts.clone();
    }
    standing.last = Some(Arc::new(observation));
}

/// The service level policy that the configuration names.
fn policy(config: &config::Monitor) -> Result<SlaPolicy, MonitorError> {
    let Some(path) = &config.service_levels else { return Ok(SlaPolicy::parse(BUILT_IN)?) };
    let failed = |error| MonitorError::PolicyFile { path: path.clone(), error };
    let limit = u64::try_from(MAX_SLA_POLICY_SIZE).unwrap_or(u64::MAX);
    let bytes = files::read(path, limit)
        .and_then(|bytes| bytes.ok_or_else(|| std::io::ErrorKind::NotFound.into()))
        .map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|error| failed(std::io::Error::other(error)))?;
    Ok(SlaPolicy::parse(&text)?)
}

/// The monitor's clock, in Unix milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
