//! What everyone can read of the watch: levels as JSON and CSV, incidents, evidence, and whether it is ready. Watched
//! here is only the service itself.

use std::collections::BTreeSet;

use ctl_core::Digest;
use ctl_watch::http::routes;
use serde_json::Value;

use crate::common::story::World;
use crate::watched::{Watched, config, in_the_present};

#[tokio::test]
async fn the_trust_list_manager_shows_its_own_level_like_everyone_elses() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let watched = Watched::start(&config(&server, folder.path())).await;
    let aggregator = watched.watch.aggregator().clone();
    watched
        .until("the service has looked at itself", async |_| {
            aggregator.settle().await;
            aggregator.levels().services.values().any(|one| one.rolling.valid() > 0).then_some(())
        })
        .await;

    let all = watched.get("/v1/sla").await.json();
    assert_eq!(all["services"][0]["operator"], "trust-list-manager");
    assert_eq!(all["services"][0]["kind"], "service");
    assert_eq!(all["services"][0]["objective"]["availability_ppm"], 999_000);
    assert_eq!(all["policy"]["sha256"].as_str().unwrap().len(), 64);

    let own = watched.get("/v1/sla/trust-list-manager").await;
    assert_eq!(own.status, 200);
    let own = own.json();
    let targets: Vec<&str> =
        own["targets"].as_array().unwrap().iter().map(|target| target["url"].as_str().unwrap()).collect();
    assert!(targets.contains(&"/log/checkpoint") && targets.contains(&"/v1/lists/na"), "{targets:?}");
    assert!(own["kinds"][0]["counts"]["good"].as_u64().unwrap() > 0, "{own}");

    for (path, headers) in [
        ("/v1/sla/trust-list-manager?format=csv", vec![]),
        ("/v1/sla/trust-list-manager", vec![("Accept", "text/csv")]),
    ] {
        let csv = watched.get_with(path, &headers).await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        let text = csv.text();
        let columns = text.lines().next().unwrap().split(',').count();
        assert!(text.lines().all(|line| line.split(',').count() == columns), "{text}");
        assert!(text.lines().any(|line| line.contains("\"/v1/lists/na\"")), "{text}");
    }

    watched.get("/v1/sla/alpha-pki").await.problem(404);
    watched.get("/v1/sla/trust-list-manager?from=yesterday").await.problem(400);
    watched
        .get("/v1/sla/trust-list-manager?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z")
        .await
        .problem(400);
    watched.get("/v1/sla/trust-list-manager?uptime=1").await.problem(400);
    assert!(watched.get("/v1/incidents?state=open").await.json()["incidents"].is_array());
    assert!(
        watched.get("/v1/incidents?operator=alpha-pki").await.json()["incidents"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    watched.get("/v1/incidents/999").await.problem(404);
    watched.get(&format!("/v1/evidence/{}", Digest::ZERO)).await.problem(404);

    let digest = aggregator
        .store()
        .put_evidence(&"alpha-pki".parse().unwrap(), 0, b"{\"type\":\"v2g-probe-evidence\"}")
        .unwrap();
    let evidence = watched.get(&format!("/v1/evidence/{digest}")).await;
    assert_eq!((evidence.status, Digest::of(&evidence.body)), (200, digest));
    let named = format!("attachment; filename=\"{digest}.json\"");
    assert_eq!(evidence.header("content-disposition"), named);
}

#[tokio::test]
async fn every_route_of_the_table_is_answered_and_in_the_document() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let watched = Watched::start(&config(&server, folder.path())).await;
    let document = watched.get("/v1/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let table = routes::table();
    for route in table.routes() {
        let pattern = route.pattern();
        let parts = [
            ("{sha256}", "0".repeat(64)),
            ("{incident}", "1".into()),
            ("{operator}", "alpha-pki".into()),
            ("{source}", "a-pool".into()),
            ("{file}", "style.css".into()),
        ];
        let path = parts.iter().fold(pattern.to_owned(), |path, (part, filled)| path.replace(part, filled));
        assert!(!path.contains('{') && paths[pattern]["get"].is_object(), "{pattern}");
        let answer = watched.get(&path).await;
        let is_described = paths[pattern]["get"]["responses"][answer.status.to_string()].is_object();
        assert!(is_described && ![405, 500].contains(&answer.status), "{path}: {answer:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("there is nothing at"), "{path}");
        let refused = watched.send("DELETE", &path, &[]).await;
        assert_eq!((refused.status, refused.header("allow")), (405, &*route.allow()), "{path}");
    }
    let known: BTreeSet<&str> = table.routes().iter().map(|route| route.pattern()).collect();
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(described, known, "nothing is described that is not there");
}

/// The answer of `/readyz` once the scheme is followed.
async fn ready(watched: &Watched) -> Value {
    watched
        .until("ready", async |watched| {
            let answer = watched.get("/readyz").await;
            (answer.status == 200).then(|| answer.json())
        })
        .await
}

#[tokio::test]
async fn a_history_that_was_damaged_is_told_until_somebody_has_looked() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let config = config(&server, folder.path());
    let watched = Watched::start(&config).await;
    assert_eq!(ready(&watched).await["history_damaged"], 0);
    watched.stop().await;

    let history = config.data.join("history");
    std::fs::write(history.join("watch.db"), "no database at all").unwrap();
    let watched = Watched::start(&config).await;
    // It goes on with a new one: what is lost is told, and is no reason to watch nothing.
    let told = ready(&watched).await;
    assert_eq!((&told["status"], &told["history_damaged"]), (&"ready".into(), &1.into()), "{told}");
    assert!(watched.get("/metrics").await.text().contains("\nctl_watch_store_damaged 1\n"));
    for entry in std::fs::read_dir(&history).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().contains(".damaged-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(ready(&watched).await["history_damaged"], 0);
    watched.stop().await;
}

#[tokio::test]
async fn a_part_that_fails_makes_the_watch_not_ready() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let watched = Watched::start(&config(&server, folder.path())).await;
    assert_eq!(ready(&watched).await["signing"], "off");
    watched.supervisor.watch("the deserter", tokio::spawn(async {})).await.unwrap();
    let answer = watched.get("/readyz").await;
    let problems = answer.json()["problems"].to_string();
    assert!(answer.status == 503 && problems.contains("the deserter"), "{problems}");
}
