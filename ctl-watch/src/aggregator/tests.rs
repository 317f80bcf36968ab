//! The state machine over its history: gaps, restarts, maintenance, evidence.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use ctl_core::Digest;
use ctl_fetch::Timings;
use ctl_host::clock::ManualClock;
use ctl_policy::sla::{BUILT_IN, Counts, Kind};

use super::task::write;
use super::*;
use crate::code::Code;
use crate::description::Description;
use crate::evidence::bundle;
use crate::hours::{HOUR_MS, hour_of};
use crate::incident::Wanted;
use crate::levels::{Closed, counted};
use crate::observation::{Evidence, Finding};
use crate::store::Retention;
use crate::target::Origin;
use crate::testing;

/// 2026-11-21T00:00:00Z.
pub(super) const DAY: i64 = 1_795_219_200_000;
const PERIOD: i64 = 30_000;

pub(super) fn target(kind: Kind, url: &str) -> Arc<Target> {
    testing::target("alpha-pki", kind, url)
}

/// A clock that stands.
fn clock(at_ms: i64) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_unix(at_ms / 1000)))
}

/// What an aggregator is started with whose clock stands.
pub(super) fn setup(store: Arc<Store>) -> Setup {
    Setup {
        store,
        policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
        clock: clock(DAY),
        metrics: Arc::new(Metrics::new().unwrap()),
    }
}

pub(super) fn observation(target: &Arc<Target>, at_ms: i64, code: Option<Code>) -> Observation {
    let findings = code.map(|code| Finding { code, address: None, detail: "as switched".into() });
    let timings = Timings { total: Duration::from_millis(80), ..Timings::default() };
    Observation {
        target: target.clone(),
        at_ms,
        findings: findings.into_iter().collect(),
        timings: code.is_none().then_some(timings),
        facts: Default::default(),
        evidence: code
            .map(|code| Evidence {
                request: format!("GET {}", target.url),
                request_body: Bytes::new(),
                address: None,
                status: Some(503),
                headers: vec![("date".into(), "now".into())],
                body: code.as_str().into(),
                body_bytes: code.as_str().len() as u64,
            })
            .into_iter()
            .collect(),
    }
}

pub(super) struct Story {
    pub(super) machine: StateMachine,
    pub(super) store: Arc<Store>,
    targets: Vec<Arc<Target>>,
    pub(super) now: i64,
}

impl Story {
    pub(super) fn begin(directory: &Path, policy: &str) -> Self {
        Self::begin_at(directory, policy, DAY)
    }

    fn begin_at(directory: &Path, policy: &str, now: i64) -> Self {
        let store = Arc::new(Store::open(directory, Retention::default()).unwrap());
        let policy = Arc::new(SlaPolicy::parse(policy).unwrap());
        let machine = recall(&store, policy, now).unwrap();
        let targets = vec![target(Kind::Ocsp, "http://ocsp.alpha.example/")];
        let mut story = Self { machine, store, targets, now };
        story.machine.watch(&story.targets.clone(), now);
        story
    }

    /// A probe every period until a moment, each with what `code` says.
    pub(super) fn until(&mut self, end: i64, code: impl Fn(i64) -> Option<Code>) {
        while self.now < end {
            for target in &self.targets {
                self.machine.take(observation(target, self.now, code(self.now)));
            }
            self.now += PERIOD;
            self.write();
        }
    }

    /// So many bad probes, and as many good ones, of which nothing is written.
    pub(super) fn outage(&mut self, probes: u32) {
        for code in [Some(Code::TcpRefused), None] {
            for _ in 0..probes {
                self.machine.take(observation(&self.targets[0], self.now, code));
                self.now += PERIOD;
            }
        }
    }

    /// Writes what has changed.
    pub(super) fn write(&mut self) {
        let changes = self.machine.changes(self.now);
        assert!(write(&self.store, changes).is_empty());
    }

    /// What the history has of incidents.
    pub(super) fn kept_incidents(&self) -> Vec<Incident> {
        let mut found = Vec::new();
        self.store
            .incidents(&Wanted::default(), |one| {
                found.extend(one.read());
                true
            })
            .unwrap();
        found
    }

    pub(super) fn counts(&self, from: i64, to: i64) -> Counts {
        let targets: Vec<_> = self.machine.targets().into_values().collect();
        let hours = (hour_of(from), hour_of(to));
        let found = counted(&self.store, &targets, hours, self.now).unwrap();
        found.get(&0).cloned().unwrap_or_default()
    }

