//! What everyone can read of the services that are watched: which, how each stands, where a Prometheus finds them,
//! and who is to be told when one of them is in trouble.

use std::collections::BTreeSet;
use std::path::Path;

use ctl_core::parts::Services;
use ctl_governance::statement::body::{ApplicationSubmit, Candidate};
use ctl_policy::sla::{BUILT_IN, Kind};
use ctl_watch::config::{Config, ConfiguredTarget};
use serde_json::{Value, json};

use crate::common::story::{self, World};
use crate::network::Server;
use crate::status::page;
use crate::watched::{Watched, config, in_the_present};

const DOWN: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/// The application of an operator whose root declares a service of each kind at this server.
fn application(operator: &str, server: &Server) -> ApplicationSubmit {
    let at = |path: &str| vec![server.url(&format!("/{operator}/{path}")).parse().unwrap()];
    let services =
        Services { ocsp: at("ocsp"), crl: at("root.crl"), est: at("cacerts"), root_pool: at("pool") };
    let mut application = story::application(story::root(operator).root().certificate().der().to_vec());
    let Candidate::Root { services: declared, .. } = &mut application.candidate else { panic!("not a root") };
    *declared = services;
    application
}

/// Alpha is on the list, and nobody has decided on Beta yet.
fn scheme(server: &Server) -> World {
    let mut world = World::published_with(story::charter());
    let alpha = world.say(&["alpha-pki"], application("alpha-pki", server)).unwrap();
    world.attach_all(alpha);
    world.screen(alpha, Vec::new()).unwrap();
    world.wait(14 * 86_400);
    let proposal = world.proposal_to_admit(alpha);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.decide(proposal);
    world.say(&["beta-pki"], application("beta-pki", server)).unwrap();
    world
}

/// Names lead to the server in this process, which is down; nothing else is called.
fn down(service: &crate::common::Server, folder: &Path) -> Config {
    let policy = folder.join("sla.toml");
    let tell = "[[tell]]\nparticipants = [\"elector-1\"]\n\
                [[tell]]\noperator = \"alpha-pki\"\nparticipants = [\"elector-2\"]\n";
    std::fs::write(&policy, format!("{BUILT_IN}\n{tell}")).unwrap();
    let inside = ConfiguredTarget {
        operator: "alpha-pki".parse().unwrap(),
        kind: Kind::Https,
        url: "http://10.0.0.1/inside".into(),
    };
    let mut config = config(service, folder);
    config.watch.targets = vec![inside];
    config.watch.service_levels = Some(policy);
    config
}

