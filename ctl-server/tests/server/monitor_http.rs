//! What everyone can read of the watch: levels as JSON and CSV, incidents, evidence. Watched here is only the trust
//! list manager itself, so that nothing is called.

use ctl_core::Digest;

use crate::common::world::{self, World};
use crate::served::Served;

#[tokio::test]
async fn the_trust_list_manager_shows_its_own_level_like_everyone_elses() {
    let served = Served::start_watching(&World::published_with(world::charter())).await;
    let keeper = served.monitor.as_ref().unwrap().keeper().clone();
    served
        .until("the service has looked at itself", async |_| {
            keeper.settle().await;
            keeper.levels().services.values().any(|one| one.rolling.valid() > 0).then_some(())
        })
        .await;

    let all = served.get("/v1/sla").await.json();
    assert_eq!(all["services"][0]["operator"], "trust-list-manager");
    assert_eq!(all["services"][0]["kind"], "service");
    assert_eq!(all["services"][0]["objective"]["availability_ppm"], 999_000);
    assert_eq!(all["policy"]["sha256"].as_str().unwrap().len(), 64);

    let own = served.get("/v1/sla/trust-list-manager").await;
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
        let csv = served.get_with(path, &headers).await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        let text = csv.text();
        let columns = text.lines().next().unwrap().split(',').count();
        assert!(text.lines().all(|line| line.split(',').count() == columns), "{text}");
        assert!(text.lines().any(|line| line.contains("\"/v1/lists/na\"")), "{text}");
    }

    served.get("/v1/sla/alpha-pki").await.problem(404);
    served.get("/v1/sla/trust-list-manager?from=yesterday").await.problem(400);
    served
        .get("/v1/sla/trust-list-manager?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z")
        .await
        .problem(400);
    served.get("/v1/sla/trust-list-manager?uptime=1").await.problem(400);
    assert!(served.get("/v1/incidents?state=open").await.json()["incidents"].is_array());
    assert!(
        served.get("/v1/incidents?operator=alpha-pki").await.json()["incidents"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    served.get("/v1/incidents/999").await.problem(404);
    served.get(&format!("/v1/evidence/{}", Digest::ZERO)).await.problem(404);

    let digest = keeper
        .store()
        .put_evidence(&"alpha-pki".parse().unwrap(), 0, b"{\"type\":\"v2g-probe-evidence\"}")
        .unwrap();
    let evidence = served.get(&format!("/v1/evidence/{digest}")).await;
    assert_eq!((evidence.status, Digest::of(&evidence.body)), (200, digest));
    assert_eq!(evidence.header("content-disposition"), "attachment");
}

#[tokio::test]
async fn a_server_that_watches_nothing_says_so() {
    let served = Served::start(&World::published_with(world::charter())).await;
    for path in ["/v1/sla", "/v1/sla/alpha-pki", "/v1/incidents", "/v1/incidents/1"] {
        let problem = served.get(path).await.problem(404);
        assert!(problem["detail"].as_str().unwrap().contains("[monitor]"), "{path}: {problem}");
    }
}
