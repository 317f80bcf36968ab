//! Following a scheme: the newest checkpoint, verified; then what is new below it, verified and replayed.
//!
//! Verified are, in this order: the checkpoint's signature, that the log continues what was seen before, the root over
//! the entries, every entry by the governance rules, and that the log contains what there are receipts for. The
//! scheme's id pins the genesis, and with it everything that follows.

mod another;
mod download;
mod fold;
mod log;
mod options;
mod saved;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::{Checkpoint, LogKey, Note, Tree};
use ctl_core::paths;
use ctl_core::tuf::Root;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::Entry;

use self::fold::{BATCH, BATCH_BYTES, Fold};
pub use self::fold::{Observer, log_key, read_root};
pub use self::log::Log;
pub use self::options::{
    Clock, Confirmed, Listener, News, Options, PATIENCE, Progress, Step, Trust, silence, system_clock,
};
use crate::entries::Entries;
use crate::folder::{Folder, Seen};
use crate::receipts::Checked;
use crate::{Lost, ReplicaError, Transport, receipts};

/// Where the newest checkpoint is.
const CHECKPOINT: &str = paths::CHECKPOINT.plain();
/// A log of more entries is refused: the size is the server's word until all are downloaded.
const MAX_ENTRIES: u64 = 1 << 26;
/// How often to look whether a checkpoint covers an entry by now.
const POLL: Duration = Duration::from_millis(250);

/// One reader's view of one scheme: what was verified of its log last, and how to verify what comes next.
pub struct Replica {
    transport: Transport,
    scheme: Digest,
    pinned: Option<(String, LogKey)>,
    /// The root.json by which this person knows the scheme.
    pinned_root: Option<Root>,
    confirmed: Confirmed,
    /// The last checkpoint seen of a log that ended, until what came of it is told.
    ended: Option<Checkpoint>,
    folder: Option<Folder>,
    clock: Clock,
    progress: Progress,
    patience: Duration,
    listener: Listener,
    /// Whether all of the log is yet to be downloaded and verified, whatever is remembered.
    afresh: bool,
    /// Entries of the snapshot in the folder that this process has believed or written.
    saved: Option<u64>,
    log: Option<Log>,
    /// What the notes of what was sent say by this log.
    checked: Checked,
    /// The statements whose loss was told.
    told: BTreeSet<Digest>,
}

/// A checkpoint whose signature holds, and which contradicts nothing seen before.
struct Head {
    note: Note,
    checkpoint: Checkpoint,
}

impl Replica {
    /// Prepares a replica; nothing is fetched yet, and the folder is read at the first [`Replica::sync`].
    ///
    /// # Errors
    /// The root.json cannot be used, or the folder cannot be made.
    pub fn open(options: Options) -> Result<Self, ReplicaError> {
        let (scheme, pinned, pinned_root) = match &options.trust {
            Trust::Scheme(scheme) => (*scheme, None, None),
            Trust::Root(path) => {
                let root = read_root(path)?.signed;
                let trust = root.v2g.clone().ok_or_else(|| {
                    ReplicaError::input(
                        path.display(),
                        "names no scheme (member v2g): a root.json of another kind",
                    )
                })?;
                let key = trust.log.key.parse().map_err(|e| ReplicaError::input(path.display(), e))?;
                (trust.scheme, Some((trust.log.origin, key)), Some(root))
            }
        };
        let folder = options.folder.map(|root| Folder::open(&root, &scheme)).transpose()?;
        Ok(Self {
            transport: Transport::trusting(&options.url, &options.tls_roots)?.with_bounds(options.bounds),
            scheme,
            pinned,
            pinned_root,
            confirmed: options.confirmed,
            ended: None,
            folder,
            clock: options.clock,
            progress: options.progress,
            patience: options.patience,
            listener: options.listener,
            afresh: options.afresh,
            saved: None,
            log: None,
            checked: Checked::default(),
            told: BTreeSet::new(),
        })
    }

    /// The server.
    #[must_use]
    pub const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The scheme's id.
    #[must_use]
    pub const fn scheme(&self) -> Digest {
        self.scheme
    }

