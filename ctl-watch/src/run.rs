//! Starts and stops the tasks of the watch.
//!
//! In the order in which data flows: one follows the scheme and sends it the watcher's statements, one decides what is
//! watched, one probes the service itself, one runs the schedule, and one aggregates observations. Each ends after the
//! one before it, so a stop loses no observation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use ctl_core::{PublicKey, Signer, Timestamp};
use ctl_fetch::Fetcher;
use ctl_governance::State;
use ctl_host::clock::SystemClock;
use ctl_host::files;
use ctl_host::supervisor::Supervisor;
use ctl_policy::sla::{BUILT_IN, MAX_SLA_POLICY_SIZE, SlaPolicy};
use ctl_replica::Replica;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::aggregator::{self, Aggregator};
use super::code::Code;
use super::config::Config;
use super::discover::{Discovered, Plan, discover};
use super::error::StartError;
use super::follow::{Followed, Follower, Signing};
use super::incident::Incident;
use super::metrics::{Gathered, Internals, Metrics};
use super::observation::Observation;
use super::plan::plan;
use super::reporter::{Reporter, policy_ref, withholds};
use super::schedule::{self, Counted, Counters, MemoryStore};
use super::sources::{self, Sources};
use super::standings::Standings;
use super::store::{Retention, Store};
use super::target::{Target, TargetId};
use super::{config, own, probe, upkeep};

/// How many observations may wait for the aggregator.
const OBSERVATIONS: usize = 4096;
/// What is watched also depends on the time, as certificates expire and notices end. So it is decided anew every hour
/// even if the log has not changed.
const LOOK: Duration = Duration::from_secs(3600);
/// A server that lets its answers drip must not blind the watch for longer.
const LOOK_DEADLINE: Duration = Duration::from_secs(120);
/// A source of ten thousand roots in pages takes its time; one that lets its answers drip ends here.
const SOURCE_DEADLINE: Duration = Duration::from_secs(300);
/// Entries often follow each other at once; one look after them is enough.
const SETTLE: Duration = Duration::from_millis(500);

/// A handle on the watch. Clones are cheap.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

struct Shared {
    aggregator: Aggregator,
    discovered: ArcSwap<Discovered>,
    counters: Arc<Counters>,
    inbox: mpsc::WeakSender<Observation>,
    store_bytes: Arc<AtomicU64>,
    store_limit: u64,
    fetcher: Fetcher,
    held_back: Arc<AtomicU64>,
    followed: watch::Receiver<Followed>,
    /// The key of the watcher whose claims it sends, if it sends any.
    key: Option<PublicKey>,
    /// From where it looks, in its operator's words.
    place: String,
    sources: Arc<Sources>,
}

/// The tasks of the watch.
pub struct Running {
    stop: [oneshot::Sender<()>; 2],
    stop_reading: watch::Sender<()>,
    tasks: [JoinHandle<()>; 7],
}

impl Running {
    /// Has the supervisor watch the tasks.
    #[must_use]
    pub fn supervised(self, supervisor: &Supervisor) -> Self {
        Self { tasks: self.tasks.map(|task| supervisor.watch("a part of the watch", task)), ..self }
    }

    /// Stops probing, and waits until everything observed is written.
    pub async fn stop(self) {
        // A task that has ended by itself is reported below.
        for stop in self.stop {
            let _ = stop.send(());
        }
        drop(self.stop_reading);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the watch failed");
            }
        }
    }
}

