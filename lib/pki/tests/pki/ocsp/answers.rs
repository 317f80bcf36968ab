//! What is answered: about which certificate, and what.

use ctl_pki::ocsp::{
    self, Hash, Limits, MAX_OCSP_SIZE, NonceResult, OcspResponse, Question, Reason, ResponseStatus, Signer,
};
use ctl_pki::revocation::{Outcome, RevocationReason};

use super::{judge, judge_with, notes, rule};
use crate::revocation::*;

#[test]
fn the_issuer_says_good_revoked_or_that_it_does_not_know() {
    let good = judge(&ocsp_shape().signed());
    assert_eq!(good.outcome, Outcome::Good);
    assert_eq!(good.signer, Some(Signer::Issuer));
    assert_eq!((good.this_update, good.next_update), (Some(NOW - DAY), Some(NOW + DAY)));
    assert_eq!((good.produced_at, good.nonce, good.answers), (Some(NOW - DAY), NonceResult::NotUsed, 1));
    assert_eq!(good.hash, Some(Hash::Sha1));
    assert_eq!(notes(&good), ["certid-sha1"]);
    let gone = judge(&ocsp_shape().answering(revoked(Some(1))).signed());
    let reason = Some(RevocationReason::KeyCompromise);
    assert_eq!(gone.outcome, Outcome::Revoked { time: MAY_SECONDS, reason });
    let without = judge(&ocsp_shape().answering(revoked(None)).signed());
    assert_eq!(without.outcome, Outcome::Revoked { time: MAY_SECONDS, reason: None });
    assert_eq!(notes(&without), ["certid-sha1", "revocation-reason-missing"]);
    assert_eq!(rule(&judge(&ocsp_shape().answering(unknown()).signed())), "status-unknown");
}

#[test]
fn a_responder_that_refuses_says_why() {
    let refusals = [
        (1, ResponseStatus::MalformedRequest, "responder-malformed-request"),
        (2, ResponseStatus::InternalError, "responder-internal-error"),
        (3, ResponseStatus::TryLater, "responder-try-later"),
        (5, ResponseStatus::SigRequired, "responder-sig-required"),
        (6, ResponseStatus::Unauthorized, "responder-unauthorized"),
        (4, ResponseStatus::Unknown(4), "responder-status-unknown"),
    ];
    for (code, status, name) in refusals {
        let response = OcspResponse::from_der(&seq(&[tlv(0x0a, &[code])]), MAX_OCSP_SIZE).unwrap();
        let judgement = judge(&response);
        assert_eq!((judgement.status, rule(&judgement)), (status, name));
    }
}

#[test]
fn a_certid_may_use_sha256() {
    let mut shape = ocsp_shape();
    shape.answers[0].cert_id = cert_id(SHA256, &root(), LEAF_SERIAL);
    let judgement = judge(&shape.signed());
    assert_eq!((judgement.outcome.is_good(), judgement.hash), (true, Some(Hash::Sha256)));
    assert_eq!(notes(&judgement), [""; 0]);
    // Algorithm parameters may be left out.
    let with_null = seq(&[oid(SHA256), tlv(5, &[])]);
    let without = seq(&[oid(SHA256)]);
    let certid = shape.answers[0].cert_id.clone();
    let content = certid[2 + with_null.len()..].to_vec();
    shape.answers[0].cert_id = seq(&[without, content]);
    assert!(judge(&shape.signed()).outcome.is_good());
}

#[test]
fn the_answer_for_another_certificate_is_not_taken() {
    let with = |cert_id: Vec<u8>| {
        let mut shape = ocsp_shape();
        shape.answers[0].cert_id = cert_id;
        rule(&judge(&shape.signed()))
    };
    assert_eq!(with(cert_id(SHA1, &root(), OTHER_SERIAL)), "certid-serial-mismatch");
    assert_eq!(with(cert_id(SHA1, &root_named("Other", 1), LEAF_SERIAL)), "certid-issuer-mismatch");
    assert_eq!(with(cert_id(SHA1, &root_named("Root", 9), LEAF_SERIAL)), "certid-issuer-mismatch");
    assert_eq!(with(cert_id(SHA1, &root_named("Other", 9), OTHER_SERIAL)), "certid-mismatch");
    assert_eq!(with(cert_id(UNHEARD_OF, &root(), LEAF_SERIAL)), "certid-hash-unsupported");
    let none = OcspShape { answers: vec![], ..ocsp_shape() };
    assert_eq!(rule(&judge(&none.signed())), "no-answer");
}