    /// The time, by this replica's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The log as last synced.
    ///
    /// # Errors
    /// [`Replica::sync`] has not succeeded yet.
    pub fn log(&self) -> Result<&Log, ReplicaError> {
        self.log.as_ref().ok_or_else(|| ReplicaError::Misuse("the log has not been downloaded yet".into()))
    }

    /// What the log does not contain although there is a receipt for it, as of the last contact. It stands until a
    /// person has settled it and deleted the note.
    #[must_use]
    pub fn lost(&self) -> &[Lost] {
        &self.checked.lost
    }

    /// When the oldest statement was sent that has a receipt and that the log, as of the last contact, does not contain
    /// yet.
    #[must_use]
    pub const fn promised(&self) -> Option<Timestamp> {
        self.checked.promised
    }

    /// Tells whoever listens how far a long piece of work has come.
    pub fn step(&self, what: &'static str, done: u64, of: u64) {
        (self.progress)(Step { what, done, of, bytes: self.transport.downloaded() });
    }

    /// Where what was seen and sent of the scheme is remembered.
    pub(crate) const fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// As [`Replica::sync`], and tells an observer of every entry that is replayed: those that are new, and at the first
    /// call of a process those that were remembered and that the snapshot of the state does not cover. Who needs all of
    /// them opens the replica with [`Options::afresh`]. If what follows on a snapshot shows that it was wrong, the observer
    /// is told of everything from entry 0 on.
    ///
    /// # Errors
    /// As [`Replica::sync`]; the observer may have been told of entries by then.
    pub async fn sync_with(&mut self, observer: &mut (dyn Observer + Send)) -> Result<&Log, ReplicaError> {
        let lock = self.folder.as_ref().map(Folder::lock).transpose()?;
        let head = self.head(observer).await?;
        let (shown, seen) = (head.checkpoint.size, self.seen_size()?);
        if shown < seen {
            let address = self.transport.address(CHECKPOINT);
            return Err(ReplicaError::Rollback { address, shown, seen });
        }
        self.take_in(head, observer).await?;
        drop(lock);
        self.log()
    }

    /// Follows the log to its newest checkpoint: downloads what is new, verifies and replays it, and holds the receipts
    /// of what was sent against it. Called again, it costs what is new since.
    ///
    /// # Errors
    /// Something does not hold: then nothing of it is kept, [`Replica::log`] is as before, and only a contradicting
    /// checkpoint stays as evidence. [`ReplicaError::Conflict`] if the log was rewritten, [`ReplicaError::Rollback`] if
    /// what is shown is older than what was seen, [`ReplicaError::Restart`] if the board let the log begin anew and
    /// nobody has confirmed it. What [may pass](ReplicaError::may_pass) is worth another try later.
    pub async fn sync(&mut self) -> Result<&Log, ReplicaError> {
        self.sync_with(&mut nobody).await
    }

    /// Waits, as long as [`Options::patience`] says, until a signed checkpoint covers an entry, and verifies and replays
    /// the log up to it; false if none comes in time. The caller has synced before.
    ///
    /// # Errors
    /// Something does not hold.
    pub async fn wait_for_entry(&mut self, index: u64) -> Result<bool, ReplicaError> {
        self.wait_for(|log| log.state.size() > index).await
    }

