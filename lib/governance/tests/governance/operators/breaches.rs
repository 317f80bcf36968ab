//! What one watcher claims: each claim opens once, ends once, and is of its time.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::Body;
use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::Charter;
use ctl_governance::{Reason, State};
use proptest::collection::vec;
use proptest::prelude::*;

use super::setup::*;
use crate::common::*;

#[test]
fn only_watchers_speak_of_service_levels_and_each_alone() {
    let mut world = world();
    world.wait(40 * DAY);
    let breach = opened(&world, 60);
    let bodies: [Body; 2] = [breach.into(), january().into()];
    for body in bodies {
        for signers in [
            &["alpha-pki"] as &[&str],
            &["elector-1"],
            &["recorder"],
            &["recorder", NORTH],
            &[NORTH, SOUTH],
            &["snapshot"],
        ] {
            let refusal = world.say(signers, body.clone()).unwrap_err();
            let expected = if signers == ["snapshot"] { Reason::UnknownSigner } else { Reason::WrongRole };
            assert_eq!(refusal.reason, expected, "{signers:?}: {refusal}");
        }
        world.say(&[NORTH], body).unwrap();
    }
}

#[test]
fn a_charter_without_watchers_knows_nobody_who_may_say_so() {
    let mut world = World::published_with(Charter { watchers: None, ..charter() });
    world.wait(40 * DAY);
    let breach = opened(&world, 60);
    let bodies: [Body; 2] = [breach.into(), january().into()];
    for body in bodies {
        let refusal = world.say(&[NORTH], body).unwrap_err();
        assert_eq!(refusal.reason, Reason::WrongRole);
        assert!(refusal.detail.contains("the charter names no watchers"), "{refusal}");
    }
}

#[test]
fn a_watcher_speaks_of_everyone_but_its_own_organisation() {
    let mut world = world();
    world.wait(40 * DAY);
    let own = opened_by(&world, "alpha-watcher", 60);
    let refusal = world.say(&["alpha-watcher"], own.clone()).unwrap_err();
    assert_eq!(refusal.reason, Reason::WrongRole);
    assert!(refusal.detail.contains("does not speak about its own organisation"), "{refusal}");
    assert_eq!(reason(world.say(&["alpha-watcher"], january())), Reason::WrongRole);

    // Of others it does, and of the trust list manager, whom nobody belongs to.
    let service = Service { operator: Some("beta-pki".parse().unwrap()), ..ocsp() };
    world.say(&["alpha-watcher"], SlaBreach { service, ..own.clone() }).unwrap();
    let service = Service { kind: "service".parse().unwrap(), operator: None, url: None };
    world.say(&["alpha-watcher"], SlaBreach { service, ..own }).unwrap();
    let beta = SlaReport { operator: Some("beta-pki".parse().unwrap()), ..january() };
    world.say(&["alpha-watcher"], beta).unwrap();
    world.say(&["alpha-watcher"], SlaReport { operator: None, ..january() }).unwrap();
}

#[test]
fn a_watcher_claims_one_breach_of_a_service_and_objective_at_a_time() {
    let mut world = world();
    let body = opened(&world, 60);
    let index = world.say(&[NORTH], body.clone()).unwrap();
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
        world.say(&[NORTH], other).unwrap();
    }
    assert_eq!(open_claims(&world, NORTH), 6);
    let stranger = with(&|body| body.service.operator = Some("nobody".parse().unwrap()));
    assert_eq!(refused(&mut world, "nobody's service", stranger), Reason::NotFound);

    // One ends, the others go on.
    let end = closed(&world, index, 0);
    world.say(&[NORTH], end.clone()).unwrap();
    assert_eq!(open_claims(&world, NORTH), 5);
    assert_eq!(refused(&mut world, "over twice", end), Reason::Stage);

    // What begins within it was told with it.
    world.wait(HOUR);
    let within = SlaBreach { opened_at: body.opened_at.plus_seconds(1), ..body };
    assert_eq!(refused(&mut world, "within the first", within.clone()), Reason::Time);
    let after = world.state.service_levels.claims[&index].closed.unwrap().at;
    world.say(&[NORTH], SlaBreach { opened_at: after, ..within }).unwrap();
}

