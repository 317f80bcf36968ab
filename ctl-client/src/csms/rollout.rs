//! Staged roll-out to charging stations: what the lists add reaches a few stations first and the others later, each in
//! its own place among all ([`crate::local::place`]), counted from when this sink first wanted it. When too many of those
//! that were asked refuse, nobody else is asked until the operator says so. Pure; what is remembered is kept by
//! [`super::memory`]. Removals know nothing of all this.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::station::{Change, Record};
use super::wants::Kind;
use crate::local::Stage;
use crate::sink::{RolloutLine, RolloutPause, StationRollout};

/// The last stage takes so long, in seconds: until then refusals count.
const LAST_STAGE: u64 = 86_400;

/// When what the lists add reaches which share of the stations, and when that pauses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationsRollout {
    /// The stages, each with at least the share of the one before it.
    pub stages: Vec<Stage>,
    /// It pauses when more than this share, in percent, of the stations that were asked refuse an addition,
    #[serde(default = "ten")]
    pub pause_percent: u8,
    /// and at least so many. A greater `pause_percent` than the one it paused at lets it go on.
    #[serde(default = "three")]
    pub pause_least: usize,
}

const fn ten() -> u8 {
    10
}

const fn three() -> usize {
    3
}

impl StationsRollout {
    /// What is wrong with it: what to correct.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.pause_percent > 100 || self.pause_least == 0 {
            return Some("rollout: pause_percent from 0 to 100, pause_least at least 1".into());
        }
        Stage::problem(&self.stages)
    }

    /// Whether it can be paused no more.
    fn is_over(&self, addition: &Addition, clock: Timestamp) -> bool {
        let reaches_all =
            |stage: &Stage| stage.percent == 100 && addition.begins(*stage).plus_seconds(LAST_STAGE) <= clock;
        addition.at_once || self.stages.last().is_some_and(reaches_all)
    }
}

/// A root that is wanted in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// Since when.
    pub since: Timestamp,
    /// For how many seconds of that the roll-out was paused: these do not count.
    pub held: u64,
    /// Whether it waits for nobody's turn: distrust had taken away all that the store had.
    pub at_once: bool,
}

impl Addition {
    fn begins(&self, stage: Stage) -> Timestamp {
        self.since.plus_seconds(self.held.saturating_add(stage.after_seconds()))
    }
}

/// Why nobody else is asked to take what is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// `pause_percent` at that time.
    pub percent: u8,
    /// What was refused. When none of it is wanted any more, the others go on.
    pub refused: BTreeSet<Digest>,
    /// For people.
    pub reason: String,
}

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// What is wanted, by store.
    pub wanted: BTreeMap<Kind, BTreeMap<Digest, Addition>>,
    /// Whether it is paused.
    pub paused: Option<Pause>,
}

impl Remembered {
    /// After what was remembered before, when this is wanted.
    #[must_use]
    pub fn settle(
        mut self,
        rules: Option<&StationsRollout>,
        wanted: &BTreeMap<Kind, BTreeSet<Digest>>,
        distrusted: &BTreeSet<Digest>,
        now: Timestamp,
    ) -> Self {
        let is_wanted = |root: &Digest| wanted.values().any(|roots| roots.contains(root));
        let goes_on = |pause: &Pause, rules: &StationsRollout| {
            rules.pause_percent > pause.percent || !pause.refused.iter().any(is_wanted)
        };
        if let Some(pause) = self.paused.take_if(|pause| rules.is_none_or(|rules| goes_on(pause, rules))) {
            for addition in self.wanted.values_mut().flat_map(BTreeMap::values_mut) {
                if rules.is_some_and(|rules| !rules.is_over(addition, pause.since)) {
                    let paused = now.seconds_since(pause.since.max(addition.since).min(now));
                    addition.held = addition.held.saturating_add(paused);
                }
            }
        }
        let settled = wanted.iter().map(|(kind, roots)| {
            let former = self.wanted.remove(kind).unwrap_or_default();
            let at_once = !former.keys().any(|root| roots.contains(root))
                && former.keys().any(|root| distrusted.contains(root));
            let addition = |root: &Digest| match former.get(root) {
                // A clock that went back must not make anybody wait for longer.
                Some(addition) => Addition { since: addition.since.min(now), ..*addition },
                None => Addition { since: now, held: 0, at_once },
            };
            (*kind, roots.iter().map(|root| (*root, addition(root))).collect())
        });
        Self { wanted: settled.collect(), paused: self.paused }
    }
}

