//! What is found wrong with exchanges before anybody looks into the body.

use std::time::Duration;

use ctl_fetch::{Addresses, FetchError, Reason, Timings};

use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: i64 = 784_111_777;
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const TYPES: &[&str] = &["application/ocsp-response"];

fn answer(headers: &[(&str, &str)], body: &[u8]) -> Answer {
    Answer {
        status: 200,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::copy_from_slice(body),
        tls_not_after: None,
    }
}

fn exchange(result: Result<Answer, FetchError>) -> Exchange {
    Exchange { address: Some(([192, 0, 2, 1], 80).into()), timings: Timings::default(), result }
}

fn with(headers: &[(&str, &str)]) -> Exchange {
    exchange(Ok(answer(headers, b"body")))
}

fn codes(exchange: &Exchange, limits: &ServiceLimits) -> Vec<Code> {
    let reading = read(exchange, &Expected { media_types: TYPES, limits, now: NOW });
    assert!(reading.findings.iter().all(|finding| !finding.detail.is_empty()));
    reading.findings.iter().map(|finding| finding.code).collect()
}

fn codes_of(exchange: &Exchange) -> Vec<Code> {
    codes(exchange, &ServiceLimits::default())
}

#[test]
fn an_answer_in_order_gives_no_finding() {
    let good = with(&[("content-type", "application/ocsp-response"), ("date", DATE)]);
    let limits = ServiceLimits::default();
    let reading = read(&good, &Expected { media_types: TYPES, limits: &limits, now: NOW });
    assert_eq!((reading.findings, reading.clock_offset), (Vec::new(), Some(0)));
    assert!(reading.answer.is_some());
}

#[test]
fn what_did_not_arrive_is_not_judged_further() {
    let partial = Some(Box::new(answer(&[], b"half")));
    let error = FetchError { reason: Reason::BodyTruncated, detail: "4 of 8 bytes".to_owned(), partial };
    let broken = exchange(Err(error));
    assert_eq!(codes_of(&broken), [Code::BodyTruncated]);
    assert!(main_exchange(std::slice::from_ref(&broken)).is_none());
    let request = Request {
        url: "http://ocsp.example/".to_owned(),
        body: None,
        content_type: None,
        accept: "*/*",
        max_body: 100,
        timeout: Duration::from_secs(1),
        addresses: Addresses::All,
        headers: Vec::new(),
    };
    assert_eq!(evidence(&request, &broken).body.as_ref(), b"half");
}

#[test]
fn an_error_page_gives_its_status_and_first_words_and_nothing_else() {
    let mut page = answer(&[("content-type", "text/html")], b"<h1>gone\x1b[31m</h1>");
    page.status = 404;
    let mut page = exchange(Ok(page));
    page.timings.total = Duration::from_secs(60);
    let limits = ServiceLimits::default();
    let reading = read(&page, &Expected { media_types: TYPES, limits: &limits, now: NOW });
    let [finding] = &reading.findings[..] else { panic!("{:?}", reading.findings) };
    assert_eq!(finding.code, Code::HttpStatus);
    assert_eq!(finding.detail, "status 404 where 200 is due; the body begins: \"<h1>gone\\u{1b}[31m</h1>\"");
    assert_eq!(codes_of(&exchange(Ok(answer(&[], b"")))), [Code::BodyEmpty]);
}

#[test]
fn the_media_type_is_compared_without_case_and_parameters() {
    for good in ["application/ocsp-response", "Application/OCSP-Response ; charset=binary"] {
        assert_eq!(codes_of(&with(&[("content-type", good)])), []);
    }
    for bad in ["text/html", "application/ocsp-response-too", ""] {
        assert_eq!(codes_of(&with(&[("content-type", bad)])), [Code::ContentType], "{bad}");
    }
    assert_eq!(codes_of(&with(&[])), [Code::ContentType]);
    assert_eq!(content_type(&with(&[]), &[]), None);
}

#[test]
fn slowness_and_the_end_of_tls_are_measured_by_the_limits() {
    let mut slow = with(&[("content-type", TYPES[0])]);
    slow.timings.total = Duration::from_millis(10_000);
    assert_eq!(codes_of(&slow), []);
    slow.timings.total = Duration::from_millis(10_001);
    assert_eq!(codes_of(&slow), [Code::Slow]);
    let strict = ServiceLimits { slow_ms: 20_000, ..ServiceLimits::default() };
    assert_eq!(codes(&slow, &strict), []);

    let ending = |left| {
        let mut answer = answer(&[("content-type", TYPES[0])], b"body");
        answer.tls_not_after = Some(NOW + left);
        codes_of(&exchange(Ok(answer)))
    };
    assert_eq!(ending(14 * 86_400), []);
    assert_eq!(ending(14 * 86_400 - 1), [Code::TlsCertificateExpiring]);
}

