//! A storage that fails and works again: the ledger mends itself, loses nothing that it acknowledged, and says of
//! nothing that it is recorded or not while it does not know.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ctl_core::log::leaf_hash;
use ctl_governance::Reason;
use ctl_server::ledger::{Head, Ledger, MemoryStore, RecordError, Store, StoreError};

use crate::common::world::{World, start};
use crate::common::{comment, fill, open, setup, talkative, with_application};

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A store that fails when it is told to.
struct Failing {
    inner: MemoryStore,
    full: AtomicBool,
    /// Whether the bytes get to the disk although the write is reported as failed.
    written_all_the_same: bool,
    /// What the system calls the failure.
    errno: i32,
    /// An entry that is other bytes when the store is opened again.
    spoilt: AtomicU64,
    reopened: AtomicU64,
}

impl Failing {
    fn over(world: &World, written_all_the_same: bool, errno: rustix::io::Errno) -> Arc<Self> {
        let store = Self {
            inner: MemoryStore::new(),
            full: AtomicBool::new(false),
            written_all_the_same,
            errno: errno.raw_os_error(),
            spoilt: AtomicU64::new(u64::MAX),
            reopened: AtomicU64::new(0),
        };
        fill(&store, world);
        Arc::new(store)
    }

    fn fail(&self) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Failed(std::io::Error::from_raw_os_error(self.errno)));
        }
        Ok(())
    }
}

