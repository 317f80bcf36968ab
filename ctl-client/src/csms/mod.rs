//! Sinks that are charging stations behind a back end (CSMS): the back end is asked to install, to remove, and to ask
//! stations what they hold. In `plan` is the decision for one station, in `drive` the work for thousands.
//!
//! What a station should hold follows from `wants`, and when it is given what is new from `rollout`; what is remembered of
//! it stands in `station` and is kept by `memory`. How all of them stand is found by `look`.
//! `message` are OCPP's messages, `hash` is how OCPP names certificates; `back_end`, `http` and `callbacks` are how the
//! back ends themselves are spoken to.

mod back_end;
mod callbacks;
pub mod config;
mod drive;
mod http;
mod look;
pub mod memory;
pub mod message;
pub mod plan;
pub mod rollout;
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
use self::look::Planned;
use self::memory::Memory;
use self::plan::Goal;
use self::stations::Station;
use crate::error::ClientError;
use crate::files::Files;
use crate::sink::{
    Applied, Commands, Doing, Plan, Prepared, Sink, Standing, StationCounts, StationLine, StationRollout,
    Stores,
};
use crate::store::TrustStore;

/// The stations behind one back end.
pub struct StationsSink {
    brand: Brand,
    config: BackEndConfig,
    memory: Memory,
    now: Box<dyn Fn() -> Timestamp>,
    callbacks: RefCell<Option<Rc<Callbacks>>>,
    planned: RefCell<Option<Rc<Planned>>>,
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
        // And since when what is new is wanted, before anybody is given it.
        if let Some(remembered) =
            planned.staging.remembered().filter(|_| !self.is_remembered(&planned.staging))
        {
            self.memory.save_rollout(files, &remembered)?;
        }
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
            staging: &planned.staging,
        };
        let mut due: Vec<(&Station, Goal<'_>, &StationLine)> = Vec::new();
        let lines = planned.lines.borrow().clone();
        for (station, line) in planned.stations.iter().zip(&lines) {
            due.extend(planned.goal(station, &self.config).map(|goal| (station, goal, line)));
        }
        // Distrust before everything else, and before those that keep nobody waiting.
        due.sort_by_key(|(_, _, line)| (!line.may_hold_distrusted, line.standing == Standing::Offline));
        let due = due.into_iter().map(|(station, goal, _)| (station, goal)).collect();
        let driven = drive.run(due).await?;
        let (lines, _) = self.lines(planned)?;
        planned.lines.replace(lines.clone());
        if let Some(trouble) = driven.trouble {
            let counts = StationCounts::of(&lines);
            return Err(self.error(format!("the back end: {trouble} ({counts})")));
        }
        let missing = look::missing(&lines, driven.unfinished, planned.staging.paused());
        Ok(match (driven.unfinished, missing.is_empty()) {
            (0, true) if driven.changed => Applied::Whole,
            (0, true) => Applied::Nothing,
            (0, false) => Applied::Waits { missing },
            _ => Applied::Partly { missing },
        })
    }
}

fn name(brand: Brand, config: &BackEndConfig) -> String {
    let tenant = config.tenant.map_or_else(String::new, |tenant| format!(" tenant {tenant}"));
    format!("{} {}{tenant}", brand.word(), config.url)
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
            let damaged = self.memory.damaged(&planned.roots)?;
            if !damaged.is_empty() {
                let (folder, damaged) = (self.memory.roots_path(), damaged.join(", "));
                complaints.push(self.error(format!(
                    "{}: {damaged}: damaged, and no list brings it again: a station that was given it by others is not told \
                     from one that has something harmless; put the certificate back, or remove the file",
                    folder.display()
                )));
            }
            if let (Some(lost), Some(_)) = (planned.staging.lost(), &self.config.rollout) {
                complaints.push(self.error(format!("no station is given anything new: {lost}")));
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
                // What stations hold, they alone can say.
                evidence: None,
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
        self.planned.borrow().as_ref().map(|planned| planned.lines.borrow().clone())
    }

    fn stores(&self, trust: &TrustStore) -> Result<Stores, ClientError> {
        self.stores_of(trust)
    }

    fn rollout(&self) -> Option<StationRollout> {
        self.planned.borrow().as_ref()?.staging.status((self.now)())
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
