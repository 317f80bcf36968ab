//! What the keeper decides: pure, given observations and the time; what is to be written goes out as [`Work`].

mod back;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::{Kind, Share, SlaPolicy};

use super::super::beside::Neighbours;
use super::super::board::{Board, Standing};
use super::super::code::Code;
use super::super::incident::{Incident, Step, Subject, Tracker};
use super::super::levels::{RECENT_SECONDS, RunningHours, ServiceKey, ServiceStanding, hour_of};
use super::super::observation::Observation;
use super::super::store::{Description, Outcome, Record, bundle, period_ms};
use super::super::target::{Origin, Target, TargetId};
use super::super::verdict::Verdict;
use super::hours::Hours;
use super::work::{Kept, Work};

/// A minute's observations are written so long after its beginning.
const MINUTE_GRACE_MS: i64 = 90_000;
/// Evidence of one incident: the first failure, and the first with each further code.
const MAX_EVIDENCE: usize = 8;
/// Incidents that are over and at hand; the store's archive has the older ones.
const PAST_INCIDENTS: usize = 10_000;
/// A breach is recent for a week after its end.
const RECENT_BREACH_MS: i64 = 7 * 86_400_000;

/// What is remembered of a target.
#[derive(Debug, Default)]
struct Watch {
    tracker: Tracker,
    /// The first bad observation of a row that is no incident yet.
    first_bad: Option<Arc<Observation>>,
}

/// The keeper's desk.
#[derive(Debug)]
pub struct Desk {
    policy: Arc<SlaPolicy>,
    descriptions: BTreeMap<TargetId, Description>,
    watches: BTreeMap<TargetId, Watch>,
    board: BTreeMap<TargetId, Arc<Standing>>,
    neighbours: Neighbours,
    hours: Hours,
    minutes: BTreeMap<u32, Vec<Record>>,
    incidents: BTreeMap<u64, Arc<Incident>>,
    next_incident: u64,
    next_number: u32,
    work: Work,
}

/// An observation as it was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The observation, with what it contradicts elsewhere.
    pub observation: Arc<Observation>,
    /// What it counts as; none for a gap.
    pub verdict: Option<Verdict>,
}

impl Desk {
    /// A desk that goes on where another stopped, or was stopped.
    #[must_use]
    pub fn new(policy: Arc<SlaPolicy>, kept: Kept, now_ms: i64) -> Self {
        let Kept { targets, incidents, open_hour } = kept;
        let next_number = targets.iter().map(|one| one.number.saturating_add(1)).max().unwrap_or_default();
        let next_incident = incidents.iter().map(|one| one.number.saturating_add(1)).max().unwrap_or(1);
        let mut desk = Self {
            policy,
            descriptions: targets.into_iter().map(|one| (one.id(), one)).collect(),
            watches: BTreeMap::new(),
            board: BTreeMap::new(),
            neighbours: Neighbours::default(),
            hours: Hours::new(open_hour.unwrap_or_else(|| hour_of(now_ms))),
            minutes: BTreeMap::new(),
            incidents: BTreeMap::new(),
            next_incident,
            next_number,
            work: Work::default(),
        };
        let by_text: BTreeMap<String, TargetId> =
            desk.descriptions.keys().map(|id| (id.to_string(), *id)).collect();
        for incident in incidents {
            if incident.is_open()
                && let Some(id) = by_text.get(&incident.target)
            {
                desk.watches.entry(*id).or_default().tracker.open = Some(incident.clone());
            }
            desk.incidents.insert(incident.number, Arc::new(incident));
        }
        desk
    }

    /// The targets' ids by their numbers.
    #[must_use]
    pub fn ids(&self) -> BTreeMap<u32, TargetId> {
        self.descriptions.iter().map(|(id, description)| (description.number, *id)).collect()
    }

    /// Takes note of a probe of a time before this desk began, in the order of their times.
    pub fn recall(&mut self, record: &Record, id: Option<&TargetId>) {
        if let Some(id) = id
            && record.outcome != Outcome::Excused
        {
            let watch = self.watches.entry(*id).or_default();
            watch.tracker.recent.add(record.at_ms, record.outcome == Outcome::Bad);
        }
        if hour_of(record.at_ms) >= self.hours.open() {
            self.hours.count(record, id.and_then(|id| self.descriptions.get(id)));
        } else {
            self.hours.recall(record);
        }
    }

    /// Hours that were closed already are open again.
    pub fn open_again(&mut self, hours: RunningHours) {
        self.hours.open_again(hours);
    }

