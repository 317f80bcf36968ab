//! The publisher and its ceremonies when something goes wrong or arrives late.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod served;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::world::{self, DAY, World, na};
use common::{comment, fill, in_memory, setup, talkative, with_application};
use ctl_core::governance::state::Draft;
use ctl_core::role::Role;
use ctl_server::ledger::{Ledger, MemoryStore, Store, StoreError};
use ctl_server::metrics::Metrics;
use ctl_server::publish::ceremony::{CeremonyError, Submission};
use ctl_server::publish::publisher::Status;
use ctl_server::publish::{Ceremonies, Config, Publisher};

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(30);

/// A store whose entries cannot be read for a while.
struct BadSectors {
    inner: MemoryStore,
    unreadable: AtomicBool,
}

impl Store for BadSectors {
    fn size(&self) -> u64 {
        self.inner.size()
    }
    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if self.unreadable.load(Ordering::Relaxed) {
            return Err(StoreError::Failed(std::io::ErrorKind::Other.into()));
        }
        self.inner.entry(index)
    }
    fn append(&self, first: u64, entries: &[Vec<u8>], checkpoint: Option<&[u8]>) -> Result<(), StoreError> {
        self.inner.append(first, entries, checkpoint)
    }
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.checkpoint()
    }
    fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
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
}

async fn until(publisher: &Publisher, what: &str, reached: impl Fn(&Status) -> bool) {
    let looking = async {
        while !reached(&publisher.status()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_publisher_that_cannot_read_the_ledger_waits_recovers_and_can_be_stopped() {
    let (world, application) = with_application(talkative());
    let store = Arc::new(BadSectors { inner: MemoryStore::new(), unreadable: AtomicBool::new(false) });
    fill(&*store, &world);
    let ledger = Ledger::open(setup(store.clone(), common::clock_at(world.now).1, None)).unwrap();
    let data = tempfile::tempdir().unwrap();
    // It looks again when it is woken, and not by itself.
    let hour = Duration::from_secs(3600);
    let config = Config { settle: hour, tick: hour, ..Config::new(data.path()) };
    let metrics = Arc::new(Metrics::new().unwrap());
    let (publisher, running) = Publisher::start(ledger.clone(), config, metrics).unwrap();
    let say = |number| ledger.record(comment(&ledger.snapshot(), world.now, application, number));

    store.unreadable.store(true, Ordering::Relaxed);
    let first = say(1).await.unwrap();
    until(&publisher, "the publisher to say so", |status| status.problem.is_some()).await;
    assert_eq!(publisher.status().size, first.index, "what was served is served");

    store.unreadable.store(false, Ordering::Relaxed);
    publisher.wake();
    until(&publisher, "the entry", |status| status.problem.is_none()).await;
    assert_eq!(publisher.status().size, first.index + 1);

    store.unreadable.store(true, Ordering::Relaxed);
    say(2).await.unwrap();
    until(&publisher, "the publisher to say so again", |status| status.problem.is_some()).await;
    tokio::time::timeout(DEADLINE, running.stop()).await.expect("it stops, although it is behind");
}

fn submission(draft: &Draft, signer: &str) -> Submission {
    serde_json::from_value(served::submission(draft, &world::key(signer))).unwrap()
}

#[tokio::test]
async fn who_looks_at_an_old_state_takes_no_signature_from_a_newer_draft() {
    let list = Role::List(na());
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.open_draft(&list).unwrap();
    let older = world.state.clone();
    world.wait(8 * DAY);
    world.open_draft(&list).unwrap();
    let newer = world.state.clone();
    let (ledger, _) = in_memory(&world);
    let ceremonies = Ceremonies::load(&ledger).unwrap();
    let open = &newer.drafts[&list];
    let taken = ceremonies.add(&ledger, &newer, &list, submission(open, "signer-1")).unwrap();

    // A request that read the state just before the newer draft was opened.
    let late = ceremonies.add(&ledger, &older, &list, submission(&older.drafts[&list], "signer-2"));
    assert!(matches!(late, Err(CeremonyError::OtherDraft { open: newest, .. }) if newest == open.index));
    // Housekeeping that did.
    ceremonies.forget_closed(&ledger, &older).unwrap();
    for ceremonies in [&ceremonies, &Ceremonies::load(&ledger).unwrap()] {
        assert_eq!(ceremonies.progress(&newer, &list).unwrap(), taken);
    }

    let last = ceremonies.add(&ledger, &newer, &list, submission(open, "signer-2")).unwrap();
    assert!(last.complete);
    let record = world.publication(&list, &["signer-1", "signer-2"]);
    world.say(&["recorder"], record).unwrap();
    ceremonies.forget_closed(&ledger, &world.state).unwrap();
    assert!(ledger.kept_under("ceremony/").unwrap().is_empty(), "what is published needs them no more");
}
