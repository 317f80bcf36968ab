//! CRLs: what an honest issuer publishes, and what an attacker or a careless issuer may serve.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod revocation;

use std::sync::Arc;

use ctl_pki::Certificate;
use ctl_pki::crl::{self, Change, Crl, Judgement, Limits, MAX_CRL_SIZE, Note, Reason, crls_from_pem};
use ctl_pki::revocation::{Outcome, RevocationError, RevocationReason};
use proptest::prelude::*;
use revocation::*;

fn judge_at(certificate: &Certificate, crls: &[&Crl], time: i64) -> Judgement {
    crl::judge(certificate, &[&root().certificate], crls, time, &Limits::default())
}

fn judge(certificate: &Certificate, crls: &[&Crl]) -> Judgement {
    judge_at(certificate, crls, NOW)
}

/// The rule that left the leaf's status undetermined.
fn undetermined(shape: &CrlShape) -> &'static str {
    let judgement = judge(&leaf(), &[&shape.signed()]);
    match judgement.outcome {
        Outcome::Undetermined(reason) => {
            assert!(!reason.to_string().is_empty() && !reason.source().is_empty());
            reason.rule()
        }
        other => panic!("{other}"),
    }
}

fn notes(judgement: &Judgement) -> Vec<&'static str> {
    judgement.crls[0].notes.iter().map(Note::rule).collect()
}

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
fn a_crl_holds_from_its_date_to_the_next_with_some_patience() {
    let crl = crl_shape().signed();
    let rule_at = |time| match judge_at(&leaf(), &[&crl], time).outcome {
        Outcome::Undetermined(reason) => reason.rule(),
        Outcome::Good => "good",
        Outcome::Revoked { .. } => "revoked",
    };
    assert_eq!(rule_at(NOW - DAY - 300), "good");
    assert_eq!(rule_at(NOW - DAY - 301), "this-update-future");
    assert_eq!(rule_at(NOW + DAY + 300), "good");
    assert_eq!(rule_at(NOW + DAY + 301), "next-update-past");
    let tomorrow = CrlShape { next_update: None, ..crl_shape() };
    assert_eq!(undetermined(&tomorrow), "next-update-missing");
    let backwards = CrlShape { this_update: TODAY, next_update: Some("20291231235959Z"), ..crl_shape() };
    assert_eq!(undetermined(&backwards), "next-update-before-this-update");
}

#[test]
fn the_caller_may_want_newer_crls_than_the_issuer_does() {
    let crl = crl_shape().signed();
    let limits =
        Limits { max_age: Some(HOUR), near: Some(2 * DAY), max_interval: Some(DAY), ..Limits::default() };
    let judgement = crl::judge(&leaf(), &[&root().certificate], &[&crl], NOW, &limits);
    assert_eq!(judgement.outcome, Outcome::Undetermined(Reason::TooOld { age: DAY, limit: HOUR }));
    assert_eq!(notes(&judgement), ["next-update-near", "interval-too-long"]);
}

#[test]
fn a_crl_that_is_held_is_checked_again_as_if_for_the_first_time() {
    let shapes = [
        crl_shape().revoking(LEAF_SERIAL, &[reason(7)]).revoking(LEAF_SERIAL, &[]),
        CrlShape { issuer: name("Other"), ..crl_shape() },
        CrlShape { next_update: None, ..crl_shape() },
        crl_shape().scoped(&[tlv(0x84, &[0xff])]),
    ];
    for shape in shapes {
        let crl = shape.signed();
        let held = crl::Verified::new(Arc::new(crl.clone()), &[&root().certificate]);
        // Before it was issued, while it holds, before its revocations, and long after.
        for time in [NOW - 9 * DAY, NOW, MAY_SECONDS - DAY, NOW + 9 * DAY] {
            let limits = Limits { max_interval: Some(HOUR), ..Limits::default() };
            let (again, first) =
                (held.check(time, &limits), crl::check(&crl, &[&root().certificate], time, &limits));
            assert_eq!(again.problems(), first.problems());
            assert_eq!(again.notes(), first.notes());
            assert_eq!(again.signer(), first.signer());
        }
    }
}

