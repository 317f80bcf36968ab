//! The ledger on disk, and the one place where the server's state changes.
//!
//! [`Ledger::record`] passes a statement to the one [`writer`], which checks it against the state, appends it to the
//! [`store`] with a signed checkpoint, waits until both are on the disk, applies it, publishes a new [`Snapshot`], and
//! answers. Before a ledger is opened it is [verified](verify): whole, or from a [snapshot of the state](saved) on,
//! with the rest verified afterwards. It can be [exported and imported](export) as plain files.

pub mod error;
pub mod export;
pub mod head;
pub mod memory_store;
mod mend;
pub mod mirror;
pub(crate) mod recorder;
pub mod rollback;
mod saved;
pub mod sled_store;
pub mod snapshot;
pub mod store;
pub mod verify;
mod writer;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ctl_core::log::{Checkpoint, LogError};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::charter::ServerKeys;
use ctl_governance::statement::{Body, Statement};
use ctl_host::clock::{ClockError, GuardedClock};
use tokio::sync::{mpsc, oneshot, watch};

use crate::keys::{Keys, KeysError};
pub use error::{Damage, OpenError, RecordError};
pub use head::Head;
pub use memory_store::MemoryStore;
use rollback::Verdict;
pub use saved::Verification;
use saved::{Saved, Saving};
pub use sled_store::SledStore;
pub use snapshot::{LogView, Snapshot};
pub use store::{Store, StoreError};
use verify::LogKeys;
use writer::{Request, Writer};

/// The name of the stored value with the last moment at which the server is known to have run.
const SEEN: &str = "clock/seen";
/// The name of the stored value with the checkpoint that shows that this server went back.
const WENT_BACK: &str = "rollback/checkpoint";

/// What a ledger needs to be opened.
#[derive(Clone)]
pub struct Setup {
    /// The store with the entries.
    pub store: Arc<dyn Store>,
    pub keys: Arc<Keys>,
    pub clock: Arc<GuardedClock>,
    /// The file outside the store with the last signed checkpoint; only tests have none.
    pub head: Option<Head>,
    /// How many statements may wait to be recorded.
    pub queue: usize,
}

/// A recorded statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Index of its entry.
    pub index: u64,
    /// Leaf hash of its entry.
    pub leaf_hash: Digest,
    pub recorded_at: Timestamp,
    /// The statement's identity.
    pub statement: Digest,
}

/// What the writer and the readers share.
struct Shared {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    clock: Arc<GuardedClock>,
    head: Option<Head>,
    snapshot: ArcSwap<Snapshot>,
    changes: watch::Sender<u64>,
    /// Why nothing is recorded any more, if so.
    read_only: Mutex<Option<String>>,
    /// Why nothing is recorded now, while the writer recovers the storage.
    trouble: Mutex<Option<String>>,
    /// Why nothing is signed any more either: the log has fewer entries than it once signed.
    went_back: Mutex<Option<String>>,
    seen: Mutex<Timestamp>,
    saving: Saving,
}

