//! The life of a scheme, told in stories: who may do what, when, and what follows from it.

use ctl_core::Digest;
use ctl_core::keys::{Algorithm, PrivateKey};
use ctl_core::parts::*;
use ctl_core::role::Role;
use ctl_governance::application::Stage;
use ctl_governance::state::Outcome;
use ctl_governance::statement::body::*;
use ctl_governance::{Reason, State};
use ctl_sandbox::{PkiSpec, Role as PkiRole, cross_certify, root_with_key_of};
use proptest::prelude::*;

use crate::common::*;

fn status(world: &World, fingerprint: &Digest) -> AnchorStatus {
    let list = na();
    let anchor = world.state.anchor(&list, fingerprint).unwrap();
    world.state.effective_status(&anchor.listed).status
}

fn outcome(world: &World, proposal: u64) -> &Outcome {
    &world.state.proposals[&proposal].decision.as_ref().expect("decided").outcome
}

fn stage(world: &World, application: u64) -> Stage {
    let application = &world.state.applications[&application];
    application.stage(world.now, world.state.discussion_seconds(&na()))
}

#[test]
fn from_application_to_usable() {
    let mut world = World::published();
    let application = world.apply_with_root("alpha-pki").unwrap();
    assert_eq!(stage(&world, application), Stage::Submitted);
    world.screen(application, Vec::new()).unwrap();
    assert_eq!(stage(&world, application), Stage::Screened);
    world.attach_all(application);
    assert_eq!(stage(&world, application), Stage::Discussion);
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY);
    assert_eq!(stage(&world, application), Stage::Discussed);
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    assert_eq!(stage(&world, application), Stage::Voting);
    world.decide(proposal);
    assert_eq!(stage(&world, application), Stage::Accepted);

    let fingerprint = world.state.applications[&application].fingerprint;
    assert_eq!(status(&world, &fingerprint), AnchorStatus::Qualified);
    world.advance(100 * DAY);
    assert_eq!(status(&world, &fingerprint), AnchorStatus::Qualified, "nobody has seen it yet");
    let publication = world.publish_list();
    world.advance(10 * DAY - 1);
    assert_eq!(status(&world, &fingerprint), AnchorStatus::Qualified);
    world.advance(1);
    assert_eq!(status(&world, &fingerprint), AnchorStatus::Usable);
    let listed = &world.state.anchor(&na(), &fingerprint).unwrap().listed;
    assert_eq!(listed.current().cause, publication);
    let causes: Vec<u64> = listed.history.iter().map(|change| change.cause).collect();
    assert_eq!(causes, [proposal, publication]);
}

#[test]
fn too_few_approvals_by_the_close_is_a_rejection() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    world.vote("elector-2", proposal, Choice::Reject).unwrap();
    assert!(world.state.proposals[&proposal].decision.is_none(), "one may still vote");
    world.advance(7 * DAY);
    assert_eq!(outcome(&world, proposal), &Outcome::Rejected);
    assert_eq!(stage(&world, application), Stage::Rejected);
    assert!(world.list().anchors.is_empty());
}

#[test]
fn a_vote_ends_early_once_all_have_voted_and_minds_may_change_before() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    world.vote("elector-2", proposal, Choice::Approve).unwrap();
    world.vote("elector-2", proposal, Choice::Reject).unwrap();
    world.vote("elector-3-deputy", proposal, Choice::Abstain).unwrap();
    assert_eq!(outcome(&world, proposal), &Outcome::Rejected);
    assert_eq!(reason(world.vote("elector-2", proposal, Choice::Approve)), Reason::VotingClosed);
}

#[test]
fn an_elector_removed_for_compromise_is_struck_and_the_quorum_stays() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.vote("elector-2", proposal, Choice::Approve).unwrap();
    let strike = Change::Participant {
        action: ParticipantAction::SuspendForCompromise {},
        participant: "elector-2".parse().unwrap(),
    };
    let removal = world.propose("elector-1", strike).unwrap();
    for elector in ["elector-1", "elector-3", "alpha-elector", "elector-2"] {
        world.vote(elector, removal, Choice::Approve).unwrap();
    }
    assert_eq!(outcome(&world, removal), &Outcome::Accepted);
    assert_eq!(reason(world.vote("elector-2", proposal, Choice::Approve)), Reason::SuspendedSigner);
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    world.vote("elector-3", proposal, Choice::Reject).unwrap();
    let decision = world.state.proposals[&proposal].decision.clone().unwrap();
    assert_eq!((decision.outcome, decision.approvals), (Outcome::Rejected, 1), "the struck vote is gone");
}

