//! What watchers may record in one day, and how much of it is kept. Stories of many statements, which the frozen corpus
//! need not hold.

use super::*;
use crate::Reason;
use crate::second::common::*;
use crate::statement::body::*;

const NORTH: &str = "watcher-north";

/// A breach of one of an operator's services (none: of the trust list manager's) that has just begun.
fn breach(world: &World, operator: Option<&str>, number: u64) -> SlaBreach {
    SlaBreach {
        closed_at: None,
        evidence: vec![Digest::of(format!("{number} at {}", world.now).as_bytes())],
        measured: Measured { good: 0, missing: 0, valid: 1 },
        objective: Objective {
            name: "availability".parse().unwrap(),
            target_ppm: 999_000,
            window_seconds: 900,
        },
        opened: None,
        opened_at: world.now,
        phase: BreachPhase::Opened,
        policy: policy(),
        reasons: Default::default(),
        service: Service {
            kind: "ocsp".parse().unwrap(),
            operator: operator.map(|operator| operator.parse().unwrap()),
            url: Some(format!("http://ocsp-{number}.example/").parse().unwrap()),
        },
    }
}

fn open(world: &mut World, watcher: &str, operator: Option<&str>, number: u64) -> Result<u64, Reason> {
    let body = breach(world, operator, number);
    world.say(&[watcher], body).map_err(|refusal| {
        assert!(!refusal.detail.is_empty());
        refusal.reason
    })
}

fn close(world: &mut World, watcher: &str, claim: u64) {
    let found = Claim::clone(&world.state.service_levels.claims[&claim]);
    let body = SlaBreach {
        closed_at: Some(world.now),
        opened: Some(claim),
        opened_at: found.opened_at,
        phase: BreachPhase::Closed,
        service: found.service,
        ..breach(world, None, 0)
    };
    world.say(&[watcher], body).unwrap();
}

#[test]
fn services_of_those_who_are_on_no_list_use_up_nothing_that_listed_ones_need() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    let limit = u64::from(world.state.rules().watched_per_day);
    let limit_open = world.state.rules().open_claims as u64;
    // Applicants whose services come and go all day: all together have what one listed operator has.
    for number in 0..limit {
        let operator = if number % 2 == 0 { "beta-pki" } else { "mo-one" };
        open(&mut world, NORTH, Some(operator), number).unwrap();
    }
    assert_eq!(open(&mut world, NORTH, Some("beta-pki"), limit), Err(Reason::Quota));
    assert_eq!(open(&mut world, NORTH, Some("mo-two"), limit), Err(Reason::Quota));
    let report = SlaReport {
        from: "2025-12-01T00:00:00Z".parse().unwrap(),
        operator: Some("mo-two".parse().unwrap()),
        policy: policy(),
        report: blob("December"),
        summary: Vec::new(),
        to: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    assert_eq!(reason(world.say(&[NORTH], report.clone())), Reason::Quota);

    // What is listed has its own, and so has the trust list manager, and so has the other watcher. What watchers say is
    // many times what anyone else may say in a day.
    assert!(limit > u64::from(world.state.charter.limits.statements_per_day));
    let mut alphas = Vec::new();
    for number in 0..limit {
        alphas.push(open(&mut world, NORTH, Some("alpha-pki"), number).unwrap());
    }
    assert_eq!(open(&mut world, NORTH, Some("alpha-pki"), limit), Err(Reason::Quota));
    open(&mut world, NORTH, None, 1).unwrap();
    world.say(&[NORTH], SlaReport { operator: None, ..report.clone() }).unwrap();
    open(&mut world, "watcher-south", Some("beta-pki"), 1_000_000).unwrap();
    world.say(&["watcher-south"], report.clone()).unwrap();

    // Ends are always told, and the next day there is room again, until too many are open.
    close(&mut world, NORTH, alphas[0]);
    for day in 1..=limit_open / limit {
        world.wait(DAY);
        let opened = (0..limit)
            .filter(|number| open(&mut world, NORTH, Some("beta-pki"), day * limit + number).is_ok());
        assert_eq!(opened.count() as u64, if day < limit_open / limit { limit } else { 0 });
    }
    world.say(&[NORTH], report).unwrap();
    open(&mut world, NORTH, Some("alpha-pki"), limit).unwrap();
}

