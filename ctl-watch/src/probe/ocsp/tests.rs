//! One fault gives one code and no unrelated one: every fault of a responder, switched on and off again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ctl_pki::ocsp::{Hash, OcspResponse};
use proptest::prelude::*;

use super::judge::{About, Expected};
use super::pretend::{
    Authority, DAY, HOUR, Incoming, Lacks, NOW, Outgoing, Responder, Rounds, Says, seq, tlv,
};
use super::*;

const REVOKED: &[u8] = &[0x10, 9];

/// A root that issued two sub-CAs and revoked a third, with a responder of its own.
pub(super) fn root(responder: &mut Responder) -> OcspSubject {
    let authority = &responder.authorities[0];
    let good = vec![authority.certify(1), authority.certify(2)];
    for certificate in &good {
        responder.register.insert((0, certificate.serial().to_vec()), Says::Good);
    }
    responder.register.insert((0, REVOKED.to_vec()), Says::Revoked(Some(4)));
    let issuer = responder.authorities[0].certificate.clone();
    OcspSubject { issuer, good, revoked: vec![REVOKED.into()] }
}

/// Healthy, then with the fault, then healthy again: whichever round comes first.
async fn found(fault: impl Fn(&Incoming, &mut Outgoing) + Send + Sync + 'static) -> Vec<Code> {
    let on = Arc::new(AtomicBool::new(false));
    let switch = on.clone();
    let mut responder = Responder::new(move |asked, answer| {
        if switch.load(Ordering::SeqCst) {
            fault(asked, answer);
        }
    });
    let subject = root(&mut responder);
    let mut watch = Rounds::new(&responder, vec![subject]);
    assert_eq!(watch.codes(0..6).await, BTreeSet::new());
    on.store(true, Ordering::SeqCst);
    let codes = watch.codes(6..8).await;
    assert_eq!(watch.codes(8..9).await, codes, "in every round");
    assert_eq!(watch.codes(9..11).await, codes, "the same from an odd round on");
    on.store(false, Ordering::SeqCst);
    // What a side question found stands until it has been asked again.
    assert!(watch.codes(11..12).await.is_subset(&codes));
    assert_eq!(watch.codes(12..14).await, BTreeSet::new(), "after {codes:?}");
    codes.into_iter().collect()
}

macro_rules! faults {
    ($($name:ident: $codes:expr, $fault:expr;)*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $name() {
            assert_eq!(found($fault).await, $codes);
        })*
    };
}

