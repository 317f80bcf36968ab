//! The snapshot of the state beside the ledger: a start goes on from it, believes nothing for good, and notices what is
//! wrong with it or with the entries that it stands for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_governance::{Snapshot, snapshot};
use ctl_server::ledger::{Damage, Head, Ledger, OpenError, RecordError, Verification};

use crate::common::world::World;
use crate::common::{clock_at, comment, on_disk, open, setup, store_below, talkative, with_application};

const DEADLINE: Duration = Duration::from_secs(60);

/// A ledger on disk that was served for a while and stopped, so that there is a snapshot beside it.
async fn served(data: &Path) -> (World, u64) {
    let (world, application) = with_application(talkative());
    on_disk(data, &world);
    record(open(data, world.now).unwrap(), &world, application, 0..3).await;
    assert!(file(data).exists());
    (world, application)
}

/// Records so many comments, and closes the ledger.
async fn record(ledger: Ledger, world: &World, application: u64, numbers: std::ops::Range<u64>) {
    for number in numbers {
        ledger.record(comment(&ledger.snapshot(), world.now, application, number)).await.unwrap();
    }
    ledger.close().await;
}

fn file(data: &Path) -> PathBuf {
    data.join("state.snapshot")
}

fn read(data: &Path) -> Snapshot {
    snapshot::read(&std::fs::read(file(data)).unwrap()).unwrap()
}

/// Writes a snapshot as whoever can write to the data directory would: seal and all.
fn write(data: &Path, snapshot: &Snapshot) {
    let mut bytes = Vec::new();
    let hashes = snapshot.tree.hashes(snapshot.tree.size()).unwrap();
    snapshot::write(&snapshot.state, &hashes, &snapshot.added, &mut bytes).unwrap();
    std::fs::write(file(data), bytes).unwrap();
}

/// Opens the ledger, and gives the number of entries that this took.
fn counted(data: &Path, now: Timestamp) -> (Ledger, u64) {
    let store = Arc::new(store_below(data).unwrap());
    let mut replayed = 0;
    let ledger =
        Ledger::open_telling(setup(store, clock_at(now).1, Some(Head::below(data))), &mut |_| replayed += 1);
    (ledger.unwrap(), replayed)
}

async fn until(ledger: &Ledger, reached: impl Fn(&Verification) -> bool) -> Verification {
    let looking = async {
        loop {
            let found = ledger.verification();
            if reached(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let last = || format!("never; it is {:?}", ledger.verification());
    tokio::time::timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("{}", last()))
}

/// What is wrong is told to everyone who would have something recorded, and nobody goes on from this snapshot again.
async fn refused(ledger: &Ledger, data: &Path, world: &World, application: u64, says: &str) {
    let failed = until(ledger, |found| matches!(found, Verification::Failed { .. })).await;
    let Verification::Failed { why, .. } = failed else { unreachable!() };
    assert!(why.contains(says) && why.contains("Restart the server"), "{why}");
    let refusal = ledger.record(comment(&ledger.snapshot(), world.now, application, 999)).await.unwrap_err();
    assert!(matches!(&refusal, RecordError::ReadOnly(told) if *told == why), "{refusal}");
    assert!(matches!(ledger.writable(), Err(RecordError::ReadOnly(_))));
    assert!(ledger.entry(0).unwrap().is_some(), "readers are served all the same");
    ledger.close().await;
    assert!(!file(data).exists(), "neither the old one nor a new one is left");
}

#[tokio::test]
async fn a_start_replays_what_is_new_and_verifies_the_rest_behind() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let (world, application) = served(data).await;
    let (ledger, replayed) = counted(data, world.now);
    let size = ledger.snapshot().size();
    assert_eq!(replayed, 0, "the snapshot was written at the stop");
    let before = read(data);
    assert_eq!((&before.state, before.tree.size()), (&ledger.snapshot().state, size));
    assert_eq!(until(&ledger, |found| *found == Verification::Whole).await, Verification::Whole);
    // Killed instead of stopped: what came since is replayed, on top of the older snapshot.
    for number in 10..14 {
        ledger.record(comment(&ledger.snapshot(), world.now, application, number)).await.unwrap();
    }
    let state = ledger.snapshot().state.clone();
    drop(ledger);
    let (ledger, replayed) = counted(data, world.now);
    assert_eq!(replayed, 4);
    assert_eq!(ledger.snapshot().state, state);
    until(&ledger, |found| *found == Verification::Whole).await;
    for older in 0..=state.size() {
        assert_eq!(ledger.snapshot().log.root_at(older).ok(), state.root_at(older), "size {older}");
    }
    // Without it all is as it ever was.
    drop(ledger);
    std::fs::remove_file(file(data)).unwrap();
    let (ledger, replayed) = counted(data, world.now);
    assert_eq!((replayed, ledger.verification()), (state.size(), Verification::Whole));
    assert_eq!(ledger.snapshot().state, state);
}

#[tokio::test]
async fn a_tampered_snapshot_is_noticed_behind_and_never_believed_again() {
    type Tamper = fn(&mut Snapshot);
    let tampers: [Tamper; 5] = [
        // Someone may sign who was suspended; a proposal's outcome; an old root that statements may stand on.
        |snapshot| snapshot.state.participants.get_mut(&"mo-two".parse().unwrap()).unwrap().suspended = true,
        |snapshot| snapshot.state.charter_since += 1,
        |snapshot| {
            let application = Arc::make_mut(snapshot.state.applications.get_mut(&1).unwrap());
            application.applicant = "beta-pki".parse().unwrap();
        },
        // Another key of the log counts.
        |snapshot| {
            let keys = String::from_utf8(snapshot.added.clone()).unwrap();
            let twice = keys.replacen("\"of_ended\":[]", "\"of_ended\":[KEY]", 1);
            let key = keys.split('"').find(|part| part.starts_with("ctl.example")).unwrap();
            snapshot.added = twice.replace("KEY", &format!("{key:?}")).into_bytes();
        },
        // A leaf that is not there: proofs with it would be wrong.
        |snapshot| {
            let mut hashes = snapshot.tree.hashes(snapshot.tree.size()).unwrap();
            hashes[0] ^= 1;
            snapshot.tree = ctl_core::log::Tree::from_hashes(snapshot.tree.size(), &hashes).unwrap();
        },
    ];
    for (number, tamper) in tampers.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        let (world, application) = served(data).await;
        let good = read(data);
        let mut bad = good.clone();
        tamper(&mut bad);
        assert_ne!(bad, good);
        write(data, &bad);
        let ledger = open(data, world.now).unwrap();
        let says =
            if number == 4 { "entry 0 is damaged" } else { "the snapshot of the state after 5 entries" };
        refused(&ledger, data, &world, application, says).await;
        drop(ledger);
        let (ledger, replayed) = counted(data, world.now);
        assert_eq!((replayed, ledger.verification()), (good.state.size(), Verification::Whole));
        assert_eq!(ledger.snapshot().state, good.state);
        assert!(ledger.writable().is_ok());
    }
}

