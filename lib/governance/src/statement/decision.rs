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
    /// A root comes on the list.
    Admit {
        /// Index of the application's entry.
        application: u64,
        /// Fingerprint of the certificate.
        certificate: Digest,
        /// The constraints it will have.
        constraints: Constraints,
        /// Indices of the evidence it rests on.
        evidence: Vec<u64>,
        list: ListId,
        /// Index of the screening it rests on.
        screening: u64,
        /// What it will be trusted for.
        uses: Vec<Use>,
        /// Rules whose errors the electors are asked to waive.
        waived: Vec<RuleId>,
    },
    /// A cross-certificate comes on the list.
    AdmitCross {
        /// Index of the application's entry.
        application: u64,
        /// Fingerprint of the certificate.
        certificate: Digest,
        /// Indices of the evidence it rests on.
        evidence: Vec<u64>,
        list: ListId,
        /// Index of the screening it rests on.
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
        /// All the constraints it will have.
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
    /// Another charter.
    AmendCharter {
        /// The whole new charter.
        charter: Box<Charter>,
    },
    /// Something about a participant.
    Participant { action: ParticipantAction, participant: ParticipantId },
    /// An MO identifier moves although its holder did not sign.
    TransferMo {
        id: MoId,
        /// To whom.
        to: ParticipantId,
    },
    /// An auditor's reports count.
    AccreditAuditor {
        auditor: ParticipantId,
        /// Until when; until it is withdrawn, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// An auditor's reports count no more, those that are attached included.
    WithdrawAuditor { auditor: ParticipantId },
}

/// What can be decided about a participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ParticipantAction {
    // With braces: serde passes over unknown members of a variant that has none.
    /// May no longer sign, and what it has open is closed. Votes it has cast in open votes stand.
    Suspend {},
    /// The same, and its votes in open votes are struck.
    SuspendForCompromise {},
    /// May sign again.
    Reinstate {},
    /// A new key without the old one's signature.
    RotateKey {
        /// The key.
        new: PublicKey,
    },
}

/// `proposal.open`: by an elector of the list, or of the assembly where no list is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalOpen {
    /// What would change.
    pub change: Change,
    /// Index of the entry that put the charter in force which its author has in mind.
    pub charter: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<BlobRef>,
}

/// What an elector says.
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
    /// Leaf hash of the proposal's entry: a vote is for these very bytes.
    pub proposal: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<BlobRef>,
}
