//! What an audit does with what a folder remembers, and with a server that hangs up: the log is downloaded once and held
//! against what was seen, and a state that was sealed anew is found.

use std::path::Path;

use ctl_admin::AdminError;
use ctl_admin::auditor::audit::{self, Report};
use ctl_admin::screening::Policies;
use ctl_core::role::Role;
use ctl_governance::Snapshot;
use ctl_replica::{Options, Replica};

use crate::common::asked::{Answer, found, serve};
use crate::common::reader::{Reader, all, drafted, more};
use crate::common::story::{World, na};
use crate::common::{files, noted, options, root_json, write};

async fn run(options: Options) -> Result<Report, AdminError> {
    audit::run(options, &Policies::with(&[] as &[&Path]).unwrap()).await
}

async fn audited(reader: &Reader, world: &World) -> Report {
    run(reader.options(world, &files(world))).await.unwrap()
}

#[tokio::test]
async fn a_server_that_closes_idle_connections_while_the_log_is_replayed_is_asked_again() {
    let world = World::published();
    let (now, directory) = (world.now, tempfile::tempdir().unwrap());
    let trust = root_json(directory.path(), &world);
    let files = files(&world);
    // Whatever connection a tool has kept, it is closed by the time it is used again: every second request finds
    // "connection closed before message completed".
    let (url, asked) =
        serve(move |path, number| if number == 0 { found(&files, path) } else { Answer::HangsUp }).await;
    let report = run(options(&url, trust, None, now)).await.unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
    assert!(asked.lock().unwrap().len() > 10);
}

#[tokio::test]
async fn an_audit_finds_every_form_that_is_wrong_missing_or_left_from_an_older_version() {
    let mut world = World::published();
    world.publish_list();
    let directory = tempfile::tempdir().unwrap();
    let trust = root_json(directory.path(), &world);
    let good = files(&world);
    // Without anchors there is no list of trust anchors.
    let path = |suffix: &str| format!("v1/lists/na/ctl.{suffix}");
    assert!(!good.contains_key(&path("ta.der")));
    let mut attacks: Vec<(String, Option<Vec<u8>>)> = vec![(path("ta.der"), Some(vec![0x30, 0]))];
    for suffix in ["pem", "v2g.pem", "mo.pem", "oem.pem", "vehicle.pem", "p7c", "sae.der", "jws", "json"] {
        let mut changed = good[&path(suffix)].clone();
        changed.push(b'\n');
        attacks.push((path(suffix), Some(changed)));
        attacks.push((path(suffix), None));
    }
    for (path, bytes) in attacks {
        let mut served = good.clone();
        match bytes {
            Some(bytes) => drop(served.insert(path.clone(), bytes)),
            None => drop(served.remove(&path)),
        }
        let url = write(&directory.path().join("served"), &served);
        let report = run(options(&url, trust.clone(), None, world.now)).await.unwrap();
        assert_eq!(report.differences.len(), 1, "{path}: {:?}", report.differences);
        assert!(report.differences[0].contains(&path), "{path}: {:?}", report.differences);
    }
}