fn of<'a>(targets: &'a Value, operator: &str) -> Vec<&'a Value> {
    targets["targets"].as_array().unwrap().iter().filter(|target| target["operator"] == operator).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_sees_what_is_watched_and_a_prometheus_finds_what_was_promised() {
    let (server, folder) = (Server::says(DOWN).await, tempfile::tempdir().unwrap());
    let service = in_the_present(scheme(&server)).await;
    let watched = Watched::start(&down(&service, folder.path())).await;
    let ocsp_of =
        |all: &Value| of(all, "alpha-pki").into_iter().find(|target| target["kind"] == "ocsp").cloned();
    let all = watched
        .until("every service to have been probed, and an answer of one of them", async |watched| {
            let all = watched.get("/v1/targets").await;
            assert_eq!((all.status, all.header("content-type")), (200, "application/json"));
            let all = all.json();
            let is_probed = |target: &&Value| target["last_probe_ms"].is_u64();
            let probed = |operator| of(&all, operator).into_iter().filter(is_probed).count();
            // A probe that the machine kept waiting has found something else.
            let answered = ocsp_of(&all).is_some_and(|ocsp| ocsp["findings"][0]["reason"] == "http_status");
            (probed("alpha-pki") == 5 && probed("beta-pki") == 4 && answered).then_some(all)
        })
        .await;

    for (operator, kinds) in [
        ("alpha-pki", ["crl", "est", "https", "ocsp", "root-pool"].as_slice()),
        ("beta-pki", ["crl", "est", "ocsp", "root-pool"].as_slice()),
    ] {
        let found: BTreeSet<&str> =
            of(&all, operator).iter().map(|target| target["kind"].as_str().unwrap()).collect();
        assert_eq!(found, kinds.iter().copied().collect(), "{operator}");
    }
    let ocsp = ocsp_of(&all).unwrap();
    let members: Vec<&str> = ocsp.as_object().unwrap().keys().map(String::as_str).collect();
    let shape = "findings good kind last_answer_ms last_good_ms last_probe_ms lists next_update operator period_ms \
                 target this_update url watched_since_ms";
    assert_eq!(members, shape.split(' ').collect::<Vec<_>>());
    assert_eq!(ocsp["url"], server.url("/alpha-pki/ocsp"));
    assert_eq!(
        (&ocsp["lists"], &ocsp["period_ms"], &ocsp["good"]),
        (&json!(["na"]), &json!(200), &json!(false))
    );
    assert!(ocsp["last_answer_ms"].is_null() && ocsp["last_good_ms"].is_null(), "{ocsp}");
    let finding = &ocsp["findings"][0];
    assert_eq!((&finding["reason"], &finding["severity"]), (&json!("http_status"), &json!("error")));
    assert!(finding["detail"].as_str().unwrap().contains("503"), "{finding}");
    assert_eq!(finding["address"], server.address.to_string());
    let inside = of(&all, "alpha-pki").into_iter().find(|target| target["kind"] == "https").unwrap();
    assert_eq!(inside["findings"][0]["reason"], "address_forbidden");
    assert!(of(&all, "trust-list-manager").len() >= 2, "the service itself, too");

    // An exporter calls whatever it is told: not what an applicant names, nor what leads inside.
    let discovery = watched.get("/v1/targets/prometheus").await;
    assert_eq!((discovery.status, discovery.header("content-type")), (200, "application/json"));
    let group = |kind: &str, module: &str, path: &str| {
        json!({
            "targets": [server.url(&format!("/alpha-pki/{path}"))],
            "labels": { "pki": "alpha-pki", "kind": kind, "__param_module": module },
        })
    };
    let mut groups: Vec<Value> = serde_json::from_value(discovery.json()).unwrap();
    groups.sort_by_key(|group| group["labels"]["kind"].as_str().unwrap().to_owned());
    assert_eq!(
        groups,
        [
            group("crl", "ctl_crl", "root.crl"),
            group("est", "ctl_est", "cacerts"),
            group("ocsp", "ctl_ocsp", "ocsp"),
            group("root-pool", "ctl_root_pool", "pool"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_says_who_is_to_be_told_of_it() {
    let (server, folder) = (Server::says(DOWN).await, tempfile::tempdir().unwrap());
    let service = in_the_present(scheme(&server)).await;
    let watched = Watched::start(&down(&service, folder.path())).await;
    for (operator, tell) in [
        ("alpha-pki", json!(["alpha-pki", "elector-1", "elector-2"])),
        ("beta-pki", json!(["beta-pki", "elector-1"])),
    ] {
        let open = format!("/v1/incidents?operator={operator}&state=open");
        let incident = watched
            .until("an incident", async |watched| {
                let open = watched.get(&open).await.json();
                open["incidents"].as_array().unwrap().first().cloned()
            })
            .await;
        assert_eq!(incident["tell"], tell);
        let number = &incident["incident"];
        assert_eq!(watched.get(&format!("/v1/incidents/{number}")).await.json()["tell"], tell);
        // Levels are computed beside everything else.
        let aggregator = watched.watch.aggregator();
        let level = watched
            .until("a level", async |watched| {
                aggregator.settle().await;
                let level = watched.get(&format!("/v1/sla/{operator}")).await;
                (level.status == 200).then(|| level.json())
            })
            .await;
        assert_eq!(level["tell"], tell);
        // Beta only applies: it promised nothing, and breaks no promise.
        let is_promised = operator == "alpha-pki";
        let one = page(&watched, &format!("/incidents/{number}")).await;
        let words = "no: nothing is promised, it only applies";
        assert!(one.contains(words) != is_promised, "{operator}: {one}");
        let services = page(&watched, &format!("/operators/{operator}")).await;
        assert!(services.contains("Nothing is promised of it") != is_promised, "{services}");
        assert!(services.contains(": missed") == is_promised, "{services}");
    }
    let first = page(&watched, "/").await;
    let of = |operator: &str| first.split(&format!("href=\"/operators/{operator}\"")).last().unwrap();
    let [alpha, beta] = ["alpha-pki", "beta-pki"].map(|operator| of(operator).split("</tr>").next().unwrap());
    assert!(alpha.contains("promise not kept") && !alpha.contains("nothing promised"), "{alpha}");
    assert!(beta.contains("nothing promised") && !beta.contains("promise not kept"), "{beta}");
}
