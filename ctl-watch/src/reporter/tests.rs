//! What enters the ledger, when, and how much of it: decided here, accepted by the rules of the log.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use ctl_governance::service_levels::Share;
use ctl_governance::statement::body::{BreachPhase, SlaBreach};
use ctl_governance::{Reason, State};
use ctl_policy::sla::{BUILT_IN, Counts, Kind, MAX_REPORT_SIZE, Material, Report, Time};

use super::months::incident_report;
use super::*;
use crate::aggregator::Incidents;
use crate::code::Code;
use crate::description::Description;
use crate::discover::Bounds;
use crate::hours::{begin_of, hour_at};
use crate::incident::{Cause, Incident};
use crate::levels::{Levels, counted};
use crate::store::{Retention, Store};
use crate::target::TargetId;
use crate::testing::target;
use crate::testing::world::{DAY, World, charter, key};

fn watcher() -> ParticipantId {
    "watcher-north".parse().unwrap()
}

/// A ledger, and what the store of the watch has.
struct Story {
    world: World,
    policy: SlaPolicy,
    incidents: Incidents,
}

impl Story {
    fn begin() -> Self {
        Self::by(BUILT_IN)
    }

    fn by(policy: &str) -> Self {
        let (mut world, policy) = (World::found_with(charter()), SlaPolicy::parse(policy).unwrap());
        // Each on a list, or they would have one share together.
        for operator in ["alpha-pki", "beta-pki"] {
            world.admitted(operator);
        }
        Self { world, policy, incidents: Incidents::new() }
    }

    fn now_ms(&self) -> i64 {
        self.world.now.unix() * 1000
    }

    /// An outage that is a breach, known to have been bad for so many seconds up to now.
    fn outage(&mut self, operator: &str, host: &str, seconds: i64) -> u64 {
        let (operator, url) = (operator.parse().unwrap(), format!("http://{host}/"));
        let number = self.incidents.keys().last().map_or(1, |last| last + 1);
        let incident = Incident {
            number,
            target: TargetId::of(Kind::Ocsp, &operator, &url).to_string(),
            kind: Kind::Ocsp,
            operator,
            url,
            cause: Cause::Failures,
            began_ms: self.now_ms() - seconds * 1000,
            opened_ms: self.now_ms() - seconds * 1000,
            ended_ms: None,
            breach_ms: Some(self.now_ms()),
            bad_ms: seconds * 1000,
            failures: 20,
            probes: 21,
            reasons: [(Code::TcpRefused, 19), (Code::Slow, 1)].into(),
            evidence: vec![Digest::of(b"b"), Digest::of(b"a")],
        };
        self.incidents.insert(number, Arc::new(incident));
        number
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Incident)) {
        change(Arc::make_mut(self.incidents.get_mut(&number).unwrap()));
    }

    fn over(&mut self, number: u64) {
        let now = self.now_ms();
        self.change(number, |incident| incident.ended_ms = Some(now));
    }

    fn due(&self) -> Due {
        self.due_of(true)
    }

    fn due_of(&self, complete: bool) -> Due {
        let (named, state) = (policy_ref(&self.policy).unwrap(), &self.world.state);
        let (watcher, now) = (watcher(), self.world.now);
        breaches_due(state, &watcher, &self.incidents, complete, &self.policy, &named, now).unwrap()
    }

    /// Records what is due as the reporter does; the rules of the log take all of it.
    fn record(&mut self) -> Vec<SlaBreach> {
        let due = self.due().statements;
        for breach in &due {
            self.world.say(&["watcher-north"], breach.clone()).unwrap();
        }
        due
    }

    fn open(&self) -> usize {
        self.world.state.service_levels.open_claims(&watcher()).count()
    }

    fn hosts(due: &[SlaBreach]) -> BTreeSet<&str> {
        due.iter().map(|one| one.service.url.as_ref().unwrap().as_str()).collect()
    }
}

