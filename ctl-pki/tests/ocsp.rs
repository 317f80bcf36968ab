//! OCSP: what an honest responder answers, and what an attacker, a careless responder or a stale cache may.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod revocation;

use ctl_pki::Certificate;
use ctl_pki::ocsp::{
    self, Hash, Judgement, Limits, MAX_CERTIFICATES, MAX_OCSP_SIZE, NonceResult, Note, OcspResponse,
    Question, Reason, ResponseStatus, Signer,
};
use ctl_pki::revocation::{Outcome, RevocationError, RevocationReason};
use proptest::prelude::*;
use revocation::*;

fn judge_with(response: &OcspResponse, nonce: Option<&[u8]>, time: i64, limits: &Limits) -> Judgement {
    let (leaf, root) = (leaf(), root());
    let question = Question::about(&leaf, &root.certificate);
    let question = match nonce {
        Some(nonce) => question.with_nonce(nonce),
        None => question,
    };
    ocsp::judge(response, &question, &[], time, limits)
}

fn judge(response: &OcspResponse) -> Judgement {
    judge_with(response, None, NOW, &Limits::default())
}

fn rule(judgement: &Judgement) -> &'static str {
    match &judgement.outcome {
        Outcome::Undetermined(reason) => {
            assert!(judgement.problems.contains(reason));
            assert!(!reason.to_string().is_empty() && !reason.source().is_empty());
            reason.rule()
        }
        Outcome::Good => "good",
        Outcome::Revoked { .. } => "revoked",
    }
}

fn notes(judgement: &Judgement) -> Vec<&'static str> {
    assert!(judgement.notes.iter().all(|note| !note.to_string().is_empty() && !note.source().is_empty()));
    judgement.notes.iter().map(Note::rule).collect()
}

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
fn a_responder_that_the_issuer_certified_is_believed() {
    let judgement = judge(&delegated(&responder_shape(), &key(1)));
    assert_eq!(judgement.outcome, Outcome::Good);
    let Some(Signer::Delegate(delegate)) = &judgement.signer else { panic!() };
    assert_eq!(delegate.subject(), "CN=Responder");
    assert_eq!(notes(&judgement), ["certid-sha1"]);
}

#[test]
fn a_responder_may_be_named_by_key_and_known_beforehand() {
    let (leaf, root) = (leaf(), root());
    let question = Question::about(&leaf, &root.certificate);
    let responder = responder_shape().signed(&key(3), &key(1));
    let response = OcspShape { responder: by_key(&key(3)), ..ocsp_shape() }.try_signed(&key(3)).unwrap();
    let known = ocsp::judge(&response, &question, &[&responder], NOW, &Limits::default());
    assert_eq!(known.outcome, Outcome::Good);
    assert_eq!(rule(&judge(&response)), "responder-certificate-missing");
    let issuer = OcspShape { responder: by_key(&root.key), ..ocsp_shape() };
    assert!(judge(&issuer.signed()).outcome.is_good());
}

#[test]
fn a_response_that_came_with_the_issuers_certificate_is_the_issuers() {
    let certificates = vec![root().certificate.der().to_vec()];
    let judgement = judge(&OcspShape { certificates, ..ocsp_shape() }.signed());
    assert_eq!((judgement.outcome, judgement.signer), (Outcome::Good, Some(Signer::Issuer)));
}

