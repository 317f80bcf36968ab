//! From when to when a CRL holds, and what changes from one to the next.

use std::sync::Arc;

use ctl_pki::crl::{self, Change, Crl, Limits, Note, Reason};
use ctl_pki::revocation::Outcome;

use super::{judge, judge_at, notes, undetermined};
use crate::revocation::*;

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
fn an_expired_certificate_may_be_missing_from_the_crl() {
    let expired = Shape { not_after: "250101000000Z", ..leaf_shape() }.signed(&key(2), &key(1));
    let judgement = judge(&expired, &[&crl_shape().signed()]);
    assert_eq!((judgement.outcome, judgement.notes), (Outcome::Good, vec![Note::CertificateExpired]));
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

#[test]
fn who_knows_what_may_be_gone_is_not_told_of_it() {
    let before = crl_shape().revoking(LEAF_SERIAL, &[reason(6)]).revoking(OTHER_SERIAL, &[]).signed();
    let after = crl_shape().signed();
    let gone = |held: bool| {
        let on_hold = |entry: &crl::PastEntry<'_>| held && entry.on_hold;
        let changes = crl::compare_except(&crl::Past::of(&before), &after, 10, on_hold);
        changes.into_iter().find_map(|change| match change {
            Change::EntriesVanished { serials, .. } => Some(serials),
            _ => None,
        })
    };
    assert_eq!(gone(false), Some(vec!["1001".to_owned(), "1002".to_owned()]));
    assert_eq!(gone(true), Some(vec!["1002".to_owned()]));
}
