//! Policies: what their parameters move, what they pin, and which are refused.

use ctl_policy::{
    ADMISSION, Context, ENGINE, EvidenceKind, Finding, MAX_POLICY_SIZE, Policy, PolicyError, profile, screen,
};
use ctl_sandbox::{Pki, expired_root};
use proptest::prelude::*;
use sha2::Digest as _;

use super::candidates::*;

#[test]
fn the_parameters_of_a_rule_move_its_bound() {
    let pki = Pki::generate(&spec("Aurora")).unwrap();
    let good = pki.root().certificate();
    let mut evidence = all_evidence(good);
    evidence[2].dated = Some(NOW - 100 * DAY);
    let context = Context { evidence: Some(evidence), ..clean(good) };
    for (from, to, rule) in [
        ("years = 35", "years = 40", "remaining-validity"),
        ("years = 2 ", "years = 40 ", "not-expiring"),
        ("months = 15", "months = 3", "audit-recent"),
        ("days = 14", "days = 15", "discussion"),
    ] {
        assert!(ADMISSION.contains(from), "{from}");
        let stricter = Policy::parse(&ADMISSION.replacen(from, to, 1)).unwrap();
        assert_eq!(broken_rules(&stricter, &root(good), &context), [rule], "{to}");
    }
    let lists_all = ADMISSION.replace("[\"conformance-report\"]", "[]");
    let silent = Context { evidence: Some(all_evidence(good).into_iter().take(3).collect()), ..clean(good) };
    let none: [String; 0] = [];
    assert_eq!(broken_rules(&Policy::parse(&lists_all).unwrap(), &root(good), &silent), none);
    let charter = Context { required_evidence: vec![EvidenceKind::ConformanceReport], ..silent };
    assert_eq!(
        broken_rules(&Policy::parse(&lists_all).unwrap(), &root(good), &charter),
        ["evidence-list"],
        "what the charter asks for is asked for all the same"
    );
}

#[test]
fn an_audit_is_recent_until_the_second_that_the_policy_tells_and_no_longer() {
    let pki = Pki::generate(&spec("Aurora")).unwrap();
    let good = pki.root().certificate();
    let policy = admission();
    let dated = NOW - 30 * DAY;
    let end = policy.audit_end(dated).unwrap();
    let mut evidence = all_evidence(good);
    evidence[2].dated = Some(dated);
    for (now, broken) in [(end, false), (end + 1, true)] {
        let context = Context { now, evidence: Some(evidence.clone()), ..clean(good) };
        let rules = broken_rules(&policy, &root(good), &context);
        assert_eq!(rules.contains(&"audit-recent".to_owned()), broken, "{rules:?}");
    }
    let silent = Policy::parse(&without_rule(ADMISSION, "audit-recent")).unwrap();
    assert_eq!(silent.audit_end(dated), None);
    assert_eq!(policy.audit_end(i64::MAX), None);
}

/// The policy without one of its rules.
fn without_rule(text: &str, id: &str) -> String {
    let rules: Vec<&str> =
        text.split("[[rules]]").filter(|rule| !rule.contains(&format!("\"{id}\""))).collect();
    rules.join("[[rules]]")
}

#[test]
fn a_finding_can_be_written_and_read() {
    let expired = expired_root(&spec("Old"), NOW).unwrap();
    let findings = screen(&admission(), &root(expired.certificate()), &clean(expired.certificate()));
    let json = serde_json::to_string(&findings).unwrap();
    assert!(json.contains("\"severity\":\"warning\""), "{json}");
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&json).unwrap(), findings);
}

#[test]
fn the_digest_is_that_of_the_files_bytes() {
    let policy = admission();
    assert_eq!((policy.name(), policy.version()), ("Admission", "2026-2"));
    assert_eq!(policy.digest(), *sha2::Sha256::digest(ADMISSION));
    let touched = Policy::parse(&format!("{ADMISSION}\n# a comment")).unwrap();
    assert_ne!(policy.digest(), touched.digest());
    assert_eq!(policy.rules(), touched.rules());
    assert_eq!(ENGINE, "ctl-policy 4");
}

#[test]
fn every_profile_that_a_rule_can_ask_for_is_pinned() {
    let policy = admission();
    for name in
        ["v2g-root", "mo-root", "oem-root", "cross", "v2g-root-20", "mo-root-20", "oem-root-20", "cross-20"]
    {
        let digest = hex::encode(profile::profile(name).unwrap().digest());
        let pin = policy.profiles().iter().find(|pin| pin.name == name).unwrap();
        assert_eq!(pin.sha256, digest, "{name}: put the digest of the profile's files into admission.toml");
    }
    let pin = &policy.profiles()[0].sha256;
    let other = ADMISSION.replace(pin, &"0".repeat(64));
    assert!(matches!(Policy::parse(&other), Err(PolicyError::OtherProfile { .. })));
    let unknown = ADMISSION.replacen("name = \"cross\"", "name = \"crossed\"", 1);
    assert!(matches!(Policy::parse(&unknown), Err(PolicyError::OtherProfile { .. })));
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
    assert!(matches!(parse("\"2026-2\"", "\"\""), PolicyError::Unnamed { member: "version", .. }));
    let dropped = parse("parameters = { months = 15 }", "");
    assert!(matches!(dropped, PolicyError::Parameters { rule, .. } if rule == "audit-recent"));
    let idle = parse("{ months = 15 }", "{ months = 15, days = 3 }");
    assert!(matches!(idle, PolicyError::Parameters { .. }));
    let odd = parse("{ months = 15 }", "{ months = -1 }");
    assert!(matches!(odd, PolicyError::Malformed(_)));
    let empty = "name = \"a\"\nversion = \"1\"\nrules = []";
    assert!(matches!(Policy::parse(empty), Err(PolicyError::ParsesRequired)));
    let large = format!("{ADMISSION}#{}", "x".repeat(MAX_POLICY_SIZE));
    assert!(matches!(Policy::parse(&large), Err(PolicyError::TooLarge(_))));
}

proptest! {
    #[test]
    fn no_text_makes_the_policy_parser_panic(text in "\\PC{0,300}", at in 0..ADMISSION.len()) {
        let _ = Policy::parse(&text);
        if let (Some(before), Some(after)) = (ADMISSION.get(..at), ADMISSION.get(at..)) {
            let _ = Policy::parse(&format!("{before}{text}{after}"));
        }
    }
}