#[test]
fn a_responder_of_somebody_else_is_not_believed() {
    let rule_of = |shape: &Shape, by| rule(&judge(&delegated(shape, &key(by))));
    // Certified by another key, whatever name that goes by.
    assert_eq!(rule_of(&responder_shape(), 9), "delegate-wrong-issuer");
    let other = Shape { issuer: name("Other"), ..responder_shape() };
    assert_eq!(rule_of(&other, 1), "delegate-wrong-issuer");
    // Without the purpose; anyExtendedKeyUsage is not enough.
    let plain = Shape::new("Responder", "Root", &[0x20]).key_usage(0x80);
    assert_eq!(rule_of(&plain, 1), "delegate-missing-ocsp-signing");
    let any = plain.clone().extended_key_usage(&[0x55, 0x1d, 37, 0]);
    assert_eq!(rule_of(&any, 1), "delegate-missing-ocsp-signing");
    let unreadable = plain.with(&ce(37), false, vec![0x30, 0]);
    assert_eq!(rule_of(&unreadable, 1), "delegate-unreadable");
    let no_signing =
        Shape::new("Responder", "Root", &[0x20]).key_usage(0x08).extended_key_usage(OCSP_SIGNING);
    assert_eq!(rule_of(&no_signing, 1), "delegate-key-usage");
    let critical = responder_shape().with(UNHEARD_OF, true, vec![5, 0]);
    assert_eq!(rule_of(&critical, 1), "delegate-critical-extension");
}

#[test]
fn the_leaf_itself_or_any_other_certificate_of_the_issuer_cannot_answer() {
    let leaf_certificate = leaf();
    let response = OcspShape {
        responder: by_name("leaf"),
        certificates: vec![leaf_certificate.der().to_vec()],
        ..ocsp_shape()
    };
    assert_eq!(rule(&judge(&response.try_signed(&key(2)).unwrap())), "delegate-missing-ocsp-signing");
}

#[test]
fn a_responder_is_believed_while_its_certificate_is_valid() {
    let expired = Shape { not_after: "291231235959Z", ..responder_shape() };
    assert_eq!(rule(&judge(&delegated(&expired, &key(1)))), "delegate-expired");
    let future = Shape { not_before: "300201000000Z", ..responder_shape() };
    assert_eq!(rule(&judge(&delegated(&future, &key(1)))), "delegate-not-yet-valid");
    let ending = Shape { not_after: "300105000000Z", ..responder_shape() };
    let limits = Limits { delegate_near: Some(7 * DAY), ..Limits::default() };
    let judgement = judge_with(&delegated(&ending, &key(1)), None, NOW, &limits);
    assert_eq!(judgement.outcome, Outcome::Good);
    assert_eq!(notes(&judgement), ["delegate-expiring", "certid-sha1"]);
}

#[test]
fn whether_a_responder_needs_checking_is_said() {
    let checked =
        Shape::new("Responder", "Root", &[0x20]).key_usage(0x80).extended_key_usage(OCSP_SIGNING).ca();
    let response = delegated(&checked, &key(1));
    let judgement = judge(&response);
    assert_eq!(judgement.outcome, Outcome::Good);
    assert_eq!(notes(&judgement), ["delegate-is-ca", "delegate-missing-nocheck", "certid-sha1"]);
    let strict = Limits { require_nocheck: true, ..Limits::default() };
    assert_eq!(rule(&judge_with(&response, None, NOW, &strict)), "delegate-missing-nocheck");
}

#[test]
fn a_forged_response_is_not_believed() {
    let forged = ocsp_shape().try_signed(&key(9)).unwrap();
    assert_eq!(rule(&judge(&forged)), "signature-invalid");
    // Signed by the issuer under another name, or by a stranger who brings a certificate.
    let misnamed = OcspShape { responder: by_name("Nobody"), ..ocsp_shape() };
    assert_eq!(rule(&judge(&misnamed.signed())), "responder-id-mismatch");
    let stranger = Shape::new("Stranger", "Stranger", &[3]).extended_key_usage(OCSP_SIGNING);
    let certificates = vec![stranger.signed(&key(9), &key(9)).der().to_vec()];
    let stranger = OcspShape { responder: by_name("Stranger"), certificates, ..ocsp_shape() };
    assert_eq!(rule(&judge(&stranger.try_signed(&key(9)).unwrap())), "delegate-wrong-issuer");
    // A stranger who takes the issuer's name with a key of their own.
    let namesake = Shape::new("Root", "Root", &[1]).ca().extended_key_usage(OCSP_SIGNING);
    let certificates = vec![namesake.signed(&key(9), &key(9)).der().to_vec()];
    let namesake = OcspShape { certificates, ..ocsp_shape() };
    assert_eq!(rule(&judge(&namesake.try_signed(&key(9)).unwrap())), "delegate-wrong-issuer");
    let rsa = OcspShape { algorithm: algorithm(RSA_SHA256), ..ocsp_shape() };
    assert_eq!(rule(&judge(&rsa.signed())), "algorithm-not-allowed");
}

