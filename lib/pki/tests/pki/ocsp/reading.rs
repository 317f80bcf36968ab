//! Bytes: requests, what is no response, and chance.

use ctl_pki::Certificate;
use ctl_pki::ocsp::{Hash, Limits, MAX_CERTIFICATES, MAX_OCSP_SIZE, OcspResponse, Question};
use ctl_pki::revocation::{Outcome, RevocationError};
use proptest::prelude::*;

use super::{judge, judge_with, notes};
use crate::revocation::*;

#[test]
fn a_request_is_what_the_standard_says() {
    let (leaf, root) = (leaf(), root());
    let question = Question::about(&leaf, &root.certificate);
    assert_eq!(question.serial(), LEAF_SERIAL);
    let plain = seq(&[seq(&[seq(&[seq(&[cert_id(SHA1, &root, LEAF_SERIAL)])])])]);
    assert_eq!(question.request(Hash::Sha1).unwrap(), plain);
    let nonce = tlv(0xa2, &seq(&[extension(&ocsp_oid(2), false, &tlv(4, &[7; 32]))]));
    let with_nonce = seq(&[seq(&[seq(&[seq(&[cert_id(SHA256, &root, LEAF_SERIAL)])]), nonce])]);
    assert_eq!(question.clone().with_nonce(&[7; 32]).request(Hash::Sha256).unwrap(), with_nonce);
    for length in [0, 129] {
        let nonce = vec![1; length];
        let refused = question.clone().with_nonce(&nonce).request(Hash::Sha1);
        assert_eq!(refused, Err(RevocationError::NonceLength(length)));
    }
    assert!(question.with_nonce(&[1; 128]).request(Hash::Sha512).is_ok());
}

#[test]
fn bytes_that_are_no_response_are_refused_with_a_reason() {
    let good = ocsp_shape().der(&key(1));
    let rule = |bytes: &[u8]| OcspResponse::from_der(bytes, MAX_OCSP_SIZE).unwrap_err().rule();
    assert_eq!(rule(&[]), "body-empty");
    assert_eq!(rule(b"<html>not found</html>"), "html-instead-of-der");
    assert_eq!(rule(&good[..good.len() - 1]), "der-invalid");
    assert_eq!(rule(&[good.as_slice(), &[0]].concat()), "trailing-bytes");
    assert_eq!(OcspResponse::from_der(&good, 100).unwrap_err().rule(), "body-too-large");
    let kind = OcspShape { kind: UNHEARD_OF.to_vec(), ..ocsp_shape() };
    assert_eq!(rule(&kind.der(&key(1))), "response-type-unknown");
    let many = OcspShape { certificates: vec![vec![5, 0]; MAX_CERTIFICATES + 1], ..ocsp_shape() };
    assert_eq!(rule(&many.der(&key(1))), "too-many-certificates");
    let malformed = [
        OcspShape { version: Some(1), ..ocsp_shape() },
        OcspShape { responder: tlv(0xa3, &[]), ..ocsp_shape() },
        OcspShape { produced_at: "291231000000Z", ..ocsp_shape() },
        OcspShape { status: 6, ..ocsp_shape() },
        ocsp_shape().answering(tlv(0x83, &[])),
        ocsp_shape().answering(tlv(0x80, &[0])),
        OcspShape { extensions: vec![extension(&ocsp_oid(2), false, &tlv(4, b"n")); 2], ..ocsp_shape() },
    ];
    for (number, shape) in malformed.iter().enumerate() {
        assert_eq!(rule(&shape.der(&key(1))), "der-invalid", "{number}");
    }
    assert_eq!(rule(&seq(&[tlv(0x0a, &[0])])), "der-invalid");
}

#[test]
fn a_certificate_that_cannot_be_read_is_passed_over() {
    let certificates = vec![vec![0x30, 0]];
    let judgement = judge(&OcspShape { certificates, ..ocsp_shape() }.signed());
    assert_eq!(judgement.outcome, Outcome::Good);
    assert!(notes(&judgement).contains(&"included-certificate-unreadable"));
}

/// A delegated answer with a nonce, and the places where its certificates lie, which nobody signed over.
fn full_response() -> (Vec<u8>, Certificate) {
    let responder = responder_shape().signed(&key(3), &key(1));
    let shape = OcspShape {
        responder: by_name("Responder"),
        extensions: vec![extension(&ocsp_oid(2), false, &tlv(4, b"nonce"))],
        certificates: vec![responder.der().to_vec()],
        ..ocsp_shape()
    };
    (shape.der(&key(3)), responder)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_changed_bit_is_believed(place in any::<proptest::sample::Index>(), bit in 0..8) {
        let (mut bytes, _) = full_response();
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        if let Ok(response) = OcspResponse::from_der(&bytes, MAX_OCSP_SIZE) {
            let judgement = judge_with(&response, Some(b"nonce"), NOW, &Limits::default());
            prop_assert!(matches!(judgement.outcome, Outcome::Undetermined(_)), "bit {bit} of byte {place}");
        }
    }

    #[test]
    fn mutated_and_truncated_responses_never_panic(
        cut in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let (mut bytes, _) = full_response();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(response) = OcspResponse::from_der(bytes, MAX_OCSP_SIZE) {
                let _ = judge_with(&response, Some(b"nonce"), NOW, &Limits::default());
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = OcspResponse::from_der(&bytes, MAX_OCSP_SIZE);
        let inside = seq(&[oid(&ocsp_oid(1)), tlv(4, &tlv(0x30, &bytes))]);
        let _ = OcspResponse::from_der(&seq(&[tlv(0x0a, &[0]), tlv(0xa0, &inside)]), MAX_OCSP_SIZE);
    }
}
