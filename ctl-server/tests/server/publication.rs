//! From a decision to what devices fetch: drafts, ceremonies, files, restarts.

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_core::list::{ListPayload, offline};
use ctl_core::log::{Checkpoint, LogProof, leaf_hash};
use ctl_core::role::Role;
use ctl_core::tuf::{self, Clock, LocalMetadata, Response, Signed, Step, Updater};
use ctl_governance::statement::{Body, Entry};
use ctl_serve::Http;
use ctl_server::keys::log_key;

use crate::common::world::{self, DAY, World, na};
use crate::served::{Served, files_below};

fn list() -> Role {
    Role::List(na())
}

/// A scheme with one admitted root that no list has shown yet.
pub fn decided() -> (World, Digest) {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    (world, anchor)
}

/// A list, the notices and the registry are published.
pub async fn publish_everything(served: &Served) {
    for (role, signers) in [
        (list(), &["signer-1", "signer-2"][..]),
        (Role::Notices, &["officer-1"]),
        (Role::Registry, &["registrar"]),
    ] {
        let mut answers = Vec::new();
        for signer in signers {
            answers.push(served.sign(&role, signer).await);
        }
        let last = answers.last().unwrap();
        assert_eq!(last.status, 200, "{last:?}");
        assert!(last.json()["published"].is_u64(), "{last:?}");
    }
}

/// Follows the TUF workflow from root version 1, as a device that has nothing else.
async fn refresh(served: &Served, targets: &[&str]) -> (Updater, BTreeMap<String, Vec<u8>>) {
    let root = served.get("/tuf/metadata/1.root.json").await.body;
    let local = LocalMetadata { root, files: BTreeMap::new() };
    let mut updater = Updater::new(local, Clock::Known(served.now()), tuf::Limits::default()).unwrap();
    run(served, &mut updater).await;
    let mut found = BTreeMap::new();
    for name in targets {
        updater.seek(name).unwrap();
        run(served, &mut updater).await;
        let target = updater.found().unwrap().clone();
        let path = tuf::paths::with_hash(name, &target.hashes.prefix());
        let bytes = served.get(&format!("/tuf/targets/{path}")).await.body;
        target.check(&bytes).unwrap();
        found.insert((*name).to_owned(), bytes);
    }
    (updater, found)
}

async fn run(served: &Served, updater: &mut Updater) {
    loop {
        match updater.step().unwrap() {
            Step::Fetch { path, max_bytes, .. } => {
                let answer = served.get(&format!("/tuf/metadata/{path}")).await;
                assert!(answer.body.len() <= max_bytes);
                let missing = answer.status == 404;
                updater
                    .feed(if missing { Response::NotFound } else { Response::Bytes(answer.body) })
                    .unwrap();
            }
            Step::Keep { .. } | Step::Discard { .. } => {}
            Step::Done => return,
        }
    }
}

#[tokio::test]
async fn from_a_decision_to_a_list_that_a_device_verifies() {
    let (world, anchor) = decided();
    let served = Served::start(&world).await;

    let first = served.sign(&list(), "signer-1").await;
    assert_eq!(first.json(), serde_json::json!({ "have": 1, "needed": 2, "published": null }));
    let waiting = served.get("/v1/drafts/na").await.json();
    assert_eq!(waiting["signatures"][0], world::key("signer-1").public_key().key_id().to_string());
    served.get("/v1/lists/na/ctl.jws").await.problem(404);

    let second = served.sign(&list(), "signer-2").await.json();
    let published = second["published"].as_u64().unwrap();
    served.get("/v1/drafts/na").await.problem(404);

    // The answer came after publication: everything is there.
    let root = served.get("/tuf/metadata/1.root.json").await.body;
    let jws = served.get("/v1/lists/na/ctl.jws").await;
    assert_eq!(jws.header("content-type"), "application/jose+json");
    let verified = offline::verify_offline(&root, &jws.body, Some(&list()), Some(served.now())).unwrap();
    assert_eq!(verified.expired, Some(Vec::new()));
    let payload = ListPayload::read(&verified.payload).unwrap();
    assert_eq!(payload.anchors.iter().map(|one| one.fingerprint).collect::<Vec<_>>(), [anchor]);
    for path in ["/v1/lists/na/ctl.json", "/v1/lists/na/versions/1", "/tuf/targets/na.ctl.json"] {
        assert_eq!(served.get(path).await.body, verified.payload, "{path}");
    }
    let pem = served.get("/v1/lists/na/ctl.pem").await.text();
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 1);

    let (updater, targets) = refresh(&served, &["na.ctl.json"]).await;
    assert_eq!(targets["na.ctl.json"], verified.payload);
    assert!(updater.snapshot().unwrap().role("na").is_ok());

    // The proof that travels with the list.
    let key = log_key(&crate::common::keys().public()).unwrap();
    let proof = LogProof::parse(&served.get("/v1/lists/na/tlog-proof").await.body).unwrap();
    let entry = proof.extra.clone().unwrap();
    assert_eq!(proof.index, published);
    proof.verify(&leaf_hash(&entry), "ctl.example/stories", &key).unwrap();
    let entry = Entry::parse(&entry).unwrap();
    let Body::PublicationRecord(record) = &entry.statement.payload.body else { panic!() };
    assert_eq!(record.document, Some(Digest::of(&verified.payload)));
    let same = served.get("/v1/lists/na/versions/1.tlog-proof").await.body;
    assert_eq!(same, served.get("/v1/lists/na/tlog-proof").await.body);
}