#[tokio::test]
async fn a_snapshot_of_another_scheme_or_ahead_of_the_ledger_is_not_taken() {
    let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = directory.path();
    let (world, application) = with_application(talkative());
    on_disk(data, &world);
    // Another scheme with as many entries, and more.
    let mut charter = talkative();
    charter.limits.statements_per_day = 77;
    let (stranger, _) = with_application(charter);
    on_disk(other.path(), &stranger);
    record(open(other.path(), stranger.now).unwrap(), &stranger, application, 0..0).await;
    std::fs::copy(file(other.path()), file(data)).unwrap();
    let (ledger, replayed) = counted(data, world.now);
    assert_eq!((replayed, ledger.verification()), (world.state.size(), Verification::Whole));
    assert_eq!(ledger.snapshot().state, world.state);
    assert!(!file(data).exists(), "it is removed");
    // This ledger's, of entries that it does not have: it is shorter than it was.
    record(ledger, &world, application, 0..3).await;
    let longer = std::fs::read(file(data)).unwrap();
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    on_disk(data, &world);
    std::fs::write(file(data), longer).unwrap();
    let (ledger, replayed) = counted(data, world.now);
    assert_eq!((replayed, ledger.snapshot().size()), (world.state.size(), world.state.size()));
}

#[tokio::test]
async fn damage_in_an_early_entry_is_found_behind_and_stops_the_recording() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let (world, application) = served(data).await;
    let key = [b"e".as_slice(), &1_u64.to_be_bytes()].concat();
    {
        let database = loop {
            match sled::open(data.join("ledger")) {
                Ok(database) => break database,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let mut entry = database.get(&key).unwrap().unwrap().to_vec();
        *entry.last_mut().unwrap() ^= 1;
        database.insert(&key, entry).unwrap();
        database.flush().unwrap();
    }
    let ledger = open(data, world.now).unwrap();
    refused(&ledger, data, &world, application, "entry 1 is damaged").await;
    drop(ledger);
    // The next start does not serve it.
    let error = open(data, world.now).err().expect("must not open");
    assert!(matches!(error, OpenError::Damaged(Damage::Entry { index: 1, .. })), "{error}");
    assert!(error.to_string().contains("ctl-server ledger import"), "{error}");
}

#[tokio::test]
async fn a_snapshot_with_a_flipped_bit_or_cut_off_costs_a_replay_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let (world, _) = served(data).await;
    let whole = std::fs::read(file(data)).unwrap();
    let state = read(data).state;
    for step in 0..24 {
        let mut damaged = whole.clone();
        let at = step * 104_729 % whole.len();
        if step % 4 == 0 {
            damaged.truncate(at);
        } else {
            damaged[at] ^= 1 << (step % 8);
        }
        std::fs::write(file(data), &damaged).unwrap();
        let (ledger, replayed) = counted(data, world.now);
        assert_eq!((replayed, ledger.verification()), (state.size(), Verification::Whole), "byte {at}");
        assert_eq!(ledger.snapshot().state, state);
    }
    // What a process that was killed left of the one that it was writing goes away.
    let left = data.join(".4711-3-state.snapshot");
    std::fs::write(&left, &whole[..whole.len() / 2]).unwrap();
    drop(open(data, world.now).unwrap());
    assert!(!left.exists());
}
