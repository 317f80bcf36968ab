//! The ledger as plain files, and back: the same bytes, the same root, and nothing taken unverified.

use std::path::Path;

use ctl_core::log::{BundleId, Checkpoint, Tree, leaf_hash};
use ctl_server::keys::log_key;
use ctl_server::ledger::export::{ExportError, export, import, store_directory};
use ctl_server::ledger::verify::verify;
use ctl_server::ledger::{Damage, Head, OpenError, SledStore, Store as _};

use crate::common::world::World;
use crate::common::{on_disk, open, talkative, with_application};

/// A ledger of more than one bundle, on disk below `data/ledger` and exported to `export`.
fn exported(directory: &Path) -> World {
    let (mut world, application) = with_application(talkative());
    for number in 0..270 {
        let body = ctl_governance::statement::body::CommentAdd {
            about: application,
            comment: crate::common::world::blob(&number.to_string()),
        };
        world.say(&["mo-one"], body).unwrap();
    }
    let data = directory.join("data");
    std::fs::create_dir(&data).unwrap();
    on_disk(&data, &world);
    let store = SledStore::open(&store_directory(&data)).unwrap();
    let verified = verify(&store, None, &mut |_| {}).unwrap();
    export(&store, &verified, &directory.join("export")).unwrap();
    world
}

#[tokio::test]
async fn what_is_exported_and_imported_is_the_same_to_the_byte() {
    let directory = tempfile::tempdir().unwrap();
    let world = exported(directory.path());
    let (from, fresh) = (directory.path().join("export"), directory.path().join("fresh"));
    let mut seen = Vec::new();
    let size = import(&from, &fresh, &mut |done, of| seen.push((done, of))).unwrap();
    assert_eq!(size, world.state.size());
    assert_eq!(seen.last(), Some(&(size, size)));

    let ledger = open(&fresh, world.now).unwrap();
    assert_eq!(ledger.snapshot().state.root(), world.state.root());
    assert!(ledger.entries(0..u64::MAX).unwrap().iter().eq(world.entries.iter().map(|entry| &entry.bytes)));
    let checkpoint = std::fs::read(from.join("checkpoint")).unwrap();
    assert_eq!(*ledger.snapshot().checkpoint, *checkpoint);
    let key = log_key(&crate::common::keys().public()).unwrap();
    assert_eq!(Checkpoint::open(&checkpoint, key.name(), &key).unwrap().root, world.state.root());
    ledger.close().await;
    drop(ledger);

    // And once more: an export of the import is the export.
    let store = SledStore::open(&store_directory(&fresh)).unwrap();
    let verified = verify(&store, None, &mut |_| {}).unwrap();
    let again = directory.path().join("again");
    export(&store, &verified, &again).unwrap();
    assert_eq!(files(&from), files(&again));
    assert!(files(&from).len() >= 5);
}

/// Names and contents of all files below a directory.
fn files(directory: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = std::collections::BTreeMap::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_string_lossy().into_owned();
                all.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    all
}

#[test]
fn a_ledger_that_is_there_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    exported(directory.path());
    let from = directory.path().join("export");
    let error = import(&from, &directory.path().join("data"), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ExportError::Exists(_)), "{error}");
    let store = SledStore::open(&store_directory(&directory.path().join("data"))).unwrap();
    let verified = verify(&store, None, &mut |_| {}).unwrap();
    assert!(matches!(export(&store, &verified, &from), Err(ExportError::Exists(_))));
}

