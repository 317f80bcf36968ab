//! The table of the schedule: what is due, what waits, what runs. The caller supplies moments and random numbers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::target::{Target, TargetId};

/// The queue of everything that only applications name, whatever its host. No host has this name.
const UNLISTED: &str = "what only applications name";
/// The part of the concurrency that this queue may use.
const UNLISTED_PART: usize = 8;

/// Names one entry of the table. A target that is removed and added again is another entry.
pub(super) type Entered = (TargetId, u64);

/// A probe that may start.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) entry: Entered,
    pub(super) target: Arc<Target>,
    /// The number of the probe of this target, from 0.
    pub(super) number: u64,
    /// How late it starts.
    pub(super) late: Duration,
}

/// A probe that did not take place.
#[derive(Clone, Debug)]
pub(super) enum Notice {
    /// The previous probe still runs, or waits for its turn.
    Overrun { target: Arc<Target>, runs: bool },
    /// This many probes were due while nobody looked.
    Missed { target: Arc<Target>, probes: u64 },
}

/// The table of the schedule.
pub(super) struct Table {
    concurrency: usize,
    per_host: usize,
    entries: HashMap<TargetId, Entry>,
    /// When each entry is due; those of removed entries are skipped.
    due: BinaryHeap<Reverse<(Instant, Entered)>>,
    ready: VecDeque<(Entered, Arc<str>)>,
    queues: HashMap<Arc<str>, HostQueue>,
    running: HashMap<Entered, Arc<str>>,
    entered: u64,
}

struct Entry {
    target: Arc<Target>,
    host: Arc<str>,
    entered: u64,
    stage: Stage,
    number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// Waits for its turn since this moment.
    Waiting(Instant),
    Running,
}

/// The probes of one host, or of all that only applications name.
#[derive(Default)]
struct HostQueue {
    running: usize,
    waiting: VecDeque<Entered>,
}

impl Table {
    pub(super) fn new(concurrency: usize, per_host: usize) -> Self {
        Self {
            concurrency: concurrency.max(1),
            per_host: per_host.max(1),
            entries: HashMap::new(),
            due: BinaryHeap::new(),
            ready: VecDeque::new(),
            queues: HashMap::new(),
            running: HashMap::new(),
            entered: 0,
        }
    }

    /// Replaces the targets. Those that remain keep their place.
    pub(super) fn update(&mut self, targets: &[Arc<Target>], now: Instant, random: &mut dyn FnMut() -> u64) {
        let present: HashSet<TargetId> = targets.iter().map(|target| target.id).collect();
        self.entries.retain(|id, _| present.contains(id));
        for target in targets {
            let host = if target.is_unlisted() { UNLISTED.into() } else { host(&target.url) };
            match self.entries.get_mut(&target.id) {
                Some(entry) if entry.target.period == target.period => {
                    entry.target = Arc::clone(target);
                    entry.host = host;
                }
                _ => {
                    self.entered += 1;
                    let entered = self.entered;
                    let first = now + share(target.period, random());
                    self.due.push(Reverse((first, (target.id, entered))));
                    let target = Arc::clone(target);
                    self.entries
                        .insert(target.id, Entry { target, host, entered, stage: Stage::Idle, number: 0 });
                }
            }
        }
        // A removed target must not hold up what waits behind it.
        let stale: Vec<_> = self.queues.keys().map(Arc::clone).collect();
        for host in stale {
            self.sweep(&host);
        }
    }

    /// The next moment at which something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((moment, _))| *moment)
    }

    /// How many targets, running and waiting probes there are.
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        let queues: usize = self.queues.values().map(|queue| queue.waiting.len()).sum();
        (self.entries.len(), self.running.len(), self.ready.len() + queues)
    }

    /// Queues the probes that are due by now.
    pub(super) fn line_up(&mut self, now: Instant, random: &mut dyn FnMut() -> u64) -> Vec<Notice> {
        let mut notices = Vec::new();
        while let Some(Reverse((mut moment, (id, entered)))) = self.due.peek().copied()
            && moment <= now
        {
            self.due.pop();
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.entered == entered) else {
                continue;
            };
            let target = &entry.target;
            let passed = (now - moment).as_nanos() / target.period.as_nanos().max(1);
            if let Ok(probes @ 1..) = u64::try_from(passed) {
                notices.push(Notice::Missed { target: Arc::clone(target), probes });
                moment = now;
            }
            // Up to a fifth earlier or later.
            let period = target.period;
            let next = moment + period * 4 / 5 + share(period * 2 / 5, random());
            match entry.stage {
                Stage::Idle => {
                    entry.stage = Stage::Waiting(moment);
                    self.ready.push_back(((id, entered), Arc::clone(&entry.host)));
                }
                stage => {
                    let runs = stage == Stage::Running;
                    notices.push(Notice::Overrun { target: Arc::clone(target), runs });
                }
            }
            self.due.push(Reverse((next, (id, entered))));
        }
        notices
    }

    /// The next probe that may start now, if any.
    pub(super) fn start(&mut self, now: Instant) -> Option<Start> {
        while self.running.len() < self.concurrency {
            let ((id, entered), host) = self.ready.pop_front()?;
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.entered == entered) else {
                self.sweep(&host);
                continue;
            };
            let Stage::Waiting(since) = entry.stage else { continue };
            let queue = self.queues.entry(Arc::clone(&host)).or_default();
            if queue.running >= limit(&host, self.concurrency, self.per_host) {
                queue.waiting.push_back((id, entered));
                continue;
            }
            queue.running += 1;
            let number = entry.number;
            entry.stage = Stage::Running;
            entry.number += 1;
            self.running.insert((id, entered), host);
            let target = Arc::clone(&entry.target);
            return Some(Start {
                entry: (id, entered),
                target,
                number,
                late: now.saturating_duration_since(since),
            });
        }
        None
    }

    /// A probe has ended.
    pub(super) fn end(&mut self, (id, entered): Entered) {
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.entered == entered) {
            entry.stage = Stage::Idle;
        }
        if let Some(host) = self.running.remove(&(id, entered)) {
            if let Some(queue) = self.queues.get_mut(&host) {
                queue.running = queue.running.saturating_sub(1);
            }
            self.sweep(&host);
        }
    }

    /// Starts what waits at a host, as far as its limit allows, and removes an empty queue.
    fn sweep(&mut self, host: &Arc<str>) {
        let Some(queue) = self.queues.get_mut(host) else { return };
        if queue.running < limit(host, self.concurrency, self.per_host) {
            while let Some((id, entered)) = queue.waiting.pop_front() {
                if self.entries.get(&id).is_some_and(|entry| entry.entered == entered) {
                    self.ready.push_front(((id, entered), Arc::clone(host)));
                    break;
                }
            }
        }
        if queue.running == 0 && queue.waiting.is_empty() {
            self.queues.remove(host);
        }
    }
}

/// How many probes of a queue may run at once.
fn limit(queue: &str, concurrency: usize, per_host: usize) -> usize {
    if queue == UNLISTED { (concurrency / UNLISTED_PART).max(1) } else { per_host }
}

/// The host of a URL; whatever is no URL counts as a host of its own.
fn host(url: &str) -> Arc<str> {
    let parsed = Url::parse(url).ok();
    parsed.as_ref().and_then(Url::host_str).unwrap_or(url).into()
}

/// A random share of a duration.
fn share(of: Duration, random: u64) -> Duration {
    // Both are far below what u128 holds: 2^64 nanoseconds are 584 years.
    let nanos = (of.as_nanos().min(u128::from(u64::MAX)) * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
