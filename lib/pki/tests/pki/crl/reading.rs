//! Bytes: what careless issuers write, what is no CRL, large ones, and chance.

use std::sync::Arc;

use ctl_pki::crl::{self, Crl, Limits, MAX_CRL_SIZE, Past, Verified, crls_from_pem};
use ctl_pki::revocation::{Outcome, RevocationError};
use proptest::prelude::*;

use super::{judge, notes, undetermined};
use crate::revocation::*;

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
        ["aki-mismatch", "extension-criticality", "deltas-exist"]
    );
}

/// Everything that RFC 5280 section 5 says an issuer must do and a reader can see, each broken alone.
#[test]
fn every_rule_of_the_form_has_a_name_of_its_own() {
    let null = seq(&[oid(ECDSA_SHA256), tlv(5, &[])]);
    let access =
        |method: u8| seq(&[seq(&[oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, method]), uri("http://ca.example/")])]);
    let id_ad: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
    let aki = seq(&[tlv(0x80, &key_id(&key(1)))]);
    let dated = |value: Vec<u8>| crl_shape().revoking(OTHER_SERIAL, &[extension(&ce(24), false, &value)]);
    let whole = seq(&[tlv(2, OTHER_SERIAL), time(MAY)]);
    let cases: Vec<(&str, CrlShape)> = vec![
        ("time-encoding", CrlShape { is_generalized: true, ..crl_shape() }),
        ("time-encoding", CrlShape { entries: Some(vec![whole]), ..crl_shape() }),
        ("time-encoding", dated(tlv(0x17, b"290101000000Z"))),
        ("time-encoding", dated(tlv(0x18, b"20290101000000.5Z"))),
        ("extension-criticality", crl_shape().with(&ce(35), true, aki)),
        ("extension-criticality", crl_shape().with(&ce(20), true, tlv(2, &[7]))),
        ("extension-criticality", crl_shape().with(&ce(18), true, seq(&[uri("http://ca.example/")]))),
        ("extension-criticality", crl_shape().with(id_ad, true, access(2))),
        ("extension-criticality", crl_shape().with(&ce(28), false, seq(&[tlv(0x81, &[0xff])]))),
        (
            "extension-criticality",
            crl_shape().revoking(OTHER_SERIAL, &[extension(&ce(21), true, &tlv(0x0a, &[1]))]),
        ),
        (
            "extension-criticality",
            crl_shape().revoking(OTHER_SERIAL, &[extension(&ce(24), true, &time(MAY))]),
        ),
        ("crl-number-invalid", crl_shape().with(&ce(20), false, tlv(2, &[0x7f; 21]))),
        ("crl-number-invalid", crl_shape().with(&ce(20), false, tlv(2, &[0x80]))),
        (
            "algorithm-parameters",
            CrlShape { inner_algorithm: null.clone(), outer_algorithm: null.clone(), ..crl_shape() },
        ),
        ("algorithm-mismatch", CrlShape { inner_algorithm: null, ..crl_shape() }),
        ("crl-access-invalid", crl_shape().with(id_ad, false, access(1))),
        ("crl-access-invalid", crl_shape().with(id_ad, false, seq(&[]))),
        ("idp-invalid", crl_shape().scoped(&[])),
        ("idp-invalid", crl_shape().scoped(&[tlv(0x81, &[0])])),
        ("idp-invalid", crl_shape().scoped(&[tlv(0x81, &[0xff]), tlv(0x82, &[0xff])])),
        ("unknown-critical-extension", crl_shape().with(&ce(46), true, seq(&[]))),
        ("aki-missing", CrlShape { extensions: vec![crl_shape().extensions[1].clone()], ..crl_shape() }),
        ("aki-missing", crl_shape().with(&ce(35), false, seq(&[]))),
        (
            "crl-number-missing",
            CrlShape { extensions: vec![crl_shape().extensions[0].clone()], ..crl_shape() },
        ),
    ];
    let root = root();
    for (number, (rule, shape)) in cases.into_iter().enumerate() {
        let crl = shape.signed();
        let checked = crl::check(&crl, &[&root.certificate], NOW, &Limits::default());
        let rules = checked.problems().iter().map(crl::Reason::rule);
        let rules: Vec<_> = rules.chain(checked.notes().iter().map(crl::Note::rule)).collect();
        assert_eq!(rules, [rule], "{number}");
    }
    let right = [
        crl_shape().with(&ce(20), false, tlv(2, &[0x7f; 20])),
        crl_shape().with(id_ad, false, access(2)),
        dated(time(MAY)),
        CrlShape { next_update: Some("20500101000000Z"), ..crl_shape() },
        CrlShape { next_update: Some("20491231235959Z"), ..crl_shape() },
    ];
    for shape in right {
        let crl = shape.signed();
        let checked = crl::check(&crl, &[&root.certificate], NOW, &Limits::default());
        assert!(checked.problems().is_empty() && checked.notes().is_empty(), "{:?}", checked.notes());
    }
}

#[test]
fn what_is_remembered_of_a_crl_is_enough_to_measure_the_next_by_and_damage_is_noticed() {
    let crl = crl_shape().revoking(LEAF_SERIAL, &[reason(6)]).revoking(OTHER_SERIAL, &[]).signed();
    let past = Past::of(&crl);
    let entries: Vec<_> = past.entries().map(|entry| (entry.serial.to_vec(), entry.on_hold)).collect();
    assert_eq!(entries, [(LEAF_SERIAL.to_vec(), true), (OTHER_SERIAL.to_vec(), false)]);
    let bytes = past.to_bytes();
    assert_eq!(Past::from_bytes(&bytes), Some(past.clone()));
    for end in 0..bytes.len() {
        assert_ne!(Past::from_bytes(&bytes[..end]), Some(past.clone()));
    }
    assert!(bytes.len() < 80, "digest, times, number, serial numbers: {}", bytes.len());
    assert_eq!(past.without_serials().entries().count(), 0);
    let verified = Verified::new(Arc::new(crl), &[&root().certificate]);
    assert!(Verified::again(verified.crl().clone(), &verified.verdict()).is_some());
    assert!(Verified::again(Arc::new(crl_shape().signed()), &verified.verdict()).is_none(), "of another CRL");
}

/// What error pages, portals and careless operators serve: named as what it is, whatever length its letters spell.
#[test]
fn pages_and_bare_base64_are_no_crl_with_something_after_it() {
    let rule = |bytes: &[u8]| Crl::from_der(bytes, MAX_CRL_SIZE).unwrap_err().rule();
    let page = format!("<html><body>{}</body></html>", "Please log in. ".repeat(50));
    assert_eq!(rule(page.as_bytes()), "html-instead-of-der");
    assert_eq!(rule(format!("\u{feff}\n <?xml version='1.0'?>{page}").as_bytes()), "html-instead-of-der");
    let text = base64_lines(crl_shape().revoking(OTHER_SERIAL, &[]).signed().der());
    assert_eq!(rule(text.as_bytes()), "base64-instead-of-der");
    assert_eq!(rule("Moved elsewhere, sorry. ".repeat(20).as_bytes()), "der-invalid");
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
        crl_shape().scoped(&[tlv(0x84, &[1])]),
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
fn a_crl_may_be_larger_than_a_length_of_three_bytes() {
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
