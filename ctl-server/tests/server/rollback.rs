//! A server that went back behind what it once signed, and a log that the board lets begin anew.

use std::path::Path;
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::keys::{Algorithm, PrivateKey};
use ctl_core::log::Checkpoint;
use ctl_server::keys::Keys;
use ctl_server::ledger::rollback::Verdict;
use ctl_server::ledger::{Head, Ledger, OpenError, RecordError, Setup};

use crate::common::world::World;
use crate::common::*;

fn open_with_head(data: &Path, outside: &Path, now: Timestamp) -> Result<Ledger, OpenError> {
    let head = Head::below(data).and_at(Some(outside.to_owned()));
    let store = Arc::new(store_below(data)?);
    Ledger::open(setup(store, clock_at(now).1, Some(head)))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Records so many comments, and closes the ledger.
fn go_on(ledger: Ledger, now: Timestamp, application: u64, numbers: std::ops::Range<u64>) {
    block_on(async {
        for number in numbers {
            let statement = comment(&ledger.snapshot(), now, application, number);
            ledger.record(statement).await.unwrap();
        }
        ledger.close().await;
    });
}

fn refuses(ledger: &Ledger, now: Timestamp, application: u64) {
    let statement = comment(&ledger.snapshot(), now, application, 999);
    let error = block_on(ledger.record(statement)).unwrap_err();
    assert!(matches!(&error, RecordError::ReadOnly(why) if why.contains("WENT BACK")), "{error}");
}

/// A data directory, a backup of it that is two entries older, and the head outside.
fn with_backup(folder: &Path) -> (World, u64) {
    let (world, application) = with_application(talkative());
    let data = folder.join("data");
    on_disk(&data, &world);
    go_on(open_with_head(&data, &folder.join("head"), world.now).unwrap(), world.now, application, 0..1);
    copy(&data, &folder.join("backup"));
    go_on(open_with_head(&data, &folder.join("head"), world.now).unwrap(), world.now, application, 1..3);
    std::fs::remove_dir_all(&data).unwrap();
    copy(&folder.join("backup"), &data);
    (world, application)
}

#[test]
fn the_whole_data_directory_restored_from_a_backup_is_noticed_by_the_head_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (world, application) = with_backup(folder.path());
    let head = std::fs::read(folder.path().join("head")).unwrap();
    let ledger = open_with_head(&folder.path().join("data"), &folder.path().join("head"), world.now).unwrap();
    let why = ledger.went_back().expect("it is noticed");
    assert!(why.contains("with this log's signature exists"), "{why}");
    refuses(&ledger, world.now, application);
    // What is there can still be read, and the evidence is not overwritten.
    assert!(ledger.entry(0).unwrap().is_some());
    block_on(ledger.close());
    drop(ledger);
    assert_eq!(std::fs::read(folder.path().join("head")).unwrap(), head);
    // Nor is it forgotten by whoever starts it without the file outside.
    let ledger = open(&folder.path().join("data"), world.now).unwrap();
    assert!(ledger.went_back().is_some());
    refuses(&ledger, world.now, application);
}

#[test]
fn a_head_outside_that_was_never_written_or_is_ours_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let (world, application) = with_application(talkative());
    let (data, head) = (folder.path().join("data"), folder.path().join("head"));
    on_disk(&data, &world);
    for numbers in [0..1, 1..2] {
        let ledger = open_with_head(&data, &head, world.now).unwrap();
        assert_eq!(ledger.went_back(), None);
        go_on(ledger, world.now, application, numbers);
        assert_eq!(std::fs::read(&head).unwrap(), std::fs::read(data.join("checkpoint")).unwrap());
    }
    // One that cannot be read is not passed over.
    std::fs::remove_file(&head).unwrap();
    std::fs::create_dir(&head).unwrap();
    assert!(matches!(open_with_head(&data, &head, world.now), Err(OpenError::Head(_))));
}