impl Watch {
    /// Starts to follow the scheme and to watch what the scheme and the configuration name. Reads files; must be called
    /// within a runtime.
    ///
    /// # Errors
    /// [`StartError`] if the configuration names something unusable, or the history cannot be opened.
    pub fn start(config: &Config, metrics: &Arc<Metrics>) -> Result<(Self, Running), StartError> {
        let Config { data, scheme, fetch: fetching, watch: config, sources, .. } = config;
        let (plan, fetcher, policy) =
            (plan(config, &fetching.ports)?, Fetcher::new(fetching)?, Arc::new(policy(config)?));
        let key = config.signer()?;
        let counters = Arc::new(Counters::default());
        let (targets, following) = watch::channel(Arc::from([]));
        let (observations, inbox) = mpsc::channel(OBSERVATIONS);
        let (told, followed) = watch::channel(Followed::nothing());
        let path = data.join("history");
        let retention = Retention { rollups: config.rollups, max_bytes: config.max_bytes.get() };
        let failed = |error| StartError::Store { path: path.clone(), error };
        let store = Arc::new(Store::open(&path, retention).map_err(failed)?);
        let (memory_store, source_store) = (Arc::new(StoredMemories(Arc::clone(&store))), Arc::clone(&store));
        let setup = aggregator::Setup {
            store,
            policy: Arc::clone(&policy),
            clock: Arc::new(SystemClock::new()),
            metrics: Arc::clone(metrics),
        };
        let (aggregator, aggregating) = Aggregator::start(setup, inbox).map_err(failed)?;
        let store_bytes = Arc::new(AtomicU64::new(0));
        let upkeep = upkeep::run(aggregator.clone(), data.clone(), store_bytes.clone(), following.clone());
        let shared = Arc::new(Shared {
            aggregator,
            discovered: ArcSwap::default(),
            counters: Arc::clone(&counters),
            inbox: observations.downgrade(),
            store_bytes,
            store_limit: config.max_bytes.get(),
            fetcher: fetcher.clone(),
            held_back: Arc::default(),
            followed: followed.clone(),
            key: key.as_ref().map(Signer::public_key),
            place: config.place.clone(),
            sources: Arc::default(),
        });
        let (stop_reading, stopped_reading) = watch::channel(());
        let reading = sources::run(sources::Setup {
            asked: sources::asked(sources, &fetcher)?,
            store: source_store,
            sources: Arc::clone(&shared.sources),
            deadline: SOURCE_DEADLINE,
            now: || Timestamp::from_unix(now_ms().div_euclid(1000)),
            stopped: stopped_reading,
        });
        let own = own::ServiceWatch {
            followed: followed.clone(),
            fetch: Arc::new(Fetcher::new(&scheme.fetching())?),
            server: scheme.server.trim_end_matches('/').to_owned(),
            policy: Arc::clone(&policy),
            period: config.period,
            now_ms: Arc::new(now_ms),
        };
        let replica = Replica::open(scheme.replica(&data.join("replica"))?)?;
        let reporter = Reporter {
            aggregator: shared.aggregator.clone(),
            held_back: Arc::clone(&shared.held_back),
            pauses: Arc::default(),
        };
        let watcher = key.map(|key| ([Box::new(key) as Box<dyn Signer>], reporter));
        let follower = Follower { replica, every: scheme.every, deadline: LOOK_DEADLINE, told, watcher };
        let ((stop_following, following_stopped), (stop, stopped)) = (oneshot::channel(), oneshot::channel());
        let watching = tokio::spawn(own.clone().run(following.clone(), observations.clone()));
        let schedule = schedule::run(schedule::Setup {
            probes: probe::all(),
            fetch: Arc::new(fetcher),
            limits: Arc::new(move |target| policy.limits(target.operator.as_str(), target.kind)),
            now_ms: Arc::new(now_ms),
            targets: following.clone(),
            observations,
            memory_store,
            concurrency: fetching.concurrency.get(),
            per_host: fetching.per_host.get(),
            counters,
        });
        let tasks = [
            tokio::spawn(follower.run(following_stopped)),
            tokio::spawn(follow(own, plan, Arc::clone(&shared), targets, stopped)),
            watching,
            tokio::spawn(schedule),
            tokio::spawn(upkeep),
            tokio::spawn(reading),
            aggregating,
        ];
        Ok((Self { shared }, Running { stop: [stop_following, stop], stop_reading, tasks }))
    }

    /// What is known of the scheme.
    #[must_use]
    pub fn followed(&self) -> Followed {
        self.shared.followed.borrow().clone()
    }

    /// What tells whether an incident's evidence is kept from everyone, as others must not claim it first.
    pub(crate) fn withheld(&self) -> impl Fn(&Incident) -> bool + Send + 'static {
        let (seen, key) = (self.followed().seen, self.shared.key.clone());
        let now = Timestamp::from_unix(self.aggregator().now_ms().div_euclid(1000));
        move |incident| {
            key.as_ref()
                .is_some_and(|key| withholds(seen.as_ref().map(|seen| &seen.state), key, incident, now))
        }
    }

    /// The key of the watcher whose claims it sends, if any, and from where it looks.
    pub(crate) fn witness(&self) -> (Option<&PublicKey>, &str) {
        (self.shared.key.as_ref(), &self.shared.place)
    }

    /// The last standing of every target.
    #[must_use]
    pub fn standings(&self) -> Arc<Standings> {
        self.shared.aggregator.standings()
    }

    /// The targets, the certificates whose end is watched, and what is left out.
    #[must_use]
    pub fn discovered(&self) -> Arc<Discovered> {
        self.shared.discovered.load_full()
    }

    /// The policy by which services are judged.
    #[must_use]
    pub fn policy(&self) -> &Arc<SlaPolicy> {
        self.shared.aggregator.policy()
    }

    /// The aggregator, which counts and keeps what is observed.
    #[must_use]
    pub fn aggregator(&self) -> &Aggregator {
        &self.shared.aggregator
    }

    /// Other people's lists and pools.
    #[must_use]
    pub fn sources(&self) -> &Arc<Sources> {
        &self.shared.sources
    }

    /// What a scrape reads.
    #[must_use]
    pub fn gathered(&self) -> Gathered {
        Gathered::of(self.aggregator(), self.discovered(), self.internals(), Arc::clone(self.sources()))
    }

    /// The state of the watch's own parts.
    #[must_use]
    pub fn internals(&self) -> Internals {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let bytes = self.shared.store_bytes.load(Ordering::Relaxed);
        let inbox = self.shared.inbox.upgrade();
        let held = self.shared.fetcher.bytes_held();
        let followed = self.shared.followed.borrow();
        Internals {
            held_bytes: held.map(|(taken, _)| number(taken)),
            held_limits: held.map(|(_, limit)| number(limit)),
            store_bytes: (bytes > 0).then_some(bytes),
            store_damaged: number(self.shared.aggregator.store().damaged().len()),
            store_limit: Some(self.shared.store_limit),
            queue: inbox.as_ref().map(|inbox| number(inbox.max_capacity() - inbox.capacity())),
            queue_limit: inbox.as_ref().map(|inbox| number(inbox.max_capacity())),
            lost: self.counted().lost,
            held_back: self.shared.held_back.load(Ordering::Relaxed),
            following: followed.is_following(),
            unrecorded: match followed.signing {
                Signing::Off | Signing::Unknown => None,
                Signing::Good => Some(false),
                Signing::Failed(_) => Some(true),
            },
        }
    }

    /// The schedule's own counters.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.shared.counters.read()
    }
}

