//! What someone who may talk to the server, or owns it, might try on the ledger. Each test is one
//! attack; each must be refused for its own reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use ctl_core::Digest;
use ctl_core::governance::{Reason, State, check};
use ctl_core::jws::Jws;
use ctl_core::keys::{Algorithm, PrivateKey};
use ctl_core::role::Role;
use ctl_core::statement::body::*;
use ctl_core::statement::parts::*;
use ctl_core::statement::{Basis, MAX_STATEMENT, Statement, StatementError};

fn comment(about: u64) -> CommentAdd {
    CommentAdd { about, comment: blob("comment") }
}

#[test]
fn a_statement_sent_twice_counts_once() {
    let mut world = World::found();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let payload = world.payload(comment(application));
    let statement = world.sign(&payload, &["beta-pki"]);
    world.record(statement.clone()).unwrap();
    assert_eq!(reason(world.record(statement)), Reason::Replayed);
}

#[test]
fn a_statement_signed_again_is_still_the_same_statement() {
    let mut world = World::found();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let payload = world.payload(comment(application));
    world.record(world.sign(&payload, &["beta-pki"])).unwrap();
    assert_eq!(reason(world.record(world.sign(&payload, &["mo-one"]))), Reason::Replayed);
}

#[test]
fn an_unsigned_statement_cannot_even_be_read() {
    let mut world = World::found();
    let payload = world.payload(comment(0)).to_bytes();
    let jws = Jws { payload, signatures: Vec::new() };
    assert!(Statement::parse(&jws.to_bytes()).is_err());
}

#[test]
fn a_forged_signature_is_refused() {
    let mut world = World::found();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let payload = world.payload(comment(application));
    let mut statement = world.sign(&payload, &["beta-pki"]);
    statement.jws.signatures[0].signature[10] ^= 1;
    assert_eq!(reason(world.record(statement)), Reason::Signature);
}

#[test]
fn a_signature_for_one_type_of_statement_is_none_for_another() {
    let mut world = World::found();
    let payload = world.payload(MoSuspend { id: "USEVG".parse().unwrap() });
    let jws = Jws::sign(payload.to_bytes(), "v2g.mo.withdraw+jws", &[&world.keys["registrar"]]);
    assert!(matches!(Statement::from_jws(jws), Err(StatementError::Jws(_))));
}

#[test]
fn a_stranger_is_refused() {
    let mut world = World::found();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let stranger = PrivateKey::from_seed(Algorithm::EdDsa, &[99; 32]).unwrap();
    let payload = world.payload(comment(application));
    assert_eq!(reason(world.record(signed_by(&payload, &[&stranger]))), Reason::UnknownSigner);
}

#[test]
fn each_statement_by_the_wrong_role_is_refused() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let application = world.discussed("beta-pki");
    let proposal = world.proposal_to_admit(application);
    let expires_at = world.now.plus_seconds(DAY);
    let mo = || "USEVG".parse().unwrap();
    let wrong: Vec<(&str, ctl_core::statement::Body)> = vec![
        ("mo-one", application_of("mo-one")),
        ("beta-pki", proposal.into()),
        (
            "elector-1",
            MoAssign { holder: "mo-one".parse().unwrap(), id: mo(), source: "bdew".parse().unwrap() }.into(),
        ),
        (
            "elector-1",
            NoticeIssue { anchor: alpha, expires_at, list: na(), reason: WithdrawalReason::KeyCompromise }
                .into(),
        ),
        ("alpha-pki", ApplicationWithdraw { application }.into()),
        ("elector-2", ParticipantSuspend { participant: "mo-one".parse().unwrap() }.into()),
        (
            "board-1",
            DraftOpen {
                expires: world.now.plus_seconds(30 * DAY),
                issued_at: world.now,
                role: Role::List(na()),
                sequence: Some(1),
                version: 1,
            }
            .into(),
        ),
        ("recorder", comment(application).into()),
    ];
    for (signer, body) in wrong {
        let what = body.type_name();
        assert_eq!(reason(world.say(&[signer], body)), Reason::WrongRole, "{what} by {signer}");
    }
}

fn application_of(operator: &str) -> ctl_core::statement::Body {
    application(root(operator).root().certificate().der().to_vec()).into()
}

