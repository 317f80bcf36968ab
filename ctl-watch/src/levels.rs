//! Service levels: adds up the hourly counts of the history for a stretch of time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::names::ParticipantId;
use ctl_policy::sla::{
    Counts, Kind, Level, Month, Objective, Share, SlaPolicy, Time, Verdict, burn_rate_milli,
};

use super::description::Description;
use super::gaps;
use super::hours::{ROLLING_HOURS, begin_of, hour_at};
use super::promise::Promise;
use super::store::{Store, StoreError};

/// A service: all of an operator's targets of one kind.
pub type ServiceKey = (ParticipantId, Kind);

/// Whether so many due probes without a trace are missing: a single one may be due at this very moment.
#[must_use]
pub const fn are_missing(due: u64) -> bool {
    due > 1
}

/// The counts of these targets from hour `from` to before hour `to`, by the target's number, as of a moment. Hours
/// without counts in which the target was watched are missing. Blocks on the disk.
///
/// # Errors
/// [`StoreError`]
pub fn counted(
    store: &Store,
    targets: &[Description],
    (from, to): (u32, u32),
    now_ms: i64,
) -> Result<BTreeMap<u32, Counts>, StoreError> {
    counted_since(store, targets, ([from], to), now_ms).map(|[counted]| counted)
}

/// The same for several windows that end together; they are read together.
fn counted_since<const N: usize>(
    store: &Store,
    targets: &[Description],
    (from, to): ([u32; N], u32),
    now_ms: i64,
) -> Result<[BTreeMap<u32, Counts>; N], StoreError> {
    let by_number: BTreeMap<u32, &Description> = targets.iter().map(|one| (one.number, one)).collect();
    let numbers: BTreeSet<u32> = by_number.keys().copied().collect();
    let last_probes = store.last_probes(&numbers)?;
    let first = from.into_iter().min().unwrap_or(to);
    let mut sums: [BTreeMap<u32, Counts>; N] = [const { BTreeMap::new() }; N];
    // Probes that were due in hours with counts.
    let mut known: [BTreeMap<u32, u64>; N] = [const { BTreeMap::new() }; N];
    store.hours(&numbers, first, to, |number, hour, mut counts| {
        let Some(target) = by_number.get(&number) else { return };
        let due = target.due(begin_of(hour), begin_of(hour.saturating_add(1)).min(now_ms));
        counts.missing = gaps::missing(target, last_probes.get(&number).copied(), hour, &counts, now_ms);
        for ((sums, known), from) in sums.iter_mut().zip(&mut known).zip(from) {
            if from <= hour {
                sums.entry(number).or_default().merge(&counts);
                let sum = known.entry(number).or_default();
                *sum = sum.saturating_add(due);
            }
        }
    })?;
    for ((sums, known), from) in sums.iter_mut().zip(&known).zip(from) {
        for target in targets {
            let due = target.due(begin_of(from), begin_of(to).min(now_ms));
            let unknown = due.saturating_sub(known.get(&target.number).copied().unwrap_or_default());
            if are_missing(unknown) {
                let sum = sums.entry(target.number).or_default();
                sum.missing = sum.missing.saturating_add(unknown);
            }
        }
    }
    Ok(sums)
}

/// The counts of one service at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceStanding {
    /// The last thirty days.
    pub rolling: Counts,
    /// What of these counts for what is promised: not of targets that only an undecided application ever named.
    pub promised: Counts,
    /// The calendar month so far.
    pub month: Counts,
    /// Bad and valid probes in the windows of burn rates, longest last: 5 minutes, 30 minutes, 1, 2, 6, 24 and 72
    /// hours.
    pub recent: [Share; 7],
}

/// The windows of [`ServiceStanding::recent`], in seconds.
pub const RECENT_SECONDS: [i64; 7] = [300, 1800, 3600, 7200, 21_600, 86_400, 259_200];

impl ServiceStanding {
    /// The bad and valid probes of a window, which must be one of [`RECENT_SECONDS`].
    #[must_use]
    pub fn share(&self, seconds: i64) -> Option<Share> {
        let index = RECENT_SECONDS.iter().position(|window| *window == seconds)?;
        self.recent.get(index).copied()
    }

    /// The burn rate over a window, in thousandths.
    #[must_use]
    pub fn burn_rate_milli(&self, seconds: i64, objective: &Objective) -> Option<u64> {
        let share = self.share(seconds)?;
        burn_rate_milli(share.bad, share.valid, objective)
    }
}

/// All services at a moment.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// By operator and kind.
    pub services: BTreeMap<ServiceKey, ServiceStanding>,
    /// Every target in the history, by its number.
    pub targets: Arc<BTreeMap<u32, Description>>,
    /// The first hour that may still change in the history.
    pub open_hour: u32,
}

impl Levels {
    /// The level of a service over the last thirty days.
    #[must_use]
    pub fn rolling(&self, policy: &SlaPolicy, service: &ServiceKey) -> Option<Level> {
        let terms = policy.terms(service.0.as_str(), service.1)?;
        Some(Level::of(&self.services.get(service)?.rolling, &terms.objective))
    }

