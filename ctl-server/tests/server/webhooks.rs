//! Webhook endpoints through the server: who may have them, and what becomes of a request when the process behind is away.

mod story;

use std::sync::Arc;

use ctl_core::Digest;
use ctl_host::supervisor::Supervisor;
use ctl_serve::Http;
use ctl_serve::forward::ForwardSecret;
use ctl_server::access::Settings;
use ctl_server::webhooks::{Forward, Webhooks, WebhooksError};
use serde_json::{Value, json};

use crate::common::world::World;
use crate::served::{Answer, Served};

const ALL: &str = "/v1/webhook/endpoints";

fn clients() -> Settings {
    let client = |id: &str, role: &str| {
        let key = Digest::of(format!("{id}-key").as_bytes());
        format!("[[clients]]\nid = \"{id}\"\nroles = [\"{role}\"]\napi_key_sha256 = \"{key}\"\n")
    };
    let text = format!(
        "pool = \"open\"\nissuer = \"https://ctl.example\"\naudiences = [\"https://pool.example\"]\n{}{}{}",
        client("volt", "webhooks"),
        client("mallory", "webhooks"),
        client("reader", "cpo"),
    );
    toml::from_str(&text).unwrap()
}

async fn ask(served: &Served, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
    // Who is named in this header from outside is nobody.
    let headers = [("X-API-Key", key), ("ctl-client", "volt"), ("ctl-forward-secret", "00")];
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    served.send(method, path, &headers, body.as_bytes()).await
}

fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json()["traceId"].as_str().map(str::len), Some(36));
    answer.json()["errorMessages"][0].as_str().unwrap().to_owned()
}

fn wish() -> Value {
    json!({ "url": "https://hooks.example/payload", "enabledEvents": ["root.cert.added", "root.cert.revoked"] })
}

#[tokio::test]
async fn clients_of_the_pool_have_endpoints_of_their_own_and_nobody_else_any() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("forward.secret");
    ForwardSecret::read_or_make(&secret).unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = Some(format!("http://{}/", listener.local_addr().unwrap()));
    let forward = Webhooks { address, secret: Some(secret.clone()), tls_roots: Vec::new() };
    let forward = Forward::new(&forward).unwrap().unwrap();
    let world = World::published();
    let served = Served::start_with_webhooks(&world, &clients(), forward).await;

    // The process itself, as it is run.
    std::fs::write(folder.path().join("root.json"), b"{}").unwrap();
    let file = folder.path().join("webhooks.toml");
    let text = "data = \"data\"\n[scheme]\nserver = \"http://127.0.0.1:1\"\nroot = \"root.json\"\nlists = [\"na\"]\n";
    std::fs::write(&file, text).unwrap();
    let config = ctl_webhooks::config::Config::read(&file).unwrap();
    let clock = Arc::new(ctl_host::clock::ManualClock::at(world.now));
    let (app, running) = ctl_webhooks::run::start(&config, clock, &Supervisor::new()).unwrap();
    let served_there = (app, ctl_webhooks::http::routes::table());
    let process =
        tokio::spawn(ctl_serve::serve(listener, served_there, Http::default(), std::future::pending()));

    for (key, status) in [("", 401), ("stolen", 401), ("reader-key", 403)] {
        for method in ["GET", "POST"] {
            assert_eq!(ask(&served, method, ALL, key, Some(wish())).await.status, status, "{key} {method}");
        }
    }
    let made = ask(&served, "POST", ALL, "volt-key", Some(wish())).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(made.header("cache-control").contains("no-store"));
    assert_eq!(made.json()["secret"].as_str().map(str::len), Some(64));
    let one = format!("{ALL}/{}", made.json()["id"].as_str().unwrap());
    let shown = ask(&served, "GET", &one, "volt-key", None).await;
    assert_eq!((shown.status, shown.json().get("secret")), (200, None));
    let mut changed = wish();
    changed["status"] = "disabled".into();
    assert_eq!(ask(&served, "PUT", &one, "volt-key", Some(changed)).await.json()["status"], "disabled");
    assert_eq!(ask(&served, "GET", &format!("{one}/deliveries"), "volt-key", None).await.json(), json!([]));
    assert_eq!(ask(&served, "GET", "/opnc/v1/event/endpoints", "volt-key", None).await.json(), json!([]));
    for method in ["GET", "DELETE"] {
        refused(&ask(&served, method, &one, "mallory-key", None).await, 404);
    }
    assert_eq!(ask(&served, "GET", ALL, "mallory-key", None).await.json(), json!([]));
    let inside = json!({ "url": "https://169.254.169.254/", "enabledEvents": ["root.cert.added"] });
    assert!(refused(&ask(&served, "POST", ALL, "volt-key", Some(inside)).await, 400).starts_with("url : "));
    // An id that would lead elsewhere leads nowhere.
    for id in ["..%2F..%2Fmetrics", "%2e%2e", "x%3Fy", "a%23"] {
        refused(&ask(&served, "GET", &format!("{ALL}/{id}"), "volt-key", None).await, 404);
    }
    assert_eq!(ask(&served, "DELETE", &one, "volt-key", None).await.status, 200);
    let large = json!({ "url": "x".repeat(20_000) });
    assert_eq!(ask(&served, "POST", ALL, "volt-key", Some(large)).await.status, 413);

    process.abort();
    let _ = process.await;
    running.stop().await;
    let away = ask(&served, "GET", ALL, "volt-key", None).await;
    assert!(refused(&away, 502).contains("try again"), "{away:?}");
    assert_eq!(served.get("/v1/lists").await.status, 200, "which keeps nothing else from working");
    served.stop().await;
}

#[tokio::test]
async fn another_secret_and_half_a_configuration_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let half = Webhooks { secret: Some(secret.clone()), ..Webhooks::default() };
    assert!(matches!(Forward::new(&half), Err(WebhooksError::Half)));
    let whole = Webhooks { address: Some("http://127.0.0.1:1".into()), ..half };
    assert!(matches!(Forward::new(&whole), Err(WebhooksError::Secret(_))));
    assert!(Forward::new(&Webhooks::default()).unwrap().is_none());
    let served = Served::start_guarded(&World::published(), &clients(), Http::default()).await;
    assert!(refused(&ask(&served, "GET", ALL, "volt-key", None).await, 404).contains("no webhooks"));
    served.stop().await;
}
