//! What passes between the desk and the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::names::ParticipantId;
use ctl_policy::sla::{Counts, SlaPolicy};

use super::super::incident::Incident;
use super::super::levels::{HOUR_MS, RunningHours, begin_of, hour_of, took_place};
use super::super::store::{Description, Record, Store, StoreError};
use super::clock::Seen;
use super::desk::Desk;

/// Six hours: what burn rates look at one by one.
const RECENT_MS: i64 = 6 * HOUR_MS;
/// So many hours that were closed are opened again at once. A clock that is set back by more was wrong by more than
/// anyone waits for: a year of ten thousand services does not fit into the memory. Hours after these stay closed, and
/// when one of them comes, the fuller count holds.
const REOPENED_HOURS: u32 = 48;
/// Hours that were closed so long after the time was last sure were closed under a time that never was: after a step
/// it is sure again within a day.
const UNSURE_MS: i64 = 48 * HOUR_MS;

/// What is to be written, in this order.
#[derive(Debug, Default)]
pub struct Work {
    /// Descriptions of targets.
    pub targets: Vec<Description>,
    /// Observations, by minute.
    pub raw: BTreeMap<u32, Vec<Record>>,
    /// Hours that are closed.
    pub hours: BTreeMap<u32, BTreeMap<u32, Counts>>,
    /// Evidence, and whose services it is about.
    pub evidence: Vec<(ParticipantId, Vec<u8>)>,
    /// Incidents, as they are now.
    pub incidents: BTreeMap<u64, Incident>,
}

impl Work {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { targets, raw, hours, evidence, incidents } = self;
        targets.is_empty()
            && raw.is_empty()
            && hours.is_empty()
            && evidence.is_empty()
            && incidents.is_empty()
    }
}

/// What a desk begins with.
#[derive(Debug, Default)]
pub struct Kept {
    /// Every target that the store knows.
    pub targets: Vec<Description>,
    /// Every incident.
    pub incidents: Vec<Incident>,
    /// The first hour before this one that is not closed; none if nothing was ever counted.
    pub open_hour: Option<u32>,
}

/// What the store says of the time.
///
/// # Errors
/// [`StoreError`]
pub fn seen(store: &Store) -> Result<Seen, StoreError> {
    let settled = store.settled_ms()?;
    let before = settled.map_or(u32::MAX, |at| hour_of(at.saturating_add(UNSURE_MS)));
    let closed = store.last_closed(before)?.map(|last| begin_of(last.saturating_add(1)));
    Ok(Seen { sure_ms: settled.or(closed), last_ms: settled.max(closed) })
}

/// A desk that begins at this moment with what the store has: raw observations since the earlier of six hours ago and
/// the end of the last closed hour are counted again. They are told a minute at a time: six hours of ten thousand
/// services are some hundred megabytes, and many days where hours were damaged.
///
/// # Errors
/// [`StoreError`]
pub fn desk(store: &Store, policy: Arc<SlaPolicy>, now_ms: i64) -> Result<Desk, StoreError> {
    let (targets, present) = (store.targets()?, hour_of(now_ms));
    let minute_of = |at_ms: i64| u32::try_from(at_ms.div_euclid(60_000)).unwrap_or_default();
    let open_hour = match store.last_closed(present)? {
        Some(last) => Some(last.saturating_add(1)),
        // What lies in the future is of a clock that was wrong.
        None => store.first_minute()?.map(|minute| minute / 60).filter(|hour| *hour <= present),
    };
    let numbers = targets.iter().map(|one| one.number).collect();
    let reopened = closed_since(store, &numbers, present, &BTreeSet::new())?;
    let mut desk = Desk::new(policy, Kept { targets, incidents: store.incidents()?, open_hour }, now_ms);
    let from = open_hour.map_or(now_ms, begin_of).min(now_ms.saturating_sub(RECENT_MS)).max(0);
    let ids = desk.ids();
    let mut minute: Vec<Record> = Vec::new();
    let mut recall = |minute: &mut Vec<Record>| {
        minute.sort_by_key(|record| record.at_ms);
        minute.drain(..).for_each(|record| desk.recall(&record, ids.get(&record.number)));
    };
    store.raw(minute_of(from), minute_of(now_ms).saturating_add(60), |record| {
        if minute.first().is_some_and(|first| minute_of(first.at_ms) != minute_of(record.at_ms)) {
            recall(&mut minute);
        }
        minute.push(record);
    })?;
    recall(&mut minute);
    desk.open_again(reopened);
    Ok(desk)
}

/// What the store has of this hour and the next two days, and of later ones only if they are running again already.
///
/// # Errors
/// [`StoreError`]
pub fn closed_since(
    store: &Store,
    numbers: &BTreeSet<u32>,
    hour: u32,
    running: &BTreeSet<u32>,
) -> Result<RunningHours, StoreError> {
    let mut hours = RunningHours::new();
    let end = hour.saturating_add(REOPENED_HOURS);
    let later = running.range(end..).map(|hour| (*hour, hour.saturating_add(1)));
    for (from, to) in std::iter::once((hour, end)).chain(later) {
        store.hours(numbers, from, to, |number, hour, counts| {
            hours.entry(hour).or_default().insert(number, counts);
        })?;
    }
    Ok(hours)
}

