//! What every store of a ledger must do: one suite, which each of them runs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ctl_server::ledger::{Head, Ledger, MemoryStore, Store, StoreError};

use crate::common::{
    clock_at, comment, database_below, fill, setup, store_below, talkative, with_application,
};

/// A kind of store.
trait Kind {
    /// Opens the one in this folder.
    fn open(&self, folder: &Path) -> Arc<dyn Store>;

    /// Whether what it acknowledged is there when it was closed and is opened again.
    const SURVIVES: bool;

    /// Changes a byte of an entry behind the store's back, while it is closed.
    fn damage(&self, folder: &Path, index: u64);
}

struct Memory;

impl Kind for Memory {
    const SURVIVES: bool = false;

    fn open(&self, _: &Path) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new())
    }

    fn damage(&self, _: &Path, _: u64) {
        unreachable!("nothing is left of it while it is closed");
    }
}

struct Sled;

impl Kind for Sled {
    const SURVIVES: bool = true;

    fn open(&self, folder: &Path) -> Arc<dyn Store> {
        Arc::new(store_below(folder).unwrap())
    }

    fn damage(&self, folder: &Path, index: u64) {
        let db = database_below(folder);
        let key = [b"e".as_slice(), &index.to_be_bytes()].concat();
        let mut value = db.get(&key).unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        db.insert(key, value).unwrap();
        db.flush().unwrap();
    }
}

fn bytes_of(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(|number| format!("entry {number}").repeat(number as usize + 1).into_bytes()).collect()
}

/// Everything that can be asked of a store with these entries.
fn holds(store: &dyn Store, entries: u64, checkpoint: Option<&[u8]>) {
    assert_eq!(store.size(), entries);
    for (index, bytes) in bytes_of(0..entries).into_iter().enumerate() {
        assert_eq!(store.entry(index as u64).unwrap(), Some(bytes), "{index}");
    }
    for beyond in [entries, entries + 1, u64::MAX] {
        assert_eq!(store.entry(beyond).unwrap(), None);
    }
    assert_eq!(store.entries(0..entries + 5).unwrap(), bytes_of(0..entries), "a range ends with the ledger");
    assert_eq!(store.checkpoint().unwrap().as_deref(), checkpoint);
}

fn appends_and_reads_back(kind: &impl Kind) {
    let folder = tempfile::tempdir().unwrap();
    let store = kind.open(folder.path());
    holds(&*store, 0, None);
    store.append(0, &bytes_of(0..3), Some(b"of three")).unwrap();
    holds(&*store, 3, Some(b"of three"));
    store.append(3, &bytes_of(3..4), None).unwrap();
    holds(&*store, 4, None);
    store.append(4, &bytes_of(4..9), Some(b"of nine")).unwrap();
    holds(&*store, 9, Some(b"of nine"));
    for first in [0, 8, 10, u64::MAX] {
        let refused = store.append(first, &bytes_of(0..2), Some(b"other")).unwrap_err();
        assert!(
            matches!(refused, StoreError::OutOfOrder { offered, size: 9 } if offered == first),
            "{refused}"
        );
    }
    holds(&*store, 9, Some(b"of nine"));
    store.bytes_on_disk().unwrap();
}

fn keeps_values_beside_the_log(kind: &impl Kind) {
    let folder = tempfile::tempdir().unwrap();
    let store = kind.open(folder.path());
    assert_eq!(store.kept("draft/na").unwrap(), None);
    store.keep("draft/na", None).unwrap();
    for (name, value) in
        [("draft/na", b"1".as_slice()), ("draft/eu", b"2"), ("drafts", b""), ("draft/na", b"3")]
    {
        store.keep(name, Some(value)).unwrap();
    }
    let under = |prefix: &str| store.kept_under(prefix).unwrap();
    assert_eq!(under("draft/"), [("draft/eu".into(), b"2".to_vec()), ("draft/na".into(), b"3".to_vec())]);
    assert_eq!((under("").len(), under("x").len()), (3, 0));
    assert_eq!(store.kept("drafts").unwrap(), Some(Vec::new()), "an empty value is one");
    store.keep("draft/na", None).unwrap();
    assert_eq!((store.kept("draft/na").unwrap(), under("draft/").len()), (None, 1));
    holds(&*store, 0, None);
}

