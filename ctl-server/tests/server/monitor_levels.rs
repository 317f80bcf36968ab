//! Service levels from the first failure to the log: an incident with its evidence, a breach that is recorded once
//! when it begins and once when it is over, a month's report that anyone can compute again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_core::{Digest, Timestamp};
use ctl_host::clock::{Clock as _, ManualClock};
use ctl_policy::sla::{BUILT_IN, Kind, Month, Report, SlaPolicy, Time, Verdict};
use ctl_server::blobs::{Blobs, SALT};
use ctl_server::ledger::Ledger;
use ctl_server::monitor::observation::{Evidence, Finding};
use ctl_server::monitor::recorder::Recorder;
use ctl_server::monitor::target::Origin;
use ctl_server::monitor::{Code, Observation, Subject, Target, TargetId};
use ctl_watch::changes::Changes;
use ctl_watch::incident::Incident;
use ctl_watch::keeper::{Keeper, Setup};
use ctl_watch::store::{Keep, Store};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::common::in_memory;
use crate::common::world::{self, World};

const PERIOD: i64 = 30;

/// A watch whose time is told by hand.
struct Watch {
    ledger: Ledger,
    clock: Arc<ManualClock>,
    blobs: Arc<Blobs>,
    keeper: Keeper,
    recorder: Recorder,
    observations: mpsc::Sender<Observation>,
    keeping: JoinHandle<()>,
    target: Arc<Target>,
}

fn target() -> Arc<Target> {
    target_at("http://ocsp.alpha.example/")
}

fn target_at(url: &str) -> Arc<Target> {
    let (operator, url) = ("alpha-pki".parse().unwrap(), url.to_owned());
    Arc::new(Target {
        id: TargetId::of(Kind::Ocsp, &operator, &url),
        kind: Kind::Ocsp,
        operator,
        lists: Vec::new(),
        url,
        origins: vec![Origin::Services],
        subject: Subject::Https,
        period: Duration::from_secs(30),
    })
}

impl Watch {
    async fn begin(ledger: Ledger, clock: Arc<ManualClock>, directory: &Path) -> Self {
        let store = Store::open(&directory.join("monitor"), Keep::default()).unwrap();
        let setup = Setup {
            store: Arc::new(store),
            policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
            clock: clock.clone(),
            metrics: Arc::new(ctl_watch::metrics::Metrics::new().unwrap()),
        };
        let (observations, inbox) = mpsc::channel(100_000);
        let (keeper, keeping) = Keeper::start(setup, inbox).unwrap();
        let blobs = Arc::new(Blobs::open(directory).unwrap());
        let recorder = Recorder {
            ledger: ledger.clone(),
            key: Some(Arc::new(world::key("watcher-north"))),
            blobs: blobs.clone(),
            keeper: keeper.clone(),
            held_back: Arc::default(),
        };
        let target = target();
        keeper.watch(vec![target.clone()]).await;
        Self { ledger, clock, blobs, keeper, recorder, observations, keeping, target }
    }

    fn observation(&self, code: Option<Code>) -> Observation {
        let finding = |code| Finding { code, address: None, detail: "as switched".into() };
        let evidence = code.map(|code: Code| Evidence {
            request: "GET http://ocsp.alpha.example/".into(),
            request_body: Bytes::new(),
            address: None,
            status: None,
            headers: Vec::new(),
            body: code.as_str().into(),
            body_bytes: code.as_str().len() as u64,
        });
        Observation {
            target: self.target.clone(),
            at_ms: self.clock.now().unix() * 1000,
            findings: code.map(finding).into_iter().collect(),
            timings: code.is_none().then_some(Default::default()),
            facts: Default::default(),
            evidence: evidence.into_iter().collect(),
        }
    }

    /// So many probes with the same result, a period apart.
    async fn probes(&self, count: u64, code: Option<Code>) {
        for _ in 0..count {
            self.observations.send(self.observation(code)).await.unwrap();
            self.pass(PERIOD).await;
        }
        self.keeper.settle().await;
    }

    /// Time passes, for the ledger as for the watch.
    async fn pass(&self, seconds: i64) {
        self.keeper.settle().await;
        self.clock.pass(seconds.unsigned_abs());
    }

    async fn record(&self) -> usize {
        self.recorder.record_due().await.unwrap()
    }

    /// Stops, and starts again over what is on the disk.
    async fn restart(self, directory: &Path) -> Self {
        let Self { ledger, clock, keeper, recorder, observations, keeping, .. } = self;
        drop((keeper, recorder, observations));
        keeping.await.unwrap();
        Self::begin(ledger, clock, directory).await
    }
}

/// How many of the watcher's claims are open in the ledger.
fn open(watch: &Watch) -> usize {
    let watcher = "watcher-north".parse().unwrap();
    watch.ledger.snapshot().state.service_levels.open_claims(&watcher).count()
}