/// Which stations were asked for what is new, and who refused what of it.
#[derive(Debug, Default)]
struct Tally {
    asked: BTreeSet<String>,
    refused: BTreeMap<String, BTreeSet<Digest>>,
}

/// The roll-out during one sync.
#[derive(Debug)]
pub struct Staging {
    rules: Option<StationsRollout>,
    wanted: BTreeMap<Kind, BTreeMap<Digest, Addition>>,
    /// Why it is not known what is remembered, if so: then nothing is added.
    lost: Option<String>,
    paused: RefCell<Option<Pause>>,
    tally: RefCell<Tally>,
}

impl Staging {
    /// By what is remembered now, or by why that cannot be said, which matters to nobody without a roll-out.
    #[must_use]
    pub fn new(rules: Option<StationsRollout>, remembered: Result<Remembered, String>) -> Self {
        let (remembered, lost) = match remembered {
            Ok(remembered) => (remembered, None),
            Err(why) => (Remembered::default(), Some(why)),
        };
        let Remembered { wanted, paused } = remembered;
        Self { rules, wanted, lost, paused: RefCell::new(paused), tally: RefCell::default() }
    }

    /// What is to be remembered; nothing in the place of what cannot be read.
    #[must_use]
    pub fn remembered(&self) -> Option<Remembered> {
        let paused = self.paused.borrow().clone();
        self.lost.is_none().then(|| Remembered { wanted: self.wanted.clone(), paused })
    }

    /// Why nothing is added anywhere.
    #[must_use]
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Why nobody else is asked to take what is new.
    #[must_use]
    pub fn paused(&self) -> Option<Pause> {
        self.paused.borrow().clone()
    }

