//! Signing ceremonies. Signers send their signatures of a draft one by one; when there are enough, the publication is
//! recorded with all of them.
//!
//! Each signature is verified on arrival, over bytes that follow from the ledger, and is on the disk before it is
//! acknowledged, so a restart loses none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ctl_core::jws::Signature;
use ctl_core::keys::{KeyId, PublicKey};
use ctl_core::role::Role;
use ctl_core::threshold::Threshold;
use ctl_core::{Digest, json};
use ctl_governance::draft::SaeCms;
use ctl_governance::state::Draft;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::{DocumentSignature, MetadataSignature, PublicationRecord};
use ctl_governance::{Reason, Refusal, State, signing_thresholds};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ledger::{Ledger, RecordError, StoreError};

/// What a signer sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Index of the draft's entry.
    pub draft: u64,
    /// The signature over the document; the board's metadata has no document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_signature: Option<DocumentSignature>,
    /// The signature over the metadata.
    pub metadata_signature: MetadataSignature,
    /// The signature over the attributes of the SAE list in CMS, where the draft has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sae_cms_signature: Option<MetadataSignature>,
}

/// The progress of a ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Who has signed.
    pub signed: Vec<KeyId>,
    /// How many signatures it needs, if all of them count.
    pub needed: usize,
    /// Whether there are enough.
    pub complete: bool,
}

/// Why a signature was refused.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// Nothing waits for signatures.
    #[error("no draft of {0} waits for signatures")]
    NoDraft(Role),
    /// The signature is for another draft, perhaps one that was open a moment ago.
    #[error("the signature is for draft {found}, but draft {open} of {role} is the open one: sign that")]
    OtherDraft {
        role: Role,
        /// Index of the open draft.
        open: u64,
        /// Index in the submission.
        found: u64,
    },
    /// The signer may not sign, or the signature is wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The signature could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The signatures of a draft so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pending {
    draft: u64,
    signatures: BTreeMap<KeyId, Submission>,
}

/// The prefix of the names under which signatures are stored; the role follows.
const KEPT: &str = "ceremony/";
/// The largest stored ceremony, in bytes.
const MAX_KEPT: usize = 1024 * 1024;

/// The open ceremonies.
#[derive(Debug, Default)]
pub struct Ceremonies {
    pending: Mutex<BTreeMap<Role, Pending>>,
    /// Held while a publication is recorded: if nothing is left to record, it is recorded and shown, not about to be.
    recording: tokio::sync::Mutex<()>,
}