/// Waits until who can charge where is answered for today, on the disk as well.
async fn answered(served: &Served) {
    let list = ListPayload::read(&served.get("/v1/lists/na/ctl.json").await.body).unwrap();
    let today = ctl_core::Timestamp::from_unix(served.now().unix() / 86_400 * 86_400);
    let as_of = today.max(list.issued_at).to_string();
    served
        .until("the answer on the disk", async |served| {
            let files = files_below(&served.public());
            files.get("v1/lists/na/interop.svg")?;
            let answer: serde_json::Value = serde_json::from_slice(files.get("v1/lists/na/interop")?).ok()?;
            (answer["as_of"] == as_of).then_some(())
        })
        .await;
}

#[tokio::test]
async fn who_can_charge_where_is_answered_at_publication_and_once_a_day() {
    let (world, anchor) = decided();
    let served = Served::start(&world).await;
    served.get("/v1/lists/na/interop").await.problem(404);
    publish_everything(&served).await;

    let answer = served
        .until("the answer, for which nobody waits", async |served| {
            let answer = served.get("/v1/lists/na/interop").await;
            (answer.status == 200).then_some(answer)
        })
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=60, must-revalidate");
    let again = served.get_with("/v1/lists/na/interop", &[("If-None-Match", answer.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let read = answer.json();
    let list = served.get("/v1/lists/na/ctl.json").await.body;
    assert_eq!((read["list"].as_str(), read["sequence"].as_u64()), (Some("na"), Some(1)));
    assert_eq!(read["sha256"], Digest::of(&list).to_string());
    assert_eq!(read["as_of"], ListPayload::read(&list).unwrap().issued_at.to_string());
    assert_eq!(read["roots"][0]["fingerprint"], anchor.to_string());
    let pair = &read["answers"][0]["pairs"][0];
    assert_eq!((&pair["vehicle"], &pair["result"]), (&read["roots"][0]["fingerprint"], &"direct".into()));

    let picture = served.get("/v1/lists/na/interop.svg").await;
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    assert!(picture.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(picture.text().starts_with("<svg xmlns=") && picture.text().ends_with("</svg>\n"));

    // Certificates expire, so the next day the answer is given anew.
    served.pass(DAY);
    let midnight = served.now().unix() - served.now().unix() % 86_400;
    let as_of = ctl_core::Timestamp::from_unix(midnight).to_string();
    served
        .until("the answer for the next day", async |served| {
            let answer = served.get("/v1/lists/na/interop").await;
            (answer.json()["as_of"] == as_of).then_some(())
        })
        .await;
}

#[tokio::test]
async fn signatures_that_do_not_count_are_refused_one_by_one() {
    let (world, _) = decided();
    let served = Served::start(&world).await;
    let draft = served.draft(&list(), None).await;
    let path = "/v1/drafts/na/signatures";
    let send = async |value: &serde_json::Value| served.post(path, value.to_string().as_bytes()).await;

    let stranger = send(&served.submission(&draft, "registrar")).await.problem(422);
    assert_eq!(stranger["reason"], "wrong-role");

    let mut other_draft = served.submission(&draft, "signer-1");
    other_draft["draft"] = 0.into();
    send(&other_draft).await.problem(409);

    let mut no_document = served.submission(&draft, "signer-1");
    no_document.as_object_mut().unwrap().remove("document_signature");
    assert_eq!(send(&no_document).await.problem(422)["reason"], "signature");

    let mut borrowed = served.submission(&draft, "signer-1");
    borrowed["document_signature"] = served.submission(&draft, "signer-2")["document_signature"].clone();
    assert_eq!(send(&borrowed).await.problem(422)["reason"], "signature");

    let mut wrong = served.submission(&draft, "signer-1");
    wrong["metadata_signature"]["sig"] =
        served.submission(&draft, "signer-2")["metadata_signature"]["sig"].clone();
    assert_eq!(send(&wrong).await.problem(422)["reason"], "signature");

    let mut unknown_member = served.submission(&draft, "signer-1");
    unknown_member["comment"] = "x".into();
    send(&unknown_member).await.problem(400);
    served
        .post("/v1/drafts/eu/signatures", served.submission(&draft, "signer-1").to_string().as_bytes())
        .await
        .problem(404);

    for _ in 0..3 {
        let again = send(&served.submission(&draft, "signer-1")).await.json();
        assert_eq!(again, serde_json::json!({ "have": 1, "needed": 2, "published": null }), "once is once");
    }
    assert!(!served.ledger.snapshot().state.published.contains_key(&list()));
}

#[tokio::test]
async fn the_board_hands_over_to_another_one() {
    let mut world = World::found();
    world.publish(&Role::Root, &["board-1", "board-2"]).unwrap();
    let served = Served::start(&world).await;
    // Nothing can be vouched for before the board has said who signs what.
    served.get("/tuf/metadata/timestamp.json").await.problem(404);
    assert_eq!(served.sign(&Role::Targets, "board-1").await.json()["needed"], 2);
    assert!(served.sign(&Role::Targets, "board-3").await.json()["published"].is_u64());
    let (updater, _) = refresh(&served, &[]).await;
    assert_eq!(updater.targets().unwrap().signed.version, 1);
    // Only now are there roles to draft for.
    served.draft(&list(), None).await;
}

#[tokio::test]
async fn a_restart_keeps_signatures_and_versions_and_rebuilds_every_byte() {
    let (world, _) = decided();
    let served = Served::start(&world).await;
    publish_everything(&served).await;
    served.pass(16 * DAY);
    // Half of the list's validity is over, so there is a new draft, and one has signed it.
    let draft = served.draft(&list(), None).await;
    assert_eq!(draft.open.sequence, Some(2));
    served.sign(&list(), "signer-3").await;
    served.fresh().await;
    let before = refresh(&served, &["na.ctl.json"]).await.0;
    answered(&served).await;
    let now = served.now();
    let data = served.stop().await;
    let files = files_below(&data.path().join("public"));

    // What follows from the ledger is made again; what does not was kept.
    std::fs::remove_dir_all(data.path().join("public")).unwrap();
    let served = Served::open(data, now, Http::default()).await;
    answered(&served).await;
    let rebuilt = files_below(&served.public());
    for (path, bytes) in &rebuilt {
        if let Some(earlier) = files.get(path) {
            assert!(earlier == bytes, "{path} is not what it was");
        }
    }
    // Partial tiles of earlier sizes and superseded snapshots need not be on disk again.
    let gone = files.keys().filter(|path| !rebuilt.contains_key(*path));
    assert!(gone.into_iter().all(|path| path.contains(".p/") || path.ends_with(".snapshot.json")));
    let after = refresh(&served, &["na.ctl.json"]).await.0;
    assert_eq!(after.snapshot(), before.snapshot());
    assert_eq!(after.timestamp(), before.timestamp());

    assert!(served.sign(&list(), "signer-1").await.json()["published"].is_u64(), "the second of two");
    let last = refresh(&served, &["na.ctl.json"]).await.0;
    assert!(last.snapshot().unwrap().version > before.snapshot().unwrap().version);
    assert!(last.timestamp().unwrap().version > before.timestamp().unwrap().version);
    let earlier = served.get("/v1/lists/na/versions/1").await;
    assert_eq!(earlier.body, files["v1/lists/na/versions/1"], "history stays");
}

#[tokio::test]
async fn a_ledger_restored_without_the_record_does_not_repeat_versions() {
    let (world, _) = decided();
    let served = Served::start(&world).await;
    publish_everything(&served).await;
    let before = refresh(&served, &[]).await.0;
    let now = served.now().plus_seconds(60);
    let entries = served.ledger.entries(0..u64::MAX).unwrap();
    let checkpoint = served.ledger.snapshot().checkpoint.to_vec();
    served.stop().await;

    let data = tempfile::tempdir().unwrap();
    let store = ctl_server::ledger::SledStore::open(&data.path().join("ledger")).unwrap();
    ctl_server::ledger::Store::append(&store, 0, &entries, Some(&checkpoint)).unwrap();
    drop(store);
    ctl_server::ledger::Head::below(data.path()).write(&checkpoint).unwrap();
    let served = Served::open(data, now, Http::default()).await;
    let after = refresh(&served, &[]).await.0;
    assert!(after.snapshot().unwrap().version > before.snapshot().unwrap().version);
    assert!(after.timestamp().unwrap().version > before.timestamp().unwrap().version);
}

#[tokio::test]
async fn the_timestamp_is_signed_again_by_the_clock_and_never_by_a_wrong_one() {
    let (world, _) = decided();
    let served = Served::start(&world).await;
    let timestamp = async |served: &Served| {
        let file = served.get("/tuf/metadata/timestamp.json").await.body;
        Signed::<tuf::Timestamp>::parse("timestamp", &file, 16_384).unwrap().signed
    };
    let first = timestamp(&served).await;
    served.pass(DAY / 2);
    let second = served
        .until("a newer timestamp", async |served| {
            Some(timestamp(served).await).filter(|newer| newer.version > first.version)
        })
        .await;
    assert_eq!(second.expires, served.now().plus_seconds(DAY));
    assert_eq!(second.meta, first.meta, "the snapshot has six more days");

    // Someone sets the clock years ahead: nothing is signed for then, and the server says so.
    served.clock.set(served.now().plus_seconds(5 * 365 * DAY));
    served.publisher.wake();
    served
        .until("the server to say so", async |served| {
            Some(served.get("/readyz").await).filter(|answer| answer.status == 503)
        })
        .await;
    assert_eq!(timestamp(&served).await, second);
    let ready = served.get("/readyz").await.json();
    assert!(ready["problems"][0].as_str().unwrap().contains("clock"), "{ready}");
    assert_eq!(served.get("/healthz").await.status, 200, "the process lives");
    served.get("/v1/lists").await.json();
}

#[tokio::test]
async fn a_plain_directory_serves_the_same_bytes_as_the_server() {
    let (world, _) = decided();
    let served = Served::start(&world).await;
    publish_everything(&served).await;
    let size = served.ledger.snapshot().size();
    served.publisher.served(size).await;
    answered(&served).await;
    let files = served
        .until("the disk to follow", async |served| {
            let files = files_below(&served.public());
            let site = served.publisher.site().load_full();
            let complete = site.files().all(|(path, file)| {
                files.get(path).is_some_and(|found| file.identity().is_none_or(|bytes| bytes == found))
            });
            complete.then_some(files)
        })
        .await;
    for (path, bytes) in &files {
        let answer = served.get(&format!("/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body == *bytes, "{path} differs");
    }
    for path in [
        "log/checkpoint",
        "tuf/metadata/1.root.json",
        "tuf/metadata/1.na.json",
        "tuf/metadata/timestamp.json",
        "v1/lists/na/ctl.jws",
        "v1/lists/na/ctl.pem",
        "v1/lists/na/ctl.v2g.pem",
        "v1/lists/na/ctl.p7c",
        "v1/lists/na/ctl.ta.der",
        "v1/lists/na/ctl.sae.der",
        "v1/lists/na/interop",
        "v1/lists/na/interop.svg",
        "v1/registry/mo.json",
        "v1/registry/mo.jws",
        "v1/registry/tlog-proof",
        "v1/registry/versions/1.tlog-proof",
        "v1/notices/notices.json",
        "v1/notices/versions/1.tlog-proof",
    ] {
        assert!(files.contains_key(path), "{path}");
    }
}

#[tokio::test]
async fn the_whole_log_can_be_fetched_and_adds_up_to_its_checkpoint() {
    let (world, _) = decided();
    let served = Served::start(&world).await;
    let key = log_key(&crate::common::keys().public()).unwrap();
    let note = served.get("/log/checkpoint").await.body;
    let checkpoint = Checkpoint::open(&note, "ctl.example/stories", &key).unwrap();
    assert!(checkpoint.size < 256 && checkpoint.size > 3);
    let bundle = served.get(&format!("/log/tile/entries/000.p/{}", checkpoint.size)).await.body;
    let tile = served.get(&format!("/log/tile/0/000.p/{}", checkpoint.size)).await.body;
    let id = ctl_core::log::BundleId { index: 0, width: checkpoint.size as u16 };
    let mut tree = ctl_core::log::Tree::new();
    for (entry, hash) in id.decode(&bundle).unwrap().iter().zip(tile.chunks(32)) {
        assert_eq!(leaf_hash(entry).as_bytes(), hash);
        tree.push(leaf_hash(entry));
    }
    assert_eq!(tree.root(), checkpoint.root);

    // Who still holds an older checkpoint gets the narrower tiles that belong to it.
    let narrow = served.get("/log/tile/entries/000.p/2").await.body;
    assert!(bundle.starts_with(&narrow));
    assert_eq!(ctl_core::log::BundleId { index: 0, width: 2 }.decode(&narrow).unwrap().len(), 2);
    assert_eq!(served.get("/log/tile/0/000.p/3").await.body, tile[..96]);
    served.get(&format!("/log/tile/0/000.p/{}", 255)).await.problem(404);
    served.get("/log/tile/0/000").await.problem(404);
}
