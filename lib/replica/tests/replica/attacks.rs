//! What a follower of the log withstands: entries that the rules refuse, entries taken back or changed, another key,
//! another scheme, a memory that is damaged.

use std::path::PathBuf;

use ctl_core::Digest;
use ctl_core::Timestamp;
use ctl_core::role::Role;
use ctl_governance::statement::Entry;
use ctl_replica::{Log, Replica, ReplicaError, Trust};
use tempfile::TempDir;

use crate::common::story::{DAY, World, na};
use crate::common::{Files, files, log_files, options, root_json, write};

fn role() -> Role {
    Role::List(na())
}

/// A scheme with one root admitted and a draft of the list that waits for signatures.
fn drafted() -> World {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.wait(60);
    world.open_draft(&role()).unwrap();
    world
}

/// One with a cache, and a server that is a directory.
struct Follower {
    directory: TempDir,
}

impl Follower {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn open(&self, trust: Trust, files: &Files, now: Timestamp) -> Replica {
        let url = write(&self.directory.path().join("served"), files);
        Replica::open(options(&url, trust, Some(&self.cache()), now)).unwrap()
    }

    async fn follow(&self, world: &World, files: &Files) -> Result<Log, ReplicaError> {
        let trust = root_json(self.directory.path(), world);
        self.open(trust, files, world.now).sync().await.cloned()
    }
}

