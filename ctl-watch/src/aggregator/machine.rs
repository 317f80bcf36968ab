//! The state machine of the watch. Pure but for the random bytes in evidence: observations and the time come in, [`Changes`] go out to be written.

mod set_back;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::{Kind, Share, SlaPolicy};

use super::super::changes::{Changes, Kept};
use super::super::code::Code;
use super::super::correlation::Neighbours;
use super::super::description::{Description, period_ms};
use super::super::evidence::bundle;
use super::super::gaps;
use super::super::hours::hour_of;
use super::super::incident::{Incident, SLOT_MS, Step, Subject, Tracker};
use super::super::levels::{RECENT_SECONDS, ServiceKey, ServiceStanding};
use super::super::observation::Observation;
use super::super::record::Record;
use super::super::standings::{Standing, Standings};
use super::super::target::{Target, TargetId};
use super::super::verdict::{Outcome, Verdict};

/// Probes that began in an hour may run this long after its end.
const GRACE_MS: i64 = 120_000;
/// Pieces of evidence of one incident: the first failure, and the first with each further code.
const MAX_EVIDENCE: usize = 8;
/// Closed incidents in memory; the history has all.
pub const PAST_INCIDENTS: usize = 10_000;
/// A breach is recent for a week after its end.
pub const RECENT_BREACH_MS: i64 = 7 * 86_400_000;

/// What is remembered of a target.
#[derive(Debug, Default)]
struct Tracked {
    tracker: Tracker,
    /// The first bad observation that has not become an incident yet.
    first_bad: Option<Arc<Observation>>,
    /// Whether the next bad observation is kept as evidence, whatever its codes.
    proves_anew: bool,
}

/// The state machine of the watch.
#[derive(Debug)]
pub struct StateMachine {
    policy: Arc<SlaPolicy>,
    descriptions: BTreeMap<TargetId, Description>,
    tracked: BTreeMap<TargetId, Tracked>,
    standings: BTreeMap<TargetId, Arc<Standing>>,
    neighbours: Neighbours,
    /// When each target was last probed, in Unix milliseconds, by the target's number.
    last_probes: BTreeMap<u32, i64>,
    incidents: BTreeMap<u64, Arc<Incident>>,
    next_incident: u64,
    next_number: u32,
    /// What is not written yet.
    changes: Changes,
    /// The hour in which all open incidents were last written.
    refreshed: u32,
}

/// An observation, taken in.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The observation with the contradictions to other targets.
    pub observation: Arc<Observation>,
    /// Its verdict; none for a gap.
    pub verdict: Option<Verdict>,
}

impl StateMachine {
    /// Continues from the history.
    #[must_use]
    pub fn new(policy: Arc<SlaPolicy>, kept: Kept, now_ms: i64) -> Self {
        let Kept { targets, next_target, last_probes, recent, incidents, next_incident } = kept;
        let ids: BTreeMap<u32, TargetId> = targets.iter().map(|one| (one.number, one.id())).collect();
        let by_text: BTreeMap<String, TargetId> = ids.values().map(|id| (id.to_string(), *id)).collect();
        let mut tracked: BTreeMap<TargetId, Tracked> = BTreeMap::new();
        for (slot, number, (bad, valid)) in recent {
            if let Some(id) = ids.get(&number).filter(|_| slot <= now_ms.div_euclid(SLOT_MS)) {
                tracked.entry(*id).or_default().tracker.recent.add_all(slot, bad, valid);
            }
        }
        for incident in incidents.iter().filter(|incident| incident.is_open()) {
            if let Some(id) = by_text.get(&incident.target) {
                tracked.entry(*id).or_default().tracker.open = Some(incident.clone());
            }
        }
        Self {
            policy,
            descriptions: targets.into_iter().map(|one| (one.id(), one)).collect(),
            tracked,
            standings: BTreeMap::new(),
            neighbours: Neighbours::default(),
            last_probes,
            incidents: incidents.into_iter().map(|one| (one.number, Arc::new(one))).collect(),
            next_incident: next_incident.max(1),
            next_number: next_target,
            changes: Changes::default(),
            refreshed: hour_of(now_ms),
        }
    }

