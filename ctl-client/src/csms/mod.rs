//! Sinks that are charging stations behind a back end (CSMS): the back end is asked to install, to remove, and to ask
//! stations what they hold. In `plan` is the decision for one station, in `drive` the work for thousands.
//!
//! What a station should hold follows from `wants`, what is remembered of it stands in `station` and is kept by `memory`.
//! `message` are OCPP's messages, `hash` is how OCPP names certificates; `back_end`, `http` and `callbacks` are how the
//! back ends themselves are spoken to.

mod back_end;
mod callbacks;
pub mod config;
mod drive;
mod http;
pub mod memory;
pub mod message;
pub mod plan;
pub mod station;
mod stations;
pub mod wants;

pub use crate::hash_data as hash;

#[cfg(test)]
mod plan_tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use ctl_core::{Digest, Timestamp};

use self::back_end::BackEnd;
use self::callbacks::Callbacks;
use self::config::{BackEndConfig, Brand};
use self::drive::Drive;
use self::http::Api;
use self::memory::Memory;
use self::plan::{Goal, Step};
use self::station::Record;
use self::stations::Station;
use self::wants::{Roots, Version, Wants};
use crate::error::ClientError;
use crate::files::Files;
use crate::sink::{Applied, Commands, Doing, Plan, Prepared, Sink, Standing, StationCounts, StationLine};
use crate::store::TrustStore;

/// So many stations are named in a message.
const NAMED: usize = 10;

/// The stations behind one back end.
pub struct StationsSink {
    brand: Brand,
    config: BackEndConfig,
    memory: Memory,
    now: Box<dyn Fn() -> Timestamp>,
    callbacks: RefCell<Option<Rc<Callbacks>>>,
    planned: RefCell<Option<Rc<Planned>>>,
}

/// What the last plan was made from, and how each station stood.
struct Planned {
    stations: Vec<Station>,
    roots: Roots,
    wants: BTreeMap<Version, Wants>,
    lines: Vec<StationLine>,
    /// Whether all stations hold what they should, and none has to be read again.
    in_place: bool,
}

impl StationsSink {
    /// As configured.
    #[must_use]
    pub fn new(brand: Brand, config: BackEndConfig) -> Self {
        let memory = Memory::new(&config.directory, &name(brand, &config));
        let (callbacks, planned) = (RefCell::default(), RefCell::default());
        Self { brand, config, memory, now: Box::new(crate::sync::system_time), callbacks, planned }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> Timestamp + 'static) -> Self {
        self.now = Box::new(now);
        self
    }

    fn error(&self, problem: String) -> ClientError {
        ClientError::Sink { sink: self.name(), problem }
    }

    async fn look(&self, store: &TrustStore, placed: &BTreeSet<Digest>) -> Result<Rc<Planned>, ClientError> {
        let stations =
            stations::load(&self.config, self.brand).await.map_err(|problem| self.error(problem))?;
        let mut roots = self.memory.roots()?;
        let kept = roots.all().count();
        let listed = store.anchors.iter().map(|anchor| &anchor.certificate).chain(&store.withheld);
        listed.for_each(|certificate| roots.add(certificate.clone()));
        let versions: BTreeSet<Version> = stations.iter().map(|station| station.version).collect();
        let versions = if versions.is_empty() { [self.config.version(self.brand)].into() } else { versions };
        let wants = versions
            .into_iter()
            .map(|version| (version, Wants::of(store, &roots, placed, version)))
            .collect();
        let mut planned = Planned { stations, roots, wants, lines: vec![], in_place: true };
        (planned.lines, planned.in_place) = self.lines(&planned)?;
        // What was ever listed is kept: distrust has no certificate, and stations know nothing else.
        planned.in_place &= kept == planned.roots.all().count();
        let planned = Rc::new(planned);
        *self.planned.borrow_mut() = Some(planned.clone());
        Ok(planned)
    }

