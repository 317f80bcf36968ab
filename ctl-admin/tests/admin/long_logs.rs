//! Logs that never end, servers that hang up: what tools download is bounded before it is believed, and what may be
//! asked twice is asked again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ctl_admin::AdminError;
use ctl_core::Digest;
use ctl_core::log::{BundleId, Checkpoint};
use ctl_core::role::Role;
use ctl_replica::transport::{Bounds, Transport};
use ctl_replica::{Options, Replica, ReplicaError, Trust};
use tokio::io::AsyncWriteExt as _;

use crate::common::story::{World, na};
use crate::common::{Files, files, log_files, options, read_request, root_json, signing_key};

/// What became of a request.
enum Answer {
    Found(Vec<u8>),
    Missing,
    /// The server ends the connection without a word.
    HangsUp,
}

/// A server that keeps connections open; it is told the path and the number of the request on its connection.
async fn serve(
    answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
            tokio::spawn(async move {
                for number in 0.. {
                    let Some((_, path, _)) = read_request(&mut stream).await else { return };
                    let path = path.trim_start_matches('/');
                    log.lock().unwrap().push(path.to_owned());
                    let (status, body) = match answer(path, number) {
                        Answer::Found(body) => (200, body),
                        Answer::Missing => (404, Vec::new()),
                        Answer::HangsUp => return,
                    };
                    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                }
            });
        }
    });
    (url, asked)
}

fn found(files: &Files, path: &str) -> Answer {
    files.get(path).map_or(Answer::Missing, |bytes| Answer::Found(bytes.clone()))
}

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
        matches!(error, ReplicaError::Violation(_)) && error.to_string().contains("not signed by"),
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
    let error = AdminError::from(error);
    assert_eq!(error.exit_code(), ctl_admin::exit::UNUSABLE);
    assert!(error.to_string().contains("--max-download") && error.to_string().contains("MiB"), "{error}");
    assert!(asked.lock().unwrap().len() <= 5, "the checkpoint and hardly more than three bundles");

    let error = Replica::open(bounded(u64::MAX, Duration::ZERO)).unwrap().sync().await.err().unwrap();
    let error = AdminError::from(error);
    assert!(error.to_string().contains("--max-time"), "{error}");
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
    let policies = ctl_admin::screening::Policies::with(&[] as &[&str]).unwrap();
    let report = ctl_admin::auditor::audit::run(options(&url, trust, None, now), &policies).await.unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
    assert!(asked.lock().unwrap().len() > 10);
}

#[tokio::test]
async fn an_audit_downloads_the_log_once_and_holds_it_against_what_was_seen() {
    let mut world = World::published();
    let (now, directory) = (world.now, tempfile::tempdir().unwrap());
    let trust = root_json(directory.path(), &world);
    let cache = directory.path().join("cache");
    let kept = cache.join(world.state.scheme.to_string());
    let policies = ctl_admin::screening::Policies::with(&[] as &[&str]).unwrap();
    let files_then = files(&world);
    let (url, _) = serve(move |path, _| found(&files_then, path)).await;
    let seen =
        Replica::open(options(&url, trust.clone(), Some(&cache), now)).unwrap().sync().await.unwrap().size();

    world.wait(1);
    world.open_draft(&Role::List(na())).unwrap();
    let files_now = files(&world);
    let (url, asked) = serve(move |path, _| found(&files_now, path)).await;
    let report =
        ctl_admin::auditor::audit::run(options(&url, trust.clone(), Some(&cache), world.now), &policies)
            .await
            .unwrap();
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
    let error = ctl_admin::auditor::audit::run(options(&url, trust, Some(&cache), other.now), &policies)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the log was rewritten"), "{error}");
    assert!(kept.join("checkpoint.conflicting").exists());
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
    assert_eq!(AdminError::from(error).exit_code(), ctl_admin::exit::UNKNOWN);
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
