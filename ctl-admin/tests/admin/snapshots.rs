//! The snapshot of the state in a replica's folder: what it saves a new process, when it is not believed, and that an
//! audit finds one that was sealed anew.

use std::path::PathBuf;
use std::sync::Arc;

use ctl_admin::auditor::audit;
use ctl_admin::screening::Policies;
use ctl_core::PublicKey;
use ctl_core::role::Role;
use ctl_governance::statement::Entry;
use ctl_governance::statement::charter::Charter;
use ctl_governance::{Snapshot, State, snapshot};
use ctl_replica::{Log, Options, Replica, ReplicaError, Trust};
use tempfile::TempDir;

use crate::common::story::{World, charter, na};
use crate::common::{Files, files, noted, options, write};

/// A folder that remembers, and a server that is a directory.
struct Reader {
    directory: TempDir,
}

/// What one process did.
struct Contact {
    log: Log,
    /// The entries that it replayed.
    replayed: Vec<u64>,
    /// What its listener heard.
    heard: Vec<String>,
}

impl Reader {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// One that has seen the world as it is.
    async fn of(world: &World) -> Self {
        let reader = Self::new();
        let first = reader.contact(world).await.unwrap();
        assert_eq!((first.replayed.len(), first.heard.len()), (world.entries.len(), 0));
        reader
    }

    fn folder(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn file(&self, world: &World, name: &str) -> PathBuf {
        self.folder().join(world.state.scheme.to_string()).join(name)
    }

    fn snapshot(&self, world: &World) -> PathBuf {
        self.file(world, "state.snapshot")
    }

    fn options(&self, world: &World, files: &Files) -> Options {
        let url = write(&self.directory.path().join("served"), files);
        options(&url, Trust::Scheme(world.state.scheme), Some(&self.folder()), world.now)
    }

    /// A new process that syncs once.
    async fn contact(&self, world: &World) -> Result<Contact, ReplicaError> {
        let (listener, heard) = noted();
        let mut replica = Replica::open(Options { listener, ..self.options(world, &files(world)) }).unwrap();
        let mut replayed = Vec::new();
        let log = replica
            .sync_with(&mut |_: Option<&State>, index: u64, _: &Entry| replayed.push(index))
            .await?
            .clone();
        assert_eq!(log.state(), &world.state, "however it came about");
        let heard = heard.lock().unwrap().clone();
        Ok(Contact { log, replayed, heard })
    }

    /// The next process does not believe the snapshot, says why, replays everything, and writes it again: the process
    /// after that replays nothing.
    async fn disbelieves(&self, world: &World, why: &str) {
        let contact = self.contact(world).await.unwrap();
        assert_eq!(contact.replayed, all(world), "{why}: everything is replayed");
        let [word] = &contact.heard[..] else { panic!("{why}: {:?}", contact.heard) };
        assert!(word.contains("is not taken") && word.contains(why), "{why}: {word}");
        let next = self.contact(world).await.unwrap();
        assert_eq!((next.replayed.len(), next.heard.len()), (0, 0), "{why}: {:?}", next.heard);
    }

    fn read(&self, world: &World) -> Snapshot {
        snapshot::read(&std::fs::read(self.snapshot(world)).unwrap()).unwrap()
    }

    /// Puts another state in the snapshot's place, sealed as it must be.
    fn seal(&self, world: &World, state: &State, hashes: &[u8]) {
        let mut bytes = Vec::new();
        snapshot::write(state, hashes, &[], &mut bytes).unwrap();
        std::fs::write(self.snapshot(world), bytes).unwrap();
    }

    async fn audit(&self, world: &World) -> audit::Report {
        let policies = Policies::with(&[] as &[PathBuf]).unwrap();
        audit::run(self.options(world, &files(world)), &policies).await.unwrap()
    }
}

fn all(world: &World) -> Vec<u64> {
    (0..world.entries.len() as u64).collect()
}

fn drafted() -> World {
    let mut world = World::published();
    more(&mut world);
    world
}

fn more(world: &mut World) {
    world.wait(60);
    world.open_draft(&Role::List(na())).unwrap();
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
        reader.disbelieves(&world, "it").await;
        assert_eq!(std::fs::read(reader.snapshot(&world)).unwrap(), written);
    }
    std::fs::write(reader.snapshot(&world), &written[..written.len() / 2]).unwrap();
    reader.disbelieves(&world, "damaged").await;
    std::fs::write(reader.snapshot(&world), "").unwrap();
    reader.disbelieves(&world, "damaged").await;
}

#[tokio::test]
async fn the_snapshot_of_another_scheme_is_not_believed() {
    let world = drafted();
    let other = World::published_with(Charter { name: "Another".parse().unwrap(), ..charter() });
    assert_ne!(world.state.scheme, other.state.scheme);
    let (reader, stranger) = (Reader::of(&world).await, Reader::of(&other).await);
    std::fs::copy(stranger.snapshot(&other), reader.snapshot(&world)).unwrap();
    reader.disbelieves(&world, &format!("of scheme {}", other.state.scheme)).await;
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
    reader.disbelieves(&world, &format!("{before} are remembered")).await;

    // Nor when the log has grown to its size since, in another way: it is of another log then.
    more(&mut world);
    assert_eq!(world.entries.len(), later.entries.len());
    assert_ne!(world.state.root(), later.state.root());
    reader.contact(&world).await.unwrap();
    std::fs::copy(ahead.snapshot(&later), reader.snapshot(&world)).unwrap();
    reader.disbelieves(&world, "not of the log whose checkpoint is remembered").await;
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
    reader.disbelieves(&world, "not of the log whose checkpoint is remembered").await;
}

#[tokio::test]
async fn a_state_sealed_anew_with_another_log_key_is_not_believed() {
    let world = drafted();
    let reader = Reader::of(&world).await;
    let Snapshot { mut state, tree, .. } = reader.read(&world);
    let thief = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    Arc::make_mut(&mut state.charter).server.log = PublicKey::Ed25519(thief);
    reader.seal(&world, &state, &tree.hashes(tree.size()).unwrap());
    reader.disbelieves(&world, "not signed by").await;
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
    reader.disbelieves(&world, "may not stand there").await;
}

#[tokio::test]
async fn an_audit_finds_a_state_that_was_sealed_anew() {
    let mut world = drafted();
    let reader = Reader::of(&world).await;
    let honest = std::fs::read(reader.snapshot(&world)).unwrap();
    let report = reader.audit(&world).await;
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
    let report = reader.audit(&world).await;
    let [difference] = &report.differences[..] else { panic!("{:?}", report.differences) };
    assert!(
        difference.contains("the state in the state snapshot") && difference.contains("who can write"),
        "{difference}"
    );
    assert_eq!(report.entries, world.entries.len() as u64, "all of it was replayed");
    assert!(reader.audit(&world).await.is_clean(), "the snapshot is right again");
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
    let report = reader.audit(&world).await;
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
