//! `/v1/drafts`: what waits for signatures, and the signatures. Signers need not trust these bytes: their tools rebuild
//! them from the log.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::role::Role;
use ctl_core::{Digest, json};
use ctl_governance::State;
use ctl_governance::draft::SaeCms;
use ctl_governance::state::Draft;
use ctl_serve::{Call, Problem, answer};
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::App;
use super::statements::problem_of;
use crate::ledger::RecordError;
use crate::publish::ceremony::{CeremonyError, Submission};

/// Enough for three signatures.
pub(super) const MAX_BODY: usize = 16 * 1024;

pub(super) async fn list(app: App, _: Call) -> Result<Response, Problem> {
    let (state, _) = app.view();
    let drafts: Vec<Value> =
        state.drafts.iter().map(|(role, draft)| summary(&app, &state, role, draft)).collect();
    Ok(answer::json(&json!({ "drafts": drafts })))
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let role: Role = call.part("role")?;
    let (state, _) = app.view();
    let draft = state
        .drafts
        .get(&role)
        .ok_or_else(|| Problem::not_found(format!("no draft of {role} waits for signatures")))?;
    let documents = &draft.documents;
    let mut value = summary(&app, &state, &role, draft);
    if let Some(members) = value.as_object_mut() {
        let document = documents.document.as_deref();
        members.insert("document_sha256".into(), json!(document.map(Digest::of)));
        members.insert("document".into(), json!(document.map(|bytes| BASE64_STANDARD.encode(bytes))));
        members.insert("metadata_sha256".into(), json!(Digest::of(&documents.metadata)));
        members.insert("metadata".into(), BASE64_STANDARD.encode(&documents.metadata).into());
        let (attributes, reason) = match &documents.sae_cms {
            SaeCms::Unwanted => (None, None),
            SaeCms::Impossible { reason } => (None, Some(reason)),
            SaeCms::Drafted { attributes, .. } => (Some(attributes), None),
        };
        members.insert("sae_cms_attributes".into(), json!(attributes));
        members.insert("sae_cms_absent".into(), json!(reason));
    }
    Ok(answer::json(&value))
}

fn summary(app: &App, state: &State, role: &Role, draft: &Draft) -> Value {
    let progress = app.publisher.ceremonies().progress(state, role);
    json!({
        "role": role,
        "draft": draft.index,
        "version": draft.open.version,
        "sequence": draft.open.sequence,
        "issued_at": draft.open.issued_at,
        "expires": draft.open.expires,
        "signatures": progress.as_ref().map(|progress| &progress.signed),
        "needed": progress.as_ref().map(|progress| progress.needed),
    })
}

pub(super) async fn sign(app: App, call: Call) -> Result<Response, Problem> {
    let role: Role = call.part("role")?;
    let submission: Submission =
        json::read(call.body(), MAX_BODY).map_err(|error| Problem::malformed(error.to_string()))?;
    let draft = submission.draft;
    let (task, of) = (app.clone(), role.clone());
    // Storing a signature waits for the disk.
    let added = answer::blocking(move || {
        let (state, _) = task.view();
        task.publisher.ceremonies().add(&task.ledger, &state, &of, submission)
    });
    let progress = added.await?.map_err(problem)?;
    let published = if progress.complete { publish(&app, role, draft).await? } else { None };
    Ok(answer::json(&json!({
        "have": progress.signed.len(),
        "needed": progress.needed,
        "published": published,
    })))
}

/// Records the publication of a complete draft, and waits until it is served; returns its entry.
async fn publish(app: &App, role: Role, draft: u64) -> Result<Option<u64>, Problem> {
    let recorded = app.publisher.ceremonies().record(&app.ledger, role.clone()).await;
    let recorded = recorded.map_err(|error| {
        // Each signature was verified, so no signer is to blame for a refusal.
        if let RecordError::Refused(refusal) = &error {
            tracing::error!(%refusal, %role, "a complete ceremony was not published");
        }
        problem_of(error)
    })?;
    // The publisher or another request may have been faster.
    let recorded = recorded.or_else(|| {
        let snapshot = app.ledger.snapshot();
        let published = snapshot.state.published.get(&role).filter(|published| published.draft == draft);
        published.map(|published| published.index)
    });
    if let Some(index) = recorded {
        app.publisher.served(index.saturating_add(1)).await;
    }
    Ok(recorded)
}

fn problem(error: CeremonyError) -> Problem {
    match error {
        CeremonyError::NoDraft(_) => Problem::not_found(error.to_string()),
        CeremonyError::OtherDraft { .. } => {
            Problem::new(StatusCode::CONFLICT, "other-draft", error.to_string()).reason("draft")
        }
        CeremonyError::Refused(refusal) => problem_of(RecordError::Refused(refusal)),
        CeremonyError::Store(error) => Problem::internal(&error),
    }
}
