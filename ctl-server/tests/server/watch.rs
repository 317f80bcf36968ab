//! The watch over a real ledger: from the configuration to the board, through a fault and back, and over a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ctl_host::words::Words;
use ctl_policy::sla::{BUILT_IN, Kind};
use ctl_server::blobs::Blobs;
use ctl_server::config::Monitor as Config;
use ctl_server::config::monitor::ConfiguredTarget;
use ctl_server::metrics::Metrics;
use ctl_server::monitor::run::Beside;
use ctl_server::monitor::{Code, Monitor, MonitorError, Standing};
use ctl_server::publish::{self, Publisher};

use crate::common::world::World;
use crate::network::Server;

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const DOWN: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

fn config(server: &Server) -> Config {
    let target = ConfiguredTarget {
        operator: "alpha-pki".parse().unwrap(),
        kind: Kind::Https,
        url: server.url("/health"),
    };
    Config {
        period: Words(Duration::from_millis(200)),
        hosts: [("pki.example".into(), vec!["127.0.0.1".parse().unwrap()])].into(),
        targets: vec![target],
        ..crate::served::monitor_at(&["127.0.0.0/8"])
    }
}

/// What the monitor works beside: a founded scheme in memory, and everything else below `data`.
fn beside(data: &Path) -> (Beside, publish::publisher::Running) {
    let (ledger, _) = crate::common::in_memory(&World::found_with(crate::common::world::charter()));
    let metrics = Arc::new(Metrics::new().unwrap());
    let (publisher, publishing) =
        Publisher::start(ledger.clone(), publish::Config::new(data), metrics.data_bytes()).unwrap();
    let blobs = Arc::new(Blobs::open(data).unwrap());
    (Beside { ledger, publisher, blobs, metrics, data: data.to_owned() }, publishing)
}

/// Waits until the one target stands as it should.
async fn until(monitor: &Monitor, what: &str, stands: impl Fn(&Standing) -> bool) -> Arc<Standing> {
    let look = async {
        loop {
            let board = monitor.board();
            let mut configured =
                board.targets.values().filter(|standing| standing.target.kind == Kind::Https);
            if let Some(standing) = configured.next()
                && stands(standing)
            {
                return standing.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look).await.unwrap_or_else(|_| panic!("never: {what}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_target_is_watched_through_a_fault_and_over_a_restart() {
    let server = Server::says(FINE).await;
    let (directory, config) = (tempfile::tempdir().unwrap(), config(&server));
    let (beside, publishing) = beside(directory.path());
    let (monitor, running) = Monitor::start(&beside, &config).unwrap();
    let good = until(&monitor, "a good probe", |standing| standing.good_ms.is_some()).await;
    assert!(good.last.as_ref().unwrap().is_good());
    assert_eq!(monitor.discovered().targets.len(), 1);

    server.now_says(DOWN);
    let has =
        |standing: &Standing, code| standing.last.as_ref().is_some_and(|last| last.codes().contains(&code));
    let down = until(&monitor, "the fault", |standing| has(standing, Code::EndpointDown)).await;
    assert!(down.good_ms < down.last.as_ref().map(|last| last.at_ms), "good is what it was");
    server.now_says(FINE);
    until(&monitor, "the end of the fault", |standing| standing.last.as_ref().unwrap().is_good()).await;
    let counted = monitor.counted();
    assert!(counted.started >= 3 && counted.lost == 0 && counted.targets == 1, "{counted:?}");

    running.stop().await;
    let asked = server.connections();
    tokio::time::sleep(config.period.0 * 3).await;
    assert_eq!(server.connections(), asked, "nothing is asked after the stop");
    drop(monitor);
    let (monitor, running) = Monitor::start(&beside, &config).unwrap();
    until(&monitor, "a good probe after the restart", |standing| standing.good_ms.is_some()).await;
    running.stop().await;
    publishing.stop().await;
}

#[tokio::test]
async fn what_the_monitor_cannot_use_is_named_before_it_starts() {
    let server = Server::says(FINE).await;
    let directory = tempfile::tempdir().unwrap();
    let (beside, publishing) = beside(directory.path());
    let missing = directory.path().join("missing");
    for config in [
        Config { service_levels: Some(missing.clone()), ..config(&server) },
        Config { tls_roots: vec![missing.clone()], ..config(&server) },
    ] {
        let error = Monitor::start(&beside, &config).err().unwrap();
        assert!(error.to_string().contains("missing"), "{error}");
    }
    let levels = directory.path().join("sla.toml");
    let config = Config { service_levels: Some(levels.clone()), ..config(&server) };
    for (policy, expected) in [
        ("name = 1".to_owned(), "name"),
        (BUILT_IN.replace("\"2026-1\"", "\"2026\u{2011}1\""), "printable ASCII"),
        (BUILT_IN.replace("breach_after = \"15 minutes\"", "breach_after = \"5 days\""), "breach_after"),
    ] {
        std::fs::write(&levels, policy).unwrap();
        let error = Monitor::start(&beside, &config).err().unwrap();
        assert!(matches!(error, MonitorError::Policy(_)) && error.to_string().contains(expected), "{error}");
    }
    publishing.stop().await;
}
