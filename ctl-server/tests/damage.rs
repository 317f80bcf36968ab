//! A damaged ledger: the server does not start on it, says which entry is wrong and how to restore.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::world::World;
use common::{on_disk, open, talkative, with_application};
use ctl_core::Digest;
use ctl_server::keys::Keys;
use ctl_server::ledger::{Head, OpenError, SledStore};

/// A ledger on disk with some life in it.
fn scheme(data: &Path) -> World {
    let (mut world, application) = with_application(talkative());
    world.screen(application, Vec::new()).unwrap();
    world.attach_all(application);
    on_disk(data, &world);
    world
}

fn key(kind: u8, number: u64) -> Vec<u8> {
    [&[kind], number.to_be_bytes().as_slice()].concat()
}

fn refusal(data: &Path, world: &World) -> OpenError {
    open(data, world.now).err().expect("must not open")
}

fn with_database(data: &Path, change: impl FnOnce(&sled::Db)) {
    // Our own opening waits until the lock of the last user is let go of; sled's does not.
    let deadline = Instant::now() + Duration::from_secs(60);
    let database = loop {
        match sled::open(data.join("ledger")) {
            Ok(database) => break database,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    change(&database);
    database.flush().unwrap();
}

#[tokio::test]
async fn any_flipped_bit_of_an_entry_is_found_and_the_entry_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    for index in 0..world.state.size() {
        let mut whole = Vec::new();
        with_database(data, |database| whole = database.get(key(b'e', index)).unwrap().unwrap().to_vec());
        // In the stored hash, at both ends of the entry, and somewhere inside.
        for at in [0, 31, 32, 40, 200 + 13 * index as usize, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            with_database(data, |database| {
                database.insert(key(b'e', index), damaged).unwrap();
            });
            let error = refusal(data, &world);
            assert!(matches!(error, OpenError::Entry { index: named, .. } if named == index), "{error}");
            let text = error.to_string();
            assert!(text.contains("ctl-server ledger import"), "{text}");
        }
        with_database(data, |database| {
            database.insert(key(b'e', index), whole).unwrap();
        });
    }
    assert!(open(data, world.now).is_ok(), "restored, it opens");
}

#[tokio::test]
async fn an_entry_changed_together_with_its_hash_does_not_pass_either() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    // The time of recording is signed by nobody but the log: only the root shows the change.
    let index = world.state.size() - 1;
    let bytes = String::from_utf8(world.entries[index as usize].bytes.clone()).unwrap();
    let later = bytes.replacen("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", 1);
    assert_ne!(later, bytes);
    let leaf = ctl_core::log::leaf_hash(later.as_bytes());
    with_database(data, |database| {
        database.insert(key(b'e', index), [leaf.as_bytes(), later.as_bytes()].concat()).unwrap();
    });
    let error = refusal(data, &world);
    assert!(matches!(error, OpenError::Root { .. }), "{error}");
}

#[tokio::test]
async fn entries_lost_at_the_end_are_missed() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let size = world.state.size();
    // What a database that forgets its last write looks like: whole, but shorter.
    let shorter = tempfile::tempdir().unwrap();
    let mut older = World::found_with(talkative());
    older.apply_with_root("alpha-pki").unwrap();
    assert_eq!(older.entries[1].bytes, world.entries[1].bytes);
    on_disk(shorter.path(), &older);
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    std::fs::rename(shorter.path().join("ledger"), data.join("ledger")).unwrap();
    let error = refusal(data, &world);
    assert!(matches!(error, OpenError::Lost { found: 2, signed } if signed == size), "{error}");

    // And one that lost everything.
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    assert!(matches!(refusal(data, &world), OpenError::Lost { found: 0, .. }));
    // Without a trace of an earlier ledger, there is none.
    std::fs::remove_file(data.join("checkpoint")).unwrap();
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    assert!(matches!(refusal(data, &world), OpenError::Empty));
}

#[tokio::test]
async fn checkpoints_of_another_key_or_root_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let size = world.state.size();
    let good = Head::below(data).read().unwrap().unwrap();
    let stranger = Keys::generate("ctl.example/stories".parse().unwrap()).unwrap();
    let forged = stranger.sign_checkpoint(size, world.state.root()).unwrap().to_string();
    let other_root =
        common::keys().sign_checkpoint(size, Digest::of(b"another history")).unwrap().to_string();
    for bad in [forged, other_root, "not a note".to_owned()] {
        with_database(data, |database| {
            database.insert(key(b'c', size), bad.as_bytes()).unwrap();
        });
        let error = refusal(data, &world);
        assert!(matches!(error, OpenError::Checkpoint { .. } | OpenError::Root { .. }), "{error}");
        with_database(data, |database| {
            database.insert(key(b'c', size), good.as_slice()).unwrap();
        });
        Head::below(data).write(bad.as_bytes()).unwrap();
        let error = refusal(data, &world);
        assert!(matches!(error, OpenError::Checkpoint { .. } | OpenError::Root { .. }), "{error}");
        Head::below(data).write(&good).unwrap();
    }
    with_database(data, |database| {
        database.remove(key(b'c', size)).unwrap();
    });
    assert!(matches!(refusal(data, &world), OpenError::Checkpoint { .. }));
}

#[tokio::test]
async fn no_flipped_bit_in_the_database_file_changes_what_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let file = data.join("ledger/db");
    let good = std::fs::read(&file).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let trial = tempfile::tempdir().unwrap();
    copy_all(data, &trial.path().join("unchanged"));
    assert!(open(&trial.path().join("unchanged"), world.now).is_ok());
    let (mut refused, mut unharmed) = (0, 0);
    for step in 0..60 {
        let at = step * 7919 * 101 % used;
        let copy = trial.path().join(step.to_string());
        copy_all(data, &copy);
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (step % 8);
        std::fs::write(copy.join("ledger/db"), &bytes).unwrap();
        match open(&copy, world.now) {
            Err(error) => {
                println!("{at} {error}");
                refused += 1;
            }
            // The bit was in space that nothing uses: then all is as it was.
            Ok(ledger) => {
                assert_eq!(ledger.snapshot().state.root(), world.state.root(), "byte {at}");
                let entries = ledger.entries(0..u64::MAX).unwrap();
                assert!(entries.iter().eq(world.entries.iter().map(|entry| &entry.bytes)));
                unharmed += 1;
            }
        }
    }
    println!("{refused} refused, {unharmed} unharmed, of a file of {used} bytes");
    assert!(refused > 0);
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_ledger_in_use_is_not_opened_twice() {
    let directory = tempfile::tempdir().unwrap();
    let world = scheme(directory.path());
    let first = open(directory.path(), world.now).unwrap();
    let error = SledStore::open(&directory.path().join("ledger")).unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    assert_eq!(first.snapshot().size(), world.state.size());
}
