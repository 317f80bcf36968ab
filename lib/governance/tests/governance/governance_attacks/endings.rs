//! What ends by itself, by decision, or with a participant: and nothing of it stays behind.

use ctl_core::names::ListId;
use ctl_governance::application::Stage;
use ctl_governance::state::Outcome;
use ctl_sandbox::{PkiKind, PkiSpec, Role as PkiRole, cross_certify, root_with_key_of};

use super::*;

fn ended(world: &World, application: u64) -> Option<Stage> {
    world.state.applications[&application].ended.map(|(stage, ..)| stage)
}

fn outcome(world: &World, proposal: u64) -> Outcome {
    world.state.proposals[&proposal].decision.as_ref().expect("decided").outcome.clone()
}

fn cross_request(issuer_anchor: Digest, requester_anchor: Digest) -> CrossRequest {
    CrossRequest { issuer_anchor, list: na(), requester_anchor, terms: None }
}

#[test]
fn a_suspended_participant_leaves_nothing_open() {
    for compromised in [false, true] {
        let mut world = World::published();
        let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
        let asked = world.say(&["alpha-pki"], cross_request(beta, alpha)).unwrap();
        let asks = world.say(&["beta-pki"], cross_request(alpha, beta)).unwrap();
        let second = ctl_sandbox::Pki::generate(&PkiSpec::new(
            PkiKind::V2g,
            "Alpha Second",
            "US",
            "Alpha",
            "second",
            start().unix(),
        ));
        let certificate = second.unwrap().root().certificate().der().to_vec();
        let open = world.say(&["alpha-pki"], application(certificate)).unwrap();
        world.attach_all(open);
        world.screen(open, Vec::new()).unwrap();
        world.wait(14 * DAY);
        let voted = world.proposal_to_admit(open);
        let voted = world.say(&["elector-1"], voted).unwrap();
        world.vote("elector-1", voted, Choice::Approve).unwrap();
        world.vote("elector-2", voted, Choice::Approve).unwrap();
        let participant = "alpha-pki".parse().unwrap();
        if compromised {
            let action = ParticipantAction::SuspendForCompromise {};
            let proposal = world.propose("elector-1", Change::Participant { action, participant }).unwrap();
            world.decide(proposal);
        } else {
            world.say(&["alpha-pki"], ParticipantSuspend { participant }).unwrap();
        }
        assert_eq!(ended(&world, open), Some(Stage::Withdrawn));
        assert!(matches!(outcome(&world, voted), Outcome::Lapsed(_)), "approved, and still not admitted");
        assert!(world.state.cross_open.is_empty());
        for request in [asked, asks] {
            assert!(!world.state.cross_requests.get(&request).unwrap().is_open());
        }
        let late = CrossRespond {
            answer: CrossAnswer::Declined,
            document: None,
            reason: Some(RefusalReason::PolicyNotMet),
            request: asked,
        };
        assert_eq!(reason(world.say(&["beta-pki"], late)), Reason::Stage);
        assert!(State::replay(&world.entries).unwrap() == world.state);
    }
}

#[test]
fn electors_close_an_application_at_any_time() {
    let mut world = World::published();
    let close = |application| Change::CloseApplication { application, list: na() };
    let fresh = world.apply_with_root("alpha-pki").unwrap();
    let own = world.propose("alpha-elector", close(fresh));
    assert_eq!(reason(own), Reason::Recused, "not by the applicant's organisation");
    assert_eq!(reason(world.propose("board-1", close(fresh))), Reason::WrongRole);
    let other = Change::CloseApplication { application: fresh, list: "eu".parse().unwrap() };
    assert_eq!(reason(world.propose("elector-1", other)), Reason::NotFound);
    let proposal = world.propose("elector-1", close(fresh)).unwrap();
    world.decide(proposal);
    assert_eq!(ended(&world, fresh), Some(Stage::Rejected));
    assert_eq!(world.state.applications[&fresh].ended.unwrap().2, proposal, "and its cause is to be seen");
    assert_eq!(reason(world.propose("elector-1", close(fresh))), Reason::Stage);

    let voted = world.discussed("alpha-pki");
    let vote = world.proposal_to_admit(voted);
    let vote = world.say(&["elector-1"], vote).unwrap();
    for elector in ["elector-1", "elector-2"] {
        world.vote(elector, vote, Choice::Approve).unwrap();
    }
    let proposal = world.propose("elector-1", close(voted)).unwrap();
    world.decide(proposal);
    assert_eq!(ended(&world, voted), Some(Stage::Rejected));
    assert!(matches!(outcome(&world, vote), Outcome::Lapsed(_)));
    assert!(world.list().anchors.is_empty());
    world.apply_with_root("alpha-pki").expect("its owner may apply again");
}