fn is_the_same_when_it_is_opened_again(kind: &impl Kind) {
    let folder = tempfile::tempdir().unwrap();
    let store = kind.open(folder.path());
    store.append(0, &bytes_of(0..5), Some(b"of five")).unwrap();
    store.keep("name", Some(b"value")).unwrap();
    store.reopen().unwrap();
    holds(&*store, 5, Some(b"of five"));
    store.append(5, &bytes_of(5..6), Some(b"of six")).unwrap();
    drop(store);
    fn survived<K: Kind>(kind: &K, folder: &Path) {
        let again = kind.open(folder);
        if K::SURVIVES {
            holds(&*again, 6, Some(b"of six"));
            assert_eq!(again.kept("name").unwrap(), Some(b"value".to_vec()));
        } else {
            holds(&*again, 0, None);
        }
    }
    survived(kind, folder.path());
}

fn names_the_entry_that_is_damaged<K: Kind>(kind: &K) {
    if !K::SURVIVES {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = kind.open(folder.path());
    store.append(0, &bytes_of(0..5), Some(b"of five")).unwrap();
    drop(store);
    kind.damage(folder.path(), 2);
    let store = kind.open(folder.path());
    assert_eq!(store.size(), 5);
    for index in 0..5 {
        match store.entry(index) {
            Err(StoreError::DamagedEntry { index: 2, .. }) if index == 2 => {}
            Ok(Some(bytes)) if index != 2 => assert_eq!(bytes, bytes_of(index..index + 1)[0]),
            other => panic!("{index}: {other:?}"),
        }
    }
    assert!(store.entries(0..5).is_err() && store.entries(3..5).is_ok());
}

fn readers_see_whole_appends_while_it_is_written(kind: &impl Kind) {
    let folder = tempfile::tempdir().unwrap();
    let (store, over) = (kind.open(folder.path()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut seen = 0;
                while !over.load(Ordering::SeqCst) {
                    let size = store.size();
                    assert!(size >= seen && size % 3 == 0, "{size} after {seen}");
                    assert_eq!(store.entries(seen..size).unwrap(), bytes_of(seen..size));
                    seen = size;
                }
            });
        }
        for first in (0..60).step_by(3) {
            store.append(first, &bytes_of(first..first + 3), Some(&first.to_be_bytes())).unwrap();
        }
        over.store(true, Ordering::SeqCst);
    });
    holds(&*store, 60, Some(&57_u64.to_be_bytes()));
}

/// The checkpoint in the store and the one outside it are the same after each entry.
fn goes_with_a_head(kind: &impl Kind) {
    let folder = tempfile::tempdir().unwrap();
    let (world, application) = with_application(talkative());
    let store = kind.open(folder.path());
    let head = Head::below(folder.path());
    head.write(&fill(&*store, &world)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = Ledger::open(setup(store.clone(), clock_at(world.now).1, Some(head.clone()))).unwrap();
        for number in 0..2 {
            ledger.record(comment(&ledger.snapshot(), world.now, application, number)).await.unwrap();
            assert_eq!(head.read().unwrap(), store.checkpoint().unwrap());
        }
        ledger.close().await;
    });
    assert_eq!(store.size(), world.state.size() + 2);
}

fn conforms(kind: &impl Kind) {
    appends_and_reads_back(kind);
    keeps_values_beside_the_log(kind);
    is_the_same_when_it_is_opened_again(kind);
    names_the_entry_that_is_damaged(kind);
    readers_see_whole_appends_while_it_is_written(kind);
    goes_with_a_head(kind);
}

#[test]
fn the_store_in_memory_conforms() {
    conforms(&Memory);
}

#[test]
fn the_store_on_sled_conforms() {
    conforms(&Sled);
}