    /// Sets what is watched from now on.
    pub fn watch(&mut self, targets: &[Arc<Target>], now_ms: i64) {
        let wanted: BTreeSet<TargetId> = targets.iter().map(|target| target.id).collect();
        let mut changed = BTreeSet::new();
        for target in targets {
            self.described(target, now_ms, &mut changed);
            let standing = self.standings.entry(target.id).or_insert_with(|| {
                Arc::new(Standing {
                    target: target.clone(),
                    since_ms: now_ms,
                    last: None,
                    verdict: None,
                    answered_ms: None,
                    good_ms: None,
                    facts: Default::default(),
                })
            });
            if !Arc::ptr_eq(&standing.target, target) {
                Arc::make_mut(standing).target = target.clone();
            }
        }
        for (id, description) in &mut self.descriptions {
            if !wanted.contains(id) && description.is_watched() {
                description.end(now_ms);
                changed.insert(*id);
            }
        }
        self.standings.retain(|id, _| wanted.contains(id));
        self.neighbours = Neighbours::of(self.standings.values().map(|standing| &*standing.target));
        // An incident whose target is no longer watched ends here: nobody can see how it goes on.
        for (id, tracked) in &mut self.tracked {
            if !wanted.contains(id)
                && let Some(mut incident) = tracked.tracker.open.take()
            {
                incident.ended_ms = Some(now_ms.max(incident.began_ms));
                incident.unwatched = true;
                put(&mut self.incidents, &mut self.changes, incident);
            }
        }
        self.tracked.retain(|id, _| wanted.contains(id));
        let changed = changed.iter().filter_map(|id| self.descriptions.get(id));
        self.changes.targets.extend(changed.map(|one| (one.number, one.clone())));
    }

    fn described(&mut self, target: &Target, now_ms: i64, changed: &mut BTreeSet<TargetId>) -> u32 {
        let next = &mut self.next_number;
        let description = self.descriptions.entry(target.id).or_insert_with(|| {
            changed.insert(target.id);
            let number = *next;
            *next = next.saturating_add(1);
            Description::new(number, target, now_ms)
        });
        if description.named_by(target) {
            changed.insert(target.id);
        }
        let period_ms = period_ms(target);
        if !description.is_watched() || description.period_ms != period_ms {
            description.begin(now_ms);
            description.period_ms = period_ms;
            changed.insert(target.id);
        }
        description.number
    }

    /// Takes an observation and gives its verdict; none if its target is not watched.
    pub fn take(&mut self, mut observation: Observation) -> Option<Taken> {
        let target = observation.target.clone();
        // The probe was still running when its target was removed.
        let number = self.descriptions.get(&target.id).filter(|one| one.is_watched())?.number;
        if observation.is_valid() {
            let limits = self.policy.limits(target.operator.as_str(), target.kind);
            let contradictions = self.neighbours.findings(&self.standings, &observation, &limits);
            observation.findings.extend(contradictions);
        }
        let (observation, verdict) = match Verdict::of(&self.policy, &observation) {
            Some(verdict) => (Arc::new(observation), verdict),
            // A gap counts neither for nor against the service, and does not change its standing.
            None => return Some(Taken { observation: Arc::new(observation), verdict: None }),
        };
        let record = Record::of(number, &observation, &verdict);
        if let Some(description) = self.descriptions.get(&target.id) {
            let last = self.last_probes.insert(number, record.at_ms);
            gaps::count(&record, last, description, &mut self.changes.hours);
            self.changes.last_probes.insert(number, record.at_ms);
        }
        if record.outcome != Outcome::Excused {
            let slot = self.changes.recent.entry((record.at_ms.div_euclid(SLOT_MS), number)).or_default();
            slot.0 = slot.0.saturating_add(u16::from(record.outcome == Outcome::Bad));
            slot.1 = slot.1.saturating_add(1);
        }
        self.stand(&observation, &verdict);
        self.incident(&observation, &record, &verdict.bad);
        Some(Taken { observation, verdict: Some(verdict) })
    }

