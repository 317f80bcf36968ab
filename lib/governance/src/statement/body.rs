//! The bodies of statements: one for each type, with the version of the rules that introduced it. Earlier versions
//! refuse it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use ctl_core::publication::{DocumentSignature, MetadataSignature, PublicationRecord};

pub use super::cross::{CrossAnswer, CrossRequest, CrossRespond, RefusalReason};
pub use super::decision::{Change, Choice, ParticipantAction, ProposalOpen, VoteCast};
pub use super::restart::LogRestart;
pub use super::service_levels::{
    BreachPhase, Measured, Objective, Service, ServiceSummary, SlaBreach, SlaReport,
};

use crate::RulesVersion;
#[cfg(test)]
use crate::second::Greet;
use ctl_core::keys::{KeyId, PublicKey};
use ctl_core::names::{Environment, Label, ListId, MoId, ParticipantId, RegistryId, Version};
use ctl_core::parts::{Constraints, Der, PolicyRef, Services, Use, WithdrawalReason};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};

use crate::statement::charter::Charter;
use crate::statement::parts::{BlobRef, EvidenceKind, Finding, NewParticipant, Observed};
use crate::statement::{Basis, StatementError};

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:literal => $kind:ident since $since:ident $(when $when:meta)?),* $(,)?) => {
        /// The body of a statement, by its type.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body {
            $($(#[cfg($when)])? $(#[$doc])* $kind(Box<$kind>),)*
        }

        impl Body {
            /// All types of statements in this release.
            pub const TYPES: &'static [&'static str] = &[$($(#[cfg($when)])? $name),*];

            /// The statement's type.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $($(#[cfg($when)])? Self::$kind(_) => $name,)*
                }
            }

            /// The version of the rules that introduced this type.
            #[must_use]
            pub const fn since(&self) -> RulesVersion {
                match self {
                    $($(#[cfg($when)])? Self::$kind(_) => RulesVersion::$since,)*
                }
            }

            /// Reads the body of a statement of this type; unknown members are refused.
            ///
            /// # Errors
            /// [`StatementError::UnknownType`] or [`StatementError::Body`].
            pub fn from_value(type_name: &str, value: Value) -> Result<Self, StatementError> {
                match type_name {
                    $($(#[cfg($when)])? $name => $kind::deserialize(value)
                        .map(|body| Self::$kind(Box::new(body)))
                        .map_err(|e| StatementError::Body { type_name: $name, error: e.to_string() }),)*
                    unknown => Err(StatementError::UnknownType(unknown.chars().take(60).collect())),
                }
            }

            /// The body as JSON.
            #[must_use]
            pub fn to_value(&self) -> Value {
                let value = match self {
                    $($(#[cfg($when)])? Self::$kind(body) => serde_json::to_value(body),)*
                };
                // Bodies have string keys and integers only, so there is always a value.
                value.unwrap_or_default()
            }
        }

        $($(#[cfg($when)])? impl From<$kind> for Body {
            fn from(body: $kind) -> Self {
                Self::$kind(Box::new(body))
            }
        })*
    };
}

bodies! {
    /// The genesis: founds the scheme.
    "charter.establish" => CharterEstablish since V1,
    /// A new participant.
    "participant.register" => ParticipantRegister since V1,
    /// A participant's new key.
    "participant.rotate-key" => ParticipantRotateKey since V1,
    /// A participant loses the right to sign.
    "participant.suspend" => ParticipantSuspend since V1,
    /// A root or cross-certificate applies for a place on a list.
    "application.submit" => ApplicationSubmit since V1,
    /// The applicant withdraws the application.
    "application.withdraw" => ApplicationWithdraw since V1,
    /// Evidence for an application.
    "evidence.attach" => EvidenceAttach since V1,
    /// The result of a screening by the server.
    "screening.record" => ScreeningRecord since V1,
    /// A comment.
    "comment.add" => CommentAdd since V1,
    /// A change put to the vote.
    "proposal.open" => ProposalOpen since V1,
    /// A vote.
    "vote.cast" => VoteCast since V1,
    /// A sub-CA below an anchor.
    "subca.disclose" => SubcaDisclose since V1,
    /// A sub-CA was revoked.
    "subca.revoke" => SubcaRevoke since V1,
    /// An MO identifier gets a holder.
    "mo.assign" => MoAssign since V1,
    /// The source of an MO identifier is corrected.
    "mo.update" => MoUpdate since V1,
    /// An MO identifier moves, with its holder's signature.
    "mo.transfer" => MoTransfer since V1,
    /// An MO identifier is suspended.
    "mo.suspend" => MoSuspend since V1,
    /// An MO identifier is withdrawn.
    "mo.withdraw" => MoWithdraw since V1,
    /// An emergency suspension.
    "notice.issue" => NoticeIssue since V1,
    /// The end of an emergency suspension.
    "notice.lift" => NoticeLift since V1,
    /// The server opens a draft: it fixes what is to be signed.
    "draft.open" => DraftOpen since V1,
    /// The server records a publication: a completed ceremony.
    "publication.record" => PublicationRecord since V1,
    /// A watcher says that a service fell below its objective, or came back.
    "sla.breach" => SlaBreach since V1,
    /// A watcher's report on an operator's month.
    "sla.report" => SlaReport since V1,
    /// A PKI operator asks another for a cross-certificate.
    "cross.request" => CrossRequest since V1,
    /// The answer to such a request.
    "cross.respond" => CrossRespond since V1,
    /// The log begins anew.
    "log.restart" => LogRestart since V1,
    /// Only tests know this version.
    "test.greet" => Greet since V2 when test,
}

impl Body {
    /// The JWS `typ` of statements of this type, so that a signature for one type is never one for another.
    #[must_use]
    pub fn typ(&self) -> String {
        format!("v2g.{}+jws", self.type_name())
    }

    /// Whether only watchers make such statements; these have quotas of their own, by the operator that they are about.
    #[must_use]
    pub const fn is_of_watchers(&self) -> bool {
        matches!(self, Self::SlaBreach(_) | Self::SlaReport(_))
    }
}

/// `charter.establish`: signed by the board; its payload's digest is the scheme's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CharterEstablish {
    /// The first charter.
    pub charter: Charter,
    /// Test or production.
    pub environment: Environment,
    /// The first participants.
    pub participants: Vec<NewParticipant>,
}

/// `participant.register`: signed by the new key and countersigned by admissions officers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParticipantRegister {
    pub participant: NewParticipant,
}

/// `participant.rotate-key`: signed by the old and the new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParticipantRotateKey {
    /// The new key.
    pub new: PublicKey,
    /// The id of the key that it replaces.
    pub old: KeyId,
    pub participant: ParticipantId,
}

/// `participant.suspend`: by the participant itself, or by admissions officers for one without an office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParticipantSuspend {
    pub participant: ParticipantId,
}

/// A candidate for a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Candidate {
    /// A root CA certificate.
    Root {
        #[serde(default)]
        constraints: Constraints,
        #[serde(default)]
        services: Services,
        /// What it should be trusted for.
        uses: Vec<Use>,
    },
    /// A cross-certificate: one listed anchor vouches for another's key.
    CrossCertificate {
        /// Fingerprint of the anchor whose key signed it.
        issuer: Digest,
        /// Fingerprint of the anchor whose key it is for.
        subject: Digest,
    },
}

