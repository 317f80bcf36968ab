//! What a watcher says to the log from outside: an outage is claimed and ended once, whatever is lost on the way, and two
//! organisations together confirm it.

use std::collections::BTreeSet;

use ctl_core::Timestamp;
use ctl_core::role::Role;
use ctl_governance::State;
use ctl_governance::service_levels::Told;
use ctl_host::clock::Clock as _;
use ctl_watch::Code;
use ctl_watch::reporter::{ReporterError, breaches_due, in_log, policy_ref};

use crate::common::story::na;
use crate::common::{Lie, log_files};
use crate::watcher::{Watcher, scheme};

#[tokio::test]
async fn an_outage_is_claimed_and_ended_once_whatever_the_watch_forgets() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!((watch.record().await, watch.claims()), (1, (1, 1)));
    assert_eq!(watch.record().await, 0, "once");
    let mut watch = watch.restart(folder.path()).await;
    assert_eq!(watch.record().await, 0, "a restart does not say it again");

    // What it remembers of the scheme is gone, with every note of what it has sent.
    std::fs::remove_dir_all(folder.path().join("replica")).unwrap();
    let mut watch = watch.restart(folder.path()).await;
    assert_eq!((watch.record().await, watch.claims(), watch.sent()), (0, (1, 1), 1));
    watch.probes(5, None).await;
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    assert_eq!((watch.claims(), watch.sent()), ((1, 0), 2));
}

#[tokio::test]
async fn an_outage_that_lasts_is_not_called_over_because_its_incident_cannot_be_read() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!((watch.record().await, watch.claims()), (1, (1, 1)));
    let (server, clock, who) = watch.stop().await;
    let kept = rusqlite::Connection::open(folder.path().join("history/watch.db")).unwrap();
    let whole: String = kept.query_row("SELECT incident FROM incidents", [], |row| row.get(0)).unwrap();
    let write = |text: &str| kept.execute("UPDATE incidents SET incident = ?1 WHERE number = 1", [text]);
    assert_eq!(write("{").unwrap(), 1);

    let mut watch = Watcher::begin(&server, &clock, who, folder.path()).await;
    watch.pass(600).await;
    assert!(matches!(watch.try_record().await, Err(ReporterError::Unread)));
    assert_eq!((watch.claims(), watch.sent()), ((1, 1), 1), "nobody saw it end");

    // Whoever repairs the row has the claim go on.
    watch.stop().await;
    assert_eq!(write(&whole).unwrap(), 1);
    let mut watch = Watcher::begin(&server, &clock, who, folder.path()).await;
    watch.probes(5, None).await;
    assert_eq!((watch.record().await, watch.claims().1), (1, 0));
}

#[tokio::test]
async fn an_answer_that_is_lost_or_comes_late_makes_no_second_claim() {
    // Recorded or not: nobody hears of it. Recorded, and the log is shown as it was.
    for (records, hides) in [(true, false), (false, false), (true, true)] {
        let (server, clock, folder) = scheme().await;
        let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
        watch.probes(20, Some(Code::TcpRefused)).await;
        watch.replica.sync().await.unwrap();
        let before = log_files(&server.world.lock().unwrap());
        watch.lie(if hides { Lie::Hides(before) } else { Lie::HangsUp { records } });
        match watch.try_record().await {
            Ok(made) => assert!(records && !hides && made == 1, "the log has it"),
            Err(ReporterError::Later(why)) => assert!(hides || !records, "{why}"),
            Err(error) => panic!("{error}"),
        }
        let sent = watch.sent();
        // Still the same, and the same statement: nothing else is said before.
        if hides || !records {
            assert!(matches!(watch.try_record().await, Err(ReporterError::Later(_))));
        }
        let mut watch = watch.restart(folder.path()).await;
        watch.lie(Lie::None);
        assert_eq!(watch.record().await, 0, "what was sent is what is due");
        assert_eq!(watch.claims(), (1, 1), "{records} {hides}");
        assert!(watch.sent() >= sent);
        watch.probes(5, None).await;
        assert_eq!((watch.record().await, watch.claims()), (1, (1, 0)));
    }
}

#[tokio::test]
async fn what_is_proven_leaves_no_note_and_a_damaged_statement_stops_nothing() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    let memory = folder.path().join("replica").join(watch.state().scheme.to_string());
    let files = |of: &str| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(memory.join(of)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
    };
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!((watch.record().await, files("receipts").len()), (1, 1));
    assert_eq!((watch.record().await, files("receipts").len()), (0, 0), "the log has it");

    watch.probes(5, None).await;
    watch.lie(Lie::HangsUp { records: false });
    assert!(matches!(watch.try_record().await, Err(ReporterError::Later(_))));
    std::fs::write(&files("sent")[0], "{\"statement\": ").unwrap();
    std::fs::write(memory.join("receipts/torn.json"), "{").unwrap();
    watch.lie(Lie::None);
    assert_eq!((watch.record().await, watch.claims()), (1, (1, 0)));
}

#[tokio::test]
async fn a_watch_whose_clock_is_behind_the_log_claims_nothing() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    {
        let mut world = server.world.lock().unwrap();
        world.wait(3600);
        world.open_draft(&Role::List(na())).unwrap();
    }
    let Err(ReporterError::Later(why)) = watch.try_record().await else { panic!() };
    assert!(why.contains("clock") && watch.sent() == 0, "{why}");
}

