//! Confirmed breaches: what follows when several organisations claim the same, and what does not.

use ctl_core::Timestamp;
use ctl_governance::service_levels::{Breach, Outage};
use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::Charter;
use ctl_governance::{Reason, State};
use proptest::collection::vec;
use proptest::prelude::*;

use super::setup::*;
use crate::common::*;

const ALPHA: &str = "alpha-watcher";

fn breaches(world: &World) -> Vec<&Breach> {
    world.state.service_levels.confirmed().collect()
}

fn only(world: &World) -> &Breach {
    let [breach] = breaches(world)[..] else { panic!("{:?}", breaches(world)) };
    breach
}

/// A watcher claims that beta's responder, of whom all three organisations may speak, has been down for so long.
fn beta_down(world: &mut World, watcher: &str, ago: u64) -> u64 {
    let service = Service { operator: Some("beta-pki".parse().unwrap()), ..ocsp() };
    let body = SlaBreach { service, ..opened_by(world, watcher, ago) };
    world.say(&[watcher], body).unwrap()
}

fn amend(world: &mut World, change: impl FnOnce(&mut Charter)) {
    let mut charter = Charter::clone(&world.state.charter);
    change(&mut charter);
    let proposal = world.propose("elector-1", Change::AmendCharter { charter: Box::new(charter) }).unwrap();
    world.decide(proposal);
}

fn act_on(world: &mut World, participant: &str, action: ParticipantAction) {
    let change = Change::Participant { action, participant: participant.parse().unwrap() };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
}

fn outages(world: &World) -> Vec<Outage> {
    world.state.outages()
}

#[test]
fn two_organisations_agree_and_a_breach_is_confirmed_which_changes_nobodys_trust() {
    let mut world = world();
    let anchor = world.admitted("alpha-pki");
    world.publish_list();
    let lists = world.state.lists.clone();
    let first = down(&mut world, NORTH, 300);
    assert!(breaches(&world).is_empty(), "one alone confirms nothing");
    let [alone] = &outages(&world)[..] else { panic!() };
    assert_eq!((alone.confirmed, alone.organisations, alone.needed), (false, 1, 2));

    world.wait(120);
    let began = world.now.minus_seconds(240);
    let second = down(&mut world, SOUTH, 240);
    let breach = only(&world).clone();
    assert_eq!((breach.opened_at, breach.recorded_at), (began, world.now), "when the second saw it");
    assert_eq!((breach.confirmed, breach.needed), (second, 2));
    assert_eq!(breach.claims.keys().copied().collect::<Vec<_>>(), [first, second]);
    let [told] = &outages(&world)[..] else { panic!("{:?}", outages(&world)) };
    assert_eq!((told.confirmed, told.organisations, told.claims.len()), (true, 2, 2));

    world.wait(2 * HOUR);
    let mut end = closed(&world, first, 60);
    end.measured.good = 86_200;
    end.evidence = evidence("the end");
    let cause = world.say(&[NORTH], end).unwrap();
    let closed = only(&world).closed.unwrap();
    assert_eq!(
        (closed.index, closed.at, closed.recorded_at),
        (cause, world.now.minus_seconds(60), world.now)
    );
    let claim = &world.state.service_levels.claims[&first];
    assert_eq!(claim.found.measured.good, 86_200, "the last word counts");
    assert_eq!(claim.found.evidence.len(), 4, "and all that was shown");
    assert_eq!((open_claims(&world, NORTH), open_claims(&world, SOUTH)), (0, 1));
    well(&mut world, SOUTH, second, 0);
    assert_eq!(only(&world).closed.unwrap(), closed, "fewer than two have said that it lasts since");

    assert_eq!(world.state.lists, lists, "what follows from a breach is for electors to decide");
    assert!(world.state.is_trusted(&na(), &world.state.anchor(&na(), &anchor).unwrap().listed));

    // The next one is another one.
    world.wait(HOUR);
    down(&mut world, NORTH, 20);
    let again = down(&mut world, SOUTH, 10);
    assert_eq!(breaches(&world).iter().map(|one| one.confirmed).collect::<Vec<_>>(), [second, again]);
    assert!(State::replay(&world.entries).unwrap() == world.state);
}

#[test]
fn a_watcher_that_lies_confirms_nothing() {
    let mut world = world();
    let lie = down(&mut world, NORTH, 60);
    world.wait(DAY);
    well(&mut world, NORTH, lie, 0);
    // Again and again, of everything that alpha has.
    for n in 0..5 {
        world.wait(60);
        let mut body = opened(&world, 10);
        body.service.url = Some(format!("http://ocsp-{n}.alpha.example/").parse().unwrap());
        world.say(&[NORTH], body).unwrap();
    }
    assert!(breaches(&world).is_empty());
    // Nor does a real outage at another time make the lie true.
    down(&mut world, SOUTH, 60);
    assert!(breaches(&world).is_empty());
    assert!(outages(&world).iter().all(|outage| !outage.confirmed && outage.organisations == 1));
}

