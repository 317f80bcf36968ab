//! The state of a scheme: what follows from a prefix of its ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::keys::{KeyId, PublicKey};
use ctl_core::log::merkle::Frontier;
use ctl_core::names::{Environment, Label, ListId, MoId, OrganisationId, ParticipantId, RegistryId};
use ctl_core::parts::{AnchorStatus, Constraints, Distrusted, MoStatus, Services, Use, WithdrawalReason};
use ctl_core::role::Role;
use ctl_core::threshold::Threshold;
use ctl_core::tuf::{GoOnFrom, Restart, Root};
use ctl_core::{Digest, Timestamp};
use rpds::{HashTrieSetSync, RedBlackTreeMapSync, RedBlackTreeSetSync, VectorSync};
use serde::{Deserialize, Serialize};

use crate::application::Application;
use crate::cross::CrossCertification;
use crate::service_levels::ServiceLevels;
use crate::snapshot::form;
use crate::statement::body::{Change, Choice, DraftOpen};
use crate::statement::charter::Charter;
use crate::statement::parts::{BlobAccess, BlobRef, ParticipantKind};

/// The state after the ledger's entries so far.
///
/// Whatever grows with the ledger is a persistent collection: a copy shares it, so that copying a state costs the
/// same however long the ledger is. What the charter bounds (roles, lists) is an ordinary map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The scheme's id: the digest of the genesis payload.
    pub scheme: Digest,
    /// Test or production.
    pub environment: Environment,
    /// The charter in force.
    #[serde(with = "form::one")]
    pub charter: Arc<Charter>,
    /// Index of the entry that put it in force.
    pub charter_since: u64,
    /// When the genesis was signed: the time of the first root.json.
    pub founded_at: Timestamp,
    /// The last entry's time, or the later moment this state was advanced to.
    pub clock: Timestamp,
    /// The id of the recorder's key, which the charter names.
    pub recorder: KeyId,
    /// Everyone who was ever registered.
    pub participants: RedBlackTreeMapSync<ParticipantId, Participant>,
    /// Who has or had which key; replaced keys stay, marked as such.
    pub keys: RedBlackTreeMapSync<KeyId, KeyRecord>,
    /// Auditors that were ever accredited, with the latest decision on each.
    pub auditors: RedBlackTreeMapSync<ParticipantId, Accreditation>,
    /// Applications by the index of their entry.
    #[serde(with = "form::shared")]
    pub applications: RedBlackTreeMapSync<u64, Arc<Application>>,
    /// Proposals by the index of their entry.
    #[serde(with = "form::shared")]
    pub proposals: RedBlackTreeMapSync<u64, Arc<Proposal>>,
    /// Proposals by leaf hash.
    pub proposal_of_leaf: RedBlackTreeMapSync<Digest, u64>,
    pub open_proposals: RedBlackTreeSetSync<u64>,
    pub lists: BTreeMap<ListId, ListState>,
    /// Disclosed sub-CAs by fingerprint.
    #[serde(with = "form::shared")]
    pub sub_cas: RedBlackTreeMapSync<Digest, Arc<SubCa>>,
    /// The MO registry.
    pub mo_ids: RedBlackTreeMapSync<MoId, MoEntry>,
    /// Notices by the index of their entry.
    pub notices: RedBlackTreeMapSync<u64, Notice>,
    /// The draft that may be signed, per role.
    #[serde(with = "form::shared")]
    pub drafts: BTreeMap<Role, Arc<Draft>>,
    /// What was last published, per role.
    pub published: BTreeMap<Role, Published>,
    /// Who may sign for a role, as the devices know it from the board's published metadata.
    pub authorities: BTreeMap<Role, Threshold>,
    /// Every restart of the log, in order.
    #[serde(with = "form::one")]
    pub restarts: Arc<Vec<Restart>>,
    /// The last root.json that devices hold, where the last restart says that the ledger lost it.
    #[serde(with = "form::one_or_none")]
    pub lost_root: Option<Arc<Root>>,
    /// Keys that the log had before its present one.
    pub former_log_keys: RedBlackTreeSetSync<KeyId>,
    /// The blobs that statements name.
    pub blobs: RedBlackTreeMapSync<Digest, BlobAccess>,
    /// What watchers found: claims, the breaches that follow from them, and reports.
    pub service_levels: ServiceLevels,
    /// Requests for cross-certificates by the index of their entry.
    #[serde(with = "form::shared")]
    pub cross_requests: RedBlackTreeMapSync<u64, Arc<CrossCertification>>,
    /// The requests that nobody has answered yet.
    pub cross_open: RedBlackTreeSetSync<u64>,
    /// How many statements a participant has recorded on its last day with any.
    pub recorded_today: RedBlackTreeMapSync<ParticipantId, (i64, u32)>,
    /// What will happen by time alone, and when.
    pub(crate) agenda: RedBlackTreeSetSync<(Timestamp, Event)>,
    /// The tree's right edge.
    #[serde(skip)]
    pub(crate) frontier: Frontier,
    /// The root at every size, from 0 on.
    #[serde(skip)]
    pub(crate) roots: VectorSync<Digest>,
    /// When each entry was recorded.
    #[serde(skip)]
    pub(crate) times: VectorSync<Timestamp>,
    /// Identities of all recorded statements.
    #[serde(skip)]
    pub(crate) recorded: HashTrieSetSync<Digest>,
}

