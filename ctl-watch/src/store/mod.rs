//! The history of the watch: one SQLite database, separate from the ledger and never needed by it. It holds all targets
//! ever watched, their counts by hour, incidents, evidence, and the memories of probes.
//!
//! A damaged database is moved aside, with an error in the log, and a new one begun.

mod counts;
mod error;
mod evidence;
mod incidents;
mod sources;
#[cfg(test)]
mod tests;
mod tidy;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_host::files;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::de::DeserializeOwned;

use super::changes::{Changes, Kept};
use super::config::Watch;
use super::description::Description;
pub use error::StoreError;
pub use incidents::Row;

/// The format of the database.
const SCHEMA_VERSION: i64 = 2;
/// The database file.
const FILE: &str = "watch.db";
/// The name of a damaged database, before the time.
const DAMAGED: &str = "watch.db.damaged-";

/// What SQLite appends to the database's name for its other files.
const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// The settings of every connection. Every commit is synchronised (`FULL`): there is one in ten seconds, and the ledger
/// relies on what was written. Pages freed by a deletion go back to the file system.
const SETTINGS: &str = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 4194304; PRAGMA temp_store = MEMORY;";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long hours, incidents and evidence are kept.
    pub rollups: Duration,
    /// Bytes on the disk for everything together.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        // As long as the configuration has it where nothing is said.
        let Watch { rollups, max_bytes, .. } = Watch::default();
        Self { rollups, max_bytes: max_bytes.get() }
    }
}

/// The history. Every method blocks on the disk.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    retention: Retention,
    connection: Mutex<Connection>,
    /// How often a damaged database was replaced since the store was opened.
    replaced: AtomicU64,
    /// Whether evidence and memories are refused for lack of space.
    full: AtomicBool,
    /// Keeps other processes out.
    _lock: files::Lock,
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Connects to the database in this file; creates it if there is none.
fn connect(file: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(file)?;
    connection.execute_batch(SETTINGS)?;
    let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if check != "ok" {
        return Err(StoreError::damaged(check));
    }
    match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            let transaction = connection.transaction()?;
            transaction.execute_batch(include_str!("schema.sql"))?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        SCHEMA_VERSION => {}
        other => return Err(StoreError::Version(other)),
    }
    Ok(connection)
}

/// Moves a damaged database aside, under a name with the time.
fn set_aside(directory: &Path, why: &str) -> Result<(), StoreError> {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    // If there are several in one second, the last one stays.
    let aside = directory.join(format!("{DAMAGED}{now}"));
    std::fs::rename(directory.join(FILE), &aside)?;
    for part in SIDE_FILES {
        // There may be none.
        let _ = std::fs::rename(
            directory.join(format!("{FILE}{part}")),
            directory.join(format!("{DAMAGED}{now}{part}")),
        );
    }
    tracing::error!(why, aside = %aside.display(), "the history is damaged; it is moved aside and a new one begun");
    Ok(())
}

/// Reads JSON from a column. If that fails, the row is left out, with an error in the log.
fn readable<T: DeserializeOwned>(what: &str, json: &str) -> Option<T> {
    let read = serde_json::from_str(json);
    read.inspect_err(|error| tracing::error!(%error, what, "a row of the history is damaged; it is left out"))
        .ok()
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::damaged)
}

