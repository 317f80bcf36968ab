//! Cross-certificates and sub-CAs: what roots sign.

use ctl_pki::Certificate;
use ctl_policy::{Context, Finding, Kind, Severity, profiles_of, screen};
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Role, cross_certify};

use super::candidates::*;

#[test]
fn each_rule_about_cross_certificates_is_broken_by_one_that_breaks_nothing_else() {
    let shaped = Shaped::new();
    let good = shaped.cross(Some(1), |shape| shape);
    let of = |certificate: &Certificate| shaped.context(certificate);
    let mut forged = good.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = Certificate::from_der(&forged).unwrap();
    let shut = shaped.cross(Some(0), |shape| shape);
    let no_ca = shaped.cross(Some(1), |shape| shape.extension("2.5.29.19", true, &[0x30, 0]));
    let lax = shaped.cross(None, |shape| shape.extension("2.5.29.19", false, &[0x30, 3, 1, 1, 0xff]));
    let no_sign = shaped.cross(Some(1), |shape| shape.key_usage(&[6]));
    let client = hex::decode("300a06082b06010505070302").unwrap();
    let server = hex::decode("300a06082b06010505070301").unwrap();
    let for_clients = shaped.cross(Some(1), |shape| shape.extension("2.5.29.37", false, &client));
    let for_servers = shaped.cross(Some(1), |shape| shape.extension("2.5.29.37", false, &server));
    let names = hex::decode("300aa008300682042e636f6d").unwrap();
    let constrained = shaped.cross(Some(1), |shape| shape.extension("2.5.29.30", true, &names));
    let early = shaped.cross(Some(1), |shape| shape.valid(NOW - YEAR, NOW + YEAR));
    let outside = shaped.cross(Some(1), |shape| shape.valid(0, 2_493_072_000));
    // A point that is named by a registered identifier only.
    let unnamed = hex::decode("300a3008a006a00488022a03").unwrap();
    let silent = shaped.cross(Some(1), |shape| shape.extension("2.5.29.31", false, &unnamed));

    let another = Shape::ca(A, &Key::p256("another").unwrap(), None).unwrap().self_signed().unwrap();
    let elsewhere = Context { subject: Some(another.clone()), ..of(&good) };
    let by_another = Context { issuer: Some(shaped.a.1.clone()), ..of(&good) };
    let deep = Context { sub_ca_levels: vec![1, 2], ..of(&good) };
    let unknown = Context { sub_ca_levels: Vec::new(), ..of(&good) };
    let nested = Context { uses: vec![V2G_20], ..of(&outside) };
    let no_issuer = Context { issuer: None, ..of(&good) };
    let no_subject = Context { subject: None, ..of(&good) };
    // What cannot be compared is not fulfilled.
    for (context, rules) in [
        (no_issuer, ["cross-signature", "cross-validity"]),
        (no_subject, ["cross-subject", "cross-validity"]),
    ] {
        assert_eq!(broken_rules(&without_profiles(), &cross(&good), &context), rules);
    }
    let table: Vec<(&str, &Certificate, Context, &str)> = vec![
        ("a broken signature", &forged, of(&forged), "cross-signature"),
        ("signed by another root", &good, by_another, "cross-signature"),
        ("for another key", &good, elsewhere, "cross-subject"),
        ("for no CA", &no_ca, of(&no_ca), "cross-ca"),
        ("not critically for a CA", &lax, of(&lax), "cross-ca"),
        ("not for signing", &no_sign, of(&no_sign), "cross-ca"),
        ("no room below", &shut, of(&shut), "cross-path-length"),
        ("chains too long", &good, deep, "cross-depth"),
        ("chains unknown", &good, unknown, "cross-depth"),
        ("for clients", &for_clients, of(&for_clients), "cross-purposes"),
        ("with name constraints", &constrained, of(&constrained), "cross-constraints"),
        ("outside its issuer's time, for -20", &outside, nested, "cross-validity"),
        ("soon over", &early, of(&early), "not-expiring"),
        ("no address", &silent, of(&silent), "revocation-address"),
    ];
    for (name, certificate, context, rule) in table {
        assert_eq!(broken_rules(&without_profiles(), &cross(certificate), &context), [rule], "{name}");
    }
    for (name, certificate) in [("for servers", &for_servers), ("before its roots, for -2", &outside)] {
        let none: [String; 0] = [];
        assert_eq!(broken_rules(&without_profiles(), &cross(certificate), &of(certificate)), none, "{name}");
    }
    // Valid only when the roots are not any more.
    let late = shaped.cross(Some(1), |shape| shape.valid(2_493_072_001, 2_493_072_001 + 10 * YEAR));
    assert_eq!(
        broken_rules(&without_profiles(), &cross(&late), &of(&late)),
        ["validity-now", "cross-validity"]
    );
}

#[test]
fn the_cross_profile_judges_real_cross_certificates() {
    let bridge = Bridge::new();
    let (good, issuer) = (bridge.aurora.root().certificate(), bridge.borealis.root());
    let vouched = cross_certify(issuer, good, NOW, NOW + 10 * YEAR).unwrap();
    let context = bridge.context(&vouched);
    assert_eq!(profiles_of(Kind::CrossCertificate, vouched.der(), &context), ["cross"]);
    let errors: Vec<Finding> = screen(&admission(), &cross(&vouched), &context)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    let none: [Finding; 0] = [];
    assert_eq!(errors, none);
    let both = Context { uses: vec![V2G, V2G_20], ..context };
    let findings = screen(&admission(), &cross(&vouched), &both);
    let finding = findings.iter().find(|finding| finding.id == "profile").unwrap();
    assert!(finding.found.starts_with("cross-20: "), "a P-256 key is none of -20: {}", finding.found);
    assert_eq!(finding.expected, "no errors by profile cross and cross-20");
}

#[test]
fn a_sub_ca_must_come_from_above() {
    let bridge = Bridge::new();
    let (good, other) = (bridge.aurora.root().certificate(), bridge.borealis.root().certificate());
    let sub1 = bridge.aurora.get(Role::CpoSub1).unwrap().certificate();
    let secc = bridge.aurora.get(Role::Secc).unwrap().certificate();
    let by = |issuer: &Certificate| Context { issuer: Some(issuer.clone()), evidence: None, ..clean(sub1) };
    for context in [by(other), Context { issuer: None, ..by(good) }] {
        assert!(broken_rules(&admission(), &sub_ca(sub1), &context).contains(&"sub-ca-signature".into()));
    }
    let rules = broken_rules(&admission(), &sub_ca(secc), &by(good));
    assert!(rules.contains(&"sub-ca-signature".into()), "a leaf is no sub-CA: {rules:?}");
}
