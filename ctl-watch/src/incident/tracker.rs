//! Decides when an incident opens, grows and closes. Pure: probes come in, steps go out.

use std::collections::{BTreeMap, VecDeque};

use ctl_core::names::ParticipantId;
use ctl_policy::sla::{BURN_WINDOWS, Kind, Share, Terms};

use super::super::code::Code;
use super::super::record::Record;
use super::super::verdict::Outcome;
use super::{Cause, Incident};

/// Length of a slot of [`Recent`].
pub const SLOT_MS: i64 = 300_000;
/// A bad probe shows that the time since the previous one was bad, up to this long, or three periods if that is longer.
/// After a longer pause, bad probes do not count as in a row.
const LONGEST_STEP_MS: i64 = 300_000;
/// Slots that are kept: six hours.
const SLOTS: usize = 72;
/// The time that is kept, in milliseconds.
pub const RECENT_MS: i64 = SLOT_MS * 72;

/// Bad and valid probes of the last six hours, in slots of five minutes.
#[derive(Clone, Debug, Default)]
pub struct Recent(VecDeque<(i64, u16, u16)>);

impl Recent {
    /// Counts a probe.
    pub fn add(&mut self, at_ms: i64, bad: bool) {
        self.add_all(at_ms.div_euclid(SLOT_MS), u16::from(bad), 1);
    }

    /// Adds the counts of a slot.
    pub fn add_all(&mut self, slot: i64, bad: u16, valid: u16) {
        if self.0.back().is_none_or(|last| last.0 < slot) {
            self.0.push_back((slot, 0, 0));
            while self.0.len() > SLOTS {
                self.0.pop_front();
            }
        }
        if let Some((_, bads, valids)) = self.0.back_mut() {
            *bads = bads.saturating_add(bad);
            *valids = valids.saturating_add(valid);
        }
    }

    /// Forgets what was counted in the future, as the clock was set back.
    fn set_back(&mut self, now_ms: i64) {
        self.0.retain(|(slot, _, _)| *slot <= now_ms.div_euclid(SLOT_MS));
    }

    /// The bad and valid probes of the last `seconds`, and of up to a slot more.
    #[must_use]
    pub fn share(&self, now_ms: i64, seconds: i64) -> Share {
        let first = now_ms.saturating_sub(seconds.saturating_mul(1000)).div_euclid(SLOT_MS);
        let slots = self.0.iter().rev().take_while(|(slot, _, _)| *slot >= first);
        slots.fold(Share::default(), |sum, (_, bad, valid)| Share {
            bad: sum.bad + u64::from(*bad),
            valid: sum.valid + u64::from(*valid),
        })
    }

    /// Whether the budget burns so fast that someone should be woken.
    #[must_use]
    pub fn burns(&self, now_ms: i64, terms: &Terms) -> bool {
        let pages = BURN_WINDOWS.iter().filter(|window| window.page);
        pages.into_iter().any(|window| {
            let (long, short) = (self.share(now_ms, window.long), self.share(now_ms, window.short));
            window.burns(long, short, &terms.objective, u64::from(terms.incident_after).max(2))
        })
    }
}

/// What a probe did to the incident of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to report.
    Same,
    /// An incident opened.
    Opened,
    /// It has a new code.
    Grew,
    /// It has become a breach.
    Breached,
    /// It closed.
    Closed,
}

/// What is remembered of a target to decide on incidents.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    bad_in_row: u32,
    good_in_row: u32,
    /// When the last counted probe began if it was bad, in Unix milliseconds.
    last_bad_ms: Option<i64>,
    /// When the first bad probe in the row began, in Unix milliseconds.
    first_bad_ms: i64,
    /// When the first good probe in the row began, in Unix milliseconds.
    first_good_ms: i64,
    /// The codes of the row while no incident is open.
    row: BTreeMap<Code, u64>,
    pub recent: Recent,
    pub open: Option<Incident>,
}

/// The target that an incident would be about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The number for a new incident.
    pub next: u64,
    /// The target's id, in hex.
    pub target: &'a str,
    pub kind: Kind,
    pub operator: &'a ParticipantId,
    pub url: &'a str,
    /// Milliseconds between probes.
    pub period_ms: i64,
    /// Whether its operator promised anything: nothing is promised of what only undecided applications name, so it
    /// cannot be breached.
    pub is_promised: bool,
}