#[test]
fn a_head_outside_that_this_ledger_cannot_judge_is_kept_and_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (world, application) = with_application(talkative());
    let (data, head) = (folder.path().join("data"), folder.path().join("head"));
    on_disk(&data, &world);
    let ledger = open_with_head(&data, &head, world.now).unwrap();
    go_on(ledger, world.now, application, 0..1);
    let good = std::fs::read(&head).unwrap();
    // Of after a rotation, of after a restart, and two that a disk has spoilt.
    let later = |origin: &str| {
        let keys = Keys::generate(origin.parse().unwrap()).unwrap();
        keys.sign_checkpoint(50, ctl_core::Digest::ZERO).unwrap().to_string().into_bytes()
    };
    let spoilt = good[..good.len() - 20].to_vec();
    for bytes in [later("ctl.example/stories"), later("ctl.example/stories-2"), vec![], spoilt] {
        std::fs::write(&head, &bytes).unwrap();
        let Err(error) = open_with_head(&data, &head, world.now) else { panic!("it starts over evidence") };
        assert!(matches!(&error, OpenError::Outside { path, .. } if *path == head), "{error}");
        assert!(error.to_string().contains("move it away"), "{error}");
        assert_eq!(std::fs::read(&head).unwrap(), bytes, "the only evidence is kept");
    }
    // As the advice says, where nobody knows more.
    std::fs::rename(&head, folder.path().join("aside")).unwrap();
    let ledger = open_with_head(&data, &head, world.now).unwrap();
    assert_eq!(ledger.went_back(), None);
    assert_eq!(std::fs::read(&head).unwrap(), good);
    block_on(ledger.close());
}

#[test]
fn whoever_brings_a_signed_checkpoint_of_what_was_lost_stops_the_server_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let (world, application) = with_application(talkative());
    let data = folder.path().join("data");
    on_disk(&data, &world);
    copy(&data, &folder.path().join("backup"));
    let ledger = open(&data, world.now).unwrap();
    let before = ledger.snapshot().checkpoint.to_vec();
    go_on(ledger.clone(), world.now, application, 0..2);
    let lost = ledger.snapshot().checkpoint.to_vec();
    drop(ledger);
    std::fs::remove_dir_all(&data).unwrap();
    copy(&folder.path().join("backup"), &data);

    let ledger = open(&data, world.now).unwrap();
    assert_eq!(ledger.went_back(), None, "nothing here knows");
    assert!(matches!(ledger.examine(&before), Ok(Verdict::Consistent { .. })));
    // What anyone can make proves nothing.
    let size = ledger.snapshot().size() + 50;
    let stranger = Keys::generate("ctl.example/stories".parse().unwrap()).unwrap();
    let forged = stranger.sign_checkpoint(size, ctl_core::Digest::ZERO).unwrap().to_string();
    assert!(ledger.examine(forged.as_bytes()).is_err());
    let mut unsigned = lost.clone();
    unsigned.truncate(lost.len() - 20);
    assert!(ledger.examine(&unsigned).is_err() && ledger.examine(b"").is_err());
    assert_eq!(ledger.went_back(), None);

    assert!(matches!(ledger.examine(&lost), Ok(Verdict::WentBack(_))));
    refuses(&ledger, world.now, application);
    block_on(ledger.close());
    drop(ledger);
    // A restart does not make it good.
    let ledger = open(&data, world.now).unwrap();
    assert!(ledger.went_back().is_some());
    refuses(&ledger, world.now, application);
}

#[test]
fn a_log_of_the_same_size_with_another_history_is_evidence_too() {
    let folder = tempfile::tempdir().unwrap();
    let (world, application) = with_application(talkative());
    let data = folder.path().join("data");
    on_disk(&data, &world);
    copy(&data, &folder.path().join("second"));
    let ledgers = ["data", "second"].map(|name| open(&folder.path().join(name), world.now).unwrap());
    let notes = [5, 6].map(|number| {
        let ledger = &ledgers[number as usize - 5];
        block_on(ledger.record(comment(&ledger.snapshot(), world.now, application, number))).unwrap();
        ledger.snapshot().checkpoint.to_vec()
    });
    assert!(matches!(ledgers[0].examine(&notes[0]), Ok(Verdict::Consistent { .. })));
    let Ok(Verdict::WentBack(why)) = ledgers[0].examine(&notes[1]) else { panic!("it contradicts") };
    assert!(why.contains("whose root is"), "{why}");
}