#[test]
fn an_answer_holds_from_its_date_to_the_next_with_some_patience() {
    let response = ocsp_shape().signed();
    let rule_at = |time| rule(&judge_with(&response, None, time, &Limits::default()));
    assert_eq!(rule_at(NOW - DAY - 300), "good");
    assert_eq!(rule_at(NOW - DAY - 301), "produced-at-future");
    assert_eq!(rule_at(NOW + DAY + 300), "good");
    assert_eq!(rule_at(NOW + DAY + 301), "next-update-past");
    let mut shape = ocsp_shape();
    shape.answers[0].this_update = TOMORROW;
    let judgement = judge(&shape.signed());
    assert_eq!(rule(&judgement), "this-update-future");
    assert!(notes(&judgement).contains(&"produced-before-this-update"));
    shape.answers[0].this_update = TODAY;
    shape.answers[0].next_update = Some("20291231235900Z");
    assert_eq!(rule(&judge(&shape.signed())), "next-update-before-this-update");
}

#[test]
fn an_answer_without_an_end_holds_as_long_as_the_caller_says() {
    let mut shape = ocsp_shape();
    shape.answers[0].next_update = None;
    let response = shape.signed();
    assert_eq!(rule(&judge(&response)), "next-update-missing");
    let limit = |seconds| Limits { max_age_without_next_update: Some(seconds), ..Limits::default() };
    let judgement = judge_with(&response, None, NOW, &limit(DAY));
    assert_eq!((rule(&judgement), notes(&judgement)), ("good", vec!["certid-sha1", "next-update-missing"]));
    assert_eq!(rule(&judge_with(&response, None, NOW, &limit(HOUR))), "too-old");
}

#[test]
fn the_caller_may_want_fresher_answers_than_the_responder_does() {
    let response = ocsp_shape().signed();
    let limits = Limits {
        max_age: Some(HOUR),
        near: Some(2 * DAY),
        min_interval: Some(3 * DAY),
        max_interval: Some(10 * DAY),
        ..Limits::default()
    };
    let judgement = judge_with(&response, None, NOW, &limits);
    assert_eq!(judgement.outcome, Outcome::Undetermined(Reason::TooOld { age: DAY, limit: HOUR }));
    assert_eq!(notes(&judgement), ["certid-sha1", "next-update-near", "interval-too-short"]);
    let limits = Limits { max_interval: Some(DAY), ..Limits::default() };
    assert_eq!(notes(&judge_with(&response, None, NOW, &limits)), ["certid-sha1", "interval-too-long"]);
}

#[test]
fn an_answer_that_should_have_been_renewed_is_noticed() {
    let renewed = |next_update, time| {
        let mut shape = ocsp_shape();
        shape.answers[0].next_update = Some(next_update);
        let limits = Limits { renewal: Some(8 * HOUR), ..Limits::default() };
        let judgement = judge_with(&shape.signed(), None, time, &limits);
        assert_eq!(judgement.outcome, Outcome::Good);
        !notes(&judgement).contains(&"renewed-too-late")
    };
    // Two days: eight hours before the end. Ten hours: before half-time.
    assert!(renewed(TOMORROW, NOW + DAY - 8 * HOUR));
    assert!(!renewed(TOMORROW, NOW + DAY - 8 * HOUR + 1));
    assert!(renewed("20291231100000Z", NOW - DAY + 5 * HOUR));
    assert!(!renewed("20291231100000Z", NOW - DAY + 5 * HOUR + 1));
}

