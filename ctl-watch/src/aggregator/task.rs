//! The task around the state machine: it feeds it observations and watches the clock. What blocks on the disk is a job,
//! one at a time: it writes changes, tidies the history, and computes levels.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ctl_core::Timestamp;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::clock::Moment;
use super::days::{self, Days};
use super::machine::{StateMachine, Taken};
use super::{Order, Shared};
use crate::changes::Changes;
use crate::description::Description;
use crate::hours::hour_of;
use crate::levels::{Closed, Levels, ServiceKey, ServiceStanding};
use crate::observation::Observation;
use crate::store::{Store, StoreError};

/// How often snapshots are published and the clock is read.
const TICK: Duration = Duration::from_secs(1);
/// How many observations are taken at once.
const BATCH: usize = 512;
/// A job begins every so many ticks: a kill loses only what was observed since the last one.
const JOB_TICKS: u64 = 10;
/// The history is tidied every so many ticks.
const TIDY_TICKS: u64 = 60;
/// How long a job reads days of the past before what was observed is written again.
const PATIENCE: Duration = Duration::from_secs(1);
/// An hour is added up this long after its end, when all its probes have ended.
const OVER_MS: i64 = 600_000;
/// Once the time is sure, anything dated further ahead was observed under a wrong clock. Less than that may be right: a
/// machine that starts without a clock may believe a time that is late by less.
const TO_COME_MS: i64 = 86_400_000;

/// What a job is to do.
struct Job {
    moment: Moment,
    changes: Changes,
    closed: Option<Arc<Closed>>,
    targets: Arc<BTreeMap<u32, Description>>,
    tidies: bool,
}

/// The result of a job.
struct Done {
    at_ms: i64,
    /// Changes that could not be written.
    failed: Changes,
    closed: Option<Arc<Closed>>,
    targets: Arc<BTreeMap<u32, Description>>,
    services: Option<BTreeMap<ServiceKey, ServiceStanding>>,
    /// As [`Store::replaced`].
    replaced: u64,
}

pub(super) struct Task {
    machine: StateMachine,
    shared: Arc<Shared>,
    /// The levels of closed hours, for all services.
    closed: Option<Arc<Closed>>,
    job: Option<JoinHandle<Done>>,
    /// [`Store::replaced`] when it was last read.
    replaced: u64,
    ticks: u64,
    /// Whether the next job tidies the history.
    tidies: bool,
    /// When the clock was last read.
    seen_ms: i64,
    /// When the time was last settled.
    sure_ms: Option<i64>,
}

