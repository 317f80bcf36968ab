//! The monitor as a whole: what the server starts, asks and stops.
//!
//! Its tasks, in the order of the data's road: one follows the ledger and says what is watched, one looks at the
//! service itself, one enters in the ledger what belongs there, one runs the schedule, one keeps what is observed.
//! Each ends when the one before it is gone, so that nothing which was observed is lost by a stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use ctl_fetch::Fetcher;
use ctl_host::clock::SystemClock;
use ctl_host::files;
use ctl_host::supervisor::Supervisor;
use ctl_policy::sla::{BUILT_IN, MAX_SLA_POLICY_SIZE, SlaPolicy};
use ctl_watch::config;
use ctl_watch::recorder::policy_ref;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::board::Board;
use super::code::Code;
use super::discover::{Discovered, Plan, discover};
use super::error::MonitorError;
use super::keeper::{self, Keeper};
use super::metrics::{Gathered, Upkeep};
use super::observation::Observation;
use super::plan::plan;
use super::recorder::Recorder;
use super::schedule::{self, Counted, Counts, Shelf};
use super::store::{Keep, Store};
use super::target::{Target, TargetId};
use super::{chores, own, probe};
use crate::blobs::Blobs;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::publish::Publisher;

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
    keeper: Keeper,
    discovered: ArcSwap<Discovered>,
    counts: Arc<Counts>,
    inbox: mpsc::WeakSender<Observation>,
    store_bytes: Arc<AtomicU64>,
    store_limit: u64,
    fetcher: Fetcher,
    held_back: Arc<AtomicU64>,
}

/// What the monitor works beside.
#[derive(Clone)]
pub struct Beside {
    /// The ledger: what is to be watched follows from it, and breaches are entered in it.
    pub ledger: Ledger,
    /// What is published, which is watched too.
    pub publisher: Publisher,
    /// Where reports are kept.
    pub blobs: Arc<Blobs>,
    /// What Prometheus is told.
    pub metrics: Arc<Metrics>,
    /// The data directory; the monitor's history is its `monitor/`.
    pub data: PathBuf,
}

/// The monitor's tasks.
pub struct Running {
    stop: oneshot::Sender<()>,
    tasks: [JoinHandle<()>; 6],
}

impl Running {
    /// The same, watched over.
    #[must_use]
    pub fn supervised(self, supervisor: &Supervisor) -> Self {
        Self { tasks: self.tasks.map(|task| supervisor.watch("a part of the watch", task)), ..self }
    }

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
    /// [`MonitorError`] if the configuration names something that cannot be used, or the history cannot be opened.
    pub fn start(beside: &Beside, config: &config::Monitor) -> Result<(Self, Running), MonitorError> {
        let (plan, fetcher, policy) =
            (plan(config)?, Fetcher::new(&config.fetching())?, Arc::new(policy(config)?));
        let key = config.signer()?.map(Arc::new);
        let counts = Arc::new(Counts::default());
        let (targets, following) = watch::channel(Arc::from([]));
        let (observations, inbox) = mpsc::channel(OBSERVATIONS);
        let path = beside.data.join("monitor");
        let keep = Keep { rollups: config.rollups.0, max_bytes: config.max_bytes.get() };
        let failed = |error| MonitorError::Store { path: path.clone(), error };
        let store = Arc::new(Store::open(&path, keep).map_err(failed)?);
        let shelf = Arc::new(StoredMemories(Arc::clone(&store)));
        let setup = keeper::Setup {
            store,
            policy: Arc::clone(&policy),
            clock: Arc::new(SystemClock::new()),
            metrics: Arc::clone(beside.metrics.watch()),
        };
        let (keeper, keeping) = Keeper::start(setup, inbox).map_err(failed)?;
        let store_bytes = Arc::new(AtomicU64::new(0));
        let chores = chores::run(keeper.clone(), beside.data.clone(), store_bytes.clone(), following.clone());
        let shared = Arc::new(Shared {
            keeper,
            discovered: ArcSwap::default(),
            counts: Arc::clone(&counts),
            inbox: observations.downgrade(),
            store_bytes,
            store_limit: config.max_bytes.get(),
            fetcher: fetcher.clone(),
            held_back: Arc::default(),
        });
        let own = own::Watch {
            ledger: beside.ledger.clone(),
            publisher: beside.publisher.clone(),
            policy: Arc::clone(&policy),
            period: config.period.0,
            now_ms: Arc::new(now_ms),
        };
        let recorder = Recorder {
            ledger: beside.ledger.clone(),
            key,
            blobs: Arc::clone(&beside.blobs),
            keeper: shared.keeper.clone(),
            held_back: Arc::clone(&shared.held_back),
        };
        let recording = tokio::spawn(recorder.run(following.clone()));
        let watching = tokio::spawn(own.clone().run(following.clone(), observations.clone()));
        let schedule = schedule::run(schedule::Setup {
            probes: probe::all(),
            fetch: Arc::new(fetcher),
            limits: Arc::new(move |target| policy.limits(target.operator.as_str(), target.kind)),
            now_ms: Arc::new(now_ms),
            targets: following.clone(),
            observations,
            shelf,
            concurrency: config.concurrency.get(),
            per_host: config.per_host.get(),
            counts,
        });
        let (stop, stopped) = oneshot::channel();
        let tasks = [
            tokio::spawn(follow(own, plan, Arc::clone(&shared), targets, stopped)),
            watching,
            recording,
            tokio::spawn(schedule),
            tokio::spawn(chores),
            keeping,
        ];
        Ok((Self { shared }, Running { stop, tasks }))
    }

