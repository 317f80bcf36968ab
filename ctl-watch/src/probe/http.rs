//! What all probes over HTTP share: turns an exchange into findings about transport, clock and caching. Pure.
//!
//! One fault gives one code. An answer is judged in the order in which it comes about: a missing answer is not judged
//! for its status, a wrong status not for media type, age or speed, and so on. See [`read`].

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use chrono::DateTime;
use ctl_fetch::{Answer, Exchange, Request};
use ctl_pki::time::{date, span};
use ctl_policy::sla::ServiceLimits;

use crate::code::Code;
use crate::observation::{Evidence, Finding};

/// How many bytes of a body are kept as evidence.
pub const MAX_EVIDENCE_BODY: usize = 1024 * 1024;
/// How many bytes of headers are kept as evidence.
const MAX_EVIDENCE_HEADERS: usize = 16 * 1024;
/// How many exchanges of one probe are kept as evidence.
pub const MAX_EVIDENCE: usize = 4;
/// How many characters of a received text a finding quotes.
const MAX_QUOTE: usize = 80;

/// What an answer is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The allowed media types; if empty, any.
    pub media_types: &'a [&'a str],
    pub limits: &'a ServiceLimits,
    /// Unix time at which the probe began.
    pub now: i64,
}

/// An exchange as far as HTTP goes.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// The answer, if it has status 200 and a body.
    pub answer: Option<&'a Answer>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// How many seconds the service's clock is ahead of the watch's, if it tells the time.
    pub clock_offset: Option<i64>,
}

/// Reads an exchange. Without an answer there is only the fetcher's code; with a status other than 200, only
/// `http_status`; with an empty body, only `body_empty`. An answer with a body is also judged for speed, media type,
/// clock and the end of the TLS certificate.
#[must_use]
pub fn read<'a>(exchange: &'a Exchange, expected: &Expected<'_>) -> Reading<'a> {
    let answer = match &exchange.result {
        Ok(answer) => answer,
        Err(_) => {
            return Reading {
                answer: None,
                findings: transport(exchange).into_iter().collect(),
                clock_offset: None,
            };
        }
    };
    let clock_offset = clock_offset(exchange, expected.now);
    if let Some(finding) = http_status(exchange).or_else(|| body_empty(exchange)) {
        return Reading { answer: None, findings: vec![finding], clock_offset };
    }
    let mut findings = timeliness(exchange, expected.limits, expected.now);
    findings.extend(content_type(exchange, expected.media_types));
    Reading { answer: Some(answer), findings, clock_offset }
}

/// Findings about times: a slow answer, a TLS certificate that ends soon, a wrong clock.
#[must_use]
pub fn timeliness(exchange: &Exchange, limits: &ServiceLimits, now: i64) -> Vec<Finding> {
    let offset = clock_offset(exchange, now);
    let clock = offset.and_then(|offset| clock_finding(exchange.address, offset, limits));
    [slow(exchange, limits), tls_certificate_expiring(exchange, limits, now), clock]
        .into_iter()
        .flatten()
        .collect()
}

/// Why no answer came.
#[must_use]
pub fn transport(exchange: &Exchange) -> Option<Finding> {
    let error = exchange.result.as_ref().err()?;
    Some(finding(error.reason.into(), exchange.address, error.detail.clone()))
}

/// The finding, if the status is not 200.
#[must_use]
pub fn http_status(exchange: &Exchange) -> Option<Finding> {
    let answer = exchange.result.as_ref().ok().filter(|answer| answer.status != 200)?;
    let mut detail = format!("status {} where 200 is due", answer.status);
    if let Some(text) = beginning_of_text(&answer.body) {
        detail.push_str(&format!("; the body begins: {text}"));
    }
    Some(finding(Code::HttpStatus, exchange.address, detail))
}

/// The finding, if the body is empty.
#[must_use]
pub fn body_empty(exchange: &Exchange) -> Option<Finding> {
    exchange.result.as_ref().ok().filter(|answer| answer.body.is_empty())?;
    Some(finding(Code::BodyEmpty, exchange.address, "status 200 and not one byte of body".to_owned()))
}

/// The finding, if the media type is none of these. Case and parameters do not matter (RFC 9110 section 8.3.1).
#[must_use]
pub fn content_type(exchange: &Exchange, allowed: &[&str]) -> Option<Finding> {
    let answer = exchange.result.as_ref().ok().filter(|_| !allowed.is_empty())?;
    let due = allowed.join(" or ");
    let detail = match answer.header("content-type") {
        None => format!("no Content-Type; it should be {due}"),
        Some(value) => {
            let essence = value.split(';').next().unwrap_or_default().trim();
            if allowed.iter().any(|allowed| essence.eq_ignore_ascii_case(allowed)) {
                return None;
            }
            format!("Content-Type is {}; it should be {due}", quoted(value))
        }
    };
    Some(finding(Code::ContentType, exchange.address, detail))
}

