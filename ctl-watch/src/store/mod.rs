//! The monitor's history on the disk, apart from the ledger and never needed by it: raw observations for days,
//! hourly roll-ups for years, incidents, evidence, what probes remember.
//!
//! Below `<data>/monitor/`: `raw/` and `hours/` are sled databases, one for each quarter of a day and one for each
//! thirty days, whose keys are written once; what is too old, or beyond the size that the store may have, is
//! removed by the whole database, so that the bound holds on the disk and not only in a count. `state/` is a small
//! database of targets and of incidents that are open or new, the only one whose keys are overwritten; older incidents
//! are in `incidents/`, thirty days in a database. `evidence/` and `memory/` are files.
//! Whatever turns out to be damaged is put aside, said in the log, and begun anew.

mod archive;
mod cell;
mod description;
mod error;
mod evidence;
mod generations;
mod pack;
mod record;
mod share;
mod shelf;
mod state;
#[cfg(test)]
mod tests;
mod tidy;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ctl_policy::sla::Counts;

use self::archive::Archive;
use self::cell::Cell;
use self::generations::Generations;
use self::shelf::Shelf;
use self::state::State;
use super::incident::Incident;
pub use archive::Wanted;
pub use description::{Description, Watched, period_ms};
pub use error::StoreError;
pub use evidence::bundle;
pub use record::{Outcome, Record};

/// Minutes of a raw database: a quarter of a day.
const RAW_MINUTES: u32 = 360;
/// Hours of a database of roll-ups: thirty days.
const ROLLUP_HOURS: u32 = 720;
/// Records in one value.
const CHUNK: usize = 4096;
/// Targets in one value of an hour.
const GROUP: u32 = 256;
/// The marker of an hour that is closed.
const CLOSED: &[u8] = b"z";
/// One piece of evidence, or one memory, is at most so large.
const MAX_FILE: usize = 32 * 1024 * 1024;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Raw observations.
    pub raw: Duration,
    /// Roll-ups, incidents and evidence.
    pub rollups: Duration,
    /// Octets on the disk for everything together.
    pub max_bytes: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            raw: Duration::from_secs(7 * 86_400),
            rollups: Duration::from_secs(3 * 365 * 86_400),
            max_bytes: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// The store. Every method blocks on the disk.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    keep: Keep,
    state: State,
    shelf: Shelf,
    archive: Mutex<Archive>,
    databases: Mutex<Databases>,
}

#[derive(Debug)]
struct Databases {
    raw: Generations,
    hours: Generations,
    /// Whether raw observations are not kept for want of room.
    full: bool,
}

fn raw_key(minute: u32, sequence: u16) -> Vec<u8> {
    [&minute.to_be_bytes()[..], &sequence.to_be_bytes()].concat()
}

fn hour_key(group: u32, hour: u32) -> Vec<u8> {
    [b"h", &group.to_be_bytes()[..], &hour.to_be_bytes()].concat()
}

fn tail(key: &[u8], from: usize) -> Result<u32, StoreError> {
    let octets = key.get(from..from.saturating_add(4)).and_then(|octets| octets.try_into().ok());
    octets.map(u32::from_be_bytes).ok_or_else(|| StoreError::damaged("a key is too short"))
}

