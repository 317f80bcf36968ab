//! The store on sled.
//!
//! sled is beta software, so little is asked of it: one tree, each key written once (its files grow when keys are
//! overwritten), one atomic batch per append, and nothing believed on reading. Each entry is stored after its leaf
//! hash, so a damaged one is known by its index. The last checkpoint is also in a plain file outside sled (see
//! [`super::head`]), so lost entries are noticed.
//!
//! Keys: `e` and the index, big-endian, for entries; `c` and the size for the checkpoint; `k` and the name for stored
//! values.

use std::fs::File;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use ctl_core::Digest;
use ctl_core::log::leaf_hash;
use ctl_host::files;
use sled::{Batch, Db, Mode};

use super::store::{Store, StoreError};

/// sled's cache. Readers hardly use it, because publications are prepared in memory.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// How long to wait for a lock on the database: a process may just be ending, and sled's threads release the lock a
/// little after the last handle is dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// The pause between attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The free space that is required before a failed database is closed and opened again: two of sled's segments.
const ROOM_BYTES: usize = 1024 * 1024;

/// The ledger in a sled database.
#[derive(Debug)]
pub struct SledStore {
    directory: PathBuf,
    /// None while it has failed and could not be reopened.
    opened: RwLock<Option<Opened>>,
    size: AtomicU64,
}

#[derive(Debug)]
struct Opened {
    db: Db,
    /// sled only asks the kernel to write (`sync_file_range`), which does not flush a disk's own cache; this handle
    /// does.
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
            // On some damage sled panics instead of returning an error.
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
    /// Opens or creates the database in this directory. Blocks for up to three seconds while another process has it
    /// open.
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

    /// Whether there are space and descriptors to open a database. Checked before a database is closed that cannot be
    /// written but still be read.
    fn check_space(&self) -> std::io::Result<()> {
        let probe = self.directory.with_extension("probe");
        let tried = (|| {
            let mut file = File::create(&probe)?;
            file.write_all(&vec![0; ROOM_BYTES])?;
            file.sync_all()
        })();
        // If this fails, the file is overwritten next time.
        let _ = std::fs::remove_file(&probe);
        tried
    }
}

/// Removes snapshots that sled was writing when its process was killed: sled takes such a file for its newest snapshot,
/// cannot read it, and reports damage. The last complete one is there until the next is.
fn remove_unfinished(directory: &Path) -> Result<(), StoreError> {
    let file = match File::open(directory.join("db")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // sled holds this lock too, so nobody is writing a snapshot now.
    let _lock = files::locked(file)?.ok_or(StoreError::Locked)?;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b"snap.") && name.ends_with(b".generating") {
            tracing::info!(file = %path.display(), "removing an unfinished snapshot");
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Calls sled; a panic counts as damage.
fn careful<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|_| StoreError::Damaged("it cannot be read".into()))?
        .map_err(error)
}

fn error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(io) if io.kind() == std::io::ErrorKind::WouldBlock => StoreError::Locked,
        // sled wraps the failed lock in another kind of error.
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
            let name = name.ok_or_else(|| StoreError::Damaged("a stored value has no name".into()))?;
            Ok((name.to_owned(), value.to_vec()))
        });
        named.collect()
    }

    fn bytes_on_disk(&self) -> Result<u64, StoreError> {
        self.with(|opened| careful(|| opened.db.size_on_disk()))
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.check_space()?;
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let failed = opened.take();
        // A failed database may panic once more when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(failed)));
        let (again, size) = Opened::open(&self.directory)?;
        self.size.store(size, Ordering::Release);
        *opened = Some(again);
        Ok(())
    }
}
