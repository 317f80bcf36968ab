//! Service levels from the first failure to the log: an incident with its evidence, a breach that is told once when it
//! begins and once when it is over, a month's report that anyone can compute again.

use ctl_core::{Digest, Timestamp};
use ctl_host::clock::Clock as _;
use ctl_policy::sla::{Month, Report, Time, Verdict};
use ctl_replica::statement::SALT;
use ctl_watch::Code;
use ctl_watch::changes::Changes;
use ctl_watch::incident::Incident;
use ctl_watch::store::{Retention, Store};

use crate::watcher::{Watcher, scheme, target, target_at};

#[tokio::test]
async fn an_outage_is_seen_proved_recorded_once_and_recorded_again_when_it_is_over() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    watch.probes(20, None).await;
    let began = watch.clock.now();
    watch.probes(1, Some(Code::TcpRefused)).await;
    assert!(watch.aggregator.incidents().is_empty(), "one lost packet is nothing");
    watch.probes(1, Some(Code::TcpRefused)).await;
    let incident = watch.aggregator.incidents().values().next().unwrap().clone();
    assert!(incident.is_open() && incident.breach_ms.is_none());
    assert_eq!(watch.record().await, 0, "an incident, but no breach yet");

    let digest: Digest = incident.evidence[0];
    let bundle = watch.aggregator.store().evidence(&digest).unwrap().unwrap();
    assert_eq!(Digest::of(&bundle), digest);
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    assert_eq!(bundle["at"], began.to_string(), "the first failure, not the one that opened the incident");

    watch.probes(10, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    assert_eq!(watch.record().await, 0, "once");
    let claim = &watch.claimed()[0];
    assert_eq!((claim.watcher.as_str(), claim.opened_at), ("watcher-north", began));
    assert_eq!(claim.found.evidence, [digest]);
    assert_eq!(claim.service.url.as_ref().unwrap().as_str(), "http://ocsp.alpha.example/");
    assert_eq!((claim.found.measured.good, claim.found.measured.valid), (0, 12));
    assert!(watch.state().service_levels.breaches.is_empty(), "one watcher alone confirms nothing");

    // A restart in the middle: the same incident, and nothing is recorded twice.
    let mut watch = watch.restart(folder.path()).await;
    assert_eq!(watch.record().await, 0);
    watch.probes(4, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 0);
    let healed = watch.clock.now();
    watch.probes(3, None).await;
    assert_eq!(watch.record().await, 0, "not over yet");
    watch.probes(1, None).await;
    assert_eq!(watch.record().await, 1);
    assert_eq!(watch.record().await, 0);
    let closed = &watch.claimed()[0];
    assert_eq!((closed.index, closed.closed.unwrap().at), (claim.index, healed));
    assert_eq!(closed.found.measured.valid, 20);
    assert_eq!(watch.claims(), (1, 0));
    assert_eq!(watch.aggregator.incidents().len(), 1);
}

#[tokio::test]
async fn a_breach_that_is_open_in_the_log_ends_when_the_watch_has_lost_its_disk() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    // As the incident is on the disk, a restart ends nothing.
    let mut watch = watch.restart(folder.path()).await;
    assert_eq!(watch.record().await, 0);

    let empty = tempfile::tempdir().unwrap();
    let mut watch = watch.restart(empty.path()).await;
    let lost = watch.clock.now();
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    let first = &watch.claimed()[0];
    assert_eq!((first.closed.unwrap().at, first.found.measured.valid), (lost, 20));

    // The service is still down, and that is told again.
    watch.probes(12, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    assert_eq!(watch.claims(), (2, 1));
    assert_eq!(watch.claimed()[1].opened_at, lost, "not before the first was said to be over");
}

/// A breach is over and open in the log, as nothing could be recorded for long, and so many incidents came that the store
/// put its own away.
async fn put_away() -> (Watcher, tempfile::TempDir, Incident) {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!(watch.record().await, 1);
    watch.probes(5, None).await;
    let (server, clock, who) = watch.stop().await;
    let store = Store::open(&folder.path().join("history"), Retention::default()).unwrap();
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
    let watch = Watcher::begin(&server, &clock, who, folder.path()).await;
    assert!(watch.aggregator.incidents().keys().copied().eq(3..10_003));
    (watch, folder, incident)
}

#[tokio::test]
async fn a_breach_ends_when_it_ended_although_its_incident_was_put_away_meanwhile() {
    let (mut watch, _folder, incident) = put_away().await;
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    let closed = watch.claimed()[0].closed.unwrap().at;
    assert_eq!(closed.unix() * 1000, incident.ended_ms.unwrap());
    assert!(closed < watch.clock.now());
}

#[tokio::test]
async fn what_cannot_be_read_of_old_incidents_keeps_no_new_breach_out_of_the_log() {
    let (mut watch, folder, incident) = put_away().await;
    let rename = |from: &str, to: &str| {
        let beside = rusqlite::Connection::open(folder.path().join("history/watch.db")).unwrap();
        beside.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
    };
    rename("incidents", "aside");
    watch.target = target_at("http://ocsp-2.alpha.example/");
    watch.aggregator.watch(vec![target(), watch.target.clone()]).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    watch.try_record().await.unwrap_err();
    assert_eq!(
        watch.claims(),
        (2, 2),
        "the new one is told, and what cannot be looked up is not said to be lost"
    );
    rename("aside", "incidents");
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    let closed = watch.claimed()[0].closed.unwrap().at;
    assert_eq!(closed.unix() * 1000, incident.ended_ms.unwrap());
}

#[tokio::test]
async fn a_month_is_reported_once_when_it_is_over_and_its_report_computes() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    let month = Month::of(Time(watch.clock.now().unix()));
    watch.probes(30, None).await;
    watch.probes(15, Some(Code::SignatureInvalid)).await;
    watch.probes(5, None).await;
    assert_eq!((watch.record().await, watch.record().await), (1, 1), "its breach began, and is over");
    // Nobody probes until the month is over: a gap.
    while watch.clock.now().unix() < month.end().0 - 60 {
        let left = month.end().0 - 60 - watch.clock.now().unix();
        watch.pass(left.min(86_000).unsigned_abs()).await;
    }
    assert_eq!(watch.record().await, 0, "the month is not over");
    watch.pass(900).await;
    watch.probes(1, None).await;
    assert_eq!(watch.record().await, 1);
    assert_eq!(watch.record().await, 0, "once");

    let state = watch.state();
    let ((operator, from, watcher), recorded) = state.service_levels.reports.iter().next().unwrap();
    assert_eq!((operator.as_ref().unwrap().as_str(), watcher.as_str()), ("alpha-pki", "watcher-north"));
    assert_eq!((*from, recorded.to), (stamp(month.begin()), stamp(month.end())));
    let blob = server.blobs.lock().unwrap()[&recorded.report.sha256.to_string()].clone();
    assert_eq!(Digest::of(&blob), recorded.report.sha256);
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

    let mut watch = watch.restart(folder.path()).await;
    watch.probes(1, None).await;
    assert_eq!(watch.record().await, 0, "a restart does not report again");
}

fn stamp(time: Time) -> Timestamp {
    Timestamp::from_unix(time.0)
}
