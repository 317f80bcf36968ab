//! The readable profile: one odd root must not take all trust from a charger. What OpenSSL and Python say of the same
//! kinds of certificates is the matter of `interop/checks/22-readable`.

use ctl_pki::{Unreadable, UnreadableBundle, readable, readable_bundle};
use ctl_sandbox::mutation::{Edit, Node};
use ctl_sandbox::{Edition, Specimen, specimen, specimens};

fn root() -> Specimen {
    specimen("v2g-root", Edition::Iso2).unwrap().unwrap()
}

fn edit() -> Edit {
    Edit::of(&root().certificate).unwrap()
}

fn rule(edit: &Edit) -> &'static str {
    readable(&edit.sign(&root().issuer_key)).map_or_else(|reason| reason.rule(), |_| "readable")
}

#[test]
fn everything_that_the_sandbox_issues_can_be_read() {
    for edition in [Edition::Iso2, Edition::Iso20] {
        for name in specimens() {
            let certificate = specimen(name, edition).unwrap().unwrap().certificate;
            assert_eq!(certificate.check_readable(), Ok(()), "{name}");
        }
    }
}

#[test]
fn a_root_that_would_spoil_a_bundle_is_found_out_by_its_serial_number() {
    assert_eq!(rule(&edit().serial(&[0, 0x2a])), "der");
    assert_eq!(rule(&edit().serial(&[0])), "serial");
    assert_eq!(rule(&edit().serial(&[0x80])), "serial");
    assert_eq!(rule(&edit().serial(&[0x11; 21])), "serial");
    assert_eq!(rule(&edit().serial(&[0x11; 20])), "readable");
    assert!(readable(&edit().serial(&[]).sign(&root().issuer_key)).is_err());
}

#[test]
fn a_root_that_would_spoil_a_bundle_is_found_out_by_its_names() {
    let named = |tag: u8, value: &[u8]| {
        let name = vec![(Node::oid("2.5.4.3"), Node::new(tag, value))];
        rule(&edit().names(Some(name.clone()), Some(name)))
    };
    assert_eq!(named(0x0c, "Überall".as_bytes()), "readable");
    assert_eq!(named(0x13, b"Everywhere"), "readable");
    // No UTF-8; an @ in a PrintableString; more than ASCII; half a character; Teletex; an INTEGER.
    for (tag, value) in [
        (0x0c, b"Odd\xff".as_slice()),
        (0x13, b"a@b"),
        (0x16, b"\xe4"),
        (0x1e, b"abc"),
        (0x1e, b"ab"),
        (0x14, b"T61"),
        (0x02, b"\x01"),
        (0x0c, b""),
    ] {
        assert_ne!(named(tag, value), "readable", "{tag:02x} {value:?}");
    }
    assert_eq!(rule(&edit().joined_attributes(true, true)), "readable");
    assert_eq!(rule(&edit().joined_attributes(true, false)), "der");
}

#[test]
fn times_versions_and_lengths_are_written_as_all_read_them() {
    assert_eq!(rule(&edit().validity([(0x17, "260101000000Z"), (0x18, "20660101000000Z")])), "readable");
    for end in ["20660101000000", "20660101000000.5Z", "20660230000000Z", "00000101000000Z"] {
        assert_ne!(rule(&edit().validity([(0x17, "260101000000Z"), (0x18, end)])), "readable", "{end}");
    }
    assert_eq!(rule(&edit().version(&[1])), "version");
    assert_ne!(rule(&edit().version(&[3])), "readable");
    assert_ne!(rule(&edit().long_validity_length()), "readable");
    assert_eq!(rule(&edit().unique_identifier()), "unique-identifier");
}