#[test]
fn a_key_that_was_rotated_signs_no_more() {
    let mut world = World::found();
    let new = PrivateKey::from_seed(Algorithm::EdDsa, &[50; 32]).unwrap();
    let rotate = ParticipantRotateKey {
        new: new.public_key(),
        old: world.keys["alpha-pki"].public_key().key_id(),
        participant: "alpha-pki".parse().unwrap(),
    };
    let payload = world.payload(rotate);
    let both = signed_by(&payload, &[&world.keys["alpha-pki"], &new]);
    world.record(both).unwrap();
    assert_eq!(reason(world.apply_with_root("alpha-pki")), Reason::RotatedKey);
    world.keys.insert("alpha-pki".into(), new);
    world.apply_with_root("alpha-pki").unwrap();
}

#[test]
fn a_rotation_signed_by_only_one_of_the_keys_is_refused() {
    let mut world = World::found();
    let new = PrivateKey::from_seed(Algorithm::EdDsa, &[50; 32]).unwrap();
    let rotate = ParticipantRotateKey {
        new: new.public_key(),
        old: world.keys["alpha-pki"].public_key().key_id(),
        participant: "alpha-pki".parse().unwrap(),
    };
    let payload = world.payload(rotate);
    let thief = signed_by(&payload, &[&world.keys["alpha-pki"]]);
    assert_eq!(reason(world.record(thief)), Reason::TooFewSignatures);
    let imposter = signed_by(&payload, &[&new]);
    assert_eq!(reason(world.record(imposter)), Reason::TooFewSignatures);
}

#[test]
fn a_key_can_not_be_registered_twice() {
    let mut world = World::found();
    let mut twin = new_participant("twin", "twin", &[ParticipantKind::Mo]);
    twin.key = world.keys["mo-one"].public_key();
    let register = ParticipantRegister { participant: twin };
    assert_eq!(reason(world.say(&["admissions", "mo-one"], register)), Reason::Exists);
}

#[test]
fn a_registration_without_proof_of_the_key_is_refused() {
    let mut world = World::found();
    let participant = new_participant("newcomer", "newcomer", &[ParticipantKind::Mo]);
    let register = ParticipantRegister { participant };
    assert_eq!(reason(world.say(&["admissions"], register.clone())), Reason::TooFewSignatures);
    world.keys.insert("newcomer".into(), key("newcomer"));
    assert_eq!(reason(world.say(&["newcomer"], register.clone())), Reason::TooFewSignatures);
    world.say(&["admissions", "newcomer"], register).unwrap();
}

#[test]
fn a_suspended_participant_is_refused() {
    let mut world = World::found();
    world.say(&["admissions"], ParticipantSuspend { participant: "alpha-pki".parse().unwrap() }).unwrap();
    assert_eq!(reason(world.apply_with_root("alpha-pki")), Reason::SuspendedSigner);
}

#[test]
fn an_admissions_officer_cannot_thin_out_the_electorate() {
    let mut world = World::found();
    let suspend = ParticipantSuspend { participant: "elector-2".parse().unwrap() };
    assert_eq!(reason(world.say(&["admissions"], suspend)), Reason::WrongRole);
}

#[test]
fn a_statement_for_another_scheme_is_refused() {
    let mut world = World::found();
    let mut payload = world.payload(application(root("alpha-pki").root().certificate().der().to_vec()));
    payload.scheme = Digest::of(b"another scheme");
    assert_eq!(reason(world.record(world.sign(&payload, &["alpha-pki"]))), Reason::OtherScheme);
}

#[test]
fn a_basis_from_another_history_is_refused() {
    let mut world = World::found();
    let mut payload = world.payload(application(root("alpha-pki").root().certificate().der().to_vec()));
    payload.basis = Basis { size: 1, root_hash: Digest::of(b"another history") };
    assert_eq!(reason(world.record(world.sign(&payload, &["alpha-pki"]))), Reason::Basis);
    payload.basis = Basis { size: 7, root_hash: world.state.root() };
    assert_eq!(reason(world.record(world.sign(&payload, &["alpha-pki"]))), Reason::Basis);
}

