//! The next step for one charging station: pure, from what it reported, what was put there from here, and what is wanted.
//!
//! In this order: wait while it is offline; read what it holds, unless that is proven and nothing was sent since; remove
//! what is distrusted, whoever put it there; install what is missing; then remove what came from here and is wanted no
//! longer, if its store holds a wanted root beside it. What others put there stays.

use std::collections::BTreeSet;

use ctl_core::{Digest, Timestamp};

use super::rollout::Turn;
use super::station::{Change, Entry, Placed, Record, SETTLE, settled};
use super::wants::{Kind, Roots, Wants};
use crate::sink::Standing;

/// The longest wait for a station that does not answer, in seconds.
const LONGEST_WAIT: u64 = 6 * 3600;
/// The longest while a distrusted root may be there.
const LONGEST_DANGEROUS_WAIT: u64 = 600;
/// What a station refuses is tried again after so long.
const TRY_AGAIN: u64 = 86_400;
/// The removal of what is distrusted, after so long.
const REMOVE_AGAIN: u64 = 3600;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask what it holds.
    Read,
    /// Change one thing.
    Change(Change),
    /// Tell a back end that cannot be asked what it should give to the station.
    Tell,
    /// It holds what it should.
    Done,
    /// It does not, and nothing more can be done about it for now.
    Refused,
    /// Nothing before then.
    Wait(Timestamp),
}

/// The next step, and what is in the way of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The step.
    pub step: Step,
    /// What cannot be done now, and why: for people.
    pub reasons: Vec<String>,
}

/// What a decision is made from, beside the station's own record.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// What it should hold.
    pub wants: &'a Wants,
    /// The certificates that are known.
    pub roots: &'a Roots,
    /// A proof older than this is taken anew, in seconds.
    pub reread: u64,
    /// The first wait for a station that does not answer, in seconds; then twice as long each time.
    pub retry: u64,
    /// Which additions it may be given by now. What is taken away waits for nobody's turn.
    pub turn: Turn<'a>,
}