faults! {
    a_refused_connection: [Code::TcpRefused], |_, answer| answer.error = Some(ctl_fetch::Reason::TcpRefused);
    a_status_of_404: [Code::HttpStatus], |_, answer| answer.http_status = 404;
    an_empty_body: [Code::BodyEmpty], |_, answer| answer.body = Some(Vec::new());
    another_media_type: [Code::ContentType], |_, answer| answer.content_type = "text/html";
    a_slow_answer: [Code::Slow], |_, answer| answer.took_ms = 11_000;
    malformed_request: [Code::ResponderMalformedRequest], |_, answer| answer.status = 1;
    internal_error: [Code::ResponderInternalError], |_, answer| answer.status = 2;
    try_later: [Code::ResponderTryLater], |_, answer| answer.status = 3;
    a_status_that_does_not_exist: [Code::DerInvalid], |_, answer| answer.status = 4;
    sig_required: [Code::ResponderSigRequired], |_, answer| answer.status = 5;
    unauthorized: [Code::ResponderUnauthorized], |_, answer| answer.status = 6;
    no_der: [Code::DerInvalid], |_, answer| answer.body = Some(b"This responder has moved.".to_vec());
    a_page: [Code::HtmlInsteadOfDer], |_, answer| {
        answer.content_type = "text/html";
        answer.body = Some(b"<html>moved</html>".to_vec());
    };
    bare_base64: [Code::Base64InsteadOfDer], |_, answer| answer.body = Some(b"MAMKAQY=\n".to_vec());
    pem: [Code::PemInsteadOfDer], |_, answer| answer.body = Some(b"-----BEGIN OCSP RESPONSE-----".to_vec());
    bytes_after_the_end: [Code::TrailingBytes], |_, answer| {
        answer.body = Some([seq(&[tlv(0x0a, &[6])]), vec![0, 0]].concat());
    };
    another_type_of_response: [Code::ResponseTypeUnknown], |_, answer| {
        let bytes = seq(&[tlv(6, &[0x88, 0x37, 1]), tlv(4, &[5, 0])]);
        answer.body = Some(seq(&[tlv(0x0a, &[0]), tlv(0xa0, &bytes)]));
    };
    an_unknown_critical_extension: [Code::UnknownCriticalExtension], |_, answer| {
        answer.extensions.push(seq(&[tlv(6, &[0x88, 0x37, 1]), tlv(1, &[0xff]), tlv(4, &[5, 0])]));
    };
    a_spoilt_signature: [Code::SignatureInvalid], |_, answer| answer.spoils_signature = true;
    a_stale_answer_with_a_spoilt_signature: [Code::SignatureInvalid], |_, answer| {
        answer.spoils_signature = true;
        answer.next_update = Some(NOW - HOUR);
    };
    another_nonce: [Code::NonceWrong], |_, answer| {
        answer.nonce = answer.nonce.as_ref().map(|_| tlv(4, &[9; 32]));
    };
    no_nonce: [Code::NonceAbsent], |_, answer| answer.nonce = None;
    an_answer_of_the_future: [Code::ThisUpdateFuture], |_, answer| answer.this_update = NOW + HOUR;
    a_clock_that_is_ahead: [Code::ThisUpdateFuture], |_, answer| {
        answer.this_update = NOW + HOUR;
        answer.produced_at = NOW + HOUR;
    };
    no_next_update: [Code::NextUpdateMissing], |_, answer| answer.next_update = None;
    signed_in_the_future: [Code::ProducedAtFuture], |_, answer| answer.produced_at = NOW + HOUR;
    signed_before_it_was_right: [Code::ProducedBeforeThisUpdate], |_, answer| answer.produced_at = NOW - 2 * DAY;
    an_answer_for_four_hours: [Code::IntervalTooShort], |_, answer| {
        answer.this_update = NOW - 3 * HOUR;
        answer.produced_at = NOW - 3 * HOUR;
        answer.next_update = Some(NOW + HOUR);
        answer.cache_control = Some("max-age=60".to_owned());
    };
    an_overdue_answer: [Code::RenewedTooLate], |_, answer| {
        answer.this_update = NOW - 2 * DAY;
        answer.next_update = Some(NOW + 7 * HOUR);
        answer.cache_control = Some("max-age=60".to_owned());
    };
    a_good_certificate_revoked: [Code::CanaryGoodNotGood], |asked, answer| {
        if asked.serial == [0x10, 1] {
            answer.says = Says::Revoked(Some(6));
        }
    };
    an_issued_certificate_unknown: [Code::IssuedSerialUnknown], |_, answer| answer.says = Says::Unknown;
    everything_is_good: [Code::CanaryRevokedNotRevoked, Code::UnissuedSerialGood, Code::StatusFlipBack], |_, answer| {
        answer.says = Says::Good;
    };
    random_numbers_are_good: [Code::UnissuedSerialGood], |asked, answer| {
        if asked.serial.len() > 2 {
            answer.says = Says::Good;
        }
    };
    random_numbers_are_revoked: [Code::UnissuedSerialGood; 0], |asked, answer| {
        if asked.serial.len() > 2 {
            answer.says = Says::Revoked(Some(6));
        }
    };
    random_numbers_are_nobodys_business: [Code::ResponderUnauthorized; 0], |asked, answer| {
        if asked.serial.len() > 2 {
            answer.status = 6;
        }
    };
    a_ca_revoked_without_a_reason: [Code::RevocationReasonMissing], |asked, answer| {
        if asked.serial == REVOKED {
            answer.says = Says::Revoked(None);
        }
    };
    a_reason_that_does_not_exist: [Code::ReasonIllegal], |asked, answer| {
        if asked.serial == REVOKED {
            answer.says = Says::Revoked(Some(7));
        }
    };
    garbage_is_good: [Code::GarbageAccepted], |asked, answer| {
        if asked.is_garbage {
            answer.status = 0;
            answer.says = Says::Good;
            answer.cert_id = Authority::new("Root", 1).cert_id(REVOKED);
        }
    };
    no_caching: [Code::CacheControlMissing], |_, answer| answer.cache_control = None;
    cached_for_too_long: [Code::ExpiresAfterNextUpdate], |_, answer| {
        answer.cache_control = Some(format!("max-age={}", 4 * DAY));
    };
    a_stale_cache: [Code::StaleFromCache], |asked, answer| {
        if asked.is_get && [[0x10, 1], [0x10, 2]].iter().any(|serial| asked.serial == *serial) {
            answer.next_update = Some(NOW - HOUR);
        }
    };
    get_says_otherwise: [Code::PostGetDisagree], |asked, answer| {
        if asked.is_get && answer.says == Says::Good {
            answer.says = Says::Revoked(Some(6));
        }
    };
    get_is_not_allowed: [Code::PostGetDisagree], |asked, answer| {
        if asked.is_get {
            answer.http_status = 405;
        }
    };
    get_does_not_understand_escapes: [Code::GetEncoding], |asked, answer| {
        if asked.base64.contains(['/', '+', '=']) {
            answer.status = 1;
        }
    };
    get_with_slashes_is_another_page: [Code::GetEncoding], |asked, answer| {
        if asked.base64.contains('/') {
            answer.http_status = 404;
        }
    };
    two_slashes_become_one: [Code::GetDoubleSlash], |asked, answer| {
        if asked.base64.contains("//") {
            answer.status = 1;
        }
    };
    two_slashes_are_another_page: [Code::GetDoubleSlash], |asked, answer| {
        if asked.base64.contains("//") {
            answer.http_status = 404;
        }
    };
    get_has_no_time: [Code::ResponderTryLater], |asked, answer| {
        if asked.is_get {
            answer.status = 3;
        }
    };
    a_cache_that_is_overloaded: [Code::HttpStatus], |asked, answer| {
        if asked.is_get {
            answer.http_status = 503;
        }
    };
    sha1_answers_to_sha256_questions: [Code::CertidMismatch], |asked, answer| {
        if asked.is_sha256 && !asked.is_garbage && answer.says != Says::Unknown {
            answer.cert_id = Authority::new("Root", 1).cert_id(&asked.serial);
        }
    };
    sha1_is_not_known: [Code::ResponderUnauthorized], |asked, answer| {
        if !asked.is_sha256 && asked.issuer.is_some() {
            answer.status = 6;
        }
    };
}