    fn stand(&mut self, observation: &Arc<Observation>, verdict: &Verdict) {
        let Some(standing) = self.standings.get_mut(&observation.target.id) else { return };
        let standing = Arc::make_mut(standing);
        standing.last = Some(observation.clone());
        standing.verdict = Some(verdict.clone());
        if verdict.answered {
            standing.answered_ms = Some(observation.at_ms);
        }
        if verdict.is_conforming() {
            standing.good_ms = Some(observation.at_ms);
        }
        standing.facts = standing.facts.then(&observation.facts);
    }

    fn incident(&mut self, observation: &Arc<Observation>, record: &Record, bad: &[Code]) {
        let target = &observation.target;
        let Some(terms) = self.policy.terms(target.operator.as_str(), target.kind) else { return };
        let id = target.id.to_string();
        let tracked = self.tracked.entry(target.id).or_default();
        match record.outcome {
            Outcome::Good => tracked.first_bad = None,
            Outcome::Bad if tracked.tracker.open.is_none() && tracked.first_bad.is_none() => {
                tracked.first_bad = Some(observation.clone());
            }
            Outcome::Bad | Outcome::Excused => {}
        }
        let subject = Subject {
            next: self.next_incident,
            target: &id,
            kind: target.kind,
            operator: &target.operator,
            url: &target.url,
            period_ms: i64::try_from(period_ms(target)).unwrap_or(i64::MAX),
            is_promised: target.is_promised(),
        };
        let (mut closed, mut anew) = (None, false);
        let step = tracked.tracker.take(record, bad, terms, subject, &mut closed);
        let is_open = tracked.tracker.open.is_some();
        if record.outcome == Outcome::Bad || !is_open {
            anew = std::mem::take(&mut tracked.proves_anew) && is_open && step != Step::Opened;
        }
        let proof = match step {
            Step::Same if !anew => return,
            Step::Opened => {
                self.next_incident = self.next_incident.saturating_add(1);
                tracked.first_bad.take()
            }
            Step::Grew => Some(observation.clone()),
            Step::Same | Step::Breached | Step::Closed => anew.then(|| observation.clone()),
        };
        if let (Some(proof), Some(open)) = (proof, &mut tracked.tracker.open) {
            if anew {
                // The oldest proves most.
                open.evidence.truncate(MAX_EVIDENCE - 1);
            }
            if open.evidence.len() < MAX_EVIDENCE {
                match bundle(&proof) {
                    Ok(bundle) => {
                        open.evidence.push(Digest::of(&bundle));
                        self.changes.evidence.push((target.operator.clone(), proof.at_ms, bundle));
                    }
                    Err(error) => tracing::error!(%error, "evidence is not kept: no random bytes"),
                }
            }
        }
        let incident = closed.or_else(|| tracked.tracker.open.clone());
        if let Some(incident) = incident {
            tracing::info!(
                incident = incident.number,
                operator = %incident.operator,
                kind = %incident.kind,
                url = incident.url,
                failures = incident.failures,
                "incident {}",
                match step {
                    Step::Opened => "opened",
                    Step::Breached => "is a breach",
                    Step::Closed => "is over",
                    Step::Grew => "has a further reason",
                    Step::Same => "has further evidence",
                }
            );
            put(&mut self.incidents, &mut self.changes, incident);
        }
    }

    /// Keeps the next bad observation of these open incidents as evidence.
    pub fn prove_anew(&mut self, incidents: &BTreeSet<u64>) {
        for tracked in self.tracked.values_mut() {
            tracked.proves_anew |=
                tracked.tracker.open.as_ref().is_some_and(|open| incidents.contains(&open.number));
        }
    }

    /// Takes out what is to be written now.
    pub fn changes(&mut self, now_ms: i64) -> Changes {
        let hour = hour_of(now_ms);
        if std::mem::replace(&mut self.refreshed, hour) != hour {
            self.refresh_open_incidents();
        }
        std::mem::take(&mut self.changes)
    }