#[test]
fn who_names_its_evidence_first_keeps_no_watcher_out() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.outage("beta-pki", "ocsp.beta.example", 400);
    // South was passed on what north sent, which was held back.
    let stolen = story.due().statements.remove(0);
    story.world.say(&["watcher-south"], stolen.clone()).unwrap();
    let theft = story.due();
    assert_eq!((theft.statements.len(), theft.copied), (1, [number].into()), "beta's is not held up");
    assert_eq!(story.world.say(&["watcher-north"], stolen).unwrap_err().reason, Reason::Exists);

    story.change(number, |incident| incident.evidence.push(Digest::of(b"what the next probe was answered")));
    assert_eq!((story.due().copied.len(), story.record().len()), (0, 2));
    assert_eq!(
        story.world.state.service_levels.confirmed().count(),
        1,
        "the thief has confirmed what is true"
    );
}

#[test]
fn evidence_is_told_when_nobody_can_claim_it_first_any_more() {
    let mut story = Story::begin();
    let [claimed, brief, beta] = ["alpha", "alpha-2", "beta"].map(|host| {
        let operator = if host == "beta" { "beta-pki" } else { "alpha-pki" };
        story.outage(operator, &format!("ocsp.{host}.example"), 400)
    });
    story.change(brief, |incident| incident.breach_ms = None);
    let north = key("watcher-north").public_key();
    let withheld = |story: &Story, number: u64| {
        withholds(Some(&story.world.state), &north, &story.incidents[&number], story.world.now)
    };
    assert!(withholds(None, &north, &story.incidents[&claimed], story.world.now), "the log is not known");
    assert!([claimed, brief, beta].iter().all(|number| withheld(&story, *number)));
    let due = story.due().statements;
    let first =
        due.iter().find(|one| one.service.url.as_ref().unwrap().as_str() == "http://ocsp.alpha.example/");
    story.world.say(&["watcher-north"], first.unwrap().clone()).unwrap();
    assert!(!withheld(&story, claimed) && withheld(&story, beta), "each by its own claim");
    story.over(brief);
    assert!(!withheld(&story, brief), "it never is a breach");
    story.over(beta);
    assert!(withheld(&story, beta), "it may be claimed late");
    let others = [key("elector-1"), key("alpha-watcher")].map(|key| key.public_key());
    let alphas = &story.incidents[&claimed];
    assert!(!others.iter().any(|key| withholds(Some(&story.world.state), key, alphas, story.world.now)));
    story.world.wait(4 * DAY);
    assert!(!withheld(&story, beta), "too late");
}

#[test]
fn a_breach_whose_history_is_lost_ends_so_that_the_next_one_can_be_told() {
    let mut story = Story::begin();
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let begin = story.record().remove(0);
    assert_eq!((begin.phase, story.open()), (BreachPhase::Opened, 1));
    assert!(story.due().statements.is_empty(), "nothing is lost as long as the incident is there");

    // The watch's disk is gone. The log has the breach, and nobody will ever see its end.
    story.incidents.clear();
    story.world.wait(3 * DAY);
    let end = story.record().remove(0);
    let index = story.world.state.service_levels.claims.keys().next().copied();
    assert_eq!((end.phase, end.opened, end.closed_at), (BreachPhase::Closed, index, Some(story.world.now)));
    let as_it_began = SlaBreach { closed_at: None, opened: None, phase: BreachPhase::Opened, ..end };
    assert_eq!(as_it_began, begin, "what was found stays as the beginning has it");
    assert_eq!(story.open(), 0);
    assert!(story.due().statements.is_empty(), "once");

    // The service still fails: that is another incident, by the first number again, and another breach.
    story.world.wait(600);
    assert_eq!(story.outage("alpha-pki", "ocsp.alpha.example", 400), 1);
    let again = story.record();
    assert_eq!((again.len(), again[0].phase), (1, BreachPhase::Opened));
    assert!(State::replay(&story.world.entries).unwrap() == story.world.state);
}

