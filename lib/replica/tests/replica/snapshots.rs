//! The snapshot of the state in a replica's folder: what it saves a new process, and when it is not believed.

use std::sync::Arc;

use ctl_core::PublicKey;
use ctl_core::role::Role;
use ctl_governance::Snapshot;
use ctl_governance::statement::charter::Charter;
use ctl_replica::{Log, Options, Replica};

use crate::common::files;
use crate::common::reader::{Reader, all, drafted, more};
use crate::common::story::{World, charter, na};

/// The next process does not believe the snapshot, says why, replays everything, and writes it again: the process
/// after that replays nothing.
async fn disbelieves(reader: &Reader, world: &World, why: &str) {
    let contact = reader.contact(world).await.unwrap();
    assert_eq!(contact.replayed, all(world), "{why}: everything is replayed");
    let [word] = &contact.heard[..] else { panic!("{why}: {:?}", contact.heard) };
    assert!(word.contains("is not taken") && word.contains(why), "{why}: {word}");
    let next = reader.contact(world).await.unwrap();
    assert_eq!((next.replayed.len(), next.heard.len()), (0, 0), "{why}: {:?}", next.heard);
}

#[tokio::test]
async fn a_new_process_replays_only_what_is_new() {
    let mut world = drafted();
    let reader = Reader::of(&world).await;
    let seen = world.entries.len() as u64;
    let same = reader.contact(&world).await.unwrap();
    assert_eq!((same.replayed.len(), same.heard.len()), (0, 0));

    more(&mut world);
    more(&mut world);
    let grown = reader.contact(&world).await.unwrap();
    assert_eq!(grown.replayed, [seen, seen + 1]);
    assert_eq!(grown.heard, [""; 0]);

    // Whatever a log is asked, it answers as one that was replayed from the first entry.
    let mut replica =
        Replica::open(Options { folder: None, ..reader.options(&world, &files(&world)) }).unwrap();
    let whole = replica.sync().await.unwrap();
    let sizes: Vec<u64> = (1..=whole.size()).collect();
    let states = |log: &Log| {
        let mut states = Vec::new();
        log.prefixes(&sizes, |_, state| states.push(state.clone())).unwrap();
        states
    };
    assert_eq!(states(&grown.log), states(whole));
    for index in 0..whole.size() {
        assert_eq!(grown.log.entry_bytes(index).unwrap(), whole.entry_bytes(index).unwrap());
        assert_eq!(grown.log.inclusion_proof(index).unwrap(), whole.inclusion_proof(index).unwrap());
        let statement = whole.entry(index).unwrap().statement.id;
        assert_eq!(grown.log.find(&statement).unwrap().unwrap().0, index);
    }
    // Two entries are not worth writing the snapshot again.
    assert_eq!(reader.read(&world).state.size(), seen);
}

#[tokio::test]
async fn the_snapshot_is_written_again_when_the_log_has_grown_enough() {
    let mut world = drafted();
    let reader = Reader::of(&world).await;
    let seen = world.state.size();
    while world.state.size() < seen + 999 {
        world.wait(1);
        world.open_draft(&Role::List(na())).unwrap();
    }
    assert_eq!(reader.contact(&world).await.unwrap().replayed.len(), 999);
    assert_eq!(reader.read(&world).state.size(), seen);
    more(&mut world);
    assert_eq!(reader.contact(&world).await.unwrap().replayed.len(), 1000);
    assert_eq!(reader.read(&world).state, world.state);
    assert_eq!(reader.contact(&world).await.unwrap().replayed, [0; 0]);
}

