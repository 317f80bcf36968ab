//! Deliveries: retries, crashes, and endpoints that are slow, rude, or somewhere else than they said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ctl_host::clock::ManualClock;
use ctl_webhooks::store::Store;
use serde_json::{Value, json};

use crate::hook::{Hook, Says};
use crate::told::{Told, admit, config, scheme, subscriber, until};

#[tokio::test]
async fn after_5xx_there_are_three_retries_an_hour_apart_with_the_same_bytes() {
    let (server, folder) = scheme().await;
    let told = Told::start(&server, &config(&server, folder.path())).await;
    let (hook, endpoint) = subscriber(&told, "volt").await;
    hook.now_says(Says::Status(503));
    admit(&server, &told, "beta-pki");
    for round in 1..=4 {
        let received = hook.has(2 * round).await;
        let is = |row: &Value| row["attempts"] == round && row["httpStatus"] == 503;
        let log = told.until_log("volt", &endpoint, is).await;
        let waits = round < 4;
        assert!(log.iter().all(|row| row["nextAttempt"].is_string() == waits), "{log:?}");
        assert!(log.iter().all(|row| row["status"] == if waits { "waiting" } else { "failed" }), "{log:?}");
        for one in &received {
            let same = received.iter().filter(|other| other.body == one.body).count();
            assert_eq!(same, round, "the same bytes each time");
            assert!(one.is_signed_by(endpoint["secret"].as_str().unwrap()), "{one:?}");
        }
        told.clock.pass(3599);
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(hook.received().len(), 2 * round, "not before the hour is over");
        told.clock.pass(1);
    }
    told.clock.pass(100 * 3600);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(hook.received().len(), 8, "given up");
    told.stop().await;
}

#[tokio::test]
async fn a_retry_survives_a_restart_and_what_is_refused_is_not_retried() {
    let (server, folder) = scheme().await;
    let config = config(&server, folder.path());
    let told = Told::start(&server, &config).await;
    let (hook, endpoint) = subscriber(&told, "volt").await;
    let (picky, refused) = subscriber(&told, "other").await;
    hook.now_says(Says::Status(500));
    picky.now_says(Says::Status(400));
    admit(&server, &told, "beta-pki");
    told.until_log("volt", &endpoint, |row| row["attempts"] == 1).await;
    let log = told.until_log("other", &refused, |row| row["attempts"] == 1).await;
    assert!(log.iter().all(|row| row["status"] == "failed" && row["result"] == "refused"), "{log:?}");
    let clock = Arc::clone(&told.clock);
    told.stop().await;

    hook.now_says(Says::Status(204));
    clock.pass(3600);
    let told = Told::start_at(clock, &config).await;
    let received = hook.has(4).await;
    assert_eq!(received[0].body, received[2].body);
    let log = told.until_log("volt", &endpoint, |row| row["status"] == "delivered").await;
    assert!(log.iter().all(|row| row["attempts"] == 2 && row["nextAttempt"].is_null()), "{log:?}");
    assert_eq!(picky.received().len(), 2);
    told.stop().await;
}