impl Goal<'_> {
    /// Decides the next step.
    #[must_use]
    pub fn next(&self, record: &Record, now: Timestamp) -> Decision {
        let alone = |step| Decision { step, reasons: record.trouble.iter().cloned().collect() };
        if let Some(until) = self.waits(record, now) {
            return alone(Step::Wait(until));
        }
        let Some(seen) = record.seen.as_ref().filter(|seen| is_fresh(seen.at, now, self.reread)) else {
            return alone(Step::Read);
        };
        let mut weighed = Weighed::default();
        for entry in seen.entries.iter().filter(|entry| self.is_distrusted(entry)) {
            let what = format!("distrusted {} {} is still there", entry.kind.short(), self.label(entry));
            weighed.consider(record, Change::Delete { name: entry.name.clone() }, what, (REMOVE_AGAIN, now));
        }
        for (kind, root) in self.missing(&seen.entries) {
            let what = format!("{} {} is not there", kind.short(), root.short());
            let change = Change::Install { kind, root };
            match self.turn.has_come(kind, &root, now) {
                true => weighed.consider(record, change, what, (TRY_AGAIN, now)),
                false => weighed
                    .reasons
                    .extend(record.refusal(&change).map(|tries| format!("{what}: {}", tries.reason))),
            }
        }
        if weighed.first.is_none() {
            for entry in seen.entries.iter().filter(|entry| self.is_surplus(record, entry)) {
                let what = format!("{} {} is wanted no longer", entry.kind.short(), self.label(entry));
                match self.keeps(record, entry, &seen.entries) {
                    None => {
                        let change = Change::Delete { name: entry.name.clone() };
                        weighed.consider(record, change, what, (TRY_AGAIN, now));
                    }
                    Some(why) => weighed.reasons.push(format!("{what}: {why}")),
                }
            }
        }
        let Weighed { first, reasons } = weighed;
        let mut reasons = reasons;
        if first.is_none() {
            reasons.extend(self.unsettled(record, &seen.entries).map(|placed| {
                let (kind, root, until) =
                    (placed.kind.short(), placed.root.short(), placed.sent_at.plus_seconds(SETTLE));
                format!(
                    "{kind} {root} was sent without an answer and may yet arrive: it is looked for at {until}"
                )
            }));
        }
        let step = match first {
            Some(change) => Step::Change(change),
            None => match self
                .unsettled(record, &seen.entries)
                .map(|placed| placed.sent_at.plus_seconds(SETTLE))
                .max()
            {
                Some(until) if until > now && until > seen.at => Step::Wait(until),
                Some(until) if until > seen.at => Step::Read,
                _ if reasons.is_empty() => Step::Done,
                _ => Step::Refused,
            },
        };
        Decision { step, reasons }
    }

    /// The same for a station that nobody can ask: whatever was handed over may be there, and nothing can be removed.
    #[must_use]
    pub fn next_blind(&self, record: &Record, now: Timestamp) -> Decision {
        if let Some(until) = self.waits(record, now) {
            return Decision { step: Step::Wait(until), reasons: record.trouble.iter().cloned().collect() };
        }
        let due = self.due_blind(record, now);
        let gone = record.placed.iter().filter(|placed| !self.wants.has(placed.kind, &placed.root));
        let reasons: Vec<String> = gone
            .map(|placed| {
                let (kind, root) = (placed.kind.short(), placed.root.short());
                let bad = if self.wants.distrusted.contains(&placed.root) { "distrusted" } else { "wanted no longer" };
                format!("{kind} {root} is {bad} and may be there: this back end removes nothing, do it at the station")
            })
            .collect();
        let step = match due.iter().all(|(kind, root)| is_handed_over(record, *kind, root)) {
            false => Step::Tell,
            true if reasons.is_empty() => Step::Done,
            true => Step::Refused,
        };
        Decision { step, reasons }
    }

    /// What such a station is to be given by now, with what it was given.
    #[must_use]
    pub fn due_blind(&self, record: &Record, now: Timestamp) -> Vec<(Kind, Digest)> {
        let is_due = |(kind, root): &(Kind, Digest)| {
            self.turn.has_come(*kind, root, now) || is_handed_over(record, *kind, root)
        };
        self.wants.all().filter(is_due).collect()
    }

    /// How such a station stands.
    #[must_use]
    pub fn standing_blind(&self, record: &Record, now: Timestamp) -> Standing {
        match self.next_blind(record, now).step {
            _ if record.refuses => Standing::Refused,
            _ if record.failures > 0 => Standing::Offline,
            Step::Tell | Step::Wait(_) => Standing::Pending,
            _ if self.due_blind(record, now).len() < self.wants.count() => Standing::Waiting,
            _ => Standing::Sent,
        }
    }

    /// How a station stands, for `status`.
    #[must_use]
    pub fn standing(&self, record: &Record, now: Timestamp) -> Standing {
        let holds = |entries: &BTreeSet<Entry>| {
            let wrong = |entry: &Entry| self.is_distrusted(entry) || self.is_surplus(record, entry);
            let waits = |(kind, root): &(Kind, Digest)| {
                let change = Change::Install { kind: *kind, root: *root };
                !self.turn.has_come(*kind, root, now) && record.refusal(&change).is_none()
            };
            self.missing(entries).iter().all(waits)
                && !entries.iter().any(wrong)
                && self.unsettled(record, entries).next().is_none()
        };
        match &record.seen {
            Some(seen) if holds(&seen.entries) => match self.missing(&seen.entries).is_empty() {
                true => Standing::Installed,
                false => Standing::Waiting,
            },
            _ if record.refuses => Standing::Refused,
            _ if record.failures > 0 => Standing::Offline,
            _ if self.next(record, now).step == Step::Refused => Standing::Refused,
            _ => Standing::Pending,
        }
    }

    /// Until when a station that does not answer is left alone.
    fn waits(&self, record: &Record, now: Timestamp) -> Option<Timestamp> {
        let exponent = record.failures.checked_sub(1)?;
        let longest =
            if self.may_hold_distrusted(record, now) { LONGEST_DANGEROUS_WAIT } else { LONGEST_WAIT };
        let wait = self.retry.saturating_mul(2_u64.saturating_pow(exponent.min(16))).min(longest);
        let until = record.failed_at.plus_seconds(wait);
        // A clock that was set back must not keep anybody waiting.
        (now < until && record.failed_at <= now).then_some(until)
    }

    /// What is wanted and not there.
    #[must_use]
    pub fn missing(&self, entries: &BTreeSet<Entry>) -> Vec<(Kind, Digest)> {
        let is_there =
            |(kind, root): &(Kind, Digest)| entries.iter().any(|entry| self.means(entry, *kind, root));
        self.wants.all().filter(|wanted| !is_there(wanted)).collect()
    }

    /// Whether an entry is a root in a store.
    #[must_use]
    pub fn means(&self, entry: &Entry, kind: Kind, root: &Digest) -> bool {
        entry.kind == kind && self.roots.named(&entry.name).any(|named| named == root)
    }

    /// Whether an entry is what was put there from here.
    #[must_use]
    pub fn is_placed(&self, entry: &Entry, placed: &Placed) -> bool {
        self.means(entry, placed.kind, &placed.root)
    }

    /// Whether an entry must not be there.
    #[must_use]
    pub fn is_distrusted(&self, entry: &Entry) -> bool {
        self.roots.named(&entry.name).any(|root| self.wants.distrusted.contains(root))
    }

    /// Whether an entry was put there by others.
    #[must_use]
    pub fn is_foreign(&self, record: &Record, entry: &Entry) -> bool {
        !self.roots.named(&entry.name).any(|root| record.placed(entry.kind, root).is_some())
    }

    /// Whether a distrusted root may be there, as far as anybody knows.
    #[must_use]
    pub fn may_hold_distrusted(&self, record: &Record, now: Timestamp) -> bool {
        let entries = record.seen.as_ref().map(|seen| &seen.entries);
        let placed = |placed: &Placed| {
            let there =
                entries.is_none_or(|entries| entries.iter().any(|entry| self.is_placed(entry, placed)));
            let unknown = self.roots.get(&placed.root).is_none();
            self.wants.distrusted.contains(&placed.root)
                && (there || unknown || placed.open && !settled(placed, now))
        };
        record.placed.iter().any(placed)
            || entries.into_iter().flatten().any(|entry| self.is_distrusted(entry))
    }

    fn is_wanted(&self, entry: &Entry) -> bool {
        self.roots.named(&entry.name).any(|root| self.wants.has(entry.kind, root))
    }

    fn is_surplus(&self, record: &Record, entry: &Entry) -> bool {
        !self.is_distrusted(entry) && !self.is_wanted(entry) && !self.is_foreign(record, entry)
    }

    /// Why what is wanted no longer stays all the same. OCPP removes by name, whatever store a root is in.
    fn keeps(&self, record: &Record, entry: &Entry, entries: &BTreeSet<Entry>) -> Option<&'static str> {
        let beside = |kind: Kind| {
            let mut others = entries.iter().filter(|other| other.kind == kind && other.name != entry.name);
            others.any(|other| self.is_wanted(other) && !self.is_distrusted(other))
        };
        for other in entries.iter().filter(|other| other.name == entry.name) {
            let wants_none = self.wants.roots.get(&other.kind).is_none_or(BTreeSet::is_empty);
            if self.is_foreign(record, other) {
                return Some("others put the same root into another store, and OCPP removes it from both");
            }
            if wants_none && self.wants.listed.contains(&other.kind) {
                return Some("it stays, since none of the listed ones can be used there");
            }
            if !wants_none && !beside(other.kind) {
                return Some(match other.kind == entry.kind {
                    true => "it stays until the station holds another one that is listed",
                    false => "it is the only one of another store, and OCPP removes it from both",
                });
            }
        }
        None
    }

    /// What was sent without an answer, is not wanted, and may yet come.
    fn unsettled<'r>(
        &self,
        record: &'r Record,
        entries: &BTreeSet<Entry>,
    ) -> impl Iterator<Item = &'r Placed> {
        let open = |placed: &&Placed| {
            let there = entries.iter().any(|entry| self.is_placed(entry, placed));
            placed.open && !there && !self.wants.has(placed.kind, &placed.root)
        };
        record.placed.iter().filter(open)
    }

    fn label(&self, entry: &Entry) -> String {
        match self.roots.named(&entry.name).next() {
            Some(root) => root.short(),
            None => format!("with serial number {}", entry.name.serial),
        }
    }
}

/// The first change that can be made, and what is in the way of others.
#[derive(Default)]
struct Weighed {
    first: Option<Change>,
    reasons: Vec<String>,
}

impl Weighed {
    fn consider(&mut self, record: &Record, change: Change, what: String, (again, now): (u64, Timestamp)) {
        match blocked(record, &change, again, now) {
            None => self.first = self.first.take().or(Some(change)),
            Some(why) => self.reasons.push(format!("{what}: {why}")),
        }
    }
}

fn is_fresh(at: Timestamp, now: Timestamp, most: u64) -> bool {
    at <= now && now.seconds_since(at) < most
}

/// Why a change is not tried now.
fn blocked(record: &Record, change: &Change, again: u64, now: Timestamp) -> Option<String> {
    let tries = record.refusal(change)?;
    is_fresh(tries.last, now, again).then(|| tries.reason.clone())
}

/// Whether a back end that nobody can ask took a root for a station.
fn is_handed_over(record: &Record, kind: Kind, root: &Digest) -> bool {
    record.placed(kind, root).is_some_and(|placed| !placed.open)
}
