//! The store on sled.
//!
//! sled is beta software, so little is asked of it: one tree, each key written once (its files grow
//! under overwriting), one atomic batch for each append, and nothing believed on reading. Each entry is
//! stored after its leaf hash, so a damaged one is known by its index; the last checkpoint also stands
//! in a plain file outside sled (see [`super::head`]), so entries that sled loses are missed.
//!
//! Keys: `e` and the index, big-endian, for entries; `c` and the size for the checkpoint; `k` and the
//! name for kept values.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use ctl_core::Digest;
use ctl_core::log::leaf_hash;
use sled::{Batch, Db, Mode};

use super::store::{Store, StoreError};

/// sled's cache; the ledger's readers hardly use it, since publications are prepared in memory.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// How long an opening waits for whoever has the database open: a process that is just ending, or threads
/// of sled in this one, which let go of the lock a little after the last handle is dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// Between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// So much room there must be before a database that failed is let go and opened again: two of sled's segments.
const ROOM_BYTES: usize = 1024 * 1024;

/// The ledger in a sled database.
#[derive(Debug)]
pub struct SledStore {
    directory: PathBuf,
    /// None while it failed and could not be opened again.
    opened: RwLock<Option<Opened>>,
    size: AtomicU64,
}

#[derive(Debug)]
struct Opened {
    db: Db,
    /// sled asks the kernel to write (`sync_file_range`), which a disk's own cache may outlive; this
    /// handle asks for more.
    file: File,
}

impl Opened {
    fn open(directory: &Path) -> Result<(Self, u64), StoreError> {
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(CACHE_BYTES)
            .mode(Mode::LowSpace)
            .flush_every_ms(None);
        let deadline = Instant::now() + LOCK_PATIENCE;
        let db = loop {
            // On some damage sled panics instead of reporting it.
            let opened = remove_unfinished(directory).and_then(|()| {
                catch_unwind(AssertUnwindSafe(|| config.open()))
                    .map_err(|_| StoreError::Damaged("it cannot be opened".into()))?
                    .map_err(error)
            });
            match opened {
                Err(StoreError::Locked) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
                opened => break opened?,
            }
        };
        let file = File::open(directory.join("db"))?;
        let last = careful(|| db.scan_prefix(b"e").next_back().transpose())?;
        let size = match last {
            Some((key, _)) => number(&key)?.saturating_add(1),
            None => 0,
        };
        Ok((Self { db, file }, size))
    }

    fn flush(&self) -> Result<(), StoreError> {
        careful(|| self.db.flush())?;
        Ok(self.file.sync_all()?)
    }
}

impl SledStore {
    /// Opens the database in this directory, or makes one. Blocks for up to three seconds while another
    /// has it open.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Damaged`] or [`StoreError::Failed`].
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let (opened, size) = Opened::open(directory)?;
        let (directory, opened) = (directory.to_owned(), RwLock::new(Some(opened)));
        Ok(Self { directory, opened, size: AtomicU64::new(size) })
    }

    fn with<T>(&self, call: impl FnOnce(&Opened) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || std::io::Error::other("it failed and could not be opened again yet");
        call(opened.as_ref().ok_or_else(closed)?)
    }

    /// Whether there are room and descriptors for a database to be opened. Asked before one is let go
    /// that failed to write and can still be read.
    fn room(&self) -> std::io::Result<()> {
        let probe = self.directory.with_extension("probe");
        let tried = (|| {
            let mut file = File::create(&probe)?;
            file.write_all(&vec![0; ROOM_BYTES])?;
            file.sync_all()
        })();
        // Best effort: it is written over the next time.
        let _ = std::fs::remove_file(&probe);
        tried
    }
}