/// Closes an hour. Of one that the store has already the fuller counts hold.
fn close(store: &Store, hour: u32, counted: &BTreeMap<u32, Counts>) -> Result<(), StoreError> {
    let next = hour.saturating_add(1);
    if store.last_closed(next)? != Some(hour) {
        return store.close_hour(hour, counted);
    }
    let (mut fuller, numbers) = (counted.clone(), store.targets()?.iter().map(|one| one.number).collect());
    store.hours(&numbers, hour, next, |number, _, counts| {
        let one = fuller.entry(number).or_default();
        if took_place(one) < took_place(&counts) || !counted.contains_key(&number) {
            *one = counts;
        }
    })?;
    store.close_hour(hour, &fuller)
}

/// Writes what a desk has to write, and gives back what must not be lost and could not be written.
///
/// What fails does not keep the rest from being written; but an hour is closed only after those before it, so that
/// whoever starts again knows what to count again. Raw observations and evidence are not tried again: on a full disk
/// they would fill the memory.
#[must_use]
pub fn write(store: &Store, work: Work) -> Work {
    let Work { mut targets, raw, mut hours, evidence, mut incidents } = work;
    let note = |done: Result<(), StoreError>| {
        if let Err(error) = &done {
            tracing::error!(%error, "a part of what was observed is not kept");
        }
        done.is_ok()
    };
    if !targets.is_empty() && note(store.put_targets(&targets)) {
        targets.clear();
    }
    for (minute, records) in &raw {
        note(store.put_raw(*minute, records));
    }
    while let Some(hour) = hours.first_entry()
        && note(close(store, *hour.key(), hour.get()))
    {
        hour.remove();
    }
    for (operator, bundle) in &evidence {
        note(store.put_evidence(operator, bundle).map(drop));
    }
    let all: Vec<Incident> = incidents.values().cloned().collect();
    if !all.is_empty() && note(store.put_incidents(&all)) {
        incidents.clear();
    }
    Work { targets, hours, incidents, ..Work::default() }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::Kind;

    use super::*;
    use crate::store::{Keep, Watched};

    const FIRST: u32 = 498_672;

    fn good(good: u64) -> BTreeMap<u32, Counts> {
        [(0, Counts { good, ..Counts::default() })].into()
    }

    fn read(store: &Store, hour: u32) -> u64 {
        let mut found = 0;
        store.hours(&[0].into(), hour, hour + 1, |_, _, counts| found = counts.good).unwrap();
        found
    }

    #[test]
    fn a_clock_that_is_set_back_far_opens_two_days_and_empties_no_hour_after_them() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), Keep::default()).unwrap();
        let target = Description {
            number: 0,
            kind: Kind::Ocsp,
            operator: "alpha-pki".parse().unwrap(),
            url: "http://ocsp.example/".into(),
            period_ms: 30_000,
            watched: vec![Watched { from_ms: 0, to_ms: None }],
        };
        store.put_targets(&[target]).unwrap();
        (FIRST..FIRST + 200).for_each(|hour| store.close_hour(hour, &good(120)).unwrap());
        let open = |running: &[u32]| {
            let running = running.iter().copied().collect();
            closed_since(&store, &[0].into(), FIRST, &running).unwrap().into_keys().collect::<Vec<_>>()
        };
        assert_eq!(open(&[]), (FIRST..FIRST + 48).collect::<Vec<_>>());
        assert_eq!(open(&[FIRST + 90, FIRST + 300]).last(), Some(&(FIRST + 90)), "which would count twice");
        // The time of the old hours comes again, and less is counted in them; and in the last one more.
        let again = [(FIRST + 100, good(3)), (FIRST + 101, BTreeMap::new()), (FIRST + 199, good(121))];
        assert!(write(&store, Work { hours: again.into(), ..Work::default() }).is_empty());
        assert_eq!([100, 101, 199].map(|hour| read(&store, FIRST + hour)), [120, 120, 121]);
    }

    #[test]
    fn hours_of_a_time_that_never_was_sure_do_not_say_what_time_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), Keep::default()).unwrap();
        assert_eq!(seen(&store).unwrap(), Seen::default());
        store.close_hour(FIRST, &good(120)).unwrap();
        let end = begin_of(FIRST + 1);
        // Kept by a program that did not say when the time was sure.
        assert_eq!(seen(&store).unwrap(), Seen { sure_ms: Some(end), last_ms: Some(end) });
        let sure = begin_of(FIRST) + 60_000;
        store.tidy(sure, true).unwrap();
        store.close_hour(FIRST + 8760, &good(120)).unwrap();
        assert_eq!(seen(&store).unwrap(), Seen { sure_ms: Some(sure), last_ms: Some(end) });
    }
}
