//! What a candidate is compared with. Whoever screens takes it from the ledger in this form.

use ctl_pki::Certificate;
use serde::Deserialize;

/// What a candidate applies to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A root: an anchor to be.
    #[default]
    Root,
    /// A certificate by which one listed root vouches for another.
    CrossCertificate,
    /// A CA below a listed root.
    SubCa,
}

/// Which standard a use is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standard {
    /// ISO 15118-2.
    Iso15118_2,
    /// ISO 15118-20.
    Iso15118_20,
}

/// Which chains may end in a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Of charge point operators.
    V2g,
    /// Of mobility operators.
    Mo,
    /// Of vehicle manufacturers.
    Oem,
    /// Of vehicles, in ISO 15118-20.
    Vehicle,
}

/// A use that a root applies for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub standard: Standard,
    pub purpose: Purpose,
}

/// What can speak for a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// The fingerprint, confirmed over another channel.
    SecondChannelFingerprint,
    /// The PKI's certificate policy.
    CertificatePolicy,
    AuditReport,
    /// A report of conformance tests.
    ConformanceReport,
}

impl EvidenceKind {
    /// The words for people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::SecondChannelFingerprint => "a fingerprint confirmed over a second channel",
            Self::CertificatePolicy => "a certificate policy",
            Self::AuditReport => "an audit report",
            Self::ConformanceReport => "a report of conformance tests",
        }
    }
}

/// A piece of evidence, as far as a rule asks about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Index of its entry in the ledger.
    pub entry: u64,
    pub kind: EvidenceKind,
    /// Who attached it.
    pub author: String,
    /// Whether that is an auditor whom the electors have accredited.
    pub accredited: bool,
    /// Whether anyone may read the document.
    pub public: bool,
    /// Whether the document itself was there, with the digest that the ledger names.
    pub held: bool,
    /// The date that the document bears, in Unix seconds.
    pub dated: Option<i64>,
    /// The fingerprint that was heard.
    pub fingerprint: Option<[u8; 32]>,
}

/// A certificate on the list that the candidate applies for, anchor or cross-certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: [u8; 32],
    /// Its subject name in DER.
    pub subject: Vec<u8>,
}

/// What the candidate is compared with, and at what time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The time of screening, in Unix seconds.
    pub now: i64,
    /// What is or was on the list.
    pub listed: Vec<Listed>,
    /// SHA-256 of every distrusted certificate.
    pub distrusted_certificates: Vec<[u8; 32]>,
    /// SHA-256 of the SubjectPublicKeyInfo of every distrusted key.
    pub distrusted_keys: Vec<[u8; 32]>,
    /// The certificate of what issued the candidate. Without it the signature of a cross-certificate cannot be
    /// verified, which is a finding.
    pub issuer: Option<Certificate>,
    /// For a cross-certificate, that of the root that it is for.
    pub subject: Option<Certificate>,
    /// What a root applies for; of a cross-certificate what both ends are listed for.
    pub uses: Vec<Use>,
    /// The OCSP responders that the application names.
    pub ocsp: Vec<String>,
    /// The CRL addresses that the application names.
    pub crl: Vec<String>,
    /// What was attached to the application; none before there is one, and then no rule asks for it.
    pub evidence: Option<Vec<Evidence>>,
    /// What the charter asks to be attached.
    pub required_evidence: Vec<EvidenceKind>,
    /// How long the charter lets an application be discussed, in seconds.
    pub discussion_seconds: u64,
    /// For a cross-certificate: of each disclosed chain below its subject, how many sub-CAs it has.
    pub sub_ca_levels: Vec<u32>,
}