#[cfg(test)]
mod tests;

impl State {
    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        (self.roots.len() as u64).saturating_sub(1)
    }

    /// Root hash over all entries.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.roots.last().copied().unwrap_or(Digest::ZERO)
    }

    /// Root hash at an earlier size; none if the ledger is not that long.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        self.roots.get(usize::try_from(size).ok()?).copied()
    }

    /// The numbers that a role (by name, `snapshot` and `timestamp` among them) goes on from after the
    /// restarts of the log: the next ones are greater. Zero without a restart.
    #[must_use]
    pub fn go_on_from(&self, role: &str) -> GoOnFrom {
        let named = self.restarts.iter().filter_map(|restart| restart.roles.get(role));
        named.fold(GoOnFrom::default(), |most, numbers| GoOnFrom {
            version: most.version.max(numbers.version),
            sequence: most.sequence.max(numbers.sequence),
        })
    }

    /// When the last entry of the log of this size was recorded; none of an empty or longer log.
    #[must_use]
    pub fn recorded_at(&self, size: u64) -> Option<Timestamp> {
        self.times.get(usize::try_from(size.checked_sub(1)?).ok()?).copied()
    }

    /// Whether a statement of this identity is recorded.
    #[must_use]
    pub fn is_recorded(&self, statement: &Digest) -> bool {
        self.recorded.contains(statement)
    }
}

/// Something that happens by time alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Event {
    /// Voting on a proposal ends.
    VoteCloses(u64),
    /// A notice ends.
    NoticeExpires(u64),
    /// What was published long enough ago becomes usable.
    TakenUp(ListId, Digest),
    /// A certificate on a list has ended.
    Ends(ListId, Digest),
}

/// Someone with a registered key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    pub id: ParticipantId,
    pub organisation: OrganisationId,
    /// Its name for people.
    pub name: Label,
    pub kinds: Vec<ParticipantKind>,
    /// Its present key.
    pub key: PublicKey,
    /// Whether it may sign.
    pub suspended: bool,
    /// Index of the entry that made it what it is.
    pub since: u64,
}

/// Why an auditor's reports count, or no longer do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accreditation {
    /// When it was accredited last.
    pub since: Timestamp,
    /// Index of the proposal that accredited it.
    pub cause: u64,
    /// Until when, if the decision says so.
    pub expires_at: Option<Timestamp>,
    /// When it was withdrawn, and by which proposal.
    pub withdrawn: Option<(Timestamp, u64)>,
    /// How many entries the ledger had at the latest of these decisions.
    pub decided_size: u64,
}

impl Accreditation {
    /// Whether it counts at this moment.
    #[must_use]
    pub fn in_force(&self, at: Timestamp) -> bool {
        self.withdrawn.is_none() && self.expires_at.is_none_or(|expires_at| at < expires_at)
    }
}

/// A key that is or was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its participant.
    pub participant: ParticipantId,
    /// Index of the entry that replaced it.
    pub replaced_by: Option<u64>,
}

/// A change put to the vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Index of its entry.
    pub index: u64,
    /// Leaf hash of its entry: what votes name.
    pub leaf_hash: Digest,
    /// Who opened it.
    pub author: ParticipantId,
    /// What would change.
    pub change: Change,
    pub rationale: Option<BlobRef>,
    pub opened_at: Timestamp,
    /// When voting ends at the latest.
    pub closes_at: Timestamp,
    /// Who may vote, frozen when it opened, with their organisations.
    pub electorate: BTreeMap<ParticipantId, OrganisationId>,
    /// Electors of the applicant's organisation.
    pub recused: BTreeSet<ParticipantId>,
    /// Electors removed for compromise since.
    pub struck: BTreeSet<ParticipantId>,
    /// Approvals needed, frozen when it opened.
    pub quorum: u32,
    /// The votes, each elector's last.
    pub votes: RedBlackTreeMapSync<ParticipantId, Vote>,
    /// Comments: index of the entry, author, text.
    pub comments: VectorSync<(u64, ParticipantId, BlobRef)>,
    /// How it ended.
    pub decision: Option<Decision>,
}

/// One vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// For or against.
    pub choice: Choice,
    /// Index of its entry.
    pub index: u64,
}

/// How a proposal ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub at: Timestamp,
    pub outcome: Outcome,
    /// Organisations that approved.
    pub approvals: u32,
}