/// `application.submit`: by a PKI operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationSubmit {
    pub candidate: Candidate,
    /// The certificate in DER.
    pub certificate: Der,
    pub list: ListId,
    /// Its name for people.
    pub name: Label,
    /// Proves that the applicant holds the root's key; without it electors must waive the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possession: Option<PossessionProof>,
}

/// A certification request (PKCS#10) that proves possession of a root's key: see
/// [`Challenge`](crate::possession::Challenge).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PossessionProof {
    /// The position of the log that the challenge names.
    pub position: Basis,
    /// The request in DER.
    pub request: Der,
}

/// `application.withdraw`: by the applicant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationWithdraw {
    /// Index of the application's entry.
    pub application: u64,
}

/// `evidence.attach`: by the applicant; a second-channel fingerprint by someone else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceAttach {
    /// Index of the application's entry.
    pub application: u64,
    /// The document, for every kind but the fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
    /// The date of an audit report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<Timestamp>,
    /// The SHA-256 fingerprint heard over the second channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
    pub kind: EvidenceKind,
}

/// `screening.record`: by the recorder; may be repeated, the latest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreeningRecord {
    /// Index of the application's entry.
    pub application: u64,
    /// The engine that applied the policy, and its version.
    pub engine: Version,
    pub findings: Vec<Finding>,
    /// The size of the ledger that was used.
    pub ledger_size: u64,
    /// What was used in addition to the ledger's entries, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<Observed>,
    /// The policy that was applied.
    pub policy: PolicyRef,
    /// The findings in full.
    pub report: BlobRef,
    /// When the screening was made.
    pub screened_at: Timestamp,
}

/// `comment.add`: by any participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentAdd {
    /// Index of the entry of the application or proposal.
    pub about: u64,
    pub comment: BlobRef,
}

/// `subca.disclose`: by the operator of the anchor above it. It holds for every list that the anchor is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubcaDisclose {
    /// The sub-CA's certificate in DER.
    pub certificate: Der,
    /// Fingerprint of the anchor or disclosed sub-CA that issued it.
    pub issuer: Digest,
}

/// `subca.revoke`: by the operator of the anchor above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubcaRevoke {
    /// Fingerprint of the sub-CA's certificate.
    pub certificate: Digest,
    pub reason: WithdrawalReason,
}

/// `mo.assign`: by registrars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoAssign {
    /// The new holder.
    pub holder: ParticipantId,
    pub id: MoId,
    /// The national registry that issued it.
    pub source: RegistryId,
}

/// `mo.update`: by registrars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoUpdate {
    pub id: MoId,
    /// The national registry that issued it.
    pub source: RegistryId,
}

/// `mo.transfer`: by registrars and the present holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoTransfer {
    pub id: MoId,
    /// The new holder.
    pub to: ParticipantId,
}

/// `mo.suspend`: by registrars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoSuspend {
    pub id: MoId,
}

/// `mo.withdraw`: by registrars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoWithdraw {
    pub id: MoId,
}

/// `notice.issue`: by emergency officers. Removes trust only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeIssue {
    /// Fingerprint of the anchor.
    pub anchor: Digest,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The list it is on.
    pub list: ListId,
    pub reason: WithdrawalReason,
}

/// `notice.lift`: by at least two emergency officers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeLift {
    /// Index of the notice's entry.
    pub notice: u64,
}

/// `draft.open`: by the recorder. Every byte to be signed follows from the ledger up to this entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftOpen {
    /// When the metadata expires; for documents also when a newer one is due (`next_update`).
    pub expires: Timestamp,
    /// The document's time of issue.
    pub issued_at: Timestamp,
    pub role: Role,
    /// The document's number; absent for the board's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The TUF version of the role's metadata.
    pub version: u64,
}
