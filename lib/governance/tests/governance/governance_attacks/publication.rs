//! Attacks on what is published, registered and announced, and on the ledger itself.

use super::*;

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
fn a_publication_with_a_signature_that_clients_would_refuse_is_refused_here() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    let role = Role::List(na());
    world.open_draft(&role).unwrap();
    let refused = |world: &mut World, what: &str, record: PublicationRecord| {
        let refusal = world.say(&["recorder"], record).expect_err(what);
        assert_eq!(refusal.reason, Reason::Draft, "{what}");
        refusal.detail
    };
    let honest = world.publication(&role, &["signer-1", "signer-2"]);
    let mut repeated = honest.clone();
    repeated.metadata_signatures.push(honest.metadata_signatures[0].clone());
    let detail = refused(&mut world, "the metadata repeats a key", repeated);
    assert!(detail.contains("twice"), "{detail}");
    let mut repeated = honest.clone();
    repeated.document_signatures.push(honest.document_signatures[0].clone());
    let detail = refused(&mut world, "the document repeats a key", repeated);
    assert!(detail.contains("twice"), "{detail}");
    let stranger = world.publication(&role, &["signer-1", "signer-2", "officer-1"]);
    for (what, document, metadata) in
        [("on the document", &stranger, &honest), ("on the metadata", &honest, &stranger)]
    {
        let record = PublicationRecord {
            document_signatures: document.document_signatures.clone(),
            metadata_signatures: metadata.metadata_signatures.clone(),
            ..honest.clone()
        };
        refused(&mut world, what, record);
    }
    let mut wrong = world.publication(&role, &["signer-1", "signer-2", "signer-3"]);
    wrong.metadata_signatures[2].sig = honest.metadata_signatures[0].sig.clone();
    refused(&mut world, "one more, and wrong", wrong);
    let one_more = world.publication(&role, &["signer-1", "signer-2", "signer-3"]);
    world.say(&["recorder"], one_more).expect("one more honest signer than needed is welcome");
}

#[test]
fn a_decision_that_lapses_leaves_no_trace() {
    let mut world = World::published();
    let action = ParticipantAction::RotateKey { new: key("contested").public_key() };
    let participant = "mo-one".parse().unwrap();
    let rotation = world.propose("elector-1", Change::Participant { action, participant }).unwrap();
    // Meanwhile someone else registers with that key.
    world.keys.insert("contested".into(), key("contested"));
    let newcomer = new_participant("contested", "contested", &[ParticipantKind::Cpo]);
    world.say(&["admissions", "contested"], ParticipantRegister { participant: newcomer }).unwrap();
    for elector in ["elector-1", "elector-2", "elector-3"] {
        world.vote(elector, rotation, Choice::Approve).unwrap();
    }
    let before = world.state.clone();
    world.advance(7 * DAY);
    let decision = world.state.proposals[&rotation].decision.clone().unwrap();
    assert!(matches!(decision.outcome, ctl_governance::state::Outcome::Lapsed(_)), "{decision:?}");
    assert_eq!(world.state.participants, before.participants);
    assert_eq!(world.state.keys, before.keys);
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
        world.attach_all(application);
        world.screen(application, Vec::new()).unwrap();
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
    assert!(matches!(outcome, ctl_governance::state::Outcome::Lapsed(_)), "{outcome:?}");
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