/// Decides again and again what is watched, until it is told to stop.
async fn follow(
    own: own::ServiceWatch,
    plan: Plan,
    shared: Arc<Shared>,
    targets: watch::Sender<Arc<[Arc<Target>]>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let (plan, mut followed) = (Arc::new(plan), own.followed.clone());
    loop {
        let seen = followed.borrow_and_update().seen.clone();
        let size = seen.as_ref().map(|seen| seen.size);
        let Some(seen) = seen else {
            tokio::select! {
                _ = &mut stopped => return,
                changed = followed.changed() => if changed.is_err() { return } else { continue },
            }
        };
        let plan = Arc::clone(&plan);
        // Reads every certificate of the scheme.
        let look = tokio::task::spawn_blocking(move || discover_at(&seen.state, now_ms(), &plan));
        match look.await {
            Ok(discovered) => {
                // The aggregator must know a target before it is observed.
                let all = discovered.targets.iter().cloned().chain(own.targets());
                shared.aggregator.watch(all.collect()).await;
                show(&shared, &targets, discovered);
            }
            Err(error) => {
                tracing::error!(%error, "cannot decide what to watch; the targets stay as they were")
            }
        }
        // Look again after an hour even without a new entry.
        let another = followed.wait_for(|followed| followed.seen.as_ref().map(|seen| seen.size) != size);
        tokio::select! {
            _ = &mut stopped => return,
            changed = timeout(LOOK, another) => if let Ok(Err(_)) = changed { return },
        }
        tokio::select! {
            _ = &mut stopped => return,
            () = sleep(SETTLE) => {}
        }
    }
}

/// What a state asks to watch at a moment in Unix milliseconds.
#[must_use]
pub fn discover_at(state: &State, at_ms: i64, plan: &Plan) -> Discovered {
    let time = Timestamp::from_unix(at_ms.div_euclid(1000)).max(state.clock());
    discover(&state.at(time), time.unix(), plan)
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

/// Keeps the memories of probes in the store.
pub struct StoredMemories(pub Arc<Store>);

impl MemoryStore for StoredMemories {
    fn take(&self, target: TargetId) -> Option<Vec<u8>> {
        let taken = self.0.memory(target);
        taken.inspect_err(|error| tracing::warn!(%target, %error, "a probe's memory cannot be read")).ok()?
    }

    fn keep(&self, target: TargetId, memory: &[u8]) -> bool {
        let kept = self.0.put_memory(target, now_ms(), memory);
        kept.inspect_err(|error| tracing::warn!(%target, %error, "a probe's memory cannot be stored")).is_ok()
    }
}

/// The service level policy that the configuration names.
fn policy(config: &config::Watch) -> Result<SlaPolicy, StartError> {
    let policy = read_policy(config)?;
    policy_ref(&policy)?;
    let unknown = policy.codes().into_iter().find(|code| Code::from_label(code).is_none()).map(str::to_owned);
    unknown.map_or(Ok(policy), |code| Err(StartError::UnknownCode(code)))
}

fn read_policy(config: &config::Watch) -> Result<SlaPolicy, StartError> {
    let Some(path) = &config.service_levels else { return Ok(SlaPolicy::parse(BUILT_IN)?) };
    let failed = |error| StartError::PolicyFile { path: path.clone(), error };
    let limit = u64::try_from(MAX_SLA_POLICY_SIZE).unwrap_or(u64::MAX);
    let bytes = files::read(path, limit)
        .and_then(|bytes| bytes.ok_or_else(|| std::io::ErrorKind::NotFound.into()))
        .map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|error| failed(std::io::Error::other(error)))?;
    Ok(SlaPolicy::parse(&text)?)
}

/// The watch's clock, in Unix milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
