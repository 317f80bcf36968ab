//! Applications and the stages they go through.

use std::collections::BTreeSet;
use std::sync::Arc;

use ctl_core::names::{Label, ListId, ParticipantId, RuleId, Version};
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, Timestamp};
use rpds::VectorSync;
use serde::{Deserialize, Serialize};

use crate::possession;
use crate::possession::Possession;
use crate::snapshot::form;
use crate::statement::body::Candidate;
use crate::statement::parts::{BlobRef, EvidenceKind, Finding, Observed, Severity};

/// The stage of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Waits for the server to screen it.
    Submitted,
    /// Screened; no evidence is attached yet.
    Screened,
    /// Some of the required evidence is still missing.
    Evidence,
    /// Under discussion.
    Discussion,
    /// Discussed: a proposal can be opened.
    Discussed,
    /// Being voted on.
    Voting,
    /// Admitted.
    Accepted,
    /// Not admitted, or closed by decision.
    Rejected,
    /// Taken back, or its applicant was suspended.
    Withdrawn,
}

/// A root or cross-certificate that applies for a place on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Index of its entry.
    pub index: u64,
    pub applicant: ParticipantId,
    pub list: ListId,
    /// Its name for people.
    pub name: Label,
    /// What applies.
    pub candidate: Candidate,
    /// The certificate in DER.
    #[serde(with = "form::bytes")]
    pub certificate: Arc<[u8]>,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: Digest,
    /// The last second of its validity.
    pub not_after: Timestamp,
    /// Whether the applicant has shown that it holds the root's key.
    pub possession: Possession,
    /// When it was recorded.
    pub submitted_at: Timestamp,
    /// When the first screening was recorded.
    pub first_screened_at: Option<Timestamp>,
    /// The latest screening.
    pub screening: Option<Screening>,
    /// What speaks for it.
    pub evidence: VectorSync<Evidence>,
    /// Comments: index of the entry, author, text.
    pub comments: VectorSync<(u64, ParticipantId, BlobRef)>,
    /// Since when it is under discussion: screened, and all required evidence attached.
    pub discussed_since: Option<Timestamp>,
    /// The proposal that puts it to the vote.
    pub proposal: Option<u64>,
    /// How it ended, when, and because of which entry.
    pub ended: Option<(Stage, Timestamp, u64)>,
}

/// The result of a screening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screening {
    /// Index of the record's entry.
    pub index: u64,
    pub policy: PolicyRef,
    pub engine: Version,
    pub findings: Vec<Finding>,
    /// In full.
    pub report: BlobRef,
    /// The time it took for now.
    pub screened_at: Timestamp,
    /// The size of the ledger it looked at.
    pub ledger_size: u64,
    /// What was used in addition to the ledger's entries.
    pub observed: Vec<Observed>,
    /// Those who attached evidence as accredited auditors, as they stood when it was recorded.
    pub accredited: BTreeSet<ParticipantId>,
}

impl Screening {
    /// The errors among its findings.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

/// Evidence for an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Index of its entry.
    pub index: u64,
    pub kind: EvidenceKind,
    /// Who attached it.
    pub author: ParticipantId,
    /// When it was attached.
    pub at: Timestamp,
    pub blob: Option<BlobRef>,
    /// The date that an audit report bears.
    pub dated: Option<Timestamp>,
    /// The fingerprint that was heard over the second channel.
    pub fingerprint: Option<Digest>,
}

impl Application {
    /// What stands against admission unless electors waive it: the errors of its latest screening, and a
    /// missing proof that the applicant holds the key.
    #[must_use]
    pub fn errors(&self) -> Vec<(RuleId, bool)> {
        let screened = self.screening.iter().flat_map(Screening::errors);
        let mut errors: Vec<_> = screened.map(|found| (found.id.clone(), found.waivable)).collect();
        if self.possession.is_missing()
            && let Ok(rule) = possession::RULE.parse::<RuleId>()
            && errors.iter().all(|(id, _)| *id != rule)
        {
            errors.push((rule, true));
        }
        errors
    }

    /// The required evidence that is not attached yet.
    #[must_use]
    pub fn missing_evidence(&self, required: &[EvidenceKind]) -> Vec<EvidenceKind> {
        let has = |kind: &EvidenceKind| self.evidence.iter().any(|evidence| evidence.kind == *kind);
        required.iter().filter(|kind| !has(kind)).copied().collect()
    }

    /// When the discussion is over, once it has begun.
    #[must_use]
    pub fn discussed_until(&self, discussion_seconds: u64) -> Option<Timestamp> {
        self.discussed_since.map(|since| since.plus_seconds(discussion_seconds))
    }

    /// Where it stands at this moment.
    #[must_use]
    pub fn stage(&self, now: Timestamp, discussion_seconds: u64) -> Stage {
        if let Some((stage, ..)) = self.ended {
            return stage;
        }
        match (self.proposal, self.discussed_until(discussion_seconds), &self.screening) {
            (Some(_), ..) => Stage::Voting,
            (None, Some(until), _) if now >= until => Stage::Discussed,
            (None, Some(_), _) => Stage::Discussion,
            (None, None, Some(_)) if self.evidence.is_empty() => Stage::Screened,
            (None, None, Some(_)) => Stage::Evidence,
            (None, None, None) => Stage::Submitted,
        }
    }

    /// Whether it has not ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ended.is_none()
    }
}