#[tokio::test]
async fn without_the_key_of_a_watcher_in_office_nothing_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, clock) = in_memory(&World::published_with(world::charter()));
    let mut watch = Watch::begin(ledger, clock, directory.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    watch.recorder.key = None;
    assert_eq!(watch.record().await, 0);
    for who in ["elector-1", "recorder", "nobody"] {
        watch.recorder.key = Some(Arc::new(world::key(who)));
        let error = watch.recorder.record_due().await.unwrap_err().to_string();
        assert!(error.contains("whom the charter names as a watcher"), "{who}: {error}");
    }
    watch.recorder.key = Some(Arc::new(world::key("alpha-watcher")));
    assert_eq!(watch.record().await, 0, "about its own organisation's service a watcher says nothing");
    watch.recorder.key = Some(Arc::new(world::key("watcher-south")));
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    // What another watcher has said is none of this one's.
    watch.recorder.key = Some(Arc::new(world::key("watcher-north")));
    let error = watch.recorder.record_due().await.unwrap_err().to_string();
    assert!(error.contains("evidence of its own"), "one watch with two keys is one watch: {error}");
}

#[tokio::test]
async fn an_outage_is_seen_proved_recorded_once_and_recorded_again_when_it_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, clock) = in_memory(&World::published_with(world::charter()));
    let watch = Watch::begin(ledger, clock, directory.path()).await;
    watch.probes(20, None).await;
    let began = watch.ledger.now().unwrap();
    watch.probes(1, Some(Code::TcpRefused)).await;
    assert!(watch.keeper.incidents().is_empty(), "one lost packet is nothing");
    watch.probes(1, Some(Code::TcpRefused)).await;
    let incident = watch.keeper.incidents().values().next().unwrap().clone();
    assert!(incident.is_open() && incident.breach_ms.is_none());
    assert_eq!(watch.record().await, 0, "an incident, but no breach yet");

    let digest: Digest = incident.evidence[0];
    let bundle = watch.keeper.store().evidence(&digest).unwrap().unwrap();
    assert_eq!(Digest::of(&bundle), digest);
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    assert_eq!(bundle["at"], began.to_string(), "the first failure, not the one that opened the incident");

    watch.probes(10, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    assert_eq!(watch.record().await, 0, "once");
    let state = watch.ledger.snapshot();
    let (index, claim) = state.state.service_levels.claims.iter().next().unwrap();
    assert_eq!((claim.watcher.as_str(), claim.opened_at), ("watcher-north", began));
    assert_eq!(claim.found.evidence, [digest]);
    assert_eq!(claim.service.url.as_ref().unwrap().as_str(), "http://ocsp.alpha.example/");
    assert_eq!((claim.found.measured.good, claim.found.measured.valid), (0, 12));
    assert!(state.state.service_levels.breaches.is_empty(), "one watcher alone confirms nothing");

    // A restart in the middle: the same incident, and nothing is recorded twice.
    let watch = watch.restart(directory.path()).await;
    assert_eq!(watch.record().await, 0);
    watch.probes(4, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 0);
    let healed = watch.ledger.now().unwrap();
    watch.probes(3, None).await;
    assert_eq!(watch.record().await, 0, "not over yet");
    watch.probes(1, None).await;
    assert_eq!(watch.record().await, 1);
    assert_eq!(watch.record().await, 0);
    let closed = watch.ledger.snapshot().state.service_levels.claims[index].clone();
    assert_eq!(closed.closed.unwrap().at, healed);
    assert_eq!(closed.found.measured.valid, 20);
    assert_eq!(open(&watch), 0);
    assert_eq!(watch.keeper.incidents().len(), 1);
}

#[tokio::test]
async fn a_breach_that_is_open_in_the_log_ends_when_the_monitor_has_lost_its_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, clock) = in_memory(&World::published_with(world::charter()));
    let watch = Watch::begin(ledger, clock, directory.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    // As the incident is on the disk, a restart ends nothing.
    let watch = watch.restart(directory.path()).await;
    assert_eq!(watch.record().await, 0);

    let empty = tempfile::tempdir().unwrap();
    let watch = watch.restart(empty.path()).await;
    let lost = watch.ledger.now().unwrap();
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    let state = watch.ledger.snapshot();
    let breach = state.state.service_levels.claims.values().next().unwrap();
    assert_eq!((breach.closed.unwrap().at, breach.found.measured.valid), (lost, 20));

    // The service is still down, and that is told again.
    watch.probes(12, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    let state = watch.ledger.snapshot();
    assert_eq!((state.state.service_levels.claims.size(), open(&watch)), (2, 1));
    let second = state.state.service_levels.claims.values().nth(1).unwrap();
    assert_eq!(second.opened_at, lost, "not before the first was said to be over");
}

/// A breach is over and open in the log, as nothing could be recorded for long, and so many incidents came that the store
/// put its own away.
async fn put_away(directory: &Path) -> (Watch, Arc<Incident>) {
    let (ledger, clock) = in_memory(&World::published_with(world::charter()));
    let watch = Watch::begin(ledger, clock, directory).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    watch.probes(5, None).await;
    let Watch { ledger, clock, keeper, recorder, observations, keeping, .. } = watch;
    drop((keeper, recorder, observations));
    keeping.await.unwrap();
    let store = Store::open(&directory.join("monitor"), Keep::default()).unwrap();
    let incident = store.incident(1).unwrap().unwrap();
    // So many came since that it is not at hand any more. One of another service began in the same second.
    let url = "http://crl.beta.example/".to_owned();
    let other = Incident { url, breach_ms: None, ..incident.clone() };
    let (ended_ms, operator) = (incident.ended_ms.map(|ended| ended + 1), "nobody-pki".parse().unwrap());
    let breach = Incident { operator, breach_ms: ended_ms, ended_ms, ..other.clone() };
    let later = (3..10_003).map(|number| Incident { number, ..breach.clone() });
    let incidents = later.chain([Incident { number: 2, ..other }]).map(|one| (one.number, one)).collect();
    store.write(&Changes { incidents, ..Changes::default() }).unwrap();
    drop(store);
    let watch = Watch::begin(ledger, clock, directory).await;
    assert!(watch.keeper.incidents().keys().copied().eq(3..10_003));
    (watch, Arc::new(incident))
}

#[tokio::test]
async fn a_breach_ends_when_it_ended_although_its_incident_was_put_away_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let (watch, incident) = put_away(directory.path()).await;
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    let state = watch.ledger.snapshot();
    let closed = state.state.service_levels.claims.values().next().unwrap().closed.unwrap().at;
    assert_eq!(closed.unix() * 1000, incident.ended_ms.unwrap());
    assert!(closed < watch.ledger.now().unwrap());
}