#[tokio::test(start_paused = true)]
async fn a_delegate_is_judged_and_its_end_is_known() {
    let (authority, stranger) = (Authority::new("Root", 1), Authority::new("Root", 9));
    let codes_of = async |delegate: pretend::Delegate, nocheck_required| {
        let mut responder = Responder::new(move |_, answer| answer.delegate = Some(delegate.clone()));
        let subject = root(&mut responder);
        let mut watch = Rounds::new(&responder, vec![subject]);
        watch.limits.nocheck_required = nocheck_required;
        let facts = watch.round(0).await.facts;
        (watch.codes(1..3).await.into_iter().collect::<Vec<_>>(), facts.delegate_not_after)
    };
    let (past, soon, fine) = (NOW - HOUR, NOW + 3 * DAY, NOW + 60 * DAY);
    let cases = [
        (&authority, fine, Lacks::Nothing, None, Some(fine)),
        (&authority, soon, Lacks::Nothing, Some(Code::DelegateExpiring), Some(soon)),
        (&authority, past, Lacks::Nothing, Some(Code::DelegateExpired), Some(past)),
        (&authority, fine, Lacks::Nocheck, Some(Code::DelegateMissingNocheck), Some(fine)),
        (&authority, fine, Lacks::Purpose, Some(Code::DelegateMissingOcspSigning), None),
        (&stranger, fine, Lacks::Nothing, Some(Code::DelegateWrongIssuer), None),
    ];
    for (by, ends, lacks, code, not_after) in cases {
        let found = codes_of(by.delegate(ends, lacks), true).await;
        assert_eq!(found, (code.into_iter().collect(), not_after));
    }
    let allowed = codes_of(authority.delegate(fine, Lacks::Nocheck), false).await;
    assert_eq!(allowed, (vec![], Some(fine)));
}

