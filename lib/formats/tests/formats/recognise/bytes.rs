//! Every format is recognised by its bytes, and everything else is named for what it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_formats::omission::Selection;
use ctl_formats::recognise::{Demand, Form, Format, ReadError, Signature, read};
use ctl_formats::sae::SaeExport;
use ctl_formats::trust_anchors::trust_anchors_to_der;
use ctl_formats::{Pool, PoolCtl, PoolForm, PoolSource, certificates_to_pkcs7, est_body};
use ctl_pki::pem_block;
use proptest::prelude::*;

use super::{certificates, now, plain, root};
use crate::list;

#[test]
fn one_list_in_every_format_holds_the_same_roots() {
    let list = list::mixed();
    let mut roots: Vec<_> = Selection::all(&list).certificates().cloned().collect();
    // As PKCS#7 in DER has them.
    roots.sort_by(|one, other| one.der().cmp(other.der()));
    assert!(roots.len() > 1);
    let pkcs7 = certificates_to_pkcs7(&roots).unwrap();
    let pem: String = roots.iter().map(ctl_pki::Certificate::to_pem).collect();
    for (bytes, format) in [
        (pkcs7.clone(), Format::Pkcs7),
        (pem_block("PKCS7", &pkcs7).into_bytes(), Format::Pkcs7),
        (est_body(&roots).unwrap().into_bytes(), Format::Pkcs7),
        (STANDARD.encode(&pkcs7).into_bytes(), Format::Pkcs7),
        (trust_anchors_to_der(&roots).unwrap(), Format::TrustAnchors),
        (format!("\u{feff}some words before it\r\n{pem}").into_bytes(), Format::Pem),
    ] {
        let contents = plain(&bytes).unwrap();
        assert_eq!((contents.format, &contents.signature), (format, &Signature::None));
        assert_eq!(certificates(&contents), roots, "{format}");
    }
    let contents = plain(roots[0].der()).unwrap();
    assert_eq!((contents.format, certificates(&contents)), (Format::Der, vec![roots[0].clone()]));
}

#[test]
fn what_is_said_of_a_root_is_kept() {
    let list = list::mixed();
    let sae = SaeExport::of(&list).unwrap().list;
    let contents = plain(&sae.to_der()).unwrap();
    assert_eq!((contents.format, contents.sequence), (Format::SaeV1, Some(u64::from(sae.sequence))));
    for (item, entry) in contents.items.iter().zip(&sae.entries) {
        assert_eq!(item.certificate.as_ref(), Ok(&entry.certificate));
        let purpose = if entry.kind.as_str() == "msp" { "mo" } else { entry.kind.as_str() };
        assert_eq!(item.said.to_string(), format!("{purpose}, {}", entry.status.as_str()));
    }
    let late = read(&sae.to_der(), Form::Sae, Demand::Nobody, "2040-01-01T00:00:00Z".parse().unwrap());
    assert!(late.unwrap().told.iter().any(|told| told.contains("does not hold now")));

    for (form, format) in [(PoolForm::Opcp, Format::Opcp), (PoolForm::Opnc, Format::Opnc)] {
        let pool = Pool::of(&[PoolSource { list: &list, ctl: PoolCtl::American }], form);
        let contents = plain(&pool.collection(&pool.entries, None)).unwrap();
        assert_eq!((contents.format, contents.items.len()), (format, pool.entries.len()));
        let said = contents.items[0].said.to_string();
        assert_eq!(said.contains("American CTL"), form == PoolForm::Opnc, "{said}");
        let one = plain(&pool.entries[0].answer()).unwrap();
        assert_eq!((one.format, one.items.len()), (format, 1));
    }

    // Several entries of one root are one member of the set, for all that they say.
    let mut twice = sae;
    let again = twice.entries[0].clone();
    twice.entries.push(ctl_formats::sae::SaeEntry { kind: ctl_formats::sae::SaeType::Other, ..again });
    let (once, twice) = (contents.set(), plain(&twice.to_der()).unwrap().set());
    let found = ctl_formats::recognise::changes(&once, &twice);
    assert!(found.appeared.is_empty() && found.vanished.is_empty());
    assert_eq!(found.changed.len(), 1);
}

#[test]
fn a_certificate_that_cannot_be_read_hides_no_other() {
    let good = root("Good").to_pem();
    let broken = [
        pem_block("CERTIFICATE", b"0123"),
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n".into(),
        "-----BEGIN CERTIFICATE-----\nMAAA".into(),
    ];
    let contents = plain([good.clone(), broken.concat()].concat().as_bytes()).unwrap();
    assert_eq!((certificates(&contents).len(), contents.unreadable().count()), (1, 3));
    assert!(contents.unreadable().last().unwrap().1.contains("cut off"));
    let pool = format!(
        r#"{{"rootCertificateCollection":[{{"caCertificate":"%"}},7,{{"caCertificate":"{}"}}]}}"#,
        STANDARD.encode(root("Good").der())
    );
    let contents = plain(pool.as_bytes()).unwrap();
    assert_eq!((certificates(&contents).len(), contents.unreadable().count()), (1, 2));
}

