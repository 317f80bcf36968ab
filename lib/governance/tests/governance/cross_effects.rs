//! What a cross-certificate would make possible, as electors see it before they vote.

use ctl_core::Digest;
use ctl_core::parts::*;
use ctl_governance::statement::body::*;
use ctl_reach::{Cross, Effects, Network, effects};
use ctl_sandbox::{Pki, Role as PkiRole, cross_certify};

use crate::common::*;

/// Alpha and Beta are listed; Alpha vouches for Beta. The index of the application.
fn bridge(world: &mut World) -> u64 {
    let (alpha_pki, beta_pki) = (root("alpha-pki"), root("beta-pki"));
    let until = start().plus_seconds(3650 * DAY).unix();
    let cross =
        cross_certify(alpha_pki.root(), beta_pki.root().certificate(), start().unix(), until).unwrap();
    let (issuer, subject) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    let submit = ApplicationSubmit {
        candidate: Candidate::CrossCertificate { issuer, subject },
        certificate: Der(cross.der().to_vec()),
        list: na(),
        name: "beta by alpha".parse().unwrap(),
        possession: None,
    };
    world.say(&["alpha-pki"], submit).unwrap()
}

fn seen(world: &World, application: u64) -> Effects {
    let (state, application) = (&world.state, &world.state.applications[&application]);
    let Candidate::CrossCertificate { issuer, subject } = application.candidate else { panic!() };
    let cross = Cross::proposed(&application.certificate, application.name.clone(), issuer, subject).unwrap();
    let network = Network::of_contents(&state.whole_list(&application.list).unwrap());
    effects(network.disclose(state.disclosed_sub_cas()), cross, world.now).unwrap()
}

fn disclose(world: &mut World, pki: &Pki, role: PkiRole, issuer: Digest) -> Digest {
    let certificate = pki.get(role).unwrap().certificate().der().to_vec();
    let fingerprint = Digest::of(&certificate);
    let body = SubcaDisclose { certificate: Der(certificate), issuer };
    world.say(&["beta-pki"], body).unwrap();
    fingerprint
}

#[test]
fn what_newly_works_is_listed_for_each_standard_and_purpose_and_only_in_its_direction() {
    let mut world = World::published();
    let application = bridge(&mut world);
    let effects = seen(&world, application);
    let uses: Vec<String> = effects.gained.iter().map(|effect| effect.r#use.to_string()).collect();
    assert_eq!(uses, ["v2g(-2)", "mo(-2)"], "what both roots are listed for");
    let candidate = &world.state.applications[&application].candidate;
    let Candidate::CrossCertificate { issuer, subject } = candidate else { panic!("a cross-certificate") };
    for effect in &effects.gained {
        assert_eq!((&effect.vehicle, &effect.charger), (issuer, subject));
        assert!(effect.text.contains("\"beta by alpha\"") && effect.text.contains("(ISO 15118-2)"));
    }
    assert!(effects.gained[0].text.starts_with("EVs that trust only A root will accept EVSEs under A root"));
    assert!(effects.without.is_empty(), "{effects:?}");
}

#[test]
fn chains_that_are_too_long_with_it_are_named() {
    let mut world = World::published();
    let application = bridge(&mut world);
    let beta = root("beta-pki");
    let anchor = Digest::from_bytes(beta.root().certificate().sha256());
    let sub1 = disclose(&mut world, &beta, PkiRole::CpoSub1, anchor);
    disclose(&mut world, &beta, PkiRole::CpoSub2, sub1);
    let effects = seen(&world, application);
    let chargers: Vec<&str> = effects
        .gained
        .iter()
        .filter(|effect| effect.r#use.purpose == Purpose::V2g)
        .map(|effect| effect.text.as_str())
        .collect();
    let [text] = chargers.as_slice() else { panic!("{chargers:?}") };
    assert!(text.contains("whose chain has at most one sub-CA"), "{text}");
    let candidate = &world.state.applications[&application].candidate;
    let context = ctl_screening::context(&world.state, &na(), candidate, None, world.now);
    assert_eq!(context.sub_ca_levels, [2], "and the policy's rule about depth sees the same");
}

#[test]
fn where_nothing_works_the_reason_is_given() {
    let mut world = World::published();
    let application = bridge(&mut world);
    let Candidate::CrossCertificate { subject, .. } = world.state.applications[&application].candidate else {
        panic!("a cross-certificate")
    };
    let to = AnchorStatus::Suspended;
    let change = Change::ChangeStatus { certificate: subject, list: na(), not_issued_after: None, to };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let effects = seen(&world, application);
    assert!(effects.gained.is_empty(), "{effects:?}");
    assert_eq!(effects.without.len(), 2, "{effects:?}");
    assert!(
        effects.without[0]
            .starts_with("EVs that trust only A root gain no EVSEs under A root (ISO 15118-2): ")
    );
    assert!(effects.without[0].contains("suspended"), "{}", effects.without[0]);
    assert_eq!(effects.lines(), effects.without);
}

#[test]
fn a_cross_certificate_for_a_root_that_is_not_listed_brings_nothing() {
    let mut world = World::published();
    let application = bridge(&mut world);
    let application = &world.state.applications[&application];
    let Candidate::CrossCertificate { issuer, .. } = application.candidate else { panic!() };
    let unlisted = Digest::of(b"no root");
    let name = application.name.clone();
    let cross = Cross::proposed(&application.certificate, name, issuer, unlisted).unwrap();
    let network = Network::of_contents(&world.state.whole_list(&application.list).unwrap());
    assert!(effects(network, cross, world.now).is_none());
}
