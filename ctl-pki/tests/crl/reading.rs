//! Bytes: what careless issuers write, what is no CRL, large ones, and chance.

use crate::revocation::*;
use crate::{judge, notes, undetermined};
use ctl_pki::crl::{self, Crl, Limits, MAX_CRL_SIZE, crls_from_pem};
use ctl_pki::revocation::{Outcome, RevocationError};
use proptest::prelude::*;

#[test]
fn careless_issuers_are_noticed_and_their_revocations_count() {
    let mut crl = crl_shape().revoking(LEAF_SERIAL, &[reason(7)]).revoking(OTHER_SERIAL, &[reason(0)]);
    crl.entries.get_or_insert_default().push(entry(&[9], "20400101000000Z", &[]));
    crl.entries.get_or_insert_default().push(entry(&[9], MAY, &[reason(200 & 0x7f)]));
    let judgement = judge(&leaf(), &[&crl.signed()]);
    assert_eq!(judgement.outcome, Outcome::Revoked { time: MAY_SECONDS, reason: None });
    assert_eq!(notes(&judgement), ["duplicate-serial", "reason-illegal", "revocation-date-future"]);
    let future = crl_shape();
    let mut future = CrlShape { entries: Some(vec![]), ..future };
    future.entries.get_or_insert_default().push(entry(LEAF_SERIAL, "20400101000000Z", &[]));
    assert!(judge(&leaf(), &[&future.signed()]).outcome.is_revoked());
    let bare = CrlShape { entries: Some(vec![]), extensions: vec![], ..crl_shape() };
    assert_eq!(
        notes(&judge(&leaf(), &[&bare.signed()])),
        ["aki-missing", "crl-number-missing", "empty-revoked-sequence"]
    );
    let other_key = crl_shape().with(&ce(35), false, seq(&[tlv(0x80, &key_id(&key(9)))]));
    let other_key = other_key.with(&ce(46), false, seq(&[seq(&[point_name(&[uri(CRL_URL)])])]));
    let mut other_key = other_key.scoped(&[tlv(0x81, &[0xff])]);
    other_key.extensions.pop();
    other_key.extensions.push(extension(&ce(28), false, &seq(&[tlv(0x81, &[0xff])])));
    assert_eq!(
        notes(&judge(&leaf(), &[&other_key.signed()])),
        ["aki-mismatch", "idp-not-critical", "deltas-exist"]
    );
}

#[test]
fn version_1_is_read_as_long_as_it_has_no_extensions() {
    let v1 = CrlShape { version: None, extensions: vec![], ..crl_shape() };
    let judgement = judge(&leaf(), &[&v1.clone().revoking(LEAF_SERIAL, &[]).signed()]);
    assert!(judgement.outcome.is_revoked());
    assert_eq!(notes(&judgement), ["version-not-v2"]);
    assert_eq!(undetermined(&v1.revoking(OTHER_SERIAL, &[reason(1)])), "extensions-without-version-2");
    assert_eq!(undetermined(&CrlShape { version: None, ..crl_shape() }), "extensions-without-version-2");
}

