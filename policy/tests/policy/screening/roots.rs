//! Roots: one that breaks nothing, and for each rule one that breaks exactly that.

use ctl_pki::Certificate;
use ctl_policy::{Candidate, Context, Evidence, Finding, Kind, Severity, screen};
use ctl_sandbox::mutation::{Edit, Node};
use ctl_sandbox::{
    Edition, Pki, PkiSpec, Role, expired_root, root_with_broken_signature, root_with_key_of, specimen,
};
use proptest::prelude::*;

use super::candidates::*;

#[test]
fn a_good_root_cross_certificate_and_sub_ca_have_no_findings() {
    let bridge = Bridge::new();
    let good = bridge.aurora.root().certificate();
    let none: [Finding; 0] = [];
    assert_eq!(screen(&admission(), &root(good), &clean(good)), none);
    let shaped = Shaped::new();
    let vouched = shaped.cross(Some(1), |shape| shape);
    assert_eq!(screen(&without_profiles(), &cross(&vouched), &shaped.context(&vouched)), none);
    let sub1 = bridge.aurora.get(Role::CpoSub1).unwrap().certificate();
    let context = Context { issuer: Some(good.clone()), evidence: None, ..clean(sub1) };
    assert_eq!(screen(&admission(), &sub_ca(sub1), &context), none);
}

#[test]
fn a_root_rewritten_around_its_signed_part_does_not_parse_for_us_either() {
    let pki = Pki::generate(&spec("Rewritten")).unwrap();
    let mut twin = pki.root().certificate().der().to_vec();
    twin[0] = 0x70;
    let candidate = Candidate { certificate_der: &twin, kind: Kind::Root };
    let findings = screen(&admission(), &candidate, &Context { now: NOW, ..Context::default() });
    let found = findings.iter().find(|finding| finding.id == "parses").unwrap();
    assert_eq!((found.severity, found.waivable), (Severity::Error, false));
}

/// OpenSSL and Python refuse every certificate of a bundle that holds one of these.
#[test]
fn a_root_that_would_make_every_bundle_unreadable_cannot_be_waived_onto_a_list() {
    let sound = specimen("v2g-root", Edition::Iso2).unwrap().unwrap();
    let name = vec![(Node::oid("2.5.4.3"), Node::new(0x0c, b"Odd\xff"))];
    let edit = Edit::of(&sound.certificate).unwrap();
    for (what, odd) in [
        ("a padded serial number", edit.clone().serial(&[0, 0x2a])),
        ("an empty serial number", edit.clone().serial(&[])),
        ("a serial number of 21 bytes", edit.clone().serial(&[0x2a; 21])),
        ("a name that is no UTF-8", edit.clone().names(Some(name.clone()), Some(name))),
        ("a malformed extension", edit.extension("2.5.29.31", false, &[0x30, 2, 0x30, 0])),
    ] {
        let der = odd.sign(&sound.issuer_key);
        let candidate = Candidate { certificate_der: &der, kind: Kind::Root };
        let findings = screen(&admission(), &candidate, &clean(&sound.certificate));
        let [finding] = findings.as_slice() else { panic!("{what}: {findings:?}") };
        assert_eq!(
            (finding.id.as_str(), finding.severity, finding.waivable),
            ("parses", Severity::Error, false),
            "{what}"
        );
    }
}