/// The outcome of a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Enough approved, and the change was made.
    Accepted,
    /// Too few approved.
    Rejected,
    /// Enough approved, but the change had become impossible; the text says why.
    Lapsed(String),
}

/// One list's contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListState {
    /// Anchors by fingerprint, in every status.
    #[serde(with = "form::shared")]
    pub anchors: RedBlackTreeMapSync<Digest, Arc<Anchor>>,
    /// Cross-certificates by fingerprint, in every status.
    #[serde(with = "form::shared")]
    pub cross_certificates: RedBlackTreeMapSync<Digest, Arc<CrossCertificate>>,
    /// What was distrusted by decision, with the proposal's index.
    #[serde(with = "form::pairs")]
    pub distrusted: RedBlackTreeMapSync<Distrusted, u64>,
}

/// A status, since when it holds, and which entry caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    pub status: AnchorStatus,
    /// Since when.
    pub at: Timestamp,
    /// Index of the entry that caused it.
    pub cause: u64,
}

/// What anchors and cross-certificates have in common: a certificate and its status over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: Digest,
    /// The certificate in DER.
    #[serde(with = "form::bytes")]
    pub certificate: Arc<[u8]>,
    /// The last second of the certificate's validity.
    pub not_after: Timestamp,
    /// When it left the list because its validity is over.
    pub expired: Option<Timestamp>,
    /// Who operates it.
    pub operator: ParticipantId,
    /// Its name for people.
    pub name: Label,
    /// How many entries the ledger had when it was admitted.
    pub admitted_size: u64,
    /// Every status it had, in order; the last is its present one.
    pub history: VectorSync<StatusChange>,
    /// Index of the publication that listed it first, and when.
    pub first_published: Option<(u64, Timestamp)>,
}

impl Listed {
    /// The present status, as decided; notices come on top (see [`crate::view`]).
    #[must_use]
    pub fn current(&self) -> StatusChange {
        let unborn = StatusChange { status: AnchorStatus::Withdrawn, at: Timestamp::EPOCH, cause: u64::MAX };
        self.history.last().copied().unwrap_or(unborn)
    }
}

/// A root on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    pub listed: Listed,
    /// What it is trusted for.
    pub uses: Vec<Use>,
    pub constraints: Constraints,
    pub services: Services,
}

/// A cross-certificate on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrossCertificate {
    pub listed: Listed,
    /// Fingerprint of the anchor that signed it.
    pub issuer: Digest,
    /// Fingerprint of the anchor whose key it is for.
    pub subject: Digest,
}

/// A disclosed sub-CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubCa {
    /// Fingerprint of its certificate.
    pub fingerprint: Digest,
    /// The certificate in DER.
    #[serde(with = "form::bytes")]
    pub certificate: Arc<[u8]>,
    /// Fingerprint of what issued it.
    pub issuer: Digest,
    /// Fingerprint of the anchor at the top of its chain: it is disclosed for every list with that.
    pub root: Digest,
    /// Who disclosed it.
    pub operator: ParticipantId,
    /// Index of the entry that disclosed it.
    pub disclosed: u64,
    /// Index of the entry that revoked it, and why.
    pub revoked: Option<(u64, WithdrawalReason)>,
}

/// One MO identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoEntry {
    pub holder: ParticipantId,
    /// The national registry that issued it.
    pub source: RegistryId,
    /// Whether it is in use.
    pub status: MoStatus,
    pub since: Timestamp,
    /// Index of the entry that caused it.
    pub cause: u64,
}

/// An emergency suspension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Index of its entry.
    pub index: u64,
    pub list: ListId,
    /// Fingerprint of the anchor.
    pub anchor: Digest,
    /// SHA-256 of the anchor's SubjectPublicKeyInfo.
    pub spki: Digest,
    pub reason: WithdrawalReason,
    /// When it was recorded.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it ended, and because of which entry (none: by itself).
    pub ended: Option<(Timestamp, Option<u64>)>,
}

impl Notice {
    /// Whether it suspends its anchor now.
    #[must_use]
    pub const fn in_force(&self) -> bool {
        self.ended.is_none()
    }
}

/// What may be signed for a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Index of its entry.
    pub index: u64,
    /// What the entry fixed.
    pub open: DraftOpen,
    /// The bytes to be signed.
    pub documents: crate::draft::Documents,
    /// Who may sign for which role once this is published: what the board's metadata says.
    pub authorities: BTreeMap<Role, Threshold>,
}

/// What was published for a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Index of the publication's entry.
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The draft's entry.
    pub draft: u64,
    /// What the draft fixed.
    pub open: DraftOpen,
    pub documents: crate::draft::Documents,
    /// SHA-256 of the document: repeated in the next version as `previous`.
    pub document: Option<Digest>,
}
