//! The one place where the state of the watch changes. Observations come in; standings, counts, incidents and levels
//! follow; the history stores them; everyone else reads snapshots.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod attacks;
pub mod clock;
pub mod days;
mod incidents;
pub mod machine;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use arc_swap::ArcSwap;
use ctl_core::Timestamp;
use ctl_host::clock::Clock;
use ctl_policy::sla::SlaPolicy;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::clock::{Moment, WatchClock};
use self::days::Days;
use self::machine::{PAST_INCIDENTS, RECENT_BREACH_MS, StateMachine};
use self::task::Task;
use super::incident::{Incident, RECENT_MS, SLOT_MS};
use super::levels::Levels;
use super::observation::Observation;
use super::standings::Standings;
use super::store::{Store, StoreError};
use super::target::Target;
use crate::metrics::Metrics;

/// The incidents in memory by number: open ones, and the newest closed ones.
pub type Incidents = BTreeMap<u64, Arc<Incident>>;

/// A clock in Unix milliseconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What an aggregator is started with.
#[derive(Clone)]
pub struct Setup {
    /// The history.
    pub store: Arc<Store>,
    pub policy: Arc<SlaPolicy>,
    pub clock: Arc<dyn Clock>,
    /// What observations are counted in for Prometheus.
    pub metrics: Arc<Metrics>,
}

enum Order {
    Watch(Vec<Arc<Target>>, oneshot::Sender<()>),
    /// Keeps the next bad observation of these incidents as evidence.
    ProveAnew(BTreeSet<u64>, oneshot::Sender<()>),
    /// Publishes and writes everything now.
    Settle(oneshot::Sender<()>),
}

struct Shared {
    standings: ArcSwap<Standings>,
    incidents: ArcSwap<Incidents>,
    levels: ArcSwap<Levels>,
    days: Arc<RwLock<Days>>,
    clock: WatchClock,
    setup: Setup,
}

/// A handle on the aggregator. Clones are cheap.
#[derive(Clone)]
pub struct Aggregator {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
}

/// The state machine, continued from the history. Blocks on the disk.
///
/// # Errors
/// [`StoreError`]
pub fn recall(store: &Store, policy: Arc<SlaPolicy>, now_ms: i64) -> Result<StateMachine, StoreError> {
    let since_slot = now_ms.saturating_sub(RECENT_MS).div_euclid(SLOT_MS);
    let kept = store.kept(since_slot, PAST_INCIDENTS, now_ms.saturating_sub(RECENT_BREACH_MS))?;
    Ok(StateMachine::new(policy, kept, now_ms))
}

impl Aggregator {
    /// Starts an aggregator that continues from the history. It ends when all senders of observations are gone and
    /// everything is written. Blocks on the disk; must be called within a runtime.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn start(
        setup: Setup,
        observations: mpsc::Receiver<Observation>,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (sure, last) = (setup.store.seen()?, setup.store.last_probe()?);
        let last = last.map(|at_ms| Timestamp::from_unix(at_ms.div_euclid(1000)));
        let clock = WatchClock::new(setup.clock.clone(), sure, last);
        let now_ms = clock.read().now_ms;
        let machine = recall(&setup.store, setup.policy.clone(), now_ms)?;
        let shared = Arc::new(Shared {
            standings: ArcSwap::default(),
            incidents: ArcSwap::from_pointee(machine.incidents()),
            levels: ArcSwap::default(),
            days: Arc::default(),
            clock,
            setup,
        });
        let (orders, inbox) = mpsc::channel(8);
        let running = tokio::spawn(Task::new(machine, shared.clone(), now_ms, sure).run(observations, inbox));
        Ok((Self { shared, orders }, running))
    }

    /// Sets what is watched from now on; observations of other targets are dropped. Call it on every change, before
    /// anything new is probed.
    pub async fn watch(&self, targets: Vec<Arc<Target>>) {
        let (done, known) = oneshot::channel();
        // A stopped aggregator watches nothing.
        if self.orders.send(Order::Watch(targets, done)).await.is_ok() {
            let _ = known.await;
        }
    }

    /// Has the next bad observation of these open incidents kept as evidence.
    pub async fn prove_anew(&self, incidents: BTreeSet<u64>) {
        let (done, known) = oneshot::channel();
        // A stopped aggregator observes nothing.
        if self.orders.send(Order::ProveAnew(incidents, done)).await.is_ok() {
            let _ = known.await;
        }
    }

    /// Waits until everything sent before is published and written.
    pub async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        if self.orders.send(Order::Settle(done)).await.is_ok() {
            let _ = settled.await;
        }
    }

    /// The time as the watch believes it.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.shared.clock.read()
    }

    /// How every target stands now.
    #[must_use]
    pub fn standings(&self) -> Arc<Standings> {
        self.shared.standings.load_full()
    }

    /// The incidents in memory: open ones, and the newest closed ones. [`Aggregator::all_incidents`] reads all.
    #[must_use]
    pub fn incidents(&self) -> Arc<Incidents> {
        self.shared.incidents.load_full()
    }

    /// The levels of all services.
    #[must_use]
    pub fn levels(&self) -> Arc<Levels> {
        self.shared.levels.load_full()
    }

    /// The last ninety days of all targets. Whoever reads them holds up who adds to them.
    pub fn days(&self) -> RwLockReadGuard<'_, Days> {
        self.shared.days.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The service level policy in force.
    #[must_use]
    pub fn policy(&self) -> &Arc<SlaPolicy> {
        &self.shared.setup.policy
    }

    /// The history.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.shared.setup.store
    }

    /// The time the watch believes, in Unix milliseconds. It does not follow a jump of the wall clock at once.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.read().now_ms
    }
}
