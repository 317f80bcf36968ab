//! What passes between the desk and the store.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::ParticipantId;
use ctl_policy::sla::Counts;

use super::super::incident::Incident;
use super::super::levels::{HOUR_MS, RunningHours, begin_of, hour_of};
use super::super::store::{Description, Record, Store, StoreError};

/// Six hours: what burn rates look at one by one.
const RECENT_MS: i64 = 6 * HOUR_MS;

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
    /// The last hour before this one that is closed.
    pub last_closed: Option<u32>,
    /// This hour and later ones, as far as they were closed: the clock has been set back since.
    pub reopened: RunningHours,
    /// Raw observations since the earlier of six hours ago and the end of the last closed hour.
    pub raw: Vec<Record>,
}

/// What the store has for a desk that begins at this moment.
///
/// # Errors
/// [`StoreError`]
pub fn kept(store: &Store, now_ms: i64) -> Result<Kept, StoreError> {
    let (targets, present) = (store.targets()?, hour_of(now_ms));
    let last_closed = store.last_closed(present)?;
    let open = last_closed.map_or(0, |last| begin_of(last.saturating_add(1)));
    let from = open.min(now_ms.saturating_sub(RECENT_MS)).max(0);
    let minute = |at_ms: i64| u32::try_from(at_ms.div_euclid(60_000)).unwrap_or_default();
    let mut raw = Vec::new();
    store.raw(minute(from), minute(now_ms).saturating_add(60), |record| raw.push(record))?;
    raw.sort_by_key(|record| record.at_ms);
    let reopened = closed_since(store, targets.iter().map(|one| one.number).collect(), present)?;
    Ok(Kept { targets, incidents: store.incidents()?, last_closed, reopened, raw })
}

/// What the store has of this hour and later ones.
///
/// # Errors
/// [`StoreError`]
pub fn closed_since(store: &Store, numbers: BTreeSet<u32>, hour: u32) -> Result<RunningHours, StoreError> {
    let mut hours = RunningHours::new();
    store.hours(&numbers, hour, u32::MAX, |number, hour, counts| {
        hours.entry(hour).or_default().insert(number, counts);
    })?;
    Ok(hours)
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
        && note(store.close_hour(*hour.key(), hour.get()))
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