#[test]
fn an_oversized_statement_is_refused_before_it_is_read() {
    let huge = vec![b' '; MAX_STATEMENT + 1];
    assert_eq!(Statement::parse(&huge), Err(StatementError::TooLarge(MAX_STATEMENT + 1)));
}

#[test]
fn payloads_that_other_readers_would_read_differently_are_refused() {
    let mut world = World::found();
    let honest = String::from_utf8(world.payload(comment(0)).to_bytes()).unwrap();
    let nested = format!("{}{}", "[".repeat(17), "]".repeat(17));
    for (what, payload) in [
        ("a duplicate member", honest.replacen("{\"basis\"", "{\"basis\":1,\"basis\"", 1)),
        ("an unknown member", honest.replacen("\"issued_at\"", "\"extra\":1,\"issued_at\"", 1)),
        ("an unknown member of the body", honest.replacen("\"comment\":", "\"aside\":1,\"comment\":", 1)),
        ("deep nesting", honest.replacen("\"about\":0", &format!("\"about\":{nested}"), 1)),
        ("a float", honest.replacen("\"about\":0", "\"about\":0.5", 1)),
        ("white space", honest.replacen(":", ": ", 1)),
        ("an unknown type", honest.replacen("comment.add", "comment.sub", 1)),
    ] {
        assert_ne!(payload, honest, "{what}");
        let jws = Jws::sign(payload.into_bytes(), "v2g.comment.add+jws", &[&world.keys["mo-one"]]);
        assert!(Statement::parse(&jws.to_bytes()).is_err(), "{what}");
    }
}

#[test]
fn statements_from_the_far_past_or_future_are_refused() {
    let mut world = World::found();
    world.wait(10 * DAY);
    let mut payload = world.payload(application(root("alpha-pki").root().certificate().der().to_vec()));
    payload.issued_at = world.now.minus_seconds(DAY + 1);
    assert_eq!(reason(world.record(world.sign(&payload, &["alpha-pki"]))), Reason::Time);
    payload.issued_at = world.now.plus_seconds(601);
    assert_eq!(reason(world.record(world.sign(&payload, &["alpha-pki"]))), Reason::Time);
    payload.issued_at = world.now.plus_seconds(600);
    world.record(world.sign(&payload, &["alpha-pki"])).unwrap();
}

#[test]
fn recorded_time_never_runs_backwards() {
    let mut world = World::found();
    world.wait(10);
    world.apply_with_root("alpha-pki").unwrap();
    let payload = world.payload(application(root("beta-pki").root().certificate().der().to_vec()));
    let statement = world.sign(&payload, &["beta-pki"]);
    let earlier = world.now.minus_seconds(1);
    assert_eq!(reason(check(&world.state, &statement, earlier)), Reason::Time);
}

#[test]
fn a_second_genesis_is_refused() {
    let world = World::found();
    let again = world.entries[0].statement.clone();
    assert!(check(&world.state, &again, world.now).is_err());
}

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
    world.screen(application, vec![finding("key-unique", true)]).unwrap();
    world.attach_all(application);
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

#[test]
fn an_mo_identifier_does_not_move_without_its_holder() {
    let mut world = World::found();
    let id: ctl_core::names::MoId = "USEVG".parse().unwrap();
    let source: ctl_core::names::RegistryId = "bdew".parse().unwrap();
    let assign = |to: &str| MoAssign { holder: to.parse().unwrap(), id: id.clone(), source: source.clone() };
    world.say(&["registrar"], assign("mo-one")).unwrap();
    assert_eq!(reason(world.say(&["registrar"], assign("mo-two"))), Reason::Exists);
    let transfer = MoTransfer { id: id.clone(), to: "mo-two".parse().unwrap() };
    assert_eq!(reason(world.say(&["registrar"], transfer.clone())), Reason::TooFewSignatures);
    assert_eq!(reason(world.say(&["registrar", "mo-two"], transfer.clone())), Reason::WrongRole);
    world.say(&["registrar"], MoWithdraw { id: id.clone() }).unwrap();
    let around = world.say(&["registrar"], assign("mo-two"));
    assert_eq!(reason(around), Reason::Exists, "withdraw and assign must not be a way around");
    world.say(&["registrar", "mo-one"], transfer).unwrap();
    assert_eq!(world.state.mo_ids.get(&id).unwrap().holder.as_str(), "mo-two");
}