    fn incidents(&self) -> Vec<Arc<Incident>> {
        self.machine.incidents().into_values().collect()
    }
}

#[test]
fn a_gap_in_probing_is_a_gap_and_no_good_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    story.until(DAY + HOUR_MS, |_| None);
    // Half an hour without a probe, then three hours in which the whole machine was away.
    story.now += HOUR_MS / 2;
    story.until(DAY + 2 * HOUR_MS, |_| None);
    story.now += 3 * HOUR_MS;
    story.until(DAY + 6 * HOUR_MS, |_| None);
    let counts = story.counts(DAY, DAY + 6 * HOUR_MS);
    assert_eq!((counts.good, counts.bad), (120 + 60 + 120, 0));
    assert_eq!(counts.missing, 60 + 360);
    assert_eq!(counts.due(), 6 * 120);
}

#[test]
fn a_kill_loses_nothing_that_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let half_past = DAY + 3 * HOUR_MS + HOUR_MS / 2;
    {
        let mut story = Story::begin(directory.path(), BUILT_IN);
        story.until(half_past, |now| (now % (20 * PERIOD) == 0).then_some(Code::TcpTimeout));
        // Dropped here as a kill would: nothing is finished.
        story.machine.take(observation(&story.targets[0], story.now, None));
    }
    let mut story = Story::begin_at(directory.path(), BUILT_IN, half_past + 60_000);
    let before = story.counts(DAY, DAY + 3 * HOUR_MS);
    assert_eq!((before.good, before.bad, before.missing), (3 * 114, 18, 0));
    let running = story.counts(DAY + 3 * HOUR_MS, DAY + 4 * HOUR_MS);
    assert_eq!(
        (running.good, running.bad, running.missing),
        (57, 3, 2),
        "the one that was not written, and one since"
    );
    story.until(DAY + 5 * HOUR_MS, |_| None);
    let whole = story.counts(DAY + 3 * HOUR_MS, DAY + 4 * HOUR_MS);
    assert_eq!((whole.valid(), whole.missing), (118, 2));
}

#[test]
fn the_short_windows_of_burn_rates_go_on_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    story.until(DAY + HOUR_MS, |now| (now % (10 * PERIOD) == 0).then_some(Code::TcpTimeout));
    let recent = |machine: &StateMachine, now: i64| {
        let mut services = BTreeMap::new();
        machine.recent(now, &mut services);
        services.into_values().next().unwrap().recent
    };
    let (before, now) = (recent(&story.machine, story.now), story.now);
    assert_eq!((before[4].bad, before[4].valid), (12, 120));
    drop(story);
    let story = Story::begin_at(directory.path(), BUILT_IN, now);
    assert_eq!(recent(&story.machine, now), before);
}

#[test]
fn an_hour_that_ended_while_nothing_ran_has_what_was_observed_and_lacks_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    {
        let mut story = Story::begin(directory.path(), BUILT_IN);
        story.until(DAY + HOUR_MS / 2, |_| None);
    }
    let mut story = Story::begin_at(directory.path(), BUILT_IN, DAY + 5 * HOUR_MS);
    let counts = story.counts(DAY, DAY + HOUR_MS);
    assert_eq!((counts.good, counts.missing), (60, 60), "before anything is probed again");
    story.until(DAY + 6 * HOUR_MS, |_| None);
    let counts = story.counts(DAY, DAY + 6 * HOUR_MS);
    assert_eq!((counts.good, counts.missing), (60 + 120, 60 + 4 * 120));
}

#[test]
fn an_outage_leaves_evidence_of_its_first_failure_and_goes_on_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let began = DAY + 60 * PERIOD;
    {
        let mut story = Story::begin(directory.path(), BUILT_IN);
        story.until(began, |_| None);
        story.until(began + 4 * PERIOD, |_| Some(Code::TcpRefused));
        let incidents = story.incidents();
        assert_eq!(incidents.len(), 1);
        let digest: Digest = incidents[0].evidence[0];
        let bundle = story.store.evidence(&digest).unwrap().unwrap();
        let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
        assert_eq!(bundle["at_ms"], began, "of the first failure, not of the one that opened the incident");
        assert_eq!(bundle["findings"][0]["code"], "tcp_refused");
        assert_eq!(bundle["exchanges"][0]["body"]["bytes"], "tcp_refused".len());
    }
    let mut story = Story::begin_at(directory.path(), BUILT_IN, began + 5 * PERIOD);
    story.until(began + 20 * PERIOD, |_| Some(Code::TcpRefused));
    story.until(began + 30 * PERIOD, |_| None);
    let incidents = story.incidents();
    assert_eq!(incidents.len(), 1, "the same incident");
    assert_eq!(incidents[0].began_ms, began);
    assert_eq!(incidents[0].ended_ms, Some(began + 20 * PERIOD));
    assert!(incidents[0].breach_ms.is_some(), "ten minutes are a breach");
}