#[test]
fn a_further_key_of_the_log_is_used_once_the_charter_names_it() {
    let seed = |name: &str| {
        PrivateKey::from_seed(Algorithm::EdDsa, ctl_core::Digest::of(name.as_bytes()).as_bytes()).unwrap()
    };
    let mut world = World::published();
    let further = |names: &[&str]| Keys {
        others: names.iter().map(|name| ("ctl.example/stories".parse().unwrap(), seed(name))).collect(),
        ..keys()
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    on_disk(&data, &world);
    let open = |keys: Keys, now: Timestamp| {
        let store = Arc::new(store_below(&data)?);
        let (clock, head) = (clock_at(now).1, Some(Head::below(&data)));
        Ledger::open(Setup { store, keys: Arc::new(keys), clock, head, queue: 100 })
    };
    copy(&data, &folder.path().join("backup"));
    let mut amended = world.state.charter.as_ref().clone();
    amended.server.log = seed("second log").public_key();
    let before = world.state.size();
    let change = ctl_governance::statement::body::Change::AmendCharter { charter: Box::new(amended) };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let ledger = open(further(&["second log"]), world.now).unwrap();
    block_on(async {
        for entry in &world.entries[before as usize..] {
            ledger.record(entry.statement.clone()).await.unwrap();
        }
        ledger.close().await;
    });
    let old = ledger.snapshot().checkpoint.to_vec();
    drop(ledger);
    // Without it the server does not run; with it, it signs with it, and what it signed before is no evidence.
    assert!(matches!(open(keys(), world.now), Err(OpenError::Keys("log key"))));
    // The head outside is still of the key before. It counts as much as ever.
    let outside = folder.path().join("head");
    let open_outside = || {
        let store = Arc::new(store_below(&data)?);
        let head = Some(Head::below(&data).and_at(Some(outside.clone())));
        let keys = Arc::new(further(&["second log"]));
        Ledger::open(Setup { store, keys, clock: clock_at(world.now).1, head, queue: 100 })
    };
    let longer = keys().sign_checkpoint(world.state.size() + 1, ctl_core::Digest::ZERO).unwrap().to_string();
    std::fs::write(&outside, &longer).unwrap();
    copy(&data, &folder.path().join("untold"));
    let ledger = open_outside().unwrap();
    assert!(ledger.went_back().is_some());
    block_on(ledger.close());
    drop(ledger);
    assert_eq!(std::fs::read(&outside).unwrap(), longer.as_bytes());
    // That is kept in this copy; the story goes on with one that never heard of it.
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(folder.path().join("untold"), &data).unwrap();
    std::fs::write(&outside, &old).unwrap();
    let ledger = open_outside().unwrap();
    assert_eq!(ledger.went_back(), None);
    assert_eq!(std::fs::read(&outside).unwrap(), *ledger.snapshot().checkpoint);
    block_on(ledger.close());
    drop(ledger);
    // A backup from before the rotation does not know the key that shows how old it is.
    let state = &world.state;
    let newer = further(&["second log"]).named_by(&state.charter.server);
    let newer = newer.sign_checkpoint(state.size(), state.root()).unwrap().to_string();
    std::fs::write(&outside, &newer).unwrap();
    std::fs::rename(&data, folder.path().join("longer")).unwrap();
    copy(&folder.path().join("backup"), &data);
    assert!(matches!(open_outside(), Err(OpenError::Outside { .. })));
    assert_eq!(std::fs::read(&outside).unwrap(), newer.as_bytes());
    // As the advice says: the longer copy in its place.
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(folder.path().join("longer"), &data).unwrap();
    let ledger = open_outside().unwrap();
    assert_eq!(ledger.went_back(), None);
    block_on(ledger.close());
    drop(ledger);
    let ledger = open(further(&["third log", "second log"]), world.now).unwrap();
    let key = ctl_server::keys::log_key(&world.state.charter.server).unwrap();
    assert!(Checkpoint::open(&ledger.snapshot().checkpoint, key.name(), &key).is_ok());
    assert!(ledger.examine(&old).is_err(), "the key before is not the log's any more");
    assert_eq!(ledger.went_back(), None);
}