#[test]
fn another_incident_of_the_same_service_does_not_keep_a_lost_one_open() {
    let mut story = Story::begin();
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.outage("beta-pki", "ocsp.beta.example", 500);
    assert_eq!(story.record().len(), 2);
    story.incidents.clear();
    story.world.wait(900);
    // Beta's was in the part of the store that is still there.
    story.outage("beta-pki", "ocsp.beta.example", 1400);
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let first = story.record();
    assert_eq!((first.len(), first[0].phase), (1, BreachPhase::Closed));
    assert_eq!(Story::hosts(&first), ["http://ocsp.alpha.example/"].into());
    let began = story.world.now.minus_seconds(400);
    assert_eq!(first[0].closed_at, Some(began), "the log takes no claim from within another");
    let second = story.record();
    assert_eq!((second.len(), second[0].phase), (1, BreachPhase::Opened));
    assert_eq!(second[0].opened_at, began);
    assert_eq!(story.open(), 2);
}

#[test]
fn what_may_be_put_away_where_it_cannot_be_read_is_not_lost_and_keeps_nothing_else_waiting() {
    let mut story = Story::begin();
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let over = story.outage("beta-pki", "ocsp.beta.example", 400);
    assert_eq!(story.record().len(), 2);
    story.incidents.remove(&1);
    story.world.wait(600);
    story.over(over);
    story.outage("alpha-pki", "crl.alpha.example", 500);
    let due = story.due_of(false).statements;
    assert_eq!(
        due.iter().map(|one| one.phase).collect::<Vec<_>>(),
        [BreachPhase::Closed, BreachPhase::Opened]
    );
    assert_eq!(Story::hosts(&due[..1]), ["http://ocsp.beta.example/"].into());
    assert_eq!(story.due().statements.len(), 3, "once all could be read, it is lost");
}

#[test]
fn only_the_incident_of_the_same_service_makes_a_look_at_what_is_put_away_needless() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.record();
    let began = story.world.now.minus_seconds(400);
    assert!(without_incident(&story.world.state, &watcher(), &story.incidents).is_empty());
    story.outage("beta-pki", "ocsp.beta.example", 400);
    story.incidents.remove(&number);
    assert_eq!(without_incident(&story.world.state, &watcher(), &story.incidents), [began].into());
}

#[test]
fn a_clock_that_is_set_back_leaves_no_breach_open_that_nothing_ends() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.record();
    // The aggregator lets nothing that it knows be yet to come.
    story.change(number, |incident| incident.began_ms -= 600_000);
    let mut phases = || story.record().iter().map(|one| one.phase).collect::<Vec<_>>();
    assert_eq!(phases(), [BreachPhase::Closed]);
    assert_eq!(phases(), [BreachPhase::Opened]);
    assert!(phases().is_empty());
}

#[test]
fn an_incident_that_the_store_knows_from_before_its_breach_still_ends_it() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.record();
    // The last write failed, and then the server was killed.
    story.change(number, |incident| incident.breach_ms = None);
    assert!(story.due().statements.is_empty());
    story.world.wait(60);
    story.over(number);
    let ends = story.record();
    assert_eq!((ends.len(), ends[0].closed_at), (1, Some(story.world.now)));
}

#[test]
fn a_breach_ends_under_the_promise_by_which_it_began() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let begin = story.record().remove(0);
    story.policy =
        SlaPolicy::parse(&BUILT_IN.replace("availability = 999_000", "availability = 900_000")).unwrap();
    story.over(number);
    let end = story.record().remove(0);
    assert_eq!((end.policy, end.objective), (begin.policy, begin.objective));
}

