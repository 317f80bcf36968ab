//! What someone who may talk to the server, or owns it, might try on the ledger. Each test is one
//! attack; each must be refused for its own reason. Here: statements, their signatures and their time.

mod endings;
mod possession;
mod publication;
mod votes;

use ctl_core::Digest;
use ctl_core::jws::Jws;
use ctl_core::keys::{Algorithm, PrivateKey};
use ctl_core::parts::*;
use ctl_core::role::Role;
use ctl_governance::statement::body::*;
use ctl_governance::statement::parts::*;
use ctl_governance::statement::{Basis, MAX_STATEMENT, Statement, StatementError};
use ctl_governance::{Reason, State, check};

use crate::common::*;

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
    let jws = Jws::sign(payload.to_bytes(), "v2g.mo.withdraw+jws", &[&world.keys["registrar"]]).unwrap();
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
    let wrong: Vec<(&str, ctl_governance::statement::Body)> = vec![
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

fn application_of(operator: &str) -> ctl_governance::statement::Body {
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
        let jws = Jws::sign(payload.into_bytes(), "v2g.comment.add+jws", &[&world.keys["mo-one"]]).unwrap();
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