impl Store for Failing {
    fn size(&self) -> u64 {
        self.inner.size()
    }
    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let spoilt = self.reopened.load(Ordering::SeqCst) > 0 && self.spoilt.load(Ordering::SeqCst) == index;
        if spoilt { Ok(Some(b"other bytes".to_vec())) } else { self.inner.entry(index) }
    }
    fn append(&self, first: u64, entries: &[Vec<u8>], checkpoint: Option<&[u8]>) -> Result<(), StoreError> {
        if self.written_all_the_same || self.fail().is_ok() {
            self.inner.append(first, entries, checkpoint)?;
        }
        self.fail()
    }
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.checkpoint()
    }
    fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        self.fail()?;
        self.inner.keep(name, value)
    }
    fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.kept(name)
    }
    fn kept_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.inner.kept_under(prefix)
    }
    fn bytes_on_disk(&self) -> Result<u64, StoreError> {
        self.inner.bytes_on_disk()
    }
    fn reopen(&self) -> Result<(), StoreError> {
        self.fail()?;
        self.reopened.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

async fn until(what: &str, reached: impl Fn() -> bool) {
    let looking = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_full_disk_stops_writing_and_nothing_else_until_there_is_room() {
    for written_all_the_same in [false, true] {
        let (world, application) = with_application(talkative());
        let store = Failing::over(&world, written_all_the_same, rustix::io::Errno::NOSPC);
        let ledger = Ledger::open(setup(store.clone(), crate::common::clock_at(world.now).1, None)).unwrap();
        let say = |number| comment(&ledger.snapshot(), world.now, application, number);
        let acknowledged = ledger.record(say(1)).await.unwrap();
        let known = ledger.snapshot();

        store.full.store(true, Ordering::SeqCst);
        let unknown = say(2);
        let told = ledger.record(unknown.clone()).await.unwrap_err();
        assert!(matches!(&told, RecordError::Unknown(_)), "{told}");
        assert!(told.to_string().contains("not known") && told.to_string().contains("replayed"), "{told}");
        assert!(matches!(ledger.record(say(3)).await, Err(RecordError::ReadOnly(_))), "and this one is not");
        assert!(matches!(ledger.writable(), Err(RecordError::ReadOnly(_))));
        assert_eq!(ledger.snapshot().size(), known.size(), "readers see what was acknowledged");
        assert!(ledger.entry(acknowledged.index).unwrap().is_some());
        assert!(ledger.entry(known.size()).unwrap().is_none());

        store.full.store(false, Ordering::SeqCst);
        until("writable without a restart", || ledger.writable().is_ok()).await;
        // What the answer advised is followed.
        match ledger.record(unknown).await {
            Err(RecordError::Refused(refusal)) if written_all_the_same => {
                assert_eq!(refusal.reason, Reason::Replayed)
            }
            Ok(recorded) if !written_all_the_same => assert_eq!(recorded.index, known.size()),
            other => panic!("{other:?}"),
        }
        assert_eq!(ledger.snapshot().size(), known.size() + 1, "once either way");
        ledger.record(say(4)).await.unwrap();
        ledger.close().await;

        let again = Ledger::open(setup(store, crate::common::clock_at(world.now).1, None)).unwrap();
        assert_eq!(again.snapshot().size(), known.size() + 2);
        let kept = again.entry(acknowledged.index).unwrap().unwrap();
        assert_eq!(leaf_hash(&kept), acknowledged.leaf_hash);
    }
}

#[tokio::test]
async fn a_store_that_failed_to_keep_a_value_is_opened_again_though_nobody_records_anything() {
    let (world, application) = with_application(talkative());
    let store = Failing::over(&world, false, rustix::io::Errno::MFILE);
    let ledger = Ledger::open(setup(store.clone(), crate::common::clock_at(world.now).1, None)).unwrap();
    store.full.store(true, Ordering::SeqCst);
    assert!(ledger.keep("timestamp", Some(b"signed")).is_err());
    until("the failure is told", || ledger.writable().is_err()).await;
    store.full.store(false, Ordering::SeqCst);
    until("writable without a restart", || ledger.writable().is_ok()).await;
    assert!(store.reopened.load(Ordering::SeqCst) > 0);
    ledger.record(comment(&ledger.snapshot(), world.now, application, 1)).await.unwrap();
}

#[tokio::test]
async fn a_head_that_cannot_be_written_for_a_while_leaves_the_entry_to_be_found() {
    let (world, application) = with_application(talkative());
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    fill(&*store, &world);
    let head = Head::below(directory.path());
    let ledger =
        Ledger::open(setup(store.clone(), crate::common::clock_at(world.now).1, Some(head.clone()))).unwrap();
    let size = ledger.snapshot().size();
    // Nothing can be put in the place of a folder with something in it.
    std::fs::create_dir_all(head.path().join("x")).unwrap();
    let said = comment(&ledger.snapshot(), world.now, application, 1);
    assert!(matches!(ledger.record(said.clone()).await, Err(RecordError::Unknown(_))));
    assert_eq!(ledger.snapshot().size(), size, "nobody is shown what the head does not vouch for");
    std::fs::remove_dir_all(head.path()).unwrap();
    until("the entry is shown", || ledger.snapshot().size() == size + 1).await;
    until("writable without a restart", || ledger.writable().is_ok()).await;
    assert_eq!(head.read().unwrap().unwrap(), ledger.snapshot().checkpoint.to_vec());
    let again = ledger.record(said).await;
    assert!(matches!(again, Err(RecordError::Refused(refusal)) if refusal.reason == Reason::Replayed));
}

#[tokio::test]
async fn a_disk_that_reports_a_failed_write_is_not_believed_again() {
    let (world, application) = with_application(talkative());
    let store = Failing::over(&world, true, rustix::io::Errno::IO);
    let ledger = Ledger::open(setup(store.clone(), crate::common::clock_at(world.now).1, None)).unwrap();
    let say = |number| comment(&ledger.snapshot(), world.now, application, number);
    store.full.store(true, Ordering::SeqCst);
    assert!(matches!(ledger.record(say(1)).await, Err(RecordError::Unknown(_))));
    store.full.store(false, Ordering::SeqCst);
    assert!(
        matches!(ledger.record(say(2)).await, Err(RecordError::ReadOnly(why)) if why.contains("restart"))
    );
    assert_eq!(store.reopened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_store_that_comes_back_with_another_entry_is_not_written_to_again() {
    let (world, application) = with_application(talkative());
    let store = Failing::over(&world, false, rustix::io::Errno::NOSPC);
    store.spoilt.store(1, Ordering::SeqCst);
    let ledger = Ledger::open(setup(store.clone(), crate::common::clock_at(world.now).1, None)).unwrap();
    let say = |number| comment(&ledger.snapshot(), world.now, application, number);
    store.full.store(true, Ordering::SeqCst);
    assert!(ledger.record(say(1)).await.is_err());
    store.full.store(false, Ordering::SeqCst);
    let told = || matches!(ledger.writable(), Err(RecordError::ReadOnly(why)) if why.contains("entry 1"));
    until("the damage is told", told).await;
    assert!(
        matches!(ledger.record(say(2)).await, Err(RecordError::ReadOnly(why)) if why.contains("Restart"))
    );
}

const DATA: &str = "CTL_TEST_DATA";
const APPLICATION: u64 = 1;

/// The process that may have so few files open.
#[tokio::test]
#[ignore = "runs only as the child process of the test below"]
async fn starved() {
    let data = std::env::var(DATA).unwrap();
    let ledger = open(Path::new(&data), start()).unwrap();
    let say = |line: &str| writeln!(std::io::stdout().lock(), "\n@{line}").unwrap();
    let comment = |number| comment(&ledger.snapshot(), start(), APPLICATION, number);
    ledger.record(comment(1)).await.unwrap();
    // What thousands of callers did before their number was bounded.
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
        assert!(taken.len() < 10_000, "there is no limit");
    }
    let starved = ledger.record(comment(2)).await;
    assert!(matches!(&starved, Err(RecordError::Unknown(why)) if why.contains("files")), "{starved:?}");
    say("starved");
    drop(taken);
    until("writable without a restart", || ledger.writable().is_ok()).await;
    ledger.record(comment(3)).await.unwrap();
    say("mended");
    ledger.close().await;
}

#[test]
fn a_ledger_that_ran_out_of_file_descriptors_goes_on_when_there_are_some() {
    let directory = tempfile::tempdir().unwrap();
    let (world, _) = with_application(talkative());
    crate::common::on_disk(directory.path(), &world);
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 100; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "storage::starved", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATA, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = lines.filter_map(|line| line.strip_prefix('@').map(str::to_owned)).collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(said, ["starved", "mended"]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ledger = runtime.block_on(async { open(directory.path(), start()).unwrap() });
    // The starved one was on the disk when the head was not, so it is there; so are those before and after.
    assert_eq!(ledger.snapshot().size(), world.entries.len() as u64 + 3);
}
