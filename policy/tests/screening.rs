//! For each rule a candidate that breaks exactly that rule, and candidates that break none.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use ctl_pki::Certificate;
use ctl_policy::{
    ADMISSION, ADMISSIONS, Candidate, Context, ENGINE, Evidence, EvidenceKind, Finding, Kind, Listed,
    MAX_POLICY_SIZE, Policy, PolicyError, Purpose, Severity, Standard, Use, profile, profiles_of, screen,
};
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{
    Pki, PkiKind, PkiSpec, Role, cross_certify, expired_root, root_with_broken_signature, root_with_key_of,
};
use proptest::prelude::*;
use sha2::Digest as _;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
const V2G: Use = Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g };
const V2G_20: Use = Use { standard: Standard::Iso15118_20, purpose: Purpose::V2g };
const MO: Use = Use { standard: Standard::Iso15118_2, purpose: Purpose::Mo };

fn spec(name: &str) -> PkiSpec {
    let spec = PkiSpec::new(PkiKind::V2g, name, "NL", "An operator", "screening", NOW - YEAR);
    PkiSpec { services: Some("http://pki.example".into()), ..spec }
}

fn admission() -> Policy {
    Policy::parse(ADMISSION).unwrap()
}

/// The same without the profiles, for certificates that no profile likes.
fn without_profiles() -> Policy {
    let mut text = String::new();
    for part in ADMISSION.split_inclusive("\n\n") {
        if !part.contains("id = \"profile") && !part.contains("[[profiles]]") {
            text += part;
        }
    }
    Policy::parse(&text).unwrap()
}

fn listed(certificate: &Certificate) -> Listed {
    Listed {
        fingerprint: hex::encode(certificate.sha256()),
        spki: hex::encode(certificate.spki_sha256()),
        subject: hex::encode(certificate.subject_der()),
    }
}

fn root(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::Root }
}

fn cross(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::CrossCertificate }
}

fn sub_ca(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::SubCa }
}

fn broken_rules(policy: &Policy, candidate: &Candidate<'_>, context: &Context) -> Vec<String> {
    screen(policy, candidate, context).into_iter().map(|finding| finding.id).collect()
}

fn document(entry: u64, kind: EvidenceKind, author: &str) -> Evidence {
    Evidence {
        entry,
        kind,
        author: author.into(),
        accredited: author == "auditor",
        public: true,
        held: true,
        dated: None,
        fingerprint: None,
    }
}

/// All that speaks for a candidate.
fn all_evidence(certificate: &Certificate) -> Vec<Evidence> {
    vec![
        Evidence {
            fingerprint: Some(hex::encode(certificate.sha256())),
            public: false,
            held: false,
            ..document(1, EvidenceKind::SecondChannelFingerprint, "elector")
        },
        document(2, EvidenceKind::CertificatePolicy, "operator"),
        Evidence {
            public: false,
            dated: Some(NOW - 60 * DAY),
            ..document(3, EvidenceKind::AuditReport, "auditor")
        },
        document(4, EvidenceKind::ConformanceReport, "operator"),
    ]
}

/// What a candidate is compared with that has nothing against it.
fn clean(certificate: &Certificate) -> Context {
    Context {
        now: NOW,
        uses: vec![V2G],
        ocsp: vec!["http://ocsp.example/".into()],
        crl: vec!["http://crl.example/".into()],
        evidence: Some(all_evidence(certificate)),
        required_evidence: vec![EvidenceKind::SecondChannelFingerprint, EvidenceKind::CertificatePolicy],
        discussion_seconds: 14 * 86_400,
        ..Context::default()
    }
}

/// Aurora's root by Borealis' root: both on the list, one level of sub-CAs below Aurora.
struct Bridge {
    aurora: Pki,
    borealis: Pki,
}

impl Bridge {
    fn new() -> Self {
        Self {
            aurora: Pki::generate(&spec("Aurora")).unwrap(),
            borealis: Pki::generate(&spec("Borealis")).unwrap(),
        }
    }

    fn context(&self, vouched: &Certificate) -> Context {
        let (aurora, borealis) = (self.aurora.root().certificate(), self.borealis.root().certificate());
        Context {
            issuer: Some(hex::encode(borealis.der())),
            subject: Some(hex::encode(aurora.der())),
            listed: vec![listed(aurora), listed(borealis)],
            sub_ca_levels: vec![1],
            ocsp: Vec::new(),
            crl: Vec::new(),
            ..clean(vouched)
        }
    }
}

/// The same shape of bridge with keys at hand, so that each part of the certificate can be spoilt.
struct Shaped {
    a: (Key, Certificate),
    b: (Key, Certificate),
}

const A: &str = "CN=Aurora Root CA,DC=V2G,O=Aurora,C=NL";
const B: &str = "CN=Borealis Root CA,DC=V2G,O=Borealis,C=NL";

impl Shaped {
    fn new() -> Self {
        let make = |name: &str| {
            let key = Key::p256(name).unwrap();
            let root = Shape::ca(name, &key, None).unwrap().self_signed().unwrap();
            (key, root)
        };
        Self { a: make(A), b: make(B) }
    }

