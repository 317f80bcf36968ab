//! SAE's list: both versions read, version 1 written, ours mapped to it.

use std::sync::LazyLock;

use ctl_core::parts::{AnchorStatus, Constraints, Purpose, Standard};
use ctl_core::{Digest, Timestamp};
use ctl_formats::omission::{Omission, Subject};
use ctl_formats::sae::{
    MAX_SAE_CERTIFICATES, MAX_SAE_SIZE, SaeEntry, SaeError, SaeExport, SaeExportError, SaeList, SaeListV1,
    SaeStatus, SaeType, SaeValidity,
};
use ctl_pki::Certificate;
use ctl_sandbox::Edition;
use ctl_sandbox::mutation::Node;
use proptest::prelude::*;

use crate::list::{MO, OEM, V2G, anchor, list, mixed, of, root, time};

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    Node::new(tag, content).encode()
}

fn seq(elements: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &elements.concat())
}

fn validity(not_before: &str, not_after: &str) -> Vec<u8> {
    seq(&[&tlv(0x18, not_before.as_bytes()), &tlv(0x18, not_after.as_bytes())])
}

fn good_validity() -> Vec<u8> {
    validity("20260219162258Z", "20270324162258Z")
}

fn entry(kind: &[u8], status: &[u8], certificate: &[u8]) -> Vec<u8> {
    seq(&[&tlv(10, kind), &tlv(10, status), &tlv(4, certificate)])
}

/// A list of version 1 from the contents of its two numbers, its validity and its entries.
fn v1(version: &[u8], sequence: &[u8], validity: &[u8], entries: &[&[u8]]) -> Vec<u8> {
    seq(&[&tlv(2, version), &tlv(2, sequence), validity, &seq(entries)])
}

fn read(der: &[u8]) -> Result<SaeList, SaeError> {
    SaeList::from_der(der)
}

fn refused(der: &[u8]) -> SaeError {
    read(der).unwrap_err()
}

#[test]
fn version_0_is_told_by_its_second_element() {
    let roots = [root(V2G, Edition::Iso2), root(V2G, Edition::Iso20)];
    let certificates = seq(&[&tlv(4, roots[0].der()), &tlv(4, roots[1].der())]);
    let SaeList::V0(list) = read(&seq(&[&[2, 1, 1], &good_validity(), &certificates])).unwrap() else {
        panic!("another version")
    };
    assert_eq!((list.number, list.certificates.as_slice()), (1, roots.as_slice()));
    assert_eq!(list.validity.not_before(), time("2026-02-19T16:22:58Z"));
    assert!(list.validity.contains(list.validity.not_after()));
    assert!(!list.validity.contains(list.validity.not_after().plus_seconds(1)));
    let number = |number: &[u8]| seq(&[&tlv(2, number), &good_validity(), &certificates]);
    assert_eq!(refused(&number(&[1, 0, 0])), SaeError::VersionOutOfRange);
    let plain = seq(&[&[2, 1, 1], &good_validity(), &seq(&[roots[0].der()])]);
    assert!(matches!(refused(&plain), SaeError::Malformed { .. }));
}

#[test]
fn version_1_is_read_and_comes_out_as_the_same_bytes() {
    let certificate = root(MO, Edition::Iso2);
    let der = v1(
        &[1],
        &[0, 0xff, 0xff],
        &good_validity(),
        &[
            &entry(&[0], &[0], certificate.der()),
            &entry(&[2], &[1], certificate.der()),
            &entry(&[1], &[2], certificate.der()),
            &entry(&[3], &[0], certificate.der()),
        ],
    );
    let read = read(&der).unwrap();
    assert_eq!(read.certificates().count(), 4);
    let SaeList::V1(list) = read else { panic!("another version") };
    assert_eq!((list.version, list.sequence), (1, 65_535));
    let kinds: Vec<_> =
        list.entries.iter().map(|entry| (entry.kind.as_str(), entry.status.as_str())).collect();
    assert_eq!(kinds, [("v2g", "active"), ("msp", "warning"), ("oem", "deprecated"), ("other", "active")]);
    assert_eq!(list.to_der(), der);
}

