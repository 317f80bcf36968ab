//! Somebody else's list, followed: a folder of certificates, in which one appears, one vanishes, and something else comes.

use std::path::Path;
use std::time::Duration;

use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use ctl_watch::config::Source;
use serde_json::Value;

use crate::common::story::World;
use crate::watched::{Watched, config, in_the_present};

fn put(folder: &Path, name: &str) -> String {
    let root = roots(name);
    std::fs::write(folder.join(format!("{name}.der")), root.der()).unwrap();
    hex::encode(root.sha256())
}

fn roots(name: &str) -> ctl_pki::Certificate {
    let spec = PkiSpec::new(PkiKind::V2g, name, "NL", "Somebody else", name, 1_790_000_000);
    Pki::generate(&spec).unwrap().root().certificate().clone()
}

fn fingerprints(told: &Value) -> Vec<&str> {
    told.as_array().unwrap().iter().map(|one| one["fingerprint"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_appears_and_vanishes_elsewhere_is_told_and_nothing_is_lost_while_it_cannot_be_read() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let theirs = folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    let (one, two) = (put(&theirs, "one"), put(&theirs, "two"));
    let source = Source {
        name: "their-store".parse().unwrap(),
        period: Duration::from_millis(20),
        source: ctl_sources::Source::at(theirs.to_str().unwrap()),
    };
    let mut config = config(&server, folder.path());
    config.sources = vec![
        source.clone(),
        Source { name: "nothing".parse().unwrap(), source: ctl_sources::Source::at("/nowhere"), ..source },
    ];
    let watched = Watched::start(&config).await;
    let shown = async |wanted: &dyn Fn(&Value) -> bool| {
        let look = async |watched: &Watched| {
            let shown = watched.get("/v1/sources/their-store").await.json();
            wanted(&shown).then_some(shown)
        };
        watched.until("the source stands so", look).await
    };
    let first = shown(&|one| one["roots"] == 2).await;
    assert_eq!((&first["incidents"], &first["open"]), (&Value::Array(vec![]), &Value::Null));
    let page = watched.get("/v1/sources/their-store/roots?limit=1").await.json();
    let rest = watched
        .get(&format!("/v1/sources/their-store/roots?after={}", page["next"].as_str().unwrap()))
        .await
        .json();
    let mut both = [fingerprints(&page["roots"]), fingerprints(&rest["roots"])].concat();
    both.sort_unstable();
    let mut expected = vec![one.as_str(), two.as_str()];
    expected.sort_unstable();
    assert_eq!(both, expected);

    // The old one goes and a new one comes in one move, as far as a look can tell.
    let (next, three) = (folder.path().join("next"), "three");
    std::fs::create_dir(&next).unwrap();
    std::fs::copy(theirs.join("one.der"), next.join("one.der")).unwrap();
    let three = put(&next, three);
    std::fs::rename(&theirs, folder.path().join("before")).unwrap();
    shown(&|one| one["open"]["cause"] == "unread").await;
    std::fs::rename(&next, &theirs).unwrap();
    let moved = shown(&|one| one["appeared"] == 1 && one["open"].is_null()).await;
    let incidents = moved["incidents"].as_array().unwrap();
    let of = |cause: &str| incidents.iter().find(|one| one["cause"] == cause).unwrap();
    assert_eq!(fingerprints(&of("moved")["appeared"]), [three.as_str()]);
    assert_eq!(fingerprints(&of("moved")["vanished"]), [two.as_str()]);
    assert!(of("unread")["ended_at"].is_string(), "{incidents:?}");
    let metrics = watched.get("/metrics").await.text();
    for line in [
        "ctl_source_changes_total{source=\"their-store\",change=\"vanished\"} 1",
        "ctl_source_readable{source=\"nothing\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
    let nothing = watched.get("/v1/sources/nothing").await.json();
    assert!(nothing["open"]["detail"].as_str().unwrap().contains("/nowhere"), "{nothing}");
    watched.get("/v1/sources/of-nobody").await.problem(404);
    watched.stop().await;
}
