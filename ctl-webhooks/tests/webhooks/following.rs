//! What subscribers are told of a list, and what a service cannot make them hear.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::Timestamp;
use ctl_core::list::ListPayload;
use ctl_core::parts::WithdrawalReason;
use ctl_core::role::Role;
use ctl_formats::{Pool, PoolCtl, PoolForm, PoolSource, RootEvent};
use ctl_governance::statement::body::NoticeIssue;
use ctl_host::clock::ManualClock;
use ctl_webhooks::follow::{Refusal, judge};
use ctl_webhooks::store::{Held, Store};
use serde_json::Value;

use crate::common::story::{DAY, World, na};
use crate::common::{Files, Lie, files};
use crate::hook::{Hook, Received, Says, event};
use crate::told::{Told, admit, config, listed, scheme, subscriber, until};

/// The pool that a served list feeds.
fn pool(files: &Files, form: PoolForm) -> Pool {
    let list: ListPayload = serde_json::from_slice(&files["v1/lists/na/ctl.json"]).unwrap();
    Pool::of(&[PoolSource { list: &list, ctl: PoolCtl::None }], form)
}

fn kinds(received: &[Received]) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    received
        .iter()
        .map(|one| (text(&event(one)["eventType"]), text(&event(one)["payload"]["rootCertificateId"])))
        .collect()
}

#[tokio::test]
async fn a_new_root_is_told_to_each_subscriber_as_the_pools_have_it() {
    let (server, folder) = scheme().await;
    let told = Told::start(&server, &config(&server, folder.path())).await;
    let (hook, endpoint) = subscriber(&told, "volt").await;
    let opnc = Hook::says(Says::Status(200)).await;
    let wish = crate::told::wish(&opnc.url());
    let answer = told.ask("POST", "/opnc/v1/event/endpoints", "volt", Some(wish)).await;
    assert_eq!(answer.status, 201);

    let before = pool(&files(&server.world.lock().unwrap()), PoolForm::Opcp);
    admit(&server, &told, "beta-pki");
    let served = files(&server.world.lock().unwrap());
    for (hook, form, secret) in
        [(&hook, PoolForm::Opcp, &endpoint["secret"]), (&opnc, PoolForm::Opnc, &answer.json()["secret"])]
    {
        let pool = pool(&served, form);
        let new: Vec<_> = pool
            .entries
            .iter()
            .filter(|entry| before.entries.iter().all(|old| old.certificate != entry.certificate))
            .collect();
        let received = hook.has(new.len()).await;
        assert_eq!(received.len(), if form == PoolForm::Opcp { 2 } else { 1 });
        let expected = new.iter().map(|entry| ("root.cert.added".to_owned(), entry.id()));
        assert_eq!(kinds(&received), expected.collect());
        for one in &received {
            assert!(one.head.starts_with("POST /payload?tenant=7 HTTP/1.1\r\n"), "{}", one.head);
            assert_eq!(one.header("content-type"), "application/json");
            assert!(one.is_signed_by(secret.as_str().unwrap()), "{one:?}");
            // Member by member what the pool itself answers for this root.
            let event = event(one);
            let id = event["payload"]["rootCertificateId"].as_str().unwrap();
            let answer: Value = serde_json::from_slice(&pool.entry(id).unwrap().answer()).unwrap();
            let item = answer.as_object().unwrap().values().next().unwrap();
            let payload = &event["payload"];
            for name in ["distinguishedName", "commonName", "rootType"] {
                assert_eq!(payload[name], item[name], "{name}");
            }
            assert_eq!(payload["rootSerialNumber"], item["rootIssuerSerialNumber"]);
            assert_eq!(payload["fingerprintSHA256"], item["fingerprint"]);
            assert!(STANDARD.decode(item["caCertificate"].as_str().unwrap()).is_ok());
            assert_eq!(event["xsdMsgDefNamespace"], "urn:iso:15118:2:2013:MsgDef");
            let time: Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
            assert!(time >= server.world.lock().unwrap().state.clock());
        }
        let ids: BTreeSet<String> = received.iter().map(|one| event(one)["eventId"].to_string()).collect();
        assert_eq!(ids.len(), received.len());
    }
    told.stop().await;
}