#[test]
fn two_watchers_of_one_organisation_count_once() {
    let mut world = world();
    let first = down(&mut world, NORTH, 100);
    let deputy = down(&mut world, NORTH_2, 90);
    assert!(breaches(&world).is_empty());
    assert!(outages(&world).iter().all(|outage| outage.organisations == 1));
    down(&mut world, SOUTH, 80);
    assert_eq!((only(&world).organisations().len(), only(&world).claims.len()), (2, 3));
    // One of the two goes on saying so: the organisation does.
    well(&mut world, NORTH, first, 0);
    assert!(only(&world).closed.is_none());
    world.wait(60);
    well(&mut world, NORTH_2, deputy, 0);
    assert_eq!(only(&world).closed.unwrap().at, world.now);
}

#[test]
fn claims_of_other_services_objectives_and_times_do_not_add_up() {
    let mut world = world();
    let first = down(&mut world, NORTH, HOUR);
    let other = |change: &dyn Fn(&mut SlaBreach), world: &World| {
        let mut body = opened_by(world, SOUTH, 60);
        change(&mut body);
        body
    };
    let bodies = [
        other(&|body| body.objective.name = "latency".parse().unwrap(), &world),
        other(&|body| body.service.kind = "crl".parse().unwrap(), &world),
        other(&|body| body.service.url = None, &world),
        other(&|body| body.service.operator = Some("beta-pki".parse().unwrap()), &world),
    ];
    for body in bodies {
        world.say(&[SOUTH], body).unwrap();
        assert!(breaches(&world).is_empty());
    }
    // South's begins in the very second in which north's is over.
    well(&mut world, NORTH, first, 60);
    down(&mut world, SOUTH, 60);
    assert!(breaches(&world).is_empty());
}

#[test]
fn an_outage_of_the_log_itself_is_told_when_it_is_over_and_confirmed() {
    let mut world = world();
    // Nobody could record anything for two hours; then each tells what it saw.
    let service = Service { kind: "service".parse().unwrap(), operator: None, url: None };
    world.wait(2 * HOUR);
    let tell = |world: &mut World, watcher: &str, from: u64, to: u64| {
        let body = SlaBreach { service: service.clone(), ..opened_by(world, watcher, from) };
        let claim = world.say(&[watcher], body).unwrap();
        well(world, watcher, claim, to);
    };
    tell(&mut world, NORTH, 2 * HOUR, 60);
    assert!(breaches(&world).is_empty());
    tell(&mut world, SOUTH, 2 * HOUR - 30, 90);
    let breach = only(&world);
    assert_eq!(breach.opened_at, world.now.minus_seconds(2 * HOUR - 30));
    assert_eq!(breach.closed.unwrap().at, world.now.minus_seconds(90), "the second was well again first");
}

#[test]
fn a_long_claim_is_counted_in_every_breach_that_it_overlaps() {
    let mut world = world();
    world.wait(DAY);
    // South saw two outages, north one long one, told last.
    for (from, to) in [(8999, 7999), (5000, 4000)] {
        let claim = down(&mut world, SOUTH, from);
        well(&mut world, SOUTH, claim, to);
        world.wait(u64::from(from == 8999));
    }
    let long = down(&mut world, NORTH, 10_000);
    let times: Vec<_> = breaches(&world)
        .iter()
        .map(|one| [one.opened_at, one.closed.unwrap().at].map(|at| world.now.seconds_since(at)))
        .collect();
    assert_eq!(times, [[9000, 8000], [5000, 4000]]);
    assert!(breaches(&world).iter().all(|one| one.confirmed == long));
    // It was over before the second: nobody else says that the second was.
    well(&mut world, NORTH, long, 8500);
    let ends: Vec<_> =
        breaches(&world).iter().map(|one| world.now.seconds_since(one.closed.unwrap().at)).collect();
    assert_eq!(ends, [8500, 5000]);
}

#[test]
fn what_is_told_late_moves_a_beginning_and_joins_two_breaches() {
    let mut world = world();
    world.wait(DAY);
    // What is confirmed after each claim, in thousands of seconds.
    let mut tell = |watcher: &str, from: u64, to: u64| {
        world.wait(1);
        let claim = beta_down(&mut world, watcher, from);
        well(&mut world, watcher, claim, to);
        let times: Vec<_> = breaches(&world)
            .iter()
            .map(|one| [one.opened_at, one.closed.unwrap().at].map(|at| at.seconds_since(start()) / 1000))
            .collect();
        (times, breaches(&world).first().map(|one| one.confirmed))
    };
    assert_eq!(tell(NORTH, 20_000, 10_000).0.len(), 0);
    let (one, first) = tell(SOUTH, 16_000, 14_000);
    assert_eq!(one, [[70, 72]]);
    let (two, _) = tell(SOUTH, 12_000, 9000);
    assert_eq!(two, [[70, 72], [74, 76]]);
    // The third organisation saw all of it, and more.
    let (joined, confirmed) = tell(ALPHA, 18_000, 9500);
    assert_eq!((joined, confirmed), (vec![[68, 76]], first));
}