    /// Waits until the log is as asked; false if it does not become so in time.
    ///
    /// # Errors
    /// Something does not hold. A server that cannot be reached may come back until the time is over.
    pub(crate) async fn wait_for(&mut self, fulfilled: impl Fn(&Log) -> bool) -> Result<bool, ReplicaError> {
        let deadline = Instant::now() + self.patience;
        loop {
            if self.log.as_ref().is_some_and(&fulfilled) {
                return Ok(true);
            }
            match self.follow().await {
                Err(error) if !error.may_pass() => return Err(error),
                _ => {}
            }
            if self.log.as_ref().is_some_and(&fulfilled) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Takes in what is new; a head from before what was seen is only too early.
    async fn follow(&mut self) -> Result<(), ReplicaError> {
        let _lock = self.folder.as_ref().map(Folder::lock).transpose()?;
        let head = self.head(&mut nobody).await?;
        let seen = self.log.as_ref().map_or(0, Log::size);
        if head.checkpoint.size > seen { self.take_in(head, &mut nobody).await } else { Ok(()) }
    }

    /// The newest checkpoint, verified before anything else is fetched: its signature, and that what was seen before
    /// does not contradict it as far as both go.
    async fn head(&mut self, observer: &mut (dyn Observer + Send)) -> Result<Head, ReplicaError> {
        self.transport.begin();
        let bytes = self.transport.fetch(CHECKPOINT, MAX_NOTE_BYTES).await?;
        let unproven = |error| ReplicaError::unproven(self.transport.address(CHECKPOINT), error);
        let note = Note::parse(&bytes).map_err(unproven)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(unproven)?;
        if !self.afresh {
            self.remember(observer).await?;
        } else if self.kept()?.is_some_and(|kept| kept.checkpoint.origin != checkpoint.origin) {
            // Another log than was seen: whether it may be followed, what was seen tells.
            self.remember(&mut nobody).await?;
        }
        let (origin, key) = match (&self.log, &self.pinned) {
            (Some(seen), _) => log_key(&seen.state)?,
            (None, Some(pinned)) => pinned.clone(),
            (None, None) => self.first_contact(&checkpoint).await?,
        };
        if let Err(error) = Checkpoint::open_note(&note, &origin, &key) {
            self.another_log(&note, error).await?;
        }
        if checkpoint.size == 0 || checkpoint.size > MAX_ENTRIES {
            let problem = format!("the log claims to have {} entries", checkpoint.size);
            return Err(ReplicaError::Violation(problem));
        }
        let head = Head { note, checkpoint };
        if let Some(seen) = self.log.as_ref().filter(|seen| head.checkpoint.size <= seen.size()) {
            self.same(
                &head,
                head.checkpoint.size,
                seen.root_at(head.checkpoint.size)?,
                head.checkpoint.root,
            )?;
        }
        Ok(head)
    }

    /// The log must have had this root at this size.
    fn same(&self, head: &Head, size: u64, seen: Digest, shown: Digest) -> Result<(), ReplicaError> {
        if seen == shown {
            return Ok(());
        }
        let problem = format!("its first {size} entries are not those that you have seen");
        Err(self.conflict(&head.note, &problem))
    }

    async fn take_in(
        &mut self,
        head: Head,
        observer: &mut (dyn Observer + Send),
    ) -> Result<(), ReplicaError> {
        if self.log.as_ref().is_none_or(|seen| seen.checkpoint != head.checkpoint) {
            self.grow(head, observer).await?;
        } else if let Some(seen) = &mut self.log {
            // The same again, and perhaps more cosignatures.
            if seen.note.to_string() != head.note.to_string() {
                seen.note = head.note;
                self.folder.as_ref().map(|folder| folder.save(&seen.note)).transpose()?;
            }
        }
        let Some(log) = &self.log else { return Ok(()) };
        if let Some(ended) = &self.ended {
            let kept = log.root_at(ended.size).is_ok_and(|root| root == ended.root);
            (self.listener)(&News::BegunAnew { origin: log.checkpoint.origin.clone(), kept });
        }
        if let Some(folder) = &self.folder {
            let checked = receipts::check(folder, log, (self.clock)(), &|what| self.set_aside(what))?;
            for lost in &checked.lost {
                if self.told.insert(lost.sent.statement) {
                    (self.listener)(&News::Lost(Box::new(lost.clone())));
                }
            }
            self.checked = checked;
        }
        self.ended = None;
        self.save_state();
        Ok(())
    }

    /// How many entries were seen, by this process or by another with the same folder.
    fn seen_size(&self) -> Result<u64, ReplicaError> {
        let known = self.log.as_ref().map_or(0, Log::size);
        Ok(self.kept()?.map_or(known, |kept| known.max(kept.checkpoint.size)))
    }

    /// What the folder says was seen last.
    fn kept(&self) -> Result<Option<Seen>, ReplicaError> {
        Ok(self.folder.as_ref().map(Folder::load).transpose()?.flatten())
    }

    /// What follows on what this process has seen.
    fn fold(&self) -> Fold {
        self.log.as_ref().map_or_else(|| Fold::new(self.scheme), |log| Fold::on(log, self.scheme))
    }

    /// Replays the entries on disk up to this size.
    async fn replay(
        &self,
        mut fold: Fold,
        entries: &Entries,
        size: u64,
        observer: &mut (dyn Observer + Send),
    ) -> Result<Fold, ReplicaError> {
        let first = fold.tree.size();
        let mut next = first;
        while next < size {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            // The genesis alone: with its keys the signatures of what follows can be verified ahead.
            let most = if next == 0 { 1 } else { BATCH };
            while next < size && batch.len() < most && bytes < BATCH_BYTES {
                let entry = entries.read(next).map_err(ReplicaError::file(entries.directory()))?;
                bytes += entry.len();
                batch.push(entry);
                next += 1;
            }
            fold.push(&batch, observer)?;
            self.step("replaying the log", next - first, size - first);
            tokio::task::yield_now().await;
        }
        Ok(fold)
    }

    /// Takes in what follows from the log below this checkpoint, on top of what was seen before.
    async fn grow(&mut self, head: Head, observer: &mut (dyn Observer + Send)) -> Result<(), ReplicaError> {
        let before = self.log.as_ref();
        let entries = match (before, &self.folder) {
            (Some(seen), _) => Arc::clone(&seen.entries),
            (None, Some(folder)) if !self.afresh => Arc::new(folder.entries()?),
            (None, Some(folder)) => Arc::new(folder.entries_afresh()?),
            (None, None) => {
                let failed = |error| ReplicaError::file(std::env::temp_dir())(error);
                Arc::new(Entries::temporary().map_err(failed)?)
            }
        };
        let empty = Tree::new();
        let tree = self.download(before.map_or(&empty, |seen| &seen.tree), &entries, &head).await?;
        // Nothing of the log is interpreted before the root over all of it fits the checkpoint.
        if tree.root() != head.checkpoint.root {
            let size = head.checkpoint.size;
            let problem =
                format!("the {size} entries of the log do not lead to the root that its checkpoint signs");
            return Err(self.conflict(&head.note, &problem));
        }
        let kept = if self.afresh { self.kept()? } else { None };
        if let Some(kept) = kept.filter(|kept| kept.checkpoint.origin == head.checkpoint.origin) {
            let size = kept.checkpoint.size;
            self.same(&head, size, kept.checkpoint.root, tree.root_at(size)?)?;
            self.compare_entries(size, &tree)?;
        }
        let fold = self.replay(self.fold(), &entries, head.checkpoint.size, observer).await?;
        let Fold { state: Some(state), tree, waypoints, .. } = fold else {
            return Err(ReplicaError::Violation("the log is empty".into()));
        };
        let Head { note, checkpoint } = head;
        let since = self.now();
        let log = Log { state, entries, waypoints, tree, checkpoint, note, since };
        let log = signed_by_its_log(log).map_err(ReplicaError::Violation)?;
        if let Some(folder) = &self.folder {
            if self.afresh {
                folder.replace(&log.entries)?;
                self.compare_state(folder, &log)?;
            }
            folder.save(&log.note)?;
        }
        self.afresh = false;
        self.log = Some(log);
        Ok(())
    }

    fn conflict(&self, note: &Note, problem: &str) -> ReplicaError {
        let evidence = self.folder.as_ref().and_then(|folder| folder.keep_conflict(note).ok());
        ReplicaError::Conflict { problem: problem.into(), evidence }
    }
}

/// The log, if its checkpoint is signed with the key that its own state names.
fn signed_by_its_log(log: Log) -> Result<Log, String> {
    let (origin, key) = log_key(&log.state).map_err(|error| error.to_string())?;
    Checkpoint::open_note(&log.note, &origin, &key).map_err(|error| format!("the log: {error}"))?;
    Ok(log)
}

/// Observes nothing.
fn nobody(_: Option<&State>, _: u64, _: &Entry) {}
