//! What a candidate is compared with. Whoever screens takes it from the ledger in this form, as JSON, so
//! that server, electors and auditors compare with the same.

use serde::{Deserialize, Serialize};

/// What a candidate applies to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Standard {
    /// ISO 15118-2.
    #[serde(rename = "iso15118-2")]
    Iso15118_2,
    /// ISO 15118-20.
    #[serde(rename = "iso15118-20")]
    Iso15118_20,
}

/// Which chains may end in a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The standard.
    pub standard: Standard,
    /// The purpose.
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
    /// A report of an audit.
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Index of its entry in the ledger.
    pub entry: u64,
    /// What it is.
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
    /// The fingerprint that was heard, in hex.
    pub fingerprint: Option<String>,
}

/// A certificate on the list that the candidate applies for, anchor or cross-certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// SHA-256 of the certificate, in hex.
    pub fingerprint: String,
    /// SHA-256 of its SubjectPublicKeyInfo, in hex.
    pub spki: String,
    /// Its DER subject name, in hex.
    pub subject: String,
}

/// What the candidate is compared with, and at what time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The time of screening, in Unix seconds.
    pub now: i64,
    /// What is or was on the list.
    pub listed: Vec<Listed>,
    /// SHA-256 of every distrusted certificate, in hex.
    pub distrusted_certificates: Vec<String>,
    /// SHA-256 of the SubjectPublicKeyInfo of every distrusted key, in hex.
    pub distrusted_keys: Vec<String>,
    /// The certificate of what issued the candidate, DER in hex. Without it the signature of a
    /// cross-certificate cannot be verified, which is a finding.
    pub issuer: Option<String>,
    /// For a cross-certificate, that of the root that it is for, DER in hex.
    pub subject: Option<String>,
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