#[test]
fn a_breach_lasts_as_long_as_enough_of_three_organisations_say_so() {
    let mut world = world();
    world.wait(DAY);
    let north = beta_down(&mut world, NORTH, 300);
    let south = beta_down(&mut world, SOUTH, 200);
    // Later told, earlier begun: there were two before.
    let alpha = beta_down(&mut world, ALPHA, 250);
    let began = world.now.minus_seconds(250);
    assert_eq!((only(&world).opened_at, only(&world).claims.len()), (began, 3));
    well(&mut world, NORTH, north, 10);
    assert!(only(&world).closed.is_none(), "two are left");
    world.wait(100);
    well(&mut world, SOUTH, south, 50);
    let end = only(&world).closed.unwrap().at;
    assert_eq!(end, world.now.minus_seconds(50));

    // The third had seen the end before the others did, and tells it late: two at a time were north and south.
    well(&mut world, ALPHA, alpha, 200);
    assert_eq!(only(&world).closed.unwrap().at, world.now.minus_seconds(110));
    assert_eq!(only(&world).opened_at, began);
}

#[test]
fn a_claim_that_is_told_late_takes_a_breach_on() {
    let mut world = world();
    let north = beta_down(&mut world, NORTH, 300);
    beta_down(&mut world, SOUTH, 300);
    world.wait(HOUR);
    well(&mut world, NORTH, north, 0);
    assert!(only(&world).closed.is_some());
    world.wait(60);
    let alpha = beta_down(&mut world, ALPHA, 2000);
    assert!(only(&world).closed.is_none(), "south and alpha say that it never ended");
    world.wait(60);
    well(&mut world, ALPHA, alpha, 0);
    assert_eq!(only(&world).closed.unwrap().at, world.now);
}

#[test]
fn what_a_watcher_claims_ends_with_its_office() {
    for how in 0..4 {
        let mut world = world();
        down(&mut world, NORTH, 100);
        let south = down(&mut world, SOUTH, 100);
        world.wait(60);
        match how {
            0 => amend(&mut world, |charter| {
                charter.watchers = Some(holders(&[NORTH, ALPHA], 2));
            }),
            1 => amend(&mut world, |charter| charter.watchers = None),
            2 => act_on(&mut world, SOUTH, ParticipantAction::SuspendForCompromise {}),
            _ => _ = world.say(&[SOUTH], ParticipantSuspend { participant: SOUTH.parse().unwrap() }).unwrap(),
        }
        let closed = world.state.service_levels.claims[&south].closed.unwrap();
        assert!(closed.lapsed && closed.at == world.now, "{how}");
        let breach = only(&world).closed.unwrap();
        assert_eq!((breach.at, breach.index, breach.lapsed), (closed.at, closed.index, true), "{how}");
        assert_eq!(open_claims(&world, NORTH), usize::from(how != 1), "{how}");
        world.wait(60);
        let end = SlaBreach { opened: Some(south), ..super::setup::closed(&world, south, 0) };
        let refusal = world.say(&[SOUTH], end).unwrap_err();
        let expected = if how < 2 { Reason::WrongRole } else { Reason::SuspendedSigner };
        assert_eq!(refusal.reason, expected, "{how}: {refusal}");
        assert!(State::replay(&world.entries).unwrap() == world.state);
    }
}

#[test]
fn who_watches_again_claims_again() {
    let mut world = world();
    down(&mut world, NORTH, 100);
    down(&mut world, SOUTH, 100);
    let began = world.state.service_levels.open_claims(&SOUTH.parse().unwrap()).next().unwrap().opened_at;
    act_on(&mut world, SOUTH, ParticipantAction::Suspend {});
    world.wait(600);
    act_on(&mut world, SOUTH, ParticipantAction::Reinstate {});
    assert_eq!(open_claims(&world, SOUTH), 0);
    // The same outage: it has lasted all the while.
    let body = SlaBreach { opened_at: began, ..opened_by(&world, SOUTH, 0) };
    world.say(&[SOUTH], body).unwrap();
    assert!(only(&world).closed.is_none(), "and so does the breach");
}