#[test]
fn evidence_is_unguessable_and_taken_anew_when_it_was_stolen() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    let observed = observation(&story.targets[0], DAY, Some(Code::TcpRefused));
    let [one, other] = [bundle(&observed).unwrap(), bundle(&observed).unwrap()];
    assert_ne!(one, other, "two who see the same have each their own");
    story.until(DAY + 10 * PERIOD, |_| Some(Code::TcpRefused));
    let first = story.incidents()[0].evidence.clone();
    assert_eq!(first.len(), 1);
    for round in 1..20 {
        story.machine.prove_anew(&[1].into());
        let before = story.incidents()[0].evidence.clone();
        story.until(story.now + 3 * PERIOD, |_| Some(Code::TcpRefused));
        let incident = story.incidents().remove(0);
        assert!(
            incident.evidence.starts_with(&first) && incident.evidence.len() == 8.min(round + 1),
            "bounded"
        );
        let fresh = incident.evidence.iter().find(|digest| !before.contains(digest)).unwrap();
        assert!(story.store.evidence(fresh).unwrap().is_some());
    }
}

fn maintenance(announced: &str) -> String {
    format!(
        "{BUILT_IN}\n[[maintenance]]\noperator = \"alpha-pki\"\nannounced_at = \"{announced}\"\n\
         starts_at = \"2026-11-21T01:00:00Z\"\nends_at = \"2026-11-21T02:00:00Z\"\ntext = \"New hardware.\"\n"
    )
}

#[test]
fn announced_maintenance_excuses_and_unannounced_does_not() {
    for (announced, excused) in [("2026-11-10T00:00:00Z", true), ("2026-11-21T00:30:00Z", false)] {
        let directory = tempfile::tempdir().unwrap();
        let mut story = Story::begin(directory.path(), &maintenance(announced));
        let down = |now| (DAY + HOUR_MS..DAY + 2 * HOUR_MS).contains(&now).then_some(Code::HttpStatus);
        story.until(DAY + 3 * HOUR_MS, down);
        let counts = story.counts(DAY, DAY + 3 * HOUR_MS);
        assert_eq!(counts.good, 240);
        assert_eq!((counts.excused, counts.bad), if excused { (120, 0) } else { (0, 120) });
        assert_eq!(story.incidents().len(), usize::from(!excused), "{announced}");
    }
}

#[test]
fn a_target_that_leaves_the_lists_is_neither_missed_nor_in_trouble_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    story.until(DAY + HOUR_MS, |_| Some(Code::DnsFailure));
    let gone = std::mem::take(&mut story.targets);
    story.machine.watch(&[], story.now);
    story.until(DAY + 4 * HOUR_MS, |_| None);
    assert_eq!(story.counts(DAY, DAY + 4 * HOUR_MS).due(), 120);
    assert!(story.incidents().iter().all(|incident| !incident.is_open()));
    assert!(story.machine.standings().targets.is_empty());
    // A probe that was under way, and the target's return.
    story.machine.take(observation(&gone[0], story.now, None));
    assert_eq!(story.counts(DAY, DAY + 5 * HOUR_MS).due(), 120);
    story.machine.watch(&gone, story.now);
    story.targets = gone;
    story.until(DAY + 5 * HOUR_MS, |_| None);
    assert_eq!(story.counts(DAY, DAY + 5 * HOUR_MS).due(), 240, "with its history, under its number");
}