impl Ceremonies {
    /// The ceremonies of an earlier run. Unreadable ones are left out, and their signers must sign again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn load(ledger: &Ledger) -> Result<Self, StoreError> {
        let mut pending = BTreeMap::new();
        for (name, value) in ledger.kept_under(KEPT)? {
            let role = name.strip_prefix(KEPT).and_then(|role| role.parse::<Role>().ok());
            match (role, json::read::<Pending>(&value, MAX_KEPT)) {
                (Some(role), Ok(kept)) => drop(pending.insert(role, kept)),
                _ => tracing::warn!(
                    name,
                    "the signatures of a ceremony cannot be read and are left out; they must be sent again"
                ),
            }
        }
        Ok(Self { pending: Mutex::new(pending), ..Self::default() })
    }

    /// Takes a signature: verifies and stores it. Blocks on the disk.
    ///
    /// # Errors
    /// [`CeremonyError`]; then nothing is stored.
    pub fn add(
        &self,
        ledger: &Ledger,
        state: &State,
        role: &Role,
        submission: Submission,
    ) -> Result<Progress, CeremonyError> {
        let draft = state.drafts.get(role).ok_or_else(|| CeremonyError::NoDraft(role.clone()))?;
        if submission.draft != draft.index {
            let (open, found) = (draft.index, submission.draft);
            return Err(CeremonyError::OtherDraft { role: role.clone(), open, found });
        }
        let thresholds = signing_thresholds(state, role)?;
        verify(&submission, draft, &thresholds)?;

        let mut all = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        // `state` was read before the lock was taken; a newer draft may have signatures by now.
        if let Some(newer) = all.get(role).filter(|pending| pending.draft > draft.index) {
            let (open, found) = (newer.draft, submission.draft);
            return Err(CeremonyError::OtherDraft { role: role.clone(), open, found });
        }
        let pending = all.get(role).filter(|pending| pending.draft == draft.index).cloned();
        let mut pending = pending.unwrap_or(Pending { draft: draft.index, signatures: BTreeMap::new() });
        pending.signatures.insert(submission.metadata_signature.keyid, submission);
        ledger.keep(&format!("{KEPT}{role}"), Some(&json::canonical(&pending)))?;
        let progress = progress(draft, &thresholds, &pending);
        all.insert(role.clone(), pending);
        Ok(progress)
    }

    /// The progress of a role's open draft; none if there is no draft.
    #[must_use]
    pub fn progress(&self, state: &State, role: &Role) -> Option<Progress> {
        let draft = state.drafts.get(role)?;
        let thresholds = signing_thresholds(state, role).ok()?;
        Some(progress(draft, &thresholds, &self.of(role, draft)))
    }

    /// The publication of a role's open draft, if it has enough signatures.
    #[must_use]
    pub fn publication(&self, state: &State, role: &Role) -> Option<Body> {
        let draft = state.drafts.get(role)?;
        let thresholds = signing_thresholds(state, role).ok()?;
        let mut pending = self.of(role, draft);
        // Signers may have been suspended since.
        pending.signatures.retain(|_, submission| verify(submission, draft, &thresholds).is_ok());
        if !progress(draft, &thresholds, &pending).complete {
            return None;
        }
        let (mut documents, mut metadata, mut sae_cms) = (Vec::new(), Vec::new(), Vec::new());
        for submission in pending.signatures.into_values() {
            documents.extend(submission.document_signature);
            metadata.push(submission.metadata_signature);
            sae_cms.extend(submission.sae_cms_signature);
        }
        let record = PublicationRecord {
            document: draft.documents.document.as_deref().map(Digest::of),
            document_signatures: documents,
            draft: draft.index,
            metadata: Digest::of(&draft.documents.metadata),
            metadata_signatures: metadata,
            role: role.clone(),
            sae_cms_signatures: sae_cms,
        };
        Some(record.into())
    }

    /// Records the publication of a role's open draft, if it has enough signatures; returns its entry.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn record(self: &Arc<Self>, ledger: &Ledger, role: Role) -> Result<Option<u64>, RecordError> {
        let _one_at_a_time = self.recording.lock().await;
        let ceremonies = self.clone();
        let recorded = ledger.observe(move |state| ceremonies.publication(state, &role)).await?;
        Ok(recorded.map(|recorded| recorded.index))
    }

    /// The roles whose open draft has signatures.
    #[must_use]
    pub fn roles(&self, state: &State) -> Vec<Role> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let open = pending.iter().filter(|(role, pending)| is_open(state, role, pending));
        open.map(|(role, _)| role.clone()).collect()
    }

    /// Forgets the signatures of drafts that are published or void, except drafts opened after `state`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn forget_closed(&self, ledger: &Ledger, state: &State) -> Result<(), StoreError> {
        let mut all = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = all
            .iter()
            .filter(|(role, pending)| pending.draft < state.size() && !is_open(state, role, pending));
        let closed: Vec<Role> = closed.map(|(role, _)| role.clone()).collect();
        for role in closed {
            ledger.keep(&format!("{KEPT}{role}"), None)?;
            all.remove(&role);
        }
        Ok(())
    }

    fn of(&self, role: &Role, draft: &Draft) -> Pending {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = pending.get(role).filter(|pending| pending.draft == draft.index).cloned();
        pending.unwrap_or(Pending { draft: draft.index, signatures: BTreeMap::new() })
    }
}

/// Whether these are signatures of the role's open draft.
fn is_open(state: &State, role: &Role, pending: &Pending) -> bool {
    state.drafts.get(role).is_some_and(|draft| draft.index == pending.draft)
}