    /// Whose turn it is at a station.
    #[must_use]
    pub fn turn(&self, station: &str) -> Turn<'_> {
        let stage = self.rules.as_ref().and_then(|rules| Stage::of(&rules.stages, station));
        Turn(self.rules.as_ref().map(|rules| (self, rules, stage)))
    }

    /// When the roll-out stands still, so does its clock.
    fn clock(&self, now: Timestamp) -> Timestamp {
        self.paused.borrow().as_ref().map_or(now, |pause| pause.since.min(now))
    }

    /// What is wanted and still rolled out.
    fn on_the_way(&self, now: Timestamp) -> impl Iterator<Item = (Kind, Digest, &Addition)> {
        let (rules, clock) = (self.rules.as_ref(), self.clock(now));
        let all = self
            .wanted
            .iter()
            .flat_map(|(kind, roots)| roots.iter().map(|(root, addition)| (*kind, *root, addition)));
        all.filter(move |(_, _, addition)| rules.is_some_and(|rules| !rules.is_over(addition, clock)))
    }

    /// Whether stations have to be counted at all.
    #[must_use]
    pub fn is_under_way(&self, now: Timestamp) -> bool {
        self.on_the_way(now).next().is_some()
    }

    /// Counts a station by what is remembered of it.
    pub fn count(&self, record: &Record, now: Timestamp) {
        let (mut asked, mut refused) = (false, BTreeSet::new());
        for (kind, root, addition) in self.on_the_way(now) {
            let change = Change::Install { kind, root };
            let placed = record.placed(kind, &root).is_some_and(|placed| placed.sent_at >= addition.since);
            asked |= placed || record.tries.iter().any(|tries| tries.change == change);
            let knows_not = record.refuses && record.seen.is_none() && placed;
            if knows_not || record.refusal(&change).is_some() {
                refused.insert(root);
            }
        }
        let mut tally = self.tally.borrow_mut();
        if asked || !refused.is_empty() {
            tally.asked.insert(record.station.clone());
        }
        match refused.is_empty() {
            true => drop(tally.refused.remove(&record.station)),
            false => drop(tally.refused.insert(record.station.clone(), refused)),
        }
    }

    /// Pauses the roll-out if too many refuse. Gives whether it did.
    pub fn judge(&self, now: Timestamp) -> bool {
        let (tally, mut paused) = (self.tally.borrow(), self.paused.borrow_mut());
        let (Some(rules), None) = (&self.rules, &*paused) else { return false };
        let (bad, all) = (tally.refused.len(), tally.asked.len());
        let too_many = bad.saturating_mul(100) > all.saturating_mul(rules.pause_percent.into());
        if bad < rules.pause_least || !too_many {
            return false;
        }
        let refused: BTreeSet<Digest> = tally.refused.values().flatten().copied().collect();
        let names: Vec<String> = refused.iter().map(Digest::short).collect();
        let (names, percent) = (names.join(", "), rules.pause_percent);
        let reason = format!(
            "{bad} of the {all} stations that were asked refuse {names}; it goes on with a pause_percent above {percent}, \
             or when the lists name that no longer"
        );
        *paused = Some(Pause { since: now, percent, refused, reason });
        true
    }

    /// For `status`; none without a roll-out.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Option<StationRollout> {
        let rules = self.rules.as_ref()?;
        let (clock, paused) = (self.clock(now), self.paused());
        let mut groups: BTreeMap<(Timestamp, u64), BTreeSet<Digest>> = BTreeMap::new();
        for (_, root, addition) in self.on_the_way(now) {
            groups.entry((addition.since, addition.held)).or_default().insert(root);
        }
        let line = |((since, held), roots): ((Timestamp, u64), BTreeSet<Digest>)| {
            let addition = Addition { since, held, at_once: false };
            let begun = rules.stages.iter().filter(|stage| addition.begins(**stage) <= clock);
            let stage = begun.clone().count();
            let next_at = rules.stages.get(stage).map(|stage| addition.begins(*stage));
            RolloutLine {
                since,
                roots,
                stage,
                of: rules.stages.len(),
                percent: begun.map(|stage| stage.percent).max().unwrap_or(0),
                next_at: next_at.filter(|_| paused.is_none()),
            }
        };
        let lines = groups.into_iter().map(line).collect();
        let paused =
            paused.as_ref().map(|pause| RolloutPause { since: pause.since, reason: pause.reason.clone() });
        Some(StationRollout { lines, paused, lost: self.lost.clone() })
    }
}

/// Which additions a station may be given.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a>(Option<(&'a Staging, &'a StationsRollout, Option<Stage>)>);

impl Turn<'_> {
    /// Without a roll-out.
    #[must_use]
    pub const fn always() -> Self {
        Self(None)
    }

    /// Whether a root may be added now.
    #[must_use]
    pub fn has_come(&self, kind: Kind, root: &Digest, now: Timestamp) -> bool {
        let Some((staging, rules, stage)) = self.0 else { return true };
        let Some(addition) = staging.wanted.get(&kind).and_then(|roots| roots.get(root)) else {
            return false;
        };
        let clock = staging.clock(now);
        let is_due = || stage.is_some_and(|stage| addition.begins(stage) <= clock);
        rules.is_over(addition, clock) || staging.paused.borrow().is_none() && is_due()
    }

    /// For people, when that is.
    #[must_use]
    pub fn words(&self, kind: Kind, root: &Digest) -> String {
        let Some((staging, _, stage)) = self.0 else { return "now".into() };
        let addition = staging.wanted.get(&kind).and_then(|roots| roots.get(root));
        match (addition, stage) {
            (None, _) => "when it is known again what waits since when".into(),
            (Some(_), _) if staging.paused.borrow().is_some() => "when the roll-out goes on".into(),
            (Some(addition), Some(stage)) => format!("at {}", addition.begins(stage)),
            (Some(_), None) => "never, as no stage reaches this station".into(),
        }
    }
}