#[test]
fn a_notice_cannot_leave_a_use_without_any_anchor() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let notice = NoticeIssue {
        anchor: alpha,
        expires_at: world.now.plus_seconds(DAY),
        list: na(),
        reason: WithdrawalReason::KeyCompromise,
    };
    assert_eq!(reason(world.say(&["officer-1"], notice)), Reason::NoticeLimit);
}

#[test]
fn a_notice_cannot_be_renewed_or_lifted_by_one_officer_alone() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    let notice = |world: &World| NoticeIssue {
        anchor: alpha,
        expires_at: world.now.plus_seconds(DAY),
        list: na(),
        reason: WithdrawalReason::KeyCompromise,
    };
    let too_long = NoticeIssue { expires_at: world.now.plus_seconds(15 * DAY), ..notice(&world) };
    assert_eq!(reason(world.say(&["officer-1"], too_long)), Reason::NoticeLimit);
    let first = notice(&world);
    let first = world.say(&["officer-1"], first).unwrap();
    let lift = NoticeLift { notice: first };
    assert_eq!(reason(world.say(&["officer-1"], lift)), Reason::TooFewSignatures);
    world.wait(DAY);
    let again = notice(&world);
    assert_eq!(reason(world.say(&["officer-1"], again.clone())), Reason::TooFewSignatures);
    world.say(&["officer-1", "officer-2"], again).unwrap();
}

#[test]
fn a_publication_needs_enough_of_the_right_signatures_over_the_right_bytes() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    let role = Role::List(na());
    world.open_draft(&role).unwrap();
    let few = world.publication(&role, &["signer-1"]);
    assert_eq!(reason(world.say(&["recorder"], few)), Reason::TooFewSignatures);
    let mut twice = world.publication(&role, &["signer-1", "signer-1"]);
    assert_eq!(reason(world.say(&["recorder"], twice.clone())), Reason::TooFewSignatures);
    twice.metadata_signatures.truncate(1);
    assert_eq!(reason(world.say(&["recorder"], twice)), Reason::TooFewSignatures);
    let strangers = world.publication(&role, &["board-1", "board-2"]);
    assert_eq!(reason(world.say(&["recorder"], strangers)), Reason::TooFewSignatures);
    let honest = world.publication(&role, &["signer-1", "signer-2"]);
    let other_bytes = PublicationRecord { document: Some(Digest::of(b"another list")), ..honest.clone() };
    assert_eq!(reason(world.say(&["recorder"], other_bytes)), Reason::Draft);
    let padded = world.publication(&role, &["signer-1", "signer-2", "board-1"]);
    assert_eq!(reason(world.say(&["recorder"], padded)), Reason::Draft, "a signature that does not count");
    let mut stale = honest.clone();
    world.open_draft(&role).unwrap();
    stale.draft = honest.draft;
    assert_eq!(reason(world.say(&["recorder"], stale)), Reason::Draft, "a newer draft voids the older");
}

#[test]
fn a_draft_with_a_date_or_number_of_the_servers_choice_is_refused() {
    let mut world = World::published();
    let honest = DraftOpen {
        expires: world.now.plus_seconds(30 * DAY),
        issued_at: world.now,
        role: Role::List(na()),
        sequence: Some(1),
        version: 1,
    };
    let backdated = DraftOpen {
        issued_at: world.now.minus_seconds(DAY),
        expires: world.now.plus_seconds(29 * DAY),
        ..honest.clone()
    };
    let for_ever = DraftOpen { expires: world.now.plus_seconds(3000 * DAY), ..honest.clone() };
    let skipping = DraftOpen { sequence: Some(9), version: 9, ..honest.clone() };
    for open in [backdated, for_ever, skipping] {
        assert_eq!(reason(world.say(&["recorder"], open)), Reason::Draft);
    }
    world.say(&["recorder"], honest).unwrap();
}