#[test]
fn what_is_out_of_range_is_refused_by_its_name() {
    let good = good_validity();
    for version in [[1, 0].as_slice(), &[0xff], &[0x80], &[1, 0, 0]] {
        assert_eq!(refused(&v1(version, &[1], &good, &[])), SaeError::VersionOutOfRange, "{version:02x?}");
    }
    for sequence in [[1, 0, 0].as_slice(), &[0xff], &[0x7f; 9]] {
        assert_eq!(refused(&v1(&[1], sequence, &good, &[])), SaeError::SequenceOutOfRange, "{sequence:02x?}");
    }
    for not_der in [[].as_slice(), &[0, 1], &[0xff, 0x80]] {
        assert!(
            matches!(refused(&v1(not_der, &[1], &good, &[])), SaeError::Malformed { .. }),
            "{not_der:02x?}"
        );
    }
    let der = root(MO, Edition::Iso2).der().to_vec();
    for bad in [[4].as_slice(), &[0xff], &[1, 0]] {
        assert_eq!(
            refused(&v1(&[1], &[1], &good, &[&entry(bad, &[0], &der)])),
            SaeError::BadType { position: 1 }
        );
    }
    let entries = [entry(&[0], &[0], &der), entry(&[0], &[3], &der)];
    let bad = v1(&[1], &[1], &good, &[&entries[0], &entries[1]]);
    assert_eq!(refused(&bad), SaeError::BadStatus { position: 2 });
    let many = entries[0].repeat(MAX_SAE_CERTIFICATES + 1);
    assert_eq!(refused(&v1(&[1], &[1], &good, &[&many])), SaeError::TooMany(MAX_SAE_CERTIFICATES));
    let large = vec![0x30; MAX_SAE_SIZE + 1];
    assert_eq!(refused(&large), SaeError::TooLarge { size: MAX_SAE_SIZE + 1, limit: MAX_SAE_SIZE });
}

#[test]
fn times_have_fifteen_characters_and_the_right_order() {
    for wrong in [
        "2026021916225Z",
        "20260219162258",
        "20260219162258.5Z",
        "20260219162258+0000",
        "20260230162258Z",
        "20260219162260Z",
        "00000219162258Z",
        "",
    ] {
        let good = "20270324162258Z";
        assert_eq!(refused(&v1(&[1], &[1], &validity(wrong, good), &[])), SaeError::BadNotBefore, "{wrong}");
        assert_eq!(refused(&v1(&[1], &[1], &validity(good, wrong), &[])), SaeError::BadNotAfter, "{wrong}");
    }
    let utc = seq(&[&tlv(0x17, b"260219162258Z"), &tlv(0x18, b"20270324162258Z")]);
    assert_eq!(refused(&v1(&[1], &[1], &utc, &[])), SaeError::BadNotBefore);
    let inverted = validity("20270324162258Z", "20260219162258Z");
    assert!(matches!(refused(&v1(&[1], &[1], &inverted, &[])), SaeError::ValidityInverted { .. }));
    assert!(read(&v1(&[1], &[1], &validity("20270324162258Z", "20270324162258Z"), &[])).is_ok());
}

#[test]
fn an_octet_string_holds_one_certificate_and_the_list_ends_where_it_ends() {
    let der = root(MO, Edition::Iso2).der().to_vec();
    let cut = der[..der.len() - 1].to_vec();
    for wrong in [Vec::new(), der.repeat(2), cut, [der.as_slice(), &[0]].concat()] {
        let list = v1(&[1], &[1], &good_validity(), &[&entry(&[0], &[0], &wrong)]);
        assert!(matches!(refused(&list), SaeError::NotOneCertificate { position: 1, .. }));
    }
    let list = v1(&[1], &[1], &good_validity(), &[&entry(&[0], &[0], &der)]);
    assert_eq!(refused(&[list.as_slice(), &[0, 0]].concat()), SaeError::TrailingBytes(2));
    let inside = seq(&[&list[4..], &[5, 0]]);
    assert!(matches!(refused(&inside), SaeError::Malformed { what, .. } if what.contains("follows")));
    for end in 0..list.len() {
        assert!(matches!(refused(&list[..end]), SaeError::Malformed { .. }), "{end}");
    }
    // BER is not read: an indefinite length, and one in more octets than it needs.
    let indefinite = [&[0x30, 0x80], &list[4..], &[0, 0]].concat();
    assert!(matches!(refused(&indefinite), SaeError::Malformed { .. }));
    let long = [&[0x30, 0x83, 0], &list[2..]].concat();
    assert!(matches!(refused(&long), SaeError::Malformed { .. }));
}

fn subject(certificate: &Certificate) -> Subject {
    let fingerprint = Digest::from_bytes(certificate.sha256());
    Subject { fingerprint, name: certificate.common_name().unwrap().to_owned() }
}

