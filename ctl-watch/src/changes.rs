//! What the state machine and the history exchange: what the machine starts with, and what has changed since it was
//! written.

use std::collections::BTreeMap;

use ctl_core::names::ParticipantId;
use ctl_policy::sla::Counts;

use super::description::Description;
use super::incident::Incident;

/// Counts by hour and the target's number.
pub type CountedHours = BTreeMap<u32, BTreeMap<u32, Counts>>;

/// Changes to write.
#[derive(Debug, Default)]
pub struct Changes {
    /// Current targets by number.
    pub targets: BTreeMap<u32, Description>,
    /// When targets were probed last, in Unix milliseconds.
    pub last_probes: BTreeMap<u32, i64>,
    /// Bad and valid probes by slot and target; added to what is stored.
    pub recent: BTreeMap<(i64, u32), (u16, u16)>,
    /// Counts; added to what is stored.
    pub hours: CountedHours,
    /// Evidence: the operator, the time of the observation in Unix milliseconds, and the document.
    pub evidence: Vec<(ParticipantId, i64, Vec<u8>)>,
    /// Current incidents by number.
    pub incidents: BTreeMap<u64, Incident>,
}

impl Changes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { targets, last_probes, recent, hours, evidence, incidents } = self;
        targets.is_empty()
            && last_probes.is_empty()
            && recent.is_empty()
            && hours.is_empty()
            && evidence.is_empty()
            && incidents.is_empty()
    }

    /// Takes back changes that could not be written. Where both change the same, the newer one wins.
    pub fn put_back(&mut self, earlier: Self) {
        fn older<K: Ord, V>(newer: &mut BTreeMap<K, V>, older: BTreeMap<K, V>) {
            for (key, value) in older {
                newer.entry(key).or_insert(value);
            }
        }
        older(&mut self.targets, earlier.targets);
        older(&mut self.last_probes, earlier.last_probes);
        older(&mut self.incidents, earlier.incidents);
        for (key, (bad, valid)) in earlier.recent {
            let sum = self.recent.entry(key).or_default();
            *sum = (sum.0.saturating_add(bad), sum.1.saturating_add(valid));
        }
        for (hour, counted) in earlier.hours {
            let sums = self.hours.entry(hour).or_default();
            counted.iter().for_each(|(number, counts)| sums.entry(*number).or_default().merge(counts));
        }
        self.evidence.extend(earlier.evidence);
    }
}

/// What a state machine starts with.
#[derive(Debug, Default)]
pub struct Kept {
    /// Every target that was ever watched.
    pub targets: Vec<Description>,
    /// The number of the next target.
    pub next_target: u32,
    /// When each target was probed last, in Unix milliseconds.
    pub last_probes: BTreeMap<u32, i64>,
    /// Bad and valid probes by slot and target, in order.
    pub recent: Vec<(i64, u32, (u16, u16))>,
    /// Incidents that are open, and the newest of those that are over.
    pub incidents: Vec<Incident>,
    /// The number of the next incident.
    pub next_incident: u64,
}