#[tokio::test]
async fn an_audit_downloads_the_log_once_and_holds_it_against_what_was_seen() {
    let mut world = World::published();
    let (now, directory) = (world.now, tempfile::tempdir().unwrap());
    let trust = root_json(directory.path(), &world);
    let cache = directory.path().join("cache");
    let kept = cache.join(world.state.scheme.to_string());
    let files_then = files(&world);
    let (url, _) = serve(move |path, _| found(&files_then, path)).await;
    let seen =
        Replica::open(options(&url, trust.clone(), Some(&cache), now)).unwrap().sync().await.unwrap().size();

    world.wait(1);
    world.open_draft(&Role::List(na())).unwrap();
    let files_now = files(&world);
    let (url, asked) = serve(move |path, _| found(&files_now, path)).await;
    let report = run(options(&url, trust.clone(), Some(&cache), world.now)).await.unwrap();
    assert_eq!(report.entries, seen + 1);
    let asked = asked.lock().unwrap().clone();
    let of_entries = asked.iter().filter(|path| path.contains("/entries/"));
    assert_eq!(of_entries.count(), 1, "all of the log is one bundle: {asked:?}");
    assert!(!kept.join("afresh").exists());

    // What was audited is remembered: the next contact needs no more than the checkpoint, and says when the log lies.
    let files_now = files(&world);
    let (url, asked) = serve(move |path, _| found(&files_now, path)).await;
    let mut replica = Replica::open(options(&url, trust.clone(), Some(&cache), world.now)).unwrap();
    let log = replica.sync().await.unwrap();
    assert_eq!(log.size(), seen + 1);
    assert_eq!(log.entry_bytes(seen).unwrap(), &*world.entries[seen as usize].bytes);
    assert_eq!(*asked.lock().unwrap(), ["log/checkpoint"]);
    let mut other = World::published();
    other.wait(7);
    other.open_draft(&Role::List(na())).unwrap();
    let files_then = files(&other);
    let (url, _) = serve(move |path, _| found(&files_then, path)).await;
    let error = run(options(&url, trust, Some(&cache), other.now)).await.unwrap_err();
    assert!(error.to_string().contains("the log was rewritten"), "{error}");
    assert!(kept.join("checkpoint.conflicting").exists());
}

#[tokio::test]
async fn an_audit_finds_a_state_that_was_sealed_anew() {
    let mut world = drafted();
    let reader = Reader::of(&world).await;
    let honest = std::fs::read(reader.snapshot(&world)).unwrap();
    let report = audited(&reader, &world).await;
    assert!(report.is_clean() && report.notes.iter().all(|note| !note.contains("state snapshot")));
    assert_eq!(std::fs::read(reader.snapshot(&world)).unwrap(), honest);

    let Snapshot { mut state, tree, .. } = reader.read(&world);
    state.founded_at = state.founded_at.plus_seconds(1);
    reader.seal(&world, &state, &tree.hashes(tree.size()).unwrap());
    // Nothing in it contradicts what is remembered, so that a tool goes on from it.
    let (listener, heard) = noted();
    let mut deceived = Replica::open(Options { listener, ..reader.options(&world, &files(&world)) }).unwrap();
    assert_eq!(deceived.sync().await.unwrap().state(), &state);
    assert_eq!(*heard.lock().unwrap(), [""; 0]);

    // The log may have grown since.
    more(&mut world);
    let report = audited(&reader, &world).await;
    let [difference] = &report.differences[..] else { panic!("{:?}", report.differences) };
    assert!(
        difference.contains("the state in the state snapshot") && difference.contains("who can write"),
        "{difference}"
    );
    assert_eq!(report.entries, world.entries.len() as u64, "all of it was replayed");
    assert!(audited(&reader, &world).await.is_clean(), "the snapshot is right again");
    assert_eq!(reader.contact(&world).await.unwrap().replayed, [0; 0]);
}

#[tokio::test]
async fn an_audit_tells_what_the_folder_has_that_is_damaged() {
    let world = drafted();
    let reader = Reader::of(&world).await;
    for name in ["entries", "state.snapshot"] {
        let mut bytes = std::fs::read(reader.file(&world, name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(reader.file(&world, name), bytes).unwrap();
    }
    let report = audited(&reader, &world).await;
    assert!(report.is_clean(), "the server is not to blame: {:?}", report.differences);
    let told = |what: &str| report.notes.iter().filter(|note| note.contains(what)).count();
    assert_eq!(told("was not what was written"), 1, "{:?}", report.notes);
    assert_eq!(told("could not be read"), 1, "{:?}", report.notes);
    let after = reader.contact(&world).await.unwrap();
    assert_eq!((after.replayed.len(), after.heard.len()), (0, 0), "both are mended");
    for index in all(&world) {
        after.log.entry_bytes(index).unwrap();
    }
}