#[test]
fn a_withdrawn_application_lapses_its_vote() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    world.vote("elector-2", proposal, Choice::Approve).unwrap();
    world.say(&["alpha-pki"], ApplicationWithdraw { application }).unwrap();
    assert!(matches!(outcome(&world, proposal), Outcome::Lapsed(_)));
    assert_eq!(stage(&world, application), Stage::Withdrawn);
    assert!(world.list().anchors.is_empty());
}

#[test]
fn a_notice_suspends_at_once_and_ends_by_itself() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let beta = world.admitted("beta-pki");
    world.publish_list();
    assert_eq!(world.list().anchors.len(), 2);
    let notice = NoticeIssue {
        anchor: alpha,
        expires_at: world.now.plus_seconds(3 * DAY),
        list: na(),
        reason: WithdrawalReason::KeyCompromise,
    };
    world.say(&["officer-1"], notice).unwrap();
    assert_eq!(status(&world, &alpha), AnchorStatus::Suspended);
    let list = world.list();
    assert_eq!(list.anchors.iter().map(|a| a.fingerprint).collect::<Vec<_>>(), [beta]);
    let spki = world.state.anchor(&na(), &alpha).unwrap().listed.spki;
    assert!(list.distrusted.contains(&Distrusted { kind: DistrustKind::Spki, sha256: spki }));
    assert!(list.distrusted.contains(&Distrusted { kind: DistrustKind::Certificate, sha256: alpha }));
    world.open_draft(&Role::Notices).unwrap();
    let document = world.state.drafts[&Role::Notices].documents.document.clone().unwrap();
    assert!(String::from_utf8_lossy(&document).contains(&alpha.to_string()));

    world.advance(3 * DAY);
    assert_eq!(world.list().anchors.len(), 2);
    assert_ne!(status(&world, &alpha), AnchorStatus::Suspended);
}

#[test]
fn a_notice_ends_early_by_two_officers_or_by_a_decision() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let beta = world.admitted("beta-pki");
    let suspend = |world: &mut World, anchor| {
        let expires_at = world.now.plus_seconds(10 * DAY);
        let reason = WithdrawalReason::Misissuance;
        let notice = NoticeIssue { anchor, expires_at, list: na(), reason };
        world.say(&["officer-1"], notice).unwrap()
    };
    let notice = suspend(&mut world, alpha);
    world.say(&["officer-2", "officer-1"], NoticeLift { notice }).unwrap();
    assert_ne!(status(&world, &alpha), AnchorStatus::Suspended);
    let notice = suspend(&mut world, beta);
    let proposal = world.propose("elector-1", Change::LiftNotice { notice }).unwrap();
    world.decide(proposal);
    assert_ne!(status(&world, &beta), AnchorStatus::Suspended);
}

