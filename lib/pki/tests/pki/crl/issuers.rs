//! What a CRL says of a certificate, and by whom it must be said.

use ctl_pki::crl::{self, Limits, Note, Reason};
use ctl_pki::revocation::{Outcome, RevocationReason};

use super::{judge, notes, undetermined};
use crate::revocation::*;

#[test]
fn a_certificate_that_is_not_listed_is_good() {
    let judgement = judge(&leaf(), &[&crl_shape().revoking(OTHER_SERIAL, &[reason(1)]).signed()]);
    assert_eq!(judgement.outcome, Outcome::Good);
    assert_eq!(judgement.decided_by, Some(0));
    assert_eq!(judgement.crls[0].problems, []);
    assert_eq!(notes(&judgement), [""; 0]);
    assert_eq!(judgement.outcome.to_string(), "not revoked");
}

#[test]
fn a_listed_certificate_is_revoked_with_its_date_and_reason() {
    let with_reason = judge(&leaf(), &[&crl_shape().revoking(LEAF_SERIAL, &[reason(4)]).signed()]);
    let superseded = Some(RevocationReason::Superseded);
    assert_eq!(with_reason.outcome, Outcome::Revoked { time: MAY_SECONDS, reason: superseded });
    assert_eq!(with_reason.outcome.to_string(), "revoked since 2029-05-01T00:00:00Z (superseded)");
    let without = judge(&leaf(), &[&crl_shape().revoking(LEAF_SERIAL, &[]).signed()]);
    assert_eq!(without.outcome, Outcome::Revoked { time: MAY_SECONDS, reason: None });
    assert_eq!((with_reason.notes, without.notes), (vec![], vec![Note::RevocationReasonMissing]));
}

#[test]
fn a_serial_number_is_the_same_however_the_certificate_pads_it() {
    let mut padded = leaf_shape();
    padded.serial = vec![0, 0, 0x10, 0x01];
    let padded = padded.signed(&key(2), &key(1));
    let crl = crl_shape().revoking(LEAF_SERIAL, &[]).signed();
    assert!(judge(&padded, &[&crl]).outcome.is_revoked());
    // 00 FF 01 and FF 01 are different numbers, and so are 01 and 01 00.
    let crl =
        crl_shape().revoking(&[0, 0xff, 1], &[]).revoking(&[0x10], &[]).revoking(&[0x10, 1, 0], &[]).signed();
    let mut negative = leaf_shape();
    negative.serial = vec![0xff, 1];
    assert!(judge(&negative.signed(&key(2), &key(1)), &[&crl]).outcome.is_good());
    assert!(judge(&leaf(), &[&crl]).outcome.is_good());
}

#[test]
fn without_a_crl_nothing_is_known() {
    assert_eq!(judge(&leaf(), &[]).outcome, Outcome::Undetermined(Reason::NoCrl));
}

#[test]
fn the_crl_of_another_issuer_says_nothing() {
    let other = CrlShape { issuer: name("Other"), ..crl_shape() };
    assert_eq!(undetermined(&other), "issuer-mismatch");
    // Nor does one that another CA of the same name signed.
    let namesake = crl_shape().try_signed(&key(9)).unwrap();
    let Outcome::Undetermined(reason) = judge(&leaf(), &[&namesake]).outcome else { panic!() };
    assert_eq!(reason.rule(), "signature-invalid");
}

#[test]
fn an_issuer_writes_its_name_with_another_string_type_and_is_understood() {
    let crl = CrlShape { issuer: name_as(0x13, "ROOT"), ..crl_shape() }.signed();
    let judgement = judge(&leaf(), &[&crl]);
    assert_eq!(judgement.outcome, Outcome::Good);
    assert_eq!(notes(&judgement), ["issuer-not-byte-exact"]);
}

#[test]
fn a_ca_that_may_not_sign_crls_is_not_believed() {
    let without = Shape::new("Root", "Root", &[1]).ca().key_usage(0x04).signed(&key(1), &key(1));
    let crl = crl_shape().revoking(LEAF_SERIAL, &[]).signed();
    let judgement = crl::judge(&leaf(), &[&without], &[&crl], NOW, &Limits::default());
    let Outcome::Undetermined(reason) = judgement.outcome else { panic!() };
    assert_eq!(reason.rule(), "crl-sign-missing");
    // A CA that says nothing of key usage may.
    let silent = Shape::new("Root", "Root", &[1]).ca().signed(&key(1), &key(1));
    let judgement = crl::judge(&leaf(), &[&silent], &[&crl], NOW, &Limits::default());
    assert!(judgement.outcome.is_revoked());
}

#[test]
fn a_ca_that_signs_crls_with_a_key_of_their_own_is_believed() {
    let crl_key = key(7);
    let signer = Shape::new("Root", "Root", &[2]).key_usage(0x02).signed(&crl_key, &key(1));
    let crl = crl_shape().revoking(LEAF_SERIAL, &[]).try_signed(&crl_key).unwrap();
    assert!(matches!(judge(&leaf(), &[&crl]).outcome, Outcome::Undetermined(_)));
    let both = [&root().certificate, &signer];
    assert!(crl::judge(&leaf(), &both, &[&crl], NOW, &Limits::default()).outcome.is_revoked());
}

#[test]
fn algorithms_must_agree_and_be_known() {
    let mixed = CrlShape { inner_algorithm: algorithm(ECDSA_SHA384), ..crl_shape() };
    assert_eq!(undetermined(&mixed), "algorithm-mismatch");
    let parameters = seq(&[oid(ECDSA_SHA256), tlv(5, &[])]);
    let mixed = CrlShape { inner_algorithm: parameters, ..crl_shape() };
    assert_eq!(undetermined(&mixed), "algorithm-mismatch");
    let rsa = algorithm(RSA_SHA256);
    let rsa = CrlShape { inner_algorithm: rsa.clone(), outer_algorithm: rsa, ..crl_shape() };
    assert_eq!(undetermined(&rsa), "algorithm-not-allowed");
}

#[test]
fn every_problem_is_named_not_only_the_first() {
    let crl = CrlShape { next_update: None, ..crl_shape() }.with(UNHEARD_OF, true, vec![5, 0]);
    let crl = crl.try_signed(&key(9)).unwrap();
    let judgement = judge(&leaf(), &[&crl]);
    let rules: Vec<_> = judgement.crls[0].problems.iter().map(Reason::rule).collect();
    assert_eq!(rules, ["signature-invalid", "unknown-critical-extension", "next-update-missing"]);
}

#[test]
fn what_is_critical_and_unknown_forbids_the_whole_crl() {
    let crl = crl_shape().with(UNHEARD_OF, true, vec![5, 0]).revoking(LEAF_SERIAL, &[]);
    assert_eq!(undetermined(&crl), "unknown-critical-extension");
    let crl = crl_shape().revoking(OTHER_SERIAL, &[extension(UNHEARD_OF, true, &[5, 0])]);
    assert_eq!(undetermined(&crl), "unknown-critical-entry-extension");
    // What is not critical does not.
    let crl = crl_shape()
        .with(UNHEARD_OF, false, vec![5, 0])
        .revoking(OTHER_SERIAL, &[extension(UNHEARD_OF, false, &[5, 0])]);
    assert!(judge(&leaf(), &[&crl.signed()]).outcome.is_good());
}