#[test]
fn a_certificate_leaves_its_list_by_itself_in_the_second_after_its_last() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    let not_after = world.state.anchor(&na(), &alpha).unwrap().listed.not_after;
    let [two_years, ninety_days] = ctl_governance::view::END_NOTICES;
    let warned = |world: &World, within| {
        let state = world.state.at(world.now);
        state.ending(world.now, within).iter().any(|(_, listed)| listed.fingerprint == alpha)
    };
    for within in [two_years, ninety_days] {
        world.now = not_after.minus_seconds(within + 1);
        assert!(!warned(&world, within));
        world.wait(1);
        assert!(warned(&world, within), "{within} seconds before");
    }
    world.now = not_after.minus_seconds(3600);
    world.publish_list();
    world.now = not_after;
    assert!(!world.due().contains(&"na".to_owned()));
    world.wait(1);
    assert!(world.due().contains(&"na".to_owned()), "the draft is due at that moment");
    let list = world.list();
    assert!(list.anchors.iter().all(|anchor| anchor.fingerprint != alpha));
    assert!(list.distrusted.is_empty(), "an end is no distrust");
    let anchor = world.state.anchor(&na(), &alpha).unwrap();
    assert_eq!(world.state.effective_status(&anchor.listed).status, AnchorStatus::Expired);
    assert!(!world.state.is_trusted(&na(), &anchor.listed));
    assert!(!warned(&world, two_years));

    let revive =
        |to, not_issued_after| Change::ChangeStatus { certificate: alpha, list: na(), not_issued_after, to };
    assert_eq!(reason(world.propose("elector-1", revive(AnchorStatus::Warning, None))), Reason::Stage);
    assert_eq!(reason(world.propose("elector-1", revive(AnchorStatus::Expired, None))), Reason::Stage);
    let constrain = Change::Constrain { anchor: alpha, constraints: Constraints::default(), list: na() };
    assert_eq!(reason(world.propose("elector-1", constrain)), Reason::Stage);
    let distrust = world.propose("elector-1", revive(AnchorStatus::Withdrawn, None)).unwrap();
    world.decide(distrust);
    let key = world.state.anchor(&na(), &alpha).unwrap().listed.spki;
    assert!(world.list().distrusted.iter().any(|one| one.sha256 == key), "its key can still be distrusted");
}

#[test]
fn a_renewed_certificate_does_not_fall_with_the_one_that_ended() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let not_after = world.state.anchor(&na(), &alpha).unwrap().listed.not_after;
    world.now = not_after.minus_seconds(100 * DAY);
    world.list();
    let pki = root("alpha-pki");
    let mut spec = pki.spec().clone();
    spec.not_before = world.now.unix();
    spec.seed = "renewed".into();
    let renewed = root_with_key_of(pki.root(), &spec).unwrap();
    let possession = Some(world.proof("alpha-pki", &renewed));
    let body = ApplicationSubmit { possession, ..application(renewed.certificate().der().to_vec()) };
    let application = world.say(&["alpha-pki"], body).unwrap();
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.decide(proposal);
    assert_eq!(outcome(&world, proposal), Outcome::Accepted);
    world.now = not_after.plus_seconds(1);
    let found: Vec<Digest> = world.list().anchors.iter().map(|anchor| anchor.fingerprint).collect();
    assert_eq!(found, [Digest::of(renewed.certificate().der())]);
}