#[test]
fn a_nonce_is_echoed_missing_wrong_or_unrequested() {
    let nonce = |bytes: &[u8]| extension(&ocsp_oid(2), false, &tlv(4, bytes));
    let echo = OcspShape { extensions: vec![nonce(b"fresh nonce")], ..ocsp_shape() }.signed();
    let of = |response, sent, limits| judge_with(response, sent, NOW, limits);
    let (plain, strict) = (Limits::default(), Limits { require_nonce: true, ..Limits::default() });
    let judgement = of(&echo, Some(b"fresh nonce"), &strict);
    assert_eq!((rule(&judgement), judgement.nonce), ("good", NonceResult::Echoed));
    let judgement = of(&echo, Some(b"another one"), &plain);
    assert_eq!((rule(&judgement), judgement.nonce), ("nonce-wrong", NonceResult::Wrong));
    let judgement = of(&echo, None, &plain);
    assert_eq!((rule(&judgement), judgement.nonce), ("good", NonceResult::Unrequested));
    assert!(notes(&judgement).contains(&"nonce-unrequested"));
    let silent = ocsp_shape().signed();
    let judgement = of(&silent, Some(b"fresh nonce"), &plain);
    assert_eq!((rule(&judgement), judgement.nonce), ("good", NonceResult::Missing));
    assert!(notes(&judgement).contains(&"nonce-absent"));
    assert_eq!(rule(&of(&silent, Some(b"fresh nonce"), &strict)), "nonce-absent");
    // The bytes without their octet string are another value.
    let bare = extension(&ocsp_oid(2), false, b"fresh nonce");
    let bare = OcspShape { extensions: vec![bare], ..ocsp_shape() }.signed();
    assert_eq!(rule(&of(&bare, Some(b"fresh nonce"), &plain)), "nonce-wrong");
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
fn an_issuer_whose_key_usage_lacks_digital_signature_is_noticed() {
    let issuer = Shape::new("Root", "Root", &[1]).ca().key_usage(0x06).signed(&key(1), &key(1));
    let leaf = leaf();
    let question = Question::about(&leaf, &issuer);
    let judgement = ocsp::judge(&ocsp_shape().signed(), &question, &[], NOW, &Limits::default());
    assert_eq!(judgement.outcome, Outcome::Good);
    assert_eq!(notes(&judgement), ["issuer-without-digital-signature", "certid-sha1"]);
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
    assert_eq!(judgement.outcome, Outcome::Good, "which a monitor must not like");
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

#[test]
fn a_request_is_what_the_standard_says() {
    let (leaf, root) = (leaf(), root());
    let question = Question::about(&leaf, &root.certificate);
    assert_eq!(question.serial(), LEAF_SERIAL);
    let plain = seq(&[seq(&[seq(&[seq(&[cert_id(SHA1, &root, LEAF_SERIAL)])])])]);
    assert_eq!(question.request(Hash::Sha1).unwrap(), plain);
    let nonce = tlv(0xa2, &seq(&[extension(&ocsp_oid(2), false, &tlv(4, &[7; 32]))]));
    let with_nonce = seq(&[seq(&[seq(&[seq(&[cert_id(SHA256, &root, LEAF_SERIAL)])]), nonce])]);
    assert_eq!(question.clone().with_nonce(&[7; 32]).request(Hash::Sha256).unwrap(), with_nonce);
    for length in [0, 129] {
        let nonce = vec![1; length];
        let refused = question.clone().with_nonce(&nonce).request(Hash::Sha1);
        assert_eq!(refused, Err(RevocationError::NonceLength(length)));
    }
    assert!(question.with_nonce(&[1; 128]).request(Hash::Sha512).is_ok());
}

#[test]
fn bytes_that_are_no_response_are_refused_with_a_reason() {
    let good = ocsp_shape().der(&key(1));
    let rule = |bytes: &[u8]| OcspResponse::from_der(bytes, MAX_OCSP_SIZE).unwrap_err().rule();
    assert_eq!(rule(&[]), "body-empty");
    assert_eq!(rule(b"<html>not found</html>"), "der-invalid");
    assert_eq!(rule(&good[..good.len() - 1]), "der-invalid");
    assert_eq!(rule(&[good.as_slice(), &[0]].concat()), "trailing-bytes");
    assert_eq!(OcspResponse::from_der(&good, 100).unwrap_err().rule(), "body-too-large");
    let kind = OcspShape { kind: UNHEARD_OF.to_vec(), ..ocsp_shape() };
    assert_eq!(rule(&kind.der(&key(1))), "response-type-unknown");
    let many = OcspShape { certificates: vec![vec![5, 0]; MAX_CERTIFICATES + 1], ..ocsp_shape() };
    assert_eq!(rule(&many.der(&key(1))), "too-many-certificates");
    let malformed = [
        OcspShape { version: Some(1), ..ocsp_shape() },
        OcspShape { responder: tlv(0xa3, &[]), ..ocsp_shape() },
        OcspShape { produced_at: "291231000000Z", ..ocsp_shape() },
        OcspShape { status: 6, ..ocsp_shape() },
        ocsp_shape().answering(tlv(0x83, &[])),
        ocsp_shape().answering(tlv(0x80, &[0])),
        OcspShape { extensions: vec![extension(&ocsp_oid(2), false, &tlv(4, b"n")); 2], ..ocsp_shape() },
    ];
    for (number, shape) in malformed.iter().enumerate() {
        assert_eq!(rule(&shape.der(&key(1))), "der-invalid", "{number}");
    }
    assert_eq!(rule(&seq(&[tlv(0x0a, &[0])])), "der-invalid");
}

#[test]
fn a_certificate_that_cannot_be_read_is_passed_over() {
    let certificates = vec![vec![0x30, 0]];
    let judgement = judge(&OcspShape { certificates, ..ocsp_shape() }.signed());
    assert_eq!(judgement.outcome, Outcome::Good);
    assert!(notes(&judgement).contains(&"included-certificate-unreadable"));
}

/// A delegated answer with a nonce, and the places where its certificates lie, which nobody signed over.
fn full_response() -> (Vec<u8>, Certificate) {
    let responder = responder_shape().signed(&key(3), &key(1));
    let shape = OcspShape {
        responder: by_name("Responder"),
        extensions: vec![extension(&ocsp_oid(2), false, &tlv(4, b"nonce"))],
        certificates: vec![responder.der().to_vec()],
        ..ocsp_shape()
    };
    (shape.der(&key(3)), responder)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_changed_bit_is_believed(place in any::<proptest::sample::Index>(), bit in 0..8) {
        let (mut bytes, _) = full_response();
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        if let Ok(response) = OcspResponse::from_der(&bytes, MAX_OCSP_SIZE) {
            let judgement = judge_with(&response, Some(b"nonce"), NOW, &Limits::default());
            prop_assert!(matches!(judgement.outcome, Outcome::Undetermined(_)), "bit {bit} of byte {place}");
        }
    }

    #[test]
    fn mutated_and_truncated_responses_never_panic(
        cut in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let (mut bytes, _) = full_response();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(response) = OcspResponse::from_der(bytes, MAX_OCSP_SIZE) {
                let _ = judge_with(&response, Some(b"nonce"), NOW, &Limits::default());
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = OcspResponse::from_der(&bytes, MAX_OCSP_SIZE);
        let inside = seq(&[oid(&ocsp_oid(1)), tlv(4, &tlv(0x30, &bytes))]);
        let _ = OcspResponse::from_der(&seq(&[tlv(0x0a, &[0]), tlv(0xa0, &inside)]), MAX_OCSP_SIZE);
    }
}
