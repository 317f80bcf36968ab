//! Paths that are valid, and what is said about them.

use std::collections::BTreeSet;

use ctl_pki::Certificate;
use ctl_pki::path::{Inputs, Signatures, validate};

use crate::common::*;

/// Root, sub-CA and leaf under these recipes, each signed by the one before.
fn issue(recipes: &[&Recipe]) -> Vec<Certificate> {
    let mut certificates = vec![recipes[0].self_signed()];
    certificates.extend(recipes.windows(2).map(|pair| pair[1].signed_by(pair[0])));
    certificates
}

fn check(recipes: &[&Recipe], inputs: &Inputs) -> ctl_pki::path::Validation {
    let certificates = issue(recipes);
    let chain: Vec<_> = certificates.iter().skip(1).collect();
    judge(&certificates[0], &chain, inputs)
}

fn set(oids: &[&str]) -> BTreeSet<String> {
    oids.iter().map(|oid| (*oid).to_owned()).collect()
}

#[test]
fn a_chain_of_every_supported_key_is_valid_and_every_check_is_told() {
    let keys = [Key::p256(1), Key::p384(2), Key::p521(3), Key::ed25519(4), Key::p256(5)];
    let [root, sub1, sub2, sub3] = [0, 1, 2, 3].map(|number| ca(&format!("CA {number}"), &keys[number]));
    let end = leaf("Leaf", &keys[4]).key_usage(0x80);
    let validation = check(&[&root, &sub1, &sub2, &sub3, &end], &Inputs::at(NOW));
    assert_eq!(verdict(&validation), None);
    assert_eq!(validation.steps.len(), 4);
    for (position, step) in validation.steps.iter().enumerate() {
        assert_eq!(step.position, position);
        let rules: Vec<_> = step.checks.iter().map(|check| check.rule).collect();
        let issuing: &[_] = if position < 3 { &["ca", "path-length", "key-usage"] } else { &[] };
        let expected: Vec<_> =
            [&["name-chaining", "validity", "signature", "critical-extensions"][..], issuing, &["policies"]]
                .concat();
        assert_eq!(rules, expected);
        assert!(step.checks.iter().all(|check| check.passed && check.source.starts_with("RFC 5280")));
    }
    let told = validation.steps[3].checks[1].to_string();
    assert_eq!(
        told,
        "passed validity: valid from 2020-01-01T00:00:00Z to 2040-01-01T00:00:00Z (RFC 5280 section 6.1.3 (a)(2))"
    );
}

#[test]
fn signatures_are_verified_once_however_often_a_path_is_asked_for() {
    let (root, sub, end) = (ca("Root", &Key::p256(1)), ca("Sub", &Key::p256(2)), leaf("Leaf", &Key::p256(3)));
    let certificates = issue(&[&root, &sub, &end]);
    let mut signatures = Signatures::with_limit(2);
    for _ in 0..3 {
        let chain = [&certificates[1], &certificates[2]];
        assert!(validate(&certificates[0], &chain, &Inputs::at(NOW), &mut signatures).is_valid());
    }
    assert_eq!(signatures.verified(), 2);
    let stranger = leaf("Stranger", &Key::p256(4)).signed_by(&root);
    let validation = validate(&certificates[0], &[&stranger], &Inputs::at(NOW), &mut signatures);
    assert_eq!(verdict(&validation), Some((0, "signature-limit")));
}

#[test]
fn the_anchors_own_validity_and_limits_are_no_part_of_the_algorithm() {
    let mut root = ca("Root", &Key::p256(1)).basic_constraints(false, Some(0)).key_usage(0x80);
    root.not_after = "210101000000Z";
    let (sub, end) = (ca("Sub", &Key::p256(2)), leaf("Leaf", &Key::p256(3)));
    assert_eq!(verdict(&check(&[&root, &sub, &end], &Inputs::at(NOW))), None);
}

#[test]
fn the_first_and_the_last_second_belong_to_the_validity() {
    let (root, end) = (ca("Root", &Key::p256(1)), leaf("Leaf", &Key::p256(2)));
    let (from, until) = (1_577_836_800, 2_208_988_800);
    for (time, expected) in [
        (from - 1, Some((0, "not-yet-valid"))),
        (from, None),
        (until, None),
        (until + 1, Some((0, "expired"))),
    ] {
        assert_eq!(verdict(&check(&[&root, &end], &Inputs::at(time))), expected, "{time}");
    }
}