#[test]
fn the_statuses_of_an_anchor_and_the_end_of_its_key() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let change = |world: &mut World, to, not_issued_after| {
        let change = Change::ChangeStatus { certificate: alpha, list: na(), not_issued_after, to };
        let proposal = world.propose("elector-1", change)?;
        world.decide(proposal);
        assert_eq!(outcome(world, proposal), &Outcome::Accepted);
        Ok(())
    };
    change(&mut world, AnchorStatus::Warning, None).unwrap();
    assert_eq!(world.list().anchors[0].status, AnchorStatus::Warning);
    assert_eq!(reason(change(&mut world, AnchorStatus::Warning, None)), Reason::Stage);
    assert_eq!(reason(change(&mut world, AnchorStatus::Deprecated, None)), Reason::Content);
    let date = world.now;
    change(&mut world, AnchorStatus::Deprecated, Some(date)).unwrap();
    let deprecated = &world.list().anchors[0];
    assert_eq!(deprecated.constraints.time(Constraints::NOT_ISSUED_AFTER), Some(date));
    change(&mut world, AnchorStatus::Suspended, None).unwrap();
    assert!(world.list().anchors.is_empty());
    change(&mut world, AnchorStatus::Usable, None).unwrap();
    assert_eq!(world.list().anchors.len(), 1);
    change(&mut world, AnchorStatus::Withdrawn, None).unwrap();
    assert!(world.list().anchors.is_empty());
    assert_eq!(reason(change(&mut world, AnchorStatus::Usable, None)), Reason::Stage, "for good");

    assert_eq!(reason(world.apply_with_root("alpha-pki")), Reason::Exists, "it was on the list");
    let pki = root("alpha-pki");
    let spec = PkiSpec { seed: "again".into(), ..pki.spec().clone() };
    let again = root_with_key_of(pki.root(), &spec).unwrap();
    let again = world.say(&["alpha-pki"], application(again.certificate().der().to_vec())).unwrap();
    world.attach_all(again);
    world.screen(again, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let proposal = world.proposal_to_admit(again);
    assert_eq!(reason(world.say(&["elector-1"], proposal)), Reason::Exists, "the key may not come back");
}

#[test]
fn a_cross_certificate_is_listed_and_falls_with_either_end() {
    let mut world = World::published();
    let (alpha_pki, beta_pki) = (root("alpha-pki"), root("beta-pki"));
    let cross = cross_certify(
        alpha_pki.root(),
        beta_pki.root().certificate(),
        start().unix(),
        start().plus_seconds(3650 * DAY).unix(),
    )
    .unwrap();
    let alpha = world.admitted("alpha-pki");
    let submit = |subject| ApplicationSubmit {
        candidate: Candidate::CrossCertificate { issuer: alpha, subject },
        certificate: Der(cross.der().to_vec()),
        list: na(),
        name: "beta by alpha".parse().unwrap(),
        possession: None,
    };
    let beta_fingerprint = Digest::from_bytes(beta_pki.root().certificate().sha256());
    assert_eq!(reason(world.say(&["alpha-pki"], submit(beta_fingerprint))), Reason::NotFound);
    let beta = world.admitted("beta-pki");
    assert_eq!(reason(world.say(&["alpha-pki"], submit(alpha))), Reason::Content, "not for that key");
    let application = world.say(&["alpha-pki"], submit(beta)).unwrap();
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let found = world.state.applications[&application].clone();
    let change = Change::AdmitCross {
        application,
        certificate: found.fingerprint,
        evidence: found.evidence.iter().map(|evidence| evidence.index).collect(),
        list: na(),
        screening: found.screening.as_ref().unwrap().index,
        waived: Vec::new(),
    };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let list = world.list();
    assert_eq!(list.cross_certificates.len(), 1);
    assert_eq!((list.cross_certificates[0].issuer, list.cross_certificates[0].subject), (alpha, beta));

    let expires_at = world.now.plus_seconds(DAY);
    let reason = WithdrawalReason::CaCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor: beta, expires_at, list: na(), reason }).unwrap();
    let list = world.list();
    assert!(list.cross_certificates.is_empty());
    assert!(list.distrusted.iter().any(|d| d.sha256 == found.fingerprint));
}

#[test]
fn distrust_takes_an_anchor_off_the_list() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let what = Distrusted {
        kind: DistrustKind::Spki,
        sha256: world.state.anchor(&na(), &alpha).unwrap().listed.spki,
    };
    let proposal = world.propose("elector-1", Change::Distrust { list: na(), what }).unwrap();
    world.decide(proposal);
    let list = world.list();
    assert!(list.anchors.is_empty() && list.distrusted.contains(&what));
}

