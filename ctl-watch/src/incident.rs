//! Incidents: when one opens, what it collects, when it is over. Pure: what was observed comes in, what changed
//! goes out.

use std::collections::{BTreeMap, VecDeque};

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::{BURN_WINDOWS, Kind, Share, Terms};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::store::{Outcome, Record};

/// Why an incident opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Bad probes in a row.
    Failures,
    /// The error budget burns too fast, though not every probe is bad.
    Burn,
}

/// One incident of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub number: u64,
    /// The target's id, in hex.
    pub target: String,
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub operator: ParticipantId,
    /// Where it is.
    pub url: String,
    /// Why it opened.
    pub cause: Cause,
    /// Unix milliseconds of the first bad probe.
    pub began_ms: i64,
    /// Unix milliseconds of the probe that opened it.
    pub opened_ms: i64,
    /// Unix milliseconds of the first good probe of those that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// Unix milliseconds of the probe at which it had lasted long enough to be a breach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breach_ms: Option<i64>,
    /// Milliseconds from bad probe to bad probe: the time that is known to have been bad. What lies in a gap, in
    /// maintenance or after a good answer is not.
    #[serde(default)]
    pub bad_ms: i64,
    /// Bad probes so far.
    pub failures: u64,
    /// Probes so far, since it began.
    pub probes: u64,
    /// How often each code was found in bad answers.
    pub reasons: BTreeMap<Code, u64>,
    /// SHA-256 of the evidence: of the first failure, and of the first with each further code.
    pub evidence: Vec<Digest>,
}

impl Incident {
    /// Whether it is not over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ended_ms.is_none()
    }

    /// Whether it touches a stretch of time, in Unix milliseconds.
    #[must_use]
    pub fn touches(&self, from_ms: i64, to_ms: i64) -> bool {
        self.began_ms < to_ms && self.ended_ms.is_none_or(|ended| from_ms < ended)
    }
}

/// Length of a slot of [`Recent`].
const SLOT_MS: i64 = 300_000;
/// A bad probe vouches for the time since the one before it, and at most for so long, or three periods where those are
/// longer: longer pauses are gaps, and what came before them is no row with what comes after.
const LONGEST_STEP_MS: i64 = 300_000;
/// Slots that are kept: six hours.
const SLOTS: usize = 72;

/// Bad and valid probes of the last six hours, in slots of five minutes.
#[derive(Clone, Debug, Default)]
pub struct Recent(VecDeque<(i64, u16, u16)>);

impl Recent {
    /// Counts a probe.
    pub fn add(&mut self, at_ms: i64, bad: bool) {
        let slot = at_ms.div_euclid(SLOT_MS);
        if self.0.back().is_none_or(|last| last.0 < slot) {
            self.0.push_back((slot, 0, 0));
            while self.0.len() > SLOTS {
                self.0.pop_front();
            }
        }
        if let Some((_, bads, valid)) = self.0.back_mut() {
            *bads = bads.saturating_add(u16::from(bad));
            *valid = valid.saturating_add(1);
        }
    }

    /// The clock was set back: what was counted later than now is forgotten.
    fn set_back(&mut self, now_ms: i64) {
        self.0.retain(|(slot, _, _)| *slot <= now_ms.div_euclid(SLOT_MS));
    }

    /// Bad and valid probes of the last so many seconds, and of up to a slot more.
    #[must_use]
    pub fn share(&self, now_ms: i64, seconds: i64) -> Share {
        let first = now_ms.saturating_sub(seconds.saturating_mul(1000)).div_euclid(SLOT_MS);
        let slots = self.0.iter().rev().take_while(|(slot, _, _)| *slot >= first);
        slots.fold(Share::default(), |sum, (_, bad, valid)| Share {
            bad: sum.bad + u64::from(*bad),
            valid: sum.valid + u64::from(*valid),
        })
    }

    /// Whether the budget burns so fast that someone is to be woken.
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
    /// Nothing that must be told.
    Same,
    /// It opened.
    Opened,
    /// A code came that it had not had.
    Grew,
    /// It has lasted long enough to be a breach.
    Breached,
    /// It is over.
    Closed,
}

/// What is remembered of a target to decide on incidents.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    bad_in_row: u32,
    good_in_row: u32,
    /// Unix milliseconds of the last probe that counted, if it was bad.
    last_bad_ms: Option<i64>,
    /// Unix milliseconds of the first bad probe in the row.
    first_bad_ms: i64,
    /// Unix milliseconds of the first good probe in the row.
    first_good_ms: i64,
    /// Codes of the row, before there is an incident.
    row: BTreeMap<Code, u64>,
    /// Bad and valid probes lately.
    pub recent: Recent,
    /// The incident that is open.
    pub open: Option<Incident>,
}