#[tokio::test]
async fn a_suspended_root_is_revoked_and_one_that_comes_back_is_added() {
    let (server, folder) = scheme().await;
    listed(&mut server.world.lock().unwrap(), "beta-pki");
    let told = Told::start(&server, &config(&server, folder.path())).await;
    let (hook, _) = subscriber(&told, "volt").await;
    let alpha: BTreeSet<String> = {
        let mut world = server.world.lock().unwrap();
        let pool = pool(&files(&world), PoolForm::Opcp);
        let anchor = *world.state.lists[&na()].anchors.keys().next().unwrap();
        let expires_at = world.now.plus_seconds(3 * DAY);
        // Only the notice is published: nobody waits for the list.
        let reason = WithdrawalReason::KeyCompromise;
        world.say(&["officer-1"], NoticeIssue { anchor, expires_at, list: na(), reason }).unwrap();
        world.publish(&Role::Notices, &["officer-1"]).unwrap();
        let of_alpha = pool.entries.iter().filter(|entry| entry.certificate.sha256() == *anchor.as_bytes());
        of_alpha.map(|entry| entry.id()).collect()
    };
    assert_eq!(alpha.len(), 2);
    let received = hook.has(2).await;
    let revoked = alpha.iter().map(|id| ("root.cert.revoked".to_owned(), id.clone()));
    assert_eq!(kinds(&received), revoked.collect());

    {
        let mut world = server.world.lock().unwrap();
        world.advance(3 * DAY);
        world.publish(&Role::Notices, &["officer-1"]).unwrap();
        told.clock.set(world.now);
    }
    let received = hook.has(4).await;
    let added = alpha.iter().map(|id| ("root.cert.added".to_owned(), id.clone()));
    assert_eq!(kinds(&received[2..]), added.collect());
    told.stop().await;
}

#[test]
fn a_root_ends_by_itself_and_a_clock_that_is_years_ahead_ends_none() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let served = files(&world);
    let list: ListPayload = serde_json::from_slice(&served["v1/lists/na/ctl.json"]).unwrap();
    let not_after = pool(&served, PoolForm::Opcp).entries[0].certificate.not_after();
    let end = Timestamp::from_unix(not_after);
    let role = Role::List(na());
    let held = |next_update: Timestamp| Held {
        role: role.clone(),
        sequence: list.sequence,
        sha256: ctl_core::Digest::of(&served["v1/lists/na/ctl.json"]),
        root_version: 1,
        issued_at: list.issued_at,
        next_update,
        payload: served["v1/lists/na/ctl.json"].clone(),
    };
    let advance = |store: &Store, new: &[Held], now| {
        let advanced = store.advance(new, std::slice::from_ref(&role), now, 10).unwrap();
        advanced.events.iter().map(|(kind, _)| *kind).collect::<Vec<_>>()
    };

    // A list that is due long before.
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("a")).unwrap();
    assert_eq!(advance(&store, &[held(list.next_update)], list.issued_at), []);
    assert_eq!(advance(&store, &[], end.plus_seconds(1)), [], "by a clock that no list agrees with");

    // One that is not.
    let store = Store::open(&folder.path().join("b")).unwrap();
    let long = held(end.plus_seconds(10 * DAY));
    assert_eq!(advance(&store, std::slice::from_ref(&long), list.issued_at), [], "met for the first time");
    assert_eq!(advance(&store, &[], end), [], "valid to its last second");
    assert_eq!(
        advance(&store, &[], end.plus_seconds(1)),
        [RootEvent::Expired; 3],
        "two in OPCP, one in OPNC"
    );
    assert_eq!(advance(&store, &[], end.plus_seconds(2)), [], "told once");
    // A list that is followed no more says nothing of its roots.
    let store = Store::open(&folder.path().join("c")).unwrap();
    assert_eq!(advance(&store, &[long], list.issued_at), []);
    let advanced = store.advance(&[], &[Role::Notices], list.issued_at, 10).unwrap();
    assert_eq!((advanced.events, advanced.met), (vec![], 3));
}

