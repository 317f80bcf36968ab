//! The publisher and its ceremonies when something goes wrong or arrives late.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ctl_core::parts::WithdrawalReason;
use ctl_core::role::Role;
use ctl_governance::state::Draft;
use ctl_governance::statement::body::NoticeIssue;
use ctl_server::ledger::{Ledger, MemoryStore, Store, StoreError};
use ctl_server::publish::ceremony::{CeremonyError, Submission};
use ctl_server::publish::interop::{Answers, Question};
use ctl_server::publish::publisher::Status;
use ctl_server::publish::{Ceremonies, Config, Publisher};

use crate::common::world::{self, DAY, World, na};
use crate::common::{comment, fill, in_memory, setup, talkative, with_application};
use crate::served::Served;

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
    let ledger = Ledger::open(setup(store.clone(), crate::common::clock_at(world.now).1, None)).unwrap();
    let data = tempfile::tempdir().unwrap();
    // It looks again when it is woken, and not by itself.
    let hour = Duration::from_secs(3600);
    let config = Config { settle: hour, tick: hour, ..Config::new(data.path()) };
    let (publisher, running) = Publisher::start(ledger.clone(), config, Arc::default()).unwrap();
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
    serde_json::from_value(crate::served::submission(draft, &world::key(signer))).unwrap()
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

/// How often it was asked who can charge where, and whether that is answered.
static ASKED: AtomicUsize = AtomicUsize::new(0);
static ANSWERED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Thinks until it is allowed to stop.
fn thinks(question: &Question) -> Option<Answers> {
    ASKED.fetch_add(1, Ordering::SeqCst);
    drop(ANSWERED.1.wait_while(ANSWERED.0.lock().unwrap(), |answered| !*answered).unwrap());
    question.answer()
}

#[tokio::test]
async fn a_matrix_that_takes_for_ever_delays_no_suspension_and_no_timestamp() {
    let list = Role::List(na());
    let mut world = World::published();
    let (fallen, _) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    world.publish_list();
    let served = Served::start_answering_by(&world, thinks).await;
    served.until("the matrix to be begun", async |_| (ASKED.load(Ordering::SeqCst) == 1).then_some(())).await;

    // An officer suspends, people sign, and devices can fetch it, though the matrix is not done.
    let notice = NoticeIssue {
        anchor: fallen,
        expires_at: served.now().plus_seconds(7 * DAY),
        list: na(),
        reason: WithdrawalReason::KeyCompromise,
    };
    let notice = crate::common::statement(&served.ledger.snapshot(), served.now(), "officer-1", 1, notice);
    assert_eq!(served.post("/v1/statements", &notice.jws.to_bytes()).await.status, 201);
    let told =
        |answer: crate::served::Answer| answer.status == 200 && answer.text().contains(&fallen.to_string());
    served
        .until("the notice to be served", async |served| {
            served.sign(&Role::Notices, "officer-1").await;
            told(served.get("/v1/notices/notices.json").await).then_some(())
        })
        .await;
    let second = served.draft(&list, None).await.index;
    for signer in ["signer-1", "signer-2"] {
        assert_eq!(served.sign(&list, signer).await.status, 200);
    }
    assert_eq!(served.get("/v1/lists/na/ctl.json").await.json()["sequence"], 2, "draft {second}");
    let timestamp = served.get("/tuf/metadata/timestamp.json").await.body;
    served.pass(DAY / 2);
    served
        .until("a newer timestamp", async |served| {
            (served.get("/tuf/metadata/timestamp.json").await.body != timestamp).then_some(())
        })
        .await;
    served.get("/v1/lists/na/interop").await.problem(404);
    assert_eq!(ASKED.load(Ordering::SeqCst), 1, "one at a time");

    // What was thought out for an old version is not shown for the new one.
    *ANSWERED.0.lock().unwrap() = true;
    ANSWERED.1.notify_all();
    let answer = served
        .until("the answer", async |served| {
            let answer = served.get("/v1/lists/na/interop").await;
            (answer.status == 200).then_some(answer)
        })
        .await;
    assert_eq!(answer.json()["sequence"], 2);
    let asked = ASKED.load(Ordering::SeqCst);
    assert_eq!(asked, 2);

    // Nobody asks again because something else was published.
    assert_eq!(served.sign(&Role::Registry, "registrar").await.status, 200);
    assert_eq!(served.get("/v1/registry/mo.json").await.status, 200);
    // The publisher has looked at everything once more when an entry is served.
    let said = crate::common::statement(
        &served.ledger.snapshot(),
        served.now(),
        "registrar",
        2,
        crate::common::assignment("USABC"),
    );
    assert_eq!(served.post("/v1/statements", &said.jws.to_bytes()).await.status, 201);
    assert_eq!(ASKED.load(Ordering::SeqCst), asked, "no list changed");
}

#[tokio::test]
async fn a_list_that_nobody_touches_is_drafted_again_at_half_of_its_validity() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.wait(12 * DAY);
    for role in [Role::Notices, Role::Registry] {
        world.publish(&role, if role == Role::Notices { &["officer-1"] } else { &["registrar"] }).unwrap();
    }
    world.publish_list();
    world.wait(12 * DAY);
    world.publish(&Role::Notices, &["officer-1"]).unwrap();
    world.publish_list();
    // From here on nothing is due on any agenda: no vote, no notice, nothing to be taken up.
    let served = Served::start(&world).await;
    let before = served.ledger.snapshot().size();
    served.pass(15 * DAY + 1);
    let draft = served.draft(&Role::List(na()), None).await;
    assert!(draft.index >= before);
    assert_eq!(draft.open.issued_at, served.now());
}
