//! Rules 3: breaches and reports of service levels, requests for cross-certificates and their answers; and that
//! earlier rules know nothing of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use ctl_core::governance::{Reason, Refusal, State};
use ctl_core::jws::Jws;
use ctl_core::statement::body::*;
use ctl_core::statement::parts::*;
use ctl_core::statement::{Body, Entry, Statement};
use ctl_core::{Digest, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

const HOUR: u64 = 3600;
const WINDOW: u64 = 30 * DAY;

fn world() -> World {
    World::published_with(charter_3())
}

fn ocsp() -> Service {
    Service {
        kind: "ocsp".parse().unwrap(),
        operator: Some("alpha-pki".parse().unwrap()),
        url: Some("http://ocsp.alpha.example/".parse().unwrap()),
    }
}

fn objective(name: &str) -> Objective {
    Objective { name: name.parse().unwrap(), target_ppm: 999_000, window_seconds: WINDOW }
}

/// A breach of availability of alpha's responder that began so many seconds ago.
fn opened(world: &World, ago: u64) -> SlaBreach {
    let mut evidence = vec![Digest::of(b"a"), Digest::of(b"b")];
    evidence.sort();
    SlaBreach {
        closed_at: None,
        evidence,
        measured: Measured { good: 86_000, missing: 12, valid: 86_388 },
        objective: objective("availability"),
        opened: None,
        opened_at: world.now.minus_seconds(ago),
        phase: BreachPhase::Opened,
        policy: sla_policy(),
        reasons: [("tcp_refused".parse().unwrap(), 300), ("slow".parse().unwrap(), 88)].into(),
        service: ocsp(),
    }
}

/// Its end, so many seconds ago.
fn closed(world: &World, index: u64, ago: u64) -> SlaBreach {
    let breach = &world.state.breaches[&index];
    SlaBreach {
        closed_at: Some(world.now.minus_seconds(ago)),
        opened: Some(index),
        opened_at: breach.opened_at,
        phase: BreachPhase::Closed,
        ..opened(world, 0)
    }
}

fn sla_policy() -> PolicyRef {
    PolicyRef {
        name: "service-levels".parse().unwrap(),
        sha256: Digest::of(b"the service level policy"),
        version: "2026-1".parse().unwrap(),
    }
}

fn line(kind: &str, good: u64, valid: u64, met: bool) -> ServiceSummary {
    ServiceSummary { good, kind: kind.parse().unwrap(), met, missing: 3, target_ppm: 999_000, valid }
}

/// January 2026 of alpha.
fn january() -> SlaReport {
    SlaReport {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        operator: Some("alpha-pki".parse().unwrap()),
        policy: sla_policy(),
        report: blob("the report of January"),
        summary: vec![line("crl", 1000, 1000, true), line("ocsp", 86_000, 86_388, false)],
        to: "2026-02-01T00:00:00Z".parse().unwrap(),
    }
}

fn refused(world: &mut World, what: &str, body: impl Into<Body>) -> Reason {
    let before = world.state.clone();
    let refusal = world.say(&["recorder"], body).expect_err(what);
    assert!(!refusal.detail.is_empty() && world.state == before, "{what}");
    refusal.reason
}

#[test]
fn a_breach_opens_and_closes_and_changes_nobodys_trust() {
    let mut world = world();
    let anchor = world.admitted("alpha-pki");
    world.publish_list();
    let lists = world.state.lists.clone();
    let body = opened(&world, 300);
    let index = world.say(&["recorder"], body).unwrap();
    let breach = world.state.breaches[&index].clone();
    assert_eq!((breach.opened_at, breach.recorded_at), (world.now.minus_seconds(300), world.now));
    assert!(breach.closed.is_none() && world.state.open_breaches.size() == 1);

    world.wait(2 * HOUR);
    let mut end = closed(&world, index, 60);
    end.measured.good = 86_200;
    let cause = world.say(&["recorder"], end).unwrap();
    let breach = &world.state.breaches[&index];
    let found = breach.closed.unwrap();
    assert_eq!((found.index, found.at, found.recorded_at), (cause, world.now.minus_seconds(60), world.now));
    assert_eq!(breach.found.measured.good, 86_200, "the last word counts");
    assert!(world.state.open_breaches.is_empty());
    assert_eq!(world.state.lists, lists, "what follows from a breach is for electors to decide");
    assert!(world.state.is_trusted(&na(), &world.state.anchor(&na(), &anchor).unwrap().listed));

    // The next one is another one.
    world.wait(HOUR);
    let body = opened(&world, 10);
    let again = world.say(&["recorder"], body).unwrap();
    assert_eq!(world.state.breaches.keys().copied().collect::<Vec<_>>(), [index, again]);
}

#[test]
fn only_the_recorder_speaks_of_service_levels_and_only_it_alone() {
    let mut world = world();
    world.wait(40 * DAY);
    let breach = opened(&world, 60);
    let bodies: [Body; 2] = [breach.into(), january().into()];
    for body in bodies {
        for signers in [&["alpha-pki"] as &[&str], &["elector-1"], &["recorder", "elector-1"], &["snapshot"]]
        {
            let refusal = world.say(signers, body.clone()).unwrap_err();
            let expected = if signers == ["snapshot"] { Reason::UnknownSigner } else { Reason::WrongRole };
            assert_eq!(refusal.reason, expected, "{signers:?}: {refusal}");
        }
        world.say(&["recorder"], body).unwrap();
    }
}

#[test]
fn one_service_breaks_one_objective_once_at_a_time() {
    let mut world = world();
    let body = opened(&world, 60);
    let index = world.say(&["recorder"], body.clone()).unwrap();
    assert_eq!(refused(&mut world, "twice", body.clone()), Reason::Exists);
    let later = SlaBreach { opened_at: body.opened_at.plus_seconds(1), ..body.clone() };
    assert_eq!(refused(&mut world, "twice, said otherwise", later), Reason::Exists);

    // Another objective, another address, all of a kind together, another operator, the service itself.
    let with = |change: &dyn Fn(&mut SlaBreach)| {
        let mut body = body.clone();
        change(&mut body);
        body
    };
    for other in [
        with(&|body| body.objective.name = "latency".parse().unwrap()),
        with(&|body| body.service.url = Some("http://ocsp2.alpha.example/".parse().unwrap())),
        with(&|body| body.service.url = None),
        with(&|body| body.service.operator = Some("beta-pki".parse().unwrap())),
        with(&|body| body.service = Service { kind: "service".parse().unwrap(), operator: None, url: None }),
    ] {
        world.say(&["recorder"], other).unwrap();
    }
    assert_eq!(world.state.open_breaches.size(), 6);
    let stranger = with(&|body| body.service.operator = Some("nobody".parse().unwrap()));
    assert_eq!(refused(&mut world, "nobody's service", stranger), Reason::NotFound);

    // One ends, the others go on.
    let end = closed(&world, index, 0);
    world.say(&["recorder"], end.clone()).unwrap();
    assert_eq!(world.state.open_breaches.size(), 5);
    assert_eq!(refused(&mut world, "over twice", end), Reason::Stage);
}

#[test]
fn the_end_of_a_breach_names_the_breach_that_it_ends() {
    let mut world = world();
    let body = opened(&world, HOUR);
    let index = world.say(&["recorder"], body).unwrap();
    let mut other = opened(&world, HOUR);
    other.objective.name = "latency".parse().unwrap();
    let latency = world.say(&["recorder"], other).unwrap();
    let end = closed(&world, index, 60);
    let with = |change: &dyn Fn(&mut SlaBreach)| {
        let mut body = end.clone();
        change(&mut body);
        body
    };
    let now = world.now;
    for (what, expected, forged) in [
        ("a breach that is not there", Reason::NotFound, with(&|b| b.opened = Some(0))),
        ("another objective's", Reason::Stage, with(&|b| b.opened = Some(latency))),
        ("another service's", Reason::Stage, with(&|b| b.service.url = None)),
        ("another beginning", Reason::Content, with(&|b| b.opened_at = b.opened_at.plus_seconds(1))),
        (
            "an end before the beginning",
            Reason::Time,
            with(&|b| {
                b.closed_at = Some(b.opened_at.minus_seconds(1));
            }),
        ),
        ("an end that is yet to come", Reason::Time, with(&|b| b.closed_at = Some(now.plus_seconds(1)))),
        ("no end", Reason::Content, with(&|b| b.closed_at = None)),
        ("the end of nothing", Reason::Content, with(&|b| b.opened = None)),
        ("an end that says it is a beginning", Reason::Content, with(&|b| b.phase = BreachPhase::Opened)),
    ] {
        assert_eq!(refused(&mut world, what, forged), expected, "{what}");
    }
    // The policy may have changed meanwhile: the breach of a promise ends under the name of the promise.
    world.say(&["recorder"], with(&|b| b.objective.target_ppm = 990_000)).unwrap();
}

#[test]
fn a_breach_is_of_its_time_and_within_bounds() {
    let mut world = world();
    world.wait(40 * DAY);
    let body = opened(&world, 60);
    let with = |change: &dyn Fn(&mut SlaBreach)| {
        let mut body = body.clone();
        change(&mut body);
        body
    };
    let now = world.now;
    let codes = |count: u64| -> BTreeMap<_, _> {
        (0..count).map(|n| (format!("code_{n}").parse().unwrap(), 1)).collect()
    };
    let digests = |count: u64| -> Vec<Digest> {
        let mut digests: Vec<_> = (0..count).map(|n| Digest::of(&n.to_be_bytes())).collect();
        digests.sort();
        digests
    };
    for (what, expected, forged) in [
        ("yet to come", Reason::Time, with(&|b| b.opened_at = now.plus_seconds(1))),
        ("before its window", Reason::Time, with(&|b| b.opened_at = now.minus_seconds(WINDOW + 1))),
        (
            "late, of a short window",
            Reason::Time,
            with(&|b| {
                b.objective.window_seconds = HOUR;
                b.opened_at = now.minus_seconds(5 * DAY);
            }),
        ),
        ("no window", Reason::Content, with(&|b| b.objective.window_seconds = 0)),
        ("a window of ages", Reason::Content, with(&|b| b.objective.window_seconds = 100 * 365 * DAY)),
        ("more than all", Reason::Content, with(&|b| b.objective.target_ppm = 1_000_001)),
        ("nothing promised", Reason::Content, with(&|b| b.objective.target_ppm = 0)),
        ("more good than all", Reason::Content, with(&|b| b.measured.good = b.measured.valid + 1)),
        ("too many reasons", Reason::Content, with(&|b| b.reasons = codes(129))),
        (
            "a reason that was not found",
            Reason::Content,
            with(&|b| {
                b.reasons.insert("slow".parse().unwrap(), 0);
            }),
        ),
        ("too much evidence", Reason::Content, with(&|b| b.evidence = digests(65))),
        ("evidence out of order", Reason::Content, with(&|b| b.evidence.reverse())),
        ("evidence twice", Reason::Content, with(&|b| b.evidence = vec![Digest::ZERO; 2])),
    ] {
        assert_eq!(refused(&mut world, what, forged), expected, "{what}");
    }
    let largest = with(&|b| {
        b.reasons = codes(128);
        b.evidence = digests(64);
        b.opened_at = now.minus_seconds(WINDOW);
        b.service.url = Some(format!("http://{}", "a".repeat(493)).parse().unwrap());
    });
    world.say(&["recorder"], largest).expect("the largest fits an entry");
    let mut short = with(&|b| b.objective.name = "burn".parse().unwrap());
    short.objective.window_seconds = HOUR;
    short.opened_at = now.minus_seconds(3 * DAY);
    world.say(&["recorder"], short).expect("a server that stood still over the weekend");
}

#[test]
fn a_time_is_reported_on_once_and_when_it_is_over() {
    let mut world = world();
    assert_eq!(refused(&mut world, "before it is over", january()), Reason::Time);
    world.wait(31 * DAY);
    let index = world.say(&["recorder"], january()).unwrap();
    let key = (Some("alpha-pki".parse().unwrap()), january().from);
    assert_eq!(world.state.level_reports[&key].index, index);
    assert_eq!(world.state.blobs[&january().report.sha256], BlobAccess::Public, "may be uploaded now");

    let again = SlaReport { report: blob("a kinder report"), ..january() };
    assert_eq!(refused(&mut world, "the same month, kinder", again), Reason::Exists);
    let shorter = SlaReport { to: "2026-01-15T00:00:00Z".parse().unwrap(), ..january() };
    assert_eq!(refused(&mut world, "the same month, shorter", shorter), Reason::Exists);
    let beta = SlaReport { operator: Some("beta-pki".parse().unwrap()), ..january() };
    world.say(&["recorder"], beta).unwrap();
    let own = SlaReport { operator: None, summary: vec![line("service", 9, 9, true)], ..january() };
    world.say(&["recorder"], own.clone()).expect("the trust list manager reports on itself");
    assert_eq!(refused(&mut world, "on itself twice", own), Reason::Exists);
    assert_eq!(world.state.level_reports.size(), 3);
}

#[test]
fn no_report_says_that_a_promise_was_kept_which_its_own_numbers_say_was_not() {
    let mut world = world();
    world.wait(40 * DAY);
    let with = |change: &dyn Fn(&mut SlaReport)| {
        let mut body = january();
        change(&mut body);
        body
    };
    let now = world.now;
    for (what, expected, forged) in [
        ("not met", Reason::Content, with(&|r| r.summary[1].met = true)),
        ("more good than all", Reason::Content, with(&|r| r.summary[0].good = 1001)),
        ("out of order", Reason::Content, with(&|r| r.summary.reverse())),
        ("a kind twice", Reason::Content, with(&|r| r.summary = vec![line("crl", 1, 1, true); 2])),
        ("a target above all", Reason::Content, with(&|r| r.summary[1].target_ppm = 1_000_001)),
        ("that nobody may read", Reason::Content, with(&|r| r.report.access = BlobAccess::Restricted)),
        ("of no time", Reason::Time, with(&|r| r.to = r.from)),
        ("backwards", Reason::Time, with(&|r| std::mem::swap(&mut r.from, &mut r.to))),
        ("of a time to come", Reason::Time, with(&|r| r.to = now.plus_seconds(1))),
        ("of ages", Reason::Time, with(&|r| r.from = Timestamp::EPOCH)),
        ("of nobody", Reason::NotFound, with(&|r| r.operator = Some("nobody".parse().unwrap()))),
        (
            "too long",
            Reason::Content,
            with(&|r| {
                let mut kinds: Vec<_> = (0..65).map(|n| format!("kind-{n}")).collect();
                kinds.sort();
                r.summary = kinds.iter().map(|kind| line(kind, 1, 1, true)).collect();
            }),
        ),
    ] {
        assert_eq!(refused(&mut world, what, forged), expected, "{what}");
    }
    // On the very target it is met; that it is not met although the share is, is for other promises.
    let edge = with(&|r| r.summary = vec![line("crl", 999, 1000, true), line("ocsp", 1000, 1000, false)]);
    world.say(&["recorder"], edge).unwrap();
}

struct Pair {
    world: World,
    alpha: Digest,
    beta: Digest,
}

/// Two operators with an anchor on the list each.
fn pair() -> Pair {
    let mut world = world();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    world.publish_list();
    Pair { world, alpha, beta }
}

impl Pair {
    /// Beta asks alpha to vouch for beta's root.
    fn request(&self) -> CrossRequest {
        CrossRequest {
            issuer_anchor: self.alpha,
            list: na(),
            requester_anchor: self.beta,
            terms: Some(blob("terms")),
        }
    }

    fn answer(&mut self, by: &str, body: CrossRespond) -> Result<u64, Refusal> {
        self.world.say(&[by], body)
    }
}

fn accept(request: u64) -> CrossRespond {
    CrossRespond { answer: CrossAnswer::Accepted, document: Some(blob("contract")), reason: None, request }
}

fn decline(request: u64) -> CrossRespond {
    let reason = Some(RefusalReason::PolicyNotMet);
    CrossRespond { answer: CrossAnswer::Declined, document: None, reason, request }
}

#[test]
fn a_request_for_a_cross_certificate_is_declined_and_asked_again_and_accepted() {
    let mut pair = pair();
    let body = pair.request();
    let first = pair.world.say(&["beta-pki"], body.clone()).unwrap();
    let request = &pair.world.state.cross_requests[&first];
    assert_eq!((request.requester.as_str(), request.issuer.as_str()), ("beta-pki", "alpha-pki"));
    assert!(request.is_open() && pair.world.state.cross_open.contains(&first));
    let again = pair.world.say(&["beta-pki"], body.clone());
    assert_eq!(reason(again), Reason::Exists, "once at a time");
    let reverse = CrossRequest { issuer_anchor: pair.beta, requester_anchor: pair.alpha, ..body.clone() };
    pair.world.say(&["alpha-pki"], reverse).expect("the other way round is another request");

    pair.world.wait(3 * DAY);
    let answer = pair.answer("alpha-pki", decline(first)).unwrap();
    let found = pair.world.state.cross_requests[&first].answer.clone().unwrap();
    assert_eq!((found.index, found.at, found.reason), (answer, pair.world.now, decline(0).reason));
    assert_eq!(reason(pair.answer("alpha-pki", accept(first))), Reason::Stage, "an answer is an answer");

    let second = pair.world.say(&["beta-pki"], body).unwrap();
    pair.answer("alpha-pki", accept(second)).unwrap();
    assert_eq!(pair.world.state.cross_open.len(), 1);
    assert!(pair.world.state.blobs.contains_key(&blob("contract").sha256));
    assert!(pair.world.state.lists[&na()].cross_certificates.is_empty(), "it still has to apply");
}

#[test]
fn nobody_asks_or_answers_for_another() {
    let mut pair = pair();
    let body = pair.request();
    let swapped = CrossRequest { issuer_anchor: pair.beta, requester_anchor: pair.alpha, ..body.clone() };
    for (by, expected, forged) in [
        ("alpha-pki", Reason::WrongRole, body.clone()),
        ("elector-1", Reason::WrongRole, body.clone()),
        ("recorder", Reason::WrongRole, body.clone()),
        ("beta-pki", Reason::WrongRole, swapped),
        ("beta-pki", Reason::NotFound, CrossRequest { issuer_anchor: Digest::ZERO, ..body.clone() }),
        ("beta-pki", Reason::NotFound, CrossRequest { requester_anchor: Digest::ZERO, ..body.clone() }),
        ("beta-pki", Reason::NotFound, CrossRequest { list: "eu".parse().unwrap(), ..body.clone() }),
        ("beta-pki", Reason::Content, CrossRequest { issuer_anchor: pair.beta, ..body.clone() }),
    ] {
        assert_eq!(reason(pair.world.say(&[by], forged.clone())), expected, "{by} {forged:?}");
    }
    let index = pair.world.say(&["beta-pki"], body).unwrap();
    for by in ["beta-pki", "elector-1", "recorder"] {
        assert_eq!(reason(pair.answer(by, accept(index))), Reason::WrongRole, "{by}");
    }
    assert_eq!(reason(pair.answer("alpha-pki", accept(index + 1))), Reason::NotFound);
    let bare = CrossRespond { reason: None, ..decline(index) };
    assert_eq!(reason(pair.answer("alpha-pki", bare)), Reason::Content);
    let excused = CrossRespond { reason: Some(RefusalReason::LegalObstacle), ..accept(index) };
    assert_eq!(reason(pair.answer("alpha-pki", excused)), Reason::Content);
    pair.answer("alpha-pki", decline(index)).unwrap();
}

#[test]
fn a_distrusted_anchor_neither_asks_nor_is_asked_but_may_still_answer() {
    let mut pair = pair();
    let body = pair.request();
    let index = pair.world.say(&["beta-pki"], body.clone()).unwrap();
    let what = Distrusted { kind: DistrustKind::Certificate, sha256: pair.alpha };
    let proposal = pair.world.propose("elector-1", Change::Distrust { list: na(), what }).unwrap();
    pair.world.decide(proposal);
    let reverse = CrossRequest { issuer_anchor: pair.beta, requester_anchor: pair.alpha, ..body.clone() };
    assert_eq!(reason(pair.world.say(&["alpha-pki"], reverse)), Reason::NotFound);
    let mut decline = decline(index);
    decline.reason = Some(RefusalReason::IssuerCeasing);
    pair.answer("alpha-pki", decline).unwrap();
    assert_eq!(reason(pair.world.say(&["beta-pki"], body)), Reason::NotFound);
}

#[test]
fn earlier_rules_refuse_all_of_it_by_name() {
    for charter in [charter(), charter_2()] {
        let rules = charter.rules;
        let mut world = World::published_with(charter);
        world.wait(40 * DAY);
        let breach = opened(&world, 60);
        let request = CrossRequest {
            issuer_anchor: Digest::ZERO,
            list: na(),
            requester_anchor: Digest::ZERO,
            terms: None,
        };
        let bodies: [(&str, Body); 4] = [
            ("recorder", breach.into()),
            ("recorder", january().into()),
            ("alpha-pki", request.into()),
            ("alpha-pki", decline(1).into()),
        ];
        for (by, body) in bodies {
            let name = body.type_name();
            let refusal = world.say(&[by], body).unwrap_err();
            assert_eq!(refusal.reason, Reason::Content);
            let expected = format!("{name} are unknown under rules {rules}; amend the charter to rules 3");
            assert!(refusal.detail.contains(&expected), "{refusal}");
        }
    }
}

#[test]
fn a_scheme_enters_rules_3_by_amending_its_charter_and_does_not_go_back() {
    let mut world = World::published_with(charter_2());
    let body = opened(&world, 60);
    assert_eq!(refused(&mut world, "too early", body), Reason::Content);
    let amendment = Change::AmendCharter { charter: Box::new(charter_3()) };
    let proposal = world.propose("elector-1", amendment).unwrap();
    world.decide(proposal);
    let body = opened(&world, 60);
    world.say(&["recorder"], body).unwrap();
    for earlier in [charter(), charter_2()] {
        let back = Change::AmendCharter { charter: Box::new(earlier) };
        assert_eq!(reason(world.propose("elector-1", back)), Reason::Charter);
    }
    let bytes: Vec<Vec<u8>> = world.entries.iter().map(|entry| entry.bytes.clone()).collect();
    let entries: Vec<Entry> = bytes.iter().map(|bytes| Entry::parse(bytes).unwrap()).collect();
    assert!(State::replay(&entries).unwrap() == world.state);
}

#[test]
fn a_forged_member_or_number_is_no_statement() {
    let mut world = world();
    let breach = opened(&world, 60);
    let forged = |world: &mut World, body: Body, changes: &[(&str, &str)]| {
        let payload = world.payload(body);
        let genuine = String::from_utf8(payload.to_bytes()).unwrap();
        for (from, to) in changes {
            assert!(genuine.contains(from), "{genuine}");
            let bytes = genuine.replacen(from, to, 1).into_bytes();
            let jws = Jws::sign(bytes, &payload.body.typ(), &[&world.keys["recorder"]]);
            assert!(Statement::from_jws(jws).is_err(), "{to}");
        }
    };
    forged(
        &mut world,
        breach.into(),
        &[
            ("\"good\":86000", "\"good\":86000.5"),
            ("\"good\":86000", "\"good\":-1"),
            ("\"good\":86000", "\"good\":9007199254740993"),
            ("\"phase\":\"opened\"", "\"phase\":\"paused\""),
            ("\"slow\":88", "\"slow\":88,\"so sorry, it was raining\":1"),
            ("\"target_ppm\":999000", "\"target_ppm\":999000,\"words\":\"about\""),
            ("\"kind\":\"ocsp\"", "\"kind\":\"OCSP responder\""),
            ("\"name\":\"availability\"", "\"name\":\"we did our best\""),
        ],
    );
    let decline = decline(1);
    let reasons = &[("\"policy-not-met\"", "\"because\""), ("\"declined\"", "\"maybe\"")];
    forged(&mut world, decline.into(), reasons);
}

/// What an operation of the property below does.
#[derive(Clone, Debug)]
enum Operation {
    /// A service falls below an objective, so many seconds ago.
    Open(usize, u64),
    /// The breach that was opened as the n-th ends, so many seconds ago; the statement names this service.
    Close(usize, usize, u64),
    /// Time passes.
    Wait(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (0_usize..3, 0_u64..2 * DAY).prop_map(|(service, ago)| Operation::Open(service, ago)),
        (0_usize..6, 0_usize..3, 0_u64..DAY)
            .prop_map(|(opened, service, ago)| Operation::Close(opened, service, ago)),
        (1_u64..DAY).prop_map(Operation::Wait),
    ]
}

fn nth_service(number: usize) -> Service {
    let url = format!("http://ocsp-{number}.alpha.example/").parse().unwrap();
    Service { url: Some(url), ..ocsp() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a recorder tries, in whatever order: exactly what a simple model allows is recorded, what is open
    /// is known, and the log replays to the same state.
    #[test]
    fn breaches_open_and_close_as_a_simple_model_has_it(operations in vec(operation(), 1..25)) {
        let mut world = World::found_with(charter_3());
        let mut model: BTreeMap<usize, (u64, Timestamp)> = BTreeMap::new();
        let mut all: Vec<u64> = Vec::new();
        for operation in operations {
            match operation {
                Operation::Wait(seconds) => world.wait(seconds),
                Operation::Open(service, ago) => {
                    let body = SlaBreach { service: nth_service(service), ..opened(&world, ago) };
                    let opened_at = body.opened_at;
                    let recorded = world.say(&["recorder"], body);
                    prop_assert_eq!(recorded.is_ok(), !model.contains_key(&service));
                    if let Ok(index) = recorded {
                        model.insert(service, (index, opened_at));
                        all.push(index);
                    }
                }
                Operation::Close(opened, service, ago) => {
                    let Some(index) = all.get(opened).copied() else { continue };
                    let body = SlaBreach { service: nth_service(service), ..closed(&world, index, ago) };
                    let fits = model.get(&service).is_some_and(|(open, opened_at)| {
                        *open == index && body.closed_at.unwrap() >= *opened_at
                    });
                    prop_assert_eq!(world.say(&["recorder"], body).is_ok(), fits);
                    if fits {
                        model.remove(&service);
                    }
                }
            }
        }
        let open: BTreeSet<u64> = world.state.open_breaches.values().copied().collect();
        let expected: BTreeSet<u64> = model.values().map(|(index, _)| *index).collect();
        prop_assert_eq!(&open, &expected);
        for (index, breach) in &world.state.breaches {
            prop_assert_eq!(breach.closed.is_none(), open.contains(index));
        }
        prop_assert!(State::replay(&world.entries).unwrap() == world.state);
    }
}
