//! What happened to others, replayed.

use std::sync::atomic::Ordering;

use super::pretend::{Authority, DAY, HOUR, NOW, Responder, Rounds, Says};
use super::tests::root;
use super::*;

/// A CA with so many certificates in order, all of which its responder knows.
fn with_good(responder: &mut Responder, count: u8) -> OcspSubject {
    let good: Vec<_> = (1..=count).map(|serial| responder.authorities[0].certify(serial)).collect();
    for certificate in &good {
        responder.register.insert((0, certificate.serial().to_vec()), Says::Good);
    }
    OcspSubject { issuer: responder.authorities[0].certificate.clone(), good, revoked: Vec::new() }
}

/// Mozilla bug 2014590: the responder answered for every CA but the cross-signed ones.
#[tokio::test(start_paused = true)]
async fn unauthorized_for_a_cross_signed_ca_only() {
    let mut responder = Responder::new(|asked, answer| {
        if asked.serial == [0x10, 5] {
            answer.status = 6;
        }
    });
    let subject = with_good(&mut responder, 7);
    let mut watch = Rounds::new(&responder, vec![subject]);
    for pair in 0..8 {
        let codes = watch.codes(2 * pair..2 * pair + 2).await;
        assert_eq!(codes, BTreeSet::from([Code::ResponderUnauthorized]), "rounds from {}", 2 * pair);
    }
    let mut found = Vec::new();
    for number in 0..2 {
        found.extend(watch.round(number).await.findings);
    }
    assert!(
        found.iter().all(|finding| finding.detail.contains("serial number 1005 of CN=Root")),
        "{found:?}"
    );
}

/// Mozilla bug 2014590 again, where the responder speaks for two CAs and knows one.
#[tokio::test(start_paused = true)]
async fn unauthorized_for_the_certificates_of_one_issuer_of_two() {
    let mut responder = Responder::new(|asked, answer| {
        if asked.issuer == Some(1) {
            answer.status = 6;
        }
    });
    responder.authorities.push(Authority::new("New Root", 2));
    let first = with_good(&mut responder, 1);
    let other = &responder.authorities[1];
    let second =
        OcspSubject { issuer: other.certificate.clone(), good: vec![other.certify(1)], revoked: Vec::new() };
    let mut watch = Rounds::new(&responder, vec![first, second]);
    assert_eq!(watch.codes(0..2).await, BTreeSet::from([Code::ResponderUnauthorized]));
}

/// Mozilla bug 1758213: unauthorized for intermediate certificates that were valid, and no status at all.
#[tokio::test(start_paused = true)]
async fn unauthorized_for_valid_intermediates_is_not_also_not_good() {
    let mut responder = Responder::new(|_, answer| answer.status = 6);
    let subject = with_good(&mut responder, 3);
    let mut watch = Rounds::new(&responder, vec![subject]);
    assert_eq!(watch.codes(0..4).await, BTreeSet::from([Code::ResponderUnauthorized]));
    assert_eq!(watch.round(4).await.facts.statuses, []);
}

/// Mozilla bug 1878106: nextUpdate further ahead than the Baseline Requirements allow.
#[tokio::test(start_paused = true)]
async fn next_update_too_far_ahead() {
    let next = NOW - DAY + 10 * DAY + 1;
    let mut responder = Responder::new(move |_, answer| answer.next_update = Some(next));
    let subject = with_good(&mut responder, 1);
    let mut watch = Rounds::new(&responder, vec![subject]);
    assert_eq!(watch.codes(0..2).await, BTreeSet::from([Code::IntervalTooLong]));
}

