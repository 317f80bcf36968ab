//! Which certificates a CRL covers.

use ctl_pki::crl::Reason;
use ctl_pki::revocation::Outcome;

use super::{judge, notes, undetermined};
use crate::revocation::*;

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
fn a_complete_crl_that_takes_a_certificate_off_proves_nothing() {
    let crl = crl_shape().revoking(LEAF_SERIAL, &[reason(8)]);
    assert_eq!(undetermined(&crl), "removed-from-complete-crl");
    // Beside a real entry it does not count.
    let crl = crl.revoking(LEAF_SERIAL, &[reason(1)]);
    let judgement = judge(&leaf(), &[&crl.signed()]);
    assert!(judgement.outcome.is_revoked());
    assert_eq!(notes(&judgement), ["duplicate-serial", "reason-illegal"]);
}