#[test]
fn a_claim_has_evidence_and_its_own() {
    let mut world = world();
    let bare = SlaBreach { evidence: Vec::new(), ..opened(&world, 60) };
    assert_eq!(refused(&mut world, "no evidence", bare), Reason::Content);
    let body = opened(&world, 60);
    let index = world.say(&[NORTH], body.clone()).unwrap();
    for watcher in [SOUTH, NORTH_2] {
        let refusal = world.say(&[watcher], body.clone()).unwrap_err();
        assert_eq!(refusal.reason, Reason::Exists);
        assert!(refusal.detail.contains(&format!("in claim {index} of {NORTH}")), "{refusal}");
    }
    // Nor does it help to name a part of it, or to wait until the first is over.
    let part = SlaBreach { evidence: body.evidence[..1].to_vec(), ..body.clone() };
    assert_eq!(refused_of(&mut world, SOUTH, "a part of it", part), Reason::Exists);
    well(&mut world, NORTH, index, 0);
    assert_eq!(refused_of(&mut world, SOUTH, "copied later", body.clone()), Reason::Exists);
    assert!(world.state.service_levels.breaches.is_empty());

    // The same answers may prove something else.
    let mut latency = body;
    latency.objective.name = "latency".parse().unwrap();
    world.say(&[SOUTH], latency).unwrap();
    down(&mut world, SOUTH, 60);
}

#[test]
fn who_steals_evidence_before_it_is_claimed_keeps_nobody_out() {
    let mut world = world();
    // South has learned what north and the deputy found, and claims it as its own.
    let (north, deputy) = (opened_by(&world, NORTH, 60), opened_by(&world, NORTH_2, 60));
    let mut stolen = opened_by(&world, SOUTH, 60);
    stolen.evidence.extend(north.evidence.iter().chain(&deputy.evidence));
    stolen.evidence.sort();
    let theft = world.say(&[SOUTH], stolen).unwrap();
    assert_eq!(
        refused_of(&mut world, NORTH, "nothing that south has not named", north.clone()),
        Reason::Exists
    );

    // One further answer that south does not know, and north is in; the stolen ones neither count nor harm.
    let mut again = north.clone();
    again.evidence.push(Digest::of(b"an answer that nobody was told of"));
    again.evidence.sort();
    let claim = world.say(&[NORTH], again).unwrap();
    let breach = world.state.service_levels.confirmed().next().unwrap();
    assert_eq!(breach.claims.keys().copied().collect::<Vec<_>>(), [theft, claim]);

    // What north named first stays north's own, whoever repeats it.
    for (watcher, claim) in [(NORTH, claim), (SOUTH, theft)] {
        well(&mut world, watcher, claim, 0);
    }
    world.wait(60);
    let named = down(&mut world, NORTH, 0);
    let found = world.state.service_levels.claims[&named].found.evidence.clone();
    let mut repeated = opened_by(&world, SOUTH, 0);
    repeated.evidence = found.iter().copied().chain([Digest::of(b"south's own")]).collect();
    repeated.evidence.sort();
    world.say(&[SOUTH], repeated).unwrap();
    world.wait(60);
    well(&mut world, NORTH, named, 0);
    world.say(&[NORTH], SlaBreach { evidence: found, ..opened(&world, 0) }).unwrap();
}

#[test]
fn nobody_ends_the_claim_of_another() {
    let mut world = world();
    let index = down(&mut world, NORTH, HOUR);
    let end = closed(&world, index, 60);
    for other in [SOUTH, NORTH_2] {
        assert_eq!(refused_of(&mut world, other, "another's", end.clone()), Reason::WrongRole);
    }
    well(&mut world, NORTH, index, 60);
}