#[test]
fn algorithms_that_nobody_knows_can_be_read_but_odd_parameters_not() {
    let ecdsa = |parameters: Option<Node>| {
        let mut nodes = vec![Node::oid("1.2.840.10045.4.3.2")];
        nodes.extend(parameters);
        Node::of(0x30, nodes)
    };
    assert_eq!(rule(&edit().algorithms(ecdsa(None))), "readable");
    assert_eq!(rule(&edit().algorithms(ecdsa(Some(Node::new(0x05, &[]))))), "algorithm-parameters");
    assert_eq!(rule(&edit().algorithms(ecdsa(Some(Node::new(0x04, &[1]))))), "algorithm-parameters");
    assert_eq!(rule(&edit().algorithms(Node::of(0x30, vec![Node::oid("1.3.6.1.4.1.32473.1")]))), "readable");
    let key = |parameters: Node| {
        let algorithm = Node::of(0x30, vec![Node::oid("1.2.840.10045.2.1"), parameters]);
        Node::of(0x30, vec![algorithm, Node::new(0x03, &[0, 4, 1, 2])])
    };
    assert_eq!(rule(&edit().key(key(Node::of(0x30, Vec::new())))), "algorithm-parameters");
    assert_eq!(rule(&edit().key(key(Node::new(0x05, &[])))), "algorithm-parameters");
}

#[test]
fn extensions_that_a_parser_takes_apart_are_well_formed() {
    assert_eq!(rule(&edit().extension("1.3.6.1.4.1.32473.2", false, b"anything")), "readable");
    for (oid, value) in [
        ("2.5.29.15", [3, 2, 0, 0x06].as_slice()),
        ("2.5.29.15", &[3, 2, 0, 0x01]),
        ("2.5.29.19", &[0x30, 3, 1, 1, 0]),
        ("2.5.29.19", &[0x30, 3, 2, 1, 0]),
        ("2.5.29.17", &[0x30, 0]),
        ("2.5.29.17", &[0x30, 3, 0x87, 1, 10]),
        ("2.5.29.31", &[0x30, 2, 0x30, 0]),
        ("2.5.29.37", &[0x30, 0]),
        ("2.5.29.46", &[0x30, 0]),
        ("1.3.6.1.5.5.7.1.24", &[0x30, 0]),
        ("1.3.6.1.5.5.7.48.1.5", b"x"),
    ] {
        assert_eq!(rule(&edit().extension(oid, false, value)), "extension", "{oid} {value:02x?}");
    }
    let ca = "2.5.29.19";
    assert_eq!(rule(&edit().critical("2.5.29.14", Some(0))), "extensions");
    assert_ne!(rule(&edit().critical(ca, Some(1))), "readable");
    // Three billion CAs below.
    let value = [0x30, 10, 1, 1, 0xff, 2, 5, 0, 0xb2, 0xd0, 0x5e, 0];
    assert_eq!(rule(&edit().extension(ca, true, &value)), "extension");
}

#[test]
fn one_odd_root_in_a_bundle_is_named_by_its_place() {
    let sound = root().certificate;
    let odd = edit().serial(&[0x11; 21]).sign(&root().issuer_key);
    let odd = ctl_pki::certificate_from_bytes(&odd).unwrap();
    let bundle = format!("# two roots\n{}\n{}", sound.to_pem(), odd.to_pem());
    match readable_bundle(bundle.as_bytes()) {
        Err(UnreadableBundle::Certificate { number: 2, line, reason: Unreadable::Serial(_) }) => {
            assert_eq!(bundle.lines().nth(line - 1), Some("-----BEGIN CERTIFICATE-----"));
        }
        other => panic!("{other:?}"),
    }
    let sound = format!("{}{}", sound.to_pem(), sound.to_pem().replace('\n', "\r\n"));
    assert_eq!(readable_bundle(sound.as_bytes()).unwrap().len(), 2);
    assert_eq!(readable_bundle(b"").unwrap(), []);
}

#[test]
fn a_bundle_holds_nothing_that_one_reader_takes_for_a_certificate_and_another_does_not() {
    let sound = root().certificate.to_pem();
    for odd in [
        sound.replace("-----BEGIN CERTIFICATE", "-----BEGIN TRUSTED CERTIFICATE"),
        sound.replace("CERTIFICATE", "X509 CRL"),
        sound.replace("-----BEGIN", " -----BEGIN"),
        sound.replace("-----END CERTIFICATE-----\n", ""),
        sound.replacen('M', "*", 1),
        sound.replacen("CERTIFICATE-----\n", "CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
        sound.replace("-----\nM", "-----\n\nM"),
        sound.lines().collect::<String>(),
        format!("{sound}\0"),
    ] {
        assert!(readable_bundle(odd.as_bytes()).is_err(), "{odd}");
    }
    assert_eq!(readable_bundle(&[0xff, 0xfe]), Err(UnreadableBundle::NotText));
}
