//! Candidates that nothing speaks against, and what they are compared with.

use ctl_pki::Certificate;
use ctl_policy::{
    ADMISSION, Candidate, Context, Evidence, EvidenceKind, Kind, Listed, Policy, Purpose, Standard, Use,
    screen,
};
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Pki, PkiKind, PkiSpec};

/// 2026-01-01T00:00:00Z.
pub const NOW: i64 = 1_767_225_600;
pub const DAY: i64 = 86_400;
pub const YEAR: i64 = 365 * DAY;
pub const V2G: Use = Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g };
pub const V2G_20: Use = Use { standard: Standard::Iso15118_20, purpose: Purpose::V2g };
pub const MO: Use = Use { standard: Standard::Iso15118_2, purpose: Purpose::Mo };

pub fn spec(name: &str) -> PkiSpec {
    let spec = PkiSpec::new(PkiKind::V2g, name, "NL", "An operator", "screening", NOW - YEAR);
    PkiSpec { services: Some("http://pki.example".into()), ..spec }
}

pub fn admission() -> Policy {
    Policy::parse(ADMISSION).unwrap()
}

/// The same without the profiles, for certificates that no profile likes.
pub fn without_profiles() -> Policy {
    let mut text = String::new();
    for part in ADMISSION.split_inclusive("\n\n") {
        if !part.contains("id = \"profile") && !part.contains("[[profiles]]") {
            text += part;
        }
    }
    Policy::parse(&text).unwrap()
}

pub fn listed(certificate: &Certificate) -> Listed {
    Listed {
        fingerprint: certificate.sha256(),
        spki: certificate.spki_sha256(),
        subject: certificate.subject_der().into(),
    }
}

pub fn root(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::Root }
}

pub fn cross(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::CrossCertificate }
}

pub fn sub_ca(certificate: &Certificate) -> Candidate<'_> {
    Candidate { certificate_der: certificate.der(), kind: Kind::SubCa }
}

pub fn broken_rules(policy: &Policy, candidate: &Candidate<'_>, context: &Context) -> Vec<String> {
    screen(policy, candidate, context).into_iter().map(|finding| finding.id).collect()
}

pub fn document(entry: u64, kind: EvidenceKind, author: &str) -> Evidence {
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
pub fn all_evidence(certificate: &Certificate) -> Vec<Evidence> {
    vec![
        Evidence {
            fingerprint: Some(certificate.sha256()),
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
pub fn clean(certificate: &Certificate) -> Context {
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
pub struct Bridge {
    pub aurora: Pki,
    pub borealis: Pki,
}

impl Bridge {
    pub fn new() -> Self {
        Self {
            aurora: Pki::generate(&spec("Aurora")).unwrap(),
            borealis: Pki::generate(&spec("Borealis")).unwrap(),
        }
    }

    pub fn context(&self, vouched: &Certificate) -> Context {
        let (aurora, borealis) = (self.aurora.root().certificate(), self.borealis.root().certificate());
        Context {
            issuer: Some(borealis.clone()),
            subject: Some(aurora.clone()),
            listed: vec![listed(aurora), listed(borealis)],
            sub_ca_levels: vec![1],
            ocsp: Vec::new(),
            crl: Vec::new(),
            ..clean(vouched)
        }
    }
}

/// The same shape of bridge with keys at hand, so that each part of the certificate can be spoilt.
pub struct Shaped {
    pub a: (Key, Certificate),
    pub b: (Key, Certificate),
}

pub const A: &str = "CN=Aurora Root CA,DC=V2G,O=Aurora,C=NL";
pub const B: &str = "CN=Borealis Root CA,DC=V2G,O=Borealis,C=NL";

impl Shaped {
    pub fn new() -> Self {
        let make = |name: &str| {
            let key = Key::p256(name).unwrap();
            let root = Shape::ca(name, &key, None).unwrap().self_signed().unwrap();
            (key, root)
        };
        Self { a: make(A), b: make(B) }
    }

    /// Aurora's root by Borealis' root, changed before it is signed.
    pub fn cross(&self, path_length: Option<u8>, change: impl FnOnce(Shape) -> Shape) -> Certificate {
        let crl = hex::decode("300d300ba009a00786056c6461703a").unwrap();
        let shape = Shape::ca(A, &self.a.0, path_length).unwrap().extension("2.5.29.31", false, &crl);
        change(shape).signed_by(B, &self.b.0).unwrap()
    }

    pub fn context(&self, vouched: &Certificate) -> Context {
        Context {
            issuer: Some(self.b.1.clone()),
            subject: Some(self.a.1.clone()),
            listed: vec![listed(&self.a.1), listed(&self.b.1)],
            sub_ca_levels: vec![1],
            ..clean(vouched)
        }
    }
}