#[tokio::test]
async fn without_a_snapshot_everything_is_replayed_and_nothing_said() {
    let world = drafted();
    let reader = Reader::of(&world).await;
    let written = std::fs::read(reader.snapshot(&world)).unwrap();
    std::fs::remove_file(reader.snapshot(&world)).unwrap();
    // What a process left that was killed while it wrote one.
    let unfinished = reader.file(&world, ".4711-0-state.snapshot");
    std::fs::write(&unfinished, &written[..100]).unwrap();
    let contact = reader.contact(&world).await.unwrap();
    assert_eq!(contact.replayed, all(&world));
    assert_eq!(contact.heard, [""; 0]);
    assert_eq!(std::fs::read(reader.snapshot(&world)).unwrap(), written, "it is written again");
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_written_costs_time_and_is_told() {
    let world = drafted();
    let reader = Reader::of(&world).await;
    std::fs::remove_file(reader.snapshot(&world)).unwrap();
    std::fs::create_dir(reader.snapshot(&world)).unwrap();
    let contact = reader.contact(&world).await.unwrap();
    assert_eq!(contact.replayed, all(&world));
    let [unread, unwritten] = &contact.heard[..] else { panic!("{:?}", contact.heard) };
    assert!(unread.contains("is not taken"), "{unread}");
    assert!(unwritten.contains("is not written"), "{unwritten}");
}

#[tokio::test]
async fn a_flipped_bit_is_not_believed() {
    let world = drafted();
    let reader = Reader::of(&world).await;
    let written = std::fs::read(reader.snapshot(&world)).unwrap();
    let last = written.len() - 1;
    for at in [0, written.len() / 5, written.len() / 2, last - 2000, last - 400, last - 10, last] {
        let mut bytes = written.clone();
        bytes[at] ^= 1;
        std::fs::write(reader.snapshot(&world), &bytes).unwrap();
        disbelieves(&reader, &world, "it").await;
        assert_eq!(std::fs::read(reader.snapshot(&world)).unwrap(), written);
    }
    std::fs::write(reader.snapshot(&world), &written[..written.len() / 2]).unwrap();
    disbelieves(&reader, &world, "damaged").await;
    std::fs::write(reader.snapshot(&world), "").unwrap();
    disbelieves(&reader, &world, "damaged").await;
}

#[tokio::test]
async fn the_snapshot_of_another_scheme_is_not_believed() {
    let world = drafted();
    let other = World::published_with(Charter { name: "Another".parse().unwrap(), ..charter() });
    assert_ne!(world.state.scheme, other.state.scheme);
    let (reader, stranger) = (Reader::of(&world).await, Reader::of(&other).await);
    std::fs::copy(stranger.snapshot(&other), reader.snapshot(&world)).unwrap();
    disbelieves(&reader, &world, &format!("of scheme {}", other.state.scheme)).await;
}

#[tokio::test]
async fn a_snapshot_ahead_of_what_is_remembered_is_not_believed() {
    let mut world = drafted();
    let reader = Reader::of(&world).await;
    let before = world.entries.len();
    let mut later = drafted();
    later.wait(1);
    more(&mut later);
    let ahead = Reader::of(&later).await;
    std::fs::copy(ahead.snapshot(&later), reader.snapshot(&world)).unwrap();
    disbelieves(&reader, &world, &format!("{before} are remembered")).await;

    // Nor when the log has grown to its size since, in another way: it is of another log then.
    more(&mut world);
    assert_eq!(world.entries.len(), later.entries.len());
    assert_ne!(world.state.root(), later.state.root());
    reader.contact(&world).await.unwrap();
    std::fs::copy(ahead.snapshot(&later), reader.snapshot(&world)).unwrap();
    disbelieves(&reader, &world, "not of the log whose checkpoint is remembered").await;
}

#[tokio::test]
async fn a_wrong_leaf_sealed_anew_is_not_believed() {
    let world = drafted();
    let reader = Reader::of(&world).await;
    let Snapshot { state, tree, .. } = reader.read(&world);
    let mut hashes = tree.hashes(tree.size()).unwrap();
    // The first leaf: the right edge, and with it the root of the tree as it is kept, does not show it.
    hashes[0] ^= 1;
    reader.seal(&world, &state, &hashes);
    disbelieves(&reader, &world, "not of the log whose checkpoint is remembered").await;
}

#[tokio::test]
async fn a_state_sealed_anew_with_another_log_key_is_not_believed() {
    let world = drafted();
    let reader = Reader::of(&world).await;
    let Snapshot { mut state, tree, .. } = reader.read(&world);
    let thief = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    Arc::make_mut(&mut state.charter).server.log = PublicKey::Ed25519(thief);
    reader.seal(&world, &state, &tree.hashes(tree.size()).unwrap());
    disbelieves(&reader, &world, "not signed by").await;
}

#[tokio::test]
async fn a_state_that_refuses_what_follows_is_given_up() {
    let mut world = drafted();
    let reader = Reader::of(&world).await;
    let Snapshot { mut state, tree, .. } = reader.read(&world);
    state.clock = state.clock.plus_seconds(1_000_000);
    reader.seal(&world, &state, &tree.hashes(tree.size()).unwrap());
    // Another process, older than the snapshot, has taken in one more.
    more(&mut world);
    let kept = std::fs::read(reader.snapshot(&world)).unwrap();
    std::fs::remove_file(reader.snapshot(&world)).unwrap();
    reader.contact(&world).await.unwrap();
    std::fs::write(reader.snapshot(&world), kept).unwrap();
    disbelieves(&reader, &world, "may not stand there").await;
}
