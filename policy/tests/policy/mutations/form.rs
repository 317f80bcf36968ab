//! Cases of bytes, algorithms, keys, validity and the issuer.

use chrono::{DateTime, Days, Months};
use ctl_policy::profile::{Curve, DerForm, KeyAlgorithm, Period, Requirement, SignatureAlgorithm};
use ctl_sandbox::mutation::{Edit, Node};
use ctl_sandbox::shape::Key;

use super::{Bench, algorithm, valid};

pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const SKI: &str = "2.5.29.14";
pub(crate) const AKI: &str = "2.5.29.35";
pub(crate) const AIA: &str = "1.3.6.1.5.5.7.1.1";

/// Makes the cases if the requirement is of this kind.
pub(crate) fn cases(bench: &mut Bench<'_>, requirement: &Requirement) -> bool {
    use Requirement as R;
    match requirement {
        R::Certificate => whole(bench),
        R::Der(form) => der(bench, *form),
        R::Size(limit) => size(bench, *limit),
        R::Version(_) => {
            bench.breaks("version 2", bench.edit().version(&[1]));
            bench.specimen_keeps();
        }
        R::PositiveSerial => {
            bench.breaks("serial 0", bench.edit().serial(&[0]));
            bench.breaks("serial -1", bench.edit().serial(&[0xff]));
            bench.keeps("serial 1", bench.edit().serial(&[1]));
        }
        R::SerialBytes(limit) => {
            bench.breaks("one byte more", bench.edit().serial(&vec![0x7f; limit + 1]));
            bench.keeps("as many bytes", bench.edit().serial(&vec![0x7f; *limit]));
        }
        R::SignatureAlgorithm(allowed) => {
            for other in [SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::EcdsaSha384] {
                if !allowed.contains(&other) {
                    let edit = bench.edit().algorithms(algorithm(other.number(), None));
                    bench.breaks(other.name(), edit);
                }
            }
            bench.specimen_keeps();
            if allowed.contains(&SignatureAlgorithm::Ed448) {
                let edit = bench.edit().algorithms(algorithm(SignatureAlgorithm::Ed448.number(), None));
                bench.keeps("Ed448", edit.signature(&[7; 114]));
            }
        }
        R::SameAlgorithms => {
            let other = algorithm(SignatureAlgorithm::EcdsaSha384.number(), None);
            bench.breaks("another inside", bench.edit().algorithm_inside(other));
            bench.specimen_keeps();
        }
        R::NoAlgorithmParameters => {
            let own =
                if bench.is_20() { SignatureAlgorithm::EcdsaSha512 } else { SignatureAlgorithm::EcdsaSha256 };
            let null = algorithm(own.number(), Some(Node::new(0x05, &[])));
            bench.breaks("NULL", bench.edit().algorithms(null));
            bench.specimen_keeps();
        }
        R::SignatureForm => {
            for (what, bytes) in [
                ("no sequence", &[1, 2, 3][..]),
                ("s is missing", &[0x30, 3, 2, 1, 1]),
                ("r is zero", &[0x30, 6, 2, 1, 0, 2, 1, 1]),
                ("s is negative", &[0x30, 6, 2, 1, 1, 2, 1, 0x80]),
                ("a byte too many", &[0x30, 6, 2, 1, 1, 2, 1, 1, 0]),
            ] {
                bench.breaks(what, bench.edit().signature(bytes));
            }
            bench.keeps("two small numbers", bench.edit().signature(&[0x30, 6, 2, 1, 1, 2, 1, 1]));
        }
        R::TimeForms => times(bench),
        R::OrderedValidity => {
            let from = bench.specimen.certificate.not_before();
            bench.breaks("a second before it begins", valid(bench.edit(), from, from - 1));
            if !bench.asks(|other| matches!(other, R::ValidityMin(_))) {
                bench.keeps("ends as it begins", valid(bench.edit(), from, from));
            }
            bench.specimen_keeps();
        }
        R::ValidityMax(period) => {
            let from = bench.specimen.certificate.not_before();
            let end = end(from, *period);
            bench.breaks("a second longer", valid(bench.edit(), from, end + 1));
            bench.keeps("exactly as long", valid(bench.edit(), from, end));
        }
        R::ValidityMin(period) => {
            let from = bench.specimen.certificate.not_before();
            let end = end(from, *period);
            bench.breaks("a second shorter", valid(bench.edit(), from, end - 1));
            bench.keeps("exactly as long", valid(bench.edit(), from, end));
        }
        R::KeyAlgorithm(allowed) => {
            let rsa = algorithm("1.2.840.113549.1.1.1", Some(Node::new(0x05, &[])));
            bench.breaks("RSA", bench.edit().key(spki(rsa, &[0x30, 6, 2, 1, 5, 2, 1, 3])));
            bench.specimen_keeps();
            if allowed.contains(&KeyAlgorithm::Ed448) {
                let ed448 = algorithm(KeyAlgorithm::Ed448.number(), None);
                bench.keeps("Ed448", bench.edit().key(spki(ed448, &[9; 57])));
            }
        }
        R::NamedCurve => {
            let specified = algorithm(KeyAlgorithm::EcPublicKey.number(), Some(Node::of(0x30, vec![])));
            bench.breaks("specifiedCurve", bench.edit().key(spki(specified, &[4; 65])));
            let none = algorithm(KeyAlgorithm::EcPublicKey.number(), None);
            bench.breaks("no parameters", bench.edit().key(spki(none, &[4; 65])));
            bench.specimen_keeps();
        }
        R::Curve(allowed) => {
            let keys =
                [(Curve::P256, Key::p256("other").unwrap()), (Curve::P521, Key::p521("other").unwrap())];
            for (curve, key) in keys {
                let edit = bench.edit().key(Node::parse(key.spki_der()).unwrap());
                if allowed.contains(&curve) {
                    bench.keeps(curve.name(), edit);
                } else {
                    bench.breaks(curve.name(), edit);
                }
            }
        }
        R::PointOnCurve => points(bench),
        R::NoUniqueIdentifiers => {
            bench.breaks("a unique identifier", bench.edit().unique_identifier());
            bench.specimen_keeps();
        }
        R::IssuedByIssuer | R::IssuerKeyId | R::WithinIssuerValidity => issuer(bench, requirement),
        _ => return false,
    }
    true
}

