//! What is remembered of CRLs: histories that go wrong, restarts, and what strangers serve.

use std::sync::Arc;

use super::tests::{POINT, TYPE, crl, numbered, watch, watch_of};
use super::*;
use crate::testing::bytes::*;
use crate::testing::{Says as _, Service, answer};

#[tokio::test]
async fn what_did_not_change_is_not_read_again_and_still_ages() {
    let mut watch = watch();
    assert_eq!(watch.codes(crl(&crl_shape())).await, []);
    let first = Remembered::of(&watch.memory).unwrap();
    assert_eq!(watch.codes(crl(&crl_shape())).await, []);
    let second = Remembered::of(&watch.memory).unwrap();
    assert!(Arc::ptr_eq(&first, &second), "nothing new to remember");
    watch.now = NOW + DAY + 301;
    assert_eq!(watch.codes(crl(&crl_shape())).await, [Code::NextUpdatePast]);
    let third = Remembered::of(&watch.memory).unwrap();
    assert!(Arc::ptr_eq(&first.held[0], &third.held[0]), "stale, and still not read again");
}

#[tokio::test]
async fn history_is_told_as_long_as_the_crl_is_served_and_clears_with_the_next() {
    let entries = |serials: &[u8]| {
        serials.iter().fold(numbered(9), |shape, serial| shape.revoking(&[0x40, *serial], &[reason(4)]))
    };
    let old = |text| CrlShape { this_update: text, ..entries(&[1, 2]) };
    let huge = numbered(9).with(UNHEARD_OF, false, tlv(4, &[0; 20_000]));
    let huge = huge.revoking(&[0x40, 1], &[reason(4)]).revoking(&[0x40, 2], &[reason(4)]);
    let fewer = entries(&[1]);
    let number = |shape: CrlShape, number| shape.with(&ce(20), false, tlv(2, &[number]));
    let cases = [
        (Code::CrlNumberNotIncreasing, number(entries(&[1, 2]), 6)),
        (Code::SameNumberDifferentBytes, number(entries(&[1, 2, 3]), 7)),
        (Code::ThisUpdateRegressed, old("20291230000000Z")),
        (Code::EntryVanished, fewer),
        (Code::SizeJump, huge),
    ];
    for (code, shape) in cases {
        let mut watch = watch();
        assert_eq!(watch.codes(crl(&number(entries(&[1, 2]), 7))).await, []);
        for _ in 0..3 {
            assert_eq!(watch.codes(crl(&shape)).await, [code]);
        }
        assert_eq!(watch.codes(crl(&number(entries(&[1, 2, 4]), 10))).await, [], "{code} clears");
    }
}

#[tokio::test]
async fn entries_may_leave_when_the_certificate_has_expired_or_was_on_hold() {
    let mut watch = watch();
    // 6 is certificateHold.
    let on_hold = numbered(1).revoking(&[0x40], &[reason(6)]);
    assert_eq!(watch.codes(crl(&on_hold)).await, []);
    assert_eq!(watch.codes(crl(&numbered(2))).await, []);
    // Of end entities whose certificates nobody showed us it is not known when they expired.
    let leaf = |not_after| {
        let mut shape = Shape::new("leaf", "Root", LEAF_SERIAL).crls(&[POINT]);
        shape.not_after = not_after;
        Arc::new(shape.signed(&key(2), &key(1)))
    };
    let before = numbered(1).revoking(OTHER_SERIAL, &[reason(1)]).revoking(LEAF_SERIAL, &[reason(1)]);
    let after_leaf = numbered(2).revoking(LEAF_SERIAL, &[reason(1)]);
    for (not_after, last) in [("291201000000Z", vec![]), ("400101000000Z", vec![Code::EntryVanished])] {
        let mut leaves = watch_of(vec![leaf(not_after)], &[POINT]);
        assert_eq!(leaves.codes(crl(&before)).await, []);
        assert_eq!(leaves.codes(crl(&after_leaf)).await, []);
        assert_eq!(leaves.codes(crl(&numbered(3))).await, last, "{not_after}");
    }
}

#[tokio::test]
async fn an_issuer_that_numbers_anew_is_in_order_once_the_old_crl_has_run_out() {
    let mut watch = watch();
    assert_eq!(watch.codes(crl(&numbered(100))).await, []);
    let anew = |number, from, to| CrlShape { this_update: from, next_update: Some(to), ..numbered(number) };
    let first = anew(1, TODAY, "20300103000000Z");
    assert_eq!(watch.codes(crl(&first)).await, [Code::CrlNumberNotIncreasing]);
    watch.now = NOW + DAY + HOUR;
    assert_eq!(watch.codes(crl(&first)).await, [Code::CrlNumberNotIncreasing], "this one broke the rule");
    let second = anew(2, TOMORROW, "20300104000000Z");
    assert_eq!(watch.codes(crl(&second)).await, []);
}

#[tokio::test]
async fn history_survives_a_restart() {
    let mut watch = watch();
    let before = numbered(7).revoking(&[0x40], &[reason(4)]);
    assert_eq!(watch.codes(crl(&before)).await, []);
    let saved = CrlProbe.save(&watch.memory).unwrap();
    watch.memory = CrlProbe.restore(&saved);
    let probed = watch.probe(Service(vec![Ok(crl(&before))])).await;
    assert_eq!(probed.facts.crl.map(|crl| crl.since), Some(NOW), "it was seen before the restart");
    watch.memory = CrlProbe.restore(&saved);
    assert_eq!(watch.codes(crl(&numbered(8))).await, [Code::EntryVanished]);
    for damaged in [&saved[..20], &[2], &[], &[1, 2, 3]] {
        assert!(CrlProbe.restore(damaged).0.is_none());
    }
    assert_eq!(CrlProbe.save(&Memory::default()), None);
}

/// An applicant serves as much as may be served, parseable and signed by nobody: nothing of it is remembered. Of what
/// the issuer signed, the serial numbers are, and not the bytes.
#[tokio::test]
async fn what_nobody_signed_is_not_remembered_and_what_is_signed_only_in_short() {
    let many = |shape: CrlShape| {
        (0..200_u8).fold(shape, |shape, serial| {
            shape.revoking(&[0x41, serial], &[reason(4), extension(UNHEARD_OF, false, &[0; 90])])
        })
    };
    let forged: Vec<_> =
        (8..12).map(|number| Ok(answer(TYPE, many(numbered(number)).der(&key(9))))).collect();
    let mut watch = watch();
    watch.probe(Service(forged)).await;
    let memory = Remembered::of(&watch.memory).unwrap();
    assert!(memory.good.is_none() && memory.held.is_empty());
    let signed = crl(&many(numbered(8)));
    assert_eq!(watch.codes(signed.clone()).await, []);
    let saved = CrlProbe.save(&watch.memory).unwrap();
    assert!(signed.body.len() > 20_000 && saved.len() < 800, "{} of {}", saved.len(), signed.body.len());
}
