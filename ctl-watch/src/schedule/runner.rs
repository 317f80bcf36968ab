//! Carries out the schedule: keeps the time, runs the probes, hands on the observations.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use ctl_fetch::Fetch;
use ctl_policy::sla::ServiceLimits;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, watch};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::counters::Counters;
use super::table::{Entered, Notice, Start, Table};
use crate::code::Code;
use crate::observation::{Evidence, Observation};
use crate::probe::{Memory, Probe, Probed, Round};
use crate::target::{Kind, Target, TargetId};

/// Stores the memories of probes over a restart. Both methods may block.
pub trait MemoryStore: Send + Sync {
    /// The stored memory of a target.
    fn take(&self, target: TargetId) -> Option<Vec<u8>>;
    /// Stores the memory of a target; returns whether that worked.
    fn keep(&self, target: TargetId, memory: &[u8]) -> bool;
}

/// What a schedule runs with.
pub struct Setup {
    /// The kinds of probes. Targets of other kinds are ignored.
    pub probes: Vec<Box<dyn Probe>>,
    /// What the probes ask with.
    pub fetch: Arc<dyn Fetch>,
    /// The limits by which a target is judged.
    pub limits: Arc<dyn Fn(&Target) -> ServiceLimits + Send + Sync>,
    /// The watch's clock, in Unix milliseconds. It only dates observations; the schedule itself uses a clock that
    /// nobody sets.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// The targets.
    pub targets: watch::Receiver<Arc<[Arc<Target>]>>,
    /// Takes the observations. While it is full, probes wait at their end, and become overruns.
    pub observations: mpsc::Sender<Observation>,
    pub memory_store: Arc<dyn MemoryStore>,
    /// How many probes may run at once.
    pub concurrency: usize,
    /// How many of them at one host.
    pub per_host: usize,
    pub counters: Arc<Counters>,
}

