//! Checks drafts and publications. The recorder records them, but only what people signed counts.

use std::collections::BTreeSet;

use ctl_core::Digest;
use ctl_core::jws::{Jws, Signature};
use ctl_core::keys::{KeyId, PublicKey};
use ctl_core::role::Role;
use ctl_core::threshold::Threshold;
use serde_json::json;

use super::Context;
use crate::draft::{self, Documents, SaeCms};
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::state::State;
use crate::statement::body::{DraftOpen, MetadataSignature, PublicationRecord};

pub(super) fn open_draft(context: &Context<'_>, body: &DraftOpen) -> Result<(), Refusal> {
    context.signers.recorder_only()?;
    draft::opens_correctly(context.rules, context.state, body, context.recorded_at)
        .map_err(|why| Refusal::new(Reason::Draft, why))
}

pub(super) fn record(context: &Context<'_>, body: &PublicationRecord) -> Result<(), Refusal> {
    context.signers.recorder_only()?;
    let state = context.state;
    let refuse = |detail: String| Err(Refusal::new(Reason::Draft, detail));
    let Some(draft) = state.drafts.get(&body.role).filter(|draft| draft.index == body.draft) else {
        return refuse(format!("entry {} is not the open draft of {}", body.draft, body.role));
    };
    let documents = &draft.documents;
    // Otherwise a server could publish, after a decision, what was signed before it. The registry does not affect
    // trust, and changes too often for this.
    if body.role != Role::Registry && documents.content != draft::content(state, &body.role) {
        let detail = format!(
            "draft {} does not say any more what follows from the log; a newer one is due",
            draft.index
        );
        return refuse(detail);
    }
    if body.metadata != Digest::of(&documents.metadata) {
        return refuse(format!("the metadata is not what follows from draft {}", draft.index));
    }
    if body.document != documents.document.as_deref().map(Digest::of) {
        return refuse(format!("the document is not what follows from draft {}", draft.index));
    }
    if body.role == Role::Root {
        draft::board::follows(state, documents).map_err(|why| Refusal::new(Reason::Draft, why))?;
    }
    let thresholds = thresholds(context.rules, state, &body.role)?;
    let metadata = decode(&body.metadata_signatures)?;
    let claims = metadata.iter().map(|(key_id, signature)| {
        (*key_id, |key: &PublicKey| key.verify_tuf(&documents.metadata, signature))
    });
    all_count(&format!("metadata of {}", body.role), &thresholds, claims.collect())?;
    sae_cms(body, documents, &thresholds)?;
    let (Some(document), Some(typ)) = (&documents.document, body.role.document_typ()) else {
        if body.document_signatures.is_empty() {
            return Ok(());
        }
        return refuse("the board's metadata has no document to sign".into());
    };
    let jws = document_jws(body, document)?;
    jws.check_type(typ).map_err(|e| Refusal::new(Reason::Draft, e.to_string()))?;
    all_count(&format!("document of {}", body.role), &thresholds, jws.claims())
}

/// The SAE list in CMS, where the draft has one, carries as many signatures as the list, counted in the same way: a
/// publication without it would let the server decide who gets it.
fn sae_cms(body: &PublicationRecord, documents: &Documents, thresholds: &[Threshold]) -> Result<(), Refusal> {
    let SaeCms::Drafted { attributes, .. } = &documents.sae_cms else {
        if body.sae_cms_signatures.is_empty() {
            return Ok(());
        }
        return Err(Refusal::new(Reason::Draft, "the draft has no SAE list in CMS to sign"));
    };
    let signatures = decode(&body.sae_cms_signatures)?;
    let claims = signatures
        .iter()
        .map(|(key_id, signature)| (*key_id, |key: &PublicKey| key.verify_cms(&attributes.0, signature)));
    all_count(&format!("SAE list in CMS of {}", body.role), thresholds, claims.collect())
}

/// Every threshold is met, and every signature counts for one of them. A publication is final, and clients refuse files
/// with repeated or uncheckable signatures. More honest signers than needed are welcome.
fn all_count<F: Fn(&PublicKey) -> bool>(
    what: &str,
    thresholds: &[Threshold],
    claims: Vec<(&KeyId, F)>,
) -> Result<(), Refusal> {
    let mut counted = BTreeSet::new();
    for threshold in thresholds {
        let count = threshold
            .check(claims.iter().map(|(key_id, verifies)| (*key_id, verifies)))
            .map_err(|e| Refusal::new(Reason::TooFewSignatures, format!("{what}: {e}")))?;
        counted.extend(count.counted);
    }
    let mut seen = BTreeSet::new();
    for (key_id, _) in &claims {
        let problem = if !counted.contains(*key_id) {
            "does not count"
        } else if !seen.insert(*key_id) {
            "stands there twice"
        } else {
            continue;
        };
        let detail = format!("{what}: a signature by {} {problem}; leave it out", key_id.short());
        return Err(Refusal::new(Reason::Draft, detail));
    }
    Ok(())
}

/// Who must have signed: those whom devices expect, without those who may no longer sign. A new root needs the old and
/// the new board.
pub(crate) fn thresholds(rules: &Rules, state: &State, role: &Role) -> Result<Vec<Threshold>, Refusal> {
    let published = state.authorities.get(role).cloned();
    if *role == Role::Root {
        let new = state.drafts.get(role).and_then(|draft| draft.authorities.get(role)).cloned();
        // A root that names a restart changes nothing else. Its board is that of the root before it, which this ledger
        // may have lost, and devices count all its keys.
        let restart = draft::board::before_restart(state).is_some();
        let new = new.map(|threshold| if restart { threshold } else { eligible(rules, state, threshold) });
        // Devices count the old board's old keys, so they count here too. But if this ledger lost a root, devices no
        // longer know the board before it, and nobody could check its signatures.
        let published = published.filter(|_| !restart || state.lost_root.is_none());
        return Ok(published.into_iter().chain(new).collect());
    }
    let Some(threshold) = published else {
        let detail = format!("the board has published nothing yet that lets anyone sign for {role}");
        return Err(Refusal::new(Reason::Stage, detail));
    };
    Ok(vec![eligible(rules, state, threshold)])
}

/// Removes those who may no longer sign, if the rules say so.
fn eligible(rules: &Rules, state: &State, mut threshold: Threshold) -> Threshold {
    if rules.suspended_signers_count {
        return threshold;
    }
    threshold.keys.retain(|key_id, _| {
        state
            .keys
            .get(key_id)
            .is_some_and(|record| record.replaced_by.is_none() && state.active(&record.participant).is_some())
    });
    threshold
}

fn decode(signatures: &[MetadataSignature]) -> Result<Vec<(&KeyId, Vec<u8>)>, Refusal> {
    signatures
        .iter()
        .map(|signature| {
            let bytes = hex::decode(&signature.sig)
                .map_err(|_| Refusal::new(Reason::Draft, "a signature is not hex"))?;
            Ok((&signature.keyid, bytes))
        })
        .collect()
}

fn document_jws(body: &PublicationRecord, document: &[u8]) -> Result<Jws, Refusal> {
    let signatures = body
        .document_signatures
        .iter()
        .enumerate()
        .map(|(index, s)| {
            Signature::from_value(json!({"protected": s.protected, "signature": s.signature}), index)
                .map_err(|e| Refusal::new(Reason::Draft, e.to_string()))
        })
        .collect::<Result<_, _>>()?;
    // The payload is rebuilt here, never taken from the record.
    Ok(Jws { payload: document.to_vec(), signatures })
}
