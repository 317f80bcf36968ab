//! The one place where the monitor's state changes. Observations come in; the board, the running hours, incidents
//! and levels follow; the store keeps them; everyone else reads snapshots.

#[cfg(test)]
mod agreement;
pub mod desk;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ctl_policy::sla::{Counts, SlaPolicy};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::desk::{Desk, Kept, Taken, Work};
use super::board::Board;
use super::incident::Incident;
use super::levels::{Closed, HOUR_MS, Levels, begin_of, hour_of};
use super::observation::Observation;
use super::store::{Store, StoreError};
use super::target::Target;
use crate::metrics::Metrics;

/// How often snapshots are shown and the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Observations taken at once.
const BATCH: usize = 512;
/// Every so many ticks levels are computed.
const LEVEL_TICKS: u64 = 10;
/// Every so many ticks the store is tidied.
const TIDY_TICKS: u64 = 60;
/// Six hours: what burn rates look at one by one.
const RECENT_MS: i64 = 6 * HOUR_MS;

/// The incidents by their number: open ones and those that are over.
pub type Incidents = BTreeMap<u64, Arc<Incident>>;

/// The monitor's clock: Unix milliseconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a keeper is started with.
#[derive(Clone)]
pub struct Setup {
    /// Where history is kept.
    pub store: Arc<Store>,
    /// By which policy.
    pub policy: Arc<SlaPolicy>,
    /// The clock.
    pub now: Now,
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
    setup: Setup,
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
        let now_ms = (setup.now)();
        let desk = Desk::new(setup.policy.clone(), kept(&setup.store, now_ms)?, now_ms);
        let shared = Arc::new(Shared {
            board: ArcSwap::default(),
            incidents: ArcSwap::from_pointee(desk.incidents()),
            levels: ArcSwap::default(),
            setup,
        });
        let (orders, inbox) = mpsc::channel(8);
        let task = Task { desk, shared: shared.clone(), closed: None, ticks: 0 };
        let running = tokio::spawn(task.run(observations, inbox));
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

    /// The incidents, open ones and those that are over.
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

    /// The monitor's clock, in Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.shared.setup.now)()
    }
}

/// What the store has for a desk that begins at this moment.
///
/// # Errors
/// [`StoreError`]
pub fn kept(store: &Store, now_ms: i64) -> Result<Kept, StoreError> {
    let last_closed = store.last_closed()?;
    let open = last_closed.map_or(0, |last| begin_of(last.saturating_add(1)));
    let from = open.min(now_ms.saturating_sub(RECENT_MS)).max(0);
    let minute = |at_ms: i64| u32::try_from(at_ms.div_euclid(60_000)).unwrap_or_default();
    let mut raw = Vec::new();
    store.raw(minute(from), minute(now_ms).saturating_add(60), |record| raw.push(record))?;
    raw.sort_by_key(|record| record.at_ms);
    Ok(Kept { targets: store.targets()?, incidents: store.incidents()?, last_closed, raw })
}

struct Task {
    desk: Desk,
    shared: Arc<Shared>,
    /// What closed hours say of all services.
    closed: Option<Arc<Closed>>,
    ticks: u64,
}