#[test]
fn constraints_are_decided_and_listed() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let mut constraints = Constraints::default();
    constraints.set_time(Constraints::NOT_TRUSTED_AFTER, world.now.plus_seconds(100 * DAY), true);
    let change = Change::Constrain { anchor: alpha, constraints: constraints.clone(), list: na() };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    assert_eq!(world.list().anchors[0].constraints, constraints);
    let mut unknown = Constraints::default();
    unknown.set_time("not_before_breakfast", world.now, true);
    let change = Change::Constrain { anchor: alpha, constraints: unknown, list: na() };
    assert_eq!(reason(world.propose("elector-1", change)), Reason::Content);
}

#[test]
fn a_signers_new_key_counts_once_the_board_has_published_it() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let new = PrivateKey::from_seed(Algorithm::Es256, &[50; 32]).unwrap();
    let rotate = ParticipantRotateKey {
        new: new.public_key(),
        old: world.keys["signer-1"].public_key().key_id(),
        participant: "signer-1".parse().unwrap(),
    };
    let payload = world.payload(rotate);
    world.record(signed_by(&payload, &[&world.keys["signer-1"], &new])).unwrap();
    assert!(world.due().contains(&"targets".to_owned()), "the board is asked to sign");

    let role = Role::List(na());
    let with_old_key = world.publish(&role, &["signer-1", "signer-2"]);
    assert_eq!(reason(with_old_key), Reason::TooFewSignatures);
    world.keys.insert("signer-1".into(), new);
    let unknown_to_devices = world.publish(&role, &["signer-1", "signer-2"]);
    assert_eq!(reason(unknown_to_devices), Reason::TooFewSignatures);
    world.publish(&role, &["signer-2", "signer-3"]).expect("the others can go on meanwhile");

    world.publish(&Role::Targets, &["board-1", "board-2"]).unwrap();
    world.publish(&role, &["signer-1", "signer-2"]).unwrap();
    assert_eq!(world.state.published[&role].open.sequence, Some(3));
}

#[test]
fn the_charter_changes_only_by_a_decision_and_within_bounds() {
    let mut world = World::published();
    let mut amended = (*world.state.charter).clone();
    amended.lists.insert("eu".parse().unwrap(), amended.lists[&na()].clone());
    amended.limits.open_applications = 7;
    let change = Change::AmendCharter { charter: Box::new(amended.clone()) };
    let proposal = world.propose("elector-1", change).unwrap();
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    world.vote("elector-2", proposal, Choice::Approve).unwrap();
    assert_eq!(world.state.charter_since, 0);
    world.vote("elector-3", proposal, Choice::Approve).unwrap();
    world.vote("alpha-elector", proposal, Choice::Reject).unwrap();
    assert_eq!((world.state.charter_since, &*world.state.charter), (proposal, &amended));
    world.publish(&Role::Targets, &["board-1", "board-2"]).unwrap();
    world.publish(&Role::List("eu".parse().unwrap()), &["signer-1", "signer-2"]).unwrap();

    let mut shrunk = amended.clone();
    shrunk.lists.remove(&na());
    let shrunk = Change::AmendCharter { charter: Box::new(shrunk) };
    assert_eq!(reason(world.propose("elector-1", shrunk)), Reason::Charter);
    let mut headless = amended;
    headless.board.threshold = 4;
    let headless = Change::AmendCharter { charter: Box::new(headless) };
    assert_eq!(reason(world.propose("elector-1", headless)), Reason::Charter);
}

#[test]
fn mo_identifiers_are_kept_and_move_by_decision_if_the_holder_is_gone() {
    let mut world = World::published();
    let id: ctl_core::names::MoId = "NLCPI".parse().unwrap();
    let say =
        |world: &mut World, body: ctl_governance::statement::Body| world.say(&["registrar"], body).unwrap();
    let source = || "idro".parse().unwrap();
    let assign = MoAssign { holder: "mo-one".parse().unwrap(), id: id.clone(), source: source() };
    say(&mut world, assign.clone().into());
    say(&mut world, MoUpdate { id: id.clone(), source: "bdew".parse().unwrap() }.into());
    say(&mut world, MoSuspend { id: id.clone() }.into());
    assert_eq!(world.state.mo_ids.get(&id).unwrap().status, MoStatus::Suspended);
    say(&mut world, assign.into());
    assert_eq!(world.state.mo_ids.get(&id).unwrap().status, MoStatus::Assigned);
    let change = Change::TransferMo { id: id.clone(), to: "mo-two".parse().unwrap() };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let entry = world.state.mo_ids.get(&id).unwrap();
    assert_eq!((entry.holder.as_str(), entry.cause), ("mo-two", proposal));
    world.publish(&Role::Registry, &["registrar"]).unwrap();
}