#[test]
fn what_is_old_forged_or_signed_twice_is_refused_in_words() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let (role, path) = (Role::List(na()), "v1/lists/na/ctl.jws");
    let first = files(&world);
    let root = first["tuf/metadata/1.root.json"].clone();
    let now = world.now;
    let judged = |file: &[u8], held: &[Held], now| judge(&root, file, &role, held, now);
    let held = judged(&first[path], &[], now).unwrap().unwrap();
    assert_eq!(judged(&first[path], std::slice::from_ref(&held), now), Ok(None), "held already");

    world.admitted("beta-pki");
    world.publish_list();
    let (second, now) = (files(&world), world.now);
    let newer = judged(&second[path], std::slice::from_ref(&held), now).unwrap().unwrap();
    assert_eq!(newer.sequence, held.sequence + 1);
    let back = judged(&first[path], std::slice::from_ref(&newer), now);
    assert_eq!(back, Err(Refusal::Older { held: newer.sequence, found: held.sequence }));
    let two = Held { sha256: ctl_core::Digest::ZERO, ..newer.clone() };
    assert_eq!(judged(&second[path], &[two], now), Err(Refusal::Two(newer.sequence)));
    let after_rotation = Held { role: Role::Notices, root_version: 2, ..newer.clone() };
    let refused = judged(&second[path], &[after_rotation], now);
    assert_eq!(refused, Err(Refusal::OlderRoot { held: 2, found: 1 }));
    let late = judged(&second[path], &[held], newer.next_update.plus_seconds(1));
    assert!(matches!(late, Err(Refusal::Expired(_))), "{late:?}");

    // A thief of the server has its keys, and none of the signers'.
    let mut forged = serde_json::from_slice::<Value>(&second[path]).unwrap();
    forged["payload"] = serde_json::from_slice::<Value>(&first[path]).unwrap()["payload"].clone();
    let forged = judged(&serde_json::to_vec(&forged).unwrap(), &[], now);
    assert!(matches!(forged, Err(Refusal::Unverified(_))), "{forged:?}");
    let mut few = serde_json::from_slice::<Value>(&second[path]).unwrap();
    few["signatures"].as_array_mut().unwrap().pop();
    assert!(matches!(judged(&serde_json::to_vec(&few).unwrap(), &[], now), Err(Refusal::Unverified(_))));
    assert!(matches!(judged(b"", &[], now), Err(Refusal::Unverified(_))));
    assert!(matches!(judge(&root, &second[path], &Role::Notices, &[], now), Err(Refusal::Unverified(_))));
}

#[tokio::test]
async fn a_service_that_goes_back_takes_no_root_from_anybody() {
    let (server, folder) = scheme().await;
    let old = files(&server.world.lock().unwrap());
    let told = Told::start(&server, &config(&server, folder.path())).await;
    let (hook, _) = subscriber(&told, "volt").await;
    admit(&server, &told, "beta-pki");
    hook.has(2).await;
    *server.lie.lock().unwrap() = Lie::Hides(old);
    let ready = until("the lie is seen", async || {
        let ready = told.ask("GET", "/readyz", "", None).await.json();
        ready["following"].to_string().contains("older than").then_some(ready)
    })
    .await;
    assert_eq!(ready["status"], "ready", "what waits is delivered all the same");
    assert_eq!(hook.received().len(), 2);
    told.stop().await;
}

#[tokio::test]
async fn what_happens_while_the_program_is_down_is_told_after_its_start_and_nothing_twice() {
    let (server, folder) = scheme().await;
    let config = config(&server, folder.path());
    let told = Told::start(&server, &config).await;
    let (hook, _) = subscriber(&told, "volt").await;
    told.stop().await;
    let now = {
        let mut world = server.world.lock().unwrap();
        listed(&mut world, "beta-pki");
        world.now
    };
    let told = Told::start_at(Arc::new(ManualClock::at(now)), &config).await;
    hook.has(2).await;
    told.stop().await;
    let told = Told::start_at(Arc::new(ManualClock::at(now)), &config).await;
    until("another look", async || {
        let ready = told.ask("GET", "/readyz", "", None).await.json();
        ready["followed_at"].is_string().then_some(())
    })
    .await;
    assert_eq!(hook.received().len(), 2);
    told.stop().await;
}
