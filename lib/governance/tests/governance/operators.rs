//! What concerns PKI operators besides their roots: breaches and reports of service levels by watchers, requests for
//! cross-certificates and their answers.

mod breaches;
mod confirmed;
mod cross;
mod reports;
mod setup;
mod watchers;

use ctl_core::jws::Jws;
use ctl_governance::statement::body::*;
use ctl_governance::statement::parts::*;
use ctl_governance::statement::{Body, Statement};
use ctl_governance::{Reason, genesis};
use setup::*;

use crate::common::*;

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
            let jws = Jws::sign(bytes, &payload.body.typ(), &[&world.keys["watcher-north"]]).unwrap();
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
fn no_scheme_is_founded_with_a_participant_of_that_name() {
    let founder = new_participant(OWN, OWN, &[ParticipantKind::Cpo]);
    assert_eq!(reason(genesis(&World::genesis_with(charter(), &[founder]))), Reason::Genesis);
}