#[test]
fn what_is_over_is_forgotten_one_day_but_never_what_is_open() {
    let mut world = World::found();
    let keep = 3;
    let mut all = Vec::new();
    for number in 0..12 {
        world.wait(60);
        // Of every fourth both have seen it, and the second of them says that it lasts.
        let claim = open(&mut world, NORTH, Some("alpha-pki"), number).unwrap();
        all.push(claim);
        if number % 4 == 0 {
            world.wait(1);
            all.push(open(&mut world, "watcher-south", Some("alpha-pki"), number).unwrap());
        }
        if number % 4 != 1 {
            close(&mut world, NORTH, claim);
            crate::apply::service_levels::forget(&mut world.state, keep);
        }
    }
    let levels = &world.state.service_levels;
    let over: Vec<u64> =
        levels.claims.values().filter(|one| one.closed.is_some()).map(|one| one.index).collect();
    let was_over: Vec<u64> = all
        .iter()
        .copied()
        .filter(|index| !levels.claims.contains_key(index) || over.contains(index))
        .collect();
    assert_eq!(over, was_over[was_over.len() - keep..], "the latest");
    assert_eq!(levels.claims.size() - over.len(), 6, "open, whatever their age");
    assert!(levels.claims.contains_key(&all[1]), "the first of them");
    assert_eq!(levels.about.size(), levels.claims.size());
    // Of the breaches that south saw too, those are left of which north's claim is: south's lasts, and keeps none.
    assert_eq!(levels.confirmed().count(), 1);
    assert!(levels.confirmed().all(|breach| breach.closed.is_some()));
}

#[test]
fn a_breach_is_kept_as_long_as_it_lasts_or_one_of_its_claims_is() {
    let mut charter = charter();
    charter.watchers.as_mut().unwrap().threshold = 1;
    let mut world = World::found_with(charter);
    let first = open(&mut world, NORTH, Some("alpha-pki"), 1).unwrap();
    world.wait(10);
    let second = open(&mut world, "watcher-south", Some("alpha-pki"), 1).unwrap();
    world.wait(10);
    close(&mut world, NORTH, first);
    let forget = |world: &mut World| {
        crate::apply::service_levels::forget(&mut world.state, 0);
        let levels = &world.state.service_levels;
        assert_eq!(levels.about.size(), levels.claims.size());
        (levels.claims.size(), levels.confirmed().map(|breach| breach.closed.is_none()).collect::<Vec<_>>())
    };
    assert_eq!(forget(&mut world), (1, vec![true]), "south says that it lasts");
    world.wait(10);
    close(&mut world, "watcher-south", second);
    let breach = world.state.service_levels.confirmed().next().unwrap();
    assert_eq!(breach.closed.unwrap().at, world.now, "what was forgotten counts on");
    assert_eq!(forget(&mut world), (0, vec![]));
    assert!(world.state.service_levels.breaches.is_empty());
}

#[test]
fn who_claims_one_service_all_day_makes_no_work_for_others() {
    let mut world = World::found();
    let rules = *world.state.rules();
    // South honestly says that it is down, for months. North opens and ends a claim on it as often as it may.
    open(&mut world, "watcher-south", Some("alpha-pki"), 1).unwrap();
    let mut last = 0;
    for _ in 0..10 {
        for number in 0..rules.claims_of_service_per_day {
            world.wait(60);
            last = open(&mut world, NORTH, Some("alpha-pki"), 1)
                .unwrap_or_else(|why| panic!("{number}: {why:?}"));
            world.wait(60);
            close(&mut world, NORTH, last);
        }
        world.wait(60);
        assert_eq!(open(&mut world, NORTH, Some("alpha-pki"), 1), Err(Reason::Quota));
        let beta = open(&mut world, NORTH, Some("beta-pki"), 1).expect("another service");
        close(&mut world, NORTH, beta);
        world.wait(DAY - 120 * u64::from(rules.claims_of_service_per_day) - 60);
    }
    let levels = &world.state.service_levels;
    let key = levels.claims[&last].key();
    assert_eq!(levels.claims_about(&key).count(), rules.past_claims_of_service + 1);
    assert_eq!(levels.breaches[&key].len(), rules.past_claims_of_service, "south's claim keeps no more");
    assert!(levels.claims.contains_key(&last) && levels.claims.values().any(|claim| claim.closed.is_none()));
    assert_eq!(world.state.outages().len(), levels.confirmed().count() + 10, "each once, and beta's");
    assert!(State::replay(&world.entries).unwrap() == world.state);
}