    /// What is watched from now on.
    pub fn watch(&mut self, targets: &[Arc<Target>], now_ms: i64) {
        let wanted: BTreeSet<TargetId> = targets.iter().map(|target| target.id).collect();
        let mut changed = BTreeSet::new();
        for target in targets {
            self.described(target, now_ms, &mut changed);
            let standing = self.board.entry(target.id).or_insert_with(|| {
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
        self.board.retain(|id, _| wanted.contains(id));
        self.neighbours = Neighbours::of(self.board.values().map(|standing| &*standing.target));
        // Nobody can say how an incident of a target goes on that is not watched any more: it ends here.
        for (id, watch) in &mut self.watches {
            if !wanted.contains(id)
                && let Some(mut incident) = watch.tracker.open.take()
            {
                incident.ended_ms = Some(now_ms.max(incident.began_ms));
                put(&mut self.incidents, &mut self.work, incident);
            }
        }
        self.watches.retain(|id, _| wanted.contains(id));
        let changed = changed.iter().filter_map(|id| self.descriptions.get(id));
        self.work.targets.extend(changed.cloned());
    }

    fn described(&mut self, target: &Target, now_ms: i64, changed: &mut BTreeSet<TargetId>) -> u32 {
        let next = &mut self.next_number;
        let description = self.descriptions.entry(target.id).or_insert_with(|| {
            changed.insert(target.id);
            let number = *next;
            *next = next.saturating_add(1);
            Description::new(number, target, now_ms)
        });
        let period_ms = period_ms(target);
        if !description.is_watched() || description.period_ms != period_ms {
            description.begin(now_ms);
            description.period_ms = period_ms;
            changed.insert(target.id);
        }
        description.number
    }

    /// Takes an observation, and says what it counts as. None is one that is left out.
    pub fn take(&mut self, mut observation: Observation) -> Option<Taken> {
        let target = observation.target.clone();
        // A probe that was under way when its target went.
        let description = self.descriptions.get(&target.id).filter(|one| one.is_watched())?;
        let number = description.number;
        if observation.is_valid() {
            let limits = self.policy.limits(target.operator.as_str(), target.kind);
            let beside = self.neighbours.findings(&self.board, &observation, &limits);
            observation.findings.extend(beside);
        }
        let (observation, verdict) = match Verdict::of(&self.policy, &observation) {
            Some(verdict) => (Arc::new(observation), verdict),
            // A gap counts neither for nor against the service, and is no last word on it.
            None => return Some(Taken { observation: Arc::new(observation), verdict: None }),
        };
        let at_ms = self.hours.counts_at(observation.at_ms);
        let record = Record { at_ms, ..Record::of(number, &observation, &verdict) };
        self.hours.count(&record, self.descriptions.get(&target.id));
        let minute = u32::try_from(at_ms.div_euclid(60_000)).unwrap_or_default();
        self.stand(&observation, &verdict);
        self.incident(&observation, &record, &verdict.bad);
        self.minutes.entry(minute).or_default().push(record);
        Some(Taken { observation, verdict: Some(verdict) })
    }

    fn stand(&mut self, observation: &Arc<Observation>, verdict: &Verdict) {
        let Some(standing) = self.board.get_mut(&observation.target.id) else { return };
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
        let watch = self.watches.entry(target.id).or_default();
        match record.outcome {
            Outcome::Good => watch.first_bad = None,
            Outcome::Bad if watch.tracker.open.is_none() && watch.first_bad.is_none() => {
                watch.first_bad = Some(observation.clone());
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
            is_promised: target.origins.iter().any(|origin| *origin != Origin::Application),
        };
        let mut closed = None;
        let step = watch.tracker.take(record, bad, terms, subject, &mut closed);
        let proof = match step {
            Step::Same => return,
            Step::Opened => {
                self.next_incident = self.next_incident.saturating_add(1);
                watch.first_bad.take()
            }
            Step::Grew => Some(observation.clone()),
            Step::Breached | Step::Closed => None,
        };
        if let (Some(proof), Some(open)) = (proof, &mut watch.tracker.open)
            && open.evidence.len() < MAX_EVIDENCE
        {
            let bundle = bundle(&proof);
            let digest = Digest::of(&bundle);
            if !open.evidence.contains(&digest) {
                open.evidence.push(digest);
                self.work.evidence.push((target.operator.clone(), bundle));
            }
        }
        let incident = closed.or_else(|| watch.tracker.open.clone());
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
                    Step::Grew | Step::Same => "has a further reason",
                }
            );
            put(&mut self.incidents, &mut self.work, incident);
        }
    }

    /// Time has passed: what is to be written now.
    pub fn tick(&mut self, now_ms: i64) -> Work {
        let written = now_ms.saturating_sub(MINUTE_GRACE_MS).div_euclid(60_000);
        let written = u32::try_from(written).unwrap_or_default();
        let later = self.minutes.split_off(&written.saturating_add(1));
        self.work.raw = std::mem::replace(&mut self.minutes, later);
        while let Some((hour, counted, is_first)) = self.hours.close_next(now_ms, self.descriptions.values())
        {
            if !counted.is_empty() {
                self.work.hours.insert(hour, counted);
                if is_first {
                    self.refresh_open_incidents();
                }
            }
        }
        std::mem::take(&mut self.work)
    }

    /// Hours before this one are closed.
    #[must_use]
    pub fn open_hour(&self) -> u32 {
        self.hours.open()
    }

    /// What could not be written is due again. An hour of it runs until it is closed.
    pub fn again(&mut self, failed: Work) {
        let Work { mut targets, hours, incidents, .. } = failed;
        targets.append(&mut self.work.targets);
        self.work.targets = targets;
        for (number, incident) in incidents {
            self.work.incidents.entry(number).or_insert(incident);
        }
        self.hours.again(hours);
    }

    /// Everything that is not written yet, before the keeper stops. The running hour stays open.
    pub fn finish(&mut self, now_ms: i64) -> Work {
        let mut work = self.tick(now_ms);
        self.refresh_open_incidents();
        work.incidents.append(&mut self.work.incidents);
        for (minute, records) in std::mem::take(&mut self.minutes) {
            work.raw.entry(minute).or_default().extend(records);
        }
        work
    }

    /// What open incidents have counted since they were written last.
    fn refresh_open_incidents(&mut self) {
        for watch in self.watches.values() {
            if let Some(open) = &watch.tracker.open {
                put(&mut self.incidents, &mut self.work, open.clone());
            }
        }
    }

    /// How things stand.
    #[must_use]
    pub fn board(&self) -> Board {
        Board { targets: self.board.clone() }
    }

    /// The incidents as they are now.
    #[must_use]
    pub fn incidents(&self) -> BTreeMap<u64, Arc<Incident>> {
        let mut incidents = self.incidents.clone();
        for watch in self.watches.values() {
            if let Some(open) = &watch.tracker.open {
                incidents.insert(open.number, Arc::new(open.clone()));
            }
        }
        incidents
    }

    /// Incidents that are to be put away: those that were over before this moment, and what is beyond the number that
    /// stays, the oldest first. A breach of the last days stays longer than what was none: whoever records its end must
    /// find it however many incidents others have. The last one always stays, as the next is numbered after it.
    #[must_use]
    pub fn past(&self, now_ms: i64, before_ms: i64) -> Vec<Arc<Incident>> {
        let recent = now_ms.saturating_sub(RECENT_BREACH_MS);
        let mut over: Vec<(bool, u64, i64)> = (self.incidents.values())
            .filter_map(|one| {
                let ended_ms = one.ended_ms?;
                Some((one.breach_ms.is_some() && ended_ms >= recent, one.number, ended_ms))
            })
            .collect();
        over.sort_unstable();
        let surplus = over.len().saturating_sub(PAST_INCIDENTS);
        let last = self.incidents.keys().next_back().copied();
        let goes = |at: usize, number: u64, ended_ms: i64| {
            (at < surplus || ended_ms < before_ms) && Some(number) != last
        };
        let numbers = over.into_iter().enumerate().filter(|(at, one)| goes(*at, one.1, one.2));
        numbers.filter_map(|(_, (_, number, _))| self.incidents.get(&number).cloned()).collect()
    }

    /// Incidents that are put away are at hand no more.
    pub fn forget(&mut self, past: &[Arc<Incident>]) {
        for incident in past {
            self.incidents.remove(&incident.number);
            // One that could not be written again is not to come back where it was put away from.
            self.work.incidents.remove(&incident.number);
        }
    }

    /// Every target by its number.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<u32, Description> {
        self.descriptions.values().map(|one| (one.number, one.clone())).collect()
    }

    /// What was counted in hours that are not closed, with what is missing up to now.
    #[must_use]
    pub fn running(&self, now_ms: i64) -> RunningHours {
        self.hours.running(now_ms, self.descriptions.values())
    }

    /// Bad and valid probes of each service in the short windows of burn rates.
    pub fn recent(&self, now_ms: i64, services: &mut BTreeMap<ServiceKey, ServiceStanding>) {
        for (id, watch) in &self.watches {
            let Some(description) = self.descriptions.get(id) else { continue };
            let key: (ParticipantId, Kind) = (description.operator.clone(), description.kind);
            let standing = services.entry(key).or_default();
            for (share, seconds) in standing.recent.iter_mut().zip(RECENT_SECONDS).take(5) {
                let Share { bad, valid } = watch.tracker.recent.share(now_ms, seconds);
                share.bad = share.bad.saturating_add(bad);
                share.valid = share.valid.saturating_add(valid);
            }
        }
    }
}

fn put(incidents: &mut BTreeMap<u64, Arc<Incident>>, work: &mut Work, incident: Incident) {
    work.incidents.insert(incident.number, incident.clone());
    incidents.insert(incident.number, Arc::new(incident));
}
