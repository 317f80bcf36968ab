//! The endpoint API, and who tries to use it for more than it is for.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::told::{Told, admit, config, scheme, subscriber, until, wish};

const ALL: &str = "/v1/webhook/endpoints";

fn refused(answer: &crate::told::Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    let trace = body["traceId"].as_str().unwrap();
    assert!(trace.len() == 36 && trace.as_bytes()[14] == b'4', "{trace}");
    body["errorMessages"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_endpoint_is_made_read_changed_and_removed() {
    let (server, folder) = scheme().await;
    let told = Told::start(&server, &config(&server, folder.path())).await;
    let made = told.subscribe("volt", "https://hooks.example/payload").await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["secret"].as_str().map(str::len), Some(64));
    assert_eq!((&made["apiVersion"], &made["status"]), (&json!("v1"), &json!("enabled")));
    assert!(made["created"].is_i64());
    let one = format!("{ALL}/{id}");
    let shown = told.ask("GET", &one, "volt", None).await.json();
    assert_eq!((&shown["url"], &shown["id"]), (&json!("https://hooks.example/payload"), &made["id"]));
    assert_eq!(told.ask("GET", ALL, "volt", None).await.json(), json!([shown]));
    let change = json!({ "url": "https://hooks.example/other", "description": "ours", "enabledEvents": ["root.cert.revoked"] });
    let changed = told.ask("PUT", &one, "volt", Some(change)).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.json()["enabledEvents"], json!(["root.cert.revoked"]));
    assert_eq!(told.ask("GET", &one, "volt", None).await.json()["description"], "ours");
    let message = refused(&told.ask("PUT", &one, "volt", Some(json!({ "status": "on" }))).await, 400);
    assert!(message.starts_with("url : "), "{message}");
    refused(
        &told
            .send("POST", ALL, &[("ctl-client", "volt"), ("ctl-forward-secret", told.secret.as_str())], "{")
            .await,
        400,
    );
    // The other protocol has endpoints of its own.
    assert_eq!(told.ask("GET", "/opnc/v1/event/endpoints", "volt", None).await.json(), json!([]));
    assert_eq!(told.ask("DELETE", &one, "volt", None).await.status, 200);
    for method in ["GET", "DELETE"] {
        refused(&told.ask(method, &one, "volt", None).await, 404);
    }
    told.stop().await;
}

#[tokio::test]
async fn nobody_sees_or_touches_anothers_endpoint() {
    let (server, folder) = scheme().await;
    let told = Told::start(&server, &config(&server, folder.path())).await;
    let made = told.subscribe("volt", "https://hooks.example/payload").await;
    let one = format!("{ALL}/{}", made["id"].as_str().unwrap());
    let change = Some(wish("https://mallory.example/"));
    let nothing = format!("{ALL}/0000");
    for (method, body) in [("GET", None), ("PUT", change), ("DELETE", None)] {
        let of_another = refused(&told.ask(method, &one, "mallory", body.clone()).await, 404);
        assert_eq!(of_another, refused(&told.ask(method, &nothing, "mallory", body).await, 404), "{method}");
    }
    refused(&told.ask("GET", &format!("{one}/deliveries"), "mallory", None).await, 404);
    assert_eq!(told.ask("GET", ALL, "mallory", None).await.json(), json!([]));
    assert_eq!(told.ask("GET", &one, "volt", None).await.json()["url"], "https://hooks.example/payload");
    told.stop().await;
}

#[tokio::test]
async fn a_forged_client_is_nobody_without_the_secret() {
    let (server, folder) = scheme().await;
    let told = Told::start(&server, &config(&server, folder.path())).await;
    told.subscribe("volt", "https://hooks.example/payload").await;
    let half = &told.secret.as_str()[..16];
    for headers in [
        &[("ctl-client", "volt")][..],
        &[("ctl-client", "volt"), ("ctl-forward-secret", "")],
        &[("ctl-client", "volt"), ("ctl-forward-secret", half)],
        &[("ctl-client", "volt"), ("ctl-forward-secret", "00000000000000000000000000000000")],
    ] {
        for method in ["GET", "POST"] {
            let message =
                refused(&told.send(method, ALL, headers, &wish("https://x.example/").to_string()).await, 401);
            assert!(!message.contains(told.secret.as_str()));
        }
    }
    for client in ["", "a b", &"x".repeat(300)] {
        refused(&told.ask("GET", ALL, client, None).await, 403);
    }
    told.stop().await;
}

