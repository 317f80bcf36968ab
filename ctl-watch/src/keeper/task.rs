//! The keeper's task: takes what is observed, looks at the clock, and has everything that takes long done beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::desk::{Desk, Taken};
use super::work::{Work, closed_since, write};
use super::{Order, Shared};
use crate::incident::Incident;
use crate::levels::{Closed, Levels, RunningHours, ServiceKey, ServiceStanding, hour_of};
use crate::observation::Observation;
use crate::store::{Description, Store, StoreError};

/// How often snapshots are shown and the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Observations taken at once.
const BATCH: usize = 512;
/// Every so many ticks levels are computed.
const LEVEL_TICKS: u64 = 10;
/// Every so many ticks the store is tidied.
const TIDY_TICKS: u64 = 60;
/// What is known from so far ahead, once the time is sure, is from a time that never was: a start without a clock may be
/// told a time that is late by less.
const TO_COME_MS: i64 = 86_400_000;

/// Levels as they were computed, for what was counted when the computation began.
struct Computed {
    at_ms: i64,
    closed: Arc<Closed>,
    services: BTreeMap<ServiceKey, ServiceStanding>,
    targets: Arc<BTreeMap<u32, Description>>,
    running: Arc<RunningHours>,
}

/// What tidying came to.
struct Tidied {
    /// Whether what is old or too much is gone.
    store: Result<(), StoreError>,
    /// The incidents that are put away.
    put_away: Result<Vec<Arc<Incident>>, StoreError>,
}

pub(super) struct Task {
    desk: Desk,
    shared: Arc<Shared>,
    /// What closed hours say of all services.
    closed: Option<Arc<Closed>>,
    /// Levels that are being computed: over many services that takes long, and observations go on being taken.
    computing: Option<JoinHandle<Result<Computed, StoreError>>>,
    /// The store is being tidied.
    tidying: Option<JoinHandle<Tidied>>,
    ticks: u64,
    /// When the clock was looked at last.
    seen_ms: i64,
}

impl Task {
    pub(super) const fn new(desk: Desk, shared: Arc<Shared>, now_ms: i64) -> Self {
        Self { desk, shared, closed: None, computing: None, tidying: None, ticks: 0, seen_ms: now_ms }
    }

