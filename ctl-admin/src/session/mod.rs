//! The log of one scheme, downloaded, verified and replayed: what every command decides on.
//!
//! Verified are, in this order: the checkpoint's signature, that the log continues what this person has seen before,
//! the root over the entries, every entry by the governance rules, and that it contains what this person has receipts
//! for. The scheme's id pins the genesis, and with it everything that follows.

mod another;
mod download;
mod fold;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ctl_core::log::checkpoint::cosignatures;
use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::{Checkpoint, LogKey, Note, Tree, leaf_hash};
use ctl_core::tuf::Root;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::{Basis, Entry};

pub use self::another::Confirmed;
use self::fold::Fold;
pub(crate) use self::fold::{log_key, read_root, witness_keys};
use crate::AdminError;
use crate::cache::{Cache, Seen};
use crate::progress::Progress;
use crate::receipts::{self, Lost, Proof};
use crate::transport::{Bounds, Transport};

/// A log of more entries is refused: the size is the server's word until all are downloaded.
const MAX_ENTRIES: u64 = 1 << 26;
/// How often to look whether a checkpoint covers an entry by now.
const POLL: Duration = Duration::from_millis(250);

/// How a person knows the scheme.
#[derive(Clone, Debug)]
pub enum Trust {
    /// By a root.json of it, of any age.
    Root(PathBuf),
    /// By its id, heard from someone trusted.
    Scheme(Digest),
}

/// Tells the time; tests bring their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Hears of a receipt that the log does not keep, whatever the command was about; tests bring their own.
pub type Alarm = Arc<dyn Fn(&Lost) + Send + Sync>;

/// Says it on standard error.
#[must_use]
pub fn loud() -> Alarm {
    Arc::new(|lost| eprintln!("{}", ctl_core::names::print::lines(&lost.to_string())))
}

/// The system's clock.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    })
}

/// What a session needs.
#[derive(Clone)]
pub struct Options {
    /// Address of the server or mirror, or `file:///` and a directory.
    pub url: String,
    /// How the person knows the scheme.
    pub trust: Trust,
    /// Where to remember what was seen; nothing is remembered without.
    pub cache: Option<PathBuf>,
    /// The time.
    pub clock: Clock,
    /// Whether to show progress.
    pub progress: Progress,
    /// How much a piece of work may download, and how long that may take.
    pub bounds: Bounds,
    /// How long to wait for the proof that something was recorded.
    pub patience: Duration,
    /// Who hears of receipts that the log does not keep.
    pub alarm: Alarm,
    /// What this person has confirmed of a log that began anew.
    pub confirmed: Confirmed,
}

/// How long to wait for a checkpoint: servers publish one within a second, mirrors within half a minute.
pub const PATIENCE: Duration = Duration::from_secs(30);

impl Options {
    /// With the user's cache folder and the system's clock, without progress.
    #[must_use]
    pub fn new(url: impl Into<String>, trust: Trust) -> Self {
        Self {
            url: url.into(),
            trust,
            cache: Some(crate::cache::default_directory()),
            clock: system_clock(),
            progress: Progress::Hidden,
            bounds: Bounds::default(),
            patience: PATIENCE,
            alarm: loud(),
            confirmed: Confirmed::default(),
        }
    }
}

/// The log as verified and replayed.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// What follows from it.
    pub state: State,
    /// The bytes of its entries.
    pub entries: Vec<Arc<[u8]>>,
    /// The tree over them.
    pub tree: Tree,
    /// Its head.
    pub checkpoint: Checkpoint,
    /// The same, signed.
    pub note: Note,
}

impl Replayed {
    /// One entry, parsed.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<Entry> {
        let bytes = self.entries.get(usize::try_from(index).ok()?)?;
        Entry::parse(bytes).ok()
    }

    /// The state at a later moment: votes closed, notices expired.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Cow<'_, State> {
        self.state.at(now.max(self.state.clock))
    }

    /// Where a statement of this identity stands, and its entry.
    #[must_use]
    pub fn find(&self, statement: &Digest) -> Option<(u64, Entry)> {
        if !self.state.is_recorded(statement) {
            return None;
        }
        // What people look for was said lately.
        let entries = (0..self.entries.len() as u64).rev();
        entries
            .filter_map(|index| Some((index, self.entry(index)?)))
            .find(|(_, e)| e.statement.id == *statement)
    }

    /// How the last checkpoint vouches for the log: its size and root, and who cosigned it.
    #[must_use]
    pub fn proof(&self) -> Proof {
        let seen = cosignatures(&self.note, &witness_keys(&self.state));
        Proof {
            size: self.checkpoint.size,
            root_hash: self.checkpoint.root,
            witnesses: seen.into_iter().map(|cosignature| cosignature.name).collect(),
            witnesses_needed: self.state.charter.witnesses.threshold,
        }
    }

    /// What a statement's author names as seen.
    #[must_use]
    pub fn basis(&self) -> Basis {
        Basis { size: self.state.size(), root_hash: self.state.root() }
    }
}

