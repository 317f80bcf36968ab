//! One sled database of the store. The store has several, one for each stretch of time: sled's files grow under
//! overwriting and do not shrink under removal, so keys of observations and hours are written once (an hour again
//! only where the clock was set back), and what is too old goes with its whole database. Only `state/` is
//! overwritten: it has a key for each target and each incident that is open or new, which change seldom, and stays
//! small.

use std::fs::File;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sled::{Batch, Db, Mode};

use super::error::StoreError;

/// sled's cache for one database: they are written in order and read seldom.
const CACHE_BYTES: u64 = 2 * 1024 * 1024;
/// How long an opening waits for threads of sled that still hold the lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// Between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// One database.
#[derive(Debug)]
pub(super) struct Cell {
    db: Db,
    file: File,
}

/// Runs a call of sled, whose panics are damage too.
fn careful<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| StoreError::damaged("it cannot be read"))?.map_err(error)
}

fn error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(io) if io.kind() == std::io::ErrorKind::WouldBlock => StoreError::Locked,
        // sled wraps the failure to lock into another kind.
        sled::Error::Io(io) if io.to_string().contains("could not acquire lock") => StoreError::Locked,
        sled::Error::Io(io) => StoreError::Io(io),
        other => StoreError::damaged(other),
    }
}

impl Cell {
    /// Opens the database in this directory, or makes one.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(CACHE_BYTES)
            .mode(Mode::LowSpace)
            .flush_every_ms(None);
        let deadline = Instant::now() + LOCK_PATIENCE;
        let db = loop {
            match careful(|| config.open()) {
                Err(StoreError::Locked) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
                opened => break opened?,
            }
        };
        let file = File::open(directory.join("db"))?;
        Ok(Self { db, file })
    }

    /// Writes all or nothing; on the disk when this returns.
    pub(super) fn put(
        &self,
        pairs: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (key, value) in pairs {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        careful(|| self.db.apply_batch(batch))?;
        careful(|| self.db.flush())?;
        Ok(self.file.sync_data()?)
    }

    /// The pairs whose keys lie in a range, in their order, until `each` says no.
    pub(super) fn scan(
        &self,
        range: RangeInclusive<Vec<u8>>,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut pairs = self.db.range(range);
        while let Some((key, value)) = careful(|| pairs.next().transpose())? {
            if !each(&key, &value)? {
                break;
            }
        }
        Ok(())
    }

    /// The last key that begins with this.
    pub(super) fn last(&self, prefix: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let last = careful(|| self.db.scan_prefix(prefix).next_back().transpose())?;
        Ok(last.map(|(key, _)| key.to_vec()))
    }

    /// The last key in a range.
    pub(super) fn last_within(&self, range: RangeInclusive<Vec<u8>>) -> Result<Option<Vec<u8>>, StoreError> {
        let last = careful(|| self.db.range(range).next_back().transpose())?;
        Ok(last.map(|(key, _)| key.to_vec()))
    }
}

/// Bytes that the files below a directory take, and no error for one that has just gone.
pub(super) fn bytes_below(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Puts a damaged directory aside, under a name that nothing reads.
pub(super) fn set_aside(directory: &Path) -> Result<PathBuf, StoreError> {
    let mut number = 1_u32;
    loop {
        let mut aside = directory.as_os_str().to_owned();
        aside.push(format!(".damaged-{number}"));
        let aside = PathBuf::from(aside);
        if !aside.exists() {
            std::fs::rename(directory, &aside)?;
            return Ok(aside);
        }
        number = number.saturating_add(1);
    }
}
