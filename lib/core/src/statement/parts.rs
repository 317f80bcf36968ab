//! The parts that statements and lists are made of: uses, constraints, services, references.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::governance::{Rules, RulesVersion};
use crate::keys::PublicKey;
use crate::names::{Label, MoId, OrganisationId, ParticipantId, RuleId, Url, Version};
use crate::{Digest, Timestamp};

/// A certificate in DER is at most so many bytes.
pub const MAX_CERTIFICATE: usize = 8192;

/// DER bytes, base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Der(#[serde(with = "crate::json::base64_bytes")] pub Vec<u8>);

/// What a participant is. One may be several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParticipantKind {
    /// Operates a root and what is below it.
    PkiOperator,
    /// Mobility operator.
    Mo,
    /// Charge point operator.
    Cpo,
    /// Vehicle manufacturer.
    Oem,
    /// Audits PKIs.
    Auditor,
    /// Votes.
    Elector,
    /// Signs lists.
    Signer,
    /// Keeps the MO registry.
    Registrar,
    /// Issues suspension notices.
    EmergencyOfficer,
    /// Countersigns registrations.
    AdmissionsOfficer,
    /// Signs root.json and the top-level targets.
    BoardMember,
}

/// A participant as registered. One key each; an organisation that needs several registers several
/// participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewParticipant {
    /// Its id.
    pub id: ParticipantId,
    /// The organisation it belongs to; thresholds count organisations.
    pub organisation: OrganisationId,
    /// A name for people: of a company or an office, never of a person (the log is for ever).
    pub name: Label,
    /// What it is.
    pub kinds: Vec<ParticipantKind>,
    /// Its public key.
    pub key: PublicKey,
}

/// Which standard a use is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standard {
    /// ISO 15118-2.
    #[serde(rename = "iso15118-2")]
    Iso15118_2,
    /// ISO 15118-20.
    #[serde(rename = "iso15118-20")]
    Iso15118_20,
}

/// Which chains may end in an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// CPO chain: the charger as TLS server.
    V2g,
    /// Contract chain.
    Mo,
    /// Provisioning chain.
    Oem,
    /// Vehicle chain of ISO 15118-20 (TLS client).
    Vehicle,
}

/// One use of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The standard.
    pub standard: Standard,
    /// The purpose.
    pub purpose: Purpose,
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let standard = match self.standard {
            Standard::Iso15118_2 => "-2",
            Standard::Iso15118_20 => "-20",
        };
        let purpose = match self.purpose {
            Purpose::V2g => "v2g",
            Purpose::Mo => "mo",
            Purpose::Oem => "oem",
            Purpose::Vehicle => "vehicle",
        };
        write!(f, "{purpose}({standard})")
    }
}

/// One constraint: a reader that does not know a critical one must not use the anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// Whether a reader that cannot honour it must leave the anchor out.
    pub critical: bool,
    /// Its value; the form depends on the constraint.
    pub value: Value,
}

/// The constraints of an anchor, by name. Known ones: `not_issued_after` and `not_trusted_after`
/// (a time), `mo_ids` (a list of MO identifiers). Readers keep what they do not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Constraints(pub BTreeMap<String, Constraint>);

/// A constraint that nobody could honour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("constraint {0:?} is unknown under these rules or has a value of the wrong form")]
pub struct ConstraintError(pub String);

impl Constraints {
    /// Nothing issued after this moment is trusted.
    pub const NOT_ISSUED_AFTER: &'static str = "not_issued_after";
    /// The anchor is not trusted after this moment.
    pub const NOT_TRUSTED_AFTER: &'static str = "not_trusted_after";
    /// Only contracts of these MO identifiers.
    pub const MO_IDS: &'static str = "mo_ids";
    /// Those that a statement may set, with the version of the rules that brought each.
    pub const KNOWN: [(&'static str, RulesVersion); 3] = [
        (Self::NOT_ISSUED_AFTER, RulesVersion::V1),
        (Self::NOT_TRUSTED_AFTER, RulesVersion::V1),
        (Self::MO_IDS, RulesVersion::V1),
    ];

    /// Whether these rules know every constraint and its value has the right form.
    ///
    /// # Errors
    /// [`ConstraintError`] naming the first that is not.
    pub fn check_known(&self, rules: &Rules) -> Result<(), ConstraintError> {
        let since =
            |name: &str| Self::KNOWN.iter().find(|(known, _)| *known == name).map(|(_, since)| *since);
        let short = |constraint: &Constraint| {
            constraint.value.as_array().is_none_or(|ids| ids.len() <= rules.constraint_mo_ids)
        };
        let fits = |name: &str, constraint: &Constraint| {
            since(name).is_some_and(|since| since <= rules.version)
                && Self::is_known(name, constraint)
                && short(constraint)
        };
        match self.0.iter().find(|(name, constraint)| !fits(name, constraint)) {
            Some((name, _)) => Err(ConstraintError(name.chars().take(60).collect())),
            None => Ok(()),
        }
    }

    fn is_known(name: &str, constraint: &Constraint) -> bool {
        match name {
            Self::NOT_ISSUED_AFTER | Self::NOT_TRUSTED_AFTER => {
                Timestamp::deserialize(&constraint.value).is_ok()
            }
            Self::MO_IDS => Vec::<MoId>::deserialize(&constraint.value)
                .is_ok_and(|ids| !ids.is_empty() && ids.len() <= 1000),
            _ => false,
        }
    }

    /// The name of a critical constraint that is not known here, if there is one.
    #[must_use]
    pub fn unknown_critical(&self) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, constraint)| constraint.critical && !Self::is_known(name, constraint))
            .map(|(name, _)| name.as_str())
    }

    /// The names of all critical constraints: what a plain certificate file cannot express.
    pub fn critical(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, constraint)| constraint.critical).map(|(name, _)| name.as_str())
    }

    /// A constraint that is a moment.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        self.0.get(name).and_then(|constraint| Timestamp::deserialize(&constraint.value).ok())
    }

    /// Makes a constraint that is a moment at least as strict as this: never later than before, and
    /// never less critical.
    pub fn tighten_time(&mut self, name: &str, time: Timestamp) {
        let critical = self.0.get(name).is_some_and(|constraint| constraint.critical);
        let time = self.time(name).map_or(time, |before| before.min(time));
        self.set_time(name, time, critical);
    }

    /// Sets a constraint that is a moment.
    pub fn set_time(&mut self, name: &str, time: Timestamp, critical: bool) {
        self.0.insert(name.to_owned(), Constraint { critical, value: Value::String(time.to_string()) });
    }
}

