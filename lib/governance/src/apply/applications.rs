//! Applications, their evidence, and sub-CAs.

use std::sync::Arc;

use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use rpds::VectorSync;

use super::{Place, name_blob};
use crate::application::{Application, Evidence, Screening, Stage};
use crate::possession::Possession;
use crate::state::{State, SubCa};
use crate::statement::body::{
    ApplicationSubmit, ApplicationWithdraw, Candidate, CommentAdd, EvidenceAttach, ScreeningRecord,
    SubcaDisclose,
};
use crate::{closing, possession};

pub(super) fn submit(state: &mut State, place: Place<'_>, body: &ApplicationSubmit) {
    let der = &body.certificate.0;
    let (Some(applicant), Ok(certificate)) = (place.author, Certificate::from_der(der)) else { return };
    let possession = match &body.candidate {
        Candidate::Root { .. } => state
            .participants
            .get(applicant)
            .map(|found| found.key.key_id())
            .and_then(|key| {
                let applicant = (applicant, key);
                possession::judge(place.rules, state, applicant, body, &certificate, place.at).ok()
            })
            .unwrap_or(Possession::Missing),
        Candidate::CrossCertificate { .. } => Possession::NotAsked,
    };
    let application = Application {
        index: place.index,
        applicant: applicant.clone(),
        list: body.list.clone(),
        name: body.name.clone(),
        candidate: body.candidate.clone(),
        certificate: der.as_slice().into(),
        fingerprint: Digest::from_bytes(certificate.sha256()),
        spki: Digest::from_bytes(certificate.spki_sha256()),
        not_after: Timestamp::from_unix(certificate.not_after()),
        possession,
        submitted_at: place.at,
        first_screened_at: None,
        screening: None,
        evidence: VectorSync::new_sync(),
        comments: VectorSync::new_sync(),
        discussed_since: None,
        proposal: None,
        ended: None,
    };
    state.applications.insert_mut(place.index, Arc::new(application));
}

pub(super) fn withdraw(state: &mut State, place: Place<'_>, body: &ApplicationWithdraw) {
    closing::application(place.rules, state, body.application, Stage::Withdrawn, place.at, place.index);
}

pub(super) fn evidence(state: &mut State, place: Place<'_>, body: &EvidenceAttach) {
    if let Some(blob) = &body.blob {
        name_blob(state, blob);
    }
    let (Some(author), Some(application)) = (place.author, state.applications.get_mut(&body.application))
    else {
        return;
    };
    Arc::make_mut(application).evidence.push_back_mut(Evidence {
        index: place.index,
        kind: body.kind,
        author: author.clone(),
        at: place.at,
        blob: body.blob.clone(),
        dated: body.dated,
        fingerprint: body.fingerprint,
    });
    begin_discussion(state, place, body.application);
}

pub(super) fn screening(state: &mut State, place: Place<'_>, body: &ScreeningRecord) {
    name_blob(state, &body.report);
    let Some(application) = state.applications.get(&body.application) else { return };
    let authors = application.evidence.iter().map(|evidence| &evidence.author);
    let accredited = authors.filter(|author| state.is_accredited(author, place.at)).cloned().collect();
    let Some(application) = state.applications.get_mut(&body.application) else { return };
    let application = Arc::make_mut(application);
    application.first_screened_at.get_or_insert(place.at);
    application.screening = Some(Screening {
        index: place.index,
        policy: body.policy.clone(),
        engine: body.engine.clone(),
        findings: body.findings.clone(),
        report: body.report.clone(),
        screened_at: body.screened_at,
        ledger_size: body.ledger_size,
        observed: body.observed.clone(),
        accredited,
    });
    begin_discussion(state, place, body.application);
}

/// The discussion begins once the application is screened and all required evidence is attached.
fn begin_discussion(state: &mut State, place: Place<'_>, index: u64) {
    let charter = Arc::clone(&state.charter);
    let Some(application) = state.applications.get_mut(&index) else { return };
    let Some(list) = charter.lists.get(&application.list) else { return };
    let complete =
        application.screening.is_some() && application.missing_evidence(&list.required_evidence).is_empty();
    if complete && application.discussed_since.is_none() {
        Arc::make_mut(application).discussed_since = Some(place.at);
    }
}

pub(super) fn comment(state: &mut State, place: Place<'_>, body: &CommentAdd) {
    name_blob(state, &body.comment);
    if let (Some(author), Some(application)) = (place.author, state.applications.get_mut(&body.about)) {
        let comment = (place.index, author.clone(), body.comment.clone());
        Arc::make_mut(application).comments.push_back_mut(comment);
    } else if let (Some(author), Some(proposal)) = (place.author, state.proposals.get_mut(&body.about)) {
        let comment = (place.index, author.clone(), body.comment.clone());
        Arc::make_mut(proposal).comments.push_back_mut(comment);
    }
}

pub(super) fn disclose_sub_ca(state: &mut State, place: Place<'_>, body: &SubcaDisclose) {
    let Some(operator) = place.author else { return };
    let fingerprint = Digest::of(&body.certificate.0);
    let Some(root) = state.root_above(&body.issuer) else { return };
    let sub_ca = SubCa {
        fingerprint,
        certificate: body.certificate.0.as_slice().into(),
        issuer: body.issuer,
        root,
        operator: operator.clone(),
        disclosed: place.index,
        revoked: None,
    };
    state.sub_cas.insert_mut(fingerprint, Arc::new(sub_ca));
}
