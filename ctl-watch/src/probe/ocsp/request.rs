//! OCSP requests over HTTP (RFC 6960 appendix A.1), including some with chosen base64.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ctl_fetch::{Addresses, Request};
use ctl_pki::Certificate;
use ctl_pki::ocsp::{Hash, MAX_OCSP_SIZE};
use ctl_policy::sla::ServiceLimits;

use super::judge::{About, Asked, Expected};
use super::plan::{draw, drawn};

const REQUEST: &str = "application/ocsp-request";
/// The media type of responses.
pub(super) const RESPONSE: &str = "application/ocsp-response";
/// The characters of base64 that must be escaped in a URL's path.
const ESCAPED: [char; 3] = ['/', '+', '='];
/// How many serial numbers are drawn to get the wanted characters; about every second has them.
const MAX_DRAWS: u32 = 256;

pub(super) fn post(
    url: &str,
    der: Vec<u8>,
    addresses: Addresses,
    timeout: Duration,
    limits: &ServiceLimits,
) -> Request {
    Request {
        url: url.to_owned(),
        body: Some(Bytes::from(der)),
        content_type: Some(REQUEST),
        accept: RESPONSE,
        max_body: limits.max_body.min(MAX_OCSP_SIZE),
        timeout,
        addresses,
        headers: Vec::new(),
    }
}

pub(super) fn get(
    url: &str,
    der: &[u8],
    addresses: Addresses,
    timeout: Duration,
    limits: &ServiceLimits,
) -> Request {
    let mut path = url.trim_end_matches('/').to_owned();
    path.push('/');
    for letter in STANDARD.encode(der).chars() {
        match letter {
            '/' => path.push_str("%2F"),
            '+' => path.push_str("%2B"),
            '=' => path.push_str("%3D"),
            other => path.push(other),
        }
    }
    Request {
        url: path,
        body: None,
        content_type: None,
        accept: RESPONSE,
        max_body: limits.max_body.min(MAX_OCSP_SIZE),
        timeout,
        addresses,
        headers: Vec::new(),
    }
}

/// Whether the base64 of a request has characters that must be escaped.
pub(super) fn needs_escapes(der: &[u8]) -> bool {
    STANDARD.encode(der).contains(ESCAPED)
}

/// Whether the base64 of a request has two slashes in a row.
pub(super) fn has_double_slash(der: &[u8]) -> bool {
    STANDARD.encode(der).contains("//")
}

/// A serial number that nobody issued, whose request in base64 has all characters that must be escaped and two slashes
/// in a row: some servers and caches turn two slashes into one, before or after unescaping.
pub(super) fn unissued<'a>(issuer: &'a Certificate, hash: Hash, random: &[u8; 32]) -> Asked<'a> {
    let ask = |turn: u32| Asked {
        issuer,
        // Of three consecutive lengths, two end in `=`.
        about: About::Drawn(with_slashes(drawn(
            random,
            &format!("unissued {turn}"),
            16 + (turn % 3) as usize,
        ))),
        expected: Expected::Unissued,
        is_ca: false,
        hash,
    };
    let has_all = |asked: &Asked<'_>| {
        asked.question().request(hash).is_ok_and(|der| {
            let text = STANDARD.encode(der);
            text.contains("//") && ESCAPED.iter().all(|letter| text.contains(*letter))
        })
    };
    (0..MAX_DRAWS).map(ask).find(has_all).unwrap_or_else(|| ask(0))
}

/// Two bytes of ones, which give two slashes wherever base64 divides them.
fn with_slashes(mut serial: Vec<u8>) -> Vec<u8> {
    serial.iter_mut().skip(7).take(2).for_each(|byte| *byte = 0xff);
    serial
}

/// A request whose base64 needs no escapes. It is about an issuer that does not exist, because the hashes of a real
/// issuer cannot be chosen. A responder that understands it answers `unknown` or `unauthorized`.
pub(super) fn plain(random: &[u8; 32]) -> Option<Vec<u8>> {
    // 84 bytes, which base64 encodes without `=`.
    about_nobodies(random, 17).find(|der| !needs_escapes(der))
}

/// The same with all characters that must be escaped, but without two slashes in a row.
pub(super) fn without_double_slash(random: &[u8; 32]) -> Option<Vec<u8>> {
    about_nobodies(random, 16).find(|der| {
        let text = STANDARD.encode(der);
        !text.contains("//") && ESCAPED.iter().all(|letter| text.contains(*letter))
    })
}

