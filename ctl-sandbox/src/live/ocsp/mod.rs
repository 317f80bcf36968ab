//! An OCSP responder (RFC 6960, RFC 5019, nonces RFC 9654): what it says of a request, and what it says when
//! something is wrong with it.

mod request;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use self::request::{Asked, Question};
use super::authority::{Authority, OF_DELEGATES, ON_HOLD, Revocation, Status};
use super::der::{self, extension, generalized, ocsp_oid, oid, seq};
use super::faults::Active;
use super::sign::sign;
use super::{Code, bundle};
use crate::SandboxError;
use crate::shape::tlv;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A response, and what a cache has to know of it.
pub(super) struct Response {
    pub(super) der: Vec<u8>,
    /// Since when and until when it holds; `None` for what no cache may keep.
    pub(super) validity: Option<(i64, i64)>,
}

/// How the request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// The times in a response.
struct Times {
    produced: i64,
    this: i64,
    next: Option<i64>,
}

/// OCSPResponseStatus.
const MALFORMED: u8 = 1;
const UNAUTHORIZED: u8 = 6;

fn refusal(status: u8) -> Response {
    Response { der: seq(&[tlv(0x0a, &[status])]), validity: None }
}

/// Answers a request.
pub(super) fn respond(
    authority: &Authority,
    request: &[u8],
    method: Method,
    now: i64,
    faults: &Active,
) -> Result<Response, SandboxError> {
    let refusals = [
        (Code::ResponderMalformedRequest, MALFORMED),
        (Code::ResponderInternalError, 2),
        (Code::ResponderTryLater, 3),
        (Code::ResponderSigRequired, 5),
        (Code::ResponderUnauthorized, UNAUTHORIZED),
    ];
    if let Some((_, status)) = refusals.iter().find(|(code, _)| faults.has(*code)) {
        return Ok(refusal(*status));
    }
    let Some(asked) = request::read(request) else {
        if !faults.has(Code::GarbageAccepted) {
            return Ok(refusal(MALFORMED));
        }
        let asked = Asked { questions: Vec::new(), nonce: None };
        let serial = authority.good().into_iter().next().unwrap_or_default();
        let good = single(&cert_id(authority, &serial), &tlv(0x80, &[]), &times(now, false, method, faults));
        return basic(authority, &[good], &asked, &times(now, false, method, faults), now, faults);
    };
    if !asked.questions.iter().all(|question| question.is_about(&authority.certificate)) {
        return Ok(refusal(UNAUTHORIZED));
    }
    let times = times(now, asked.nonce.is_some(), method, faults);
    let answers: Vec<_> = asked
        .questions
        .iter()
        .map(|question| {
            let id =
                if faults.has(Code::CertidMismatch) { stranger(question) } else { question.cert_id.clone() };
            single(&id, &status(authority, question, method, now, faults), &times)
        })
        .collect();
    basic(authority, &answers, &asked, &times, now, faults)
}

/// An answer is made for every full hour and holds for two days from an hour before it, as for clocks that run
/// behind; with a nonce it is made at once.
fn times(now: i64, at_once: bool, method: Method, faults: &Active) -> Times {
    let hour = now - now.rem_euclid(HOUR);
    let produced = if at_once { now } else { hour };
    let mut times = Times { produced, this: hour - HOUR, next: Some(hour - HOUR + 2 * DAY) };
    if faults.has(Code::IntervalTooShort) {
        times.this = hour;
        times.next = Some(hour + 4 * HOUR);
    }
    if faults.has(Code::IntervalTooLong) {
        times.next = Some(times.this + 730 * DAY);
    }
    if faults.has(Code::RenewedTooLate) {
        times = Times { produced, this: now - 46 * HOUR, next: Some(now + 2 * HOUR) };
    }
    if faults.has(Code::NextUpdatePast) {
        times = Times { produced: now - 11 * HOUR, this: now - 11 * HOUR, next: Some(now - HOUR) };
    }
    if faults.has(Code::StaleFromCache) && method == Method::Get {
        times = Times { produced: now - 3 * DAY, this: now - 3 * DAY, next: Some(now - DAY) };
    }
    if faults.has(Code::ThisUpdateFuture) {
        times = Times { produced: now, this: now + HOUR, next: Some(now + HOUR + 2 * DAY) };
    }
    if faults.has(Code::NextUpdateMissing) {
        times.next = None;
    }
    if faults.has(Code::ProducedAtFuture) {
        times.produced = now + HOUR;
    }
    if faults.has(Code::ProducedBeforeThisUpdate) {
        times.produced = times.this - HOUR;
    }
    times
}

