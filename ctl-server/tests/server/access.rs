//! Tokens over HTTP: what clients of the field's pools ask for and what they are told.

use ctl_core::Digest;
use ctl_serve::Http;
use ctl_server::access::Settings;
use serde_json::Value;

use crate::common::world::World;
use crate::served::{Answer, Served};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("Content-Type", "application/json");

pub fn settings(pool: &str) -> Settings {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let text = format!(
        "pool = \"{pool}\"\nissuer = \"https://ctl.example\"\naudiences = [\"https://pool.example\"]\n\
         [[clients]]\nid = \"cpo-one\"\nroles = [\"cpo\"]\nsecret_sha256 = \"{}\"\napi_key_sha256 = \"{}\"\n",
        digest("se cret+1"),
        digest("a-key"),
    );
    toml::from_str(&text).unwrap()
}

async fn served(pool: &str) -> Served {
    Served::start_guarded(&World::published(), &settings(pool), Http::default()).await
}

async fn ask(served: &Served, headers: &[(&str, &str)], body: &str) -> Answer {
    served.send("POST", "/oauth/token", headers, body.as_bytes()).await
}

#[tokio::test]
async fn a_token_comes_by_form_by_json_and_by_basic_and_is_kept_by_no_cache() {
    let served = served("token").await;
    let form = "grant_type=client_credentials&client_id=cpo-one&client_secret=se+cret%2B1&audience=https%3A%2F%2Fpool.example";
    let json = r#"{"grant_type":"client_credentials","client_id":"cpo-one","client_secret":"se cret+1","audience":"https://pool.example"}"#;
    // "cpo-one:se+cret%2B1"
    let basic = ("Authorization", "Basic Y3BvLW9uZTpzZStjcmV0JTJCMQ==");
    for (headers, body) in [
        (vec![FORM], form),
        (vec![JSON], json),
        (vec![("Content-Type", "application/json; charset=utf-8")], json),
        (vec![FORM, basic], "grant_type=client_credentials"),
    ] {
        let answer = ask(&served, &headers, body).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text());
        let token = answer.json();
        assert_eq!(
            (token["token_type"].as_str(), token["expires_in"].as_u64()),
            (Some("Bearer"), Some(3600))
        );
        assert_eq!(token["scope"], "cpo");
        assert_eq!(token["access_token"].as_str().unwrap().split('.').count(), 3);
    }
    let keys = served.get("/.well-known/jwks.json").await.json();
    assert_eq!(
        (&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]),
        (&Value::from("EC"), &Value::from("ES256"))
    );
    assert!(keys["keys"][0].get("d").is_none());
}

#[tokio::test]
async fn who_asks_wrongly_is_told_what_was_wrong() {
    let served = served("token").await;
    let basic = ("Authorization", "Basic Y3BvLW9uZTpzZStjcmV0JTJCMQ==");
    let good = "grant_type=client_credentials&client_id=cpo-one&client_secret=se+cret%2B1";
    for (headers, body, status, error) in [
        (
            vec![FORM],
            "grant_type=client_credentials&client_id=cpo-one&client_secret=guess",
            401,
            "invalid_client",
        ),
        (
            vec![FORM],
            "grant_type=client_credentials&client_id=nobody&client_secret=se+cret%2B1",
            401,
            "invalid_client",
        ),
        (
            vec![FORM],
            "grant_type=password&client_id=cpo-one&client_secret=se+cret%2B1",
            400,
            "unsupported_grant_type",
        ),
        (vec![FORM], "client_id=cpo-one&client_secret=se+cret%2B1", 400, "invalid_request"),
        (vec![FORM], "grant_type=client_credentials&client_id=cpo-one", 400, "invalid_request"),
        (vec![FORM, basic], good, 400, "invalid_request"),
        (vec![FORM], &format!("{good}&audience=elsewhere"), 400, "invalid_target"),
        (vec![FORM], &format!("{good}&client_id=cpo-two"), 400, "invalid_request"),
        (vec![JSON], good, 400, "invalid_request"),
        (vec![JSON], "[]", 400, "invalid_request"),
        (vec![("Content-Type", "text/plain")], good, 400, "invalid_request"),
        (vec![], good, 400, "invalid_request"),
    ] {
        let answer = ask(&served, &headers, body).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{body}");
        assert!(!answer.text().contains("se cret"), "{}", answer.text());
        if status == 401 {
            assert!(answer.header("www-authenticate").starts_with("Basic"));
        }
    }
    let metrics = served.get("/metrics").await.text();
    assert!(metrics.contains("ctl_token_requests_total{result=\"invalid_client\"} 2"), "{metrics}");
}

#[tokio::test]
async fn an_attacker_who_sends_a_mountain_for_a_token_is_stopped_at_the_foot() {
    let served = served("token").await;
    let answer = ask(&served, &[FORM], &"x".repeat(9000)).await;
    assert_eq!(answer.status, 413);
}
