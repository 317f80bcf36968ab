//! Incidents that are over and no longer at hand: in databases of thirty days each, for as long as hours are kept, read
//! when someone asks for them.
//!
//! A service that fails and recovers every few minutes makes incidents without end, so an operator has only so much room
//! in a database, and half of it is for breaches alone.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};

use ctl_core::names::ParticipantId;

use super::super::incident::Incident;
use super::super::levels::hour_of;
use super::cell::Cell;
use super::error::StoreError;
use super::generations::Generations;
use super::{ROLLUP_HOURS, Store};

/// Incidents of one operator in one database.
const ROOM: u64 = 10_000;

/// Whether an operator that has so many incidents in a database may have one more.
const fn admits(kept: u64, is_breach: bool) -> bool {
    kept < if is_breach { ROOM } else { ROOM / 2 }
}

/// Which incidents are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// With this number or a later one.
    pub first: u64,
    /// Of this operator.
    pub operator: Option<ParticipantId>,
    /// Touching this stretch of time, in Unix milliseconds.
    pub touching: Option<(i64, i64)>,
}

impl Wanted {
    /// Whether it is asked for.
    #[must_use]
    pub fn takes(&self, incident: &Incident) -> bool {
        incident.number >= self.first
            && self.operator.as_ref().is_none_or(|operator| *operator == incident.operator)
            && self.touching.is_none_or(|(from, to)| incident.touches(from, to))
    }

    /// Whether one with this head may be: what can be said without reading it whole.
    fn may_take(&self, head: &Head<'_>) -> bool {
        self.operator.as_ref().is_none_or(|operator| operator.as_str().as_bytes() == head.operator)
            && self.touching.is_none_or(|(from, to)| head.began_ms < to && from < head.ended_ms)
    }
}

/// What stands before an incident in its value.
struct Head<'a> {
    began_ms: i64,
    ended_ms: i64,
    operator: &'a [u8],
}

fn pack(incident: &Incident) -> Result<Vec<u8>, StoreError> {
    let ended_ms = incident.ended_ms.unwrap_or(i64::MAX);
    let operator = incident.operator.as_str().as_bytes();
    let length = u8::try_from(operator.len()).map_err(StoreError::damaged)?;
    let json = serde_json::to_vec(incident).map_err(StoreError::damaged)?;
    Ok([&incident.began_ms.to_be_bytes()[..], &ended_ms.to_be_bytes(), &[length], operator, &json].concat())
}

fn unpack(value: &[u8]) -> Result<(Head<'_>, &[u8]), StoreError> {
    let parts = || {
        let (began, rest) = value.split_first_chunk()?;
        let (ended, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (operator, json) = rest.split_at_checked(usize::from(*length))?;
        let (began_ms, ended_ms) = (i64::from_be_bytes(*began), i64::from_be_bytes(*ended));
        Some((Head { began_ms, ended_ms, operator }, json))
    };
    parts().ok_or_else(|| StoreError::damaged("an incident is too short"))
}

fn key(number: u64) -> Vec<u8> {
    [b"i", &number.to_be_bytes()[..]].concat()
}

fn from(number: u64) -> RangeInclusive<Vec<u8>> {
    key(number)..=key(u64::MAX)
}

fn number(key: &[u8]) -> Result<u64, StoreError> {
    let octets = key.get(1..).and_then(|octets| octets.try_into().ok());
    octets.map(u64::from_be_bytes).ok_or_else(|| StoreError::damaged("a key is too short"))
}

/// What is known of a database.
#[derive(Clone, Debug)]
struct Known {
    first: u64,
    last: u64,
    /// How many each operator has.
    of: BTreeMap<Vec<u8>, u64>,
}

impl Known {
    fn of(cell: &Cell) -> Result<Self, StoreError> {
        let mut known = Self { first: u64::MAX, last: 0, of: BTreeMap::new() };
        cell.scan(from(0), |key, value| {
            known.add(number(key)?, unpack(value)?.0.operator);
            Ok(true)
        })?;
        Ok(known)
    }

    fn add(&mut self, number: u64, operator: &[u8]) {
        (self.first, self.last) = (self.first.min(number), self.last.max(number));
        let count = self.of.entry(operator.to_vec()).or_default();
        *count = count.saturating_add(1);
    }
}

/// The databases of incidents.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) generations: Generations,
    /// What is known of those that were opened since the start.
    known: BTreeMap<u32, Known>,
}

impl Archive {
    pub(super) fn new(directory: PathBuf) -> Result<Self, StoreError> {
        Ok(Self { generations: Generations::new(directory)?, known: BTreeMap::new() })
    }

    pub(super) fn remove(&mut self, generation: u32) -> Result<u64, StoreError> {
        self.known.remove(&generation);
        self.generations.remove(generation)
    }