#[test]
fn what_was_signed_before_a_decision_cannot_be_published_after_it() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    let role = Role::List(na());
    world.open_draft(&role).unwrap();
    let signed_before = world.publication(&role, &["signer-1", "signer-2"]);
    let change = Change::ChangeStatus {
        certificate: alpha,
        list: na(),
        not_issued_after: None,
        to: AnchorStatus::Withdrawn,
    };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let refusal = world.say(&["recorder"], signed_before).unwrap_err();
    assert_eq!(refusal.reason, Reason::Draft);
    assert!(refusal.detail.contains("any more"), "{refusal}");
    world.publish(&role, &["signer-1", "signer-2"]).unwrap();
}

#[test]
fn deprecation_never_loosens_a_constraint_and_constraints_never_undo_deprecation() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let (early, late) = (world.now.minus_seconds(90 * DAY), world.now.minus_seconds(DAY));
    let mut strict = Constraints::default();
    strict.set_time(Constraints::NOT_ISSUED_AFTER, early, true);
    let decide = |world: &mut World, change| {
        let proposal = world.propose("elector-1", change).unwrap();
        world.decide(proposal);
        world.state.anchor(&na(), &alpha).unwrap().constraints.clone()
    };
    decide(&mut world, Change::Constrain { anchor: alpha, constraints: strict.clone(), list: na() });
    let to = AnchorStatus::Deprecated;
    let deprecate = Change::ChangeStatus { certificate: alpha, list: na(), not_issued_after: Some(late), to };
    assert_eq!(decide(&mut world, deprecate), strict, "earlier and critical it stays");
    let bare = Change::Constrain { anchor: alpha, constraints: Constraints::default(), list: na() };
    let after = decide(&mut world, bare);
    assert_eq!(after.time(Constraints::NOT_ISSUED_AFTER), Some(early));
}

#[test]
fn two_applications_with_one_key_cannot_slip_past_the_screening_together() {
    let mut world = World::published();
    let first = world.apply_with_root("alpha-pki").unwrap();
    let alpha = root("alpha-pki");
    let spec = ctl_sandbox::PkiSpec::new(
        ctl_sandbox::PkiKind::V2g,
        "impostor",
        "US",
        "impostor",
        "impostor",
        start().unix(),
    );
    let twin = ctl_sandbox::root_with_key_of(alpha.root(), &spec).unwrap();
    let second = world.say(&["beta-pki"], application(twin.certificate().der().to_vec())).unwrap();
    for application in [first, second] {
        world.screen(application, Vec::new()).unwrap();
        world.attach_all(application);
    }
    world.wait(14 * DAY);
    let both: Vec<u64> = [first, second]
        .map(|application| {
            let proposal = world.proposal_to_admit(application);
            world.say(&["elector-1"], proposal).unwrap()
        })
        .into();
    world.decide(both[0]);
    world.decide(both[1]);
    let outcome = &world.state.proposals[&both[1]].decision.as_ref().unwrap().outcome;
    assert!(matches!(outcome, ctl_core::governance::state::Outcome::Lapsed(_)), "{outcome:?}");
    assert_eq!(world.list().anchors.len(), 1);
}

#[test]
fn a_root_signed_by_the_new_board_only_is_refused() {
    let mut world = World::published();
    let mut amended = (*world.state.charter).clone();
    amended.board = holders(&["signer-1", "signer-2", "signer-3"], 2);
    let change = Change::AmendCharter { charter: Box::new(amended) };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    world.open_draft(&Role::Root).unwrap();
    let coup = world.publication(&Role::Root, &["signer-1", "signer-2"]);
    assert_eq!(reason(world.say(&["recorder"], coup)), Reason::TooFewSignatures);
    let old_only = world.publication(&Role::Root, &["board-1", "board-2"]);
    assert_eq!(reason(world.say(&["recorder"], old_only)), Reason::TooFewSignatures);
    let both = world.publication(&Role::Root, &["board-1", "board-2", "signer-1", "signer-2"]);
    world.say(&["recorder"], both).unwrap();
}

#[test]
fn a_ledger_with_one_changed_entry_does_not_replay() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    State::replay(&world.entries).unwrap();
    for missing in 1..world.entries.len() {
        let mut entries = world.entries.clone();
        entries.remove(missing);
        if missing + 1 < world.entries.len() {
            assert!(State::replay(&entries).is_err(), "without entry {missing}");
        }
    }
}