fn end(from: i64, period: Period) -> i64 {
    let from = DateTime::from_timestamp(from, 0).unwrap();
    let end = match period {
        Period::Years(years) => from.checked_add_months(Months::new(12 * years)),
        Period::Months(months) => from.checked_add_months(Months::new(months)),
        Period::Days(days) => from.checked_add_days(Days::new(days.into())),
    };
    end.unwrap().timestamp()
}

fn spki(algorithm: Node, key: &[u8]) -> Node {
    Node::of(0x30, vec![algorithm, Node::new(0x03, &[&[0], key].concat())])
}

fn whole(bench: &mut Bench<'_>) {
    let der = bench.specimen.certificate.der().to_vec();
    bench.breaks_raw("a byte too many", [&der[..], &[0]].concat(), None);
    bench.breaks_raw("a byte too few", der[..der.len() - 1].to_vec(), None);
    bench.breaks_raw("nothing", Vec::new(), None);
    // An indefinite length ends with two zero bytes.
    bench.breaks_raw("an indefinite length", [&[0x30, 0x80], &der[4..], &[0, 0]].concat(), None);
    bench.breaks(
        "a constructed string",
        bench.edit().extension(SKI, false, &[0x24, 4, 4, 2, 1, 2]).serial(&[]),
    );
    bench.specimen_keeps();
}

fn der(bench: &mut Bench<'_>, form: DerForm) {
    match form {
        DerForm::MinimalLengths => bench.breaks("a long length", bench.edit().long_validity_length()),
        DerForm::MinimalNumbers => {
            bench.breaks("a leading 00", bench.edit().serial(&[0, 1]));
            bench.keeps("a needed 00", bench.edit().serial(&[0, 0x80]));
        }
        DerForm::Booleans => bench.breaks("critical 01", bench.edit().critical(KEY_USAGE, Some(1))),
        DerForm::BitStrings => {
            let usage = bench.edit().value_of(KEY_USAGE).unwrap();
            let padded = [&[3, usage[1] + 1, 0], &usage[3..], &[0]].concat();
            // Behind nine bits there is room for a byte of zeros, where there was none.
            if usage.len() == 4 {
                bench.breaks("a byte of zeros behind", bench.edit().extension(KEY_USAGE, true, &padded));
            }
            let mut claims_more = usage.clone();
            claims_more[2] -= 1;
            bench.breaks("a zero bit behind", bench.edit().extension(KEY_USAGE, true, &claims_more));
        }
        DerForm::SortedSets => {
            let is_root = bench.is_root();
            bench.breaks("descending", bench.edit().joined_attributes(is_root, false));
            bench.keeps("ascending", bench.edit().joined_attributes(is_root, true));
        }
        DerForm::NoDefaults => {
            bench.breaks("critical FALSE", bench.edit().critical(SKI, Some(0)));
            if !bench.specimen.certificate.is_ca() {
                let edit = bench.edit().extension("2.5.29.19", true, &[0x30, 3, 1, 1, 0]);
                bench.breaks("cA FALSE", edit);
            }
        }
    }
    bench.specimen_keeps();
}