/// Counts key ids whose signatures were verified on arrival.
fn progress(draft: &Draft, thresholds: &[Threshold], pending: &Pending) -> Progress {
    debug_assert_eq!(draft.index, pending.draft);
    let missing = thresholds.iter().map(|threshold| {
        let count = threshold.count(pending.signatures.keys().map(|key_id| (key_id, |_: &PublicKey| true)));
        (threshold.needed as usize).max(1).saturating_sub(count.counted.len())
    });
    let missing = if thresholds.is_empty() { 1 } else { missing.max().unwrap_or(1) };
    let signed: Vec<KeyId> = pending.signatures.keys().copied().collect();
    Progress { needed: signed.len().saturating_add(missing), complete: missing == 0, signed }
}

fn verify(submission: &Submission, draft: &Draft, thresholds: &[Threshold]) -> Result<(), Refusal> {
    let refuse = |reason, detail: String| Err(Refusal::new(reason, detail));
    let role = &draft.open.role;
    let MetadataSignature { keyid, sig } = &submission.metadata_signature;
    let Some(key) =
        thresholds.iter().find_map(|threshold| threshold.keys.get(keyid)).map(|holder| &holder.key)
    else {
        return refuse(Reason::WrongRole, format!("key {} does not sign for {role}", keyid.short()));
    };
    let metadata = hex::decode(sig).unwrap_or_default();
    if !key.verify_tuf(&draft.documents.metadata, &metadata) {
        let detail = "the signature over the metadata does not verify: rebuild the draft from the log";
        return refuse(Reason::Signature, detail.into());
    }
    verify_sae_cms(submission, draft, key)?;
    match (&draft.documents.document, role.document_typ(), &submission.document_signature) {
        (Some(document), Some(typ), Some(signature)) => {
            let value = json!({ "protected": signature.protected, "signature": signature.signature });
            let signature = Signature::from_value(value, 0)
                .map_err(|error| Refusal::new(Reason::Content, format!("document_signature: {error}")))?;
            if signature.protected.typ != typ || signature.protected.kid != *keyid {
                let detail = format!("the document's signature must be of type {typ} and by the same key");
                return refuse(Reason::Signature, detail);
            }
            if !signature.verify(key, document) {
                let detail =
                    "the signature over the document does not verify: rebuild the draft from the log";
                return refuse(Reason::Signature, detail.into());
            }
            Ok(())
        }
        (None, _, None) | (_, None, None) => Ok(()),
        (Some(_), Some(_), None) => refuse(
            Reason::Signature,
            format!("{role} has a document: sign it as well, both signatures belong to one ceremony"),
        ),
        _ => refuse(Reason::Content, format!("{role} has no document to sign")),
    }
}

fn verify_sae_cms(submission: &Submission, draft: &Draft, key: &PublicKey) -> Result<(), Refusal> {
    let refuse = |reason, detail: &str| Err(Refusal::new(reason, detail));
    match (&draft.documents.sae_cms, &submission.sae_cms_signature) {
        (SaeCms::Drafted { attributes, .. }, Some(signature)) => {
            let bytes = hex::decode(&signature.sig).unwrap_or_default();
            if signature.keyid != submission.metadata_signature.keyid {
                return refuse(
                    Reason::Signature,
                    "the SAE list in CMS must be signed by the same key as the rest",
                );
            }
            if !key.verify_cms(&attributes.0, &bytes) {
                let detail =
                    "the signature over the SAE list in CMS does not verify: rebuild the draft from the log";
                return refuse(Reason::Signature, detail);
            }
            Ok(())
        }
        (SaeCms::Drafted { .. }, None) => {
            let detail =
                "the draft has an SAE list in CMS: sign it as well, all signatures belong to one ceremony";
            refuse(Reason::Signature, detail)
        }
        (_, None) => Ok(()),
        (_, Some(_)) => refuse(Reason::Content, "the draft has no SAE list in CMS to sign"),
    }
}
