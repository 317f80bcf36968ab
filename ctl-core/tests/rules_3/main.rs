//! Rules 3: breaches and reports of service levels, requests for cross-certificates and their answers; and that
//! earlier rules know nothing of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod breaches;
#[path = "../common/mod.rs"]
mod common;
mod cross;
mod reports;
mod setup;

use common::*;
use ctl_core::Digest;
use ctl_core::governance::{Reason, State, genesis};
use ctl_core::jws::Jws;
use ctl_core::statement::body::*;
use ctl_core::statement::parts::*;
use ctl_core::statement::{Body, Entry, Statement};
use setup::*;

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

/// The name of the service itself.
const OWN: &str = "trust-list-manager";

fn registration(id: &str) -> ParticipantRegister {
    ParticipantRegister { participant: new_participant(id, id, &[ParticipantKind::PkiOperator]) }
}

#[test]
fn nobody_registers_under_the_name_of_the_service_itself() {
    let mut world = world();
    for id in [OWN, "trust-list-manager-2"] {
        world.keys.insert(id.into(), key(id));
    }
    let refusal = world.say(&["admissions", OWN], registration(OWN)).unwrap_err();
    assert_eq!(refusal.reason, Reason::Content);
    assert!(refusal.detail.contains("the name of the service itself"), "{refusal}");
    assert!(!world.state.participants.contains_key(&OWN.parse().unwrap()));
    world.say(&["admissions", "trust-list-manager-2"], registration("trust-list-manager-2")).unwrap();
}

#[test]
fn no_scheme_is_founded_under_rules_3_with_a_participant_of_that_name() {
    for (charter, may) in [(charter(), true), (charter_2(), true), (charter_3(), false)] {
        let rules = charter.rules;
        let founded =
            genesis(&World::genesis_with(charter, &[new_participant(OWN, OWN, &[ParticipantKind::Cpo])]));
        match founded {
            Ok(state) => {
                assert!(may && state.participants.contains_key(&OWN.parse().unwrap()), "rules {rules}")
            }
            Err(refusal) => assert!(!may && refusal.reason == Reason::Genesis, "rules {rules}: {refusal}"),
        }
    }
}

#[test]
fn who_had_that_name_before_rules_3_keeps_it() {
    let mut world = World::published_with(charter_2());
    world.keys.insert(OWN.into(), key(OWN));
    world.say(&["admissions", OWN], registration(OWN)).expect("rules 2 know nothing of it");
    let amendment = Change::AmendCharter { charter: Box::new(charter_3()) };
    let proposal = world.propose("elector-1", amendment).unwrap();
    world.decide(proposal);
    assert_eq!(world.state.charter.rules, 3);
    assert!(world.state.participants.contains_key(&OWN.parse().unwrap()));
    assert!(State::replay(&world.entries).unwrap() == world.state);
}
