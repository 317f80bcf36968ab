//! What the aggregator must bear: a clock that jumps, a store that refuses, a store that is slow.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ctl_policy::sla::{BUILT_IN, Counts, Kind};
use tokio::time::Instant;

use super::task::write;
use super::tests::{DAY, Story, observation, target};
use super::*;
use crate::code::Code;
use crate::hours::{HOUR_MS, hour_of};
use crate::levels::counted;
use crate::store::Retention;

const YEAR: i64 = 365 * 86_400_000;

/// A clock that is wrong by some milliseconds.
#[derive(Clone)]
struct Wrong {
    begun: Instant,
    by: Arc<AtomicI64>,
}

impl Wrong {
    fn wall_ms(&self) -> i64 {
        DAY + i64::try_from(self.begun.elapsed().as_millis()).unwrap() + self.by.load(Ordering::Relaxed)
    }
}

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.wall_ms().div_euclid(1000))
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// A machine whose clock anyone may set, with an aggregator and a service that is probed every half minute.
struct Machine {
    clock: Wrong,
    store: Arc<Store>,
    aggregator: Aggregator,
    sender: mpsc::Sender<Observation>,
    running: JoinHandle<()>,
    target: Arc<Target>,
}

impl Machine {
    async fn begin(directory: &Path) -> Self {
        Self::start(directory, Wrong { begun: Instant::now(), by: Arc::default() }).await
    }

    async fn start(directory: &Path, clock: Wrong) -> Self {
        let store = Arc::new(Store::open(directory, Retention::default()).unwrap());
        let setup = Setup {
            store: store.clone(),
            policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
            clock: Arc::new(clock.clone()),
            metrics: Arc::new(Metrics::new().unwrap()),
        };
        let (sender, receiver) = mpsc::channel(16);
        let (aggregator, running) = Aggregator::start(setup, receiver).unwrap();
        let target = target(Kind::Ocsp, "http://ocsp.alpha.example/");
        aggregator.watch(vec![target.clone()]).await;
        Self { clock, store, aggregator, sender, running, target }
    }

    /// Probes for so many minutes.
    async fn probe(&self, minutes: u64) {
        self.probe_and_find(minutes, None).await;
    }