impl Tracker {
    /// Takes a probe into account. `bad` holds the codes that made it bad. A closed incident is returned in `closed`.
    pub fn take(
        &mut self,
        record: &Record,
        bad: &[Code],
        terms: &Terms,
        subject: Subject<'_>,
        closed: &mut Option<Incident>,
    ) -> Step {
        match record.outcome {
            // Announced maintenance neither breaks nor heals anything.
            Outcome::Excused => {
                self.last_bad_ms = None;
                Step::Same
            }
            Outcome::Good => {
                self.recent.add(record.at_ms, false);
                self.good(record.at_ms, terms, closed)
            }
            Outcome::Bad => {
                self.recent.add(record.at_ms, true);
                self.bad(record.at_ms, bad, terms, subject)
            }
        }
    }

    /// Moves dates in the future to the present, as the clock was set back.
    pub fn set_back(&mut self, now_ms: i64) {
        self.recent.set_back(now_ms);
        self.last_bad_ms = self.last_bad_ms.map(|at| at.min(now_ms));
        self.first_bad_ms = self.first_bad_ms.min(now_ms);
        self.first_good_ms = self.first_good_ms.min(now_ms);
        if let Some(open) = &mut self.open {
            // The ledger identifies a breach by its beginning.
            if open.breach_ms.is_none() {
                open.began_ms = open.began_ms.min(now_ms);
            }
            open.opened_ms = open.opened_ms.min(now_ms).max(open.began_ms);
            open.breach_ms = open.breach_ms.map(|at| at.min(now_ms).max(open.began_ms));
        }
    }

    fn good(&mut self, at_ms: i64, terms: &Terms, closed: &mut Option<Incident>) -> Step {
        if self.good_in_row == 0 {
            self.first_good_ms = at_ms;
        }
        self.good_in_row = self.good_in_row.saturating_add(1);
        self.bad_in_row = 0;
        self.last_bad_ms = None;
        self.row.clear();
        let Some(open) = &mut self.open else { return Step::Same };
        open.probes = open.probes.saturating_add(1);
        let burns = open.cause == Cause::Burn && self.recent.burns(at_ms, terms);
        if self.good_in_row < terms.incident_over_after || burns {
            return Step::Same;
        }
        open.ended_ms = Some(self.first_good_ms.max(open.began_ms));
        *closed = self.open.take();
        Step::Closed
    }

    fn bad(&mut self, at_ms: i64, codes: &[Code], terms: &Terms, subject: Subject<'_>) -> Step {
        let step = self.last_bad_ms.replace(at_ms).map(|last| at_ms.saturating_sub(last).max(0));
        let longest = subject.period_ms.saturating_mul(3).max(LONGEST_STEP_MS);
        let step = step.filter(|step| *step <= longest);
        if self.bad_in_row == 0 || step.is_none() {
            self.first_bad_ms = at_ms;
            self.bad_in_row = 0;
            self.row.clear();
        }
        self.bad_in_row = self.bad_in_row.saturating_add(1);
        self.good_in_row = 0;
        if let Some(open) = &mut self.open {
            open.failures = open.failures.saturating_add(1);
            open.probes = open.probes.saturating_add(1);
            let before = open.reasons.len();
            count(&mut open.reasons, codes);
            open.bad_ms = open.bad_ms.saturating_add(step.unwrap_or_default());
            let lasted = open.bad_ms >= terms.breach_after.saturating_mul(1000);
            if lasted && subject.is_promised && open.breach_ms.is_none() {
                open.breach_ms = Some(at_ms);
                return Step::Breached;
            }
            return if open.reasons.len() > before { Step::Grew } else { Step::Same };
        }
        count(&mut self.row, codes);
        let cause = if self.bad_in_row >= terms.incident_after {
            Cause::Failures
        } else if self.recent.burns(at_ms, terms) {
            Cause::Burn
        } else {
            return Step::Same;
        };
        let failures = u64::from(self.bad_in_row);
        self.open = Some(Incident {
            number: subject.next,
            target: subject.target.to_owned(),
            kind: subject.kind,
            operator: subject.operator.clone(),
            url: subject.url.to_owned(),
            cause,
            began_ms: self.first_bad_ms,
            opened_ms: at_ms,
            ended_ms: None,
            unwatched: false,
            breach_ms: None,
            bad_ms: at_ms.saturating_sub(self.first_bad_ms).max(0),
            failures,
            probes: failures,
            reasons: std::mem::take(&mut self.row),
            evidence: Vec::new(),
        });
        Step::Opened
    }
}

fn count(reasons: &mut BTreeMap<Code, u64>, codes: &[Code]) {
    for code in codes {
        let count = reasons.entry(*code).or_default();
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests;