/// The finding, if the answer took longer than allowed.
#[must_use]
pub fn slow(exchange: &Exchange, limits: &ServiceLimits) -> Option<Finding> {
    exchange.result.as_ref().ok()?;
    let timings = exchange.timings;
    let total = timings.total.as_millis();
    if total <= u128::from(limits.slow_ms) {
        return None;
    }
    let tls = timings.tls.map(|tls| format!(", {} ms TLS", tls.as_millis())).unwrap_or_default();
    let detail = format!(
        "{total} ms where {} are allowed: {} ms DNS, {} ms TCP{tls}, {} ms to the first byte of the answer",
        limits.slow_ms,
        timings.dns.as_millis(),
        timings.tcp.as_millis(),
        timings.first_byte.as_millis(),
    );
    Some(finding(Code::Slow, exchange.address, detail))
}

/// The finding, if the TLS certificate ends within the notice.
#[must_use]
pub fn tls_certificate_expiring(exchange: &Exchange, limits: &ServiceLimits, now: i64) -> Option<Finding> {
    let not_after = exchange.result.as_ref().ok()?.tls_not_after?;
    let left = not_after.saturating_sub(now);
    if left >= limits.tls_notice {
        return None;
    }
    let detail = format!(
        "the TLS certificate ends on {}, {}; {} of notice are due",
        date(not_after),
        from_now(left),
        span(limits.tls_notice)
    );
    Some(finding(Code::TlsCertificateExpiring, exchange.address, detail))
}

/// How many seconds the service's `Date` is ahead of the watch's clock. A cached answer has an `Age` and its original
/// `Date` (RFC 9111 section 5.1). The duration of the exchange is allowed for.
#[must_use]
pub fn clock_offset(exchange: &Exchange, now: i64) -> Option<i64> {
    let answer = exchange.result.as_ref().ok()?;
    let date = http_date(answer.header("date")?)?;
    let took = i64::try_from(exchange.timings.total.as_secs()).unwrap_or(i64::MAX);
    Some(date.saturating_add(age(answer)).saturating_sub(now.saturating_add(took)))
}

fn clock_finding(address: Option<SocketAddr>, offset: i64, limits: &ServiceLimits) -> Option<Finding> {
    if offset.saturating_abs() <= limits.skew {
        return None;
    }
    let direction = if offset > 0 { "ahead of" } else { "behind" };
    let detail = format!(
        "by its Date header the service's clock is {} {direction} the watch's; {} are allowed",
        span(offset.saturating_abs()),
        span(limits.skew)
    );
    Some(finding(Code::ClockOffset, address, detail))
}

/// The finding, if addresses of a name answer differently. `said` is what to compare of an answer; none leaves the
/// answer out, because what is wrong with it is reported elsewhere.
#[must_use]
pub fn address_disagreement<T: PartialEq + fmt::Display>(
    exchanges: &[Exchange],
    said: impl Fn(&Exchange) -> Option<T>,
) -> Option<Finding> {
    let said: Vec<_> =
        exchanges.iter().filter_map(|exchange| Some((exchange.address?, said(exchange)?))).collect();
    let (_, first) = said.first()?;
    if said.iter().all(|(_, other)| other == first) {
        return None;
    }
    let all: Vec<_> = said.iter().map(|(address, said)| format!("{address}: {said}")).collect();
    Some(finding(Code::AddressDisagreement, None, all.join("; ")))
}

/// Findings about caching an answer to a GET: whether it says how long, and whether caches may serve it after it
/// expires. Forbidding caching is fine.
#[must_use]
pub fn caching(
    exchange: &Exchange,
    next_update: Option<i64>,
    now: i64,
    limits: &ServiceLimits,
) -> Option<Finding> {
    let answer = exchange.result.as_ref().ok()?;
    let Some(lifetime) = lifetime(answer, now) else {
        let detail =
            "neither Cache-Control with max-age nor Expires: every cache guesses for itself".to_owned();
        return Some(finding(Code::CacheControlMissing, exchange.address, detail));
    };
    let fresh_until = now.saturating_add(lifetime.saturating_sub(age(answer)));
    let next_update = next_update.filter(|next| *next >= now)?;
    if fresh_until <= next_update.saturating_add(limits.skew) {
        return None;
    }
    let detail = format!(
        "caches may give it out until {}, and it holds until {}: max-age must end at nextUpdate",
        date(fresh_until),
        date(next_update)
    );
    Some(finding(Code::ExpiresAfterNextUpdate, exchange.address, detail))
}