#[tokio::test]
async fn two_watchers_of_two_organisations_confirm_a_breach() {
    let (server, clock, _folder) = scheme().await;
    let (north, south) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut north = Watcher::begin(&server, &clock, "watcher-north", north.path()).await;
    let mut south = Watcher::begin(&server, &clock, "watcher-south", south.path()).await;
    for _ in 0..20 {
        // Both see it in the same half minute.
        north.probes(1, Some(Code::TcpRefused)).await;
        south.probes(1, Some(Code::TcpRefused)).await;
    }
    let breaches = || server.world.lock().unwrap().state.service_levels.breaches.size();
    assert_eq!((north.record().await, breaches()), (1, 0), "one alone confirms nothing");
    // Each finds its own claim in the log, though the breach began when the second of them saw it.
    let incidents = north.aggregator.incidents();
    let of = |who: &str, state: &State| {
        in_log(state, Some(&who.parse().unwrap()), &incidents[&1])
            .map(|told| (told.opened_at(), matches!(told, Told::Breach(_))))
    };
    let (began, before) = (Timestamp::from_unix(incidents[&1].began_ms / 1000), north.state());
    assert_eq!(of("watcher-north", &before), Some((began, false)));
    assert_eq!(of("watcher-south", &before), None, "it said nothing yet");
    assert_eq!((south.record().await, breaches()), (1, 1));
    let (at, is_breach) = of("watcher-north", &north.state()).unwrap();
    assert!(at > began && is_breach);
    let outages = server.world.lock().unwrap().state.outages();
    let outage = serde_json::to_value(&outages[0]).unwrap();
    assert_eq!((outages.len(), &outage["confirmed"], &outage["needed"]), (1, &true.into(), &2.into()));
    assert_eq!(outage["claims"].as_array().unwrap().len(), 2);
    assert_eq!((north.record().await, south.record().await), (0, 0));
}

#[tokio::test]
async fn a_thief_of_evidence_keeps_nobody_out_of_the_log() {
    let (server, clock, folder) = scheme().await;
    let mut north = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    north.probes(20, Some(Code::TcpRefused)).await;
    // What north sends is held back, and passed on to south, who claims it as its own.
    north.lie(Lie::HangsUp { records: false });
    assert!(matches!(north.try_record().await, Err(ReporterError::Later(_))));
    let (incidents, south) = (north.aggregator.incidents(), "watcher-south".parse().unwrap());
    let policy = north.aggregator.policy();
    let named = policy_ref(policy).unwrap();
    let due = breaches_due(&north.state(), &south, &incidents, &BTreeSet::new(), policy, &named, clock.now())
        .unwrap();
    server.world.lock().unwrap().say(&["watcher-south"], due.statements[0].clone()).unwrap();

    north.lie(Lie::None);
    let error = north.try_record().await.unwrap_err().to_string();
    assert!(error.contains("have named all of their evidence before"), "{error}");
    assert_eq!(north.claims(), (1, 1), "south's");
    north.probes(1, Some(Code::TcpRefused)).await;
    assert_eq!((north.record().await, north.record().await), (1, 0), "the next answer is north's own");
    let found = north.claimed()[1].found.evidence.clone();
    let fresh = found.iter().find(|digest| !due.statements[0].evidence.contains(digest)).unwrap();
    assert!(north.aggregator.store().evidence(fresh).unwrap().is_some());
    assert_eq!(north.state().service_levels.confirmed().count(), 1);
}

#[tokio::test]
async fn what_the_log_refuses_is_tried_again_after_pauses_that_grow() {
    let (server, clock, folder) = scheme().await;
    let mut north = Watcher::begin(&server, &clock, "watcher-north", folder.path()).await;
    north.probes(20, Some(Code::TcpRefused)).await;
    // The service's clock stands still: what is signed comes from the future.
    let stopped = clock.now();
    clock.pass(3600);
    for sent in [1, 2, 3] {
        for _ in 0..5 {
            let error = north.try_record().await.unwrap_err().to_string();
            assert!(error.contains("sla.breach"), "{error}");
            assert_eq!(north.sent(), sent, "{error}");
        }
        clock.pass(10 << (sent - 1));
    }
    for _ in 0..360 {
        clock.pass(60);
        north.try_record().await.unwrap_err();
    }
    assert!((12..18).contains(&north.sent()), "{} in six hours", north.sent());
    assert_eq!(server.world.lock().unwrap().now, stopped);
    // It goes right again, and an hour later at most the log has it.
    north.pass(3600).await;
    assert_eq!((north.record().await, north.claims()), (1, (1, 1)));
}

#[tokio::test]
async fn the_key_of_nobody_who_watches_says_nothing() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watcher::begin(&server, &clock, "elector-1", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    for who in ["elector-1", "recorder", "nobody"] {
        watch.who = who;
        let error = watch.try_record().await.unwrap_err().to_string();
        assert!(error.contains("whom the charter names as a watcher"), "{who}: {error}");
    }
    // About its own organisation's service a watcher says nothing.
    watch.who = "alpha-watcher";
    assert_eq!((watch.record().await, watch.sent(), watch.claims()), (0, 0, (0, 0)));
    watch.who = "watcher-south";
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    // What another watcher has said is none of this one's.
    watch.who = "watcher-north";
    let error = watch.try_record().await.unwrap_err().to_string();
    assert!(
        error.contains("have named all of their evidence"),
        "one watch with two keys is one watch: {error}"
    );
}
