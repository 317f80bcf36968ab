//! Stories of services that fail, and what becomes of their incidents.

use ctl_policy::sla::{BUILT_IN, SlaPolicy};

use super::*;

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
    // The watch is down for two days, then there are six hours of maintenance.
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
