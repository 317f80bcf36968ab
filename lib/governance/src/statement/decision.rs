//! Bodies of the statements by which electors decide: proposals, the changes they would make, votes.

use ctl_core::keys::PublicKey;
use ctl_core::names::{ListId, MoId, ParticipantId, RuleId};
use ctl_core::parts::{AnchorStatus, Constraints, Distrusted, Use};
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::statement::charter::Charter;
use crate::statement::parts::BlobRef;

/// What a proposal would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// A root is added to the list.
    Admit {
        /// Index of the application's entry.
        application: u64,
        /// Fingerprint of the certificate.
        certificate: Digest,
        /// Its constraints.
        constraints: Constraints,
        /// Indices of the evidence that the decision is based on.
        evidence: Vec<u64>,
        list: ListId,
        /// Index of the screening that the decision is based on.
        screening: u64,
        /// What it is trusted for.
        uses: Vec<Use>,
        /// Rules whose errors the electors are asked to waive.
        waived: Vec<RuleId>,
    },
    /// A cross-certificate is added to the list.
    AdmitCross {
        /// Index of the application's entry.
        application: u64,
        /// Fingerprint of the certificate.
        certificate: Digest,
        /// Indices of the evidence that the decision is based on.
        evidence: Vec<u64>,
        list: ListId,
        /// Index of the screening that the decision is based on.
        screening: u64,
        /// Rules whose errors the electors are asked to waive.
        waived: Vec<RuleId>,
    },
    /// An application is closed, whatever its stage; a vote on it ends.
    CloseApplication {
        /// Index of the application's entry.
        application: u64,
        list: ListId,
    },
    /// An anchor gets other constraints.
    Constrain {
        anchor: Digest,
        /// All its constraints from now on.
        constraints: Constraints,
        list: ListId,
    },
    /// An anchor or cross-certificate gets another status.
    ChangeStatus {
        certificate: Digest,
        list: ListId,
        /// With `deprecated`: nothing issued after this moment is trusted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_issued_after: Option<Timestamp>,
        to: AnchorStatus,
    },
    /// A certificate or key must not be used on any path.
    Distrust { list: ListId, what: Distrusted },
    /// A notice ends early.
    LiftNotice {
        /// Index of the notice's entry.
        notice: u64,
    },
    /// The charter is replaced.
    AmendCharter {
        /// The whole new charter.
        charter: Box<Charter>,
    },
    /// A decision about a participant.
    Participant { action: ParticipantAction, participant: ParticipantId },
    /// An MO identifier moves without its holder's signature.
    TransferMo {
        id: MoId,
        /// The new holder.
        to: ParticipantId,
    },
    /// An auditor's reports count from now on.
    AccreditAuditor {
        auditor: ParticipantId,
        /// The end; if absent, until it is withdrawn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// An auditor's reports no longer count, including those already attached.
    WithdrawAuditor { auditor: ParticipantId },
}

/// What can be decided about a participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ParticipantAction {
    // The braces matter: serde ignores unknown members of a variant without them.
    /// It may no longer sign, and what it has open is closed. Its votes in open votes stand.
    Suspend {},
    /// The same, and its votes in open votes are struck.
    SuspendForCompromise {},
    /// It may sign again.
    Reinstate {},
    /// It gets a new key without the old one's signature.
    RotateKey {
        /// The key.
        new: PublicKey,
    },
}

/// `proposal.open`: by an elector of the list, or of the assembly if no list is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalOpen {
    /// What would change.
    pub change: Change,
    /// Index of the entry that put the charter in force that the author assumes.
    pub charter: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<BlobRef>,
}

/// An elector's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    Approve,
    /// Against it.
    Reject,
    /// Neither.
    Abstain,
}

/// `vote.cast`: by an elector; a later vote of the same elector replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoteCast {
    /// For or against.
    pub choice: Choice,
    /// Leaf hash of the proposal's entry: the vote is for exactly these bytes.
    pub proposal: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<BlobRef>,
}