impl Shared {
    fn read_only(&self) -> Option<String> {
        let for_good = self.read_only.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for_good.or_else(|| self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn set_trouble(&self, why: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn set_read_only(&self, why: String) {
        tracing::error!(why, "the ledger is read-only from now on");
        *self.read_only.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Stops for good: anything this server would sign now might contradict what it signed before.
    fn set_went_back(&self, why: &str) {
        let mut went_back = self.went_back.lock().unwrap_or_else(PoisonError::into_inner);
        if went_back.is_none() {
            *went_back = Some(why.to_owned());
            self.set_read_only(format!(
                "THIS SERVER WENT BACK: {why}. It signs and records nothing more. See \"A server that went back\" in \
                 docs/operators.md"
            ));
        }
    }

    fn now(&self, last: Timestamp) -> Result<Timestamp, ClockError> {
        self.clock.now(last, *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A handle on the ledger. Clones are cheap.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

impl Ledger {
    /// Verifies the ledger and starts its writer. With a snapshot of the state, only the entries after it are verified
    /// here, and everything on a thread of its own afterwards: [`Ledger::verification`] tells the progress, and if
    /// anything is wrong the ledger becomes read-only. Without a snapshot everything is verified here, which takes a
    /// while for a long ledger.
    ///
    /// # Errors
    /// [`OpenError`] saying what is wrong and how to restore.
    pub fn open(setup: Setup) -> Result<Self, OpenError> {
        Self::open_telling(setup, &mut |_| {})
    }

    /// The same; reports the number of verified entries after each.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_telling(setup: Setup, progress: &mut dyn FnMut(u64)) -> Result<Self, OpenError> {
        let Setup { store, keys, clock, head, queue } = setup;
        let last_signed = head.as_ref().map(Head::read).transpose().map_err(OpenError::Head)?.flatten();
        let saved = head.as_ref().map(|head| Saved::beside(head.path()));
        let (verified, believed) = verified(&*store, last_signed.as_deref(), saved.as_ref(), progress)?;
        // Nobody else has the keys yet, so they can be changed.
        let keys = Arc::try_unwrap(keys)
            .map_or_else(|shared| shared, |own| Arc::new(own.named_by(&verified.state.charter.server)));
        if let Some(wrong) = differing_key(&verified.state.charter.server, &keys.public()) {
            return Err(OpenError::Keys(wrong));
        }
        let checkpoint = signed_now(&keys, &verified)?;
        let log = LogView::new(verified.tree);
        let compared = compare(&*store, head.as_ref(), &verified.keys, &log)?;
        let saving = Saving::new(saved, verified.keys, believed.as_ref().map(|(state, _)| state));
        let seen = store.kept(SEEN)?.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok());
        let snapshot = Snapshot { state: verified.state, log, checkpoint: checkpoint.into() };
        if compared.is_none()
            && let Some(head) = head.as_ref().filter(|head| head.outside().is_some())
        {
            head.write(&snapshot.checkpoint).map_err(OpenError::Head)?;
        }
        let shared = Arc::new(Shared {
            store,
            keys,
            clock,
            head,
            changes: watch::Sender::new(snapshot.size()),
            snapshot: ArcSwap::from_pointee(snapshot),
            read_only: Mutex::new(None),
            trouble: Mutex::new(None),
            went_back: Mutex::new(None),
            seen: Mutex::new(seen.unwrap_or(Timestamp::EPOCH)),
            saving,
        });
        let (requests, waiting) = mpsc::channel(queue.max(1));
        Writer::start(Arc::clone(&shared), waiting).map_err(OpenError::Thread)?;
        if let Some(why) = compared {
            shared.set_went_back(&why);
        }
        if let Some((state, keys)) = believed {
            saved::verify_behind(&shared, state, keys).map_err(OpenError::Thread)?;
        }
        Ok(Self { shared, requests })
    }

    /// Examines a checkpoint that somebody has seen. If it is this log's but the log does not continue it, it is
    /// stored, and nothing is signed or recorded any more.
    ///
    /// # Errors
    /// [`LogError`] if it is no checkpoint with this log's present signature.
    pub fn examine(&self, note: &[u8]) -> Result<Verdict, LogError> {
        let snapshot = self.snapshot();
        let key = crate::keys::log_key(&snapshot.state.charter.server)?;
        let verdict = rollback::judge(note, &key, &snapshot.log)?;
        if let Verdict::WentBack(why) = &verdict {
            self.shared.set_went_back(why);
            if let Err(error) = self.keep(WENT_BACK, Some(note)) {
                tracing::error!(%error, "the checkpoint that shows it cannot be stored");
            }
        }
        Ok(verdict)
    }

    /// Why nothing is signed any more: the log has fewer entries than it once signed.
    #[must_use]
    pub fn went_back(&self) -> Option<String> {
        self.shared.went_back.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records a statement; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn record(&self, statement: Statement) -> Result<Recorded, RecordError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Record { statement: Box::new(statement), reply })?;
        answer.await.map_err(|_| RecordError::Closed)?
    }

    /// Records what the server observed. `make` runs in the writer, on the state at the moment of recording, and must
    /// be quick. If it returns none, nothing is recorded.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn observe<F>(&self, make: F) -> Result<Option<Recorded>, RecordError>
    where
        F: FnOnce(&State) -> Option<Body> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Observe { make: Box::new(make), reply })?;
        answer.await.map_err(|_| RecordError::Closed)?
    }

    /// Records what is waiting and nothing more, and writes the snapshot of the state. The store closes once all
    /// handles are dropped.
    pub async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        // An error means that the writer has stopped already.
        if self.requests.send(Request::Close { reply }).await.is_ok() {
            let _ = answer.await;
        }
        self.save_behind().await;
    }

    fn ask(&self, request: Request) -> Result<(), RecordError> {
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RecordError::Busy,
            mpsc::error::TrySendError::Closed(_) => RecordError::Closed,
        })
    }

    /// Waits until the writer has stopped, for whatever reason.
    pub async fn writer_stopped(&self) {
        self.requests.closed().await;
    }

    /// The ledger after its last acknowledged entry.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// Reports the number of entries whenever it changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// The bytes of an entry; none beyond the end. Reads briefly from the disk.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read, or are not those that were recorded.
    pub fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if index >= self.snapshot().size() {
            return Ok(None);
        }
        self.shared.store.entry(index)
    }

    /// The bytes of several entries; fewer if the ledger ends earlier.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.shared.store.entries(range.start..range.end.min(self.snapshot().size()))
    }

    /// The time now, never before that of the last entry.
    ///
    /// # Errors
    /// [`ClockError`] if the system's clock is not believed; then sign nothing with a time.
    pub fn now(&self) -> Result<Timestamp, ClockError> {
        self.shared.now(self.snapshot().state.clock())
    }

    /// Whether statements can be recorded.
    ///
    /// # Errors
    /// [`RecordError`] saying why not.
    pub fn writable(&self) -> Result<(), RecordError> {
        if let Some(why) = self.shared.read_only() {
            return Err(RecordError::ReadOnly(why));
        }
        if self.requests.is_closed() {
            return Err(RecordError::Closed);
        }
        self.now()?;
        Ok(())
    }

    /// Notes that the server is running now, for the clock guard at the next start. Call it now and then.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn note_time(&self) -> Result<(), StoreError> {
        if let Ok(now) = self.now() {
            *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
            self.keep(SEEN, Some(now.to_string().as_bytes()))?;
        }
        Ok(())
    }

    /// The server's keys.
    #[must_use]
    pub fn keys(&self) -> &Arc<Keys> {
        &self.shared.keys
    }

    /// Stores a small value outside the log, such as the signatures of an open ceremony; none removes it. It is on the
    /// disk when this returns; blocks until then.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        self.shared.store.keep(name, value).inspect_err(|error| {
            // A failed store may fail until it is opened again. If the writer's queue is full, its own next failure
            // tells it.
            let _ = self.requests.try_send(Request::Mend { why: error.to_string() });
        })
    }

    /// All stored values whose names have this prefix, by name.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn kept_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.shared.store.kept_under(prefix)
    }

    /// Bytes of the ledger on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn bytes_on_disk(&self) -> Result<u64, StoreError> {
        self.shared.store.bytes_on_disk()
    }
}

