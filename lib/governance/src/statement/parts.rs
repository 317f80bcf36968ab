//! Parts of statements: participants, references to texts, findings, evidence.

use ctl_core::Digest;
use ctl_core::keys::PublicKey;
use ctl_core::names::{Label, OrganisationId, ParticipantId, RuleId};
use ctl_core::parts::{Constraint, Constraints};
use serde::{Deserialize, Serialize};

use crate::{Rules, RulesVersion};

/// What a participant is; it may be several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParticipantKind {
    /// Operates a root and the CAs below it.
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
    /// Watches services and signs the findings.
    Watcher,
}

/// A registered participant. It has one key; an organisation that needs several keys registers several participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewParticipant {
    pub id: ParticipantId,
    /// The organisation it belongs to; thresholds count organisations.
    pub organisation: OrganisationId,
    /// A name for people: of a company or an office, never of a person, because the log is permanent.
    pub name: Label,
    pub kinds: Vec<ParticipantKind>,
    pub key: PublicKey,
}

/// A constraint that is unknown or malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("constraint {0:?} is unknown under these rules or has a value of the wrong form")]
pub struct ConstraintError(pub String);

/// Who may read a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobAccess {
    /// Served to anyone who knows its digest.
    Public,
    /// Encrypted for its readers before the upload.
    Restricted,
}

/// A text outside the log, named by the SHA-256 of a random salt and the text. It can be erased without harming the
/// log, and its content cannot be guessed from its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// Who may read it.
    pub access: BlobAccess,
    /// SHA-256 of the blob: 32 bytes of salt, then the content.
    pub sha256: Digest,
}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Worth a question.
    Warning,
    /// Forbids admission, unless waived.
    Error,
}

/// A finding of a screening, as far as the fold reads it. The full text is in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub id: RuleId,
    pub severity: Severity,
    /// Whether electors may waive it.
    pub waivable: bool,
}

/// What a screening used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservedKind {
    /// The certificate that applies.
    Certificate,
    /// A document attached as evidence, which the server held whole.
    Evidence,
    /// The anchor that signed a cross-certificate.
    Issuer,
    /// The anchor that a cross-certificate is for.
    Subject,
    /// A certificate profile.
    Profile,
}

/// One thing that a screening used; whoever has the same can repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    pub what: ObservedKind,
    /// Its SHA-256; for a document, the blob's.
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
    AuditReport,
    /// A report of conformance tests.
    ConformanceReport,
}

/// The constraints that a statement may set, with the version of the rules that introduced each.
pub const KNOWN_CONSTRAINTS: [(&str, RulesVersion); 3] = [
    (Constraints::NOT_ISSUED_AFTER, RulesVersion::V1),
    (Constraints::NOT_TRUSTED_AFTER, RulesVersion::V1),
    (Constraints::MO_IDS, RulesVersion::V1),
];

/// Checks that these rules know every constraint, and that its value has the right form.
///
/// # Errors
/// [`ConstraintError`] naming the first that fails.
pub fn check_constraints(constraints: &Constraints, rules: &Rules) -> Result<(), ConstraintError> {
    let since =
        |name: &str| KNOWN_CONSTRAINTS.iter().find(|(known, _)| *known == name).map(|(_, since)| *since);
    let short = |constraint: &Constraint| {
        constraint.value.as_array().is_none_or(|ids| ids.len() <= rules.constraint_mo_ids)
    };
    let fits = |name: &str, constraint: &Constraint| {
        since(name).is_some_and(|since| since <= rules.version)
            && Constraints::is_known(name, constraint)
            && short(constraint)
    };
    match constraints.0.iter().find(|(name, constraint)| !fits(name, constraint)) {
        Some((name, _)) => Err(ConstraintError(name.chars().take(60).collect())),
        None => Ok(()),
    }
}