#[test]
fn a_changed_export_is_refused_naming_the_entry_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let world = exported(directory.path());
    let (from, fresh) = (directory.path().join("export"), directory.path().join("fresh"));
    let bundle = BundleId { index: 0, width: 256 };
    let path = from.join(bundle.path());
    let good = std::fs::read(&path).unwrap();
    let entries: Vec<Vec<u8>> = bundle.decode(&good).unwrap().into_iter().map(<[u8]>::to_vec).collect();

    // One bit within an entry.
    let mut changed = entries.clone();
    let middle = changed[17].len() / 2;
    changed[17][middle] ^= 1;
    std::fs::write(&path, bundle.encode(&changed).unwrap()).unwrap();
    let error = import(&from, &fresh, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ExportError::Unsound(Damage::Entry { index: 17, .. })), "{error}");

    // Two entries in another order: each is whole, but the root is not the one that was signed.
    let mut swapped = entries;
    swapped.swap(20, 21);
    std::fs::write(&path, bundle.encode(&swapped).unwrap()).unwrap();
    let error = import(&from, &fresh, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ExportError::Unsound(Damage::Entry { .. } | Damage::Root { .. })), "{error}");
    assert!(!store_directory(&fresh).exists());
    assert!(files(&fresh).is_empty());

    std::fs::write(&path, good).unwrap();
    std::fs::remove_file(from.join(BundleId { index: 1, width: 16 }.path())).unwrap();
    assert_eq!(world.state.size(), 272);
    let error = import(&from, &fresh, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ExportError::Missing(_)), "{error}");
}

#[test]
fn an_older_copy_than_the_server_has_signed_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let world = exported(directory.path());
    let (from, fresh) = (directory.path().join("export"), directory.path().join("fresh"));
    std::fs::create_dir(&fresh).unwrap();
    let mut longer = world;
    longer.say(&["registrar"], crate::common::assignment("USABC")).unwrap();
    let signed = crate::common::keys().sign_checkpoint(longer.state.size(), longer.state.root()).unwrap();
    Head::below(&fresh).write(signed.to_string().as_bytes()).unwrap();
    let error = import(&from, &fresh, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ExportError::Shorter { found: 272, signed: 273 }), "{error}");
}

#[test]
fn a_mirror_that_has_grown_since_its_checkpoint_is_an_export_too() {
    let directory = tempfile::tempdir().unwrap();
    let world = exported(directory.path());
    let (from, fresh) = (directory.path().join("export"), directory.path().join("fresh"));
    // The checkpoint of an earlier moment, over the full bundle of later.
    let size = 200;
    let signed = crate::common::keys().sign_checkpoint(size, world.state.root_at(size).unwrap()).unwrap();
    std::fs::write(from.join("checkpoint"), signed.to_string()).unwrap();
    assert_eq!(import(&from, &fresh, &mut |_, _| {}).unwrap(), size);
    let store = SledStore::open(&store_directory(&fresh)).unwrap();
    assert_eq!(store.size(), size);
}

/// A ledger from before watchers signed what they found: its last entry is a breach that the server's recorder signed.
const BEFORE: &str = include_str!("../fixtures/before-watchers.jsonl");

#[tokio::test]
async fn a_ledger_from_before_watchers_is_refused_and_told_why() {
    let directory = tempfile::tempdir().unwrap();
    let (from, data) = (directory.path().join("export"), directory.path().join("data"));
    let entries: Vec<Vec<u8>> = BEFORE.lines().map(|line| line.as_bytes().to_vec()).collect();
    let tree: Tree = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let checkpoint = crate::common::keys().sign_checkpoint(tree.size(), tree.root()).unwrap().to_string();
    for bundle in BundleId::added(0, tree.size()) {
        let path = from.join(bundle.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bundle.encode(&entries).unwrap()).unwrap();
    }
    std::fs::write(from.join("checkpoint"), &checkpoint).unwrap();
    let last = tree.size() - 1;

    let error = import(&from, &data, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ExportError::Unsound(Damage::Entry { index, .. }) if index == last), "{error}");
    let told = error.to_string();
    assert!(told.contains("before release 0.1") && told.contains("found the scheme anew"), "{told}");
    assert!(!store_directory(&data).exists(), "nothing was changed");

    // A server that was stopped before, and is started with this release.
    let store = SledStore::open(&store_directory(&data)).unwrap();
    store.append(0, &entries, Some(checkpoint.as_bytes())).unwrap();
    drop(store);
    Head::below(&data).write(checkpoint.as_bytes()).unwrap();
    let error = open(&data, crate::common::world::start()).err().expect("must not open");
    assert!(matches!(error, OpenError::Damaged(Damage::Entry { index, .. }) if index == last), "{error}");
    assert!(error.to_string().contains("found the scheme anew"), "{error}");
}