#[test]
fn services_that_come_and_go_all_day_do_not_fill_the_log_nor_take_the_place_of_others() {
    let mut story = Story::begin();
    let (all, each) = (story.policy.breaches_per_day().all, story.policy.breaches_per_day().of_operator);
    let flapping: Vec<u64> =
        (0..300).map(|n| story.outage("alpha-pki", &format!("ocsp-{n}.alpha.example"), 400)).collect();
    // One is down in earnest, and beta has an outage too. They are the last that the store has.
    story.outage("alpha-pki", "crl.alpha.example", 5000);
    story.outage("beta-pki", "ocsp.beta.example", 400);
    let due = story.due();
    assert_eq!((due.statements.len(), due.held_back), (each as usize + 1, 301 - u64::from(each)));
    let recorded = story.record();
    let hosts = Story::hosts(&recorded);
    assert!(hosts.contains("http://crl.alpha.example/") && hosts.contains("http://ocsp.beta.example/"));

    // The day is full for alpha, and not for beta. What is over is always told.
    story.world.wait(3600);
    flapping.iter().for_each(|number| story.over(*number));
    story.outage("beta-pki", "ocsp-2.beta.example", 400);
    let due = story.record();
    let ends = due.iter().filter(|one| one.phase == BreachPhase::Closed).count();
    assert_eq!((ends, due.len()), (each as usize - 1, each as usize), "all ends, and one beginning");
    assert_eq!(story.due().held_back, 301 - u64::from(each));

    // A day after the first, there is room for as many again; after four days it is too late for the others.
    story.world.wait(DAY - 3600);
    assert_eq!(story.record().len(), each as usize);
    story.world.wait(3 * DAY);
    let due = story.due();
    assert!(due.held_back == 0 && due.statements.iter().all(|one| one.phase == BreachPhase::Closed));
    assert!(story.world.state.service_levels.claims.size() < all as usize);
}

#[test]
fn all_operators_together_have_a_bound_and_take_turns() {
    let policy = BUILT_IN
        .replace("breaches_per_day = 200", "breaches_per_day = 7")
        .replace("breaches_per_day_of_operator = 50", "breaches_per_day_of_operator = 5");
    let mut story = Story::by(&policy);
    for n in 0..9 {
        story.outage("alpha-pki", &format!("ocsp-{n}.alpha.example"), 9000);
    }
    for n in 0..3 {
        story.outage("beta-pki", &format!("ocsp-{n}.beta.example"), 400);
    }
    assert_eq!(story.due().held_back, 5);
    let recorded = story.record();
    let of = |operator: &str| {
        recorded.iter().filter(|one| one.service.operator.as_ref().unwrap().as_str() == operator).count()
    };
    assert_eq!((of("alpha-pki"), of("beta-pki")), (4, 3));
    assert!(story.record().is_empty());
}

#[test]
fn outages_of_one_service_are_told_in_their_order_unless_there_are_too_many() {
    for (flaps, expected) in [(3_i64, 4000), (60, 1000)] {
        let mut story = Story::begin();
        for n in 0..flaps {
            let number = story.outage("alpha-pki", "ocsp.alpha.example", 4000 - n);
            story.change(number, |incident| {
                incident.bad_ms = 300_000;
                incident.ended_ms = Some(incident.began_ms + 300_000);
            });
        }
        story.outage("alpha-pki", "ocsp.alpha.example", 1000);
        let due = story.record();
        assert_eq!(due.len(), 1, "a service breaks an objective once at a time");
        assert_eq!(due[0].opened_at, story.world.now.minus_seconds(expected), "{flaps}");
    }
}

#[test]
fn no_month_is_reported_on_before_all_of_its_hours_are_written() {
    let world = World::found_with(charter());
    let month = Month::of(Time(world.now.unix()));
    let (end, since_ms) = (hour_at(month.end()), (month.end().0 - 3600) * 1000);
    let watched =
        Description::new(1, &target("alpha-pki", Kind::Ocsp, "http://ocsp.alpha.example/"), since_ms);
    let targets = Arc::new(BTreeMap::from([(1, watched)]));
    let now = Timestamp::from_unix(month.end().0 + 3000);
    let due = |open_hour| {
        let levels = Levels { targets: targets.clone(), open_hour, ..Levels::default() };
        reports_due(&world.state, &watcher(), &levels, now)
    };
    assert!(due(end - 1).is_empty(), "what was counted in the last hour would be missing in the report");
    assert_eq!(due(end), [("alpha-pki".parse().unwrap(), month)]);
}

