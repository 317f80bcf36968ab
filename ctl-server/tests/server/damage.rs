//! A damaged ledger: the server does not start on it, says which entry is wrong and how to restore. Whatever it says is
//! done here, and helps.

use std::path::Path;

use ctl_core::Digest;
use ctl_server::keys::Keys;
use ctl_server::ledger::export::{ExportError, export, import};
use ctl_server::ledger::verify::verify;
use ctl_server::ledger::{Damage, Head, OpenError, SledStore};

use crate::common::world::World;
use crate::common::{database_below, on_disk, open, store_below, talkative, with_application};

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

/// Writes what a mirror of this ledger has.
fn mirror(data: &Path, to: &Path) {
    let store = store_below(data).unwrap();
    export(&store, &verify(&store, None, &mut |_| {}).unwrap(), to).unwrap();
}

/// Does what a message about a damaged ledger says: the directory moved away, a mirror's copy imported.
fn restored(error: &OpenError, data: &Path, mirror: &Path, world: &World) {
    let text = error.to_string();
    assert!(
        text.contains("Move the directory `ledger` away, if there is one")
            && text.contains("`ctl-server ledger import --data DIR --from EXPORT`"),
        "{text}"
    );
    let away = tempfile::tempdir().unwrap();
    if data.join("ledger").exists() {
        std::fs::rename(data.join("ledger"), away.path().join("ledger")).unwrap();
    }
    assert_eq!(import(mirror, data, &mut |_, _| {}).unwrap(), world.state.size());
    assert_eq!(open(data, world.now).unwrap().snapshot().state.root(), world.state.root());
}

fn with_database(data: &Path, change: impl FnOnce(&sled::Db)) {
    let database = database_below(data);
    change(&database);
    database.flush().unwrap();
}

#[tokio::test]
async fn any_flipped_bit_of_an_entry_is_found_and_the_entry_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let copy = tempfile::tempdir().unwrap();
    mirror(data, copy.path());
    let mut last = None;
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
            let damage =
                matches!(error, OpenError::Damaged(Damage::Entry { index: named, .. }) if named == index);
            assert!(damage, "{error}");
            last = Some(error);
        }
        with_database(data, |database| {
            database.insert(key(b'e', index), whole).unwrap();
        });
    }
    assert!(open(data, world.now).is_ok(), "restored, it opens");
    with_database(data, |database| {
        database.remove(key(b'e', 1)).unwrap();
    });
    let error = refusal(data, &world);
    assert!(matches!(error, OpenError::Damaged(Damage::Entry { index: 1, .. })), "{error}");
    restored(&last.unwrap(), data, copy.path(), &world);
}

#[tokio::test]
async fn an_entry_changed_together_with_its_hash_does_not_pass_either() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let copy = tempfile::tempdir().unwrap();
    mirror(data, copy.path());
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
    assert!(matches!(error, OpenError::Damaged(Damage::Root { .. })), "{error}");
    restored(&error, data, copy.path(), &world);
}

#[tokio::test]
async fn entries_lost_at_the_end_are_missed() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let size = world.state.size();
    let (copy, older_copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    mirror(data, copy.path());
    // What a database that forgets its last write looks like: whole, but shorter.
    let shorter = tempfile::tempdir().unwrap();
    let mut older = World::found_with(talkative());
    older.apply_with_root("alpha-pki").unwrap();
    assert_eq!(older.entries[1].bytes, world.entries[1].bytes);
    on_disk(shorter.path(), &older);
    mirror(shorter.path(), older_copy.path());
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    std::fs::rename(shorter.path().join("ledger"), data.join("ledger")).unwrap();
    let error = refusal(data, &world);
    let lost = |error: &OpenError, entries| matches!(error, OpenError::Damaged(Damage::Lost { found, signed }) if (*found, *signed) == (entries, size));
    assert!(lost(&error, 2), "{error}");

    // And one that lost everything.
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    let error = refusal(data, &world);
    assert!(lost(&error, 0), "{error}");
    // A copy that has lost as much is not taken in, and says what kind of copy would be.
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    let shorter = import(older_copy.path(), data, &mut |_, _| {}).unwrap_err();
    assert!(matches!(shorter, ExportError::Shorter { found: 2, signed } if signed == size), "{shorter}");
    restored(&error, data, copy.path(), &world);
    // Without a trace of an earlier ledger, there is none.
    std::fs::remove_file(data.join("checkpoint")).unwrap();
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    assert!(matches!(refusal(data, &world), OpenError::Empty));
}