#[test]
fn bytes_that_are_no_crl_are_refused_with_a_reason() {
    let good = crl_shape().revoking(OTHER_SERIAL, &[reason(1)]).der(&key(1));
    let rule = |bytes: &[u8]| Crl::from_der(bytes, MAX_CRL_SIZE).unwrap_err().rule();
    assert_eq!(rule(&[]), "body-empty");
    assert_eq!(rule(b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"), "pem-instead-of-der");
    assert_eq!(rule(b"<html>not found</html>"), "der-invalid");
    assert_eq!(rule(&good[..good.len() - 1]), "der-invalid");
    assert_eq!(rule(&[good.as_slice(), &[0, 0, 0]].concat()), "trailing-bytes");
    assert_eq!(
        Crl::from_der(&good, 100).unwrap_err(),
        RevocationError::TooLarge { what: "CRL", size: good.len(), limit: 100 }
    );
    let shapes = [
        CrlShape { version: Some(0), ..crl_shape() },
        CrlShape { version: Some(2), ..crl_shape() },
        CrlShape { this_update: "20291231000000+0100", ..crl_shape() },
        CrlShape { this_update: "202912310000Z", ..crl_shape() },
        CrlShape { next_update: Some("20300102000000.5Z"), ..crl_shape() },
        CrlShape { issuer: tlv(0x31, &[]), ..crl_shape() },
        CrlShape { issuer: name(&"x".repeat(20_000)), ..crl_shape() },
        crl_shape().revoking(&[], &[]),
        crl_shape().revoking(&[0, 1], &[]),
        crl_shape().revoking(OTHER_SERIAL, &[extension(&ce(21), false, &[5, 0])]),
        crl_shape().revoking(OTHER_SERIAL, &[reason(1), reason(4)]),
        crl_shape().scoped(&[]),
        crl_shape().scoped(&[tlv(0x84, &[1])]),
        crl_shape().with(&ce(20), false, tlv(2, &[0x80])),
        CrlShape { extensions: vec![extension(&ce(20), false, &[2, 1, 7]); 2], ..crl_shape() },
        // What is well-formed and only there to cost time or to be shown to people.
        CrlShape {
            extensions: (0..65).map(|n| extension(&[0x88, 0x37, n], false, &[])).collect(),
            ..crl_shape()
        },
        crl_shape().with(&[0x88; 65].map(|_| 0x37), true, vec![5, 0]),
    ];
    for (number, shape) in shapes.iter().enumerate() {
        assert_eq!(rule(&shape.der(&key(1))), "der-invalid", "{number}");
    }
}

#[test]
fn crls_come_from_files_in_either_form() {
    let crl = crl_shape().signed();
    let base64 = base64_lines(crl.der());
    let pem = format!("-----BEGIN X509 CRL-----\n{base64}-----END X509 CRL-----\n");
    assert_eq!(Crl::from_bytes(crl.der(), MAX_CRL_SIZE).unwrap().der(), crl.der());
    assert_eq!(Crl::from_bytes(pem.as_bytes(), MAX_CRL_SIZE).unwrap().der(), crl.der());
    let two = format!("a note\n{pem}and another\n{pem}");
    assert_eq!(crls_from_pem(two.as_bytes(), MAX_CRL_SIZE).unwrap().len(), 2);
    assert_eq!(Crl::from_bytes(two.as_bytes(), MAX_CRL_SIZE).unwrap_err().rule(), "not-exactly-one");
    assert!(crls_from_pem(b"nothing", MAX_CRL_SIZE).is_err());
    assert!(crls_from_pem(&pem.as_bytes()[..pem.len() - 10], MAX_CRL_SIZE).is_err());
    assert!(crls_from_pem(pem.replace('\n', "\n*").as_bytes(), MAX_CRL_SIZE).is_err());
}

#[test]
fn a_crl_may_be_larger_than_a_length_of_three_octets() {
    let entry = entry(&[0x55; 20], MAY, &[reason(1)]);
    let count = 0x100_0000 / entry.len() + 1;
    let entries: Vec<_> = (0..count)
        .map(|number| {
            let mut entry = entry.clone();
            entry[8..12].copy_from_slice(&(number as u32).to_be_bytes());
            entry
        })
        .collect();
    let bytes = CrlShape { entries: Some(entries), ..crl_shape() }.der(&key(1));
    let crl = Crl::from_der(&bytes, MAX_CRL_SIZE).unwrap();
    assert_eq!((bytes[1], crl.len()), (0x84, count));
    assert!(crl::check(&crl, &[&root().certificate], NOW, &Limits::default()).problems().is_empty());
    let size = bytes.len();
    assert_eq!(
        Crl::from_der(&bytes, size - 1).unwrap_err(),
        RevocationError::TooLarge { what: "CRL", size, limit: size - 1 }
    );
}

#[test]
fn a_hundred_thousand_entries_are_read_once_and_found_at_once() {
    let entries = 100_000_u32;
    let mut shape = crl_shape();
    let list = shape.entries.insert(Vec::new());
    for number in (0..entries).rev() {
        // Spread over the numbers, and not in their order.
        let serial = [&[0x11][..], &number.wrapping_mul(2_654_435_761).to_be_bytes()].concat();
        list.push(entry(&serial, MAY, &[reason((number % 6 + 1) as u8)]));
    }
    list.insert(777, entry(LEAF_SERIAL, MAY, &[]));
    let crl = shape.signed();
    assert!(crl.der().len() > 3_500_000);
    assert_eq!(crl.len(), 100_001);
    assert!(judge(&leaf(), &[&crl]).outcome.is_revoked());
    assert_eq!(crl.find(&[0x11, 0, 0, 0, 0]).count(), 1);
    assert_eq!(crl.find(&[0x11, 0, 0, 0, 1]).count(), 0);
    let serials: Vec<_> = crl.entries().map(|entry| entry.serial.to_vec()).collect();
    assert!(serials.is_sorted());
}

fn base64_lines(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (count, chunk) in bytes.chunks(3).enumerate() {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let letter = ALPHABET[(group >> (18 - 6 * position) & 63) as usize];
            text.push(if position <= chunk.len() { char::from(letter) } else { '=' });
        }
        if count % 16 == 15 {
            text.push('\n');
        }
    }
    text + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_changed_bit_is_believed(place in any::<proptest::sample::Index>(), bit in 0..8) {
        let points = [seq(&[point_name(&[uri(CRL_URL)])])];
        let leaf = leaf_shape().distribution_points(&points).signed(&key(2), &key(1));
        let shape = crl_shape().scoped(&[point_name(&[uri(CRL_URL)])]).revoking(OTHER_SERIAL, &[reason(1)]);
        let mut bytes = shape.der(&key(1));
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        if let Ok(crl) = Crl::from_der(&bytes, MAX_CRL_SIZE) {
            prop_assert!(matches!(judge(&leaf, &[&crl]).outcome, Outcome::Undetermined(_)));
        }
    }

    #[test]
    fn mutated_and_truncated_crls_never_panic(
        cut in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let shape = crl_shape().scoped(&[point_name(&[uri(CRL_URL)])]).revoking(LEAF_SERIAL, &[reason(1)]);
        let mut bytes = shape.der(&key(1));
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(crl) = Crl::from_der(bytes, MAX_CRL_SIZE) {
                prop_assert_eq!(crl.entries().len(), crl.len());
                let _ = judge(&leaf(), &[&crl]);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Crl::from_bytes(&bytes, MAX_CRL_SIZE);
        let _ = Crl::from_der(&tlv(0x30, &bytes), MAX_CRL_SIZE);
    }
}