#[test]
fn the_end_of_a_breach_names_the_breach_that_it_ends() {
    let mut world = world();
    let body = opened(&world, HOUR);
    let index = world.say(&[NORTH], body).unwrap();
    let mut other = opened(&world, HOUR);
    other.objective.name = "latency".parse().unwrap();
    let latency = world.say(&[NORTH], other).unwrap();
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
    world.say(&[NORTH], with(&|b| b.objective.target_ppm = 990_000)).unwrap();
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
        ("late, within its window", Reason::Time, with(&|b| b.opened_at = now.minus_seconds(4 * DAY + 1))),
        (
            "late, within the longest of windows",
            Reason::Time,
            with(&|b| {
                b.objective.window_seconds = 10 * 366 * DAY;
                b.opened_at = now.minus_seconds(39 * DAY);
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
        b.opened_at = now.minus_seconds(4 * DAY);
        b.service.url = Some(format!("http://{}", "a".repeat(493)).parse().unwrap());
    });
    world.say(&[NORTH], largest).expect("the largest fits an entry");
    let mut short = with(&|b| b.objective.name = "burn".parse().unwrap());
    short.objective.window_seconds = HOUR;
    short.opened_at = now.minus_seconds(3 * DAY);
    world.say(&[NORTH], short).expect("a server that stood still over the weekend");
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

    /// Whatever a watcher tries, in whatever order: exactly what a simple model allows is recorded, what is open
    /// is known, nothing is confirmed by it alone, and the log replays to the same state.
    #[test]
    fn claims_open_and_close_as_a_simple_model_has_it(operations in vec(operation(), 1..25)) {
        let mut world = World::found_with(charter());
        let mut model: BTreeMap<usize, (u64, Timestamp)> = BTreeMap::new();
        let mut past: Vec<(usize, Timestamp, Timestamp)> = Vec::new();
        let mut all: Vec<u64> = Vec::new();
        for operation in operations {
            match operation {
                Operation::Wait(seconds) => world.wait(seconds),
                Operation::Open(service, ago) => {
                    let body = SlaBreach { service: nth_service(service), ..opened(&world, ago) };
                    let opened_at = body.opened_at;
                    let recorded = world.say(&[NORTH], body);
                    let told = past.iter().any(|(of, from, to)| {
                        *of == service && *from <= opened_at && opened_at < *to
                    });
                    prop_assert_eq!(recorded.is_ok(), !model.contains_key(&service) && !told);
                    if let Ok(index) = recorded {
                        model.insert(service, (index, opened_at));
                        all.push(index);
                    }
                }
                Operation::Close(opened, service, ago) => {
                    let Some(index) = all.get(opened).copied() else { continue };
                    let body = SlaBreach { service: nth_service(service), ..closed(&world, index, ago) };
                    let ended = body.closed_at.unwrap();
                    let fits = model.get(&service).is_some_and(|(open, opened_at)| {
                        *open == index && ended >= *opened_at
                    });
                    prop_assert_eq!(world.say(&[NORTH], body).is_ok(), fits);
                    if fits {
                        let (_, opened_at) = model.remove(&service).unwrap();
                        past.push((service, opened_at, ended));
                    }
                }
            }
        }
        let levels = &world.state.service_levels;
        let open: BTreeSet<u64> =
            levels.open_claims(&NORTH.parse().unwrap()).map(|claim| claim.index).collect();
        let expected: BTreeSet<u64> = model.values().map(|(index, _)| *index).collect();
        prop_assert_eq!(&open, &expected);
        for (index, claim) in &levels.claims {
            prop_assert_eq!(claim.closed.is_none(), open.contains(index));
        }
        prop_assert!(levels.breaches.is_empty());
        prop_assert!(State::replay(&world.entries).unwrap() == world.state);
    }
}