#[test]
fn reports_and_breaches_wait_once_the_days_share_is_used_up() {
    let mut story = Story::begin();
    let month = Month::of(Time(story.world.now.unix()));
    let now = Timestamp::from_unix(month.end().0 + 3000);
    let since_ms = month.begin().0 * 1000;
    // All on no list, so they have one share together.
    let operators = ["mo-one", "mo-two", "auditor"];
    let targets = operators.into_iter().zip(1..).map(|(operator, number)| {
        let url = format!("http://ocsp.{operator}.example/");
        (number, Description::new(number, &target(operator, Kind::Ocsp, &url), since_ms))
    });
    let targets = Arc::new(targets.collect::<BTreeMap<_, _>>());
    let levels = Levels { targets, open_hour: hour_at(month.end()), ..Levels::default() };
    let limit = story.world.state.rules().watched_per_day;
    story.world.now = now;
    story.outage("mo-one", "ocsp.mo-one.example", 400);
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    for (used, reports, breaches) in [(0, 3, 2), (limit - 2, 2, 2), (limit, 0, 1)] {
        let (today, key) = (now.unix().div_euclid(86_400), (watcher(), Share::Unlisted));
        story.world.state.service_levels.recorded_today.insert_mut(key, (today, used));
        let due = |at| reports_due(&story.world.state, &watcher(), &levels, at).len();
        assert_eq!((due(now), due(now.plus_seconds(DAY))), (reports, 3), "{used}");
        let due = story.due();
        assert_eq!((due.statements.len(), due.held_back), (breaches, 2 - breaches as u64), "{used}");
    }
}

#[test]
fn a_month_is_due_only_if_there_will_be_something_to_report() {
    let (world, directory) = (World::found_with(charter()), tempfile::tempdir().unwrap());
    let store = Store::open(directory.path(), Retention::default()).unwrap();
    let month = Month::of(Time(world.now.unix()));
    let now = Timestamp::from_unix(month.end().0 + 3000);
    let hours = (hour_at(month.begin()), hour_at(month.end()));
    // Watched for the last seconds of the month, a period being 30; the first probe came after it.
    for (seconds, is_due) in [(10, false), (45, false), (60, true), (3000, true)] {
        let since_ms = (month.end().0 - seconds) * 1000;
        let watched =
            Description::new(1, &target("alpha-pki", Kind::Ocsp, "http://ocsp.alpha.example/"), since_ms);
        let targets = Arc::new(BTreeMap::from([(1, watched.clone())]));
        let levels = Levels { targets, open_hour: hours.1, ..Levels::default() };
        let due = reports_due(&world.state, &watcher(), &levels, now);
        let counted = counted(&store, &[watched], hours, begin_of(hours.1)).unwrap();
        assert_eq!((!due.is_empty(), counted.contains_key(&1)), (is_due, is_due), "{seconds}");
    }
}