#[test]
fn what_the_pieces_say_of_all_services_is_what_the_whole_says() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    story.targets.push(target(Kind::Crl, "http://crl.alpha.example/a.crl"));
    story.machine.watch(&story.targets.clone(), story.now);
    story.until(DAY + 30 * HOUR_MS + 20 * PERIOD, |now| (now % (50 * PERIOD) == 0).then_some(Code::Slow));
    let targets = story.machine.targets();
    let closed = Closed::add_up(&story.store, &targets, hour_of(story.now) - 1, hour_of(story.now)).unwrap();
    let services = closed.up_to_now(&story.store, &targets, story.now).unwrap();
    let all: Vec<_> = targets.values().cloned().collect();
    let hours = (hour_of(DAY), hour_of(story.now) + 1);
    let whole = counted(&story.store, &all, hours, story.now).unwrap();
    for (key, standing) in &services {
        let number = targets.values().find(|one| one.kind == key.1).unwrap().number;
        assert_eq!(standing.rolling, whole[&number], "{key:?}");
        assert_eq!(standing.month, whole[&number], "{key:?}");
        assert!(standing.recent[5].valid < standing.recent[6].valid, "a day is less than three");
        let day = counted(&story.store, &all, (hours.1 - 24, hours.1), story.now).unwrap();
        assert_eq!(
            (standing.recent[5].bad, standing.recent[5].valid),
            (day[&number].bad, day[&number].valid())
        );
    }
    assert_eq!(services.len(), 2);
    let nothing = counted(&story.store, &all, (0, 10), story.now).unwrap();
    assert!(nothing.values().all(|counts| counts.due() == 0));
}

#[test]
fn what_is_applied_for_counts_by_no_promise_until_a_list_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::begin(directory.path(), BUILT_IN);
    let by = |origins: &[Origin]| {
        let one = target(Kind::Ocsp, "http://second.alpha.example/");
        Arc::new(Target { origins: origins.to_vec(), ..(*one).clone() })
    };
    let listed = story.targets[0].clone();
    story.targets.push(by(&[Origin::Application]));
    story.machine.watch(&story.targets.clone(), story.now);
    story.until(DAY + 20 * PERIOD, |_| Some(Code::Slow));
    let bad = |story: &Story, closed: &Closed| {
        let services = closed.up_to_now(&story.store, &story.machine.targets(), story.now).unwrap();
        let standing = services.values().next().unwrap();
        (standing.rolling.bad, standing.promised.bad)
    };
    let hour = hour_of(story.now);
    let sums = |story: &Story| Closed::add_up(&story.store, &story.machine.targets(), hour, hour).unwrap();
    let closed = sums(&story);
    assert!(closed.is_of(&story.machine.targets(), hour, hour));
    assert_eq!(bad(&story, &closed), (40, 20));

    // Once it is on a list its operator answers for it, also when the list does not name it any more.
    story.machine.watch(&[listed.clone(), by(&[Origin::Listed, Origin::Application])], story.now);
    assert!(!closed.is_of(&story.machine.targets(), hour, hour), "sums from before are of no use");
    assert_eq!(bad(&story, &sums(&story)), (40, 40));
    story.machine.watch(&[listed.clone(), by(&[Origin::Application])], story.now);
    story.machine.watch(&[listed], story.now);
    assert_eq!(bad(&story, &sums(&story)), (40, 40));
    story.write();
    let kept = story.store.kept(0, 0, 0).unwrap().targets;
    assert_eq!(kept.iter().map(|one| one.promised).collect::<Vec<_>>(), [Some(true); 2]);

    // A history from before this was kept says nothing of what is gone, and what is watched is named anew.
    let mut older = serde_json::to_value(&kept[1]).unwrap();
    older.as_object_mut().unwrap().remove("promised");
    let mut older: Description = serde_json::from_value(older).unwrap();
    assert_eq!(older.promised, None);
    assert!(older.named_by(&by(&[Origin::Application])) && older.promised == Some(false));
}

#[tokio::test]
async fn the_aggregator_shows_what_it_took_and_has_written_it_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(directory.path(), Retention::default()).unwrap());
    let setup = Setup {
        store: store.clone(),
        policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
        clock: clock(DAY + HOUR_MS / 2),
        metrics: Arc::new(Metrics::new().unwrap()),
    };
    let (sender, receiver) = mpsc::channel(16);
    let (aggregator, running) = Aggregator::start(setup, receiver).unwrap();
    let target = target(Kind::Ocsp, "http://ocsp.alpha.example/");
    aggregator.watch(vec![target.clone()]).await;
    for n in 0..6 {
        sender.send(observation(&target, DAY + HOUR_MS / 2 + n, Some(Code::TcpRefused))).await.unwrap();
    }
    aggregator.settle().await;
    assert!(aggregator.standings().targets[&target.id].last.is_some());
    assert_eq!(aggregator.incidents().values().next().unwrap().failures, 6);
    assert_eq!(aggregator.levels().services.values().next().unwrap().rolling.bad, 6);
    drop(sender);
    running.await.unwrap();
    let mut bad = 0;
    store.hours(&[0].into(), 0, u32::MAX, |_, _, counts| bad += counts.bad).unwrap();
    assert_eq!(bad, 6);
    assert_eq!(store.incident(1).unwrap().unwrap().failures, 6);
}
