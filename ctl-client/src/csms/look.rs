//! How the stations of a back end stand, by what is remembered of them: what plan, `status` and the end of a sync are
//! made from.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ctl_core::Digest;

use super::StationsSink;
use super::config::BackEndConfig;
use super::plan::{Goal, Step};
use super::rollout::{Pause, Staging};
use super::station::{Entry, Record};
use super::stations::{self, Station};
use super::wants::{Kind, Roots, Version, Wants};
use crate::error::ClientError;
use crate::sink::{Standing, StationCounts, StationLine, Stores};
use crate::store::TrustStore;

/// So many stations are named in a message.
const NAMED: usize = 10;

/// What the last plan was made from, and how each station stood.
pub(super) struct Planned {
    pub(super) stations: Vec<Station>,
    pub(super) roots: Roots,
    pub(super) wants: BTreeMap<Version, Wants>,
    pub(super) staging: Staging,
    pub(super) lines: RefCell<Vec<StationLine>>,
    /// Whether all stations hold what they should, and none has to be read again.
    pub(super) in_place: bool,
}

impl Planned {
    pub(super) fn goal<'a>(&'a self, station: &Station, config: &BackEndConfig) -> Option<Goal<'a>> {
        Some(Goal {
            wants: self.wants.get(&station.version)?,
            roots: &self.roots,
            reread: config.reread_seconds,
            retry: config.retry_seconds,
            turn: self.staging.turn(&station.id),
        })
    }

    pub(super) fn wanted(&self) -> BTreeSet<Digest> {
        self.wants.values().flat_map(Wants::all).map(|(_, root)| root).collect()
    }
}

impl StationsSink {
    pub(super) async fn look(
        &self,
        store: &TrustStore,
        placed: &BTreeSet<Digest>,
    ) -> Result<Rc<Planned>, ClientError> {
        let stations =
            stations::load(&self.config, self.brand).await.map_err(|problem| self.error(problem))?;
        let (roots, are_kept) = self.roots(store)?;
        let versions: BTreeSet<Version> = stations.iter().map(|station| station.version).collect();
        let wants: BTreeMap<Version, Wants> = versions
            .into_iter()
            .map(|version| (version, Wants::of(store, &roots, placed, version)))
            .collect();
        let staging = self.staging(&wants);
        let mut planned =
            Planned { stations, roots, wants, staging, lines: RefCell::default(), in_place: are_kept };
        self.count(&planned)?;
        let (lines, are_done) = self.lines(&planned)?;
        planned.in_place &= are_done && self.is_remembered(&planned.staging);
        planned.lines = lines.into();
        let planned = Rc::new(planned);
        *self.planned.borrow_mut() = Some(planned.clone());
        Ok(planned)
    }

    /// The certificates that are known, and whether all of them are kept. What was ever listed is: distrust has no
    /// certificate, and stations know nothing else.
    pub(super) fn roots(&self, store: &TrustStore) -> Result<(Roots, bool), ClientError> {
        let mut roots = self.memory.roots()?;
        let kept = roots.all().count();
        let listed = store.anchors.iter().map(|anchor| &anchor.certificate).chain(&store.withheld);
        listed.for_each(|certificate| roots.add(certificate.clone()));
        let are_kept = kept == roots.all().count();
        Ok((roots, are_kept))
    }

    /// Whether just this is remembered of the roll-out; what is lost is not remembered anew.
    pub(super) fn is_remembered(&self, staging: &Staging) -> bool {
        staging.remembered().is_none_or(|remembered| self.memory.rollout() == Ok(Some(remembered)))
    }

    /// The roll-out of what is wanted now.
    pub(super) fn staging(&self, wants: &BTreeMap<Version, Wants>) -> Staging {
        let mut wanted: BTreeMap<Kind, BTreeSet<Digest>> = BTreeMap::new();
        for (kind, root) in wants.values().flat_map(Wants::all) {
            wanted.entry(kind).or_default().insert(root);
        }
        let distrusted = wants.values().flat_map(|wants| wants.distrusted.iter().copied()).collect();
        let rules = &self.config.rollout;
        let former = match self.memory.rollout() {
            // Nobody waits for anything, so that nothing is lost.
            Err(_) if rules.is_none() => Ok(None),
            former => former,
        };
        let settled = former.map(|former| {
            former.unwrap_or_default().settle(rules.as_ref(), &wanted, &distrusted, (self.now)())
        });
        Staging::new(rules.clone(), settled)
    }

    /// Into which of the stations' stores what is trusted belongs, without asking anybody.
    pub(super) fn stores_of(&self, trust: &TrustStore) -> Result<Stores, ClientError> {
        let (roots, _) = self.roots(trust)?;
        let versions = stations::versions(&self.config, self.brand).into_iter();
        let wants: BTreeMap<Version, Wants> =
            versions.map(|version| (version, Wants::of(trust, &roots, &BTreeSet::new(), version))).collect();
        let rollout = self.staging(&wants).status((self.now)()).unwrap_or_default();
        let mut stores = Stores::default();
        for (version, wants) in wants {
            for (kind, root) in wants.all() {
                let mut place = format!("{kind} of stations that speak OCPP {version}");
                if let Some(line) = rollout.lines.iter().find(|line| line.roots.contains(&root)) {
                    let paused = if rollout.paused.is_some() { "; it is PAUSED" } else { "" };
                    place.push_str(&format!("; {line}{paused}"));
                }
                stores.elsewhere.entry(root).or_default().push(place);
            }
            stores.left_out.extend(wants.left_out);
        }
        Ok(stores)
    }