/// Notes that are no checkpoint of this log: by another key, of another history, no note, nothing.
fn wrong_checkpoints(world: &World) -> [String; 4] {
    let size = world.state.size();
    let stranger = Keys::generate("ctl.example/stories".parse().unwrap()).unwrap();
    let forged = stranger.sign_checkpoint(size, world.state.root()).unwrap().to_string();
    let other_root =
        crate::common::keys().sign_checkpoint(size, Digest::of(b"another history")).unwrap().to_string();
    [other_root, forged, "not a note".to_owned(), String::new()]
}

#[tokio::test]
async fn a_stored_checkpoint_of_another_key_or_root_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let copy = tempfile::tempdir().unwrap();
    mirror(data, copy.path());
    let stored = key(b'c', world.state.size());
    for bad in wrong_checkpoints(&world) {
        with_database(data, |database| {
            database.insert(stored.clone(), bad.as_bytes()).unwrap();
        });
        let error = refusal(data, &world);
        let damaged = matches!(error, OpenError::Damaged(Damage::Checkpoint { .. } | Damage::Root { .. }));
        assert!(damaged, "{error}");
        restored(&error, data, copy.path(), &world);
    }
    with_database(data, |database| {
        database.remove(stored.clone()).unwrap();
    });
    let error = refusal(data, &world);
    assert!(matches!(error, OpenError::Damaged(Damage::Checkpoint { .. })), "{error}");
    restored(&error, data, copy.path(), &world);
}

#[tokio::test]
async fn who_signed_another_history_takes_no_copy_of_this_one() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let copy = tempfile::tempdir().unwrap();
    mirror(data, copy.path());
    let [other_root, ..] = wrong_checkpoints(&world);
    Head::below(data).write(other_root.as_bytes()).unwrap();
    let error = refusal(data, &world);
    assert!(matches!(error, OpenError::Damaged(Damage::Root { .. })), "{error}");
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    let unsound = import(copy.path(), data, &mut |_, _| {}).unwrap_err();
    assert!(matches!(unsound, ExportError::Unsound(Damage::Root { .. })), "{unsound}");
    assert!(unsound.to_string().contains("take another export"), "{unsound}");
}

#[tokio::test]
async fn a_lost_memory_of_what_was_signed_is_told_apart_from_a_damaged_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let copy = tempfile::tempdir().unwrap();
    mirror(data, copy.path());
    let file = data.join("checkpoint");
    let [_, nothing_said @ ..] = wrong_checkpoints(&world);
    for bad in nothing_said {
        // Whether the ledger is whole or to be restored: the message is the same, and so is the way out.
        std::fs::write(&file, &bad).unwrap();
        let error = refusal(data, &world);
        std::fs::rename(data.join("ledger"), data.join("ledger.away")).unwrap();
        let imported = import(copy.path(), data, &mut |_, _| {}).unwrap_err();
        assert!(matches!(imported, ExportError::Ledger(OpenError::Forgotten(_))), "{imported}");
        for text in [error.to_string(), imported.to_string()] {
            assert!(text.contains("the file `checkpoint` in the data directory is damaged"), "{text}");
            assert!(text.contains("move the file away and try again"), "{text}");
        }
        std::fs::rename(&file, data.join("checkpoint.away")).unwrap();
        assert_eq!(import(copy.path(), data, &mut |_, _| {}).unwrap(), world.state.size());

        std::fs::write(&file, &bad).unwrap();
        refusal(data, &world);
        std::fs::rename(&file, data.join("checkpoint.away")).unwrap();
        assert_eq!(open(data, world.now).unwrap().snapshot().size(), world.state.size());
        std::fs::remove_dir_all(data.join("ledger.away")).unwrap();
    }
}

#[tokio::test]
async fn a_snapshot_that_was_never_finished_stops_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    drop(open(data, world.now).unwrap());
    let ledger = data.join("ledger");
    for (number, left) in [b"".as_slice(), b"half of it", &[0; 40]].into_iter().enumerate() {
        // A process that is killed while sled writes one; sorted behind every whole one.
        let unfinished = ledger.join(format!("snap.FFFFFFFFFFFFFFF{number}.generating"));
        std::fs::write(&unfinished, left).unwrap();
        let opened = open(data, world.now).unwrap();
        assert_eq!(opened.snapshot().state.root(), world.state.root());
        assert!(!unfinished.exists());
        // While somebody has the database open it may be theirs.
        std::fs::write(&unfinished, left).unwrap();
        let second = SledStore::open(&ledger).unwrap_err().to_string();
        assert!(second.contains("in use by another process") && unfinished.exists(), "{second}");
    }
}

#[tokio::test]
async fn no_flipped_bit_in_the_database_file_changes_what_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let world = scheme(data);
    let mirrored = tempfile::tempdir().unwrap();
    mirror(data, mirrored.path());
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
                restored(&error, &copy, mirrored.path(), &world);
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
