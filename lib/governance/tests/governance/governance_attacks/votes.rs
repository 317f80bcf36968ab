//! Attacks on proposals and votes.

use super::*;

#[test]
fn a_proposal_before_the_discussion_ends_is_refused() {
    let mut world = World::found();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let too_early = world.proposal_to_admit(application);
    assert_eq!(reason(world.say(&["elector-1"], too_early)), Reason::Stage, "not screened");
    world.screen(application, Vec::new()).unwrap();
    let no_evidence = world.proposal_to_admit(application);
    assert_eq!(reason(world.say(&["elector-1"], no_evidence)), Reason::Stage, "no evidence");
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY - 1);
    let undiscussed = world.proposal_to_admit(application);
    let refusal = world.say(&["elector-1"], undiscussed.clone()).unwrap_err();
    assert!(refusal.detail.contains("under discussion until 2026-01-15"), "{refusal}");
    world.wait(1);
    world.say(&["elector-1"], undiscussed).unwrap();
}

#[test]
fn a_proposal_over_an_error_must_name_it_and_may_not_waive_what_cannot_be() {
    let mut world = World::found();
    let finding =
        |id: &str, waivable| Finding { id: id.parse().unwrap(), severity: Severity::Error, waivable };
    let application = world.apply_with_root("alpha-pki").unwrap();
    world.attach_all(application);
    world.screen(application, vec![finding("key-unique", true)]).unwrap();
    world.wait(14 * DAY);
    let mut proposal = world.proposal_to_admit(application);
    assert_eq!(reason(world.say(&["elector-1"], proposal.clone())), Reason::Stage);
    let waive = |proposal: &mut ProposalOpen, id: &str| {
        if let Change::Admit { waived, .. } = &mut proposal.change {
            *waived = vec![id.parse().unwrap()];
        }
    };
    waive(&mut proposal, "self-signature");
    assert_eq!(reason(world.say(&["elector-1"], proposal.clone())), Reason::Stage);
    let fatal = world.screen(application, vec![finding("self-signature", false)]).unwrap();
    if let Change::Admit { screening, .. } = &mut proposal.change {
        *screening = fatal;
    }
    let refusal = world.say(&["elector-1"], proposal.clone()).unwrap_err();
    assert!(refusal.detail.contains("nobody can waive"), "{refusal}");
    let mild = world.screen(application, vec![finding("key-unique", true)]).unwrap();
    if let Change::Admit { screening, .. } = &mut proposal.change {
        *screening = mild;
    }
    waive(&mut proposal, "key-unique");
    world.say(&["elector-1"], proposal).unwrap();
}

#[test]
fn a_proposal_that_widens_what_was_applied_for_is_refused() {
    let mut world = World::found();
    let application = world.discussed("alpha-pki");
    let mut proposal = world.proposal_to_admit(application);
    if let Change::Admit { uses, .. } = &mut proposal.change {
        uses.push(Use { standard: Standard::Iso15118_20, purpose: Purpose::Vehicle });
    }
    assert_eq!(reason(world.say(&["elector-1"], proposal)), Reason::Content);
}

#[test]
fn a_second_channel_with_the_applicant_at_both_ends_is_refused() {
    let mut world = World::found();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let fingerprint = Some(world.state.applications[&application].fingerprint);
    let kind = EvidenceKind::SecondChannelFingerprint;
    let heard = EvidenceAttach { application, blob: None, dated: None, fingerprint, kind };
    assert_eq!(reason(world.say(&["alpha-pki"], heard.clone())), Reason::WrongRole);
    assert_eq!(reason(world.say(&["alpha-elector"], heard.clone())), Reason::WrongRole, "same organisation");
    let other = EvidenceAttach { fingerprint: Some(Digest::of(b"another certificate")), ..heard.clone() };
    assert_eq!(reason(world.say(&["elector-1"], other)), Reason::Content);
    world.say(&["elector-1"], heard).unwrap();
}

fn open_vote(world: &mut World) -> u64 {
    let application = world.discussed("alpha-pki");
    let proposal = world.proposal_to_admit(application);
    world.say(&["elector-1"], proposal).unwrap()
}

#[test]
fn a_vote_after_the_close_is_refused() {
    let mut world = World::found();
    let proposal = open_vote(&mut world);
    world.wait(7 * DAY);
    assert_eq!(reason(world.vote("elector-1", proposal, Choice::Approve)), Reason::VotingClosed);
}

#[test]
fn a_vote_for_a_changed_proposal_is_refused() {
    let mut world = World::found();
    open_vote(&mut world);
    let vote =
        VoteCast { choice: Choice::Approve, proposal: Digest::of(b"what it said before"), rationale: None };
    assert_eq!(reason(world.say(&["elector-1"], vote)), Reason::NotFound);
}

#[test]
fn an_elector_of_the_applicant_is_recused() {
    let mut world = World::found();
    let proposal = open_vote(&mut world);
    assert_eq!(reason(world.vote("alpha-elector", proposal, Choice::Approve)), Reason::Recused);
}

#[test]
fn someone_who_is_no_elector_cannot_vote() {
    let mut world = World::found();
    let proposal = open_vote(&mut world);
    assert_eq!(reason(world.vote("signer-1", proposal, Choice::Approve)), Reason::WrongRole);
}

#[test]
fn an_organisation_votes_once() {
    let mut world = World::found();
    let proposal = open_vote(&mut world);
    world.vote("elector-3", proposal, Choice::Approve).unwrap();
    let deputy = world.vote("elector-3-deputy", proposal, Choice::Approve);
    assert_eq!(reason(deputy), Reason::OrganisationVoted);
    world.vote("elector-3", proposal, Choice::Reject).expect("but it may change its mind");
}

#[test]
fn a_quota_is_a_quota() {
    let mut charter = charter();
    charter.limits.statements_per_day = 3;
    let mut world = World::found_with(charter);
    let application = world.apply_with_root("alpha-pki").unwrap();
    for _ in 0..3 {
        world.say(&["mo-one"], comment(application)).unwrap();
    }
    assert_eq!(reason(world.say(&["mo-one"], comment(application))), Reason::Quota);
    world.say(&["mo-two"], comment(application)).expect("others are not affected");
    world.wait(DAY);
    world.say(&["mo-one"], comment(application)).expect("nor is tomorrow");
}

#[test]
fn an_applicant_cannot_flood_the_electors() {
    let mut world = World::found();
    for seed in ["one", "two"] {
        world.say(&["alpha-pki"], application(root(seed).root().certificate().der().to_vec())).unwrap();
    }
    let third = world.say(&["alpha-pki"], application(root("three").root().certificate().der().to_vec()));
    assert_eq!(reason(third), Reason::Quota);
}