/// Requests about issuers that do not exist, with serial numbers of this size.
fn about_nobodies(random: &[u8; 32], size: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..MAX_DRAWS).map(move |turn| {
        let part = |name: &str| draw(random, &format!("plain {turn} {name}"));
        about_nobody(&part("name"), &part("key"), &drawn(random, &format!("plain {turn} serial"), size))
    })
}

/// An OCSPRequest by SHA-1 with these hashes of the issuer and a serial number of 16 or 17 bytes.
fn about_nobody(name: &[u8; 32], key: &[u8; 32], serial: &[u8]) -> Vec<u8> {
    let size = u8::try_from(serial.len()).unwrap_or(0);
    // Each of the five SEQUENCEs is two bytes shorter than the one around it.
    let mut der: Vec<u8> = (0..5).flat_map(|depth| [0x30, size + 65 - 2 * depth]).collect();
    der.extend([0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0]);
    for hash in [name, key] {
        der.extend([4, 20]);
        der.extend(hash.iter().take(20));
    }
    der.extend([2, size]);
    der.extend(serial);
    der
}

/// Framed like a request, so that nobody waits for more bytes, but not one: where its first element should begin is a
/// tag that no request has.
pub(super) fn garbage(request: &[u8], random: &[u8; 32]) -> Vec<u8> {
    // A SEQUENCE; a length of one byte, or one byte that says how many follow.
    let header = match request.get(1) {
        Some(length) if *length >= 0x80 => 2 + usize::from(length & 0x7f),
        _ => 2,
    };
    let noise = draw(random, "garbage");
    let noise = std::iter::once(0xff).chain(noise.iter().copied().cycle());
    request.iter().take(header).copied().chain(noise).take(request.len()).collect()
}

#[cfg(test)]
mod tests {
    use ctl_pki::ocsp::Question;

    use super::*;
    use crate::probe::ocsp::pretend;

    #[test]
    fn a_get_escapes_what_a_path_may_not_hold() {
        let limits = ServiceLimits::default();
        let request = get(
            "http://ocsp.example/v2g/",
            &[0xfb, 0xff, 0xbf, 0xff],
            Addresses::Turn(1),
            Duration::ZERO,
            &limits,
        );
        assert_eq!(request.url, "http://ocsp.example/v2g/%2B%2F%2B%2F%2Fw%3D%3D");
        assert_eq!((request.body, request.max_body), (None, MAX_OCSP_SIZE));
    }

    #[test]
    fn requests_with_and_without_escapes_are_found_for_every_issuer_and_seed() {
        for seed in 0..40 {
            let issuer = pretend::Authority::new("Root", seed % 5 + 1);
            for hash in [Hash::Sha1, Hash::Sha256] {
                let asked = unissued(&issuer.certificate, hash, &[seed; 32]);
                let text = STANDARD.encode(asked.question().request(hash).unwrap());
                assert!(text.contains("//") && ESCAPED.iter().all(|letter| text.contains(*letter)), "{text}");
            }
            let tame = without_double_slash(&[seed; 32]).unwrap();
            assert!(needs_escapes(&tame) && !has_double_slash(&tame));
            assert_eq!(tame.len(), 83);
            let plain = plain(&[seed; 32]).unwrap();
            assert!(!STANDARD.encode(&plain).contains(ESCAPED));
            assert_eq!(plain.len(), 84);
        }
    }

    #[test]
    fn a_plain_request_is_one_that_anybody_could_send() {
        let issuer = pretend::Authority::new("Root", 1);
        let serial = [0x41; 17];
        let real = Question::about_serial(&serial, &issuer.certificate).request(Hash::Sha1).unwrap();
        let nobodys = about_nobody(&[1; 32], &[2; 32], &serial);
        assert_eq!((real.len(), real.get(..23)), (nobodys.len(), nobodys.get(..23)));
    }

    #[test]
    fn garbage_begins_like_a_request_and_is_none() {
        let issuer = pretend::Authority::new("Root", 1);
        let real = Question::about_serial(&[1], &issuer.certificate).request(Hash::Sha256).unwrap();
        let garbage = garbage(&real, &[7; 32]);
        assert_eq!((garbage.len(), garbage.get(..2)), (real.len(), real.get(..2)));
        assert!(real.len() < 0x80 && garbage[2] == 0xff, "{garbage:02x?}");
        assert_ne!(garbage[3..], real[3..]);
    }
}