#[test]
fn an_amendment_judges_no_claim_anew() {
    let mut world = world();
    let north = beta_down(&mut world, NORTH, 100);
    let south = beta_down(&mut world, SOUTH, 100);
    let confirmed = only(&world).clone();
    amend(&mut world, |charter| charter.watchers.as_mut().unwrap().threshold = 3);
    assert_eq!(only(&world), &confirmed, "it was enough then");
    down(&mut world, NORTH, 50);
    down(&mut world, SOUTH, 50);
    assert_eq!(breaches(&world).len(), 1, "two are too few now");
    world.wait(60);
    well(&mut world, NORTH, north, 0);
    assert_eq!(
        only(&world).closed.unwrap().at,
        world.now,
        "and it ends when fewer than two say that it lasts"
    );
    well(&mut world, SOUTH, south, 0);

    amend(&mut world, |charter| charter.watchers.as_mut().unwrap().threshold = 1);
    assert_eq!(breaches(&world).len(), 1);
    world.wait(60);
    down(&mut world, NORTH_2, 0);
    assert_eq!(breaches(&world).len(), 2, "what is claimed from now on is judged by the new number");
}

#[test]
fn a_new_key_ends_what_the_old_one_claimed_and_the_old_one_says_nothing_more() {
    let mut world = world();
    down(&mut world, NORTH, 100);
    let south = down(&mut world, SOUTH, 100);
    let new = key("watcher-south, its second");
    let rotate = ParticipantRotateKey {
        new: new.public_key(),
        old: world.keys[SOUTH].public_key().key_id(),
        participant: SOUTH.parse().unwrap(),
    };
    world.keys.insert("new".into(), new);
    world.say(&[SOUTH, "new"], rotate).unwrap();
    assert!(only(&world).closed.is_none(), "the claim stands: it is the watcher's, not the key's");
    world.wait(60);
    let end = closed(&world, south, 0);
    assert_eq!(reason(world.say(&[SOUTH], end.clone())), Reason::RotatedKey);
    world.say(&["new"], end).unwrap();
    assert_eq!(only(&world).closed.unwrap().at, world.now);
}

/// What an operation of the property below does.
#[derive(Clone, Debug)]
enum Operation {
    /// This watcher says that the service has been down for so many seconds.
    Open(usize, u64),
    /// It says that the service has been well again for so many.
    Close(usize, u64),
    /// Time passes.
    Wait(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (0_usize..4, 0_u64..2000).prop_map(|(watcher, ago)| Operation::Open(watcher, ago)),
        (0_usize..4, 0_u64..2000).prop_map(|(watcher, ago)| Operation::Close(watcher, ago)),
        (1_u64..2000).prop_map(Operation::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever watchers claim, in whatever order: a breach lasts in exactly those moments of which enough organisations
    /// say that the service was down then, and no two of one service overlap.
    #[test]
    fn a_breach_is_confirmed_where_enough_organisations_overlap_and_nowhere_else(
        operations in vec(operation(), 1..30),
    ) {
        const WATCHERS: [&str; 4] = [NORTH, NORTH_2, SOUTH, ALPHA];
        let mut world = World::found_with(charter());
        world.wait(DAY);
        for operation in operations {
            match operation {
                Operation::Wait(seconds) => world.wait(seconds),
                Operation::Open(watcher, ago) => {
                    let service = Service { operator: Some("beta-pki".parse().unwrap()), ..ocsp() };
                    let body = SlaBreach { service, ..opened_by(&world, WATCHERS[watcher], ago) };
                    drop(world.say(&[WATCHERS[watcher]], body));
                }
                Operation::Close(watcher, ago) => {
                    let id = WATCHERS[watcher].parse().unwrap();
                    let open = world.state.service_levels.open_claims(&id).next().map(|claim| claim.index);
                    let Some(open) = open else { continue };
                    let began = world.state.service_levels.claims[&open].opened_at;
                    let ago = ago.min(world.now.seconds_since(began));
                    well(&mut world, WATCHERS[watcher], open, ago);
                }
            }
            let levels = &world.state.service_levels;
            let organisations = |at: Timestamp| {
                let saying = levels.claims.values().filter(|claim| claim.covers(at));
                saying.map(|claim| &claim.organisation).collect::<std::collections::BTreeSet<_>>().len()
            };
            let begins = levels.claims.values().map(|claim| claim.opened_at);
            let ends = levels.claims.values().filter_map(|claim| Some(claim.closed?.at));
            for at in begins.chain(ends).flat_map(|at| [at.minus_seconds(1), at, at.plus_seconds(1)]) {
                let confirmed = levels.confirmed().any(|breach| breach.covers(at));
                prop_assert_eq!(organisations(at) >= 2, confirmed, "{}: {:?}", at, levels.breaches);
            }
            for pair in levels.breaches.values().flat_map(|all| all.windows(2)) {
                prop_assert!(pair[0].closed.is_some_and(|closed| closed.at <= pair[1].opened_at));
            }
        }
        prop_assert!(State::replay(&world.entries).unwrap() == world.state);
    }
}