/// One person's view of one scheme.
pub struct Session {
    transport: Transport,
    scheme: Digest,
    pinned: Option<(String, LogKey)>,
    /// The root.json by which this person knows the scheme.
    pinned_root: Option<Root>,
    confirmed: Confirmed,
    /// The last checkpoint seen of a log that ended, until what came of it is told.
    ended: Option<Checkpoint>,
    cache: Option<Cache>,
    clock: Clock,
    progress: Progress,
    patience: Duration,
    alarm: Alarm,
    replayed: Option<Replayed>,
}

/// A checkpoint whose signature holds, and which contradicts nothing seen before.
struct Head {
    note: Note,
    checkpoint: Checkpoint,
}

impl Session {
    /// Prepares a session; nothing is fetched yet.
    ///
    /// # Errors
    /// The root.json cannot be used, or the cache folder cannot be made.
    pub fn open(options: Options) -> Result<Self, AdminError> {
        let (scheme, pinned, pinned_root) = match &options.trust {
            Trust::Scheme(scheme) => (*scheme, None, None),
            Trust::Root(path) => {
                let root = read_root(path)?.signed;
                let trust = root.v2g.clone().ok_or_else(|| {
                    AdminError::input(
                        path.display(),
                        "names no scheme (member v2g): a root.json of another kind",
                    )
                })?;
                let key = trust.log.key.parse().map_err(|e| AdminError::input(path.display(), e))?;
                (trust.scheme, Some((trust.log.origin, key)), Some(root))
            }
        };
        let cache = options.cache.map(|root| Cache::open(&root, &scheme)).transpose()?;
        Ok(Self {
            transport: Transport::new(&options.url)?.with_bounds(options.bounds),
            scheme,
            pinned,
            pinned_root,
            confirmed: options.confirmed,
            ended: None,
            cache,
            clock: options.clock,
            progress: options.progress,
            patience: options.patience,
            alarm: options.alarm,
            replayed: None,
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

    /// This person's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The log as last synced.
    ///
    /// # Errors
    /// [`Session::sync`] has not succeeded yet.
    pub fn replayed(&self) -> Result<&Replayed, AdminError> {
        self.replayed.as_ref().ok_or_else(|| AdminError::NotNow("the log has not been downloaded yet".into()))
    }

    /// Whether progress is shown.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// What this person has seen and sent of the scheme.
    pub(crate) const fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Downloads what is new in the log, verifies and replays it, and holds this person's receipts against it.
    ///
    /// # Errors
    /// Unreachable, or something does not hold: then nothing of it is kept, except a contradicting
    /// checkpoint as evidence.
    pub async fn sync(&mut self) -> Result<&Replayed, AdminError> {
        let lock = self.cache.as_ref().map(Cache::lock).transpose()?;
        let head = self.head().await?;
        if let Some(seen) = self.replayed.as_ref().filter(|seen| head.checkpoint.size < seen.checkpoint.size)
        {
            return Err(AdminError::Untrue(format!(
                "{} shows {} entries of the log; you have seen {}. It is a stale mirror, or takes back what it \
                 showed: ask the server itself, and do not sign anything on this basis",
                self.transport.address("log/checkpoint"),
                head.checkpoint.size,
                seen.checkpoint.size
            )));
        }
        self.take_in(head).await?;
        drop(lock);
        self.replayed()
    }

    /// Waits until a signed checkpoint covers an entry, and verifies and replays the log up to it; false if none
    /// comes in time. The caller has synced before.
    ///
    /// # Errors
    /// Something does not hold.
    pub(crate) async fn reach(&mut self, index: u64) -> Result<bool, AdminError> {
        self.wait_for(|log| log.state.size() > index).await
    }

    /// Waits until the log is as asked; false if it does not become so in time.
    ///
    /// # Errors
    /// Something does not hold. A server that cannot be reached may come back until the time is over.
    pub(crate) async fn wait_for(
        &mut self,
        fulfilled: impl Fn(&Replayed) -> bool,
    ) -> Result<bool, AdminError> {
        let deadline = Instant::now() + self.patience;
        loop {
            if self.replayed.as_ref().is_some_and(&fulfilled) {
                return Ok(true);
            }
            match self.follow().await {
                Ok(()) | Err(AdminError::Network { .. } | AdminError::Refused { .. }) => {}
                Err(other) => return Err(other),
            }
            if self.replayed.as_ref().is_some_and(&fulfilled) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Takes in what is new; a head from before what was seen is only too early.
    async fn follow(&mut self) -> Result<(), AdminError> {
        let _lock = self.cache.as_ref().map(Cache::lock).transpose()?;
        let head = self.head().await?;
        let seen = self.replayed.as_ref().map_or(0, |seen| seen.checkpoint.size);
        if head.checkpoint.size > seen { self.take_in(head).await } else { Ok(()) }
    }

    /// The newest checkpoint, verified before anything else is fetched: its signature, and that what was seen before
    /// does not contradict it as far as both go.
    async fn head(&mut self) -> Result<Head, AdminError> {
        self.transport.begin();
        let bytes = self.transport.fetch("log/checkpoint", MAX_NOTE_BYTES).await?;
        let note = Note::parse(&bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.size == 0 || checkpoint.size > MAX_ENTRIES {
            return Err(AdminError::Untrue(format!("the log claims to have {} entries", checkpoint.size)));
        }
        if self.replayed.is_none() {
            self.replayed = self.remembered()?;
        }
        let (origin, key) = match (&self.replayed, &self.pinned) {
            (Some(seen), _) => log_key(&seen.state)?,
            (None, Some(pinned)) => pinned.clone(),
            (None, None) => self.first_contact(&checkpoint).await?,
        };
        if let Err(error) = Checkpoint::open_note(&note, &origin, &key) {
            self.another_log(&note, error.into()).await?;
        }
        if let Some(seen) = &self.replayed
            && checkpoint.size <= seen.checkpoint.size
            && seen.tree.root_at(checkpoint.size)? != checkpoint.root
        {
            let size = checkpoint.size;
            let problem = format!("its first {size} entries are not those that you have seen");
            return Err(self.conflict(&note, &problem));
        }
        Ok(Head { note, checkpoint })
    }

    async fn take_in(&mut self, head: Head) -> Result<(), AdminError> {
        let replayed = self.grow(head).await?;
        let replayed = self.replayed.insert(replayed);
        if let Some(ended) = self.ended.take() {
            another::tell(&ended, replayed);
        }
        if let Some(cache) = &self.cache {
            let now = (self.clock)();
            receipts::check(cache, replayed, now)?.iter().for_each(|lost| (self.alarm)(lost));
        }
        Ok(())
    }

    /// What was seen before, replayed from the cache.
    fn remembered(&self) -> Result<Option<Replayed>, AdminError> {
        let Some(cache) = &self.cache else { return Ok(None) };
        let Some(seen) = cache.load()? else { return Ok(None) };
        let mut fold = Fold::new(self.scheme);
        let bar = self.progress.bar("replaying the log", seen.checkpoint.size);
        for entry in &seen.entries {
            fold.push(entry).map_err(|e| cache.damaged(e))?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let (Some(state), tree) = (fold.state, fold.tree) else { return Err(cache.damaged("it is empty")) };
        if tree.root() != seen.checkpoint.root {
            return Err(cache.damaged("the entries do not lead to the checkpoint's root"));
        }
        let Seen { note, checkpoint, entries } = seen;
        Ok(Some(Replayed { state, entries, tree, checkpoint, note }))
    }

    /// What follows from the log below this checkpoint, on top of what was seen before.
    async fn grow(&self, head: Head) -> Result<Replayed, AdminError> {
        let Head { note, checkpoint } = head;
        let before = self.replayed.as_ref();
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
        let bar = self.progress.bar("replaying the log", fresh.len() as u64);
        for entry in &fresh {
            fold.push(entry).map_err(AdminError::Untrue)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let Some(state) = fold.state else { return Err(AdminError::Untrue("the log is empty".into())) };
        let (origin, key) = log_key(&state)?;
        Checkpoint::open_note(&note, &origin, &key)?;
        entries.extend(fresh);
        if let Some(cache) = &self.cache {
            cache.save(&note, &entries, kept)?;
        }
        Ok(Replayed { state, entries, tree: fold.tree, checkpoint, note })
    }

    fn conflict(&self, note: &Note, problem: &str) -> AdminError {
        let kept = self.cache.as_ref().and_then(|cache| cache.keep_conflict(note).ok());
        let kept =
            kept.map(|path| format!(" The signed checkpoint is kept as evidence: {}.", path.display()));
        AdminError::Untrue(format!(
            "the log was rewritten: {problem}.{} Do not sign anything; show it to the board",
            kept.unwrap_or_default()
        ))
    }
}