/// Runs the schedule until no one gives targets or takes observations any more. Dropping the future aborts running
/// probes.
pub async fn run(setup: Setup) {
    let Setup { probes, fetch, limits, now_ms, mut targets, observations, memory_store, .. } = setup;
    let (concurrency, per_host, counters) = (setup.concurrency, setup.per_host, setup.counters);
    let probes = probes.into_iter().map(|probe| (probe.kind(), Arc::from(probe))).collect();
    let hands = Hands { probes, fetch, limits, now_ms, observations, memory_store, counters };
    let mut runner = Runner {
        table: Table::new(concurrency, per_host),
        memories: HashMap::new(),
        tasks: JoinSet::new(),
        entries: HashMap::new(),
        hands: Arc::new(hands),
    };
    let first = Arc::clone(&targets.borrow_and_update());
    runner.update(&first);
    loop {
        runner.start();
        let next = runner.table.next();
        tokio::select! {
            biased;
            changed = targets.changed() => {
                if changed.is_err() {
                    break;
                }
                let now = Arc::clone(&targets.borrow_and_update());
                runner.update(&now);
            }
            () = runner.hands.observations.closed() => break,
            () = until(next) => runner.line_up(),
            Some(ended) = runner.tasks.join_next_with_id() => runner.end(ended),
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

struct Runner {
    table: Table,
    memories: HashMap<TargetId, Remembered>,
    tasks: JoinSet<Remembered>,
    /// The entry that each task probes.
    entries: HashMap<task::Id, Start>,
    hands: Arc<Hands>,
}

/// The memory of a target.
#[derive(Clone, Default)]
struct Remembered {
    memory: Memory,
    /// SHA-256 of what is stored.
    kept: Option<[u8; 32]>,
}

/// What every probe needs.
struct Hands {
    probes: HashMap<Kind, Arc<dyn Probe>>,
    fetch: Arc<dyn Fetch>,
    limits: Arc<dyn Fn(&Target) -> ServiceLimits + Send + Sync>,
    now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    observations: mpsc::Sender<Observation>,
    memory_store: Arc<dyn MemoryStore>,
    counters: Arc<Counters>,
}

impl Runner {
    fn update(&mut self, targets: &[Arc<Target>]) {
        let probes = &self.hands.probes;
        let ours: Vec<_> =
            targets.iter().filter(|target| probes.contains_key(&target.kind)).map(Arc::clone).collect();
        self.table.update(&ours, Instant::now(), &mut random);
        let present: std::collections::HashSet<_> = ours.iter().map(|target| target.id).collect();
        self.memories.retain(|id, _| present.contains(id));
    }

    fn line_up(&mut self) {
        let now = Instant::now();
        for notice in self.table.line_up(now, &mut random) {
            let hands = &self.hands;
            match notice {
                Notice::Overrun { target, runs } => {
                    hands.counters.overruns();
                    let why = if runs { "still running" } else { "still waiting for its turn" };
                    hands.report(target, Code::ProbeOverrun, format!("the previous probe was {why}"));
                }
                Notice::Missed { target, probes } => {
                    hands.counters.misses(probes);
                    let detail = format!("{probes} probes did not take place: the watch stood still");
                    hands.report(target, Code::ProbeMissed, detail);
                }
            }
        }
    }

    fn start(&mut self) {
        let now = Instant::now();
        while let Some(start) = self.table.start(now) {
            self.hands.counters.starts(start.late);
            let remembered = self.memories.get(&start.target.id).cloned();
            let hands = Arc::clone(&self.hands);
            let (target, number) = (Arc::clone(&start.target), start.number);
            let task = self.tasks.spawn(async move { hands.probe(target, number, remembered).await });
            self.entries.insert(task.id(), start);
        }
        let (targets, running, waiting) = self.table.sizes();
        self.hands.counters.stands(targets, running, waiting);
    }

    fn end(&mut self, ended: Result<(task::Id, Remembered), JoinError>) {
        let (id, remembered) = match ended {
            Ok((id, remembered)) => (id, Some(remembered)),
            Err(error) => {
                tracing::error!(%error, "a probe failed inside the watch");
                (error.id(), None)
            }
        };
        let Some(start) = self.entries.remove(&id) else { return };
        let entry: Entered = start.entry;
        self.table.end(entry);
        match remembered {
            Some(remembered) => {
                self.memories.insert(entry.0, remembered);
            }
            None => {
                self.hands.counters.misses(1);
                let detail = "the probe failed inside the watch".to_owned();
                self.hands.report(start.target, Code::ProbeMissed, detail);
            }
        }
    }
}

impl Hands {
    /// Probes once, hands on the observation, and returns what to remember.
    async fn probe(&self, target: Arc<Target>, number: u64, remembered: Option<Remembered>) -> Remembered {
        let at_ms = (self.now_ms)();
        let before = match remembered {
            Some(remembered) => remembered,
            None => self.recall(&target).await,
        };
        let (observation, memory) = match self.ask(&target, number, &before.memory, at_ms).await {
            Ok(Probed { findings, timings, facts, evidence, memory }) => {
                let target = Arc::clone(&target);
                (Observation { target, at_ms, findings, timings, facts, evidence }, memory)
            }
            Err((code, detail)) => {
                match code {
                    Code::ProbeOverrun => self.counters.overruns(),
                    _ => self.counters.misses(1),
                }
                (Observation::gap(Arc::clone(&target), at_ms, code, detail), before.memory.clone())
            }
        };
        if self.observations.send(observation).await.is_err() {
            self.counters.loses();
        }
        self.keep(&target, memory, before).await
    }

    /// Loads the memory of a target from before the restart.
    async fn recall(&self, target: &Target) -> Remembered {
        let Some(probe) = self.probes.get(&target.kind).map(Arc::clone) else { return Remembered::default() };
        let (memory_store, id) = (Arc::clone(&self.memory_store), target.id);
        let recalled = task::spawn_blocking(move || {
            let bytes = memory_store.take(id)?;
            Some(Remembered { memory: probe.restore(&bytes), kept: Some(Sha256::digest(&bytes).into()) })
        });
        recalled.await.ok().flatten().unwrap_or_default()
    }

    /// Stores the memory of a target, if it has changed.
    async fn keep(&self, target: &Target, memory: Memory, before: Remembered) -> Remembered {
        let same = match (&memory.0, &before.memory.0) {
            (Some(now), Some(then)) => Arc::ptr_eq(now, then),
            (now, _) => now.is_none(),
        };
        let Some(probe) = self.probes.get(&target.kind).map(Arc::clone).filter(|_| !same) else {
            return Remembered { memory, kept: before.kept };
        };
        let (memory_store, id, saving) = (Arc::clone(&self.memory_store), target.id, memory.clone());
        let kept = task::spawn_blocking(move || {
            let Some(bytes) = probe.save(&saving) else { return before.kept };
            let digest = Sha256::digest(&bytes).into();
            if before.kept == Some(digest) || memory_store.keep(id, &bytes) {
                Some(digest)
            } else {
                before.kept
            }
        });
        Remembered { memory, kept: kept.await.unwrap_or(before.kept) }
    }

    async fn ask(
        &self,
        target: &Target,
        number: u64,
        memory: &Memory,
        at_ms: i64,
    ) -> Result<Probed, (Code, String)> {
        let probe = self.probes.get(&target.kind).ok_or_else(|| {
            (Code::ProbeMissed, format!("this release cannot probe the kind {}", target.kind))
        })?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| (Code::ProbeMissed, format!("the system gives no random numbers: {error}")))?;
        let limits = (self.limits)(target);
        let own = self.fetch.on_behalf_of(target.operator.as_str(), target.class());
        let fetch = own.as_deref().unwrap_or(&*self.fetch);
        let round = Round {
            fetch,
            limits: &limits,
            now: at_ms.div_euclid(1000),
            number,
            timeout: target.period / 2,
            random: seed,
        };
        let end = target.period * 3 / 4;
        let probed = timeout(end, probe.probe(target, round, memory)).await.map_err(|_| {
            (Code::ProbeOverrun, format!("the probe was aborted after {} ms", end.as_millis()))
        })?;
        Ok(public(target, fetch, probed))
    }

    /// Reports a gap without waiting: the schedule must go on.
    fn report(&self, target: Arc<Target>, code: Code, detail: String) {
        let gap = Observation::gap(target, (self.now_ms)(), code, detail);
        if self.observations.try_send(gap).is_err() {
            self.counters.loses();
        }
    }
}

/// What may be kept and shown of a probe. Anyone can apply with any address, so nothing received from what only an
/// application names is shown, neither as evidence nor as a quotation. Bodies of evidence count as kept from here on,
/// and are left out if there is no room for them.
fn public(target: &Target, fetch: &dyn Fetch, probed: Probed) -> Probed {
    let Probed { mut findings, mut evidence, .. } = probed;
    if target.is_unlisted() {
        findings = findings.into_iter().map(|finding| finding.without_quotation()).collect();
        evidence.iter_mut().for_each(Evidence::leave_out_answer);
    }
    for one in &mut evidence {
        one.body = match fetch.reserve(one.body.len()) {
            Some(reserved) => reserved.hold(one.body.to_vec()),
            None => Bytes::new(),
        };
    }
    Probed { findings, evidence, ..probed }
}

/// Without random numbers the schedule still works, but can be foreseen.
fn random() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests;
