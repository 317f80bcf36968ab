//! For each rule a candidate that breaks exactly that rule, and candidates that break none.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use ctl_pki::Certificate;
use ctl_policy::{
    ADMISSION, Candidate, Context, ENGINE, Finding, Kind, Listed, MAX_POLICY_SIZE, Policy, PolicyError,
    Severity, screen,
};
use ctl_sandbox::{
    Pki, PkiKind, PkiSpec, Role, cross_certify, expired_root, root_with_broken_signature, root_with_key_of,
};
use proptest::prelude::*;
use sha2::Digest as _;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const YEAR: i64 = 365 * 86_400;

fn spec(name: &str) -> PkiSpec {
    PkiSpec::new(PkiKind::V2g, name, "NL", "An operator", "screening", NOW - YEAR)
}

fn admission() -> Policy {
    Policy::parse(ADMISSION).unwrap()
}

fn listed(certificate: &Certificate) -> Listed {
    Listed {
        fingerprint: certificate.sha256(),
        spki: certificate.spki_sha256(),
        subject: certificate.subject_der().to_vec(),
    }
}

fn root(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::Root }
}

fn cross(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::CrossCertificate }
}

fn broken_rules(candidate: &Candidate<'_>, context: &Context<'_>) -> Vec<String> {
    screen(&admission(), candidate, context).into_iter().map(|finding| finding.id).collect()
}

#[test]
fn each_rule_is_broken_by_a_candidate_that_breaks_nothing_else() {
    let (aurora, borealis) =
        (Pki::generate(&spec("Aurora")).unwrap(), Pki::generate(&spec("Borealis")).unwrap());
    let (good, on_the_list) = (aurora.root().certificate(), borealis.root().certificate());
    let broken = root_with_broken_signature(aurora.root()).unwrap();
    let expired = expired_root(&spec("Old"), NOW).unwrap();
    let future = Pki::generate(&PkiSpec { not_before: NOW + 1, ..spec("Future") }).unwrap();
    let twin = root_with_key_of(borealis.root(), &spec("Twin")).unwrap();
    let sub_ca = aurora.get(Role::CpoSub1).unwrap().certificate();
    let vouched = cross_certify(borealis.root(), good, NOW, NOW + YEAR).unwrap();
    let mut vouched_badly = vouched.der().to_vec();
    *vouched_badly.last_mut().unwrap() ^= 1;
    let mut trailing = good.der().to_vec();
    trailing.push(0);

    let list = [listed(on_the_list)];
    let plain = Context { now: NOW, listed: &list, issuer: Some(on_the_list.der()), ..Context::default() };
    let key = [good.spki_sha256()];
    let fingerprint = [good.sha256()];

    let table: [(&str, Candidate<'_>, Context<'_>, &str); 14] = [
        ("garbage", Candidate { certificate_der: b"garbage", kind: Kind::Root }, plain, "parses"),
        ("bytes after it", Candidate { certificate_der: &trailing, kind: Kind::Root }, plain, "parses"),
        ("a broken signature", root(broken.certificate()), plain, "self-signature"),
        ("a sub-CA as root", root(sub_ca), plain, "self-signature"),
        ("a cross-certificate as root", root(&vouched), plain, "self-signature"),
        ("expired", root(expired.certificate()), plain, "validity-now"),
        ("not yet valid", root(future.root().certificate()), plain, "validity-now"),
        ("listed already", root(on_the_list), plain, "not-listed"),
        ("a distrusted key", root(good), Context { distrusted_keys: &key, ..plain }, "not-distrusted"),
        (
            "a distrusted certificate",
            root(good),
            Context { distrusted_certificates: &fingerprint, ..plain },
            "not-distrusted",
        ),
        ("a listed key under another name", root(twin.certificate()), plain, "key-unique"),
        (
            "a broken cross-signature",
            Candidate { certificate_der: &vouched_badly, kind: Kind::CrossCertificate },
            plain,
            "cross-signature",
        ),
        (
            "signed by another root",
            cross(&vouched),
            Context { issuer: Some(good.der()), ..plain },
            "cross-signature",
        ),
        ("no issuer to verify with", cross(&vouched), Context { issuer: None, ..plain }, "cross-signature"),
    ];
    let mut covered: Vec<&str> = Vec::new();
    for (name, candidate, context, rule) in table {
        assert_eq!(broken_rules(&candidate, &context), [rule], "{name}");
        covered.push(rule);
    }
    for rule in admission().rules() {
        assert!(covered.contains(&rule.id.as_str()), "no candidate breaks {}", rule.id);
    }
}

