//! What no other test says, so that the corpus has every type of statement, recorded and refused, and every
//! member and word at least once.

use ctl_core::names::MoId;
use ctl_core::parts::*;
use ctl_governance::Reason;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::{Witness, Witnesses};
use ctl_governance::statement::parts::*;

use crate::common::*;

#[test]
fn the_life_of_an_mo_identifier() {
    let mut world = World::found();
    let id: MoId = "USEVG".parse().unwrap();
    let (holder, source) = ("mo-one".parse().unwrap(), "bdew".parse().unwrap());
    let update = MoUpdate { id: id.clone(), source: "other".parse().unwrap() };
    let early: [Body; 3] =
        [update.clone().into(), MoSuspend { id: id.clone() }.into(), MoWithdraw { id: id.clone() }.into()];
    for body in early {
        assert_eq!(reason(world.say(&["registrar"], body.clone())), Reason::NotFound);
        assert_eq!(reason(world.say(&["mo-one"], body)), Reason::WrongRole);
    }
    world.say(&["registrar"], MoAssign { holder, id: id.clone(), source }).unwrap();
    world.say(&["registrar"], update).unwrap();
    world.say(&["registrar"], MoSuspend { id: id.clone() }).unwrap();
    assert_eq!(reason(world.say(&["registrar"], MoSuspend { id: id.clone() })), Reason::Stage);
    world.say(&["registrar"], MoWithdraw { id: id.clone() }).unwrap();
    assert_eq!(reason(world.say(&["registrar"], MoWithdraw { id })), Reason::Stage);
}

#[test]
fn an_application_with_everything_that_it_can_have() {
    let mut world = World::published();
    let mut constraints = Constraints::default();
    constraints.set_time(Constraints::NOT_TRUSTED_AFTER, world.now.plus_seconds(3650 * DAY), true);
    let pki = root("alpha-pki");
    let mut body = application(pki.root().certificate().der().to_vec());
    let Candidate::Root { constraints: asked, services, uses } = &mut body.candidate else {
        panic!("a root")
    };
    *asked = constraints.clone();
    services.est = vec!["https://est.example/cacerts".parse().unwrap()];
    services.root_pool = vec!["https://pool.example/".parse().unwrap()];
    uses.push(Use { standard: Standard::Iso15118_20, purpose: Purpose::Vehicle });
    body.possession = Some(world.proof("alpha-pki", pki.root()));
    let application = world.say(&["alpha-pki"], body).unwrap();
    world.attach_all(application);
    let restricted = BlobRef { access: BlobAccess::Restricted, ..blob("conformance") };
    for kind in [EvidenceKind::ConformanceReport, EvidenceKind::AuditReport] {
        let dated = (kind == EvidenceKind::AuditReport).then_some(world.now);
        let attach =
            EvidenceAttach { application, blob: Some(restricted.clone()), dated, fingerprint: None, kind };
        world.say(&["auditor"], attach).unwrap();
    }
    let findings =
        [("a-notice", Severity::Notice), ("b-warning", Severity::Warning), ("c-error", Severity::Error)];
    let findings =
        findings.map(|(id, severity)| Finding { id: id.parse().unwrap(), severity, waivable: true });
    world.screen(application, findings.to_vec()).unwrap();
    world.say(&["mo-one"], CommentAdd { about: application, comment: blob("a comment") }).unwrap();
    world.wait(14 * DAY);
    let mut proposal = world.proposal_to_admit(application);
    let Change::Admit { waived, .. } = &mut proposal.change else { panic!("to admit") };
    *waived = vec!["c-error".parse().unwrap()];
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.say(&["mo-two"], CommentAdd { about: proposal, comment: blob("another") }).unwrap();
    let leaf = world.state.proposals[&proposal].leaf_hash;
    let vote = VoteCast { choice: Choice::Approve, proposal: leaf, rationale: Some(blob("why")) };
    world.say(&["elector-1"], vote).unwrap();
    world.decide(proposal);
    world.publish_list();
}

#[test]
fn a_charter_with_witnesses() {
    let mut charter = charter();
    let witness = Witness { name: "witness.example".parse().unwrap(), key: ed25519("witness") };
    charter.witnesses = Witnesses { witnesses: vec![witness], threshold: 1 };
    let mut world = World::published_with(charter.clone());
    charter.witnesses.threshold = 0;
    let proposal = world.propose("elector-1", Change::AmendCharter { charter: Box::new(charter) }).unwrap();
    world.decide(proposal);
}
