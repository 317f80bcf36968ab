//! The rules, version 2: rules 1, with auditors whom the electors accredit and screenings that say what
//! they looked at. Entered by amending the charter to `rules: 2`; there is no way back.
//!
//! What is new:
//! - `accredit-auditor` and `withdraw-auditor` are kinds of proposals, not statements of their own: a
//!   statement would be the word of whoever signs it, and whose reports count is for the electors to
//!   decide, as everything is that can bring a root on a list (see [`auditors`]).
//! - an audit report bears the date of the audit, so that its age can be judged.
//! - a screening record names what it looked at beside the ledger's entries.
//! - a vote to admit opens only on a screening that has seen all the evidence and the auditors' present
//!   standing.
//! - a certificate is DER throughout: what is rewritten around its signed part would be the same
//!   certificate under another fingerprint, which no distrust of the first one finds.
//! - one participant attaches at most so many pieces of evidence to an application, so that nobody can
//!   make it too large for the statements that name all of them.

pub(super) mod auditors;

use std::collections::BTreeMap;

use ctl_pki::Certificate;

use crate::Timestamp;
use crate::governance::refusal::{Reason, Refusal};
use crate::governance::rules1::{self, ISSUED_AHEAD_SECONDS};
use crate::governance::rules3;
use crate::governance::state::State;
use crate::names::ParticipantId;
use crate::statement::body::{Change, EvidenceAttach, ScreeningRecord};
use crate::statement::parts::{Der, EvidenceKind, Observed, ObservedKind};
use crate::statement::{Body, Statement};

/// One participant attaches at most so many pieces of evidence to one application.
const MAX_EVIDENCE: usize = 20;

/// Whether a statement may be recorded.
pub(super) fn check(state: &State, statement: &Statement, recorded_at: Timestamp) -> Result<(), Refusal> {
    rules3::check_known_under(2, &statement.payload.body)?;
    check_known(state, statement, recorded_at)
}

/// The same for the types of statements that these rules know, under these and all later ones.
pub(super) fn check_known(
    state: &State,
    statement: &Statement,
    recorded_at: Timestamp,
) -> Result<(), Refusal> {
    rules1::check::check_common(state, statement, recorded_at)?;
    match &statement.payload.body {
        Body::EvidenceAttach(body) => evidence(state, statement, body, recorded_at),
        Body::ScreeningRecord(body) => screening(state, body),
        Body::ProposalOpen(body) => proposal(state, &body.change, recorded_at),
        Body::ApplicationSubmit(body) => one_fingerprint(&body.certificate),
        Body::SubcaDisclose(body) => one_fingerprint(&body.certificate),
        _ => Ok(()),
    }
}

fn one_fingerprint(certificate: &Der) -> Result<(), Refusal> {
    let refuse = |problem: String| Refusal::new(Reason::Content, problem);
    let certificate = Certificate::from_der(&certificate.0)
        .map_err(|error| refuse(format!("the certificate cannot be read: {error}")))?;
    certificate.check_der().map_err(|problem| refuse(format!("the certificate is not DER: {problem}")))
}

fn evidence(
    state: &State,
    statement: &Statement,
    body: &EvidenceAttach,
    now: Timestamp,
) -> Result<(), Refusal> {
    let content = |detail: String| Err(Refusal::new(Reason::Content, detail));
    match (body.kind, body.dated) {
        (EvidenceKind::AuditReport, None) => {
            return content("an audit report bears a date: name it, for its age counts".into());
        }
        (EvidenceKind::AuditReport, Some(dated)) if dated > now.plus_seconds(ISSUED_AHEAD_SECONDS) => {
            return content(format!("the audit report is dated {dated}, after it was recorded at {now}"));
        }
        (EvidenceKind::AuditReport, Some(_)) | (_, None) => {}
        (_, Some(_)) => return content("only an audit report has a date".into()),
    }
    let Some(application) = state.applications.get(&body.application) else { return Ok(()) };
    let mut counts: BTreeMap<&ParticipantId, usize> = BTreeMap::new();
    for evidence in &application.evidence {
        *counts.entry(&evidence.author).or_default() += 1;
    }
    let authors = statement.jws.signatures.iter().filter_map(|s| state.keys.get(&s.protected.kid));
    for author in authors.map(|record| &record.participant) {
        if counts.get(author).is_some_and(|count| *count >= MAX_EVIDENCE) {
            let detail =
                format!("{author} has attached {MAX_EVIDENCE} pieces of evidence, which is its quota");
            return Err(Refusal::new(Reason::Quota, detail));
        }
    }
    Ok(())
}

fn screening(state: &State, body: &ScreeningRecord) -> Result<(), Refusal> {
    let content = |detail: &str| Err(Refusal::new(Reason::Content, detail));
    if body.observed.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return content("observed: in order, none twice");
    }
    let Some(application) = state.applications.get(&body.application) else { return Ok(()) };
    let certificate = Observed { what: ObservedKind::Certificate, sha256: application.fingerprint };
    if !body.observed.contains(&certificate) {
        return content("observed: the certificate that applies is missing");
    }
    Ok(())
}

fn proposal(state: &State, change: &Change, now: Timestamp) -> Result<(), Refusal> {
    let (Change::Admit { application, .. } | Change::AdmitCross { application, .. }) = change else {
        return Ok(());
    };
    let Some(application) = state.applications.get(application) else { return Ok(()) };
    match state.screening_outdated(application, now) {
        Some(why) => Err(Refusal::new(
            Reason::Stage,
            format!("since application {} was screened, {why}; wait for a new screening", application.index),
        )),
        None => Ok(()),
    }
}
