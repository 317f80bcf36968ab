//! What the status page says of what nobody promised, saw or knows: never that all is well.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ctl_core::Digest;
use ctl_host::clock::{Clock as _, SystemClock};
use ctl_policy::sla::{BUILT_IN, Counts, Kind, SlaPolicy};
use ctl_watch::changes::Changes;
use ctl_watch::config::{Config, ConfiguredTarget};
use ctl_watch::description::{Description, Watched as Stretch};
use ctl_watch::incident::{Cause, Incident};
use ctl_watch::reporter::{breaches_due, policy_ref};
use ctl_watch::store::{Retention, Store};
use ctl_watch::{Code, TargetId};

use crate::common::story::{World, key};
use crate::network::Server;
use crate::status::{BROWSER, FINE, HOUR_MS, is_page, page, until};
use crate::watched::{Watched, config, in_the_present};

const DAY_MS: i64 = 24 * HOUR_MS;

fn now_ms() -> i64 {
    SystemClock::new().now().unix() * 1000
}

fn write(config: &Config, changes: &Changes) {
    Store::open(&config.data.join("history"), Retention::default()).unwrap().write(changes).unwrap();
}

/// A target that was watched from so many days ago until so many days ago.
fn described(number: u32, kind: Kind, url: &str, from: i64, to: Option<i64>) -> Description {
    let ago = |days| now_ms() - days * DAY_MS;
    Description {
        number,
        kind,
        operator: "slow-pki".parse().unwrap(),
        url: url.to_owned(),
        period_ms: 86_400_000,
        watched: vec![Stretch { from_ms: ago(from), to_ms: to.map(ago) }],
        promised: Some(true),
    }
}