/// Whose incident it would be.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The number that a new incident gets.
    pub next: u64,
    /// The target's id, in hex.
    pub target: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub operator: &'a ParticipantId,
    /// Where it is.
    pub url: &'a str,
    /// Milliseconds from probe to probe.
    pub period_ms: i64,
    /// Whether anything was promised of it: nothing is of what only an application names that nobody has decided
    /// on, so it cannot be broken.
    pub is_promised: bool,
}

impl Tracker {
    /// Takes note of a probe. `bad` holds the codes that made it so. The incident that closed is in `closed`.
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

    /// The clock was set back: nothing of what is known has yet to come.
    pub fn set_back(&mut self, now_ms: i64) {
        self.recent.set_back(now_ms);
        self.last_bad_ms = self.last_bad_ms.map(|at| at.min(now_ms));
        self.first_bad_ms = self.first_bad_ms.min(now_ms);
        self.first_good_ms = self.first_good_ms.min(now_ms);
        if let Some(open) = &mut self.open {
            // The ledger knows a breach by its beginning.
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
mod tests {
    use super::*;
    use ctl_policy::sla::{BUILT_IN, SlaPolicy};

    const PERIOD: i64 = 30_000;

    struct Story {
        tracker: Tracker,
        terms: Terms,
        now: i64,
        closed: Vec<Incident>,
        next: u64,
        period: i64,
        is_promised: bool,
    }

    impl Story {
        fn new() -> Self {
            let policy = SlaPolicy::parse(BUILT_IN).unwrap();
            let terms = policy.terms("alpha-pki", Kind::Ocsp).unwrap().clone();
            Self {
                tracker: Tracker::default(),
                terms,
                now: 0,
                closed: Vec::new(),
                next: 1,
                period: PERIOD,
                is_promised: true,
            }
        }

        fn probe(&mut self, outcome: Outcome, codes: &[Code]) -> Step {
            self.now += PERIOD;
            let record = Record {
                number: 0,
                at_ms: self.now,
                outcome,
                answered: outcome == Outcome::Good,
                fresh: true,
                correct: true,
                duration_ms: None,
                codes: codes.to_vec(),
            };
            let operator = "alpha-pki".parse().unwrap();
            let subject = Subject {
                next: self.next,
                target: "00",
                kind: Kind::Ocsp,
                operator: &operator,
                url: "http://ocsp.example/",
                period_ms: self.period,
                is_promised: self.is_promised,
            };
            let mut closed = None;
            let step = self.tracker.take(&record, codes, &self.terms, subject, &mut closed);
            self.next += u64::from(step == Step::Opened);
            self.closed.extend(closed);
            step
        }

        fn good(&mut self) -> Step {
            self.probe(Outcome::Good, &[])
        }

        fn bad(&mut self, code: Code) -> Step {
            self.probe(Outcome::Bad, &[code])
        }
    }

    #[test]
    fn one_lost_packet_is_no_incident_and_two_are() {
        let mut story = Story::new();
        (0..200).for_each(|_| assert_eq!(story.good(), Step::Same));
        assert_eq!(story.bad(Code::TcpTimeout), Step::Same);
        (0..800).for_each(|_| assert_eq!(story.good(), Step::Same));
        assert_eq!(story.bad(Code::TcpTimeout), Step::Same);
        assert_eq!(story.bad(Code::HttpStatus), Step::Opened);
        let open = story.tracker.open.as_ref().unwrap();
        assert_eq!((open.began_ms, open.opened_ms), (story.now - PERIOD, story.now));
        assert_eq!(open.reasons, [(Code::TcpTimeout, 1), (Code::HttpStatus, 1)].into());
    }

    #[test]
    fn an_outage_grows_becomes_a_breach_and_is_over_after_good_answers_in_a_row() {
        let mut story = Story::new();
        story.good();
        story.bad(Code::TcpRefused);
        assert_eq!(story.bad(Code::TcpRefused), Step::Opened);
        assert_eq!(story.bad(Code::HttpStatus), Step::Grew);
        // Five minutes after the first bad probe.
        (0..7).for_each(|_| assert_eq!(story.bad(Code::TcpRefused), Step::Same));
        assert_eq!(story.bad(Code::TcpRefused), Step::Breached);
        assert_eq!(story.bad(Code::TcpRefused), Step::Same, "once");
        let last_bad = story.now;
        assert_eq!(story.good(), Step::Same);
        assert_eq!(story.bad(Code::TcpRefused), Step::Same, "not over yet, and no other incident");
        (0..3).for_each(|_| assert_eq!(story.good(), Step::Same));
        assert_eq!(story.good(), Step::Closed);
        assert_eq!(story.closed.len(), 1);
        let incident = &story.closed[0];
        assert_eq!(
            incident.ended_ms,
            Some(last_bad + 3 * PERIOD),
            "the first good answer of those that ended it"
        );
        assert_eq!(incident.reasons, [(Code::TcpRefused, 12), (Code::HttpStatus, 1)].into());
        assert_eq!((incident.failures, incident.probes), (13, 18));
        assert!(story.tracker.open.is_none());
    }

    #[test]
    fn a_service_that_fails_every_other_time_is_an_incident_although_nothing_fails_twice_in_a_row() {
        let mut story = Story::new();
        (0..100).for_each(|_| assert_eq!(story.good(), Step::Same));
        let mut opened = 0;
        for _ in 0..20 {
            opened += u32::from(story.bad(Code::Slow) == Step::Opened);
            story.good();
        }
        assert_eq!(opened, 1);
        assert_eq!(story.tracker.open.as_ref().unwrap().cause, Cause::Burn);
        assert!(story.closed.is_empty());
        // It stays one incident until the budget burns no more.
        let mut goods = 0;
        while story.good() != Step::Closed {
            goods += 1;
            assert!(goods < 800, "it must end");
        }
        assert!(goods > 4, "four good answers are not enough here");
    }

    #[test]
    fn maintenance_neither_opens_nor_closes_anything() {
        let mut story = Story::new();
        (0..50).for_each(|_| assert_eq!(story.probe(Outcome::Excused, &[Code::TcpRefused]), Step::Same));
        story.bad(Code::TcpRefused);
        story.bad(Code::TcpRefused);
        (0..50).for_each(|_| assert_eq!(story.probe(Outcome::Excused, &[]), Step::Same));
        assert!(story.tracker.open.is_some());
    }

    #[test]
    fn what_nobody_saw_makes_no_breach() {
        const HOUR_MS: i64 = 3_600_000;
        let mut story = Story::new();
        story.bad(Code::TcpRefused);
        story.bad(Code::TcpRefused);
        // The monitor is down for two days, then there are six hours of maintenance.
        story.now += 48 * HOUR_MS;
        assert_eq!(story.bad(Code::TcpRefused), Step::Same);
        (0..720).for_each(|_| assert_eq!(story.probe(Outcome::Excused, &[Code::TcpRefused]), Step::Same));
        (0..9).for_each(|_| assert_eq!(story.bad(Code::TcpRefused), Step::Same));
        assert_eq!(story.tracker.open.as_ref().unwrap().bad_ms, 9 * PERIOD);
        assert_eq!(story.bad(Code::TcpRefused), Step::Breached, "after five minutes that were seen");
        // One bad probe before a long pause and one after it are no row.
        let mut story = Story::new();
        story.bad(Code::TcpRefused);
        story.now += 48 * HOUR_MS;
        assert_eq!(story.bad(Code::TcpRefused), Step::Same);
    }

    #[test]
    fn who_probes_seldom_sees_incidents_and_breaches_too() {
        const HOUR_MS: i64 = 3_600_000;
        let mut story = Story { period: HOUR_MS, ..Story::new() };
        story.bad(Code::TcpRefused);
        story.now += HOUR_MS;
        assert_eq!(story.bad(Code::TcpRefused), Step::Opened);
        story.now += HOUR_MS;
        assert_eq!(story.bad(Code::TcpRefused), Step::Breached);
        // Four hours without a probe are a gap for this one too.
        let seen = story.tracker.open.as_ref().unwrap().bad_ms;
        story.now += 4 * HOUR_MS;
        assert_eq!(story.bad(Code::TcpRefused), Step::Same);
        assert_eq!(story.tracker.open.as_ref().unwrap().bad_ms, seen);
    }

    #[test]
    fn of_what_was_not_promised_there_is_an_incident_and_no_breach() {
        let mut story = Story { is_promised: false, ..Story::new() };
        story.bad(Code::TcpRefused);
        assert_eq!(story.bad(Code::TcpRefused), Step::Opened);
        (0..100).for_each(|_| assert_eq!(story.bad(Code::TcpRefused), Step::Same));
        assert_eq!(story.tracker.open.as_ref().unwrap().breach_ms, None);
    }
}