/// Refused because it is not true, with a text that names the matter.
fn refused<T>(result: Result<T, ReplicaError>, expected: &[&str]) {
    let Err(error) = result else { panic!("was accepted") };
    let text = error.to_string();
    use ReplicaError::{Conflict, Rollback, Violation};
    assert!(matches!(error, Violation(_) | Rollback { .. } | Conflict { .. }), "{text}");
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[tokio::test]
async fn a_draft_recorded_with_another_time_than_its_own_is_no_part_of_a_log() {
    let mut world = drafted();
    // A server that has thrown its own checks away records what it likes.
    let mut open = world.state.drafts[&role()].open.clone();
    open.issued_at = world.now.minus_seconds(7 * DAY);
    open.expires = open.issued_at.plus_seconds(30 * DAY);
    let payload = world.payload(open);
    let statement = world.sign(&payload, &["recorder"]);
    world.entries.push(Entry::new(world.now, statement).unwrap());
    let result = Follower::new().follow(&world, &log_files(&world)).await;
    refused(result, &["may not stand there", "issued_at"]);
}

#[tokio::test]
async fn a_decision_without_the_votes_is_no_part_of_a_log() {
    use ctl_governance::statement::body::{Choice, VoteCast};
    let mut world = World::published();
    let application = world.discussed("beta-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    let leaf_hash = world.state.proposals[&proposal].leaf_hash;
    // The server votes with its own key, or with that of someone who is no elector.
    for voter in ["recorder", "signer-1"] {
        let vote = VoteCast { choice: Choice::Approve, proposal: leaf_hash, rationale: None };
        let payload = world.payload(vote);
        let statement = world.sign(&payload, &[voter]);
        world.entries.push(Entry::new(world.now, statement).unwrap());
        let result = Follower::new().follow(&world, &log_files(&world)).await;
        refused(result, &["may not stand there"]);
        world.entries.pop();
    }
}

#[tokio::test]
async fn a_log_that_takes_entries_back_is_refused() {
    let follower = Follower::new();
    let honest = drafted();
    follower.follow(&honest, &files(&honest)).await.unwrap();
    let mut older = World::published();
    older.now = honest.now;
    refused(follower.follow(&honest, &files(&older)).await, &["you have seen", "stale mirror"]);
}

#[tokio::test]
async fn entries_that_do_not_lead_to_the_signed_root_are_refused() {
    let world = drafted();
    let mut files = files(&world);
    let bundle = files.keys().find(|path| path.contains("tile/entries")).unwrap().clone();
    let bytes = files.get_mut(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    refused(Follower::new().follow(&world, &files).await, &["do not lead to the root"]);
}

#[tokio::test]
async fn a_checkpoint_of_another_key_or_scheme_is_refused() {
    let world = drafted();
    let follower = Follower::new();
    let mut files = files(&world);
    let tree = crate::common::tree(&world);
    let checkpoint = ctl_core::log::Checkpoint {
        origin: world.state.charter.server.log_origin.to_string(),
        size: tree.size(),
        root: tree.root(),
    };
    let thief = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let note = checkpoint.sign(&thief).unwrap().to_string();
    files.insert("log/checkpoint".into(), note.into_bytes());
    let error = follower.follow(&world, &files).await.err().unwrap();
    assert!(error.to_string().contains("not signed by"), "{error}");

    let files = crate::common::files(&world);
    let another = Trust::Scheme(Digest::of(b"another scheme"));
    let result = follower.open(another, &files, world.now).sync().await.map(drop);
    refused(result, &["this is the log of scheme"]);
    let known = Trust::Scheme(world.state.scheme);
    assert!(follower.open(known, &files, world.now).sync().await.is_ok(), "first contact by the id alone");
}

/// What stands in the place of a file, where something else than the log answers.
const PAGE: &[u8] = b"<!doctype html><title>Maintenance</title>";

#[tokio::test]
async fn what_the_logs_key_has_not_signed_proves_nothing_against_the_log() {
    let world = drafted();
    let honest = files(&world);
    let bundle = honest.keys().find(|path| path.contains("tile/entries")).unwrap().clone();
    let tree = crate::common::tree(&world);
    let origin = world.state.charter.server.log_origin.to_string();
    let checkpoint = ctl_core::log::Checkpoint { origin, size: tree.size(), root: Digest::of(b"another") };
    let thief = checkpoint.sign(&ed25519_dalek::SigningKey::from_bytes(&[7; 32])).unwrap().to_string();
    for (path, bytes) in [
        ("log/checkpoint", PAGE),
        (&bundle, PAGE),
        ("log/checkpoint", b""),
        ("log/checkpoint", thief.as_bytes()),
    ] {
        let mut files = honest.clone();
        files.insert(path.into(), bytes.to_vec());
        let error = Follower::new().follow(&world, &files).await.err().unwrap();
        assert!(matches!(error, ReplicaError::Unproven { .. }), "{path}: {error}");
        assert!(error.may_pass() && error.to_string().contains(path), "{error}");
    }
}

#[tokio::test]
async fn a_charter_under_rules_of_a_later_release_says_that_this_one_is_too_old() {
    use ctl_core::entry::RawEntry;
    use ctl_core::json;
    use ctl_core::jws::Jws;
    use ctl_governance::statement::body::{Change, ProposalOpen};
    let mut world = World::published();
    let charter = Box::new(crate::common::story::charter());
    let proposal = ProposalOpen { change: Change::AmendCharter { charter }, charter: 0, rationale: None };
    let payload = world.payload(proposal);
    let mut later: serde_json::Value = serde_json::from_slice(&payload.to_bytes()).unwrap();
    later["body"]["change"]["charter"]["rules"] = 1000.into();
    let jws = Jws::sign(json::canonical(&later), &payload.body.typ(), &[&world.keys["elector-1"]]).unwrap();
    let bytes = json::canonical(&RawEntry { recorded_at: world.now, statement: jws.to_value() });
    // The entry as a later release would read it; here it only lends its bytes.
    let statement = world.sign(&payload, &["elector-1"]);
    let leaf_hash = ctl_core::log::leaf_hash(&bytes);
    world.entries.push(Entry { bytes, recorded_at: world.now, statement, leaf_hash });
    let error = Follower::new().follow(&world, &log_files(&world)).await.err().unwrap();
    assert!(matches!(error, ReplicaError::Outdated { rules: 1000, .. }), "{error}");
    assert!(error.to_string().contains("update this program"), "{error}");
}

#[tokio::test]
async fn a_damaged_memory_is_not_mistaken_for_an_attack() {
    let world = drafted();
    let follower = Follower::new();
    follower.follow(&world, &files(&world)).await.unwrap();
    let path = follower.cache().join(world.state.scheme.to_string()).join("entries");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    // The state was kept: what is damaged shows when it is read, and is not taken for what was written.
    follower.follow(&world, &files(&world)).await.unwrap();
    let mut replica = follower.open(Trust::Scheme(world.state.scheme), &files(&world), world.now);
    let log = replica.sync().await.unwrap();
    let read: Vec<_> = (0..log.size()).map(|index| log.entry_bytes(index)).collect();
    let [error] = &read.iter().filter_map(|read| read.as_ref().err()).collect::<Vec<_>>()[..] else {
        panic!("one entry is damaged: {read:?}")
    };
    assert!(matches!(error, ReplicaError::Input(_)) && error.to_string().contains("damaged"), "{error}");
    // Where it must be replayed, it stops every tool.
    std::fs::remove_file(path.with_file_name("state.snapshot")).unwrap();
    let error = follower.follow(&world, &files(&world)).await.err().unwrap();
    assert!(matches!(error, ReplicaError::Input(_)), "{error}");
    assert!(error.to_string().contains("damaged"), "{error}");
}
