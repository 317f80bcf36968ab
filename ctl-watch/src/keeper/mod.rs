//! The one place where the monitor's state changes. Observations come in; the board, the running hours, incidents
//! and levels follow; the store keeps them; everyone else reads snapshots.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod attacks;
pub mod clock;
pub mod desk;
mod gaps;
mod history;
mod hours;
mod task;
#[cfg(test)]
mod tests;
pub mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use ctl_policy::sla::SlaPolicy;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::clock::{Moment, Steady};
use self::task::Task;
use self::work::seen;
use super::board::Board;
use super::incident::Incident;
use super::levels::Levels;
use super::observation::Observation;
use super::store::{Store, StoreError};
use super::target::Target;
use crate::metrics::Metrics;

/// The incidents at hand by their number: open ones, and the newest of those that are over.
pub type Incidents = BTreeMap<u64, Arc<Incident>>;

/// The monitor's clock: Unix milliseconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Time that has really passed since some fixed moment: nobody sets it.
pub type Elapsed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What a keeper is started with.
#[derive(Clone)]
pub struct Setup {
    /// Where history is kept.
    pub store: Arc<Store>,
    /// By which policy.
    pub policy: Arc<SlaPolicy>,
    /// The clock.
    pub now: Now,
    /// Time that has really passed, by which the clock is checked.
    pub elapsed: Elapsed,
    /// Who counts what is observed.
    pub metrics: Arc<Metrics>,
}

enum Order {
    Watch(Vec<Arc<Target>>, oneshot::Sender<()>),
    /// Shows and writes everything now.
    Settle(oneshot::Sender<()>),
}

struct Shared {
    board: ArcSwap<Board>,
    incidents: ArcSwap<Incidents>,
    levels: ArcSwap<Levels>,
    steady: Mutex<Steady>,
    setup: Setup,
}

impl Shared {
    fn moment(&self) -> Moment {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.read((self.setup.now)(), (self.setup.elapsed)())
    }
}

/// A handle on the keeper. Clones are cheap.
#[derive(Clone)]
pub struct Keeper {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
}

impl Keeper {
    /// Starts a keeper where the last one stopped, or was stopped. It ends when all senders of observations are
    /// gone, once everything is written. Blocks on the disk; must be called within a runtime.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn start(
        setup: Setup,
        observations: mpsc::Receiver<Observation>,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (wall_ms, elapsed) = ((setup.now)(), (setup.elapsed)());
        let mut steady = Steady::new(wall_ms, elapsed, seen(&setup.store)?);
        let now_ms = steady.read(wall_ms, elapsed).now_ms;
        let desk = work::desk(&setup.store, setup.policy.clone(), now_ms)?;
        let shared = Arc::new(Shared {
            board: ArcSwap::default(),
            incidents: ArcSwap::from_pointee(desk.incidents()),
            levels: ArcSwap::default(),
            steady: Mutex::new(steady),
            setup,
        });
        let (orders, inbox) = mpsc::channel(8);
        let running = tokio::spawn(Task::new(desk, shared.clone(), now_ms).run(observations, inbox));
        Ok((Self { shared, orders }, running))
    }

    /// What is watched from now on: observations of anything else are left out. To be called whenever it changes,
    /// and before anything new is probed.
    pub async fn watch(&self, targets: Vec<Arc<Target>>) {
        let (done, known) = oneshot::channel();
        // A keeper that has stopped has nothing to watch.
        if self.orders.send(Order::Watch(targets, done)).await.is_ok() {
            let _ = known.await;
        }
    }

    /// Waits until everything that was sent before is shown and written.
    pub async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        if self.orders.send(Order::Settle(done)).await.is_ok() {
            let _ = settled.await;
        }
    }

    /// How things stand now.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        self.shared.board.load_full()
    }

    /// The incidents at hand: open ones, and the newest of those that are over. [`Keeper::history`] has all.
    #[must_use]
    pub fn incidents(&self) -> Arc<Incidents> {
        self.shared.incidents.load_full()
    }

    /// The levels of all services.
    #[must_use]
    pub fn levels(&self) -> Arc<Levels> {
        self.shared.levels.load_full()
    }

    /// The service level policy in force.
    #[must_use]
    pub fn policy(&self) -> &Arc<SlaPolicy> {
        &self.shared.setup.policy
    }

    /// The store, for readers of history.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.shared.setup.store
    }

    /// The monitor's clock, in Unix milliseconds. Where it jumps it is not followed at once.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.shared.moment().now_ms
    }
}