#[test]
fn each_rule_about_roots_is_broken_by_a_candidate_that_breaks_nothing_else() {
    let bridge = Bridge::new();
    let (good, on_the_list) = (bridge.aurora.root().certificate(), bridge.borealis.root().certificate());
    let broken = root_with_broken_signature(bridge.aurora.root()).unwrap();
    let future = Pki::generate(&PkiSpec { not_before: NOW + 1, ..spec("Future") }).unwrap();
    let twin = root_with_key_of(bridge.borealis.root(), &spec("Twin")).unwrap();
    let old = Pki::generate(&PkiSpec { not_before: NOW - 10 * YEAR, ..spec("Old") }).unwrap();
    let mut trailing = good.der().to_vec();
    trailing.push(0);
    let plain = Context { listed: vec![listed(on_the_list)], ..clean(good) };
    let of = |certificate: &Certificate| Context { listed: vec![listed(on_the_list)], ..clean(certificate) };
    let evidence = |change: &dyn Fn(&mut Vec<Evidence>)| {
        let mut evidence = all_evidence(good);
        change(&mut evidence);
        Context { evidence: Some(evidence), ..plain.clone() }
    };

    let table: Vec<(&str, Candidate<'_>, Context, &str)> = vec![
        ("garbage", Candidate { certificate_der: b"garbage", kind: Kind::Root }, plain.clone(), "parses"),
        (
            "bytes after it",
            Candidate { certificate_der: &trailing, kind: Kind::Root },
            plain.clone(),
            "parses",
        ),
        ("a P-256 root for -20", root(good), Context { uses: vec![V2G, V2G_20], ..plain.clone() }, "profile"),
        (
            "a V2G root as MO root",
            root(good),
            Context { uses: vec![MO], ..plain.clone() },
            "profile-warnings",
        ),
        ("a broken signature", root(broken.certificate()), of(broken.certificate()), "self-signature"),
        ("not yet valid", root(future.root().certificate()), of(future.root().certificate()), "validity-now"),
        ("ten years old", root(old.root().certificate()), of(old.root().certificate()), "remaining-validity"),
        ("listed already", root(on_the_list), of(on_the_list), "not-listed"),
        (
            "a distrusted key",
            root(good),
            Context { distrusted_keys: vec![good.spki_sha256()], ..plain.clone() },
            "not-distrusted",
        ),
        (
            "a distrusted certificate",
            root(good),
            Context { distrusted_certificates: vec![good.sha256()], ..plain.clone() },
            "not-distrusted",
        ),
        ("a listed key under another name", root(twin.certificate()), of(twin.certificate()), "key-unique"),
        ("no OCSP responder", root(good), Context { ocsp: Vec::new(), ..plain.clone() }, "ocsp-address"),
        ("no CRL", root(good), Context { crl: Vec::new(), ..plain.clone() }, "crl-address"),
        (
            "nobody has heard the fingerprint",
            root(good),
            evidence(&|all| {
                all.remove(0);
            }),
            "second-channel-fingerprint",
        ),
        (
            "another fingerprint was heard",
            root(good),
            evidence(&|all| all[0].fingerprint = Some([0; 32])),
            "second-channel-fingerprint",
        ),
        (
            "no certificate policy",
            root(good),
            evidence(&|all| {
                all.remove(1);
            }),
            "certificate-policy",
        ),
        ("a secret policy", root(good), evidence(&|all| all[1].public = false), "certificate-policy"),
        ("a policy never sent", root(good), evidence(&|all| all[1].held = false), "certificate-policy"),
        (
            "no audit report",
            root(good),
            evidence(&|all| {
                all.remove(2);
            }),
            "audit-report",
        ),
        ("an audit by anybody", root(good), evidence(&|all| all[2].accredited = false), "audit-report"),
        ("a report never sent", root(good), evidence(&|all| all[2].held = false), "audit-report"),
        (
            "an old audit",
            root(good),
            evidence(&|all| all[2].dated = Some(NOW - 15 * 31 * DAY)),
            "audit-recent",
        ),
        ("an audit without a date", root(good), evidence(&|all| all[2].dated = None), "audit-recent"),
        (
            "no conformance report",
            root(good),
            evidence(&|all| {
                all.remove(3);
            }),
            "evidence-list",
        ),
        (
            "a hasty charter",
            root(good),
            Context { discussion_seconds: 14 * 86_400 - 1, ..plain.clone() },
            "discussion",
        ),
    ];
    for (name, candidate, context, rule) in table {
        assert_eq!(broken_rules(&admission(), &candidate, &context), [rule], "{name}");
    }
    // What is about to end does not remain valid either.
    let ending = Pki::generate(&PkiSpec { not_before: NOW - 39 * YEAR, ..spec("Ending") }).unwrap();
    let ending = ending.root().certificate();
    assert_eq!(
        broken_rules(&admission(), &root(ending), &of(ending)),
        ["remaining-validity", "not-expiring"]
    );
    let expired = expired_root(&spec("Old"), NOW).unwrap();
    let expired = expired.certificate();
    assert_eq!(
        broken_rules(&admission(), &root(expired), &of(expired)),
        ["validity-now", "remaining-validity", "not-expiring"]
    );
}

#[test]
fn before_there_is_an_application_no_evidence_is_asked_for() {
    let pki = Pki::generate(&spec("Aurora")).unwrap();
    let good = pki.root().certificate();
    let none: [String; 0] = [];
    assert_eq!(broken_rules(&admission(), &root(good), &Context { evidence: None, ..clean(good) }), none);
    let nothing = Context { evidence: Some(Vec::new()), ..clean(good) };
    assert_eq!(
        broken_rules(&admission(), &root(good), &nothing),
        ["second-channel-fingerprint", "certificate-policy", "audit-report", "evidence-list"]
    );
}

#[test]
fn the_first_and_last_second_of_validity_count() {
    let pki = Pki::generate(&spec("Aurora")).unwrap();
    let certificate = pki.root().certificate();
    for (now, broken) in [
        (certificate.not_before() - 1, true),
        (certificate.not_before(), false),
        (certificate.not_after(), false),
        (certificate.not_after() + 1, true),
    ] {
        let context = Context { now, ..clean(certificate) };
        let rules = broken_rules(&admission(), &root(certificate), &context);
        assert_eq!(rules.contains(&"validity-now".into()), broken, "{now}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_screening_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        issuer in prop::option::of(any::<bool>()),
        dated in prop::option::of(any::<i64>()),
        now in any::<i64>(),
        real in any::<bool>(),
    ) {
        let pki = Pki::generate(&spec("Aurora")).unwrap();
        let good = pki.root().certificate();
        let mut evidence = all_evidence(good);
        evidence[2].dated = dated;
        let issuer = issuer.map(|own| if own { good.clone() } else { pki.get(Role::Secc).unwrap().certificate().clone() });
        let context = Context {
            now,
            subject: issuer.clone(),
            issuer,
            evidence: Some(evidence),
            ..clean(good)
        };
        let bytes = if real { good.der() } else { &bytes };
        for kind in [Kind::Root, Kind::CrossCertificate, Kind::SubCa] {
            let findings = screen(&admission(), &Candidate { certificate_der: bytes, kind }, &context);
            prop_assert!(real || !findings.is_empty());
        }
    }
}
