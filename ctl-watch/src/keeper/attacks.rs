//! What the keeper must bear: a clock that jumps, a store that refuses, a store that is slow.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ctl_policy::sla::{BUILT_IN, Counts, Kind};
use tokio::time::Instant;

use super::tests::{DAY, Story, observation, target};
use super::work::write;
use super::*;
use crate::levels::{HOUR_MS, counted, hour_of};
use crate::store::Keep;

const YEAR: i64 = 365 * 86_400_000;

/// A machine whose clock anyone may set, with a keeper and a service that is probed every half minute.
struct Machine {
    begun: Instant,
    /// By how much the clock is wrong.
    offset: Arc<AtomicI64>,
    store: Arc<Store>,
    keeper: Keeper,
    sender: mpsc::Sender<Observation>,
    running: JoinHandle<()>,
    target: Arc<Target>,
}

impl Machine {
    async fn start(directory: &Path, begun: Instant, offset: Arc<AtomicI64>) -> Self {
        let store = Arc::new(Store::open(directory, Keep::default()).unwrap());
        let wrong = offset.clone();
        let setup = Setup {
            store: store.clone(),
            policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
            now: Arc::new(move || wall(begun, &wrong)),
            elapsed: Arc::new(move || begun.elapsed()),
            metrics: Arc::new(Metrics::new().unwrap()),
        };
        let (sender, receiver) = mpsc::channel(16);
        let (keeper, running) = Keeper::start(setup, receiver).unwrap();
        let target = target(Kind::Ocsp, "http://ocsp.alpha.example/");
        keeper.watch(vec![target.clone()]).await;
        Self { begun, offset, store, keeper, sender, running, target }
    }

