//! Logs that never end, servers that hang up: what tools download is bounded before it is believed, and what may be
//! asked twice is asked again.

use std::time::Duration;

use ctl_core::Digest;
use ctl_core::log::{BundleId, Checkpoint};
use ctl_replica::transport::{Bounds, Transport};
use ctl_replica::{Bound, Options, Replica, ReplicaError, Trust};

use crate::common::asked::{Answer, found, serve};
use crate::common::story::World;
use crate::common::{log_files, options, root_json, signing_key};

/// A checkpoint over so many entries that nobody has.
fn endless(world: &World, key: &ed25519_dalek::SigningKey, size: u64) -> Vec<u8> {
    let origin = world.state.charter.server.log_origin.to_string();
    Checkpoint { origin, size, root: Digest::of(b"no root") }.sign(key).unwrap().to_string().into_bytes()
}

/// A full bundle that begins with the scheme's own genesis and goes on with the largest entries.
fn full_bundle(world: &World, index: u64) -> Vec<u8> {
    let filler = vec![b'x'; 60_000];
    let mut entries: Vec<&[u8]> = vec![&filler; 256];
    if index == 0 {
        entries[0] = &world.entries[0].bytes;
    }
    BundleId { index, width: 256 }.encode(&entries).unwrap()
}

#[tokio::test]
async fn a_strangers_endless_log_costs_one_bundle() {
    let world = World::published();
    let scheme = world.state.scheme;
    let now = world.now;
    let checkpoint = endless(&world, &signing_key("a stranger"), 1 << 26);
    let first = full_bundle(&world, 0);
    let (url, asked) = serve(move |path, _| {
        Answer::Found(if path == "log/checkpoint" { checkpoint.clone() } else { first.clone() })
    })
    .await;
    let mut session = Replica::open(options(&url, Trust::Scheme(scheme), None, now)).unwrap();
    let error = session.sync().await.err().unwrap();
    assert!(
        matches!(error, ReplicaError::Unproven { .. }) && error.to_string().contains("not signed by"),
        "{error}"
    );
    assert_eq!(*asked.lock().unwrap(), ["log/checkpoint", "log/tile/entries/000"]);
}

#[tokio::test]
async fn a_first_bundle_of_another_scheme_is_the_last() {
    let (world, now) = (World::published(), World::published().now);
    let mut files = log_files(&world);
    files.insert("log/checkpoint".into(), endless(&world, &signing_key("log"), 1 << 26));
    files.insert("log/tile/entries/000".into(), full_bundle(&world, 0));
    let (url, asked) = serve(move |path, _| found(&files, path)).await;
    let another = Trust::Scheme(Digest::of(b"another scheme"));
    let error = Replica::open(options(&url, another, None, now)).unwrap().sync().await.err().unwrap();
    assert!(error.to_string().contains("this is the log of scheme"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_thief_of_the_log_key_cannot_make_a_tool_download_for_ever() {
    let world = World::published();
    let (now, directory) = (world.now, tempfile::tempdir().unwrap());
    let trust = root_json(directory.path(), &world);
    let checkpoint = endless(&world, &signing_key("log"), 1 << 26);
    let (first, next) = (full_bundle(&world, 0), full_bundle(&world, 1));
    let size = next.len() as u64;
    let (url, asked) = serve(move |path, _| {
        Answer::Found(match path {
            "log/checkpoint" => checkpoint.clone(),
            "log/tile/entries/000" => first.clone(),
            _ => next.clone(),
        })
    })
    .await;
    let bounded = |bytes: u64, time: Duration| Options {
        bounds: Bounds { bytes, time },
        ..options(&url, trust.clone(), None, now)
    };
    let hour = Duration::from_secs(3600);
    let error = Replica::open(bounded(3 * size, hour)).unwrap().sync().await.err().unwrap();
    assert!(matches!(error, ReplicaError::Exhaustion { bound: Bound::Bytes(_), .. }), "{error}");
    assert!(error.to_string().contains("MiB"), "{error}");
    assert!(asked.lock().unwrap().len() <= 5, "the checkpoint and hardly more than three bundles");

    let error = Replica::open(bounded(u64::MAX, Duration::ZERO)).unwrap().sync().await.err().unwrap();
    assert!(matches!(error, ReplicaError::Exhaustion { bound: Bound::Time(_), .. }), "{error}");
}

#[tokio::test]
async fn a_connection_that_always_breaks_is_told_after_a_few_attempts() {
    let (url, asked) = serve(|_, _| Answer::HangsUp).await;
    let transport = Transport::new(&url).unwrap();
    let error = transport.get("log/checkpoint", 1000).await.unwrap_err();
    assert!(matches!(error, ReplicaError::Network { .. }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 3);
    // What changes something is sent once: whether it was taken is unknown.
    let error = transport.post("v1/statements", b"{}".to_vec()).await.unwrap_err();
    assert!(matches!(error, ReplicaError::Silence { .. }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_person_may_think_longer_than_a_server_keeps_a_connection() {
    let (url, _) = serve(|path, number| match (path, number) {
        (_, 0) => Answer::Found(b"{}".to_vec()),
        _ => Answer::HangsUp,
    })
    .await;
    let transport = Transport::new(&url).unwrap();
    transport.get("v1/lists", 10).await.unwrap();
    assert_eq!(
        transport.post("v1/statements", b"{}".to_vec()).await.unwrap(),
        b"{}",
        "on a connection of its own"
    );
    transport.put("v1/blobs/x", b"x".to_vec()).await.unwrap();
}
