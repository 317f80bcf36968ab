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

use std::time::{Duration, Instant};

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::{Checkpoint, LogKey, Note, leaf_hash};
use ctl_core::tuf::Root;
use ctl_core::{Digest, Timestamp};

use self::fold::Fold;
pub use self::fold::{log_key, read_root};
pub use self::log::Log;
pub use self::options::{
    Clock, Confirmed, Listener, News, Options, PATIENCE, Progress, Step, Trust, silence, system_clock,
};
use crate::folder::{Folder, Seen};
use crate::{ReplicaError, Transport, receipts};

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
    log: Option<Log>,
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
            transport: Transport::new(&options.url)?.with_bounds(options.bounds),
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
            log: None,
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

    /// Tells whoever listens how far a long piece of work has come.
    pub fn step(&self, what: &'static str, done: u64, of: u64) {
        (self.progress)(Step { what, done, of, bytes: self.transport.downloaded() });
    }

    /// Where what was seen and sent of the scheme is remembered.
    pub(crate) const fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
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
        let lock = self.folder.as_ref().map(Folder::lock).transpose()?;
        let head = self.head().await?;
        let (shown, seen) = (head.checkpoint.size, self.log.as_ref().map_or(0, Log::size));
        if shown < seen {
            let address = self.transport.address("log/checkpoint");
            return Err(ReplicaError::Rollback { address, shown, seen });
        }
        self.take_in(head).await?;
        drop(lock);
        self.log()
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
        let head = self.head().await?;
        let seen = self.log.as_ref().map_or(0, Log::size);
        if head.checkpoint.size > seen { self.take_in(head).await } else { Ok(()) }
    }

    /// The newest checkpoint, verified before anything else is fetched: its signature, and that what was seen before
    /// does not contradict it as far as both go.
    async fn head(&mut self) -> Result<Head, ReplicaError> {
        self.transport.begin();
        let bytes = self.transport.fetch("log/checkpoint", MAX_NOTE_BYTES).await?;
        let note = Note::parse(&bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.size == 0 || checkpoint.size > MAX_ENTRIES {
            return Err(ReplicaError::Violation(format!(
                "the log claims to have {} entries",
                checkpoint.size
            )));
        }
        if self.log.is_none() {
            self.log = self.remembered()?;
        }
        let (origin, key) = match (&self.log, &self.pinned) {
            (Some(seen), _) => log_key(&seen.state)?,
            (None, Some(pinned)) => pinned.clone(),
            (None, None) => self.first_contact(&checkpoint).await?,
        };
        if let Err(error) = Checkpoint::open_note(&note, &origin, &key) {
            self.another_log(&note, error.into()).await?;
        }
        if let Some(seen) = &self.log
            && checkpoint.size <= seen.checkpoint.size
            && seen.tree.root_at(checkpoint.size)? != checkpoint.root
        {
            let size = checkpoint.size;
            let problem = format!("its first {size} entries are not those that you have seen");
            return Err(self.conflict(&note, &problem));
        }
        Ok(Head { note, checkpoint })
    }

    async fn take_in(&mut self, head: Head) -> Result<(), ReplicaError> {
        let log = self.grow(head).await?;
        let log = self.log.insert(log);
        if let Some(ended) = self.ended.take() {
            let kept = log.root_at(ended.size).is_ok_and(|root| root == ended.root);
            (self.listener)(&News::BegunAnew { origin: log.checkpoint.origin.clone(), kept });
        }
        if let Some(folder) = &self.folder {
            for lost in receipts::check(folder, log, (self.clock)())? {
                (self.listener)(&News::Lost(Box::new(lost)));
            }
        }
        Ok(())
    }

    /// What was seen before, replayed from the folder.
    fn remembered(&self) -> Result<Option<Log>, ReplicaError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let Some(seen) = folder.load()? else { return Ok(None) };
        let mut fold = Fold::new(self.scheme);
        for (done, entry) in (1..).zip(&seen.entries) {
            fold.push(entry).map_err(|e| folder.damaged(e))?;
            self.step("replaying the log", done, seen.checkpoint.size);
        }
        let (Some(state), tree) = (fold.state, fold.tree) else { return Err(folder.damaged("it is empty")) };
        if tree.root() != seen.checkpoint.root {
            return Err(folder.damaged("the entries do not lead to the checkpoint's root"));
        }
        let Seen { note, checkpoint, entries, since } = seen;
        Ok(Some(Log { state, entries, tree, checkpoint, note, since }))
    }

    /// What follows from the log below this checkpoint, on top of what was seen before.
    async fn grow(&self, head: Head) -> Result<Log, ReplicaError> {
        let Head { note, checkpoint } = head;
        let before = self.log.as_ref();
        let fresh = self.download(before, &note, &checkpoint).await?;
        let mut fold = Fold::new(self.scheme);
        let mut entries = Vec::new();
        if let Some(seen) = before {
            (fold.state, fold.tree) = (Some(seen.state.clone()), seen.tree.clone());
            entries.clone_from(&seen.entries);
        }
        let kept = entries.len();
        // Nothing of the log is interpreted before the root over all of it fits the checkpoint.
        let mut tree = fold.tree.clone();
        fresh.iter().for_each(|entry| tree.push(leaf_hash(entry)));
        if tree.root() != checkpoint.root {
            return Err(self.conflict(
                &note,
                &format!(
                    "the {} entries of the log do not lead to the root that its checkpoint signs",
                    checkpoint.size
                ),
            ));
        }
        for (done, entry) in (1..).zip(&fresh) {
            fold.push(entry).map_err(ReplicaError::Violation)?;
            self.step("replaying the log", done, fresh.len() as u64);
        }
        let Some(state) = fold.state else { return Err(ReplicaError::Violation("the log is empty".into())) };
        let (origin, key) = log_key(&state)?;
        Checkpoint::open_note(&note, &origin, &key)?;
        entries.extend(fresh);
        if let Some(folder) = &self.folder {
            folder.save(&note, &entries, kept)?;
        }
        let since = match before {
            Some(seen) if seen.checkpoint == checkpoint => seen.since,
            _ => self.now(),
        };
        Ok(Log { state, entries, tree: fold.tree, checkpoint, note, since })
    }

    fn conflict(&self, note: &Note, problem: &str) -> ReplicaError {
        let evidence = self.folder.as_ref().and_then(|folder| folder.keep_conflict(note).ok());
        ReplicaError::Conflict { problem: problem.into(), evidence }
    }
}