#[tokio::test]
async fn a_client_that_wants_a_million_endpoints_has_ten_and_the_rest_room() {
    let (server, folder) = scheme().await;
    let mut config = config(&server, folder.path());
    config.webhooks.endpoints = 12;
    let told = Told::start(&server, &config).await;
    for number in 0..10 {
        told.subscribe("mallory", &format!("https://hooks.example/{number}")).await;
    }
    for path in [ALL, "/opnc/v1/event/endpoints"] {
        let answer = told.ask("POST", path, "mallory", Some(wish("https://hooks.example/"))).await;
        assert!(refused(&answer, 403).contains("10 endpoints"));
    }
    told.subscribe("volt", "https://hooks.example/").await;
    told.subscribe("other", "https://hooks.example/").await;
    refused(&told.ask("POST", ALL, "third", Some(wish("https://hooks.example/"))).await, 503);
    let large = json!({ "url": "https://hooks.example/", "metadata": { "a": "x".repeat(20_000) } });
    assert_eq!(told.ask("POST", ALL, "volt", Some(large)).await.status, 413);
    told.stop().await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_stands_in_no_other_answer() {
    let (server, folder) = scheme().await;
    let config = config(&server, folder.path());
    let told = Told::start(&server, &config).await;
    let (hook, made) = subscriber(&told, "volt").await;
    admit(&server, &told, "beta-pki");
    told.until_log("volt", &made, |row| row["status"] == "delivered").await;
    until("both to be counted", async || {
        let metrics = told.ask("GET", "/metrics", "", None).await.text();
        metrics.contains("ctl_webhook_deliveries_total{outcome=\"delivered\"} 2\n").then_some(())
    })
    .await;
    let secret = made["secret"].as_str().unwrap();
    let one = format!("{ALL}/{}", made["id"].as_str().unwrap());
    let mut said = String::new();
    for (method, path, body) in [
        ("GET", ALL.to_owned(), None),
        ("GET", one.clone(), None),
        ("PUT", one.clone(), Some(wish(&hook.url()))),
        ("GET", format!("{one}/deliveries"), None),
        ("GET", "/metrics".to_owned(), None),
        ("GET", "/readyz".to_owned(), None),
        ("GET", "/v1/openapi.json".to_owned(), None),
    ] {
        let answer = told.ask(method, &path, "volt", body).await;
        assert_eq!(answer.status, 200, "{path}");
        said += &answer.text();
    }
    assert!(!said.contains(secret) && !said.contains(told.secret.as_str()));
    for series in [
        "ctl_webhook_endpoints{status=\"enabled\"} 1\n",
        "ctl_webhook_attempts_total{result=\"delivered\"} 2\n",
        "ctl_webhook_events_total{event=\"root.cert.added\"} 3\n",
        "ctl_webhook_deliveries_waiting 0\n",
        "ctl_webhook_document_sequence{role=\"na\"} 2\n",
    ] {
        assert!(said.contains(series), "{series}{said}");
    }
    assert!(!said.contains("ctl_webhook_oldest_due_timestamp_seconds "), "nothing is due: {said}");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&config.data), mode(&config.data.join("webhooks.db"))), (0o700, 0o600));
    assert_eq!(mode(&config.webhooks.secret), 0o600);
    told.stop().await;
}

#[tokio::test]
async fn addresses_that_must_not_be_called_are_refused_at_registration() {
    let (server, folder) = scheme().await;
    let mut config = config(&server, folder.path());
    config.webhooks.plain_http = false;
    config.fetch = ctl_fetch::Options::default();
    let told = Told::start(&server, &config).await;
    for url in [
        "http://hooks.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://hooks.example:8443/",
        "https://user:hunter2@hooks.example/",
        "gopher://hooks.example/",
        "javascript:alert(1)",
    ] {
        let message = refused(&told.ask("POST", ALL, "volt", Some(wish(url))).await, 400);
        assert!(message.starts_with("url : ") && !message.contains("hunter2"), "{message}");
    }
    let none: Value = told.ask("GET", ALL, "volt", None).await.json();
    assert_eq!(none, json!([]));
    told.stop().await;
}