#[test]
fn of_several_answers_the_right_one_is_taken() {
    let mut shape = ocsp_shape();
    let mut other = answer(revoked(Some(1)));
    other.cert_id = cert_id(SHA1, &root(), OTHER_SERIAL);
    shape.answers.insert(0, other);
    let judgement = judge(&shape.signed());
    assert_eq!((judgement.outcome.is_good(), judgement.answers), (true, 2));
}

#[test]
fn of_contradicting_answers_revoked_counts() {
    let mut sha256 = answer(revoked(Some(1)));
    sha256.cert_id = cert_id(SHA256, &root(), LEAF_SERIAL);
    let shape = OcspShape { answers: vec![answer(good()), sha256], ..ocsp_shape() };
    let judgement = judge(&shape.signed());
    assert!(judgement.outcome.is_revoked());
    assert_eq!(judgement.hash, Some(Hash::Sha256));
    assert!(notes(&judgement).contains(&"several-answers"));
    // A stale "revoked" proves nothing, and neither does a good that stands beside it.
    let mut stale = answer(revoked(Some(1)));
    stale.next_update = Some(YESTERDAY);
    let shape = OcspShape { answers: vec![answer(good()), stale], ..ocsp_shape() };
    assert_eq!(rule(&judge(&shape.signed())), "next-update-past");
    let shape = OcspShape { answers: vec![answer(good()), answer(unknown())], ..ocsp_shape() };
    assert_eq!(rule(&judge(&shape.signed())), "status-unknown");
}

#[test]
fn what_is_critical_and_unknown_forbids_the_response() {
    let unheard_of = |critical| extension(UNHEARD_OF, critical, &[5, 0]);
    let response = OcspShape { extensions: vec![unheard_of(true)], ..ocsp_shape() };
    assert_eq!(rule(&judge(&response.signed())), "unknown-critical-extension");
    let mut response = ocsp_shape();
    response.answers[0].extensions = vec![unheard_of(true)];
    assert_eq!(rule(&judge(&response.signed())), "unknown-critical-single-extension");
    let mut response = OcspShape { extensions: vec![unheard_of(false)], ..ocsp_shape() };
    response.answers[0].extensions = vec![unheard_of(false)];
    assert_eq!(rule(&judge(&response.signed())), "good");
}

#[test]
fn odd_revocations_count_and_are_noticed() {
    let future = tlv(0xa1, &[time("20400101000000Z"), tlv(0xa0, &tlv(0x0a, &[7]))].concat());
    let judgement = judge(&ocsp_shape().answering(future).signed());
    assert!(judgement.outcome.is_revoked());
    assert_eq!(notes(&judgement), ["certid-sha1", "revocation-date-future", "reason-illegal"]);
    let extended = vec![extension(&ocsp_oid(9), false, &[5, 0])];
    let never_issued = OcspShape { extensions: extended, ..ocsp_shape().answering(revoked(Some(6))) };
    assert!(notes(&judge(&never_issued.signed())).contains(&"extended-revoke"));
}

#[test]
fn every_problem_is_named_not_only_the_first() {
    let mut shape = ocsp_shape();
    shape.answers[0].next_update = Some("20291231120000Z");
    let judgement = judge_with(
        &shape.try_signed(&key(9)).unwrap(),
        Some(b"nonce"),
        NOW,
        &Limits { require_nonce: true, ..Limits::default() },
    );
    let rules: Vec<_> = judgement.problems.iter().map(Reason::rule).collect();
    assert_eq!(rules, ["signature-invalid", "nonce-absent", "next-update-past"]);
    assert_eq!(judgement.signer, None);
}

#[test]
fn a_serial_number_that_nobody_issued_can_be_asked_about() {
    let root = root();
    let question = Question::about_serial(OTHER_SERIAL, &root.certificate);
    let mut shape = ocsp_shape();
    shape.answers[0].cert_id = cert_id(SHA1, &root, OTHER_SERIAL);
    let judgement = ocsp::judge(&shape.signed(), &question, &[], NOW, &Limits::default());
    assert_eq!(judgement.outcome, Outcome::Good, "which a watch must not like");
}

#[test]
fn what_a_response_claims_is_seen_without_a_question() {
    assert!(ocsp_shape().signed().claims_good());
    let mixed = OcspShape { answers: vec![answer(revoked(None)), answer(good())], ..ocsp_shape() };
    assert!(mixed.signed().claims_good());
    for status in [revoked(None), unknown()] {
        assert!(!ocsp_shape().answering(status).signed().claims_good());
    }
    let refusal = OcspResponse::from_der(&seq(&[tlv(0x0a, &[1])]), MAX_OCSP_SIZE).unwrap();
    assert!(!refusal.claims_good());
}