/// Verifies the ledger, from a snapshot on if one fits. Returns the verified ledger and what was believed.
fn verified(
    store: &dyn Store,
    head: Option<&[u8]>,
    saved: Option<&Saved>,
    progress: &mut dyn FnMut(u64),
) -> Result<(verify::Verified, Option<(State, LogKeys)>), OpenError> {
    if let Some((saved, (snapshot, keys))) = saved.and_then(|saved| Some((saved, saved.read()?))) {
        let believed = (snapshot.state.clone(), keys.clone());
        match verify::go_on(snapshot, keys, store, head, progress) {
            Ok(verified) => return Ok((verified, Some(believed))),
            Err(error) => {
                tracing::warn!(%error, "the snapshot does not fit the ledger; replaying all of it");
                saved.forget();
            }
        }
    }
    Ok((verify::verify(store, head, progress)?, None))
}

/// Compares the log with the stored checkpoints, inside and outside; returns why, if it went back. A checkpoint that
/// cannot be compared may be the only evidence, so the server does not start with one.
fn compare(
    store: &dyn Store,
    head: Option<&Head>,
    keys: &LogKeys,
    log: &LogView,
) -> Result<Option<String>, OpenError> {
    if let Some(note) = store.kept(WENT_BACK)? {
        match rollback::judge_kept(&note, keys, log) {
            Ok(Some(Verdict::WentBack(why))) => return Ok(Some(why)),
            Ok(_) => {}
            Err(error) => {
                return Ok(Some(format!("the checkpoint that showed it cannot be judged any more: {error}")));
            }
        }
    }
    let Some((head, path)) = head.and_then(|head| Some((head, head.outside()?))) else { return Ok(None) };
    let Some(note) = head.read_outside().map_err(OpenError::Head)? else {
        tracing::warn!(path = %path.display(), "no checkpoint is kept there yet: this one is the first");
        return Ok(None);
    };
    match rollback::judge_kept(&note, keys, log) {
        Ok(Some(Verdict::WentBack(why))) => {
            // A start without the outside file must know it too.
            if let Err(error) = store.keep(WENT_BACK, Some(&note)) {
                tracing::error!(%error, "the checkpoint that shows it cannot be stored");
            }
            Ok(Some(why))
        }
        Ok(_) => Ok(None),
        Err(error) => Err(OpenError::Outside { path: path.to_owned(), why: error.to_string() }),
    }
}

/// The checkpoint of a verified ledger under the log's present key. After a rotation or a restart, the stored one may
/// be signed with the previous key.
fn signed_now(keys: &Keys, verified: &verify::Verified) -> Result<Vec<u8>, OpenError> {
    let key = crate::keys::log_key(&keys.public()).map_err(KeysError::Log)?;
    if Checkpoint::open(&verified.checkpoint, key.name(), &key).is_ok() {
        return Ok(verified.checkpoint.clone());
    }
    let note = keys.sign_for(&verified.state, verified.tree.size(), verified.tree.root())?;
    Ok(note.to_string().into_bytes())
}

/// The first of the server's keys that differs from the charter's.
fn differing_key(charter: &ServerKeys, own: &ServerKeys) -> Option<&'static str> {
    let pairs = [
        (charter.log_origin == own.log_origin, "log origin"),
        (charter.log == own.log, "log key"),
        (charter.recorder == own.recorder, "recorder key"),
        (charter.snapshot == own.snapshot, "snapshot key"),
        (charter.timestamp == own.timestamp, "timestamp key"),
    ];
    pairs.into_iter().find(|(same, _)| !same).map(|(_, name)| name)
}