    /// What was counted of a service in the last thirty days, as far as it counts by what is promised of it.
    #[must_use]
    pub fn counted(&self, service: &ServiceKey, promise: Promise) -> Option<&Counts> {
        let standing = self.services.get(service)?;
        Some(if promise == Promise::Made { &standing.promised } else { &standing.rolling })
    }

    /// The level of that. Where nobody knows what was promised, there are numbers and no verdicts.
    #[must_use]
    pub fn kept(&self, policy: &SlaPolicy, service: &ServiceKey, promise: Promise) -> Option<Level> {
        let terms = policy.terms(service.0.as_str(), service.1)?;
        let level = Level::of(self.counted(service, promise)?, &terms.objective);
        Some(match promise {
            Promise::Made | Promise::Nothing => level,
            Promise::Unknown => Level {
                availability: Verdict::Undetermined,
                freshness: Verdict::Undetermined,
                correctness: Verdict::Undetermined,
                response_time: Verdict::Undetermined,
                ..level
            },
        })
    }

    /// The level of a service in the calendar month so far.
    #[must_use]
    pub fn month(&self, policy: &SlaPolicy, service: &ServiceKey) -> Option<Level> {
        let terms = policy.terms(service.0.as_str(), service.1)?;
        Some(Level::of(&self.services.get(service)?.month, &terms.objective))
    }
}

/// The sums of closed hours for all services, for the windows that end with the hour of a moment. They change only when
/// another hour closes, or one of these hours gets more counts.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// Hours before this one.
    pub before: u32,
    /// The hour of the moment.
    pub hour: u32,
    /// The numbers of the targets of which something was promised.
    promised: BTreeSet<u32>,
    services: BTreeMap<ServiceKey, ServiceStanding>,
}

/// The first hours of the windows of [`ServiceStanding`] for the hour of a moment: rolling, month, 24 and 72 hours.
fn beginnings(hour: u32) -> [u32; 4] {
    let next = hour.saturating_add(1);
    let month = Month::of(Time(begin_of(hour) / 1000)).begin();
    [next.saturating_sub(ROLLING_HOURS), hour_at(month), next.saturating_sub(24), next.saturating_sub(72)]
}

fn add(standing: &mut ServiceStanding, window: usize, counts: &Counts) {
    let share = match window {
        0 => return standing.rolling.merge(counts),
        1 => return standing.month.merge(counts),
        2 => standing.recent.get_mut(5),
        _ => standing.recent.get_mut(6),
    };
    if let Some(share) = share {
        share.bad = share.bad.saturating_add(counts.bad);
        share.valid = share.valid.saturating_add(counts.valid());
    }
}

impl Closed {
    /// Adds up the closed hours. Blocks on the disk, for long if there are many targets.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn add_up(
        store: &Store,
        targets: &BTreeMap<u32, Description>,
        before: u32,
        hour: u32,
    ) -> Result<Self, StoreError> {
        let mut services = BTreeMap::new();
        let all: Vec<Description> = targets.values().cloned().collect();
        let counted = counted_since(store, &all, (beginnings(hour), before), begin_of(before))?;
        for (window, counted) in counted.iter().enumerate() {
            put(&mut services, targets, window, counted);
        }
        Ok(Self { before, hour, promised: promised(targets), services })
    }

    /// Whether these are the sums of the same hours, and the same was promised.
    #[must_use]
    pub fn is_of(&self, targets: &BTreeMap<u32, Description>, before: u32, hour: u32) -> bool {
        (self.before, self.hour) == (before, hour) && self.promised == promised(targets)
    }

    /// All services now: the closed hours and those after them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn up_to_now(
        &self,
        store: &Store,
        targets: &BTreeMap<u32, Description>,
        now_ms: i64,
    ) -> Result<BTreeMap<ServiceKey, ServiceStanding>, StoreError> {
        let mut services = self.services.clone();
        let all: Vec<Description> = targets.values().cloned().collect();
        let windows = beginnings(self.hour).map(|from| from.max(self.before));
        let windows = (windows, self.hour.saturating_add(1));
        for (window, counted) in counted_since(store, &all, windows, now_ms)?.iter().enumerate() {
            put(&mut services, targets, window, counted);
        }
        Ok(services)
    }
}

fn promised(targets: &BTreeMap<u32, Description>) -> BTreeSet<u32> {
    targets.values().filter(|target| target.promised == Some(true)).map(|target| target.number).collect()
}

fn put(
    services: &mut BTreeMap<ServiceKey, ServiceStanding>,
    targets: &BTreeMap<u32, Description>,
    window: usize,
    counted: &BTreeMap<u32, Counts>,
) {
    for (number, counts) in counted {
        if let Some(target) = targets.get(number) {
            let key = (target.operator.clone(), target.kind);
            let standing = services.entry(key).or_default();
            add(standing, window, counts);
            if window == 0 && target.promised == Some(true) {
                standing.promised.merge(counts);
            }
        }
    }
}