#[test]
fn sub_cas_are_disclosed_by_the_operator_above_them() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    let (alpha, beta) = (root("alpha-pki"), root("beta-pki"));
    let der = |pki: &ctl_sandbox::Pki, role| pki.get(role).unwrap().certificate().der().to_vec();
    let disclose = |certificate, issuer| SubcaDisclose { certificate: Der(certificate), issuer };
    let sub1 = der(&alpha, PkiRole::CpoSub1);
    assert_eq!(reason(world.say(&["beta-pki"], disclose(sub1.clone(), anchor))), Reason::WrongRole);
    let foreign = disclose(der(&beta, PkiRole::CpoSub1), anchor);
    assert_eq!(reason(world.say(&["alpha-pki"], foreign)), Reason::Content);
    world.say(&["alpha-pki"], disclose(sub1.clone(), anchor)).unwrap();
    let sub2 = der(&alpha, PkiRole::CpoSub2);
    world.say(&["alpha-pki"], disclose(sub2.clone(), Digest::of(&sub1))).unwrap();
    let revoke = SubcaRevoke { certificate: Digest::of(&sub2), reason: WithdrawalReason::Superseded };
    world.say(&["alpha-pki"], revoke.clone()).unwrap();
    assert_eq!(reason(world.say(&["alpha-pki"], revoke)), Reason::Stage);
}

#[test]
fn drafts_are_due_when_something_changed_or_time_runs_out() {
    let mut world = World::found();
    assert_eq!(world.due(), ["root"]);
    world.publish(&Role::Root, &["board-1", "board-2"]).unwrap();
    assert_eq!(world.due(), ["targets"]);
    world.publish(&Role::Targets, &["board-1", "board-2"]).unwrap();
    assert_eq!(world.due(), ["notices", "registry", "na"]);
    world.publish(&Role::Notices, &["officer-1"]).unwrap();
    world.publish(&Role::Registry, &["registrar"]).unwrap();
    world.publish_list();
    assert!(world.due().is_empty(), "{:?}", world.due());
    world.admitted("alpha-pki");
    assert!(world.due().contains(&"na".to_owned()));
    world.open_draft(&Role::List(na())).unwrap();
    assert!(!world.due().contains(&"na".to_owned()), "it waits for its signatures");
    world.publish_list();
    world.advance(16 * DAY);
    assert!(world.due().contains(&"na".to_owned()), "half of its validity is over");
}

fn busy_world() -> World {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    world.publish_list();
    let expires_at = world.now.plus_seconds(5 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor: alpha, expires_at, list: na(), reason }).unwrap();
    let strike = ParticipantAction::Suspend {};
    let change = Change::Participant { action: strike, participant: "mo-one".parse().unwrap() };
    let proposal = world.propose("elector-1", change).unwrap();
    for elector in ["elector-1", "elector-2", "elector-3"] {
        world.vote(elector, proposal, Choice::Approve).unwrap();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn time_that_passes_in_steps_is_the_same_as_in_one(steps in proptest::collection::vec(1..6 * DAY, 1..6)) {
        let world = busy_world();
        let end = steps.iter().fold(world.now, |now, step| now.plus_seconds(*step));
        let mut stepwise = world.state.clone();
        let mut now = world.now;
        for step in &steps {
            now = now.plus_seconds(*step);
            stepwise.advance(now);
        }
        let mut at_once = world.state.clone();
        at_once.advance(end);
        prop_assert!(stepwise == at_once);
        let mut seen = world.state.at(end).into_owned();
        seen.clock = end;
        prop_assert!(seen == at_once);
    }
}

#[test]
fn anyone_who_replays_the_ledger_gets_the_same_state() {
    let world = busy_world();
    let replayed = State::replay(&world.entries).unwrap();
    assert!(replayed == world.state);
}
