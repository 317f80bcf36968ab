//! The log of one scheme, downloaded, verified and replayed: what every command decides on.
//!
//! Verified are: the checkpoint's signature, the root over the entries, that the log continues what this
//! person has seen before, and every entry by the governance rules. The scheme's id pins the genesis, and
//! with it everything that follows.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ctl_core::governance::{self, State};
use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::tile::{FULL_WIDTH, MAX_BUNDLE_BYTES};
use ctl_core::log::{BundleId, Checkpoint, LogKey, Note, Tree, leaf_hash};
use ctl_core::statement::{Basis, Entry};
use ctl_core::tuf::{Limits, Root, Signed, verify};
use ctl_core::{Digest, PublicKey, Timestamp};

use crate::cache::{Cache, Seen};
use crate::progress::Progress;
use crate::transport::Transport;
use crate::{AdminError, files};

/// A log of more entries is refused: the size is the server's word until all are downloaded.
const MAX_ENTRIES: u64 = 1 << 26;

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
}

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
    cache: Option<Cache>,
    clock: Clock,
    progress: Progress,
    replayed: Option<Replayed>,
}

impl Session {
    /// Prepares a session; nothing is fetched yet.
    ///
    /// # Errors
    /// The root.json cannot be used, or the cache folder cannot be made.
    pub fn open(options: Options) -> Result<Self, AdminError> {
        let (scheme, pinned) = match &options.trust {
            Trust::Scheme(scheme) => (*scheme, None),
            Trust::Root(path) => {
                let trust = read_root(path)?.signed.v2g.ok_or_else(|| {
                    AdminError::input(
                        path.display(),
                        "names no scheme (member v2g): a root.json of another kind",
                    )
                })?;
                let key = trust.log.key.parse().map_err(|e| AdminError::input(path.display(), e))?;
                (trust.scheme, Some((trust.log.origin, key)))
            }
        };
        let cache = options.cache.map(|root| Cache::open(&root, &scheme)).transpose()?;
        Ok(Self {
            transport: Transport::new(&options.url)?,
            scheme,
            pinned,
            cache,
            clock: options.clock,
            progress: options.progress,
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

    /// Downloads what is new in the log, verifies and replays it.
    ///
    /// # Errors
    /// Unreachable, or something does not hold: then nothing of it is kept, except a contradicting
    /// checkpoint as evidence.
    pub async fn sync(&mut self) -> Result<&Replayed, AdminError> {
        let lock = self.cache.as_ref().map(Cache::lock).transpose()?;
        let bytes = self.transport.fetch("log/checkpoint", MAX_NOTE_BYTES).await?;
        let note = Note::parse(&bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.size == 0 || checkpoint.size > MAX_ENTRIES {
            return Err(AdminError::Untrue(format!("the log claims to have {} entries", checkpoint.size)));
        }
        if self.replayed.is_none() {
            self.replayed = self.remembered()?;
        }
        let replayed = self.grow(note, checkpoint).await?;
        drop(lock);
        Ok(self.replayed.insert(replayed))
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
    async fn grow(&self, note: Note, checkpoint: Checkpoint) -> Result<Replayed, AdminError> {
        let before = self.replayed.as_ref();
        if let Some(seen) = before {
            // The log's key is known: it vouches for the size before anything is downloaded.
            let (origin, key) = log_key(&seen.state)?;
            Checkpoint::open_note(&note, &origin, &key)?;
            self.compare(seen, &note, &checkpoint)?;
        } else if let Some((origin, key)) = &self.pinned {
            Checkpoint::open_note(&note, origin, key)?;
        }
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

    /// Compares a checkpoint with what was seen before.
    fn compare(&self, seen: &Replayed, note: &Note, new: &Checkpoint) -> Result<(), AdminError> {
        let (old, size) = (&seen.checkpoint, new.size);
        if size > old.size {
            return Ok(());
        }
        if seen.tree.root_at(size)? != new.root {
            let problem = format!("its first {size} entries are not those that you have seen");
            return Err(self.conflict(note, &problem));
        }
        if size < old.size {
            return Err(AdminError::Untrue(format!(
                "{} shows {size} entries of the log; you have seen {}. It is a stale mirror, or takes back \
                 what it showed: ask the server itself, and do not sign anything on this basis",
                self.transport.address("log/checkpoint"),
                old.size
            )));
        }
        Ok(())
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

    /// The entries behind those seen before. What a bundle repeats of them must be the same.
    async fn download(
        &self,
        before: Option<&Replayed>,
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Arc<[u8]>>, AdminError> {
        let seen = before.map_or(&[][..], |seen| &seen.entries);
        let mut fresh = Vec::new();
        let bundles = BundleId::added(seen.len() as u64, checkpoint.size);
        let bar = self.progress.bar("downloading the log", bundles.len() as u64 * u64::from(FULL_WIDTH));
        for bundle in bundles {
            let path = format!("log/{}", bundle.path());
            let bytes = match self.transport.get(&path, MAX_BUNDLE_BYTES).await? {
                Some(bytes) => bytes,
                None => self.wider(bundle).await?,
            };
            let entries = match bundle.decode(&bytes) {
                Ok(entries) => entries,
                // A log may have deleted the partial bundle once the full one exists.
                Err(_) => BundleId { width: FULL_WIDTH, ..bundle }.decode(&bytes)?,
            };
            for (index, entry) in bundle.entries().zip(entries) {
                match usize::try_from(index).ok().and_then(|index| seen.get(index)) {
                    Some(known) if **known != *entry => {
                        let problem = format!("entry {index} is not the one that you have seen");
                        return Err(self.conflict(note, &problem));
                    }
                    Some(_) => {}
                    None => fresh.push(entry.into()),
                }
            }
            bar.inc(u64::from(bundle.width));
        }
        bar.finish_and_clear();
        Ok(fresh)
    }

    async fn wider(&self, bundle: BundleId) -> Result<Vec<u8>, AdminError> {
        let full = BundleId { width: FULL_WIDTH, ..bundle };
        self.transport.fetch(&format!("log/{}", full.path()), MAX_BUNDLE_BYTES).await
    }
}

/// The log's name and key: the same for its whole life.
pub(crate) fn log_key(state: &State) -> Result<(String, LogKey), AdminError> {
    let server = &state.charter.server;
    let PublicKey::Ed25519(key) = &server.log else {
        return Err(AdminError::Untrue("the charter names a log key that is not Ed25519".into()));
    };
    let origin = server.log_origin.to_string();
    Ok((origin.clone(), LogKey::new(origin, *key)?))
}

/// Entries becoming a state, one by one.
struct Fold {
    scheme: Digest,
    state: Option<State>,
    tree: Tree,
}

impl Fold {
    fn new(scheme: Digest) -> Self {
        Self { scheme, state: None, tree: Tree::new() }
    }

    /// Checks and applies one entry; the error says which, and why it may not stand there.
    fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        let index = self.tree.size();
        let refused = |problem: &dyn std::fmt::Display| {
            format!(
                "entry {index} of the log may not stand there: {problem}. The server recorded what the rules \
                     refuse, or a newer release of this program is needed"
            )
        };
        let entry = Entry::parse(bytes).map_err(|e| refused(&e))?;
        match &mut self.state {
            None => {
                if entry.statement.id != self.scheme {
                    return Err(format!(
                        "this is the log of scheme {}, not of {}: another address or another root.json is meant",
                        entry.statement.id, self.scheme
                    ));
                }
                self.state = Some(governance::genesis(&entry).map_err(|e| refused(&e))?);
            }
            Some(state) => {
                governance::check(state, &entry.statement, entry.recorded_at).map_err(|e| refused(&e))?;
                state.apply(&entry);
            }
        }
        self.tree.push(entry.leaf_hash);
        Ok(())
    }
}

/// Reads and verifies a root.json.
pub(crate) fn read_root(path: &Path) -> Result<Signed<Root>, AdminError> {
    let limits = Limits::default();
    verify::trusted_root(&files::read(path, limits.root)?, &limits)
        .map_err(|e| AdminError::input(path.display(), e))
}