#[tokio::test]
async fn what_was_sent_and_could_not_be_recorded_is_sent_again() {
    let (server, folder) = scheme().await;
    let mut config = config(&server, folder.path());
    // Each dripping answer is waited for to its end.
    config.webhooks.timeout = Duration::from_secs(5);
    let told = Told::start(&server, &config).await;
    let (hook, endpoint) = subscriber(&told, "volt").await;
    hook.now_says(Says::Drips(Duration::from_millis(50)));
    admit(&server, &told, "beta-pki");
    hook.has(1).await;
    // The disk fills while the answer is awaited.
    told.store.refuse(true).unwrap();
    hook.now_says(Says::Status(200));
    let clock = Arc::clone(&told.clock);
    told.stop().await;

    let told = Told::start_at(clock, &config).await;
    let received = hook.has(3).await;
    assert_eq!(received[0].body, received[1].body, "at least once, and known by its id");
    let log = told.until_log("volt", &endpoint, |row| row["status"] == "delivered").await;
    assert_eq!(log.len(), 2);
    told.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_silent_or_drips_delays_nobody_else() {
    let (server, folder) = scheme().await;
    let mut config = config(&server, folder.path());
    config.webhooks.timeout = Duration::from_secs(10);
    let told = Told::start(&server, &config).await;
    let (silent, first) = subscriber(&told, "mallory").await;
    let (drips, second) = subscriber(&told, "mallory").await;
    silent.now_says(Says::Nothing);
    drips.now_says(Says::Drips(Duration::from_millis(20)));
    let (good, endpoint) = subscriber(&told, "volt").await;
    // A body that never comes is not waited for.
    good.now_says(Says::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nx".into()));
    let begin = Instant::now();
    admit(&server, &told, "beta-pki");
    told.until_log("volt", &endpoint, |row| row["status"] == "delivered").await;
    good.has(2).await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    silent.has(1).await;
    drips.has(1).await;
    assert!(silent.received().len() == 1 && drips.received().len() == 1, "one at a time");
    for endpoint in [&first, &second] {
        told.until_log("mallory", endpoint, |row| row["attempts"] == 1 && row["result"] == "slow").await;
    }
    told.stop().await;
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (server, folder) = scheme().await;
    let told = Told::start(&server, &config(&server, folder.path())).await;
    let (inside, (hook, endpoint)) = (Hook::says(Says::Status(200)).await, subscriber(&told, "volt").await);
    for status in [301, 302, 303, 307, 308] {
        let to = format!("HTTP/1.1 {status} -\r\nlocation: http://{}/\r\n\r\n", inside.address());
        hook.now_says(Says::Bytes(to));
    }
    admit(&server, &told, "beta-pki");
    let log = told.until_log("volt", &endpoint, |row| row["status"] == "failed").await;
    assert!(log.iter().all(|row| row["result"] == "redirected" && row["attempts"] == 1), "{log:?}");
    assert_eq!(inside.received().len(), 0);
    told.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_inside_after_its_registration_is_not_called() {
    let (server, folder) = scheme().await;
    let mut config = config(&server, folder.path());
    let told = Told::start(&server, &config).await;
    // The same port at two addresses: one that may be called, and one inside.
    let (hook, inside) = loop {
        let hook = Hook::says(Says::Status(200)).await;
        let port = hook.address().port();
        if tokio::net::TcpListener::bind(("127.0.0.2", port)).await.is_ok() {
            break (hook, Hook::at(&format!("127.0.0.2:{port}"), Says::Status(200)).await);
        }
    };
    let endpoint = told.subscribe("mallory", &hook.url()).await;
    told.stop().await;
    config.fetch.hosts.insert("hooks.example".into(), vec!["127.0.0.2".parse().unwrap()]);
    let told = Told::start(&server, &config).await;
    admit(&server, &told, "beta-pki");
    let log = told.until_log("mallory", &endpoint, |row| row["attempts"] == 1).await;
    assert!(log.iter().all(|row| row["result"] == "no-address"), "{log:?}");
    assert!(hook.received().is_empty() && inside.received().is_empty());
    // Metadata services of clouds are no better.
    let clock = Arc::clone(&told.clock);
    told.stop().await;
    config.fetch.hosts.insert("hooks.example".into(), vec!["169.254.169.254".parse().unwrap()]);
    clock.pass(3600);
    let told = Told::start_at(clock, &config).await;
    let log = told.until_log("mallory", &endpoint, |row| row["attempts"] == 2).await;
    let shown = |log: Vec<Value>| {
        let without_ids = |mut row: Value| row.as_object_mut().unwrap().remove("lastAttempt").map(|_| row);
        log.into_iter().filter_map(without_ids).collect::<Vec<_>>()
    };
    let leads_inside = shown(log);
    // Nor does its owner learn which names there are inside: a name without any address looks the same.
    let clock = Arc::clone(&told.clock);
    told.stop().await;
    config.fetch.hosts.insert("hooks.example".into(), Vec::new());
    let told = Told::start_at(clock, &config).await;
    let other = told.subscribe("mallory", &hook.url()).await;
    told.clock.pass(3600);
    let log = told.until_log("mallory", &endpoint, |row| row["attempts"] == 3).await;
    let mut leads_nowhere = shown(log);
    for (row, before) in leads_nowhere.iter_mut().zip(&leads_inside) {
        assert_ne!(row["nextAttempt"], before["nextAttempt"]);
        row["attempts"] = before["attempts"].clone();
        row["nextAttempt"] = before["nextAttempt"].clone();
    }
    assert_eq!(leads_nowhere, leads_inside);
    assert_eq!(told.log("mallory", &other).await, Vec::<Value>::new());
    // The operator is told which it was.
    let metrics = told.ask("GET", "/metrics", "", None).await.text();
    for series in ["result=\"dns-failure\"} 2\n", "result=\"address-forbidden\"} 0\n"] {
        assert!(metrics.contains(series), "{series}{metrics}");
    }
    told.stop().await;
}

#[tokio::test]
async fn what_cannot_be_attempted_here_is_made_up_for_and_ends_like_everything() {
    let (server, folder) = scheme().await;
    let mut config = config(&server, folder.path());
    config.webhooks.timeout = Duration::from_millis(200);
    config.fetch.per_host = std::num::NonZeroUsize::MIN;
    let told = Told::start(&server, &config).await;
    // Three endpoints at one address, of which one may be called at a time and none answers.
    let mut endpoints = Vec::new();
    for _ in 0..3 {
        let (hook, endpoint) = subscriber(&told, "mallory").await;
        hook.now_says(Says::Nothing);
        endpoints.push((hook, endpoint));
    }
    admit(&server, &told, "beta-pki");
    let rows = async || {
        let mut rows = Vec::new();
        for (_, endpoint) in &endpoints {
            rows.extend(told.log("mallory", endpoint).await);
        }
        rows
    };
    let is_made_up_for =
        |row: &&Value| row["result"] == "busy" && row["attempts"] == 0 && row["status"] == "waiting";
    until("one for which there was no connection", async || {
        rows().await.iter().find(is_made_up_for).map(|_| ())
    })
    .await;
    until("the end of all of them", async || {
        told.clock.pass(1800);
        rows().await.iter().all(|row| row["status"] == "failed").then_some(())
    })
    .await;
    assert!(rows().await.iter().all(|row| row["attempts"] == 4), "{:?}", rows().await);
    told.stop().await;
}

#[tokio::test]
async fn what_waits_for_an_endpoint_and_what_is_kept_of_it_is_bounded() {
    let (server, folder) = scheme().await;
    let mut config = config(&server, folder.path());
    config.webhooks.waiting_per_endpoint = 1;
    let told = Told::start(&server, &config).await;
    let (hook, endpoint) = subscriber(&told, "volt").await;
    hook.now_says(Says::Status(503));
    admit(&server, &told, "beta-pki");
    let log =
        until("both events", async || Some(told.log("volt", &endpoint).await).filter(|log| log.len() == 2))
            .await;
    let statuses: Vec<&Value> = log.iter().map(|row| &row["status"]).collect();
    assert!(statuses.contains(&&json!("overflow")) && statuses.contains(&&json!("waiting")), "{log:?}");
    until("the overflow to be counted", async || {
        let metrics = told.ask("GET", "/metrics", "", None).await.text();
        metrics.contains("ctl_webhook_deliveries_total{outcome=\"overflow\"} 1\n").then_some(())
    })
    .await;
    let keep = Duration::from_secs(60);
    let now = server.world.lock().unwrap().now;
    told.store.tidy(now, keep, 500).unwrap();
    assert_eq!(told.log("volt", &endpoint).await.len(), 2);
    told.store.tidy(now.plus_seconds(61), keep, 500).unwrap();
    let log = told.log("volt", &endpoint).await;
    assert!(log.len() == 1 && log[0]["status"] == "waiting", "what waits stays: {log:?}");
    // A disabled endpoint has nothing that waits, and hears nothing.
    let path = format!("/v1/webhook/endpoints/{}", endpoint["id"].as_str().unwrap());
    let off = json!({ "url": hook.url(), "status": "disabled" });
    assert_eq!(told.ask("PUT", &path, "volt", Some(off)).await.json()["status"], "disabled");
    assert_eq!(told.log("volt", &endpoint).await[0]["status"], "disabled");
    told.stop().await;
}

#[tokio::test]
async fn a_second_process_and_a_damaged_store_are_refused_and_nothing_is_replaced() {
    let (server, folder) = scheme().await;
    let config = config(&server, folder.path());
    let told = Told::start(&server, &config).await;
    assert!(Store::open(&config.data).unwrap_err().to_string().contains("another process"));
    let clock = Arc::new(ManualClock::at(server.world.lock().unwrap().now));
    told.stop().await;
    let file = config.data.join("webhooks.db");
    std::fs::write(&file, vec![7; 4096]).unwrap();
    let supervisor = ctl_host::supervisor::Supervisor::new();
    let error = ctl_webhooks::run::start(&config, clock, &supervisor).err().unwrap().to_string();
    assert!(error.contains("backup"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), vec![7; 4096]);
}