#[test]
fn what_has_ended_is_not_admitted_any_more() {
    let mut world = World::published();
    let pki = root("alpha-pki");
    let not_after = ctl_core::Timestamp::from_unix(pki.root().certificate().not_after());
    world.now = not_after.minus_seconds(15 * DAY);
    world.list();
    let application = world.discussed("alpha-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    for elector in ["elector-1", "elector-2"] {
        world.vote(elector, proposal, Choice::Approve).unwrap();
    }
    world.advance(7 * DAY);
    assert!(matches!(outcome(&world, proposal), Outcome::Lapsed(_)));
    assert!(world.list().anchors.is_empty());
}

/// A second list, with the same people.
fn with_two_lists() -> World {
    let mut charter = charter();
    let list = charter.lists[&na()].clone();
    charter.lists.insert("eu".parse().unwrap(), list);
    World::published_with(charter)
}

fn admitted_to(world: &mut World, list: &ListId, operator: &str) -> Digest {
    let certificate = root(operator).root().certificate().der().to_vec();
    let body = ApplicationSubmit { list: list.clone(), ..application(certificate) };
    let index = world.say(&[operator], body).unwrap();
    world.attach_all(index);
    world.screen(index, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let mut proposal = world.proposal_to_admit(index);
    if let Change::Admit { list: of, .. } = &mut proposal.change {
        *of = list.clone();
    }
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.decide(proposal);
    world.state.applications[&index].fingerprint
}

#[test]
fn a_sub_ca_is_disclosed_for_every_list_that_has_its_root() {
    let mut world = with_two_lists();
    let eu: ListId = "eu".parse().unwrap();
    let pki = root("alpha-pki");
    let sub = |role| pki.get(role).unwrap().certificate().der().to_vec();
    let [first, second] = [PkiRole::CpoSub1, PkiRole::CpoSub2].map(sub);
    let alpha = world.admitted("alpha-pki");
    let body = SubcaDisclose { certificate: Der(first.clone()), issuer: alpha };
    world.say(&["alpha-pki"], body).unwrap();
    let lists = |world: &World, certificate: &[u8]| -> Vec<String> {
        let sub_ca = &world.state.sub_cas[&Digest::of(certificate)];
        world.state.lists_of(sub_ca).map(ToString::to_string).collect()
    };
    assert_eq!(lists(&world, &first), ["na"]);
    assert_eq!(admitted_to(&mut world, &eu, "alpha-pki"), alpha);
    assert_eq!(lists(&world, &first), ["eu", "na"], "also for the list that came later");
    let body = SubcaDisclose { certificate: Der(second.clone()), issuer: Digest::of(&first) };
    assert_eq!(reason(world.say(&["beta-pki"], body.clone())), Reason::WrongRole);
    world.say(&["alpha-pki"], body).unwrap();
    assert_eq!(lists(&world, &second), ["eu", "na"]);
    let orphan = SubcaDisclose { certificate: Der(second), issuer: Digest::of(b"nobody") };
    assert_eq!(reason(world.say(&["alpha-pki"], orphan)), Reason::Exists);
}

#[test]
fn who_operates_neither_end_does_not_apply_with_a_cross_certificate() {
    let mut world = World::published();
    let (alpha_pki, beta_pki) = (root("alpha-pki"), root("beta-pki"));
    let until = start().plus_seconds(3650 * DAY).unix();
    let cross =
        cross_certify(alpha_pki.root(), beta_pki.root().certificate(), start().unix(), until).unwrap();
    let (issuer, subject) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    world.keys.insert("gamma-pki".into(), key("gamma-pki"));
    let gamma = new_participant("gamma-pki", "gamma", &[ParticipantKind::PkiOperator]);
    world.say(&["admissions", "gamma-pki"], ParticipantRegister { participant: gamma }).unwrap();
    let submit = ApplicationSubmit {
        candidate: Candidate::CrossCertificate { issuer, subject },
        ..application(cross.der().to_vec())
    };
    assert_eq!(reason(world.say(&["gamma-pki"], submit.clone())), Reason::WrongRole);
    let possession = Some(world.proof("beta-pki", beta_pki.root()));
    let odd = ApplicationSubmit { possession, ..submit.clone() };
    assert_eq!(reason(world.say(&["beta-pki"], odd)), Reason::Content);
    world.say(&["beta-pki"], submit).unwrap();
}