    /// Takes out everything that is not written yet, before the watch stops.
    pub fn finish(&mut self) -> Changes {
        self.refresh_open_incidents();
        std::mem::take(&mut self.changes)
    }

    /// Takes back what could not be written.
    pub fn put_back(&mut self, failed: Changes) {
        self.changes.put_back(failed);
    }

    /// Schedules everything in memory to be written again, as the history was lost.
    pub fn write_again(&mut self) {
        self.changes.targets = self.targets();
        self.changes.last_probes.clone_from(&self.last_probes);
        let incidents = self.incidents.values().map(|one| (one.number, (**one).clone()));
        self.changes.incidents = incidents.collect();
        self.refresh_open_incidents();
    }

    /// The first hour that may still change; all earlier ones are complete in these changes.
    #[must_use]
    pub fn open_hour(now_ms: i64) -> u32 {
        hour_of(now_ms.saturating_sub(GRACE_MS))
    }

    /// Schedules all open incidents to be written.
    fn refresh_open_incidents(&mut self) {
        for tracked in self.tracked.values() {
            if let Some(open) = &tracked.tracker.open {
                put(&mut self.incidents, &mut self.changes, open.clone());
            }
        }
    }

    /// How things stand.
    #[must_use]
    pub fn standings(&self) -> Standings {
        Standings { targets: self.standings.clone() }
    }

    /// The incidents as they are now.
    #[must_use]
    pub fn incidents(&self) -> BTreeMap<u64, Arc<Incident>> {
        let mut incidents = self.incidents.clone();
        for tracked in self.tracked.values() {
            if let Some(open) = &tracked.tracker.open {
                incidents.insert(open.number, Arc::new(open.clone()));
            }
        }
        incidents
    }

    /// Drops from memory incidents that ended before a moment, and the oldest closed ones beyond the limit. Breaches of
    /// the last days stay longer: whoever records their end must find them, however many incidents others have.
    pub fn trim(&mut self, now_ms: i64, before_ms: i64) {
        let recent = now_ms.saturating_sub(RECENT_BREACH_MS);
        let mut over: Vec<(bool, u64, i64)> = (self.incidents.values())
            .filter_map(|one| {
                let ended_ms = one.ended_ms?;
                Some((one.breach_ms.is_some() && ended_ms >= recent, one.number, ended_ms))
            })
            .collect();
        over.sort_unstable();
        let surplus = over.len().saturating_sub(PAST_INCIDENTS);
        for (place, (_, number, ended_ms)) in over.into_iter().enumerate() {
            let goes = place < surplus || ended_ms < before_ms;
            if goes && !self.changes.incidents.contains_key(&number) {
                self.incidents.remove(&number);
            }
        }
    }

    /// Every target by its number.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<u32, Description> {
        self.descriptions.values().map(|one| (one.number, one.clone())).collect()
    }

    /// Adds the bad and valid probes of each service in the short windows of burn rates.
    pub fn recent(&self, now_ms: i64, services: &mut BTreeMap<ServiceKey, ServiceStanding>) {
        for (id, tracked) in &self.tracked {
            let Some(description) = self.descriptions.get(id) else { continue };
            let key: (ParticipantId, Kind) = (description.operator.clone(), description.kind);
            let standing = services.entry(key).or_default();
            for (share, seconds) in standing.recent.iter_mut().zip(RECENT_SECONDS).take(5) {
                let Share { bad, valid } = tracked.tracker.recent.share(now_ms, seconds);
                share.bad = share.bad.saturating_add(bad);
                share.valid = share.valid.saturating_add(valid);
            }
        }
    }
}

fn put(incidents: &mut BTreeMap<u64, Arc<Incident>>, changes: &mut Changes, incident: Incident) {
    changes.incidents.insert(incident.number, incident.clone());
    incidents.insert(incident.number, Arc::new(incident));
}