    /// Aurora's root by Borealis' root, changed before it is signed.
    fn cross(&self, path_length: Option<u8>, change: impl FnOnce(Shape) -> Shape) -> Certificate {
        let crl = hex::decode("300d300ba009a00786056c6461703a").unwrap();
        let shape = Shape::ca(A, &self.a.0, path_length).unwrap().extension("2.5.29.31", false, &crl);
        change(shape).signed_by(B, &self.b.0).unwrap()
    }

    fn context(&self, vouched: &Certificate) -> Context {
        Context {
            issuer: Some(hex::encode(self.b.1.der())),
            subject: Some(hex::encode(self.a.1.der())),
            listed: vec![listed(&self.a.1), listed(&self.b.1)],
            sub_ca_levels: vec![1],
            ..clean(vouched)
        }
    }
}

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
    let context = Context { issuer: Some(hex::encode(good.der())), evidence: None, ..clean(sub1) };
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
    let hex_of = |bytes: [u8; 32]| vec![hex::encode(bytes)];

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
            Context { distrusted_keys: hex_of(good.spki_sha256()), ..plain.clone() },
            "not-distrusted",
        ),
        (
            "a distrusted certificate",
            root(good),
            Context { distrusted_certificates: hex_of(good.sha256()), ..plain.clone() },
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
            evidence(&|all| all[0].fingerprint = Some("00".repeat(32))),
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
    let silent = shaped.cross(Some(1), |shape| shape.extension("2.5.29.31", false, &[0x30, 0]));

    let another = Shape::ca(A, &Key::p256("another").unwrap(), None).unwrap().self_signed().unwrap();
    let elsewhere = Context { subject: Some(hex::encode(another.der())), ..of(&good) };
    let by_another = Context { issuer: Some(hex::encode(shaped.a.1.der())), ..of(&good) };
    let deep = Context { sub_ca_levels: vec![1, 2], ..of(&good) };
    let unknown = Context { sub_ca_levels: Vec::new(), ..of(&good) };
    let nested = Context { uses: vec![V2G_20], ..of(&outside) };
    let table: Vec<(&str, &Certificate, Context, &str)> = vec![
        ("a broken signature", &forged, of(&forged), "cross-signature"),
        ("signed by another root", &good, by_another, "cross-signature"),
        ("no issuer to verify with", &good, Context { issuer: None, ..of(&good) }, "cross-signature"),
        ("for another key", &good, elsewhere, "cross-subject"),
        ("for nobody", &good, Context { subject: None, ..of(&good) }, "cross-subject"),
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
    let by = |issuer: &Certificate| Context {
        issuer: Some(hex::encode(issuer.der())),
        evidence: None,
        ..clean(sub1)
    };
    for context in [by(other), Context { issuer: None, ..by(good) }] {
        assert!(broken_rules(&admission(), &sub_ca(sub1), &context).contains(&"sub-ca-signature".into()));
    }
    let rules = broken_rules(&admission(), &sub_ca(secc), &by(good));
    assert!(rules.contains(&"sub-ca-signature".into()), "a leaf is no sub-CA: {rules:?}");
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
fn a_policy_of_the_first_engine_finds_what_it_found() {
    let bridge = Bridge::new();
    let good = bridge.aurora.root().certificate();
    let first = Policy::parse(ADMISSIONS[1]).unwrap();
    assert_eq!(
        hex::encode(first.digest()),
        "b3a3a408f6835e81ce8f4a23604064806583a999ce3dbd5fdbb54637b3e67edc",
        "schemes have it in their charters"
    );
    let none: [String; 0] = [];
    let bare = Context { now: NOW, ..Context::default() };
    assert_eq!(broken_rules(&first, &root(good), &bare), none);
    let expired = expired_root(&spec("Old"), NOW).unwrap();
    let findings = screen(&first, &root(expired.certificate()), &bare);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(
        (finding.id.as_str(), finding.severity, finding.waivable),
        ("validity-now", Severity::Error, true)
    );
    assert_eq!(
        finding.found,
        "valid from 1984-12-01T00:00:00Z to 2024-12-01T00:00:00Z, screened at 2026-01-01T00:00:00Z"
    );
    assert_eq!(finding.source, "RFC 5280 section 4.1.2.5");
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
    assert_eq!(ENGINE, "ctl-policy 2");
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
    fn no_bytes_make_the_screening_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        issuer in prop::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
        dated in prop::option::of(any::<i64>()),
        now in any::<i64>(),
        real in any::<bool>(),
    ) {
        let pki = Pki::generate(&spec("Aurora")).unwrap();
        let good = pki.root().certificate();
        let mut evidence = all_evidence(good);
        evidence[2].dated = dated;
        let issuer = issuer.map(hex::encode);
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

    #[test]
    fn no_text_makes_the_policy_parser_panic(text in "\\PC{0,300}", at in 0..ADMISSION.len()) {
        let _ = Policy::parse(&text);
        if let (Some(before), Some(after)) = (ADMISSION.get(..at), ADMISSION.get(at..)) {
            let _ = Policy::parse(&format!("{before}{text}{after}"));
        }
    }
}
