//! Whether an answer is of now: its times, and the nonce.

use ctl_pki::ocsp::{Limits, NonceResult, Reason};
use ctl_pki::revocation::Outcome;

use super::{judge, judge_with, notes, rule};
use crate::revocation::*;

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
    // The bytes without their OCTET STRING are another value.
    let bare = extension(&ocsp_oid(2), false, b"fresh nonce");
    let bare = OcspShape { extensions: vec![bare], ..ocsp_shape() }.signed();
    assert_eq!(rule(&of(&bare, Some(b"fresh nonce"), &plain)), "nonce-wrong");
}