    /// Counts who was asked for what is rolled out, and who refused it.
    fn count(&self, planned: &Planned) -> Result<(), ClientError> {
        let (now, staging) = ((self.now)(), &planned.staging);
        if !staging.is_under_way(now) {
            return Ok(());
        }
        for station in &planned.stations {
            let mut record = self.memory.load(&station.id)?.record;
            if let Some(wants) = planned.wants.get(&station.version) {
                record.aim(wants.digest());
            }
            staging.count(&record, now);
        }
        staging.judge(now);
        Ok(())
    }

    pub(super) fn lines(&self, planned: &Planned) -> Result<(Vec<StationLine>, bool), ClientError> {
        let (mut lines, mut in_place) = (Vec::new(), true);
        for station in &planned.stations {
            let Some(goal) = planned.goal(station, &self.config) else { continue };
            let record = self.memory.load(&station.id)?.record;
            let (line, is_done) = self.line(station, &goal, record);
            in_place &= is_done;
            lines.push(line);
        }
        Ok((lines, in_place))
    }

    /// How a station stands, and whether there is nothing to do about it.
    fn line(&self, station: &Station, goal: &Goal<'_>, mut record: Record) -> (StationLine, bool) {
        let now = (self.now)();
        record.aim(goal.wants.digest());
        let (decision, standing) = match self.brand.reads_back() {
            true => (goal.next(&record, now), goal.standing(&record, now)),
            false => (goal.next_blind(&record, now), goal.standing_blind(&record, now)),
        };
        let (wanted, entries) = (goal.wants.count(), record.seen.as_ref().map(|seen| &seen.entries));
        let foreign = |entry: &&Entry| goal.is_foreign(&record, entry) && !goal.is_distrusted(entry);
        let may_hold_distrusted = goal.may_hold_distrusted(&record, now);
        let mut reasons = decision.reasons;
        if standing == Standing::Waiting {
            let waiting = goal.wants.all().filter(|(kind, root)| !goal.turn.has_come(*kind, root, now));
            reasons.extend(waiting.map(|(kind, root)| {
                let (kind_word, root_word) = (kind.short(), root.short());
                format!("{kind_word} {root_word} comes {}", goal.turn.words(kind, &root))
            }));
        }
        if record.was_damaged {
            reasons.push("its file here was damaged once: what it was given before counts as others'".into());
        }
        let line = StationLine {
            station: station.id.clone(),
            ocpp: station.version.to_string(),
            standing,
            wanted,
            held: entries.map(|entries| wanted.saturating_sub(goal.missing(entries).len())),
            foreign: entries.map_or(0, |entries| entries.iter().filter(foreign).count()),
            read_at: record.seen.as_ref().map(|seen| seen.at),
            may_hold_distrusted,
            reasons,
        };
        (line, decision.step == Step::Done && !may_hold_distrusted)
    }

    /// What others put into stations: by fingerprint where it is known, or else by a digest of its name.
    pub(super) fn foreign(&self, planned: &Planned) -> Result<BTreeSet<Digest>, ClientError> {
        let mut foreign = BTreeSet::new();
        let lines = planned.lines.borrow();
        let holding = planned.stations.iter().zip(&*lines).filter(|(_, line)| line.foreign > 0);
        for (station, _) in holding {
            let Some(goal) = planned.goal(station, &self.config) else { continue };
            let record = self.memory.load(&station.id)?.record;
            for entry in record.seen.iter().flat_map(|seen| &seen.entries) {
                if goal.is_foreign(&record, entry) && !goal.is_distrusted(entry) {
                    let known = planned.roots.named(&entry.name).next().copied();
                    foreign
                        .insert(known.unwrap_or_else(|| Digest::of(&ctl_core::json::canonical(&entry.name))));
                }
            }
        }
        Ok(foreign)
    }
}

/// What is not as it should be, in lines for people: first what is worst.
pub(super) fn missing(lines: &[StationLine], unfinished: usize, paused: Option<Pause>) -> Vec<String> {
    let is_well = |standing| matches!(standing, Standing::Installed | Standing::Waiting | Standing::Sent);
    let wrong = |line: &&StationLine| line.may_hold_distrusted || !is_well(line.standing);
    let mut wrong: Vec<&StationLine> = lines.iter().filter(wrong).collect();
    if wrong.is_empty() && unfinished == 0 && paused.is_none() {
        return vec![];
    }
    wrong.sort_by_key(|line| !line.may_hold_distrusted);
    let mut missing = vec![StationCounts::of(lines).to_string()];
    missing.extend(paused.map(|pause| format!("the roll-out is paused: {}", pause.reason)));
    if unfinished > 0 {
        missing.push(format!(
            "the time of a sync (sync_seconds) was over before {unfinished} stations were through"
        ));
    }
    missing.extend(wrong.iter().take(NAMED).map(|line| {
        let danger = if line.may_hold_distrusted { ", MAY HOLD A DISTRUSTED ROOT" } else { "" };
        let reason = line.reasons.first().map_or_else(String::new, |reason| format!(": {reason}"));
        format!("{} {}{danger}{reason}", line.station, line.standing)
    }));
    if wrong.len() > NAMED {
        missing.push(format!("and {} more: status --stations", wrong.len().saturating_sub(NAMED)));
    }
    missing
}