impl Store {
    /// Opens the store in this directory, or makes one. A damaged one is put aside.
    ///
    /// # Errors
    /// [`StoreError`] if the disk says no, or another process has it open.
    pub fn open(directory: &Path, keep: Keep) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)?;
        let place = directory.join("state");
        let usable = |place: &Path| {
            let cell = Cell::open(place)?;
            check_state(&cell)?;
            Ok(cell)
        };
        let state = match usable(&place) {
            Err(StoreError::Damaged(why)) => {
                let aside = cell::set_aside(&place)?;
                tracing::error!(why, aside = %aside.display(), "the monitor's targets and incidents were damaged, put aside and begun anew");
                // Roll-ups name targets by the numbers that are lost with it, and incidents are numbered anew.
                for part in ["hours", "raw", "incidents"].map(|part| directory.join(part)) {
                    if part.exists() {
                        cell::set_aside(&part)?;
                    }
                }
                Cell::open(&place)?
            }
            usable => usable?,
        };
        let databases = Databases {
            raw: Generations::new(directory.join("raw"))?,
            hours: Generations::new(directory.join("hours"))?,
            full: false,
        };
        std::fs::create_dir_all(directory.join("memory"))?;
        let shelf = Shelf::open(directory.join("evidence"), keep.max_bytes)?;
        let archive = Mutex::new(Archive::new(directory.join("incidents"))?);
        let (directory, databases) = (directory.to_owned(), Mutex::new(databases));
        Ok(Self { directory, keep, state: State::new(place, state), shelf, archive, databases })
    }

    /// How long an incident that is over is kept, in milliseconds.
    #[must_use]
    pub fn incident_life_ms(&self) -> i64 {
        i64::try_from(self.keep.rollups.as_millis()).unwrap_or(i64::MAX)
    }

    /// Keeps everyone from the databases, as a slow disk would.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Sized + '_ {
        self.databases()
    }

    fn databases(&self) -> MutexGuard<'_, Databases> {
        self.databases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- raw observations

    /// Keeps what was observed in a minute.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_raw(&self, minute: u32, records: &[Record]) -> Result<(), StoreError> {
        let mut databases = self.databases();
        if databases.full || records.is_empty() {
            return Ok(());
        }
        let pack = |chunk| record::pack(i64::from(minute) * 60_000, chunk);
        let packed = records.chunks(CHUNK).map(pack).collect::<Result<Vec<_>, _>>()?;
        databases.raw.write(minute / RAW_MINUTES, |cell| {
            let last = cell.last(&minute.to_be_bytes())?;
            let last = last.and_then(|key| key.get(4..6)?.try_into().ok()).map(u16::from_be_bytes);
            let sequence = last.map_or(0, |last| last.saturating_add(1))..=u16::MAX;
            let pairs = sequence.zip(&packed);
            cell.put(pairs.map(|(sequence, packed)| (raw_key(minute, sequence), Some(packed.clone()))))
        })
    }

    /// Tells the raw observations that were kept in these minutes, in order of the minutes. What is damaged is put
    /// aside and left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn raw(&self, from: u32, to: u32, mut each: impl FnMut(Record)) -> Result<(), StoreError> {
        let generations = self.databases().raw.numbers()?;
        for generation in generations {
            if generation < from / RAW_MINUTES || generation > to / RAW_MINUTES {
                continue;
            }
            let Some(cell) = self.databases().raw.get(generation)? else { continue };
            let scanned = cell.scan(raw_key(from, 0)..=raw_key(to, u16::MAX), |_, value| {
                record::unpack(value)?.into_iter().for_each(&mut each);
                Ok(true)
            });
            drop(cell);
            abandon_if_damaged(&mut self.databases().raw, generation, scanned)?;
        }
        Ok(())
    }

    /// The first minute of which anything was kept.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn first_minute(&self) -> Result<Option<u32>, StoreError> {
        let generations = self.databases().raw.numbers()?;
        for generation in generations {
            let Some(cell) = self.databases().raw.get(generation)? else { continue };
            let mut first = None;
            let scanned = cell.scan(raw_key(0, 0)..=raw_key(u32::MAX, u16::MAX), |key, _| {
                first = Some(tail(key, 0)?);
                Ok(false)
            });
            drop(cell);
            abandon_if_damaged(&mut self.databases().raw, generation, scanned)?;
            if first.is_some() {
                return Ok(first);
            }
        }
        Ok(None)
    }

    // ---- hours

    /// Keeps what was counted in an hour, and that it is closed. On the disk when this returns, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn close_hour(&self, hour: u32, counted: &BTreeMap<u32, Counts>) -> Result<(), StoreError> {
        let mut groups: BTreeMap<u32, Vec<(u32, &Counts)>> = BTreeMap::new();
        for (number, counts) in counted {
            groups.entry(number / GROUP).or_default().push((*number, counts));
        }
        let mut pairs = vec![([CLOSED, &hour.to_be_bytes()].concat(), Some(Vec::new()))];
        for (group, counted) in groups {
            pairs.push((hour_key(group, hour), Some(record::pack_counts(&counted)?)));
        }
        self.databases().hours.write(hour / ROLLUP_HOURS, |cell| cell.put(pairs.clone()))
    }

    /// The last hour before this one that was closed.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn last_closed(&self, before: u32) -> Result<Option<u32>, StoreError> {
        let Some(last) = before.checked_sub(1) else { return Ok(None) };
        let key = |hour: u32| [CLOSED, &hour.to_be_bytes()].concat();
        let mut databases = self.databases();
        let generations = databases.hours.numbers()?.into_iter().rev();
        for generation in generations.filter(|one| *one <= last / ROLLUP_HOURS) {
            let Some(cell) = databases.hours.get(generation)? else { continue };
            let found = cell.last_within(key(0)..=key(last));
            drop(cell);
            match found.and_then(|key| key.map(|key| tail(&key, 1)).transpose()) {
                Ok(None) => {}
                Err(StoreError::Damaged(why)) => databases.hours.abandon(generation, &why)?,
                found => return found,
            }
        }
        Ok(None)
    }

    /// Tells what was counted of targets with these numbers in the hours `from` to before `to`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn hours(
        &self,
        numbers: &std::collections::BTreeSet<u32>,
        from: u32,
        to: u32,
        mut each: impl FnMut(u32, u32, Counts),
    ) -> Result<(), StoreError> {
        let Some(last) = to.checked_sub(1).filter(|last| *last >= from) else { return Ok(()) };
        let groups: std::collections::BTreeSet<u32> = numbers.iter().map(|number| number / GROUP).collect();
        let generations = self.databases().hours.numbers()?;
        for generation in generations {
            if generation < from / ROLLUP_HOURS || generation > last / ROLLUP_HOURS {
                continue;
            }
            let Some(cell) = self.databases().hours.get(generation)? else { continue };
            let scanned = groups.iter().try_for_each(|group| {
                cell.scan(hour_key(*group, from)..=hour_key(*group, last), |key, value| {
                    let hour = tail(key, 5)?;
                    for (number, counts) in record::unpack_counts(value)? {
                        if numbers.contains(&number) {
                            each(number, hour, counts);
                        }
                    }
                    Ok(true)
                })
            });
            drop(cell);
            abandon_if_damaged(&mut self.databases().hours, generation, scanned)?;
        }
        Ok(())
    }

    // ---- targets and incidents

    /// Every target that the store knows.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn targets(&self) -> Result<Vec<Description>, StoreError> {
        self.read_state(b't')
    }

    /// Keeps descriptions of targets.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_targets(&self, targets: &[Description]) -> Result<(), StoreError> {
        let pair = |one: &Description| {
            ([b"t", &one.id().0[..]].concat(), serde_json::to_vec(one).map_err(StoreError::damaged))
        };
        let pairs = targets.iter().map(pair).map(|(key, value)| value.map(|value| (key, Some(value))));
        self.state.put(pairs.collect::<Result<Vec<_>, _>>()?)
    }

    /// Every incident that is at hand, in the order of their numbers.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        self.read_state(b'i')
    }

    /// Keeps incidents.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_incidents(&self, incidents: &[Incident]) -> Result<(), StoreError> {
        let pair = |one: &Incident| {
            let value = serde_json::to_vec(one).map_err(StoreError::damaged)?;
            Ok(([b"i", &one.number.to_be_bytes()[..]].concat(), Some(value)))
        };
        self.state.put(incidents.iter().map(pair).collect::<Result<Vec<_>, StoreError>>()?)
    }

    /// Incidents that are at hand no more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn forget_incidents(&self, numbers: &[u64]) -> Result<(), StoreError> {
        self.state.put(numbers.iter().map(|number| ([b"i", &number.to_be_bytes()[..]].concat(), None)))
    }

    fn read_state<T: serde::de::DeserializeOwned>(&self, prefix: u8) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.state.scan(all(prefix), |_, value| {
            found.push(serde_json::from_slice(value).map_err(StoreError::damaged)?);
            Ok(true)
        })?;
        Ok(found)
    }
}

/// All keys that begin with this: what follows in them has sixteen octets at most.
fn all(prefix: u8) -> RangeInclusive<Vec<u8>> {
    vec![prefix]..=[&[prefix][..], &[0xff; 16]].concat()
}

/// Reads everything once.
fn check_state(cell: &Cell) -> Result<(), StoreError> {
    cell.scan(all(b't'), |_, value| {
        serde_json::from_slice::<Description>(value).map_err(StoreError::damaged).map(|_| true)
    })?;
    cell.scan(all(b'i'), |_, value| {
        serde_json::from_slice::<Incident>(value).map_err(StoreError::damaged).map(|_| true)
    })
}

fn abandon_if_damaged(
    generations: &mut Generations,
    number: u32,
    result: Result<(), StoreError>,
) -> Result<(), StoreError> {
    match result {
        Err(StoreError::Damaged(why)) => generations.abandon(number, &why),
        result => result,
    }
}