/// Where a PKI can be reached: watched by the monitor, never needed for trust.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Services {
    /// OCSP responders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ocsp: Vec<Url>,
    /// CRL distribution points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crl: Vec<Url>,
    /// EST (RFC 7030) `cacerts` addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub est: Vec<Url>,
    /// Root certificate pools (OPCP, OPNC).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root_pool: Vec<Url>,
}

/// Who may read a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobAccess {
    /// Served to anyone who knows its digest.
    Public,
    /// Encrypted to its readers before it was uploaded.
    Restricted,
}

/// A text outside the log, named by the SHA-256 of a random salt and the text. It can be erased
/// without harming the log, and its text cannot be guessed from its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// Who may read it.
    pub access: BlobAccess,
    /// SHA-256 of the blob: 32 octets of salt, then the content.
    pub sha256: Digest,
}

/// A policy by name, version and digest of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// Its name.
    pub name: Label,
    /// SHA-256 of the policy file.
    pub sha256: Digest,
    /// Its version.
    pub version: Version,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Worth asking.
    Warning,
    /// Stands against admission.
    Error,
}

/// A finding of a screening: all that the fold reads of it. The full text is in the report blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule.
    pub id: RuleId,
    /// How bad.
    pub severity: Severity,
    /// Whether electors may waive it.
    pub waivable: bool,
}

/// What a screening looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservedKind {
    /// The certificate that applies.
    Certificate,
    /// A document attached as evidence, of which the server held the very bytes.
    Evidence,
    /// The anchor that signed a cross-certificate.
    Issuer,
    /// The anchor that a cross-certificate is for.
    Subject,
    /// A certificate profile.
    Profile,
}

/// One thing that a screening looked at: who has the same can repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// What it is.
    pub what: ObservedKind,
    /// Its SHA-256; of a document that of the blob.
    pub sha256: Digest,
}

/// What can be attached to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// The fingerprint, confirmed over another channel by someone who is not the applicant.
    SecondChannelFingerprint,
    /// The PKI's certificate policy.
    CertificatePolicy,
    /// A report of an audit.
    AuditReport,
    /// A report of conformance tests.
    ConformanceReport,
}

/// Where an anchor stands. Only the first three and `deprecated` are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorStatus {
    /// Listed; devices are taking it up.
    Qualified,
    /// Listed long enough that devices have it.
    Usable,
    /// Still trusted, on notice.
    Warning,
    /// Not trusted for now.
    Suspended,
    /// Nothing issued after a date is trusted.
    Deprecated,
    /// Not trusted, for good.
    Withdrawn,
    /// Its certificate has ended: it left the list by itself, and its key is not distrusted. Nobody
    /// decides this.
    Expired,
}

impl AnchorStatus {
    /// All of them, in the order of life.
    pub const ALL: [Self; 7] = [
        Self::Qualified,
        Self::Usable,
        Self::Warning,
        Self::Suspended,
        Self::Deprecated,
        Self::Withdrawn,
        Self::Expired,
    ];

    /// Whether an anchor in this status stands on the list.
    #[must_use]
    pub const fn is_listed(self) -> bool {
        !matches!(self, Self::Suspended | Self::Withdrawn | Self::Expired)
    }

    /// Whether the key of an anchor in this status must not be used on any path.
    #[must_use]
    pub const fn is_distrusted(self) -> bool {
        matches!(self, Self::Suspended | Self::Withdrawn)
    }

    /// The word in JSON and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qualified => "qualified",
            Self::Usable => "usable",
            Self::Warning => "warning",
            Self::Suspended => "suspended",
            Self::Deprecated => "deprecated",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

impl std::fmt::Display for AnchorStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is distrusted: one certificate, or every certificate with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DistrustKind {
    /// SHA-256 of a certificate in DER.
    Certificate,
    /// SHA-256 of a SubjectPublicKeyInfo in DER.
    Spki,
}

/// Must not be used on any path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distrusted {
    /// What the digest is of.
    pub kind: DistrustKind,
    /// The digest.
    pub sha256: Digest,
}

/// Why trust was suspended in a hurry, or a sub-CA revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithdrawalReason {
    /// A private key is, or may be, in wrong hands.
    KeyCompromise,
    /// The authority itself is compromised.
    CaCompromise,
    /// Certificates were issued that must not have been.
    Misissuance,
    /// The operator asked for it.
    OperatorRequest,
    /// Superseded by another.
    Superseded,
    /// Operation ended.
    CessationOfOperation,
}