impl Task {
    async fn run(mut self, mut observations: mpsc::Receiver<Observation>, mut orders: mpsc::Receiver<Order>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                taken = observations.recv_many(&mut batch, BATCH) => {
                    self.take(&mut batch);
                    if taken == 0 {
                        break;
                    }
                }
                Some(order) = orders.recv() => match order {
                    Order::Watch(targets, done) => {
                        self.desk.watch(&targets, self.now());
                        self.show();
                        // Whoever asked may have gone.
                        let _ = done.send(());
                    }
                    Order::Settle(done) => {
                        while let Ok(observation) = observations.try_recv() {
                            batch.push(observation);
                        }
                        self.take(&mut batch);
                        let work = self.desk.finish(self.now());
                        self.write(work).await;
                        self.levels().await;
                        self.show();
                        let _ = done.send(());
                    }
                },
                _ = ticks.tick() => self.tick().await,
            }
        }
        let work = self.desk.finish(self.now());
        self.write(work).await;
        self.show();
    }

    fn now(&self) -> i64 {
        (self.shared.setup.now)()
    }

    fn take(&mut self, batch: &mut Vec<Observation>) {
        let now = self.now();
        for observation in batch.drain(..) {
            if let Some(Taken { observation, verdict }) = self.desk.take(observation, now) {
                self.shared.setup.metrics.watch().observe(&observation, verdict.as_ref());
            }
        }
    }

    async fn tick(&mut self) {
        let now = self.now();
        let work = self.desk.tick(now);
        self.write(work).await;
        if self.ticks.is_multiple_of(LEVEL_TICKS) {
            self.levels().await;
        }
        if self.ticks.is_multiple_of(TIDY_TICKS) {
            self.tidy(now).await;
        }
        self.ticks = self.ticks.wrapping_add(1);
        self.show();
    }

    fn show(&self) {
        self.shared.board.store(Arc::new(self.desk.board()));
        self.shared.incidents.store(Arc::new(self.desk.incidents()));
    }

    async fn write(&mut self, work: Work) {
        if work.is_empty() {
            return;
        }
        let store = self.shared.setup.store.clone();
        match tokio::task::spawn_blocking(move || write(&store, work)).await {
            Ok(failed) => self.desk.close_again(failed),
            Err(error) => tracing::error!(%error, "what was observed is not kept"),
        }
    }

    async fn tidy(&mut self, now: i64) {
        let store = self.shared.setup.store.clone();
        let old = self.desk.forget_incidents(now.saturating_sub(store.incident_life_ms()));
        let tidied = tokio::task::spawn_blocking(move || {
            if !old.is_empty() {
                store.forget_incidents(&old)?;
            }
            store.tidy(now)
        });
        if let Ok(Err(error)) = tidied.await {
            tracing::error!(%error, "the monitor's store cannot be tidied");
        }
    }

    /// Computes the levels: closed hours are added up once, what is running each time.
    async fn levels(&mut self) {
        let now = self.now();
        let (hour, open_hour) = (hour_of(now), self.desk.open_hour());
        let closed = self.closed.take().filter(|one| (one.hour, one.open_hour) == (hour, open_hour));
        let (targets, running) = (Arc::new(self.desk.targets()), Arc::new(self.desk.running()));
        let (store, all, hours) = (self.shared.setup.store.clone(), targets.clone(), running.clone());
        let computed = tokio::task::spawn_blocking(move || {
            let closed = match closed {
                Some(closed) => closed,
                None => Arc::new(Closed::add_up(&store, &all, open_hour, hour)?),
            };
            let services = closed.with_running(&store, &all, &hours, now)?;
            Ok::<_, StoreError>((closed, services))
        });
        let mut services = match computed.await {
            Ok(Ok((closed, services))) => {
                self.closed = Some(closed);
                services
            }
            Ok(Err(error)) => return tracing::error!(%error, "service levels are not computed"),
            Err(error) => return tracing::error!(%error, "service levels are not computed"),
        };
        self.desk.recent(now, &mut services);
        self.shared.levels.store(Arc::new(Levels { at_ms: now, services, targets, running }));
    }
}

/// Writes what a desk has to write, and gives back the hours that could not be: they are tried again.
///
/// What fails does not keep the rest from being written.
pub fn write(store: &Store, work: Work) -> BTreeMap<u32, BTreeMap<u32, Counts>> {
    let Work { targets, raw, mut hours, evidence, incidents } = work;
    let note = |done: Result<(), StoreError>| {
        if let Err(error) = &done {
            tracing::error!(%error, "a part of what was observed is not kept");
        }
        done.is_ok()
    };
    if !targets.is_empty() {
        note(store.put_targets(&targets));
    }
    for (minute, records) in &raw {
        note(store.put_raw(*minute, records));
    }
    hours.retain(|hour, counted| !note(store.close_hour(*hour, counted)));
    for bundle in &evidence {
        note(store.put_evidence(bundle).map(drop));
    }
    if !incidents.is_empty() {
        note(store.put_incidents(&incidents.into_values().collect::<Vec<_>>()));
    }
    hours
}
