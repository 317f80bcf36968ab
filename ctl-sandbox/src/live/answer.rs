//! What each service answers, before anything happens to the answer on its way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

use super::authority::Authority;
use super::crl::{self, Place};
use super::faults::Active;
use super::ocsp::{self, Method};
use super::route::{Pool, Route, What};
use super::{Code, Service, bundle};
use crate::{Role, SandboxError};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.to_owned())
    }

    pub(super) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into() }
    }

    /// What caches may do (RFC 5019 section 6): nobody keeps an answer for longer than until the next is made.
    fn cached(mut self, (this, next): (i64, i64), now: i64, faults: &Active) -> Self {
        if faults.has(Code::CacheControlMissing) {
            return self;
        }
        let mut expires = next.min(now + HOUR);
        if faults.has(Code::ExpiresAfterNextUpdate) {
            expires = next.max(now) + DAY;
        }
        let seconds = (expires - now).max(0);
        let tag = hex::encode(Sha256::digest(&self.body));
        self.headers.extend([
            ("cache-control", format!("max-age={seconds}, public, no-transform, must-revalidate")),
            ("expires", http_date(expires)),
            ("last-modified", http_date(this)),
            ("etag", format!("\"{tag}\"")),
        ]);
        self
    }
}

/// A time as HTTP headers have it (RFC 9110 section 5.6.7).
pub(super) fn http_date(seconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A request, as far as answers depend on it.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) content_type: &'a str,
    pub(super) body: &'a [u8],
    /// Whether the name has a second address that answers otherwise, and this is it.
    pub(super) is_other_address: bool,
    pub(super) now: i64,
}

pub(super) fn answer(
    service: &Service,
    route: &Route<'_>,
    asked: &Asked<'_>,
    faults: &Active,
) -> Result<Answer, SandboxError> {
    if let (What::Ocsp { tail }, Some(authority)) = (&route.what, route.authority) {
        return ocsp(authority, tail.as_deref(), asked, faults);
    }
    if asked.method == Method::Post {
        return Ok(Answer::text(405, "Only OCSP takes a POST.\n"));
    }
    let root = service.pki.root().certificate();
    let wrong = |code| faults.has(code) || asked.is_other_address;
    Ok(match (&route.what, route.authority) {
        (What::Crl { index }, Some(authority)) => {
            let points = service.pki.spec().crl_points;
            let place = Place { points, index: *index, is_other_address: asked.is_other_address };
            let crl = crl::serve(authority, place, asked.now, faults)?;
            let answer = Answer::new(200, "application/pkix-crl", crl.body);
            answer.cached((crl.this, crl.next), asked.now, faults)
        }
        (What::CaIssuers, Some(_)) if faults.has(Code::CaIssuersUnreachable) => {
            Answer::new(200, "application/pkix-cert", "There is no certificate here any more.\n")
        }
        (What::CaIssuers, Some(authority)) => {
            let is_wrong = wrong(Code::CaIssuersWrongCertificate);
            let certificate = if is_wrong { &service.imposter } else { &authority.certificate };
            Answer::new(200, "application/pkix-cert", certificate.der().to_vec())
        }
        (What::Est, _) => {
            let root = if wrong(Code::EstCacertsMismatch) { &service.imposter } else { root };
            let subs = service.authorities.iter().filter(|authority| authority.role != Role::Root);
            let all: Vec<_> = std::iter::once(root).chain(subs.map(|sub| &sub.certificate)).collect();
            let mut answer = Answer::new(200, "application/pkcs7-mime", bundle::cacerts(&all));
            answer.headers.push(("content-transfer-encoding", "base64".to_owned()));
            answer
        }
        (What::Pool(pool), _) => {
            let root = if wrong(Code::RootPoolMismatch) { &service.imposter } else { root };
            let kind = service.pki.spec().kind;
            let json = match pool {
                Pool::Opcp => bundle::opcp(root, kind),
                Pool::Opnc => bundle::opnc(root, kind),
            };
            Answer::new(200, "application/json", json.to_string())
        }
        (What::Status, _) if wrong(Code::EndpointDown) => Answer::text(503, "Down.\n"),
        (What::Status, _) => Answer::text(200, "Well.\n"),
        _ => Answer::text(404, "There is nothing here.\n"),
    })
}

fn ocsp(
    authority: &Authority,
    tail: Option<&str>,
    asked: &Asked<'_>,
    faults: &Active,
) -> Result<Answer, SandboxError> {
    let request = match (asked.method, tail) {
        (Method::Get, Some(tail)) => decode(tail, faults),
        (Method::Post, None) if asked.content_type == "application/ocsp-request" => asked.body.to_vec(),
        (Method::Post, None) => {
            return Ok(Answer::text(415, "An OCSP request is application/ocsp-request.\n"));
        }
        _ => {
            return Ok(Answer::text(400, "POST an OCSP request here, or GET it as base64 after the path.\n"));
        }
    };
    let mut faults = faults.clone();
    if asked.is_other_address {
        faults = faults.and(Code::CanaryGoodNotGood);
    }
    let response = ocsp::respond(authority, &request, asked.method, asked.now, &faults)?;
    let answer = Answer::new(200, "application/ocsp-response", response.der);
    Ok(match response.validity {
        Some(validity) => answer.cached(validity, asked.now, &faults),
        None => {
            let mut answer = answer;
            answer.headers.push(("cache-control", "no-store, max-age=0".to_owned()));
            answer
        }
    })
}

/// The request in a GET: base64, in which `+`, `/` and `=` may be written as they are or as %2B, %2F and %3D
/// (RFC 6960 appendix A.1). What cannot be read is no request, and the responder says so.
fn decode(tail: &str, faults: &Active) -> Vec<u8> {
    let mut text: Vec<u8> = percent_decode_str(tail).collect();
    if faults.has(Code::GetDoubleSlash) {
        text.dedup_by(|second, first| (*first, *second) == (b'/', b'/'));
    }
    if faults.has(Code::GetEncoding) && text.iter().any(|byte| b"+/=".contains(byte)) {
        return Vec::new();
    }
    STANDARD.decode(text).unwrap_or_default()
}