    async fn probe_and_find(&self, minutes: u64, code: Option<Code>) {
        for _ in 0..2 * minutes {
            self.sender.send(observation(&self.target, self.clock.wall_ms(), code)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }

    fn set_wrong_by(&self, offset: i64) {
        self.clock.by.store(offset, Ordering::Relaxed);
    }

    async fn restart(self, directory: &Path) -> Self {
        let Self { clock, store, aggregator, sender, running, .. } = self;
        drop((aggregator, sender));
        running.await.unwrap();
        drop(store);
        Self::start(directory, clock).await
    }

    /// What was counted in the hours from the beginning of the story.
    async fn counts(&self, hours: std::ops::Range<u32>) -> Counts {
        self.aggregator.settle().await;
        let (levels, first) = (self.aggregator.levels(), hour_of(DAY));
        let all: Vec<_> = levels.targets.values().cloned().collect();
        let hours = (first + hours.start, first + hours.end);
        let found = counted(&self.store, &all, hours, self.aggregator.now_ms()).unwrap();
        found.get(&0).cloned().unwrap_or_default()
    }

    /// The hours of which anything is kept, from the beginning of the story.
    fn hours(&self) -> Vec<u32> {
        let mut hours = Vec::new();
        self.store.hours(&[0].into(), 0, u32::MAX, |_, hour, _| hours.push(hour - hour_of(DAY))).unwrap();
        hours
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_judged_by_a_clock_that_jumps_a_year_and_comes_back_is_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::begin(directory.path()).await;
    machine.probe(90).await;
    // By that clock everything has run out.
    machine.set_wrong_by(YEAR);
    machine.probe_and_find(120, Some(Code::NextUpdatePast)).await;
    machine.set_wrong_by(-YEAR);
    machine.probe_and_find(60, Some(Code::ThisUpdateFuture)).await;
    machine.set_wrong_by(0);
    machine.probe(90).await;
    let counts = machine.counts(0..6).await;
    assert_eq!((counts.good, counts.bad), (3 * 120, 0));
    assert!((358..=362).contains(&counts.missing), "{counts:?}");
    assert_eq!(machine.hours(), [0, 1, 4, 5], "and none of next year");
    assert!(machine.aggregator.incidents().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_started_under_a_wrong_clock_loses_nothing_and_is_right_after_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::begin(directory.path()).await;
    machine.probe(90).await;
    machine.set_wrong_by(YEAR);
    let machine = machine.restart(directory.path()).await;
    machine.probe(60).await;
    assert!(machine.aggregator.now_ms() > DAY + YEAR, "nothing says that the machine was not off for a year");
    assert_eq!(machine.counts(0..1).await.good, 120, "but nothing is deleted for its age");
    machine.set_wrong_by(0);
    let machine = machine.restart(directory.path()).await;
    machine.probe(90).await;
    assert!(machine.aggregator.now_ms() < DAY + YEAR / 2);
    let counts = machine.counts(0..4).await;
    assert_eq!(counts.good, 3 * 120, "all that was observed at the right time");
    assert!((118..=120).contains(&counts.missing), "and that nothing was in between: {counts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_hour_that_was_over_goes_on_when_the_clock_is_set_back() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::begin(directory.path()).await;
    // Two hours ahead for a quarter of an hour: believed after ten minutes, and undone within the hour.
    machine.probe(10).await;
    machine.set_wrong_by(2 * HOUR_MS);
    machine.probe(15).await;
    assert!(machine.aggregator.now_ms() > DAY + 2 * HOUR_MS);
    machine.set_wrong_by(0);
    machine.probe(60).await;
    let counts = machine.counts(0..1).await;
    assert!(counts.good >= 68, "ten minutes of before, and the last half hour: {counts:?}");
    assert_eq!(counts.due(), 120);
    // What was counted ahead of time is not counted away when that hour comes.
    machine.probe(150).await;
    assert!(machine.counts(0..1).await.good >= 68);
    assert!(machine.counts(2..3).await.good >= 120);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_starts_without_the_time_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::begin(directory.path()).await;
    machine.probe(195).await;
    // For its clock it is 1970, until the network tells the time.
    machine.set_wrong_by(-DAY);
    let machine = machine.restart(directory.path()).await;
    assert!((DAY + 3 * HOUR_MS..DAY + 4 * HOUR_MS).contains(&machine.aggregator.now_ms()));
    machine.probe(1).await;
    machine.aggregator.settle().await;
    assert_eq!(machine.hours(), [0, 1, 2, 3]);
    machine.set_wrong_by(0);
    machine.probe(49).await;
    assert!(machine.aggregator.now_ms() >= DAY + 4 * HOUR_MS);
    let counts = machine.counts(0..3).await;
    assert_eq!((counts.good, counts.missing), (3 * 120, 0));
    let counts = machine.counts(3..4).await;
    assert_eq!((counts.good, counts.missing), (118, 2), "nobody knew the time for a minute");
}

#[test]
fn what_the_database_refuses_is_kept_until_it_takes_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    story.until(DAY + HOUR_MS, |_| None);
    story.store.refuse(true);
    for minute in 0..180 {
        story.now = DAY + HOUR_MS + minute * 60_000;
        story.machine.take(observation(&target(Kind::Ocsp, "http://ocsp.alpha.example/"), story.now, None));
        let changes = story.machine.changes(story.now);
        let failed = write(&story.store, changes);
        assert_eq!(failed.hours.keys().next(), Some(&(hour_of(DAY) + 1)), "{minute}");
        story.machine.put_back(failed);
    }
    story.store.refuse(false);
    story.write();
    let counts = story.counts(DAY, DAY + 4 * HOUR_MS);
    assert_eq!(counts.good, 120 + 180, "each once");
    assert!((177..=180).contains(&counts.missing), "one of two was not probed: {counts:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_sees_that_an_hour_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::begin(directory.path()).await;
    machine.probe(90).await;
    let open_hour = async || {
        machine.aggregator.settle().await;
        machine.aggregator.levels().open_hour - hour_of(DAY)
    };
    assert_eq!(open_hour().await, 1);
    machine.store.refuse(true);
    machine.probe(120).await;
    assert_eq!(open_hour().await, 1);
    machine.store.refuse(false);
    assert_eq!(open_hour().await, 3);
    assert_eq!(machine.counts(1..3).await.good, 240);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_lost_at_work_is_begun_anew_with_what_is_at_hand() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::begin(directory.path()).await;
    machine.probe(10).await;
    for _ in 0..20 {
        let at_ms = machine.clock.wall_ms();
        machine.sender.send(observation(&machine.target, at_ms, Some(Code::TcpRefused))).await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    machine.aggregator.settle().await;
    machine.store.lose();
    assert!(machine.store.incident(1).unwrap().is_none());
    machine.aggregator.settle().await;
    machine.aggregator.settle().await;
    let kept = machine.store.incident(1).unwrap().unwrap();
    assert!(kept.is_open() && kept.breach_ms.is_some(), "the ledger may know it");
    let machine = machine.restart(directory.path()).await;
    assert_eq!(machine.aggregator.incidents().len(), 1);
    machine.probe(10).await;
    machine.aggregator.settle().await;
    assert!(!machine.aggregator.incidents()[&1].is_open());
    assert_eq!(machine.counts(0..1).await.good, 20, "what was counted before is lost, and missing");
}

#[tokio::test]
async fn observations_are_taken_while_the_database_is_slow() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::begin(directory.path()).await;
    machine.aggregator.settle().await;
    let before = machine.aggregator.levels().at_ms;
    // Whoever writes or computes levels has to wait for the database.
    let held = machine.store.hold();
    let shown = async {
        loop {
            let at_ms = machine.clock.wall_ms();
            machine.sender.send(observation(&machine.target, at_ms, None)).await.unwrap();
            machine.aggregator.watch(vec![machine.target.clone()]).await;
            let standings = machine.aggregator.standings();
            let last = standings.targets[&machine.target.id].last.clone();
            // A job begins every ten seconds.
            if last.is_some_and(|last| last.at_ms > before + 12_000) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), shown).await.unwrap();
    assert_eq!(machine.aggregator.levels().at_ms, before, "they are not there yet");
    drop(held);
    machine.aggregator.settle().await;
    assert!(machine.aggregator.levels().at_ms > before);
}