/// Pads with the address of an OCSP responder, which every profile allows.
fn size(bench: &mut Bench<'_>, limit: usize) {
    let padded = |address: &str| {
        let access =
            Node::of(0x30, vec![Node::oid("1.3.6.1.5.5.7.48.1"), Node::new(0x86, address.as_bytes())]);
        Edit::of(&bench.specimen.certificate).unwrap().extension(
            AIA,
            false,
            &Node::of(0x30, vec![access]).encode(),
        )
    };
    // Signatures vary by some bytes: come near, then try until one has the right length.
    let of_size = |size: usize| {
        let mut length = size - bench.specimen.certificate.der().len();
        (0..200).find_map(|salt| {
            let der = bench.sign(&padded(&format!("http://{salt:03}{}", "a".repeat(length))));
            let is_right = der.len() == size;
            length = (length + size).saturating_sub(der.len());
            is_right.then_some(der)
        })
    };
    let (exact, more) = (of_size(limit).unwrap(), of_size(limit + 1).unwrap());
    bench.keeps_raw(format!("{limit} bytes"), exact, None);
    bench.breaks_raw(format!("{} bytes", limit + 1), more, None);
}

fn times(bench: &mut Bench<'_>) {
    let end = super::time(bench.specimen.certificate.not_after());
    let end = (end.0, end.1.as_str());
    for (what, begin) in [
        ("GeneralizedTime before 2050", (0x18, "20260101000000Z")),
        ("no seconds", (0x17, "2601010000Z")),
        ("an offset", (0x17, "260101010000+0100")),
        ("no Z", (0x17, "260101000000")),
        ("no such day", (0x17, "260230000000Z")),
    ] {
        bench.breaks(what, bench.edit().validity([begin, end]));
    }
    // The last second of UTCTime and the first of GeneralizedTime, where the profile lets validity last that long.
    bench.specimen_keeps();
    if bench.profile.name().ends_with("root") {
        let limits = [(0x17, "491231235959Z"), (0x18, "20880101000000Z")];
        bench.keeps("from 2049 to 2088", bench.edit().validity(limits));
        let limits = [(0x18, "20500101000000Z"), (0x18, "20880101000000Z")];
        bench.keeps("from 2050 to 2088", bench.edit().validity(limits));
    }
}

fn points(bench: &mut Bench<'_>) {
    let spki_der = bench.specimen.certificate.spki_der().to_vec();
    let header = spki_der.iter().rposition(|byte| *byte == 0x04);
    let length = if bench.is_20() { 133 } else { 65 };
    assert!(header.is_some() && spki_der.len() > length);
    let point = spki_der[spki_der.len() - length..].to_vec();
    let curve = if bench.is_20() { Curve::P521 } else { Curve::P256 };
    let own = || algorithm(KeyAlgorithm::EcPublicKey.number(), Some(Node::oid(curve.number())));
    let compressed = [&[0x02], &point[1..=length / 2]].concat();
    let mut beside = point.clone();
    beside[length - 1] ^= 1;
    for (what, bytes) in [
        ("the identity", &[0][..]),
        ("compressed", &compressed),
        ("beside the curve", &beside),
        ("too short", &point[..length - 1]),
        ("nothing", &[]),
    ] {
        bench.breaks(what, bench.edit().key(spki(own(), bytes)));
    }
    bench.keeps("the point", bench.edit().key(spki(own(), &point)));
}

/// The certificate stays as it is, and the issuer it is held against is another.
fn issuer(bench: &mut Bench<'_>, requirement: &Requirement) {
    let (der, issuer) = (bench.specimen.certificate.der().to_vec(), bench.specimen.issuer.clone());
    let edit = Edit::of(&issuer).unwrap();
    bench.keeps_raw("the issuer", der.clone(), Some(issuer.der().to_vec()));
    let (from, to) = (bench.specimen.certificate.not_before(), bench.specimen.certificate.not_after());
    match requirement {
        Requirement::IssuedByIssuer => {
            let mut name = edit.subject();
            name.pop();
            let other = bench.sign(&edit.names(None, Some(name)));
            bench.breaks_raw("another name", der.clone(), Some(other));
            bench.breaks_raw("no certificate", der, Some(b"text".to_vec()));
        }
        Requirement::IssuerKeyId => {
            let other = bench.sign(&edit.extension(SKI, false, &[4, 4, 1, 2, 3, 4]));
            // A root of ISO 15118-2 may name its own key as its issuer's.
            let own = bench.edit().value_of(SKI).unwrap();
            let authority = Node::of(0x30, vec![Node::new(0x80, &own[2..])]).encode();
            let der = if bench.is_root() {
                bench.sign(&bench.edit().extension(AKI, false, &authority))
            } else {
                der
            };
            bench.breaks_raw("another key", der, Some(other));
        }
        _ => {
            let exact = bench.sign(&valid(edit.clone(), from, to));
            bench.keeps_raw("exactly the issuer's", der.clone(), Some(exact));
            let later = bench.sign(&valid(edit.clone(), from + 1, to));
            bench.breaks_raw("begins a second early", der.clone(), Some(later));
            let sooner = bench.sign(&valid(edit, from, to - 1));
            bench.breaks_raw("ends a second late", der, Some(sooner));
        }
    }
}
