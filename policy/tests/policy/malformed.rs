//! What is malformed is refused by trust paths and an error of the linter: the same reader says so to both, and where.

use ctl_pki::Certificate;
use ctl_pki::path::{Inputs, Signatures, validate};
use ctl_policy::Severity;
use ctl_policy::profile::{lint, profile};
use ctl_sandbox::mutation::{Edit, Node};
use ctl_sandbox::{Edition, Specimen, specimen};

const ALT_NAMES: &str = "2.5.29.17";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const CRL_POINTS: &str = "2.5.29.31";
const POLICIES: &str = "2.5.29.32";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const CPS: &str = "1.3.6.1.5.5.7.2.1";
const USER_NOTICE: &str = "1.3.6.1.5.5.7.2.2";

fn seq(nodes: Vec<Node>) -> Node {
    Node::of(0x30, nodes)
}

fn leaf() -> Specimen {
    specimen("secc", Edition::Iso2).unwrap().unwrap()
}

/// One policy with one qualifier.
fn policy(qualifier: &str, value: Vec<Node>) -> Vec<u8> {
    let information = [vec![Node::oid(qualifier)], value].concat();
    seq(vec![seq(vec![Node::oid("1.3.6.1.4.1.64000.1"), seq(vec![seq(information)])])]).encode()
}

fn name(tag: u8, text: &[u8]) -> Vec<u8> {
    seq(vec![Node::new(tag, text)]).encode()
}

/// Name constraints with one subtree of e-mail addresses; 0 permits it, 1 excludes it.
fn constraint(list: u8, base: &[u8]) -> Vec<u8> {
    seq(vec![Node::of(0xa0 | list, vec![seq(vec![Node::new(0x81, base)])])]).encode()
}

/// The rule by which a path of this one certificate is refused.
fn refused(specimen: &Specimen, der: &[u8]) -> Option<&'static str> {
    let certificate = Certificate::from_der(der).unwrap();
    let inputs = Inputs::at(certificate.not_before());
    let chain = [&certificate];
    let validation = validate(&specimen.issuer, &chain, &inputs, &mut Signatures::with_limit(4));
    validation.failure.map(|failure| failure.rejection.rule())
}

/// The linter's error in words, with the bytes of the certificate that it points to.
fn error<'d>(der: &'d [u8], place: &str) -> Option<(&'d [u8], String)> {
    let findings = lint(profile("any").unwrap(), der, None);
    let finding =
        findings.into_iter().find(|one| one.severity == Severity::Error && one.place.contains(place))?;
    Some((&der[finding.byte?..], finding.found))
}