    /// A database, if incidents with these numbers may be in it.
    fn having(
        &mut self,
        generation: u32,
        numbers: RangeInclusive<u64>,
    ) -> Result<Option<Arc<Cell>>, StoreError> {
        if !self.known.contains_key(&generation) {
            let Some(cell) = self.generations.get(generation)? else { return Ok(None) };
            let known = self.or_abandon(generation, Known::of(&cell))?;
            self.known.extend(known.map(|known| (generation, known)));
        }
        let known = self.known.get(&generation);
        if known.is_none_or(|known| known.last < *numbers.start() || *numbers.end() < known.first) {
            return Ok(None);
        }
        self.generations.get(generation)
    }

    /// A result, none if the database turned out to be damaged: then it is put aside.
    fn or_abandon<T>(
        &mut self,
        generation: u32,
        result: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match result {
            Err(StoreError::Damaged(why)) => {
                self.known.remove(&generation);
                self.generations.abandon(generation, &why)?;
                Ok(None)
            }
            result => result.map(Some),
        }
    }

    fn put(&mut self, generation: u32, incidents: &[&Incident]) -> Result<(), StoreError> {
        let mut known = self.known.remove(&generation);
        let written = self.generations.write(generation, |cell| {
            // What is known of a database that has to be begun anew is true no more.
            let mut of = known.take().map_or_else(|| Known::of(cell), Ok)?;
            put(cell, &mut of, incidents)?;
            Ok(of)
        })?;
        self.known.insert(generation, written);
        Ok(())
    }
}