/// Mozilla bug 1773556: 404 for everything after the responder had moved.
#[tokio::test(start_paused = true)]
async fn not_found_after_a_migration() {
    let mut responder = Responder::new(|_, answer| {
        (answer.http_status, answer.content_type) = (404, "text/html");
        answer.body = Some(b"<html><h1>Not Found</h1></html>".to_vec());
    });
    let subject = with_good(&mut responder, 2);
    let mut watch = Rounds::new(&responder, vec![subject]);
    let probed = watch.round(0).await;
    let found: Vec<_> =
        probed.findings.iter().map(|finding| (finding.code, finding.detail.as_str())).collect();
    let words = "status 404 where 200 is due; the body begins: \"<html><h1>Not Found</h1></html>\"";
    assert_eq!(found, [(Code::HttpStatus, words)]);
    assert_eq!(probed.evidence.len(), 1);
    assert!(probed.timings.is_some() && probed.facts.this_update.is_none());
    assert_eq!(watch.codes(1..4).await, BTreeSet::from([Code::HttpStatus]));
}

/// Mozilla bug 2050383: unknown for a certificate that had been issued.
#[tokio::test(start_paused = true)]
async fn unknown_for_an_issued_certificate() {
    let mut responder = Responder::new(|_, _| {});
    let subject = with_good(&mut responder, 4);
    responder.register.remove(&(0, vec![0x10, 3]));
    let mut watch = Rounds::new(&responder, vec![subject]);
    for pair in 0..4 {
        let codes = watch.codes(2 * pair..2 * pair + 2).await;
        assert_eq!(codes, BTreeSet::from([Code::IssuedSerialUnknown]));
    }
}