/// An hour's outage of a service that began so many seconds ago.
fn outage(number: u64, operator: &str, url: &str, seconds: i64) -> Incident {
    let (operator, began_ms) = (operator.parse().unwrap(), now_ms() - seconds * 1000);
    Incident {
        number,
        target: TargetId::of(Kind::Https, &operator, url).to_string(),
        kind: Kind::Https,
        operator,
        url: url.to_owned(),
        cause: Cause::Failures,
        began_ms,
        opened_ms: began_ms,
        ended_ms: None,
        unwatched: false,
        breach_ms: Some(began_ms + 60_000),
        bad_ms: 3_600_000,
        failures: 120,
        probes: 120,
        reasons: [(Code::EndpointDown, 120)].into(),
        evidence: vec![Digest::of(&number.to_be_bytes())],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_break_a_promise_and_what_is_left_out_or_gone_is_told() {
    let (server, folder) = (Server::says(FINE).await, tempfile::tempdir().unwrap());
    let service = in_the_present(World::published()).await;
    let mut config = config(&service, folder.path());
    config.watch.period = Duration::from_secs(86_400);
    let slow = server.url("/slow");
    for (operator, url) in
        [("slow-pki", &*slow), ("slow-pki", "ftp://slow.example/"), ("lost-pki", "ftp://x/")]
    {
        let operator = operator.parse().unwrap();
        config.watch.targets.push(ConfiguredTarget { operator, kind: Kind::Https, url: url.to_owned() });
    }
    let targets = [
        described(0, Kind::Https, &slow, 90, None),
        described(1, Kind::Crl, "http://slow.example/crl", 300, Some(200)),
        described(2, Kind::Est, "http://slow.example/est", 300, Some(10)),
    ];
    let mut changes = Changes::default();
    changes.targets.extend(targets.map(|one| (one.number, one)));
    // Every probe is good, and takes nine seconds.
    let mut counts = Counts { good: 24, answered: 24, fresh: 24, correct: 24, ..Counts::default() };
    (0..24).for_each(|_| counts.latency_ms.add(9000));
    let hour = u32::try_from(now_ms() / HOUR_MS).unwrap();
    for day in 0..90 {
        let counted: &mut BTreeMap<u32, Counts> = changes.hours.entry(hour - day * 24).or_default();
        counted.insert(0, counts.clone());
    }
    changes.last_probes.insert(0, now_ms() - 1000);
    write(&config, &changes);
    let watched = Watched::start(&config).await;

    let first = until(&watched, "/", "promise not kept").await;
    assert!(
        first.contains("2 named services are not watched") && !first.contains("as they should"),
        "{first}"
    );
    assert!(first.contains("2 PKI operators") && first.contains("/operators/lost-pki"), "{first}");
    let slow = page(&watched, "/operators/slow-pki").await;
    assert!(slow.contains("Not kept in 30 days: response time."), "{slow}");
    assert!(slow.contains("ftp://slow.example/") && slow.contains("only http and https"), "{slow}");
    assert!(!slow.contains("id=\"crl\""), "gone for longer than is shown");
    let (https, est) = (slow.find("id=\"https\"").unwrap(), slow.find("id=\"est\"").unwrap());
    assert!(https < est && slow[est..].contains("no longer watched"), "{slow}");
    let lost = page(&watched, "/operators/lost-pki").await;
    assert!(lost.contains("None of its services is watched.") && lost.contains("ftp://x/"), "{lost}");
    for (page, operator, status) in [(&slow, "slow-pki", 200), (&lost, "lost-pki", 404)] {
        let data = format!("/v1/sla/{operator}?format=json");
        assert_eq!(page.contains(&data), status == 200, "no way leads to nothing: {page}");
        assert_eq!(watched.get(&data).await.status, status);
    }
    let open = page(&watched, "/incidents?state=open&operator=lost-pki").await;
    assert!(open.contains("No incident is open. None of its services is watched."), "{open}");
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_an_application_named_keeps_and_breaks_no_promise() {
    let (server, folder) = (Server::says(FINE).await, tempfile::tempdir().unwrap());
    let service = in_the_present(World::published()).await;
    let mut config = config(&service, folder.path());
    config.watch.period = Duration::from_secs(86_400);
    let listed = server.url("/listed");
    config.watch.targets = vec![ConfiguredTarget {
        operator: "slow-pki".parse().unwrap(),
        kind: Kind::Https,
        url: listed.clone(),
    }];
    // An application named a second service of a kind that is on a list, and one of a kind of its own. Both failed all the
    // time, and it was withdrawn. Of a fourth an older history does not say what named it.
    let gone = |number, kind, promised| {
        let url = format!("http://slow.example/{number}");
        Description { promised, ..described(number, kind, &url, 20, Some(5)) }
    };
    let old = Description { operator: "old-pki".parse().unwrap(), ..gone(3, Kind::Crl, None) };
    let targets = [
        described(0, Kind::Https, &listed, 90, None),
        gone(1, Kind::Https, Some(false)),
        gone(2, Kind::Est, Some(false)),
        old,
    ];
    let mut changes = Changes::default();
    changes.targets.extend(targets.map(|one| (one.number, one)));
    let mut good = Counts { good: 24, answered: 24, fresh: 24, correct: 24, ..Counts::default() };
    (0..24).for_each(|_| good.latency_ms.add(40));
    let bad = Counts { bad: 24, ..Counts::default() };
    let hour = u32::try_from(now_ms() / HOUR_MS).unwrap();
    for day in 0..90 {
        let counted: &mut BTreeMap<u32, Counts> = changes.hours.entry(hour - day * 24).or_default();
        counted.insert(0, good.clone());
        if (6..19).contains(&day) {
            counted.extend((1..=3).map(|number| (number, bad.clone())));
        }
    }
    changes.last_probes.insert(0, now_ms() - 1000);
    write(&config, &changes);
    let watched = Watched::start(&config).await;

    until(&watched, "/", "/operators/slow-pki").await;
    let slow = until(&watched, "/operators/slow-pki", ": met").await;
    assert!(!slow.contains(": missed") && !slow.contains("Not kept in 30 days"), "{slow}");
    let (https, est) = (slow.find("id=\"https\"").unwrap(), slow.find("id=\"est\"").unwrap());
    assert!(https < est && slow[est..].contains("no longer watched"), "{slow}");
    assert!(!slow[..est].contains("Nothing is promised of it"), "{slow}");
    assert!(
        slow[est..].contains("Nothing is promised of it") && slow[est..].contains("<strong>0.00\u{a0}%"),
        "{slow}"
    );
    let first = page(&watched, "/").await;
    let row = first.split("href=\"/operators/slow-pki\"").last().unwrap().split("</tr>").next().unwrap();
    assert!(row.contains("promise kept"), "{row}");

    let old = until(&watched, "/operators/old-pki", "undetermined").await;
    assert!(
        old.contains("<strong>0.00\u{a0}%") && !old.contains("Nothing is promised of it"),
        "numbers: {old}"
    );
    assert!(!old.contains(": missed") && !old.contains("Not kept in 30 days"), "and no verdict: {old}");
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_has_just_started_says_what_it_does_not_know_yet() {
    let (service, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let mut config = config(&service, folder.path());
    let file = folder.path().join("watcher.pem");
    ctl_host::files::write(&file, key("watcher-north").to_pem().as_bytes(), ctl_host::files::SECRET).unwrap();
    config.watch.key = Some(file);
    let incidents = [(1, "/one"), (2, "/two")].map(|(number, path)| {
        let url = format!("http://slow.example{path}");
        (
            described(u32::try_from(number).unwrap(), Kind::Https, &url, 90, None),
            outage(number, "slow-pki", &url, 3600),
        )
    });
    let mut changes = Changes::default();
    changes.targets.extend(incidents.iter().map(|(target, _)| (target.number, target.clone())));
    changes.incidents.extend(incidents.into_iter().map(|(_, one)| (one.number, one)));
    write(&config, &changes);

    // It does not reach the scheme.
    let reachable = std::mem::replace(&mut config.scheme.server, "http://127.0.0.1:9".to_owned());
    let watched = Watched::start(&config).await;
    let first = page(&watched, "/").await;
    assert!(first.contains("2 services have trouble now</bdi></h1>"), "{first}");
    assert!(first.contains("What there is to watch is not known yet."), "{first}");
    assert!(
        first.contains("badge test\">not known yet") && first.contains("whose name is not known yet"),
        "{first}"
    );
    let manager = page(&watched, "/manager").await;
    assert!(manager.contains("not known yet") && manager.contains("Last contact"), "{manager}");
    for path in ["/operators/nobody-pki", "/incidents?operator=nobody-pki"] {
        let refused = watched.get_with(path, BROWSER).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "30"), "{path}");
        is_page(&refused);
    }
    let known = until(&watched, "/operators/slow-pki", "Broken now").await;
    assert!(known.contains("are to be watched is not known yet") && !known.contains("any more"), "{known}");
    watched.stop().await;

    // The scheme names none of these services any more, and nobody sees how they go on.
    config.scheme.server = reachable;
    let watched = Watched::start(&config).await;
    let told = until(&watched, "/incidents/1", "how it went on nobody saw").await;
    assert!(
        told.contains("Incident 1: not watched any more after ") && !told.contains("over after"),
        "{told}"
    );
    let one = watched.get("/v1/incidents/1").await.json();
    assert_eq!((&one["open"], &one["end"]), (&false.into(), &"not-watched".into()));
    let first = page(&watched, "/").await;
    assert!(
        first.contains("No list names a service to watch yet.") && !first.contains("not known yet"),
        "{first}"
    );
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_names_the_breach_that_its_claim_counts_in_whenever_others_saw_it_begin() {
    let (server, folder) = (Server::says(FINE).await, tempfile::tempdir().unwrap());
    let url = server.url("/");
    let mut world = World::published();
    world.now = SystemClock::new().now().max(world.now);
    let policy = SlaPolicy::parse(BUILT_IN).unwrap();
    let named = policy_ref(&policy).unwrap();
    // South sees it a minute later: only from then on is it a breach.
    let ours = outage(1, "alpha-pki", &url, 3600);
    for (who, seen) in
        [("watcher-north", ours.clone()), ("watcher-south", outage(2, "alpha-pki", &url, 3540))]
    {
        let incidents = [(seen.number, seen.into())].into();
        let (id, now) = (who.parse().unwrap(), world.now);
        let due =
            breaches_due(&world.state, &id, &incidents, &BTreeSet::new(), &policy, &named, now).unwrap();
        world.say(&[who], due.statements[0].clone()).unwrap();
    }
    let service = in_the_present(world).await;
    let mut config = config(&service, folder.path());
    let operator = "alpha-pki".parse().unwrap();
    config.watch.targets = vec![ConfiguredTarget { operator, kind: Kind::Https, url }];
    // Another service of the same operator, which failed in the same second, is in no log.
    let other =
        Incident { number: 2, began_ms: ours.began_ms, ..outage(2, "alpha-pki", "http://other.example/", 0) };
    let over = |one: Incident| (one.number, Incident { ended_ms: Some(now_ms() - 60_000), ..one });
    write(&config, &Changes { incidents: [over(ours), over(other)].into(), ..Changes::default() });
    let watched = Watched::start(&config).await;
    let told = until(&watched, "/incidents/1", "In the log: ").await;
    assert!(told.contains("confirmed. Seen by 2 organisations; 2 are needed (entry "), "{told}");
    assert!(!page(&watched, "/incidents/2").await.contains("In the log: "));
    watched.stop().await;

    // A watch whose key is no watcher's hides nothing of it either.
    let file = folder.path().join("nobody.pem");
    ctl_host::files::write(&file, key("elector-1").to_pem().as_bytes(), ctl_host::files::SECRET).unwrap();
    config.watch.key = Some(file);
    let watched = Watched::start(&config).await;
    assert_eq!(
        until(&watched, "/incidents/1", "In the log: ").await.matches("confirmed. Seen by 2").count(),
        1
    );
    assert!(!page(&watched, "/incidents/2").await.contains("In the log: "));
    watched.stop().await;
}