#[test]
fn a_crl_may_be_larger_than_a_length_of_three_octets() {
    let entry = entry(&[0x55; 20], MAY, &[reason(1)]);
    let count = 0x100_0000 / entry.len() + 1;
    let entries: Vec<_> = (0..count)
        .map(|number| {
            let mut entry = entry.clone();
            entry[8..12].copy_from_slice(&(number as u32).to_be_bytes());
            entry
        })
        .collect();
    let bytes = CrlShape { entries: Some(entries), ..crl_shape() }.der(&key(1));
    let crl = Crl::from_der(&bytes, MAX_CRL_SIZE).unwrap();
    assert_eq!((bytes[1], crl.len()), (0x84, count));
    assert!(crl::check(&crl, &[&root().certificate], NOW, &Limits::default()).problems().is_empty());
    let size = bytes.len();
    assert_eq!(
        Crl::from_der(&bytes, size - 1).unwrap_err(),
        RevocationError::TooLarge { what: "CRL", size, limit: size - 1 }
    );
}

#[test]
fn who_knows_what_may_be_gone_is_not_told_of_it() {
    let before = crl_shape().revoking(LEAF_SERIAL, &[reason(6)]).revoking(OTHER_SERIAL, &[]).signed();
    let after = crl_shape().signed();
    let gone = |held: bool| {
        let on_hold =
            |entry: &crl::Entry<'_>| held && entry.reason() == Some(RevocationReason::CertificateHold);
        let changes = crl::compare_except(&before, &after, 10, on_hold);
        changes.into_iter().find_map(|change| match change {
            Change::EntriesVanished { serials, .. } => Some(serials),
            _ => None,
        })
    };
    assert_eq!(gone(false), Some(vec!["1001".to_owned(), "1002".to_owned()]));
    assert_eq!(gone(true), Some(vec!["1002".to_owned()]));
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

#[test]
fn indirect_and_delta_crls_are_refused_by_name() {
    assert_eq!(undetermined(&crl_shape().with(&ce(27), true, tlv(2, &[1]))), "delta-without-base");
    assert_eq!(undetermined(&crl_shape().scoped(&[tlv(0x84, &[0xff])])), "indirect-crl");
    let issuer = extension(&ce(29), true, &seq(&[tlv(0xa4, &name("Other"))]));
    assert_eq!(undetermined(&crl_shape().revoking(OTHER_SERIAL, &[issuer])), "certificate-issuer-entry");
}

#[test]
fn a_crl_for_cas_says_nothing_about_leaves_and_the_reverse() {
    assert_eq!(undetermined(&crl_shape().scoped(&[tlv(0x82, &[0xff])])), "idp-only-ca-certificates");
    assert_eq!(undetermined(&crl_shape().scoped(&[tlv(0x85, &[0xff])])), "idp-only-attribute-certificates");
    let for_leaves = crl_shape().scoped(&[tlv(0x81, &[0xff])]).signed();
    assert!(judge(&leaf(), &[&for_leaves]).outcome.is_good());
    let sub = Shape::new("Sub", "Root", &[5]).ca().key_usage(0x06).signed(&key(2), &key(1));
    let Outcome::Undetermined(reason) = judge(&sub, &[&for_leaves]).outcome else { panic!() };
    assert_eq!(reason.rule(), "idp-only-user-certificates");
    let for_cas = crl_shape().scoped(&[tlv(0x82, &[0xff])]).revoking(&[5], &[]).signed();
    assert!(judge(&sub, &[&for_cas]).outcome.is_revoked());
}

#[test]
fn the_crl_of_another_distribution_point_says_nothing() {
    let points = [seq(&[point_name(&[uri("http://a.example.com/"), uri(CRL_URL)])])];
    let leaf = leaf_shape().distribution_points(&points).signed(&key(2), &key(1));
    let of = |names: &[Vec<u8>]| crl_shape().scoped(&[point_name(names)]).signed();
    assert!(judge(&leaf, &[&of(&[uri("http://b.example.com/"), uri(CRL_URL)])]).outcome.is_good());
    let judgement = judge(&leaf, &[&of(&[uri("http://crl.example.com/other.crl")])]);
    assert_eq!(judgement.outcome, Outcome::Undetermined(Reason::DistributionPointMismatch));
    // A CRL without a distribution point covers everything, one named after the issuer too.
    assert!(judge(&leaf, &[&crl_shape().signed()]).outcome.is_good());
    assert!(judge(&leaf, &[&of(&[tlv(0xa4, &name("Root"))])]).outcome.is_good());
    // The leaf without distribution points is covered only by these.
    assert_eq!(undetermined(&crl_shape().scoped(&[point_name(&[uri(CRL_URL)])])), "idp-url-mismatch");
}

#[test]
fn a_distribution_point_relative_to_the_issuer_is_completed() {
    let part = seq(&[oid(&[0x55, 4, 3]), tlv(0x0c, b"shard 1")]);
    let relative = tlv(0xa0, &tlv(0xa1, &part));
    let full = seq(&[tlv(0x31, &seq(&[oid(&[0x55, 4, 3]), tlv(0x0c, b"Root")])), tlv(0x31, &part)]);
    let full = point_name(&[tlv(0xa4, &full)]);
    for in_certificate in [&relative, &full] {
        let points = [seq(std::slice::from_ref(in_certificate))];
        let leaf = leaf_shape().distribution_points(&points).signed(&key(2), &key(1));
        for in_crl in [&relative, &full] {
            let crl = crl_shape().scoped(std::slice::from_ref(in_crl)).signed();
            assert!(judge(&leaf, &[&crl]).outcome.is_good());
        }
        let other = tlv(0xa0, &tlv(0xa1, &seq(&[oid(&[0x55, 4, 3]), tlv(0x0c, b"shard 2")])));
        let crl = crl_shape().scoped(&[other]).signed();
        assert_eq!(judge(&leaf, &[&crl]).outcome, Outcome::Undetermined(Reason::DistributionPointMismatch));
    }
}

#[test]
fn a_distribution_point_that_promises_an_indirect_crl_is_not_met_by_another() {
    let points = [seq(&[point_name(&[uri(CRL_URL)]), tlv(0xa2, &tlv(0xa4, &name("Somebody else")))])];
    let leaf = leaf_shape().distribution_points(&points).signed(&key(2), &key(1));
    let crl = crl_shape().scoped(&[point_name(&[uri(CRL_URL)])]).signed();
    assert_eq!(judge(&leaf, &[&crl]).outcome, Outcome::Undetermined(Reason::DistributionPointMismatch));
}

#[test]
fn a_certificate_whose_distribution_points_cannot_be_read_is_not_good() {
    let leaf = leaf_shape().distribution_points(&[]).signed(&key(2), &key(1));
    let Outcome::Undetermined(reason) = judge(&leaf, &[&crl_shape().signed()]).outcome else { panic!() };
    assert_eq!(reason.rule(), "distribution-points-unreadable");
}

#[test]
fn crls_for_some_reasons_prove_good_only_together() {
    // Bits 1 and 2 (compromise), and bits 3 to 8.
    let compromise = tlv(0x83, &[5, 0x60]);
    let rest = tlv(0x83, &[7, 0x1f, 0x80]);
    let one = crl_shape().scoped(std::slice::from_ref(&compromise)).signed();
    let other = crl_shape().scoped(std::slice::from_ref(&rest)).signed();
    for alone in [&one, &other] {
        assert_eq!(judge(&leaf(), &[alone]).outcome, Outcome::Undetermined(Reason::OnlySomeReasons));
    }
    let both = judge(&leaf(), &[&one, &other]);
    assert_eq!((both.outcome, both.decided_by), (Outcome::Good, Some(1)));
    // What one of them revokes is revoked.
    let revoking = crl_shape().scoped(&[compromise]).revoking(LEAF_SERIAL, &[reason(1)]).signed();
    let judgement = judge(&leaf(), &[&other, &revoking]);
    assert_eq!((judgement.outcome.is_revoked(), judgement.decided_by), (true, Some(1)));
    // A distribution point for some reasons narrows in the same way.
    let points = [seq(&[point_name(&[uri(CRL_URL)]), tlv(0x81, &[5, 0x60])])];
    let narrow = leaf_shape().distribution_points(&points).signed(&key(2), &key(1));
    let crl = crl_shape().scoped(&[point_name(&[uri(CRL_URL)])]).signed();
    assert_eq!(judge(&narrow, &[&crl]).outcome, Outcome::Undetermined(Reason::OnlySomeReasons));
}

#[test]
fn the_newest_crl_of_a_scope_speaks() {
    let older =
        CrlShape { this_update: LONG_AGO, ..crl_shape() }.revoking(LEAF_SERIAL, &[reason(6)]).signed();
    let newer = crl_shape().signed();
    for order in [[&older, &newer], [&newer, &older]] {
        let judgement = judge(&leaf(), &order);
        assert_eq!(judgement.outcome, Outcome::Good, "the hold has been lifted since");
        let superseded: Vec<_> =
            judgement.crls.iter().map(|crl| crl.notes.contains(&Note::Superseded)).collect();
        assert_eq!(
            superseded,
            [
                order[0].this_update() < order[1].this_update(),
                order[1].this_update() < order[0].this_update()
            ]
        );
    }
    // The other way round it counts as well, and a newer one that cannot be used supersedes nothing.
    let revoking = crl_shape().revoking(LEAF_SERIAL, &[]).signed();
    let old = CrlShape { this_update: LONG_AGO, ..crl_shape() }.signed();
    assert!(judge(&leaf(), &[&old, &revoking]).outcome.is_revoked());
    let forged = crl_shape().try_signed(&key(9)).unwrap();
    assert!(judge(&leaf(), &[&older, &forged]).outcome.is_revoked());
}

#[test]
fn a_complete_crl_that_takes_a_certificate_off_proves_nothing() {
    let crl = crl_shape().revoking(LEAF_SERIAL, &[reason(8)]);
    assert_eq!(undetermined(&crl), "removed-from-complete-crl");
    // Beside a real entry it does not count.
    let crl = crl.revoking(LEAF_SERIAL, &[reason(1)]);
    let judgement = judge(&leaf(), &[&crl.signed()]);
    assert!(judgement.outcome.is_revoked());
    assert_eq!(notes(&judgement), ["duplicate-serial", "reason-illegal"]);
}

#[test]
fn careless_issuers_are_noticed_and_their_revocations_count() {
    let mut crl = crl_shape().revoking(LEAF_SERIAL, &[reason(7)]).revoking(OTHER_SERIAL, &[reason(0)]);
    crl.entries.get_or_insert_default().push(entry(&[9], "20400101000000Z", &[]));
    crl.entries.get_or_insert_default().push(entry(&[9], MAY, &[reason(200 & 0x7f)]));
    let judgement = judge(&leaf(), &[&crl.signed()]);
    assert_eq!(judgement.outcome, Outcome::Revoked { time: MAY_SECONDS, reason: None });
    assert_eq!(notes(&judgement), ["duplicate-serial", "reason-illegal", "revocation-date-future"]);
    let future = crl_shape();
    let mut future = CrlShape { entries: Some(vec![]), ..future };
    future.entries.get_or_insert_default().push(entry(LEAF_SERIAL, "20400101000000Z", &[]));
    assert!(judge(&leaf(), &[&future.signed()]).outcome.is_revoked());
    let bare = CrlShape { entries: Some(vec![]), extensions: vec![], ..crl_shape() };
    assert_eq!(
        notes(&judge(&leaf(), &[&bare.signed()])),
        ["aki-missing", "crl-number-missing", "empty-revoked-sequence"]
    );
    let other_key = crl_shape().with(&ce(35), false, seq(&[tlv(0x80, &key_id(&key(9)))]));
    let other_key = other_key.with(&ce(46), false, seq(&[seq(&[point_name(&[uri(CRL_URL)])])]));
    let mut other_key = other_key.scoped(&[tlv(0x81, &[0xff])]);
    other_key.extensions.pop();
    other_key.extensions.push(extension(&ce(28), false, &seq(&[tlv(0x81, &[0xff])])));
    assert_eq!(
        notes(&judge(&leaf(), &[&other_key.signed()])),
        ["aki-mismatch", "idp-not-critical", "deltas-exist"]
    );
}

#[test]
fn an_expired_certificate_may_be_missing_from_the_crl() {
    let expired = Shape { not_after: "250101000000Z", ..leaf_shape() }.signed(&key(2), &key(1));
    let judgement = judge(&expired, &[&crl_shape().signed()]);
    assert_eq!((judgement.outcome, judgement.notes), (Outcome::Good, vec![Note::CertificateExpired]));
}

#[test]
fn version_1_is_read_as_long_as_it_has_no_extensions() {
    let v1 = CrlShape { version: None, extensions: vec![], ..crl_shape() };
    let judgement = judge(&leaf(), &[&v1.clone().revoking(LEAF_SERIAL, &[]).signed()]);
    assert!(judgement.outcome.is_revoked());
    assert_eq!(notes(&judgement), ["version-not-v2"]);
    assert_eq!(undetermined(&v1.revoking(OTHER_SERIAL, &[reason(1)])), "extensions-without-version-2");
    assert_eq!(undetermined(&CrlShape { version: None, ..crl_shape() }), "extensions-without-version-2");
}

#[test]
fn bytes_that_are_no_crl_are_refused_with_a_reason() {
    let good = crl_shape().revoking(OTHER_SERIAL, &[reason(1)]).der(&key(1));
    let rule = |bytes: &[u8]| Crl::from_der(bytes, MAX_CRL_SIZE).unwrap_err().rule();
    assert_eq!(rule(&[]), "body-empty");
    assert_eq!(rule(b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"), "pem-instead-of-der");
    assert_eq!(rule(b"<html>not found</html>"), "der-invalid");
    assert_eq!(rule(&good[..good.len() - 1]), "der-invalid");
    assert_eq!(rule(&[good.as_slice(), &[0, 0, 0]].concat()), "trailing-bytes");
    assert_eq!(
        Crl::from_der(&good, 100).unwrap_err(),
        RevocationError::TooLarge { what: "CRL", size: good.len(), limit: 100 }
    );
    let shapes = [
        CrlShape { version: Some(0), ..crl_shape() },
        CrlShape { version: Some(2), ..crl_shape() },
        CrlShape { this_update: "20291231000000+0100", ..crl_shape() },
        CrlShape { this_update: "202912310000Z", ..crl_shape() },
        CrlShape { next_update: Some("20300102000000.5Z"), ..crl_shape() },
        CrlShape { issuer: tlv(0x31, &[]), ..crl_shape() },
        CrlShape { issuer: name(&"x".repeat(20_000)), ..crl_shape() },
        crl_shape().revoking(&[], &[]),
        crl_shape().revoking(&[0, 1], &[]),
        crl_shape().revoking(OTHER_SERIAL, &[extension(&ce(21), false, &[5, 0])]),
        crl_shape().revoking(OTHER_SERIAL, &[reason(1), reason(4)]),
        crl_shape().scoped(&[]),
        crl_shape().scoped(&[tlv(0x84, &[1])]),
        crl_shape().with(&ce(20), false, tlv(2, &[0x80])),
        CrlShape { extensions: vec![extension(&ce(20), false, &[2, 1, 7]); 2], ..crl_shape() },
        // What is well-formed and only there to cost time or to be shown to people.
        CrlShape {
            extensions: (0..65).map(|n| extension(&[0x88, 0x37, n], false, &[])).collect(),
            ..crl_shape()
        },
        crl_shape().with(&[0x88; 65].map(|_| 0x37), true, vec![5, 0]),
    ];
    for (number, shape) in shapes.iter().enumerate() {
        assert_eq!(rule(&shape.der(&key(1))), "der-invalid", "{number}");
    }
}

#[test]
fn crls_come_from_files_in_either_form() {
    let crl = crl_shape().signed();
    let base64 = base64_lines(crl.der());
    let pem = format!("-----BEGIN X509 CRL-----\n{base64}-----END X509 CRL-----\n");
    assert_eq!(Crl::from_bytes(crl.der(), MAX_CRL_SIZE).unwrap().der(), crl.der());
    assert_eq!(Crl::from_bytes(pem.as_bytes(), MAX_CRL_SIZE).unwrap().der(), crl.der());
    let two = format!("a note\n{pem}and another\n{pem}");
    assert_eq!(crls_from_pem(two.as_bytes(), MAX_CRL_SIZE).unwrap().len(), 2);
    assert_eq!(Crl::from_bytes(two.as_bytes(), MAX_CRL_SIZE).unwrap_err().rule(), "not-exactly-one");
    assert!(crls_from_pem(b"nothing", MAX_CRL_SIZE).is_err());
    assert!(crls_from_pem(&pem.as_bytes()[..pem.len() - 10], MAX_CRL_SIZE).is_err());
    assert!(crls_from_pem(pem.replace('\n', "\n*").as_bytes(), MAX_CRL_SIZE).is_err());
}

fn base64_lines(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (count, chunk) in bytes.chunks(3).enumerate() {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let letter = ALPHABET[(group >> (18 - 6 * position) & 63) as usize];
            text.push(if position <= chunk.len() { char::from(letter) } else { '=' });
        }
        if count % 16 == 15 {
            text.push('\n');
        }
    }
    text + "\n"
}

#[test]
fn a_hundred_thousand_entries_are_read_once_and_found_at_once() {
    let entries = 100_000_u32;
    let mut shape = crl_shape();
    let list = shape.entries.insert(Vec::new());
    for number in (0..entries).rev() {
        // Spread over the numbers, and not in their order.
        let serial = [&[0x11][..], &number.wrapping_mul(2_654_435_761).to_be_bytes()].concat();
        list.push(entry(&serial, MAY, &[reason((number % 6 + 1) as u8)]));
    }
    list.insert(777, entry(LEAF_SERIAL, MAY, &[]));
    let crl = shape.signed();
    assert!(crl.der().len() > 3_500_000);
    assert_eq!(crl.len(), 100_001);
    assert!(judge(&leaf(), &[&crl]).outcome.is_revoked());
    assert_eq!(crl.find(&[0x11, 0, 0, 0, 0]).count(), 1);
    assert_eq!(crl.find(&[0x11, 0, 0, 0, 1]).count(), 0);
    let serials: Vec<_> = crl.entries().map(|entry| entry.serial.to_vec()).collect();
    assert!(serials.is_sorted());
}

#[test]
fn two_crls_of_one_issuer_are_compared() {
    let number = |shape: CrlShape, number: &[u8]| shape.with(&ce(20), false, tlv(2, number));
    let before = number(crl_shape().revoking(OTHER_SERIAL, &[reason(1)]), &[0, 0xff]).signed();
    let rules =
        |after: &Crl| -> Vec<_> { crl::compare(&before, after, 2).iter().map(Change::rule).collect() };
    assert_eq!(rules(&before), [""; 0]);
    let after = crl_shape().revoking(OTHER_SERIAL, &[reason(1)]).revoking(LEAF_SERIAL, &[]);
    assert_eq!(rules(&number(after.clone(), &[1, 0]).signed()), [""; 0]);
    assert_eq!(rules(&number(after.clone(), &[0x7f]).signed()), ["crl-number-not-increasing"]);
    assert_eq!(rules(&number(after, &[0, 0xff]).signed()), ["same-number-different-bytes"]);
    let older = CrlShape { this_update: LONG_AGO, ..crl_shape() };
    assert_eq!(rules(&number(older, &[1, 0]).signed()), ["this-update-regressed", "entry-vanished"]);
    let large = crl_shape().revoking(OTHER_SERIAL, &[]).with(UNHEARD_OF, false, vec![0; 500]);
    assert_eq!(rules(&number(large, &[1, 0]).signed()), ["size-jump"]);
    let changes = crl::compare(&before, &number(crl_shape(), &[1, 0]).signed(), 2);
    let [Change::EntriesVanished { serials, count: 1 }] = changes.as_slice() else { panic!() };
    assert_eq!(serials, &["1002"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_changed_bit_is_believed(place in any::<proptest::sample::Index>(), bit in 0..8) {
        let points = [seq(&[point_name(&[uri(CRL_URL)])])];
        let leaf = leaf_shape().distribution_points(&points).signed(&key(2), &key(1));
        let shape = crl_shape().scoped(&[point_name(&[uri(CRL_URL)])]).revoking(OTHER_SERIAL, &[reason(1)]);
        let mut bytes = shape.der(&key(1));
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        if let Ok(crl) = Crl::from_der(&bytes, MAX_CRL_SIZE) {
            prop_assert!(matches!(judge(&leaf, &[&crl]).outcome, Outcome::Undetermined(_)));
        }
    }

    #[test]
    fn mutated_and_truncated_crls_never_panic(
        cut in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let shape = crl_shape().scoped(&[point_name(&[uri(CRL_URL)])]).revoking(LEAF_SERIAL, &[reason(1)]);
        let mut bytes = shape.der(&key(1));
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(crl) = Crl::from_der(bytes, MAX_CRL_SIZE) {
                prop_assert_eq!(crl.entries().len(), crl.len());
                let _ = judge(&leaf(), &[&crl]);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Crl::from_bytes(&bytes, MAX_CRL_SIZE);
        let _ = Crl::from_der(&tlv(0x30, &bytes), MAX_CRL_SIZE);
    }
}
