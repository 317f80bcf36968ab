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
    assert_eq!(served.get("/v1/breaches").await.json(), json!({ "breaches": [] }));

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