#[tokio::test]
async fn what_cannot_be_read_of_old_incidents_keeps_no_new_breach_out_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (mut watch, incident) = put_away(directory.path()).await;
    let rename = |from: &str, to: &str| {
        let beside = rusqlite::Connection::open(directory.path().join("monitor/watch.db")).unwrap();
        beside.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
    };
    rename("incidents", "aside");
    watch.target = target_at("http://ocsp-2.alpha.example/");
    watch.keeper.watch(vec![target(), watch.target.clone()]).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    watch.recorder.record_due().await.unwrap_err();
    let state = watch.ledger.snapshot();
    assert_eq!(state.state.service_levels.claims.size(), 2, "the new one is told, and the failure too");
    assert_eq!(open(&watch), 2, "what cannot be looked up is not said to be lost");
    rename("aside", "incidents");
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    let state = watch.ledger.snapshot();
    let closed = state.state.service_levels.claims.values().next().unwrap().closed.unwrap().at;
    assert_eq!(closed.unix() * 1000, incident.ended_ms.unwrap());
}

#[tokio::test]
async fn a_month_is_reported_once_when_it_is_over_and_its_report_computes() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, clock) = in_memory(&World::published_with(world::charter()));
    let watch = Watch::begin(ledger, clock, directory.path()).await;
    let month = Month::of(Time(watch.ledger.now().unwrap().unix()));
    watch.probes(30, None).await;
    watch.probes(15, Some(Code::SignatureInvalid)).await;
    watch.probes(5, None).await;
    assert_eq!((watch.record().await, watch.record().await), (1, 1), "its breach began, and is over");
    // Nobody probes until the month is over: a gap.
    while watch.ledger.now().unwrap().unix() < month.end().0 - 60 {
        let left = month.end().0 - 60 - watch.ledger.now().unwrap().unix();
        watch.pass(left.min(86_000)).await;
        watch.ledger.note_time().unwrap();
    }
    let breaches = watch.ledger.snapshot().state.service_levels.reports.size();
    assert_eq!((watch.record().await, breaches), (0, 0), "the month is not over");
    watch.pass(900).await;
    watch.probes(1, None).await;
    assert_eq!(watch.record().await, 1);
    assert_eq!(watch.record().await, 0, "once");

    let snapshot = watch.ledger.snapshot();
    let ((operator, from, watcher), recorded) = snapshot.state.service_levels.reports.iter().next().unwrap();
    assert_eq!((operator.as_ref().unwrap().as_str(), watcher.as_str()), ("alpha-pki", "watcher-north"));
    assert_eq!((*from, recorded.to), (stamp(month.begin()), stamp(month.end())));
    let blob = watch.blobs.get(&recorded.report.sha256).unwrap().unwrap();
    let report: Report = serde_json::from_slice(&blob[SALT..]).unwrap();
    report.check().unwrap();
    let ocsp = &report.kinds[0];
    assert_eq!((ocsp.counts.good, ocsp.counts.bad), (35, 15));
    assert!(ocsp.counts.missing > 1000, "the gap is in the report: {}", ocsp.counts.missing);
    assert_eq!(ocsp.level.availability, Verdict::Undetermined, "50 probes of a month say nothing of it");
    assert_eq!(recorded.summary[0].valid, 50);
    assert!(!recorded.summary[0].met);
    assert_eq!(report.incidents.len(), 1);
    assert!(report.incidents[0].breach && report.incidents[0].reasons["signature_invalid"] == 15);

    let watch = watch.restart(directory.path()).await;
    watch.probes(1, None).await;
    assert_eq!(watch.record().await, 0, "a restart does not report again");
}

fn stamp(time: Time) -> Timestamp {
    Timestamp::from_unix(time.0)
}