#[test]
fn a_good_root_and_a_good_cross_certificate_have_no_findings() {
    let (aurora, borealis) =
        (Pki::generate(&spec("Aurora")).unwrap(), Pki::generate(&spec("Borealis")).unwrap());
    let (good, on_the_list) = (aurora.root().certificate(), borealis.root().certificate());
    let list = [listed(on_the_list), listed(good)];
    let context = Context { now: NOW, issuer: Some(on_the_list.der()), ..Context::default() };
    assert_eq!(screen(&admission(), &root(good), &context), []);
    // Both roots are listed: the cross-certificate has the key of one of them, under that one's name.
    let vouched = cross_certify(borealis.root(), good, NOW, NOW + YEAR).unwrap();
    assert_eq!(screen(&admission(), &cross(&vouched), &Context { listed: &list, ..context }), []);
}

#[test]
fn the_first_and_last_second_of_validity_count() {
    let pki = Pki::generate(&spec("Aurora")).unwrap();
    let certificate = pki.root().certificate();
    for (now, findings) in [
        (certificate.not_before() - 1, 1),
        (certificate.not_before(), 0),
        (certificate.not_after(), 0),
        (certificate.not_after() + 1, 1),
    ] {
        let context = Context { now, ..Context::default() };
        assert_eq!(screen(&admission(), &root(certificate), &context).len(), findings, "{now}");
    }
}

#[test]
fn a_finding_takes_its_weight_from_the_policy_and_says_what_was_found() {
    let lenient = ADMISSION.replace(
        "id = \"validity-now\"\nseverity = \"error\"",
        "id = \"validity-now\"\nseverity = \"warning\"",
    );
    let expired = expired_root(&spec("Old"), NOW).unwrap();
    let context = Context { now: NOW, ..Context::default() };
    let findings = screen(&Policy::parse(&lenient).unwrap(), &root(expired.certificate()), &context);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((finding.severity, finding.waivable), (Severity::Warning, true));
    assert_eq!(
        finding.found,
        "valid from 1984-12-01T00:00:00Z to 2024-12-01T00:00:00Z, screened at 2026-01-01T00:00:00Z"
    );
    let json = serde_json::to_string(finding).unwrap();
    assert!(json.contains("\"severity\":\"warning\""), "{json}");
    assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), *finding);
}

#[test]
fn the_digest_is_that_of_the_files_bytes() {
    let policy = admission();
    assert_eq!((policy.name(), policy.version()), ("Admission", "2026-1"));
    assert_eq!(policy.digest(), *sha2::Sha256::digest(ADMISSION));
    let touched = Policy::parse(&format!("{ADMISSION}\n# a comment")).unwrap();
    assert_ne!(policy.digest(), touched.digest());
    assert_eq!(policy.rules(), touched.rules());
    assert_eq!(ENGINE, "ctl-policy 1");
}

#[test]
fn a_policy_that_would_let_something_pass_unseen_is_refused() {
    let parse = |from: &str, to: &str| {
        assert!(ADMISSION.contains(from), "{from}");
        Policy::parse(&ADMISSION.replacen(from, to, 1)).unwrap_err()
    };
    assert!(
        matches!(parse("\"not-listed\"", "\"not-listd\""), PolicyError::UnknownRule(id) if id == "not-listd")
    );
    assert!(
        matches!(parse("\"not-listed\"", "\"key-unique\""), PolicyError::DuplicateRule(id) if id == "key-unique")
    );
    assert!(matches!(parse("waivable = false", "waivable = true"), PolicyError::ParsesRequired));
    assert!(matches!(parse("severity = \"error\"", "severity = \"notice\""), PolicyError::ParsesRequired));
    assert!(matches!(parse("waivable = true", "waivable = true\nwaived = true"), PolicyError::Malformed(_)));
    assert!(matches!(parse("\"2026-1\"", "\"\""), PolicyError::Unnamed { member: "version", .. }));
    let empty = "name = \"a\"\nversion = \"1\"\nrules = []";
    assert!(matches!(Policy::parse(empty), Err(PolicyError::ParsesRequired)));
    let large = format!("{ADMISSION}#{}", "x".repeat(MAX_POLICY_SIZE));
    assert!(matches!(Policy::parse(&large), Err(PolicyError::TooLarge(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_the_screening_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        issuer in prop::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
        now in any::<i64>(),
    ) {
        let context = Context { now, issuer: issuer.as_deref(), ..Context::default() };
        for kind in [Kind::Root, Kind::CrossCertificate] {
            let findings = screen(&admission(), &Candidate { certificate_der: &bytes, kind }, &context);
            prop_assert!(!findings.is_empty());
        }
    }

    #[test]
    fn no_text_makes_the_policy_parser_panic(text in "\\PC{0,300}", at in 0..ADMISSION.len()) {
        let _ = Policy::parse(&text);
        if let (Some(before), Some(after)) = (ADMISSION.get(..at), ADMISSION.get(at..)) {
            let _ = Policy::parse(&format!("{before}{text}{after}"));
        }
    }
}