impl Store {
    /// Opens or creates the database in this directory, and checks all of it. A damaged one is moved aside.
    ///
    /// # Errors
    /// [`StoreError`] if the disk fails, another process has the database open, or another release wrote it.
    pub fn open(directory: &Path, retention: Retention) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)?;
        let lock = files::locked(File::create(directory.join("watch.lock"))?)?.ok_or(StoreError::Locked)?;
        let file = directory.join(FILE);
        let connection = match connect(&file) {
            Err(StoreError::Damaged(why)) => {
                set_aside(directory, &why)?;
                connect(&file)?
            }
            connected => connected?,
        };
        Ok(Self {
            directory: directory.to_owned(),
            retention,
            connection: Mutex::new(connection),
            replaced: AtomicU64::new(0),
            full: AtomicBool::new(false),
            _lock: lock,
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the database. If it turns out to be damaged, it is moved aside and a new one begun.
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let done = work(&mut connection);
        if let Err(StoreError::Damaged(why)) = &done {
            // The damaged database must be closed before another takes its name.
            *connection = Connection::open_in_memory()?;
            set_aside(&self.directory, why)?;
            *connection = connect(&self.directory.join(FILE))?;
            self.replaced.fetch_add(1, Ordering::Relaxed);
        }
        done
    }

    /// How often a damaged database was replaced by an empty one since the store was opened. Who holds in memory what
    /// belongs in it must write it again.
    #[must_use]
    pub fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// The damaged databases that were moved aside and are still there, oldest first.
    #[must_use]
    pub fn damaged(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries
            .filter(|entry| {
                let name = entry.file_name();
                let since = name.to_str().and_then(|name| name.strip_prefix(DAMAGED));
                since.is_some_and(|since| since.bytes().all(|byte| byte.is_ascii_digit()))
            })
            .map(|entry| entry.path())
            .collect();
        found.sort();
        found
    }

    /// Locks the database, as a slow disk would.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Sized + '_ {
        self.connection()
    }

    /// Treats the database as damaged.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        self.with(|_| Err::<(), _>(StoreError::damaged("as the test says"))).unwrap_err();
    }

    /// Refuses to write, as a full disk would, or stops refusing.
    #[cfg(test)]
    pub(crate) fn refuse(&self, refuses: bool) {
        self.connection().pragma_update(None, "query_only", refuses).unwrap();
    }

    /// What the state machine starts with: `recent` from this slot on, all open incidents, and at most `past` closed
    /// ones: breaches that ended since a moment in Unix milliseconds, then the newest.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn kept(&self, since_slot: i64, past: usize, breaches_since_ms: i64) -> Result<Kept, StoreError> {
        self.with(|connection| {
            let mut kept = Kept::default();
            let mut statement =
                connection.prepare("SELECT number, description FROM targets ORDER BY number")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                kept.next_target = row.get::<_, u32>(0)?.saturating_add(1);
                kept.targets.extend(readable::<Description>(
                    "targets",
                    row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?,
                ));
            }
            let mut statement = connection.prepare("SELECT target, at_ms FROM last_probes")?;
            let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            kept.last_probes = all.collect::<Result<_, _>>()?;
            let mut statement = connection
                .prepare("SELECT slot, target, bad, valid FROM recent WHERE slot >= ?1 ORDER BY slot")?;
            let all = statement
                .query_map([since_slot], |row| Ok((row.get(0)?, row.get(1)?, (row.get(2)?, row.get(3)?))))?;
            kept.recent = all.collect::<Result<_, _>>()?;
            kept.incidents = incidents::at_hand(connection, past, breaches_since_ms)?;
            kept.next_incident = incidents::next_number(connection)?;
            Ok(kept)
        })
    }

    /// Writes changes, all or nothing; they are on the disk when this returns. Counts are added to those of their hour.
    /// Evidence is written separately: [`Store::put_evidence`].
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn write(&self, changes: &Changes) -> Result<(), StoreError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            write(&transaction, changes)?;
            Ok(transaction.commit()?)
        })
    }

    /// How long a closed incident is kept, in milliseconds.
    #[must_use]
    pub fn incident_life_ms(&self) -> i64 {
        i64::try_from(self.retention.rollups.as_millis()).unwrap_or(i64::MAX)
    }

    /// The last moment at which the time was sure, to the minute.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn seen(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'seen'";
        let seen: Option<i64> =
            self.with(|connection| Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?))?;
        Ok(seen.map(Timestamp::from_unix))
    }
}

fn write(transaction: &Transaction<'_>, changes: &Changes) -> Result<(), StoreError> {
    let Changes { targets, incidents, .. } = changes;
    let mut statement = transaction.prepare(
        "INSERT INTO targets VALUES (?1, ?2) ON CONFLICT DO UPDATE SET description = excluded.description",
    )?;
    for target in targets.values() {
        statement.execute(params![target.number, json(target)?])?;
    }
    counts::put(transaction, changes)?;
    incidents::put(transaction, incidents.values())
}