    fn lines(&self, planned: &Planned) -> Result<(Vec<StationLine>, bool), ClientError> {
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
        let foreign = |entry: &&station::Entry| goal.is_foreign(&record, entry) && !goal.is_distrusted(entry);
        let may_hold_distrusted = goal.may_hold_distrusted(&record, now);
        let mut reasons = decision.reasons;
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

    /// The listener, which stays for as long as this runtime does.
    async fn callbacks(&self) -> Result<Rc<Callbacks>, ClientError> {
        let open = self.callbacks.borrow().clone().filter(|callbacks| callbacks.is_open());
        if let Some(callbacks) = open {
            return Ok(callbacks);
        }
        *self.callbacks.borrow_mut() = None;
        let config =
            self.config.callback.as_ref().ok_or_else(|| self.error("[sink.callback] is missing".into()))?;
        let callbacks = Rc::new(Callbacks::open(config).await.map_err(|problem| self.error(problem))?);
        *self.callbacks.borrow_mut() = Some(callbacks.clone());
        Ok(callbacks)
    }

    async fn apply(&self, files: &dyn Files, planned: &Planned) -> Result<Applied, ClientError> {
        // First what stations may hold from now on, so that it can be named for as long.
        self.memory.keep(files, &planned.roots)?;
        let api = Api::open(&self.config).map_err(|problem| self.error(problem))?;
        let callbacks = match self.brand {
            Brand::Citrineos => Some(self.callbacks().await?),
            Brand::Maeve | Brand::Steve => None,
        };
        let back_end = match (self.brand, &callbacks) {
            (Brand::Citrineos, Some(callbacks)) => {
                BackEnd::Citrineos { api, tenant: self.config.tenant.unwrap_or(1), callbacks }
            }
            (Brand::Steve, _) => BackEnd::Steve { api },
            _ => BackEnd::Maeve { api },
        };
        let drive = Drive {
            back_end,
            memory: &self.memory,
            files,
            now: &*self.now,
            at_once: self.config.at_once,
            time: Duration::from_secs(self.config.sync_seconds),
        };
        let mut due: Vec<(&Station, Goal<'_>, &StationLine)> = Vec::new();
        for (station, line) in planned.stations.iter().zip(&planned.lines) {
            due.extend(planned.goal(station, &self.config).map(|goal| (station, goal, line)));
        }
        // Distrust before everything else, and before those that keep nobody waiting.
        due.sort_by_key(|(_, _, line)| (!line.may_hold_distrusted, line.standing == Standing::Offline));
        let due = due.into_iter().map(|(station, goal, _)| (station, goal)).collect();
        let driven = drive.run(due).await?;
        let (lines, _) = self.lines(planned)?;
        if let Some(trouble) = driven.trouble {
            let counts = StationCounts::of(&lines);
            return Err(self.error(format!("the back end: {trouble} ({counts})")));
        }
        let missing = missing(&lines, driven.unfinished);
        Ok(match (driven.unfinished, missing.is_empty()) {
            (0, true) if driven.changed => Applied::Whole,
            (0, true) => Applied::Nothing,
            (0, false) => Applied::Waits { missing },
            _ => Applied::Partly { missing },
        })
    }
}

impl Planned {
    fn goal(&self, station: &Station, config: &BackEndConfig) -> Option<Goal<'_>> {
        let wants = self.wants.get(&station.version)?;
        Some(Goal { wants, roots: &self.roots, reread: config.reread_seconds, retry: config.retry_seconds })
    }

    fn wanted(&self) -> BTreeSet<Digest> {
        self.wants.values().flat_map(|wants| wants.roots.values().flatten().copied()).collect()
    }
}

fn name(brand: Brand, config: &BackEndConfig) -> String {
    let tenant = config.tenant.map_or_else(String::new, |tenant| format!(" tenant {tenant}"));
    format!("{} {}{tenant}", brand.word(), config.url)
}

/// What is not as it should be, in lines for people: first what is worst.
fn missing(lines: &[StationLine], unfinished: usize) -> Vec<String> {
    let wrong = |line: &&StationLine| {
        line.may_hold_distrusted || !matches!(line.standing, Standing::Installed | Standing::Sent)
    };
    let mut wrong: Vec<&StationLine> = lines.iter().filter(wrong).collect();
    if wrong.is_empty() && unfinished == 0 {
        return vec![];
    }
    wrong.sort_by_key(|line| !line.may_hold_distrusted);
    let mut missing = vec![StationCounts::of(lines).to_string()];
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

impl Sink for StationsSink {
    fn name(&self) -> String {
        name(self.brand, &self.config)
    }

    fn commands(&self) -> Commands<'_> {
        Commands::default()
    }

    fn trouble(&self) -> Option<String> {
        self.memory.trouble()
    }

    fn was_filled(&self) -> bool {
        self.memory.exists()
    }

    /// From what is remembered: stations are asked when the change is made.
    fn plan<'a>(&'a self, store: &'a TrustStore, placed: &'a BTreeSet<Digest>) -> Doing<'a, Plan> {
        Box::pin(async move {
            let planned = self.look(store, placed).await?;
            let wanted = planned.wanted();
            let der = |root: &Digest| Some((format!("{root}.der"), planned.roots.get(root)?.der().to_vec()));
            let mut left_out: Vec<(Digest, String)> = vec![];
            for wants in planned.wants.values() {
                left_out.extend(
                    wants
                        .left_out
                        .iter()
                        .filter(|left| !left_out.contains(left))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
            let mut complaints = vec![];
            if wanted.is_empty() && store.listed > 0 {
                complaints.push(ClientError::TrustsNobody { sink: self.name(), listed: store.listed });
            }
            Ok(Plan {
                files: wanted.iter().filter_map(der).collect(),
                foreign: self.foreign(&planned)?,
                placed: placed | &wanted,
                ours: wanted,
                removed: BTreeMap::new(),
                left_out,
                notes: vec![],
                complaints,
                in_place: planned.in_place,
            })
        })
    }

    fn prepare<'a>(&'a self, files: &'a dyn Files, _: &'a Plan) -> Doing<'a, Box<dyn Prepared + 'a>> {
        Box::pin(async move {
            let planned = self.planned.borrow().clone();
            let planned = planned.ok_or_else(|| self.error("nothing was planned".into()))?;
            Ok(Box::new(Ready { sink: self, files, planned }) as Box<dyn Prepared + 'a>)
        })
    }

    fn stations(&self) -> Option<Vec<StationLine>> {
        self.planned.borrow().as_ref().map(|planned| planned.lines.clone())
    }
}

impl StationsSink {
    /// What others put into stations: by fingerprint where it is known, or else by a digest of its name.
    fn foreign(&self, planned: &Planned) -> Result<BTreeSet<Digest>, ClientError> {
        let mut foreign = BTreeSet::new();
        let holding = planned.stations.iter().zip(&planned.lines).filter(|(_, line)| line.foreign > 0);
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

/// A change that is ready: nothing is sent before it is made.
struct Ready<'a> {
    sink: &'a StationsSink,
    files: &'a dyn Files,
    planned: Rc<Planned>,
}

impl Prepared for Ready<'_> {
    fn place(&self) -> PathBuf {
        self.sink.memory.roots_path()
    }

    fn apply<'b>(self: Box<Self>) -> Doing<'b, Applied>
    where
        Self: 'b,
    {
        Box::pin(async move { self.sink.apply(self.files, &self.planned).await })
    }

    fn discard<'b>(self: Box<Self>) -> Doing<'b, ()>
    where
        Self: 'b,
    {
        Box::pin(async { Ok(()) })
    }
}