/// Puts incidents into a database, as far as their operators have room.
fn put(cell: &Cell, known: &mut Known, incidents: &[&Incident]) -> Result<(), StoreError> {
    let (mut pairs, mut left_out) = (Vec::new(), 0_u64);
    for incident in incidents {
        let (key, operator) = (key(incident.number), incident.operator.as_str().as_bytes());
        let mut is_there = false;
        cell.scan(key.clone()..=key.clone(), |_, _| {
            is_there = true;
            Ok(false)
        })?;
        let kept = known.of.get(operator).copied().unwrap_or_default();
        if is_there {
            continue;
        }
        if admits(kept, incident.breach_ms.is_some()) {
            pairs.push((key, Some(pack(incident)?)));
            known.add(incident.number, operator);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        tracing::warn!(left_out, "incidents are forgotten: their operators had too many in thirty days");
    }
    cell.put(pairs)
}

impl Store {
    pub(super) fn archive(&self) -> MutexGuard<'_, Archive> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps incidents that are over for as long as hours are kept, as far as their operators have room.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn archive_incidents(&self, incidents: &[Arc<Incident>]) -> Result<(), StoreError> {
        let mut of: BTreeMap<u32, Vec<&Incident>> = BTreeMap::new();
        for incident in incidents {
            of.entry(hour_of(incident.opened_ms) / ROLLUP_HOURS).or_default().push(incident);
        }
        for (generation, incidents) in of {
            self.archive().put(generation, &incidents)?;
        }
        Ok(())
    }

    /// Tells archived incidents, those that opened first first, until `each` says no.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn archived(
        &self,
        wanted: &Wanted,
        mut each: impl FnMut(Incident) -> bool,
    ) -> Result<(), StoreError> {
        let generations = self.archive().generations.numbers()?;
        let mut goes_on = true;
        for generation in generations {
            let Some(cell) = self.archive().having(generation, wanted.first..=u64::MAX)? else { continue };
            let scanned = cell.scan(from(wanted.first), |_, value| {
                let (head, json) = unpack(value)?;
                if wanted.may_take(&head) {
                    goes_on = each(serde_json::from_slice(json).map_err(StoreError::damaged)?);
                }
                Ok(goes_on)
            });
            drop(cell);
            self.archive().or_abandon(generation, scanned)?;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// One archived incident.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn archived_incident(&self, number: u64) -> Result<Option<Incident>, StoreError> {
        let generations = self.archive().generations.numbers()?;
        for generation in generations {
            let Some(cell) = self.archive().having(generation, number..=number)? else { continue };
            let mut found = None;
            let scanned = cell.scan(key(number)..=key(number), |_, value| {
                found = Some(serde_json::from_slice(unpack(value)?.1).map_err(StoreError::damaged)?);
                Ok(false)
            });
            drop(cell);
            self.archive().or_abandon(generation, scanned)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Keep;
    use crate::testing;

    const DAY_MS: i64 = 86_400_000;
    /// 2026-11-21T00:00:00Z.
    const NOW: i64 = 1_795_219_200_000;

    fn incident(number: u64, operator: &str, began_ms: i64, is_breach: bool) -> Arc<Incident> {
        Arc::new(testing::incident(number, operator, began_ms + 600_000, is_breach))
    }

    fn numbers(store: &Store, wanted: &Wanted, limit: usize) -> Vec<u64> {
        let mut found = Vec::new();
        let each = |incident: Incident| {
            found.push(incident.number);
            found.len() < limit
        };
        store.archived(wanted, each).unwrap();
        found
    }

    #[test]
    fn what_is_archived_is_found_by_number_operator_and_time_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let all: Vec<_> = (1..=300_u64)
            .map(|number| {
                let operator = ["alpha-pki", "beta-pki"][usize::from(number % 3 == 0)];
                incident(number, operator, NOW + i64::try_from(number).unwrap() * DAY_MS, number % 2 == 0)
            })
            .collect();
        {
            let store = Store::open(directory.path(), Keep::default()).unwrap();
            store.archive_incidents(&all).unwrap();
            store.archive_incidents(&all).unwrap();
            assert_eq!(store.archived_incident(77).unwrap().as_ref(), Some(&*all[76]), "as it was");
        }
        let store = Store::open(directory.path(), Keep::default()).unwrap();
        assert_eq!(numbers(&store, &Wanted::default(), 1000), (1..=300).collect::<Vec<_>>(), "each once");
        let page = Wanted { first: 100, ..Wanted::default() };
        assert_eq!(numbers(&store, &page, 3), [100, 101, 102]);
        let beta = Wanted { first: 290, operator: Some("beta-pki".parse().unwrap()), touching: None };
        assert_eq!(numbers(&store, &beta, 1000), [291, 294, 297, 300]);
        let month = (NOW + 100 * DAY_MS + 1, NOW + 103 * DAY_MS);
        let touching = Wanted { touching: Some(month), ..Wanted::default() };
        assert_eq!(numbers(&store, &touching, 1000), [100, 101, 102], "the one that had begun before too");
        assert_eq!(store.archived_incident(300).unwrap().as_ref(), Some(&*all[299]));
        assert_eq!(store.archived_incident(301).unwrap(), None);
    }

    #[test]
    fn an_operator_whose_services_flap_fills_its_own_room_and_its_breaches_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), Keep::default()).unwrap();
        let theirs = incident(1, "alpha-pki", NOW, false);
        let flood: Vec<_> = (2..9000)
            .map(|number| incident(number, "mallory-pki", NOW + i64::try_from(number).unwrap(), false))
            .collect();
        let breach = incident(9001, "mallory-pki", NOW + 9001, true);
        let last = incident(9002, "alpha-pki", NOW + 9002, false);
        store.archive_incidents(&flood).unwrap();
        store.archive_incidents(&[theirs, breach, last]).unwrap();
        let of = |operator: &str| {
            let wanted = Wanted { operator: Some(operator.parse().unwrap()), ..Wanted::default() };
            numbers(&store, &wanted, usize::MAX)
        };
        assert_eq!(of("alpha-pki"), [1, 9002]);
        let kept = of("mallory-pki");
        assert_eq!((kept.len(), kept.last()), (5001, Some(&9001)));
        assert!(!admits(ROOM, true) && admits(ROOM - 1, true) && !admits(ROOM / 2, false));
    }

    #[test]
    fn incidents_go_with_the_hours_of_their_time_and_for_want_of_room_before_hours() {
        let directory = tempfile::tempdir().unwrap();
        let keep = Keep { rollups: Duration::from_secs(100 * 86_400), ..Keep::default() };
        let store = Store::open(directory.path(), keep).unwrap();
        store.archive_incidents(&[incident(1, "alpha-pki", NOW, true)]).unwrap();
        store.archive_incidents(&[incident(2, "alpha-pki", NOW + 150 * DAY_MS, true)]).unwrap();
        store.tidy(NOW + 200 * DAY_MS, true).unwrap();
        assert_eq!(numbers(&store, &Wanted::default(), 9), [2]);
        let more: Vec<_> =
            (3..2000).map(|number| incident(number, "alpha-pki", NOW + 150 * DAY_MS, true)).collect();
        store.archive_incidents(&more).unwrap();
        store.close_hour(hour_of(NOW + 150 * DAY_MS), &BTreeMap::new()).unwrap();
        let bytes = store.bytes_on_disk();
        drop(store);
        // A little less than there is.
        let keep = Keep { max_bytes: (bytes - 1000) / 9 * 10, ..Keep::default() };
        let store = Store::open(directory.path(), keep).unwrap();
        store.tidy(NOW + 200 * DAY_MS, true).unwrap();
        assert!(numbers(&store, &Wanted::default(), 9).is_empty());
        assert!(store.last_closed(u32::MAX).unwrap().is_some());
    }
}