impl Task {
    pub(super) fn new(
        machine: StateMachine,
        shared: Arc<Shared>,
        now_ms: i64,
        sure: Option<Timestamp>,
    ) -> Self {
        let sure_ms = sure.map(|sure| sure.unix().saturating_mul(1000));
        let replaced = shared.setup.store.replaced();
        Self {
            machine,
            shared,
            closed: None,
            job: None,
            replaced,
            ticks: 0,
            tidies: false,
            seen_ms: now_ms,
            sure_ms,
        }
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
                        self.machine.watch(&targets, self.shared.clock.read().now_ms);
                        self.show();
                        // The caller may be gone.
                        let _ = done.send(());
                    }
                    Order::ProveAnew(incidents, done) => {
                        self.machine.prove_anew(&incidents);
                        // The caller may be gone.
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
                done = ended(&mut self.job) => self.done(done),
                _ = ticks.tick() => self.tick(),
            }
        }
        self.settle().await;
    }

    fn take(&mut self, batch: &mut Vec<Observation>) {
        let moment = self.shared.clock.read();
        for observation in batch.drain(..) {
            if let Some(Taken { observation, verdict }) = self.machine.take(moment.date(observation)) {
                self.shared.setup.metrics.watch().observe(&observation, verdict.as_ref());
            }
        }
    }

    /// Reads the clock.
    fn look(&mut self) -> Moment {
        let moment = self.shared.clock.read();
        let now_ms = moment.now_ms;
        if moment.is_set_back(self.seen_ms) {
            tracing::warn!("the clock was set back; hours that were already counted continue");
            self.machine.set_back(now_ms);
            // A reading before the last sure time may itself be wrong; then nothing is moved.
            if self.sure_ms.is_none_or(|sure_ms| sure_ms <= now_ms) {
                self.machine.bring_back(now_ms, now_ms);
            }
        }
        if moment.is_settled {
            self.sure_ms = Some(now_ms);
        }
        self.seen_ms = now_ms;
        moment
    }

    fn tick(&mut self) {
        let moment = self.look();
        self.tidies |= self.ticks.is_multiple_of(TIDY_TICKS);
        if self.ticks.is_multiple_of(JOB_TICKS) && self.job.is_none() {
            let changes = self.machine.changes(moment.now_ms);
            self.begin(moment, changes);
        }
        self.ticks = self.ticks.wrapping_add(1);
        self.show();
    }

    /// Publishes, writes and counts everything sent before.
    async fn settle(&mut self) {
        if self.job.is_some() {
            let done = ended(&mut self.job).await;
            self.done(done);
        }
        let moment = self.look();
        let changes = self.machine.finish();
        self.begin(moment, changes);
        let done = ended(&mut self.job).await;
        self.done(done);
    }

    fn show(&self) {
        self.shared.standings.store(Arc::new(self.machine.standings()));
        self.shared.incidents.store(Arc::new(self.machine.incidents()));
    }

    /// Begins a job. No other may be running.
    fn begin(&mut self, moment: Moment, changes: Changes) {
        let tidies = std::mem::take(&mut self.tidies);
        if tidies {
            let mut before_ms = i64::MIN;
            if moment.is_settled {
                before_ms = moment.now_ms.saturating_sub(self.shared.setup.store.incident_life_ms());
                self.machine.bring_back(moment.now_ms, moment.now_ms.saturating_add(TO_COME_MS));
            }
            self.machine.trim(moment.now_ms, before_ms);
        }
        let (targets, closed) = (Arc::new(self.machine.targets()), self.closed.take());
        let (store, days) = (self.shared.setup.store.clone(), self.shared.days.clone());
        let job = Job { moment, changes, closed, targets, tidies };
        self.job = Some(spawn_blocking(move || work(&store, &days, job)));
    }

    /// Takes back what could not be written, and publishes the levels.
    fn done(&mut self, done: Result<Done, JoinError>) {
        let Done { at_ms, failed, closed, targets, services, replaced } = match done {
            Ok(done) => done,
            Err(error) => return tracing::error!(%error, "a job failed; what it was to write is lost"),
        };
        let unwritten = failed.hours.keys().next().copied();
        self.machine.put_back(failed);
        if std::mem::replace(&mut self.replaced, replaced) != replaced {
            self.machine.write_again();
        }
        self.closed = closed;
        if let Some(mut services) = services {
            self.machine.recent(at_ms, &mut services);
            let open_hour = StateMachine::open_hour(at_ms).min(unwritten.unwrap_or(u32::MAX));
            self.shared.levels.store(Arc::new(Levels { at_ms, services, targets, open_hour }));
        }
        self.show();
    }
}

/// Does a job. Blocks on the disk.
fn work(store: &Store, days: &RwLock<Days>, job: Job) -> Done {
    let Job { moment, changes, closed, targets, tidies } = job;
    let at_ms = moment.now_ms;
    let (hour, before) = (hour_of(at_ms), hour_of(at_ms.saturating_sub(OVER_MS)));
    let first = changes.hours.keys().next().copied().unwrap_or(u32::MAX);
    let hours = changes.hours.clone();
    let failed = write(store, changes);
    if failed.hours.is_empty() {
        days.write().unwrap_or_else(PoisonError::into_inner).add(&hours, &targets);
    }
    if let Err(error) = days::catch_up(store, days, &targets, at_ms, PATIENCE) {
        tracing::error!(%error, "the days of the past cannot be read");
    }
    if tidies && let Err(error) = store.tidy(at_ms, moment.is_settled) {
        tracing::error!(%error, "the history cannot be tidied");
    }
    let closed = closed.filter(|one| one.is_of(&targets, before, hour) && first >= before);
    let added = match closed {
        Some(closed) => Ok(closed),
        None => Closed::add_up(store, &targets, before, hour).map(Arc::new),
    };
    let levels = added.and_then(|closed| Ok((closed.up_to_now(store, &targets, at_ms)?, closed)));
    let levels = levels.inspect_err(|error| tracing::error!(%error, "service levels cannot be computed"));
    let (services, closed) = levels.ok().unzip();
    Done { at_ms, failed, closed, targets, services, replaced: store.replaced() }
}

/// Writes changes, and returns those that failed and must be tried again. Evidence is not: on a full disk it would fill
/// the memory. Blocks on the disk.
#[must_use]
pub(super) fn write(store: &Store, mut changes: Changes) -> Changes {
    let note = |done: Result<(), StoreError>| {
        done.inspect_err(|error| tracing::error!(%error, "observations cannot be written; all but evidence is tried again")).is_ok()
    };
    for (operator, at_ms, bundle) in std::mem::take(&mut changes.evidence) {
        note(store.put_evidence(&operator, at_ms, &bundle).map(drop));
    }
    if changes.is_empty() || note(store.write(&changes)) { Changes::default() } else { changes }
}

/// Waits for the job; forever, if there is none.
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