    /// How things stand now.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        self.shared.keeper.board()
    }

    /// What is watched now, the certificates whose end is watched, and what is left out.
    #[must_use]
    pub fn discovered(&self) -> Arc<Discovered> {
        self.shared.discovered.load_full()
    }

    /// By what services are judged.
    #[must_use]
    pub fn policy(&self) -> &Arc<SlaPolicy> {
        self.shared.keeper.policy()
    }

    /// What was observed, counted and kept.
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        &self.shared.keeper
    }

    /// What a scrape reads.
    #[must_use]
    pub fn gathered(&self) -> Gathered {
        Gathered::of(self.keeper(), self.discovered(), self.upkeep())
    }

    /// How the monitor itself is doing.
    #[must_use]
    pub fn upkeep(&self) -> Upkeep {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let bytes = self.shared.store_bytes.load(Ordering::Relaxed);
        let inbox = self.shared.inbox.upgrade();
        let held = self.shared.fetcher.bytes_held();
        Upkeep {
            held_bytes: held.map(|(taken, _)| number(taken)),
            held_limits: held.map(|(_, limit)| number(limit)),
            store_bytes: (bytes > 0).then_some(bytes),
            store_damaged: number(self.shared.keeper.store().damaged().len()),
            store_limit: Some(self.shared.store_limit),
            queue: inbox.as_ref().map(|inbox| number(inbox.max_capacity() - inbox.capacity())),
            queue_limit: inbox.as_ref().map(|inbox| number(inbox.max_capacity())),
            lost: self.counted().lost,
            held_back: self.shared.held_back.load(Ordering::Relaxed),
        }
    }

    /// What the schedule counts of its own work.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.shared.counts.read()
    }
}

/// Says what is watched, again and again, until it is told to stop.
async fn follow(
    own: own::Watch,
    plan: Plan,
    shared: Arc<Shared>,
    targets: watch::Sender<Arc<[Arc<Target>]>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let ledger = own.ledger.clone();
    let (plan, mut changes) = (Arc::new(plan), ledger.changes());
    loop {
        changes.mark_unchanged();
        let (seen, plan) = (ledger.snapshot(), Arc::clone(&plan));
        let time = ledger.now().unwrap_or_else(|_| seen.state.clock());
        // Reads every certificate of the scheme.
        let look = tokio::task::spawn_blocking(move || discover(&seen.state.at(time), time.unix(), &plan));
        match look.await {
            Ok(discovered) => {
                // The keeper knows a target before anything is observed of it.
                let all = discovered.targets.iter().cloned().chain(own.targets());
                shared.keeper.watch(all.collect()).await;
                show(&shared, &targets, discovered);
            }
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

/// What probes remember, in the store.
pub struct StoredMemories(pub Arc<Store>);

impl Shelf for StoredMemories {
    fn take(&self, target: TargetId) -> Option<Vec<u8>> {
        let taken = self.0.memory(target);
        taken
            .inspect_err(|error| tracing::warn!(%target, %error, "what a probe remembered cannot be read"))
            .ok()?
    }

    fn keep(&self, target: TargetId, memory: &[u8]) -> bool {
        let kept = self.0.put_memory(target, now_ms(), memory);
        kept.inspect_err(|error| tracing::warn!(%target, %error, "what a probe remembers cannot be kept"))
            .is_ok()
    }
}

/// The service level policy that the configuration names.
fn policy(config: &config::Monitor) -> Result<SlaPolicy, MonitorError> {
    let policy = read_policy(config)?;
    policy_ref(&policy)?;
    let unknown = policy.codes().into_iter().find(|code| Code::from_label(code).is_none()).map(str::to_owned);
    unknown.map_or(Ok(policy), |code| Err(MonitorError::UnknownCode(code)))
}

fn read_policy(config: &config::Monitor) -> Result<SlaPolicy, MonitorError> {
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