#[test]
fn a_ca_that_renews_itself_does_not_count_towards_the_path_length() {
    let root = ca("Root", &Key::p256(1));
    let sub = ca("Sub", &Key::p256(2)).basic_constraints(true, Some(0));
    // The same name under a new key: key rollover.
    let renewed = ca("Sub", &Key::p256(3));
    let end = leaf("Leaf", &Key::p256(4));
    assert_eq!(verdict(&check(&[&root, &sub, &renewed, &end], &Inputs::at(NOW))), None);
    let other = ca("Other", &Key::p256(3));
    let validation = check(&[&root, &sub, &other, &end], &Inputs::at(NOW));
    assert_eq!(verdict(&validation), Some((1, "path-length")));
    let words = validation.failure.unwrap().rejection.to_string();
    assert!(words.contains("the path length constraint of CN=Sub,O=Test"), "{words}");
}

#[test]
fn one_name_in_two_encodings_is_one_issuer() {
    let root = ca("Root", &Key::p256(1));
    let sub_key = Key::p256(2);
    let sub = ca("", &sub_key).named(name_of(&[
        &[("DC", IA5, b"V2G")],
        &[("O", PRINTABLE, b"Plug  and Charge ")],
        &[("CN", UTF8, "Straße".as_bytes()), ("C", PRINTABLE, b"DE")],
    ]));
    // What the leaf calls its issuer: another case, other spaces, other string types, the set the other way round.
    let called = name_of(&[
        &[("DC", IA5, b"v2g")],
        &[("O", UTF8, b"plug and CHARGE")],
        &[("C", PRINTABLE, b"de"), ("CN", BMP, &bmp("STRASSE"))],
    ]);
    let end = leaf("Leaf", &Key::p256(3)).signed(&called, &sub_key);
    let (root, sub) = (root.self_signed(), sub.signed_by(&root));
    assert_ne!(sub.subject_der(), end.issuer_der());
    assert_eq!(verdict(&judge(&root, &[&sub, &end], &Inputs::at(NOW))), None);
}

fn bmp(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[test]
fn policies_are_reported_as_the_anchor_names_them() {
    let root = ca("Root", &Key::p256(1));
    let bridge = ca("Bridge", &Key::p256(2)).policies(&[GOLD, SILVER]).mappings(&[(GOLD, FOREIGN)]);
    let sub = ca("Sub", &Key::p256(3)).policies(&[FOREIGN]);
    let end = leaf("Leaf", &Key::p256(4)).policies(&[FOREIGN]);
    let path = [&root, &bridge, &sub, &end];
    let mut inputs = Inputs { require_explicit_policy: true, ..Inputs::at(NOW) };
    let validation = check(&path, &inputs);
    assert_eq!((verdict(&validation), &validation.policies), (None, &set(&[GOLD])));
    let words = &validation.steps[2].checks.last().unwrap().words;
    assert!(words.contains("holds for the certificate policies 2.999.10, and one is required"), "{words}");
    inputs.initial_policies = Some(set(&[GOLD]));
    assert_eq!(check(&path, &inputs).policies, set(&[GOLD]));
    inputs.initial_policies = Some(set(&[SILVER, FOREIGN]));
    let validation = check(&path, &inputs);
    assert_eq!(verdict(&validation), Some((2, "policy-not-accepted")));
    let words = validation.failure.unwrap().rejection.to_string();
    assert_eq!(
        words,
        "the path must be valid for one of the certificate policies 2.999.10, 2.999.2, and is valid for 2.999.1"
    );
}

#[test]
fn without_a_demand_a_path_without_policies_is_valid_and_says_so() {
    let (root, end) = (ca("Root", &Key::p256(1)), leaf("Leaf", &Key::p256(2)));
    let inputs = Inputs { initial_policies: Some(set(&[GOLD])), ..Inputs::at(NOW) };
    let validation = check(&[&root, &end], &inputs);
    assert_eq!((verdict(&validation), validation.policies), (None, set(&[])));
}

#[test]
fn names_within_what_is_permitted_pass() {
    let organisation = name_of(&[&[("O", PRINTABLE, b"TEST")]]);
    let root = ca("Root", &Key::p256(1));
    let sub = ca("Sub", &Key::p256(2)).name_constraints(
        &[
            directory(&organisation),
            dns("example.com"),
            email(".example.com"),
            uri(".example.com"),
            ip(&[10, 0, 0, 0, 255, 0, 0, 0]),
        ],
        &[dns("secret.example.com")],
    );
    let end = leaf("Leaf", &Key::p256(3)).alt_names(&[
        dns("ocpp.example.com"),
        email("Service@mail.EXAMPLE.com"),
        uri("https://api.example.com:8443/pnc"),
        ip(&[10, 1, 2, 3]),
        directory(&name("Another name of the leaf")),
    ]);
    let validation = check(&[&root, &sub, &end], &Inputs::at(NOW));
    assert_eq!(verdict(&validation), None);
    assert!(
        validation.steps[1]
            .checks
            .iter()
            .any(|check| { check.words == "its names (6) keep to the name constraints of the CAs above it" })
    );
}