#[test]
fn what_is_no_list_is_named_for_what_it_is() {
    let key = pem_block("PRIVATE KEY", b"0123");
    let many = root("Many").to_pem().repeat(2001);
    for (bytes, expected) in [
        (&b""[..], "empty"),
        (b" \r\n", "empty"),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "HTML"),
        (b"\n <html>", "HTML"),
        (b"<?xml version=\"1.0\"?>", "HTML or XML"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04", "ZIP"),
        (b"%PDF-1.7", "none of the formats"),
        (b"hello", "\"hello\""),
        (b"\xff\xfe\x00", "none of the formats"),
        (b"{}", "something else"),
        (b"[]", "something else"),
        (b"{\"RootCertificateCollection\":7}", "something else"),
        (b"{\"RootCertificateCollection\":", "no JSON"),
        (b"0", "not a DER X.509 certificate"),
        (b"0\x03\x02\x01", "SAE list"),
        (key.as_bytes(), "private key"),
        (b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", "none of the formats"),
        (many.as_bytes(), "more than 2000"),
    ] {
        let error = plain(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_was_expected_is_what_must_come() {
    let pem = root("Mine").to_pem();
    for form in Form::ALL {
        let found = read(pem.as_bytes(), form, Demand::Nobody, now());
        assert_eq!(found.is_ok(), matches!(form, Form::Auto | Form::Certificates), "{form}");
    }
    let error = read(pem.as_bytes(), Form::Sae, Demand::Nobody, now()).unwrap_err();
    assert!(matches!(error, ReadError::WrongForm { wanted: Form::Sae, found: Format::Pem }));
}

#[test]
fn a_million_items_are_counted_and_not_kept() {
    let pool = |items: &str| format!(r#"{{"RootCertificateCollection":{{"rootCertificates":[{items}]}}}}"#);
    let million = pool("0,".repeat(1_000_000).trim_end_matches(','));
    assert!(matches!(plain(million.as_bytes()), Err(ReadError::TooMany { limit: 10_000, .. })));
    let large = pool(&format!("\"{}\"", "a".repeat(9 << 20)));
    assert!(matches!(plain(large.as_bytes()), Err(ReadError::TooLarge { .. })));
    let deep = pool(&"[".repeat(1_000_000));
    assert!(plain(deep.as_bytes()).is_err());
    assert!(matches!(plain(&vec![b' '; 40 << 20]), Err(ReadError::TooLarge { .. })));
}

/// What the formats begin with, and then anything.
fn disguised() -> impl Strategy<Value = Vec<u8>> {
    let heads: Vec<Vec<u8>> = vec![
        vec![],
        vec![0x30, 0x82],
        vec![0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2],
        vec![0x30, 0x06, 0x02, 0x01, 0x01],
        vec![0x30, 0x10, 0xa2],
        vec![0x30, 0x10, 0x30, 0x0e, 0x30],
        b"-----BEGIN CERTIFICATE-----".to_vec(),
        b"-----BEGIN CMS-----".to_vec(),
        b"-----BEGIN PKCS7-----".to_vec(),
        b"MII".to_vec(),
        b"{\"RootCertificateCollection\":".to_vec(),
        b"{\"signatures\":".to_vec(),
    ];
    let rest = proptest::collection::vec(any::<u8>(), 0..200);
    (proptest::sample::select(heads), rest).prop_map(|(head, rest)| [head, rest].concat())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in disguised()) {
        for demand in [Demand::Nobody, Demand::Unverified, Demand::Root(&bytes)] {
            let _ = read(&bytes, Form::Auto, demand, now());
        }
    }

    /// One octet changed: an error, an item that cannot be read, or as many certificates as before; never a panic.
    #[test]
    fn damaged_lists_never_panic(place: proptest::sample::Index, bit in 0_u8..8, end: proptest::sample::Index) {
        let list = list::mixed();
        let roots: Vec<_> = Selection::all(&list).certificates().cloned().collect();
        for mut bytes in [
            SaeExport::of(&list).unwrap().list.to_der(),
            certificates_to_pkcs7(&roots).unwrap(),
            trust_anchors_to_der(&roots).unwrap(),
        ] {
            let cut = end.index(bytes.len());
            prop_assert!(plain(&bytes[..cut]).is_err(), "cut at {}", cut);
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            let _ = plain(&bytes);
        }
    }
}
