//! The watch over a real log: from the configuration to the standings, through a fault and back, and over a restart.

use std::sync::Arc;

use ctl_policy::sla::{BUILT_IN, Kind};
use ctl_watch::config::{self, Config, ConfiguredTarget};
use ctl_watch::follow::{Contact, Signing};
use ctl_watch::metrics::Metrics;
use ctl_watch::run::Watch;
use ctl_watch::{Code, Standing, StartError};

use crate::common::story::World;
use crate::network::Server;
use crate::watched::{Watched, in_the_present};

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const DOWN: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/// A watch of a service that has nothing on its lists; it watches one address besides.
async fn one_target(server: &Server) -> (Arc<crate::common::Server>, tempfile::TempDir, Config) {
    let (service, folder) = (in_the_present(World::found()).await, tempfile::tempdir().unwrap());
    let mut config = crate::watched::config(&service, folder.path());
    let operator = "alpha-pki".parse().unwrap();
    config.watch.targets = vec![ConfiguredTarget { operator, kind: Kind::Https, url: server.url("/health") }];
    (service, folder, config)
}

/// Waits until the one target stands as it should.
async fn until(watched: &Watched, what: &str, stands: impl Fn(&Standing) -> bool) -> Arc<Standing> {
    watched
        .until(what, async |watched| {
            let standings = watched.watch.standings();
            let configured = standings.targets.values().find(|standing| standing.target.kind == Kind::Https);
            configured.filter(|standing| stands(standing)).cloned()
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_target_is_watched_through_a_fault_and_over_a_restart() {
    let server = Server::says(FINE).await;
    let (_service, _folder, config) = one_target(&server).await;
    let watched = Watched::start(&config).await;
    let is_good = |standing: &Standing| standing.last.as_ref().is_some_and(|last| last.is_good());
    // One after it may have been too slow again.
    let good = |standing: &Standing| standing.good_ms.is_some() && is_good(standing);
    until(&watched, "a good probe", good).await;
    assert_eq!(watched.watch.discovered().targets.len(), 1);

    server.now_says(DOWN);
    let has =
        |standing: &Standing, code| standing.last.as_ref().is_some_and(|last| last.codes().contains(&code));
    let down = until(&watched, "the fault", |standing| has(standing, Code::EndpointDown)).await;
    assert!(down.good_ms < down.last.as_ref().map(|last| last.at_ms), "good is what it was");
    server.now_says(FINE);
    until(&watched, "the end of the fault", is_good).await;
    let counted = watched.watch.counted();
    assert!(counted.started >= 3 && counted.lost == 0 && counted.targets == 1, "{counted:?}");

    watched.stop().await;
    // The connection of a probe that the stop cut off may be taken only now.
    tokio::time::sleep(config.watch.period * 3).await;
    let asked = server.connections();
    tokio::time::sleep(config.watch.period * 3).await;
    assert_eq!(server.connections(), asked, "nothing is asked after the stop");
    let watched = Watched::start(&config).await;
    until(&watched, "a good probe after the restart", |standing| standing.good_ms.is_some()).await;
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_a_breach_is_seen_and_nothing_is_said_of_it() {
    let server = Server::says(DOWN).await;
    let (service, folder, mut config) = one_target(&server).await;
    let levels = folder.path().join("sla.toml");
    let soon = BUILT_IN.replace("breach_after = \"1 hour\"", "breach_after = \"1 second\"");
    std::fs::write(&levels, soon).unwrap();
    config.watch.service_levels = Some(levels);
    let watched = Watched::start(&config).await;
    let breach_ms = watched
        .until("a breach", async |watched| {
            watched.watch.aggregator().incidents().values().find_map(|incident| incident.breach_ms)
        })
        .await;
    let looked_since = |contact| matches!(contact, Contact::Good(at) if at.unix() * 1000 > breach_ms);
    watched
        .until("another look at the log", async |watched| {
            looked_since(watched.watch.followed().contact).then_some(())
        })
        .await;
    assert_eq!(watched.watch.followed().signing, Signing::Off);
    assert!(service.sent.lock().unwrap().is_empty());
    watched.stop().await;
}

#[tokio::test]
async fn what_the_watch_cannot_use_is_named_before_it_starts() {
    let server = Server::says(FINE).await;
    let (_service, folder, config) = one_target(&server).await;
    let metrics = Arc::new(Metrics::new().unwrap());
    let refused = |config: &Config| Watch::start(config, &metrics).err().unwrap();
    let missing = folder.path().join("missing");
    let with_levels = |levels| {
        let watch = config::Watch { service_levels: Some(levels), ..config.watch.clone() };
        Config { watch, ..config.clone() }
    };
    let with_roots = ctl_fetch::Options { tls_roots: vec![missing.clone()], ..config.fetch.clone() };
    for config in [with_levels(missing), Config { fetch: with_roots, ..config.clone() }] {
        let error = refused(&config);
        assert!(error.to_string().contains("missing"), "{error}");
    }
    let levels = folder.path().join("sla.toml");
    for (policy, expected) in [
        ("name = 1".to_owned(), "name"),
        (BUILT_IN.replace("\"2026-1\"", "\"2026\u{2011}1\""), "printable ASCII"),
        (BUILT_IN.replace("breach_after = \"15 minutes\"", "breach_after = \"5 days\""), "breach_after"),
    ] {
        std::fs::write(&levels, policy).unwrap();
        let error = refused(&with_levels(levels.clone()));
        assert!(matches!(error, StartError::Policy(_)) && error.to_string().contains(expected), "{error}");
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}
