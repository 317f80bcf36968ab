//! Who may answer: the issuer, and whom its key certified for it.

use ctl_pki::ocsp::{self, Limits, Question, Signer};
use ctl_pki::revocation::Outcome;

use super::{judge, judge_with, notes, rule};
use crate::revocation::*;

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
    // Signed by the responder that came with it, under the issuer's name or key.
    for responder in [by_name("Root"), by_key(&key(1))] {
        let certificates = vec![responder_shape().signed(&key(3), &key(1)).der().to_vec()];
        let other = OcspShape { responder, certificates, ..ocsp_shape() };
        assert_eq!(rule(&judge(&other.try_signed(&key(3)).unwrap())), "responder-id-mismatch");
        assert_eq!(rule(&judge(&other.try_signed(&key(9)).unwrap())), "signature-invalid");
    }
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
fn an_issuer_whose_key_usage_lacks_digital_signature_is_noticed() {
    let issuer = Shape::new("Root", "Root", &[1]).ca().key_usage(0x06).signed(&key(1), &key(1));
    let leaf = leaf();
    let question = Question::about(&leaf, &issuer);
    let judgement = ocsp::judge(&ocsp_shape().signed(), &question, &[], NOW, &Limits::default());
    assert_eq!(judgement.outcome, Outcome::Good);
    assert_eq!(notes(&judgement), ["issuer-without-digital-signature", "certid-sha1"]);
}