    /// Probes for so many minutes.
    async fn probe(&self, minutes: u64) {
        for _ in 0..2 * minutes {
            let at_ms = wall(self.begun, &self.offset);
            self.sender.send(observation(&self.target, at_ms, None)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }

    fn set_wrong_by(&self, offset: i64) {
        self.offset.store(offset, Ordering::Relaxed);
    }

    async fn restart(self, directory: &Path) -> Self {
        let Self { begun, offset, store, keeper, sender, running, .. } = self;
        drop((keeper, sender));
        running.await.unwrap();
        drop(store);
        Self::start(directory, begun, offset).await
    }

    /// What was counted in the hours from the beginning of the story.
    async fn counts(&self, hours: std::ops::Range<u32>) -> Counts {
        self.keeper.settle().await;
        let (levels, first) = (self.keeper.levels(), hour_of(DAY));
        let all: Vec<_> = levels.targets.values().cloned().collect();
        let hours = (first + hours.start, first + hours.end);
        let found = counted(&self.store, &all, &levels.running, hours, self.keeper.now_ms()).unwrap();
        found.get(&0).cloned().unwrap_or_default()
    }

    fn raw_minutes(&self) -> usize {
        let (first, mut minutes) = (u32::try_from(DAY / 60_000).unwrap(), std::collections::BTreeSet::new());
        let mut note = |at_ms: i64| minutes.insert(at_ms / 60_000);
        self.store.raw(first, first + 24 * 60, |record| _ = note(record.at_ms)).unwrap();
        minutes.len()
    }
}

/// The story begins with the day.
fn wall(begun: Instant, offset: &AtomicI64) -> i64 {
    DAY + i64::try_from(begun.elapsed().as_millis()).unwrap() + offset.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_a_year_and_comes_back_within_minutes_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::start(directory.path(), Instant::now(), Arc::default()).await;
    machine.probe(90).await;
    machine.set_wrong_by(YEAR);
    machine.probe(6).await;
    machine.set_wrong_by(-YEAR);
    machine.probe(6).await;
    machine.set_wrong_by(0);
    machine.probe(90).await;
    let counts = machine.counts(0..3).await;
    assert_eq!((counts.good, counts.missing), (3 * 120, 0));
    assert_eq!(machine.raw_minutes(), 192);
    assert_eq!(machine.store.last_closed(u32::MAX).unwrap(), Some(hour_of(DAY) + 2), "and none of next year");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stays_a_year_ahead_for_hours_takes_nothing_of_before_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::start(directory.path(), Instant::now(), Arc::default()).await;
    machine.probe(90).await;
    machine.set_wrong_by(YEAR);
    machine.probe(30).await;
    assert!(machine.keeper.now_ms() > DAY + YEAR, "by now it is believed");
    assert!(machine.counts(1..2).await.good >= 60 + 19, "and the hour was closed early");
    // A restart under the wrong clock is no reason to believe it more.
    let machine = machine.restart(directory.path()).await;
    machine.probe(60).await;
    machine.set_wrong_by(0);
    machine.probe(90).await;
    assert!(machine.keeper.now_ms() < DAY + YEAR / 2);
    let before = machine.counts(0..2).await;
    assert!(before.good >= 120 + 60 + 19, "{before:?}");
    assert_eq!(machine.counts(3..4).await.good, 120, "and it counts as if nothing had been");
    // All raw observations of before, and those of after.
    assert!(machine.raw_minutes() >= 90 + 80, "{}", machine.raw_minutes());
    let machine = machine.restart(directory.path()).await;
    assert_eq!(machine.counts(3..4).await.good, 120);
    assert!(machine.counts(0..2).await.good >= 120 + 60 + 19);
}

#[tokio::test(start_paused = true)]
async fn an_hour_that_was_closed_early_goes_on_when_the_clock_is_set_back() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::start(directory.path(), Instant::now(), Arc::default()).await;
    // Two hours ahead for a quarter of an hour: believed after ten minutes, and undone within the hour.
    machine.probe(10).await;
    machine.set_wrong_by(2 * HOUR_MS);
    machine.probe(15).await;
    assert_eq!(machine.store.last_closed(u32::MAX).unwrap(), Some(hour_of(DAY)));
    machine.set_wrong_by(0);
    machine.probe(60).await;
    let counts = machine.counts(0..1).await;
    assert!(counts.good >= 85, "the twenty minutes of before, and the last: {counts:?}");
    assert_eq!(counts.due(), 120);
    // What was counted ahead of time is not counted away when that hour comes.
    machine.probe(150).await;
    assert!(machine.counts(0..1).await.good >= 85);
    assert!(machine.counts(2..3).await.good >= 120);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_starts_without_the_time_counts_nothing_where_it_has_counted() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::start(directory.path(), Instant::now(), Arc::default()).await;
    machine.probe(195).await;
    // For its clock it is 1970, until the network tells the time.
    machine.set_wrong_by(-DAY);
    let machine = machine.restart(directory.path()).await;
    assert!((DAY + 3 * HOUR_MS..DAY + 4 * HOUR_MS).contains(&machine.keeper.now_ms()));
    machine.probe(1).await;
    machine.keeper.settle().await;
    let running: Vec<u32> = machine.keeper.levels().running.keys().copied().collect();
    assert_eq!(running, [hour_of(DAY) + 3], "no closed hour is opened");
    machine.set_wrong_by(0);
    machine.probe(49).await;
    assert!(machine.keeper.now_ms() >= DAY + 4 * HOUR_MS);
    let counts = machine.counts(0..3).await;
    assert_eq!((counts.good, counts.missing), (3 * 120, 0));
    let counts = machine.counts(3..4).await;
    assert_eq!((counts.good, counts.missing), (120, 0), "what was observed meanwhile is there too");
}

#[test]
fn an_hour_that_the_store_refuses_runs_until_it_takes_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    let (hours, aside) = (directory.path().join("hours"), directory.path().join("hours-aside"));
    story.until(DAY + HOUR_MS, |_| None);
    std::fs::rename(&hours, &aside).unwrap();
    std::fs::write(&hours, "no folder").unwrap();
    for minute in 0..180 {
        story.take(DAY + HOUR_MS + minute * 60_000);
        let work = story.desk.tick(story.now);
        let failed = write(&story.store, work);
        assert_eq!(failed.is_empty(), minute < 2, "{minute}");
        story.desk.again(failed);
        let running = story.desk.running(story.now);
        assert_eq!(running[&hour_of(DAY)][&0].good, 120, "whoever asks sees that it is not closed");
        assert_eq!(story.desk.open_hour(), hour_of(DAY));
    }
    std::fs::remove_file(&hours).unwrap();
    std::fs::rename(&aside, &hours).unwrap();
    let work = story.desk.tick(story.now);
    assert_eq!(work.hours.len(), 3, "each of them, and in order");
    assert!(write(&story.store, work).is_empty());
    assert!(story.desk.open_hour() > hour_of(DAY) + 2);
    let counts = story.counts(DAY, DAY + HOUR_MS);
    assert_eq!((counts.good, counts.missing), (120, 0));
}

#[tokio::test]
async fn observations_are_taken_while_levels_are_computed() {
    let directory = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let machine = Machine::start(directory.path(), begun, Arc::default()).await;
    machine.keeper.settle().await;
    let before = machine.keeper.levels().at_ms;
    // Whoever computes levels has to wait for the store.
    let held = machine.store.hold();
    let shown = async {
        loop {
            let at_ms = wall(begun, &machine.offset);
            machine.sender.send(observation(&machine.target, at_ms, None)).await.unwrap();
            machine.keeper.watch(vec![machine.target.clone()]).await;
            let board = machine.keeper.board();
            let last = board.targets[&machine.target.id].last.clone();
            // Levels are due every ten seconds.
            if last.is_some_and(|last| last.at_ms > before + 12_000) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), shown).await.unwrap();
    assert_eq!(machine.keeper.levels().at_ms, before, "they are not there yet");
    drop(held);
    machine.keeper.settle().await;
    assert!(machine.keeper.levels().at_ms > before);
}