/// Removes the snapshots that sled was writing when its process was killed: it takes such a file for its newest
/// snapshot, cannot read it, and calls the database damaged. The last whole one is there until the next is.
fn remove_unfinished(directory: &Path) -> Result<(), StoreError> {
    let lock = match File::open(directory.join("db")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // Sled holds this lock too: whoever has it knows that nobody is writing one.
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b"snap.") && name.ends_with(b".generating") {
            tracing::info!(file = %path.display(), "removing a snapshot that was never finished");
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Runs a call of sled, whose panics are damage too.
fn careful<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|_| StoreError::Damaged("it cannot be read".into()))?
        .map_err(error)
}

fn error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(io) if io.kind() == std::io::ErrorKind::WouldBlock => StoreError::Locked,
        // sled wraps the failure to lock into another kind.
        sled::Error::Io(io) if io.to_string().contains("could not acquire lock") => StoreError::Locked,
        sled::Error::Io(io) => StoreError::Failed(io),
        other => StoreError::Damaged(other.to_string()),
    }
}

fn key(kind: u8, number: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn number(key: &[u8]) -> Result<u64, StoreError> {
    let number = key.get(1..).and_then(|number| number.try_into().ok());
    number
        .map(u64::from_be_bytes)
        .ok_or_else(|| StoreError::Damaged(format!("it has the key {}", hex::encode(key))))
}

fn name_key(name: &str) -> Vec<u8> {
    [b"k", name.as_bytes()].concat()
}

impl Store for SledStore {
    fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(value) = self.with(|opened| careful(|| opened.db.get(key(b'e', index))))? else {
            return if index < self.size() {
                Err(StoreError::DamagedEntry { index, why: "it is missing".into() })
            } else {
                Ok(None)
            };
        };
        let (hash, entry) = value.split_first_chunk::<32>().ok_or_else(|| StoreError::DamagedEntry {
            index,
            why: format!("only {} bytes are left of it", value.len()),
        })?;
        if leaf_hash(entry) != Digest::from_bytes(*hash) {
            let why = "its bytes do not have the hash that was stored with them".into();
            return Err(StoreError::DamagedEntry { index, why });
        }
        Ok(Some(entry.to_vec()))
    }

    fn append(&self, first: u64, entries: &[Vec<u8>], checkpoint: Option<&[u8]>) -> Result<(), StoreError> {
        let size = self.size();
        if first != size {
            return Err(StoreError::OutOfOrder { offered: first, size });
        }
        let mut batch = Batch::default();
        let mut next = first;
        for entry in entries {
            let value = [leaf_hash(entry).as_bytes(), entry.as_slice()].concat();
            batch.insert(&key(b'e', next), value);
            next += 1;
        }
        if let Some(checkpoint) = checkpoint {
            batch.remove(&key(b'c', first));
            batch.insert(&key(b'c', next), checkpoint);
        }
        self.with(|opened| {
            careful(|| opened.db.apply_batch(batch))?;
            opened.flush()
        })?;
        self.size.store(next, Ordering::Release);
        Ok(())
    }

    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.with(|opened| careful(|| opened.db.get(key(b'c', self.size()))))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        self.with(|opened| {
            match value {
                Some(value) => careful(|| opened.db.insert(name_key(name), value))?,
                None => careful(|| opened.db.remove(name_key(name)))?,
            };
            opened.flush()
        })
    }

    fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.with(|opened| careful(|| opened.db.get(name_key(name))))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn kept_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let all = self.with(|opened| {
            careful(|| opened.db.scan_prefix(name_key(prefix)).collect::<sled::Result<Vec<_>>>())
        })?;
        let named = all.into_iter().map(|(key, value)| {
            let name = key.get(1..).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or_else(|| StoreError::Damaged("a kept value has no name".into()))?;
            Ok((name.to_owned(), value.to_vec()))
        });
        named.collect()
    }

    fn bytes_on_disk(&self) -> Result<u64, StoreError> {
        self.with(|opened| careful(|| opened.db.size_on_disk()))
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.room()?;
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let failed = opened.take();
        // A database that failed may panic once more when it is let go.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(failed)));
        let (again, size) = Opened::open(&self.directory)?;
        self.size.store(size, Ordering::Release);
        *opened = Some(again);
        Ok(())
    }
}