    pub(super) async fn run(
        mut self,
        mut observations: mpsc::Receiver<Observation>,
        mut orders: mpsc::Receiver<Order>,
    ) {
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
                        self.desk.watch(&targets, self.shared.moment().now_ms);
                        self.show();
                        // Whoever asked may have gone.
                        let _ = done.send(());
                    }
                    Order::Settle(done) => {
                        while let Ok(observation) = observations.try_recv() {
                            batch.push(observation);
                        }
                        self.take(&mut batch);
                        self.settle().await;
                        let _ = done.send(());
                    }
                },
                computed = ended(&mut self.computing) => self.show_levels(computed),
                tidied = ended(&mut self.tidying) => self.show_tidied(tidied),
                _ = ticks.tick() => self.tick().await,
            }
        }
        let work = self.desk.finish(self.seen_ms);
        self.write(work).await;
        self.show();
        // What still reads the store keeps it open.
        self.rest().await;
    }

    fn take(&mut self, batch: &mut Vec<Observation>) {
        let moment = self.shared.moment();
        for mut observation in batch.drain(..) {
            observation.at_ms = moment.place(observation.at_ms);
            if let Some(Taken { observation, verdict }) = self.desk.take(observation) {
                self.shared.setup.metrics.watch().observe(&observation, verdict.as_ref());
            }
        }
    }

    /// Looks at the clock.
    async fn look(&mut self) -> i64 {
        let moment = self.shared.moment();
        if moment.is_set_back(self.seen_ms) {
            match self.set_back(moment.now_ms).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(%error, "the clock was set back, and the store cannot say what it has of this hour");
                    return self.seen_ms;
                }
            }
        }
        self.seen_ms = moment.now_ms;
        self.seen_ms
    }

    async fn set_back(&mut self, now: i64) -> Result<(), StoreError> {
        // Incidents that are being put away would be written again by what follows.
        self.rest().await;
        tracing::warn!(
            "the clock was set back: hours that were closed under the other time are opened again"
        );
        let work = self.desk.finish(self.seen_ms);
        self.write(work).await;
        let (store, numbers) = (self.shared.setup.store.clone(), self.desk.targets().into_keys().collect());
        let running = self.desk.running_hours();
        let read = spawn_blocking(move || {
            let reopened = closed_since(&store, &numbers, hour_of(now), &running)?;
            Ok::<_, StoreError>((reopened, store.settled_ms()?))
        });
        let (reopened, sure_ms) = read.await.map_err(std::io::Error::other)??;
        self.desk.set_back(now, reopened);
        // Before the time was last sure, it is this time that may be wrong: what then seems yet to come has been.
        if sure_ms.is_none_or(|sure_ms| sure_ms <= now) {
            self.desk.bring_back(now, now);
        }
        Ok(())
    }

    async fn tick(&mut self) {
        let now = self.look().await;
        let work = self.desk.tick(now);
        self.write(work).await;
        if self.ticks.is_multiple_of(LEVEL_TICKS) {
            self.compute_levels();
        }
        if self.ticks.is_multiple_of(TIDY_TICKS) {
            self.tidy();
        }
        self.ticks = self.ticks.wrapping_add(1);
        self.show();
    }

    /// Everything that was sent before is written, counted and shown.
    async fn settle(&mut self) {
        let now = self.look().await;
        let work = self.desk.finish(now);
        self.write(work).await;
        self.rest().await;
        self.compute_levels();
        self.rest().await;
        self.show();
    }

    /// Waits for what is done beside.
    async fn rest(&mut self) {
        if self.computing.is_some() {
            let computed = ended(&mut self.computing).await;
            self.show_levels(computed);
        }
        if self.tidying.is_some() {
            let tidied = ended(&mut self.tidying).await;
            self.show_tidied(tidied);
        }
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
        // Should the writing itself fail, the hours are not to be lost.
        let hours = work.hours.clone();
        match spawn_blocking(move || write(&store, work)).await {
            Ok(failed) => self.desk.again(failed),
            Err(error) => {
                tracing::error!(%error, "what was observed is not kept");
                self.desk.again(Work { hours, ..Work::default() });
            }
        }
    }

    fn tidy(&mut self) {
        if self.tidying.is_some() {
            return;
        }
        let (store, moment) = (self.shared.setup.store.clone(), self.shared.moment());
        let by_age = moment.is_settled;
        let before = if by_age { moment.now_ms.saturating_sub(store.incident_life_ms()) } else { i64::MIN };
        if by_age {
            self.desk.bring_back(moment.now_ms, moment.now_ms.saturating_add(TO_COME_MS));
        }
        let past = self.desk.past(moment.now_ms, before);
        self.tidying = Some(spawn_blocking(move || {
            let put_away = put_away(&store, &past, before).map(|()| past);
            Tidied { put_away, store: store.tidy(moment.now_ms, by_age) }
        }));
    }

    /// What is put away is at hand no more. What could not be stays, and is tried again the next time.
    fn show_tidied(&mut self, tidied: Result<Tidied, JoinError>) {
        let Tidied { put_away, store } = match tidied {
            Ok(tidied) => tidied,
            Err(error) => return tracing::error!(%error, "the monitor's store cannot be tidied"),
        };
        if let Err(error) = store {
            tracing::error!(%error, "the monitor's store cannot be tidied");
        }
        match put_away {
            Ok(past) => self.desk.forget(&past),
            Err(error) => tracing::error!(%error, "incidents that are over cannot be archived"),
        }
        self.show();
    }

    /// Begins to compute the levels, unless that is under way: closed hours are added up once, what is running each
    /// time.
    fn compute_levels(&mut self) {
        if self.computing.is_some() {
            return;
        }
        let at_ms = self.shared.moment().now_ms;
        let (hour, open_hour) = (hour_of(at_ms), self.desk.open_hour());
        let closed = self.closed.take().filter(|one| (one.hour, one.open_hour) == (hour, open_hour));
        let (targets, running) = (Arc::new(self.desk.targets()), Arc::new(self.desk.running(at_ms)));
        let store = self.shared.setup.store.clone();
        self.computing = Some(spawn_blocking(move || {
            let closed = match closed {
                Some(closed) => closed,
                None => Arc::new(Closed::add_up(&store, &targets, open_hour, hour)?),
            };
            let services = closed.with_running(&store, &targets, &running, at_ms)?;
            Ok(Computed { at_ms, closed, services, targets, running })
        }));
    }

    fn show_levels(&mut self, computed: Result<Result<Computed, StoreError>, JoinError>) {
        let Computed { at_ms, closed, mut services, targets, running } = match computed {
            Ok(Ok(computed)) => computed,
            Ok(Err(error)) => return tracing::error!(%error, "service levels are not computed"),
            Err(error) => return tracing::error!(%error, "service levels are not computed"),
        };
        self.closed = Some(closed);
        self.desk.recent(at_ms, &mut services);
        self.shared.levels.store(Arc::new(Levels { at_ms, services, targets, running }));
    }
}

/// Archives incidents that are to be at hand no more, unless they were over before this moment. What cannot be archived
/// stays where it is.
fn put_away(store: &Store, past: &[Arc<Incident>], before_ms: i64) -> Result<(), StoreError> {
    if past.is_empty() {
        return Ok(());
    }
    let kept = past.iter().filter(|one| one.ended_ms.is_none_or(|ended| ended >= before_ms));
    store.archive_incidents(&kept.cloned().collect::<Vec<_>>())?;
    store.forget_incidents(&past.iter().map(|one| one.number).collect::<Vec<_>>())
}

/// The end of what is done beside the task, if anything is.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(running) => {
            let ended = running.await;
            *task = None;
            ended
        }
        None => std::future::pending().await,
    }
}