/// CertStatus, as the register has it or as a fault has it.
fn status(authority: &Authority, question: &Question, method: Method, now: i64, faults: &Active) -> Vec<u8> {
    let on_hold = Revocation { time: now - DAY, reason: Some(ON_HOLD) };
    let said = match authority.status(&question.serial) {
        Status::Good if faults.has(Code::IssuedSerialUnknown) => Status::Unknown,
        Status::Good if faults.has(Code::CanaryGoodNotGood) => Status::Revoked(on_hold),
        Status::Good if faults.has(Code::PostGetDisagree) && method == Method::Get => {
            Status::Revoked(on_hold)
        }
        Status::Revoked(_)
            if faults.has(Code::CanaryRevokedNotRevoked) || faults.has(Code::StatusFlipBack) =>
        {
            Status::Good
        }
        Status::Revoked(mut revocation) => {
            if faults.has(Code::RevocationReasonMissing) {
                revocation.reason = None;
            }
            if faults.has(Code::ReasonIllegal) {
                revocation.reason = Some(7);
            }
            if faults.has(Code::RevocationDateFuture) {
                revocation.time = now + DAY;
            }
            Status::Revoked(revocation)
        }
        Status::Unknown if faults.has(Code::UnissuedSerialGood) => Status::Good,
        said => said,
    };
    match said {
        Status::Good => tlv(0x80, &[]),
        Status::Unknown => tlv(0x82, &[]),
        Status::Revoked(Revocation { time, reason }) => {
            let reason = reason.map(|code| tlv(0xa0, &tlv(0x0a, &[code]))).unwrap_or_default();
            tlv(0xa1, &[generalized(time), reason].concat())
        }
    }
}

/// SingleResponse.
fn single(cert_id: &[u8], status: &[u8], times: &Times) -> Vec<u8> {
    let next = times.next.map(|next| tlv(0xa0, &generalized(next))).unwrap_or_default();
    seq(&[cert_id.to_vec(), status.to_vec(), generalized(times.this), next])
}

/// CertID of a serial number of this CA, by SHA-256.
fn cert_id(authority: &Authority, serial: &[u8]) -> Vec<u8> {
    let digest = |bytes: &[u8]| tlv(0x04, &Sha256::digest(bytes));
    seq(&[
        seq(&[oid(der::SHA256), tlv(0x05, &[])]),
        digest(authority.certificate.subject_der()),
        digest(authority.certificate.public_key_bits()),
        tlv(0x02, serial),
    ])
}

/// CertID of a certificate that nobody asked about: another issuer's, with another serial number.
fn stranger(question: &Question) -> Vec<u8> {
    let mut serial = question.serial.clone();
    if let Some(last) = serial.last_mut() {
        *last ^= 1;
    }
    let digest = |what: &str| tlv(0x04, &Sha256::digest(what));
    seq(&[
        seq(&[oid(der::SHA256), tlv(0x05, &[])]),
        digest("another issuer's name"),
        digest("another issuer's key"),
        tlv(0x02, &serial),
    ])
}

/// OCSPResponse with a BasicOCSPResponse, signed.
fn basic(
    authority: &Authority,
    answers: &[Vec<u8>],
    asked: &Asked,
    times: &Times,
    now: i64,
    faults: &Active,
) -> Result<Response, SandboxError> {
    let delegated = !authority.signs_itself || !faults.of(OF_DELEGATES).is_empty();
    let delegate = if delegated { Some(authority.delegate(now, faults)?) } else { None };
    let key = if delegated { &authority.delegate_key } else { &authority.key };
    let responder = if faults.has(Code::ResponderIdMismatch) {
        tlv(0xa2, &tlv(0x04, &Sha1::digest("nobody's key")))
    } else if delegated {
        tlv(0xa2, &tlv(0x04, &key.id()))
    } else {
        tlv(0xa1, authority.certificate.subject_der())
    };
    let mut extensions = Vec::new();
    if let Some(nonce) = asked.nonce.as_ref().filter(|_| !faults.has(Code::NonceAbsent)) {
        let mut nonce = nonce.clone();
        if let Some(first) = nonce.first_mut().filter(|_| faults.has(Code::NonceWrong)) {
            *first ^= 1;
        }
        extensions.push(extension(&ocsp_oid(2), false, &tlv(0x04, &nonce)));
    }
    if faults.has(Code::UnknownCriticalExtension) {
        extensions.push(extension(der::UNHEARD_OF, true, &[5, 0]));
    }
    let mut data = vec![responder, generalized(times.produced), seq(answers)];
    if !extensions.is_empty() {
        data.push(tlv(0xa1, &seq(&extensions)));
    }
    let mut signed = sign(&seq(&data), key, faults)?;
    if let Some(delegate) = delegate {
        signed.push(tlv(0xa0, &seq(&[delegate.der().to_vec()])));
    }
    let kind = if faults.has(Code::ResponseTypeUnknown) { der::UNHEARD_OF } else { &ocsp_oid(1) };
    let bytes = tlv(0xa0, &seq(&[oid(kind), tlv(0x04, &seq(&signed))]));
    let mut response = seq(&[tlv(0x0a, &[0]), bytes]);
    if faults.has(Code::DerInvalid) {
        response = seq(&[tlv(0x04, b"this is no OCSP response")]);
    }
    if faults.has(Code::TrailingBytes) {
        response.extend([5, 0]);
    }
    response = bundle::as_text(response, faults);
    let validity = times.next.filter(|_| asked.nonce.is_none()).map(|next| (times.this, next));
    Ok(Response { der: response, validity })
}