#[test]
fn the_worst_month_that_there_can_be_is_no_larger_than_what_is_read() {
    // More than anyone's numbers have digits.
    const MANY: u64 = 9_999_999;
    let policy = SlaPolicy::parse(BUILT_IN).unwrap();
    let url = |n: u64| format!("http://{n:05}.{}.example/", "a".repeat(478));
    assert_eq!(url(1).len(), 500, "the longest that is watched");
    let codes: BTreeMap<String, u64> =
        Code::ALL.iter().map(|code| (code.as_str().to_owned(), MANY)).collect();
    let counts = Counts {
        good: MANY,
        bad: MANY,
        excused: MANY,
        missing: MANY,
        answered: 2 * MANY,
        fresh: MANY,
        correct: MANY,
        latency_ms: ctl_policy::sla::Histogram([MANY / 17; 17]),
        reasons: codes,
    };
    let targets = u64::try_from(Bounds::default().per_operator).unwrap();
    let operator: ParticipantId = "a".repeat(48).parse().unwrap();
    let month: Month = "2026-01".parse().unwrap();
    let incident = |number: u64| Incident {
        number: u64::from(u32::MAX) + number,
        target: format!("{:016x}", number % targets),
        kind: Kind::CaIssuers,
        operator: operator.clone(),
        url: url(number % targets),
        cause: Cause::Failures,
        began_ms: month.begin().0 * 1000,
        opened_ms: month.begin().0 * 1000,
        ended_ms: Some(month.end().0 * 1000),
        breach_ms: Some(month.end().0 * 1000),
        bad_ms: 0,
        failures: MANY,
        probes: MANY,
        reasons: Code::ALL.iter().map(|code| (*code, MANY)).collect(),
        evidence: (0..8_u8).map(|n| Digest::of(&[n])).collect(),
    };
    let objectives =
        Kind::ALL.iter().map(|kind| (*kind, policy.terms("x", *kind).unwrap().objective.clone()));
    // As much maintenance as a policy can announce.
    let announced = "[[maintenance]]\noperator='x'\nannounced_at='2026-01-01T00:00:00Z'\n\
                     starts_at='2026-01-09T00:00:00Z'\nends_at='2026-01-09T02:00:00Z'\ntext='\"\"\"\"\"\"\"\"\"\"'\n";
    let room = (ctl_policy::sla::MAX_SLA_POLICY_SIZE - BUILT_IN.len()) / announced.len();
    let crowded = SlaPolicy::parse(&format!("{BUILT_IN}\n{}", announced.repeat(room))).unwrap();
    let maintenance: Vec<_> = crowded.maintenance_of("x", month.begin(), month.end()).cloned().collect();
    assert!(maintenance.len() > 1000);
    let report = Report::new(Material {
        scheme: Digest::ZERO.to_string(),
        operator: operator.to_string(),
        month,
        made_at: Time(month.end().0 + 600),
        policy: ctl_policy::sla::PolicyName {
            name: "\u{1f50c}".repeat(120),
            version: "1".repeat(48),
            sha256: hex::encode(policy.digest()),
        },
        method: "x".repeat(1000),
        objectives: objectives.collect(),
        targets: (0..targets)
            .map(|n| (format!("{n:016x}"), Kind::CaIssuers, url(n), counts.clone()))
            .collect(),
        incidents: (0..10_000).map(|n| incident_report(&incident(n))).collect(),
        maintenance,
    });
    let bytes = ctl_core::json::canonical(&report);
    assert!(bytes.len() <= MAX_REPORT_SIZE, "{}", bytes.len());
    assert!(bytes.len() > MAX_REPORT_SIZE - 10_000, "and nothing is left out without need: {}", bytes.len());
    report.check().unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&bytes).unwrap(), report);
    let left_out = report.left_out.as_ref().unwrap();
    assert_eq!(left_out.incidents + report.incidents.len() as u64, 10_000);
    let others: u64 = left_out.targets.iter().map(|others| others.targets).sum();
    assert_eq!(others + report.targets.len() as u64, targets);
    assert!(report.targets.len() > 200 && report.incidents.len() > 200, "there is room for what says most");
}

#[test]
fn every_policy_that_is_accepted_can_be_named_in_statements() {
    for (name, version) in [
        ("Dienstgüte", "2026-1"),
        ("サービス", " v 1~"),
        ("x", "1"),
        (&*"\u{1f50c}".repeat(120), &*"1".repeat(48)),
    ] {
        let policy = BUILT_IN.replacen("\"Service levels\"", &format!("\"{name}\""), 1).replacen(
            "\"2026-1\"",
            &format!("\"{version}\""),
            1,
        );
        let named = policy_ref(&SlaPolicy::parse(&policy).unwrap()).unwrap();
        assert_eq!((named.name.as_str(), named.version.as_str()), (name, version));
    }
    // And what cannot be named is not accepted.
    for name in ["\u{a0}x", "x\u{2003}", "a\u{85}b", "a\u{2067}b", "a\u{7f}b"] {
        assert!(name.parse::<ctl_core::names::Label>().is_err(), "{name:?}");
        let escaped: String = name.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect();
        let policy = BUILT_IN.replacen("Service levels", &escaped, 1);
        let refused = SlaPolicy::parse(&policy).unwrap_err().to_string();
        assert!(refused.contains("statements in the log name the policy"), "{refused}");
    }
}
