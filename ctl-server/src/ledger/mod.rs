//! The ledger on disk, and the one place where the server's state changes.
//!
//! The road of a statement: [`Ledger::record`] hands it to the one [`writer`], which checks it against
//! the state, appends it to the [`store`] with a signed checkpoint, waits until both are on the disk,
//! applies it, shows readers a new [`Snapshot`], and answers. A ledger is [verified](verify) whole
//! before it is opened, or from a [snapshot of the state](saved) on and the rest behind; it can be
//! [exported and imported](export) as plain files.

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

/// Name of the kept value with the last moment at which the server is known to have run.
const SEEN: &str = "clock/seen";
/// Name of the kept value with the checkpoint that shows that this server went back.
const WENT_BACK: &str = "rollback/checkpoint";

/// What a ledger is opened with.
#[derive(Clone)]
pub struct Setup {
    /// Where the entries are.
    pub store: Arc<dyn Store>,
    /// The server's keys.
    pub keys: Arc<Keys>,
    pub clock: Arc<GuardedClock>,
    /// The file outside the store with the last signed checkpoint; none only in tests.
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
    /// When.
    pub recorded_at: Timestamp,
    /// The statement's identity.
    pub statement: Digest,
}

/// What writer and readers share.
struct Shared {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    clock: Arc<GuardedClock>,
    head: Option<Head>,
    snapshot: ArcSwap<Snapshot>,
    changes: watch::Sender<u64>,
    /// Why nothing is recorded any more, once that is so.
    read_only: Mutex<Option<String>>,
    /// Why nothing is recorded for now, while the writer mends the storage.
    trouble: Mutex<Option<String>>,
    /// Why nothing is signed any more either: the log went back behind what it once signed.
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

    /// Stops, once and for all: what this server signs from here on could only contradict what it signed.
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
    /// Verifies the ledger and starts its writer. With a snapshot of the state beside it, only the entries that
    /// follow are verified here, and the whole in a thread of its own afterwards: [`Ledger::verification`] tells how
    /// far that is, and on the first thing that is wrong the ledger becomes read-only. Without one, the whole is
    /// verified here, which takes a while for a long one.
    ///
    /// # Errors
    /// [`OpenError`] saying what is wrong and how to restore.
    pub fn open(setup: Setup) -> Result<Self, OpenError> {
        Self::open_telling(setup, &mut |_| {})
    }

    /// The same, and tells after each entry how many are verified.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_telling(setup: Setup, progress: &mut dyn FnMut(u64)) -> Result<Self, OpenError> {
        let Setup { store, keys, clock, head, queue } = setup;
        let last_signed = head.as_ref().map(Head::read).transpose().map_err(OpenError::Head)?.flatten();
        let saved = head.as_ref().map(|head| Saved::beside(head.path()));
        let (verified, believed) = verified(&*store, last_signed.as_deref(), saved.as_ref(), progress)?;
        // Nobody else has the keys yet, so they can change.
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

    /// Takes a checkpoint that somebody has seen. If it is this log's and the log does not begin with it,
    /// that is kept, and nothing is signed or recorded any more.
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
                tracing::error!(%error, "the checkpoint that shows it could not be kept");
            }
        }
        Ok(verdict)
    }

    /// Why nothing is signed any more: the log went back behind what it once signed.
    #[must_use]
    pub fn went_back(&self) -> Option<String> {
        self.shared.went_back.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records a statement: when this returns, it is on the disk for ever.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn record(&self, statement: Statement) -> Result<Recorded, RecordError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Record { statement: Box::new(statement), reply })?;
        answer.await.map_err(|_| RecordError::Closed)?
    }

    /// Records what the server observed. `make` runs in the writer, on the state at the moment of
    /// recording; if it returns none, nothing is recorded. It must be quick.
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

    /// Records what waits, and nothing more, and writes the snapshot of the state. Afterwards the store is let go once
    /// all handles are gone.
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

    /// Waits until the writer has stopped, whether it was told to or failed.
    pub async fn writer_stopped(&self) {
        self.requests.closed().await;
    }

    /// The ledger after its last acknowledged entry.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// Tells the number of entries whenever it has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// The bytes of an entry; none beyond the end. A short read from the disk.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read, or are not those that were recorded.
    pub fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if index >= self.snapshot().size() {
            return Ok(None);
        }
        self.shared.store.entry(index)
    }

    /// The bytes of several entries; fewer if the ledger ends before.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.shared.store.entries(range.start..range.end.min(self.snapshot().size()))
    }

    /// The time now, never before the last entry's.
    ///
    /// # Errors
    /// [`ClockError`] if the system's clock cannot be right: then sign nothing that carries a time.
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

    /// Notes that the server runs at this moment, for the clock's guard at the next start. To be called
    /// once an hour or so.
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

    /// Keeps a small value outside the log, such as the signatures of a ceremony under way; none
    /// forgets it. On the disk when this returns; blocks for so long.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        self.shared.store.keep(name, value).inspect_err(|error| {
            // A store that failed once may fail for ever until it is opened again. If the writer has no room for
            // the request, it is told by its own next failure.
            let _ = self.requests.try_send(Request::Mend { why: error.to_string() });
        })
    }

    /// All kept values whose names begin with this, by name.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn kept_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.shared.store.kept_under(prefix)
    }

    /// Bytes that the ledger takes on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn bytes_on_disk(&self) -> Result<u64, StoreError> {
        self.shared.store.bytes_on_disk()
    }
}

/// Verifies the ledger, from a snapshot on if there is one that fits; then gives what was believed.
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
                tracing::warn!(%error, "the snapshot does not fit the ledger, which is replayed");
                saved.forget();
            }
        }
    }
    Ok((verify::verify(store, head, progress)?, None))
}

/// Compares the log with the checkpoints that were kept of it, inside and outside; gives the reason if it
/// went back. What cannot be compared may be all that shows it, so the server does not start over it.
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
            // So that a start without the file outside knows it too.
            if let Err(error) = store.keep(WENT_BACK, Some(&note)) {
                tracing::error!(%error, "the checkpoint that shows it could not be kept");
            }
            Ok(Some(why))
        }
        Ok(_) => Ok(None),
        Err(error) => Err(OpenError::Outside { path: path.to_owned(), why: error.to_string() }),
    }
}

/// The checkpoint of a verified ledger under the log's present key: after a rotation or a restart the
/// stored one may still be signed with the key before.
fn signed_now(keys: &Keys, verified: &verify::Verified) -> Result<Vec<u8>, OpenError> {
    let key = crate::keys::log_key(&keys.public()).map_err(KeysError::Log)?;
    if Checkpoint::open(&verified.checkpoint, key.name(), &key).is_ok() {
        return Ok(verified.checkpoint.clone());
    }
    let note = keys.sign_for(&verified.state, verified.tree.size(), verified.tree.root())?;
    Ok(note.to_string().into_bytes())
}

/// The first of the server's keys that is not the charter's.
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