/// Mozilla bug 1772633: within the Baseline Requirements, and longer than the PKI's own practice statement allows.
#[tokio::test(start_paused = true)]
async fn compliant_with_the_baseline_but_not_with_the_own_practice_statement() {
    let mut responder = Responder::new(|_, answer| answer.next_update = Some(NOW + 4 * DAY));
    let subject = with_good(&mut responder, 1);
    let mut watch = Rounds::new(&responder, vec![subject]);
    assert_eq!(watch.codes(0..2).await, BTreeSet::new());
    watch.limits.ocsp_max_interval = 4 * DAY;
    assert_eq!(watch.codes(2..4).await, BTreeSet::from([Code::IntervalTooLong]));
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_is_taken_back_is_found_once_and_a_hold_may_end() {
    use std::sync::atomic::{AtomicU8, Ordering};
    static REASON: AtomicU8 = AtomicU8::new(0);
    let mut responder = Responder::new(|asked, answer| {
        let reason = REASON.load(Ordering::SeqCst);
        if asked.serial == [0x10, 1] && reason > 0 {
            answer.says = Says::Revoked(Some(reason));
        }
    });
    let subject = with_good(&mut responder, 1);
    let mut watch = Rounds::new(&responder, vec![subject]);
    assert_eq!(watch.codes(0..2).await, BTreeSet::new());
    REASON.store(4, Ordering::SeqCst);
    assert_eq!(watch.codes(2..4).await, BTreeSet::from([Code::CanaryGoodNotGood]));
    REASON.store(0, Ordering::SeqCst);
    assert_eq!(watch.codes(4..5).await, BTreeSet::from([Code::StatusFlipBack]));
    assert_eq!(watch.codes(5..8).await, BTreeSet::new());
    REASON.store(6, Ordering::SeqCst);
    assert_eq!(watch.codes(8..10).await, BTreeSet::from([Code::CanaryGoodNotGood]));
    REASON.store(0, Ordering::SeqCst);
    assert_eq!(watch.codes(10..12).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_certificate_that_is_good_again_stays_found() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static GOOD: AtomicBool = AtomicBool::new(false);
    let mut responder = Responder::new(|asked, answer| {
        if asked.serial == [0x20] && GOOD.load(Ordering::SeqCst) {
            answer.says = Says::Good;
        }
    });
    let mut subject = with_good(&mut responder, 1);
    subject.revoked = vec![[0x20].into()];
    responder.register.insert((0, vec![0x20]), Says::Revoked(Some(1)));
    let mut watch = Rounds::new(&responder, vec![subject]);
    assert_eq!(watch.codes(0..2).await, BTreeSet::new());
    GOOD.store(true, Ordering::SeqCst);
    let both = BTreeSet::from([Code::CanaryRevokedNotRevoked, Code::StatusFlipBack]);
    assert_eq!(watch.codes(2..4).await, both);
    assert_eq!(watch.codes(4..6).await, both);
    watch.restart();
    assert_eq!(watch.codes(6..8).await, both, "a restart forgets nothing");
    GOOD.store(false, Ordering::SeqCst);
    assert!(watch.codes(8..9).await.is_subset(&both));
    assert_eq!(watch.codes(9..11).await, BTreeSet::new());
}

/// Answers are signed at midnight and hold for two days; caches are to ask again at the next midnight.
#[tokio::test(start_paused = true)]
async fn a_week_of_a_healthy_responder() {
    let mut responder = Responder::new(|_, answer| {
        let now = answer.produced_at + HOUR;
        let midnight = now - now.rem_euclid(DAY);
        (answer.this_update, answer.produced_at) = (midnight, midnight);
        answer.next_update = Some(midnight + 2 * DAY);
        answer.cache_control = Some(format!("max-age={}", midnight + DAY - now));
    });
    let subject = with_good(&mut responder, 5);
    for hour in 0..7 * 24 {
        responder.now = NOW + hour * HOUR;
        let mut watch = Rounds::new(&responder, vec![subject.clone()]);
        let number = hour.unsigned_abs();
        assert_eq!(watch.codes(number..number + 1).await, BTreeSet::new(), "hour {hour}");
    }
}

/// The same for twelve hours, but that the night's signing fails: found when the answer should have been renewed,
/// before it ends.
#[tokio::test(start_paused = true)]
async fn a_responder_that_stops_signing() {
    let signed = NOW - 12 * HOUR;
    let mut responder = Responder::new(move |_, answer| {
        (answer.this_update, answer.produced_at) = (signed, signed);
        answer.next_update = Some(signed + 2 * DAY);
        answer.cache_control = Some("max-age=60".to_owned());
    });
    let subject = with_good(&mut responder, 1);
    let mut first = Vec::new();
    for hour in 0..40 {
        responder.now = NOW + hour * HOUR;
        let codes = Rounds::new(&responder, vec![subject.clone()]).codes(0..2).await;
        if first.last().is_none_or(|(_, last)| *last != codes) {
            first.push((hour, codes));
        }
    }
    let expected = [(0, None), (29, Some(Code::RenewedTooLate)), (37, Some(Code::NextUpdatePast))];
    assert_eq!(first, expected.map(|(hour, code)| (hour, code.into_iter().collect())));
}

/// One of the machines behind an address, or of those behind a balancer, has no time now and then.
#[tokio::test(start_paused = true)]
async fn try_later_now_and_then_is_that_and_nothing_else() {
    let mut responder = Responder::new(|asked, answer| {
        if asked.address == 2 {
            answer.status = 3;
        }
    });
    responder.addresses = 2;
    let subject = root(&mut responder);
    let codes = Rounds::new(&responder, vec![subject]).codes(0..4).await;
    assert_eq!(codes, BTreeSet::from([Code::ResponderTryLater]));
    for every in 2..9 {
        let count = std::sync::atomic::AtomicUsize::new(1);
        let mut responder = Responder::new(move |_, answer| {
            if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(every) {
                answer.status = 3;
            }
        });
        let subject = root(&mut responder);
        let codes = Rounds::new(&responder, vec![subject]).codes(0..24).await;
        assert_eq!(codes, BTreeSet::from([Code::ResponderTryLater]), "one in {every}");
    }
}

/// Behind a proxy that makes one of two slashes, now and then without time: never called anything else.
#[tokio::test(start_paused = true)]
async fn a_double_slash_is_told_from_try_later_when_both_come_together() {
    for every in 2..9 {
        let count = std::sync::atomic::AtomicUsize::new(1);
        let mut responder = Responder::new(move |asked, answer| {
            if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(every) {
                answer.status = 3;
            } else if asked.base64.contains("//") {
                answer.status = 1;
            }
        });
        let subject = root(&mut responder);
        let codes = Rounds::new(&responder, vec![subject]).codes(0..24).await;
        let known = BTreeSet::from([Code::ResponderTryLater, Code::GetDoubleSlash]);
        assert!(codes.is_subset(&known), "one in {every}: {codes:?}");
    }
}