/// What an extension is, whether it is critical, its value, the bytes that are wrong, and what is said of them.
type Case = (&'static str, bool, Vec<u8>, &'static [u8], &'static str);

#[test]
fn what_is_malformed_in_an_extension_is_refused_and_found_where_it_stands() {
    let empty_reasons = Node::of(0x30, vec![Node::new(0x81, &[6, 0x40])]);
    let without_choice = seq(vec![seq(vec![Node::of(0xa0, vec![Node::new(0x86, b"http://crl.example/")])])]);
    let notice = |nodes| policy(USER_NOTICE, vec![seq(nodes)]);
    let utf8 = || Node::new(0x0c, b"text");
    let cases: Vec<Case> = vec![
        // What, critical, the value, where the reader stumbles, and the words.
        (
            POLICIES,
            true,
            policy("1.3.6.1.4.1.64000.7", vec![utf8()]),
            &[6, 9, 0x2b, 6, 1, 4, 1, 0x83],
            "neither a CPS pointer nor",
        ),
        (POLICIES, false, policy(CPS, vec![Node::new(0x0c, b"http://a/")]), &[0x0c, 9], "not an IA5String"),
        (POLICIES, false, policy(CPS, vec![Node::new(0x16, &[0xff])]), &[0x16, 1, 0xff], "other than ASCII"),
        (POLICIES, false, policy(CPS, vec![Node::new(0x16, b"a"), utf8()]), &[0x0c, 4], "something follows"),
        (POLICIES, false, policy(CPS, vec![]), &[], "cut off"),
        (POLICIES, false, policy(USER_NOTICE, vec![utf8()]), &[0x0c, 4], "not a SEQUENCE"),
        (POLICIES, false, notice(vec![utf8(), utf8()]), &[0x0c, 4], "something follows"),
        (POLICIES, false, notice(vec![Node::new(4, b"x")]), &[4, 1, b'x'], "no type for text"),
        (POLICIES, false, notice(vec![seq(vec![utf8(), utf8()])]), &[0x0c, 4], "another stands in its place"),
        (CRL_POINTS, false, seq(vec![empty_reasons]).encode(), &[0x81, 2, 6, 0x40], "neither a name nor"),
        (CRL_POINTS, false, without_choice.encode(), &[0x86, 19], "name of unknown form"),
        (CRL_POINTS, false, seq(vec![]).encode(), &[], "holds nothing"),
        (ALT_NAMES, false, name(0x87, &[192, 0, 2]), &[0x87, 3, 192, 0, 2], "neither 4 nor 16 bytes"),
        (ALT_NAMES, false, name(0x82, &[0xe4]), &[0x82, 1, 0xe4], "other than ASCII"),
        (ALT_NAMES, false, name(0x8a, b"x"), &[0x8a, 1, b'x'], "unknown form"),
        (ALT_NAMES, false, seq(vec![]).encode(), &[], "holds nothing"),
        (ALT_NAMES, true, name(0x81, b"a@b@example.com"), &[0x81, 15], "one @ and a host"),
        (ALT_NAMES, false, name(0x81, b"@example.com"), &[0x81, 12], "one @ and a host"),
        (ALT_NAMES, false, name(0x81, b"nobody"), &[0x81, 6], "one @ and a host"),
        (NAME_CONSTRAINTS, true, constraint(1, b"@example.com"), &[0x81, 12], "neither an address, a host"),
        (
            NAME_CONSTRAINTS,
            true,
            constraint(0, b"a@b@example.com"),
            &[0x81, 15],
            "neither an address, a host",
        ),
        (EXTENDED_KEY_USAGE, false, seq(vec![]).encode(), &[], "holds nothing"),
    ];
    let specimen = leaf();
    for (extension, critical, value, at, words) in cases {
        let edit = Edit::of(&specimen.certificate).unwrap().extension(extension, critical, &value);
        let der = edit.sign(&specimen.issuer_key);
        assert_eq!(refused(&specimen, &der), Some("malformed-extension"), "{extension} {value:02x?}");
        let (place, found) = error(&der, "extensions.").unwrap_or_else(|| panic!("{extension} {value:02x?}"));
        assert!(
            found.contains(words) && place.starts_with(at),
            "{extension} {value:02x?}: {found} {place:02x?}"
        );
    }
}

#[test]
fn what_is_unusual_and_well_formed_is_still_let_through() {
    let specimen = leaf();
    let reference = seq(vec![Node::new(0x16, b"Org"), seq(vec![Node::new(2, &[1])])]);
    for (extension, critical, value) in [
        // Nobody has to understand the qualifiers of an extension that is not critical.
        (POLICIES, false, policy("1.3.6.1.4.1.64000.7", vec![Node::new(4, b"x")])),
        (POLICIES, true, policy(CPS, vec![Node::new(0x16, b"http://cps.example/")])),
        (POLICIES, true, policy(USER_NOTICE, vec![seq(vec![reference, Node::new(0x1e, &[0, b'a'])])])),
        (POLICIES, true, policy(USER_NOTICE, vec![seq(vec![])])),
        (ALT_NAMES, false, name(0x87, &[0; 16])),
        (ALT_NAMES, false, name(0x81, b"\"a@b\"@example.com")),
    ] {
        let edit = Edit::of(&specimen.certificate).unwrap().extension(extension, critical, &value);
        let der = edit.sign(&specimen.issuer_key);
        assert_eq!(refused(&specimen, &der), None, "{extension} {value:02x?}");
    }
}

#[test]
fn version_and_extensions_go_together() {
    let specimen = leaf();
    let edit = || Edit::of(&specimen.certificate).unwrap();
    let all: Vec<String> =
        specimen.certificate.extensions().iter().map(|extension| extension.oid().to_owned()).collect();
    let empty = all.iter().fold(edit(), |edit, oid| edit.without_extension(oid));
    for (edit, at, words) in [
        (edit().version(&[0]), &[2, 1, 0][..], "version 1 is written out"),
        (edit().version(&[1]), &[2, 1, 1], "not of version 3"),
        (edit().version(&[3]), &[2, 1, 3], "none that X.509 has"),
        (empty, &[0x30, 0], "there and empty"),
    ] {
        let der = edit.sign(&specimen.issuer_key);
        assert_eq!(refused(&specimen, &der), Some("version"), "{words}");
        let (place, found) = error(&der, "").unwrap_or_else(|| panic!("{words}"));
        assert!(found.contains(words) && place.starts_with(at), "{words}: {found} {:02x?}", &place[..8]);
    }
}

#[test]
fn an_e_mail_constraint_admits_and_excludes_what_it_says() {
    let Specimen { certificate, issuer, issuer_key } = leaf();
    let judge = |constraints: &[u8], address: &[u8]| {
        // The issuer's CA renews itself with constraints.
        let ca = Edit::of(&issuer).unwrap().extension(NAME_CONSTRAINTS, true, constraints);
        let ca = Certificate::from_der(&ca.sign(&issuer_key)).unwrap();
        let end = Edit::of(&certificate).unwrap().extension(ALT_NAMES, false, &name(0x81, address));
        let end = Certificate::from_der(&end.sign(&issuer_key)).unwrap();
        let inputs = Inputs::at(end.not_before());
        let validation = validate(&issuer, &[&ca, &end], &inputs, &mut Signatures::with_limit(4));
        validation.failure.map(|failure| (failure.position, failure.rejection.rule()))
    };
    let permitted = constraint(0, b"example.com");
    assert_eq!(judge(&permitted, b"root@example.com"), None);
    assert_eq!(judge(&permitted, b"a@b@example.com"), Some((1, "malformed-extension")));
    assert_eq!(judge(&permitted, b"root@example.org"), Some((1, "name-not-permitted")));
    assert_eq!(judge(&constraint(1, b"@example.com"), b"root@example.com"), Some((0, "malformed-extension")));
    assert_eq!(judge(&constraint(1, b"example.com"), b"root@example.com"), Some((1, "name-excluded")));
}