/// For how many seconds after its `Date` any cache may give an answer out, or nothing if it does not say
/// (RFC 9111 section 4.2.1). A lifetime that cannot be read is over.
fn lifetime(answer: &Answer, now: i64) -> Option<i64> {
    let mut longest = None;
    let directives = answer.headers.iter().filter(|(name, _)| name == "cache-control");
    for directive in directives.flat_map(|(_, value)| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "no-store" | "no-cache" => return Some(0),
            "max-age" | "s-maxage" => longest = longest.max(Some(seconds(value))),
            _ => {}
        }
    }
    longest.or_else(|| {
        let expires = answer.header("expires")?;
        let date = answer.header("date").and_then(http_date).unwrap_or(now);
        Some(http_date(expires).map_or(0, |expires| expires.saturating_sub(date).max(0)))
    })
}

fn age(answer: &Answer) -> i64 {
    answer.header("age").map_or(0, seconds)
}

/// Delta-seconds, perhaps quoted. What is too large to count is as long as there is (RFC 9111 section 1.2.2).
fn seconds(text: &str) -> i64 {
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    digits.parse().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX))
}

/// IMF-fixdate (RFC 9110 section 5.6.7), the only form that may be sent.
fn http_date(text: &str) -> Option<i64> {
    let text = text.trim();
    if !text.ends_with("GMT") {
        return None;
    }
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.timestamp())
}

/// The exchange that stands for all addresses: the first that answered with 200, else the first that answered.
#[must_use]
pub fn main_exchange(exchanges: &[Exchange]) -> Option<&Exchange> {
    let status = |exchange: &&Exchange| exchange.result.as_ref().is_ok_and(|answer| answer.status == 200);
    exchanges.iter().find(status).or_else(|| exchanges.iter().find(|exchange| exchange.result.is_ok()))
}

/// What proves that this was asked and that came back, cut to a bounded size.
#[must_use]
pub fn evidence(request: &Request, exchange: &Exchange) -> Evidence {
    let answer = match &exchange.result {
        Ok(answer) => Some(answer),
        Err(error) => error.partial.as_deref(),
    };
    let method = if request.body.is_some() { "POST" } else { "GET" };
    let body = answer.map(|answer| &answer.body);
    let mut left = MAX_EVIDENCE_HEADERS;
    let headers = answer.map(|answer| answer.headers.as_slice()).unwrap_or_default().iter().take_while(
        |(name, value)| {
            let size = name.len().saturating_add(value.len());
            let fits = size <= left;
            left = left.saturating_sub(size);
            fits
        },
    );
    Evidence {
        request: format!("{method} {}", request.url),
        request_body: request.body.clone().unwrap_or_default(),
        address: exchange.address,
        status: answer.map(|answer| answer.status),
        headers: headers.cloned().collect(),
        body: body.map(cut).unwrap_or_default(),
        body_bytes: body.map_or(0, |body| body.len() as u64),
    }
}

/// A part of a body is copied, so that it does not keep the whole alive.
fn cut(body: &Bytes) -> Bytes {
    match body.get(..MAX_EVIDENCE_BODY) {
        Some(beginning) if body.len() > MAX_EVIDENCE_BODY => Bytes::copy_from_slice(beginning),
        _ => body.clone(),
    }
}

/// A finding.
#[must_use]
pub fn finding(code: Code, address: Option<SocketAddr>, detail: String) -> Finding {
    Finding { code, address, detail }
}

fn from_now(left: i64) -> String {
    if left < 0 { "in the past".to_owned() } else { format!("in {}", span(left)) }
}

/// Leaves out what only follows from a finding about the body: what is text is served as text.
pub fn drop_consequences(findings: &mut Vec<Finding>, code: Code) {
    if matches!(code, Code::HtmlInsteadOfDer | Code::Base64InsteadOfDer | Code::PemInsteadOfDer) {
        findings.retain(|finding| finding.code != Code::ContentType);
    }
}

/// What a service sent, short enough to be shown and without what would disturb a terminal or a log.
#[must_use]
pub fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_QUOTE).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(MAX_QUOTE).is_some() { "…" } else { "" };
    format!("\"{short}{more}\"")
}

/// The first words of a body that is text, as error pages are.
fn beginning_of_text(body: &[u8]) -> Option<String> {
    let beginning = body.get(..body.len().min(4 * MAX_QUOTE))?;
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(beginning.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim();
    (!text.is_empty() && !text.contains('\0')).then(|| quoted(text))
}

#[cfg(test)]
mod tests;