#[tokio::test(start_paused = true)]
async fn a_nonce_may_be_demanded() {
    let mut responder = Responder::new(|_, answer| answer.nonce = None);
    let subject = root(&mut responder);
    let mut watch = Rounds::new(&responder, vec![subject]);
    watch.limits.nonce_required = true;
    assert_eq!(watch.codes(0..2).await, BTreeSet::from([Code::NonceWrong]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_may_be_allowed() {
    let mut responder = Responder::new(|_, answer| answer.next_update = None);
    let subject = root(&mut responder);
    let mut watch = Rounds::new(&responder, vec![subject]);
    watch.limits.next_update_required = false;
    assert_eq!(watch.codes(0..2).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn addresses_that_contradict_each_other_are_the_one_finding() {
    for (says, status) in [(Says::Revoked(Some(6)), 0), (Says::Unknown, 0), (Says::Good, 6)] {
        let mut responder = Responder::new(move |asked, answer| {
            if asked.address == 2 && asked.serial.len() == 2 {
                (answer.says, answer.status) = (says, status);
            }
        });
        responder.addresses = 2;
        let subject = root(&mut responder);
        let codes = Rounds::new(&responder, vec![subject]).codes(0..4).await;
        assert_eq!(codes, BTreeSet::from([Code::AddressDisagreement]), "{says:?} {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_address_that_is_down_does_not_hide_what_the_other_says() {
    let mut responder = Responder::new(|asked, answer| {
        if asked.address == 1 {
            answer.error = Some(ctl_fetch::Reason::TcpTimeout);
        } else if asked.serial.len() > 2 {
            answer.says = Says::Good;
        }
    });
    responder.addresses = 2;
    let subject = root(&mut responder);
    let mut watch = Rounds::new(&responder, vec![subject]);
    let codes = watch.codes(0..2).await;
    assert_eq!(codes, BTreeSet::from([Code::TcpTimeout, Code::UnissuedSerialGood]));
    let probed = watch.round(2).await;
    assert!(probed.timings.is_some() && probed.facts.this_update.is_some());
}

#[tokio::test(start_paused = true)]
async fn silence_has_no_facts_and_no_issuer_is_no_good_answer() {
    let responder = Responder::new(|_, answer| answer.error = Some(ctl_fetch::Reason::DnsFailure));
    let mut watch = Rounds::new(&responder, Vec::new());
    assert_eq!(watch.codes(0..1).await, BTreeSet::from([Code::NeverProbed]));
    let issuer = responder.authorities[0].certificate.clone();
    let mut watch = Rounds::new(&responder, vec![OcspSubject { issuer, good: vec![], revoked: vec![] }]);
    let probed = watch.round(0).await;
    assert_eq!((probed.timings, probed.facts), (None, Facts::default()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_taken_down_as_facts() {
    let mut responder = Responder::new(|_, _| {});
    let subject = root(&mut responder);
    let spki = subject.issuer.spki_sha256();
    let mut watch = Rounds::new(&responder, vec![subject]);
    let facts = watch.round(1).await.facts;
    assert_eq!((facts.this_update, facts.next_update), (Some(NOW - DAY), Some(NOW + 3 * DAY)));
    assert_eq!((facts.produced_at, facts.delegate_not_after), (Some(NOW - HOUR), None));
    assert!(facts.body_bytes.is_some_and(|bytes| bytes > 100));
    let status = |serial: &[u8], since: Option<i64>| Status {
        issuer_spki: spki,
        serial: serial.into(),
        revoked: since.is_some(),
        since,
    };
    assert_eq!(
        facts.statuses,
        [status(&[0x10, 1], None), status(REVOKED, Some(NOW - 200 * DAY)), status(&[0x10, 2], None)],
        "and nothing of the number that nobody issued"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_keeps_its_dates_and_what_is_forged_has_none() {
    let mut responder = Responder::new(|_, answer| answer.next_update = Some(NOW - HOUR));
    let subject = root(&mut responder);
    let probed = Rounds::new(&responder, vec![subject]).round(0).await;
    assert_eq!(probed.facts.next_update, Some(NOW - HOUR));
    assert_eq!(probed.facts.statuses, []);
    let mut forged = Responder::new(|_, answer| answer.spoils_signature = true);
    let subject = root(&mut forged);
    let facts = Rounds::new(&forged, vec![subject]).round(0).await.facts;
    assert_eq!((facts.this_update, facts.next_update, facts.produced_at), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn every_question_has_a_nonce_of_its_own_and_caches_are_asked_without() {
    let mut responder = Responder::new(|_, _| {});
    let subject = root(&mut responder);
    let mut watch = Rounds::new(&responder, vec![subject]);
    watch.codes(0..4).await;
    let asked = responder.asked.lock().unwrap();
    let nonces: Vec<_> = asked.iter().filter_map(Incoming::nonce).collect();
    let posts = asked.iter().filter(|asked| !asked.is_get && !asked.is_garbage).count();
    assert_eq!(nonces.len(), posts);
    assert!(nonces.iter().all(|nonce| nonce.len() == 32));
    assert_eq!(nonces.iter().collect::<BTreeSet<_>>().len(), posts);
    assert!(asked.iter().any(|asked| asked.is_get));
}

#[tokio::test(start_paused = true)]
async fn time_that_is_used_up_is_not_asked_away() {
    let mut responder = Responder::new(|_, answer| answer.took_ms = 11_000);
    let subject = root(&mut responder);
    let mut watch = Rounds::new(&responder, vec![subject]);
    assert_eq!(watch.codes(0..2).await, BTreeSet::from([Code::Slow]));
    assert_eq!(responder.asked.lock().unwrap().len(), 2);
}

/// Four seconds an answer: there is time for three, and the fourth is not the responder's fault.
#[tokio::test(start_paused = true)]
async fn a_question_for_which_there_was_no_time_blames_nobody() {
    let mut responder = Responder::new(|_, answer| answer.took_ms = 4_000);
    let subject = root(&mut responder);
    let mut watch = Rounds::new(&responder, vec![subject]);
    let begin = tokio::time::Instant::now();
    assert_eq!(watch.codes(0..1).await, BTreeSet::new());
    assert_eq!(begin.elapsed(), Duration::from_secs(15));
    assert_eq!(responder.asked.lock().unwrap().len(), 4);
}

fn specimen() -> (Responder, Vec<u8>) {
    let responder = Responder::new(|_, _| {});
    let cert_id = responder.authorities[0].cert_id(&[0x10, 1]);
    let body = responder.specimen(cert_id);
    (responder, body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_from_outside_panic_the_judge(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..5),
        cut in any::<proptest::sample::Index>(),
        other in proptest::collection::vec(any::<u8>(), 0..200),
        now in any::<i64>(),
    ) {
        let (responder, mut body) = specimen();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        let issuer = &responder.authorities[0].certificate;
        let asked = Asked { issuer, about: About::Drawn(vec![0x10, 1]), expected: Expected::Good, is_ca: true, hash: Hash::Sha1 };
        let limits = ctl_policy::sla::ServiceLimits::default();
        for body in [&body[..], &body[..cut.index(body.len())], &other[..]] {
            for now in [NOW, now] {
                let judged = judge::judge(&asked, Some(&[1; 32]), body, &limits, now);
                prop_assert!(judged.said.is_none() || OcspResponse::from_der(body, 100_000).is_ok());
                prop_assert!(judged.said.is_some() || !judged.codes.is_empty(), "no answer and no reason");
            }
        }
    }
}