#[test]
fn our_list_is_mapped_and_what_it_loses_is_told() {
    let payload = mixed();
    let SaeExport { list, omissions } = SaeExport::of(&payload).unwrap();
    assert_eq!((list.version, list.sequence), (1, 7));
    assert_eq!(list.validity, SaeValidity::new(payload.issued_at, payload.next_update).unwrap());
    let [v2g, mo, oem] = [V2G, MO, OEM].map(|name| root(name, Edition::Iso2));
    let mut expected = vec![
        (v2g.clone(), SaeType::V2g, SaeStatus::Active),
        (v2g.clone(), SaeType::Msp, SaeStatus::Active),
        (mo.clone(), SaeType::Msp, SaeStatus::Warning),
        (oem.clone(), SaeType::Oem, SaeStatus::Deprecated),
    ];
    expected.sort_by_key(|(certificate, kind, _)| (certificate.sha256(), *kind));
    let found: Vec<_> =
        list.entries.into_iter().map(|entry| (entry.certificate, entry.kind, entry.status)).collect();
    assert_eq!(found, expected);

    let constrained = subject(&root(V2G, Edition::Iso20));
    let constraints = vec![Constraints::NOT_ISSUED_AFTER.to_owned()];
    let mut due = vec![
        Omission::CriticalConstraints { anchor: constrained.clone(), constraints },
        Omission::Constraint { anchor: subject(&mo), name: Constraints::NOT_TRUSTED_AFTER.to_owned() },
        Omission::Standard { anchor: subject(&mo), standard: Standard::Iso15118_2 },
        Omission::Use { anchor: subject(&oem), r#use: of(Purpose::Vehicle, Standard::Iso15118_20) },
        Omission::Standard { anchor: subject(&oem), standard: Standard::Iso15118_20 },
        Omission::CrossCertificate {
            certificate: Subject { fingerprint: Digest::of(b"cross"), name: "Bridge".to_owned() },
        },
        Omission::Distrusted(payload.distrusted[0]),
    ];
    due.sort();
    let mut told = omissions;
    told.sort();
    assert_eq!(told, due);
    let left_out: Vec<_> = told.iter().filter_map(Omission::left_out).collect();
    assert_eq!(left_out, [&constrained]);
    let words = told.iter().map(ToString::to_string).find(|words| words.contains("critical")).unwrap();
    assert!(words.starts_with("OMITTED ") && words.contains("critical \"not_issued_after\""), "{words}");
}

#[test]
fn a_vehicles_root_is_never_taken_for_another() {
    let vehicle = root(OEM, Edition::Iso20);
    let uses = [of(Purpose::Vehicle, Standard::Iso15118_20)];
    let payload = list(vec![anchor(&vehicle, AnchorStatus::Usable, &uses)]);
    let SaeExport { list, omissions } = SaeExport::of(&payload).unwrap();
    assert_eq!(list.entries, []);
    assert_eq!(omissions, [Omission::NoUse { anchor: subject(&vehicle), uses: uses.to_vec() }]);
}

#[test]
fn a_list_that_does_not_fit_is_none() {
    let mut payload = mixed();
    payload.sequence = 65_535;
    assert_eq!(SaeExport::of(&payload).unwrap().list.sequence, 65_535);
    payload.sequence = 65_536;
    assert_eq!(SaeExport::of(&payload), Err(SaeExportError::SequenceOutOfRange(65_536)));
    payload.sequence = 1;
    payload.issued_at = payload.next_update.plus_seconds(1);
    assert!(matches!(SaeExport::of(&payload), Err(SaeExportError::Validity { .. })));
    let mut many = mixed();
    many.anchors = many.anchors.iter().cycle().take(MAX_SAE_CERTIFICATES + 400).cloned().collect();
    assert_eq!(SaeExport::of(&many), Err(SaeExportError::TooLarge));
}

static MIXED: LazyLock<Vec<u8>> = LazyLock::new(|| SaeExport::of(&mixed()).unwrap().list.to_der());

fn any_entry() -> impl Strategy<Value = SaeEntry> {
    let certificates = [V2G, MO, OEM].map(|name| root(name, Edition::Iso2));
    let kind = prop_oneof![Just(SaeType::V2g), Just(SaeType::Oem), Just(SaeType::Msp), Just(SaeType::Other)];
    let status = prop_oneof![Just(SaeStatus::Active), Just(SaeStatus::Warning), Just(SaeStatus::Deprecated)];
    (kind, status, 0..3_usize).prop_map(move |(kind, status, which)| SaeEntry {
        kind,
        status,
        certificate: certificates[which].clone(),
    })
}

proptest! {
    #[test]
    fn every_list_that_is_written_is_read_again(
        version: u8,
        sequence: u16,
        from in -62_135_596_800_i64..253_402_300_800,
        length in 0_u64..100_000_000,
        entries in proptest::collection::vec(any_entry(), 0..6),
    ) {
        let from = Timestamp::from_unix(from);
        let validity = SaeValidity::new(from, from.plus_seconds(length)).unwrap();
        let list = SaeListV1 { version, sequence, validity, entries };
        prop_assert_eq!(read(&list.to_der()), Ok(SaeList::V1(list)));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at: proptest::sample::Index, to: u8) {
        let _ = read(&bytes);
        let mut list = MIXED.clone();
        let at = at.index(list.len());
        list[at] = to;
        // What is still read is written as it was.
        if let Ok(SaeList::V1(read)) = read(&list) {
            prop_assert_eq!(read.to_der(), list);
        }
    }
}