#[test]
fn a_clock_is_off_unless_a_cache_explains_it() {
    let at = |now: i64, headers: &[(&str, &str)]| clock_offset(&with(headers), now);
    assert_eq!(at(NOW, &[("date", DATE)]), Some(0));
    assert_eq!(at(NOW + 600, &[("date", DATE)]), Some(-600));
    assert_eq!(at(NOW + 600, &[("date", DATE), ("age", "600")]), Some(0));
    assert_eq!(at(NOW, &[("date", "yesterday")]), None);
    assert_eq!(at(NOW, &[]), None);
    let ahead = with(&[("content-type", TYPES[0]), ("date", "Sun, 06 Nov 1994 08:54:38 GMT")]);
    assert_eq!(codes_of(&ahead), [Code::ClockOffset]);
    // The clock is the watch's at the beginning of the probe: a slow answer is not an early one.
    let mut slow = with(&[("date", DATE)]);
    slow.timings.total = Duration::from_secs(9);
    assert_eq!(clock_offset(&slow, NOW - 9), Some(0));
}

#[test]
fn addresses_that_answer_differently_are_named() {
    let from = |last, body: &[u8]| Exchange {
        address: Some(([192, 0, 2, last], 80).into()),
        timings: Timings::default(),
        result: Ok(answer(&[], body)),
    };
    let said = |exchange: &Exchange| {
        let answer = exchange.result.as_ref().ok()?;
        Some(String::from_utf8_lossy(&answer.body).into_owned())
    };
    assert_eq!(address_disagreement(&[from(1, b"good")], said), None);
    assert_eq!(address_disagreement(&[from(1, b"good"), from(2, b"good")], said), None);
    let found = address_disagreement(&[from(1, b"good"), from(2, b"revoked")], said).unwrap();
    assert_eq!(found.code, Code::AddressDisagreement);
    assert_eq!(found.detail, "192.0.2.1:80: good; 192.0.2.2:80: revoked");
    // One that does not answer has another fault.
    let refused = FetchError { reason: Reason::TcpRefused, detail: "refused".to_owned(), partial: None };
    assert_eq!(address_disagreement(&[from(1, b"good"), exchange(Err(refused))], said), None);
}

#[test]
fn caches_are_told_how_long_and_not_longer_than_the_answer_holds() {
    let next = Some(NOW + 3600);
    let code = |headers: &[(&str, &str)]| {
        caching(&with(headers), next, NOW, &ServiceLimits::default()).map(|found| found.code)
    };
    let missing = Some(Code::CacheControlMissing);
    let too_long = Some(Code::ExpiresAfterNextUpdate);
    assert_eq!(code(&[]), missing);
    assert_eq!(code(&[("cache-control", "public, must-revalidate")]), missing);
    assert_eq!(code(&[("cache-control", "public"), ("cache-control", "Max-Age=3600")]), None);
    assert_eq!(code(&[("cache-control", "max-age=\"3900\"")]), None);
    assert_eq!(code(&[("cache-control", "max-age=3901")]), too_long);
    assert_eq!(code(&[("cache-control", "max-age=60, s-maxage=86400")]), too_long);
    assert_eq!(code(&[("cache-control", "max-age=99999999999999999999999")]), too_long);
    assert_eq!(code(&[("cache-control", "max-age=86400"), ("age", "82800")]), None);
    assert_eq!(code(&[("cache-control", "no-store")]), None);
    assert_eq!(code(&[("cache-control", "no-cache"), ("expires", "Mon, 06 Nov 2034 08:49:37 GMT")]), None);
    assert_eq!(code(&[("expires", "0")]), None);
    assert_eq!(code(&[("date", DATE), ("expires", "Sun, 06 Nov 1994 09:49:37 GMT")]), None);
    assert_eq!(code(&[("date", DATE), ("expires", "Sun, 06 Nov 1994 10:49:37 GMT")]), too_long);
    assert_eq!(code(&[("expires", "Sun, 06 Nov 1994 10:49:37 GMT")]), too_long);
    // A stale answer is stale, whatever caches may do with it; one without an end cannot be cached beyond it.
    let any = with(&[("cache-control", "max-age=86400")]);
    assert_eq!(caching(&any, Some(NOW - 1), NOW, &ServiceLimits::default()), None);
    assert_eq!(caching(&any, None, NOW, &ServiceLimits::default()), None);
}

#[test]
fn evidence_is_bounded() {
    let large = answer(&[("x", &"y".repeat(20_000)), ("z", "z")], &vec![7; MAX_EVIDENCE_BODY + 9]);
    let request = Request {
        url: "http://ocsp.example/".to_owned(),
        body: Some(Bytes::from_static(b"question")),
        content_type: Some("application/ocsp-request"),
        accept: "application/ocsp-response",
        max_body: 2 * MAX_EVIDENCE_BODY,
        timeout: Duration::from_secs(1),
        addresses: Addresses::All,
        headers: Vec::new(),
    };
    let kept = evidence(&request, &exchange(Ok(large)));
    assert_eq!(
        (kept.request.as_str(), kept.request_body.as_ref()),
        ("POST http://ocsp.example/", &b"question"[..])
    );
    assert_eq!((kept.body.len(), kept.body_bytes), (MAX_EVIDENCE_BODY, MAX_EVIDENCE_BODY as u64 + 9));
    assert_eq!(kept.headers, []);
}

#[test]
fn the_exchange_that_counts_is_the_first_good_one() {
    let mut error = answer(&[], b"oops");
    error.status = 500;
    let exchanges = [exchange(Ok(error)), with(&[])];
    assert_eq!(main_exchange(&exchanges), exchanges.get(1));
    assert_eq!(main_exchange(&exchanges[..1]), exchanges.first());
    assert_eq!(main_exchange(&[]), None);
}
