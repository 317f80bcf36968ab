//! What callers see of breaches: one watcher's claim is not confirmed, and two organisations' are.

use ctl_core::Timestamp;
use ctl_core::parts::PolicyRef;
use ctl_governance::statement::body::{BreachPhase, Measured, Objective, Service, SlaBreach};
use serde_json::{Value, json};

use super::*;

/// What a watcher says: alpha's responder has been down for ten minutes.
fn claim(now: Timestamp, watcher: &str) -> SlaBreach {
    SlaBreach {
        closed_at: None,
        evidence: vec![Digest::of(watcher.as_bytes())],
        measured: Measured { good: 86_000, missing: 12, valid: 86_388 },
        objective: Objective {
            name: "availability".parse().unwrap(),
            target_ppm: 999_000,
            window_seconds: 30 * world::DAY,
        },
        opened: None,
        opened_at: now.minus_seconds(600),
        phase: BreachPhase::Opened,
        policy: PolicyRef {
            name: "service-levels".parse().unwrap(),
            sha256: Digest::of(b"the service level policy"),
            version: "2026-1".parse().unwrap(),
        },
        reasons: [("tcp_refused".parse().unwrap(), 20)].into(),
        service: Service {
            kind: "ocsp".parse().unwrap(),
            operator: Some("alpha-pki".parse().unwrap()),
            url: Some("http://ocsp.alpha.example/".parse().unwrap()),
        },
    }
}

/// Has a watcher say it, and gives what is shown then.
async fn say(served: &Served, watcher: &str, nonce: u64, body: SlaBreach) -> Vec<Value> {
    let snapshot = served.ledger.snapshot();
    let statement = crate::common::statement(&snapshot, served.now(), watcher, nonce, body);
    let answer = served.post("/v1/statements", &bytes_of(&statement)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    served.get("/v1/breaches").await.json()["breaches"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_claim_is_shown_as_unconfirmed_until_another_organisation_says_the_same() {
    let mut world = World::published();
    world.wait(3600);
    let served = Served::start(&world).await;
    let now = served.now();
    assert_eq!(served.get("/v1/breaches").await.json(), json!({ "breaches": [], "next": null }));

    // Two watchers of one organisation count once.
    let mut expected = Vec::new();
    for (watcher, organisations) in [("watcher-north", 1), ("watcher-north-2", 1), ("watcher-south", 2)] {
        expected.push(watcher);
        let nonce = expected.len() as u64;
        let breaches = say(&served, watcher, nonce, claim(now, watcher)).await;
        let claims: Vec<&str> = breaches
            .iter()
            .flat_map(|breach| breach["claims"].as_array().unwrap())
            .map(|claim| claim["watcher"].as_str().unwrap())
            .collect();
        assert_eq!(claims, expected);
        let is_confirmed = organisations == 2;
        for breach in &breaches {
            assert_eq!(breach["service"]["operator"], "alpha-pki");
            assert_eq!(
                (&breach["confirmed"], &breach["needed"]),
                (&json!(is_confirmed), &json!(2)),
                "{breach}"
            );
            assert_eq!(breach["organisations"], organisations, "{breach}");
            assert!(breach["closed"].is_null(), "{breach}");
        }
        assert_eq!(breaches.len(), if is_confirmed { 1 } else { expected.len() });
        // The operator's page tells people the same.
        let page = served.get_with("/participants/alpha-pki", &[("Accept", "text/html")]).await.text();
        let told = |word: &str| page.matches(&format!(">{word}</span> its service ocsp")).count();
        let (claimed, confirmed) = if is_confirmed { (0, 1) } else { (expected.len(), 0) };
        assert_eq!((told("claimed"), told("confirmed")), (claimed, confirmed), "{page}");
    }

    // South says that it is over: those who say that it lasts are of one organisation.
    let snapshot = served.ledger.snapshot();
    let (opened, south) = (snapshot.state.service_levels.claims.keys().next_back(), "watcher-south");
    let over = SlaBreach {
        closed_at: Some(now),
        evidence: vec![Digest::of(b"its end")],
        opened: opened.copied(),
        phase: BreachPhase::Closed,
        ..claim(now, south)
    };
    let breaches = say(&served, south, 4, over).await;
    assert_eq!(breaches.len(), 1);
    assert_eq!(breaches[0]["confirmed"], true);
    assert_eq!(breaches[0]["closed"]["at"], now.to_string(), "{breaches:?}");
}

#[tokio::test]
async fn breaches_come_in_pages_by_operator_and_by_whether_they_last() {
    let mut world = World::published();
    world.wait(3600);
    // As many services as a watcher may speak about; the evidence makes each a long one.
    for number in 0..60_u64 {
        let mut body = claim(world.now, "watcher-north");
        body.service.url = Some(format!("http://ocsp-{number}.example/").parse().unwrap());
        body.service.operator = Some(["alpha-pki", "beta-pki"][usize::from(number >= 50)].parse().unwrap());
        body.evidence = (0..64_u64).map(|n| Digest::of(&(number * 64 + n).to_be_bytes())).collect();
        body.evidence.sort();
        let opened = world.say(&["watcher-north"], body.clone()).unwrap();
        if number % 10 == 0 {
            let phase = BreachPhase::Closed;
            let over = SlaBreach {
                closed_at: Some(world.now),
                opened: Some(opened),
                phase,
                evidence: vec![],
                ..body
            };
            world.say(&["watcher-north"], over).unwrap();
        }
    }
    let served = Served::start(&world).await;
    for (filter, expected) in [
        ("", 60),
        ("&operator=alpha-pki", 50),
        ("&operator=beta-pki&open=true", 9),
        ("&open=false", 6),
        ("&operator=trust-list-manager", 0),
    ] {
        let (mut entries, mut after) = (Vec::new(), String::new());
        loop {
            let page = served.get(&format!("/v1/breaches?limit=7{filter}{after}")).await.json();
            let breaches = page["breaches"].as_array().unwrap();
            assert!(breaches.len() <= 7, "{filter}");
            entries.extend(breaches.iter().map(|breach| breach["entry"].as_u64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(entries.len(), expected, "{filter}");
        assert!(entries.is_sorted_by(|one, other| one < other), "{filter}: {entries:?}");
    }
    for query in ["after=1", "after=x.y", "limit=many", "open=perhaps", "who=me"] {
        served.get(&format!("/v1/breaches?{query}")).await.problem(400);
    }
}
