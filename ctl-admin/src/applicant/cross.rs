//! Requests for cross-certificates: one PKI operator asks another, who answers; everyone sees both.

use std::path::PathBuf;

use clap::Args;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::cross::{Answer, CrossCertification};
use ctl_governance::statement::body::{CrossAnswer, CrossRequest, CrossRespond, RefusalReason};
use ctl_replica::{Blob, Replica};
use serde::Serialize;

use crate::applicant::application::document;
use crate::arguments::word;
use crate::output::{Render, lasted};
use crate::signing::{Said, Say, Signing};
use crate::{AdminError, describe};

/// A document that goes with a request or an answer.
#[derive(Args, Clone, Debug, Default)]
pub struct Attached {
    /// A document that goes along: terms, a contract, a refusal in full
    #[arg(long, value_name = "FILE")]
    pub document: Option<PathBuf>,
    /// Only some may read it: the file is encrypted to them with age or CMS
    #[arg(long, requires = "document")]
    pub restricted: bool,
}

impl Attached {
    fn blob(&self) -> Result<Option<Blob>, AdminError> {
        self.document.as_deref().map(|file| document(file, self.restricted)).transpose()
    }
}

/// Asks another operator for a cross-certificate.
#[derive(Args, Clone, Debug)]
pub struct Request {
    /// The list that both roots are on
    #[arg(long)]
    pub list: ListId,
    /// Fingerprint of the anchor that is to sign it
    #[arg(long, value_name = "SHA-256")]
    pub issuer: Digest,
    /// Fingerprint of your anchor, whose key it is to be for
    #[arg(long, value_name = "SHA-256")]
    pub subject: Digest,
    /// The terms that are offered.
    #[command(flatten)]
    pub terms: Attached,
}

impl Say for Request {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        let terms = self.terms.blob()?;
        let body = CrossRequest {
            issuer_anchor: self.issuer,
            list: self.list.clone(),
            requester_anchor: self.subject,
            terms: terms.as_ref().map(|blob| blob.reference.clone()),
        };
        Ok((body.into(), terms.into_iter().collect()))
    }
}

/// Answers a request.
#[derive(Args, Clone, Debug)]
pub struct Respond {
    /// Index of its entry
    pub request: u64,
    /// accepted or declined
    #[arg(value_parser = word::<CrossAnswer>)]
    pub answer: CrossAnswer,
    /// Why it is declined: policy-not-met, profile-incompatible, terms-not-agreed, legal-obstacle,
    /// already-reachable or issuer-ceasing
    #[arg(long, value_parser = word::<RefusalReason>)]
    pub reason: Option<RefusalReason>,
    /// What is agreed, or the refusal in full.
    #[command(flatten)]
    pub attached: Attached,
}

impl Say for Respond {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        let document = self.attached.blob()?;
        let body = CrossRespond {
            answer: self.answer,
            document: document.as_ref().map(|blob| blob.reference.clone()),
            reason: self.reason,
            request: self.request,
        };
        Ok((body.into(), document.into_iter().collect()))
    }
}

/// A request, with what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Index of its entry.
    pub request: u64,
    /// When it was recorded.
    pub requested_at: Timestamp,
    /// The list.
    pub list: ListId,
    /// Who asks.
    pub requester: ParticipantId,
    /// Fingerprint of its anchor.
    pub requester_anchor: Digest,
    /// Who is asked.
    pub issuer: ParticipantId,
    /// Fingerprint of its anchor.
    pub issuer_anchor: Digest,
    /// SHA-256 of the terms that are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<Digest>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// How long it took, or has taken.
    pub seconds: u64,
    /// The same in words.
    #[serde(skip)]
    words: String,
}

impl Row {
    fn of(state: &State, request: &CrossCertification, now: Timestamp) -> Self {
        let until = request.answer.as_ref().map_or(now, |answer| answer.at);
        Self {
            request: request.index,
            requested_at: request.at,
            list: request.list.clone(),
            requester: request.requester.clone(),
            requester_anchor: request.requester_anchor,
            issuer: request.issuer.clone(),
            issuer_anchor: request.issuer_anchor,
            terms: request.terms.as_ref().map(|terms| terms.sha256),
            answer: request.answer.clone(),
            seconds: until.seconds_since(request.at),
            words: words(state, request, now),
        }
    }
}

/// A request and what became of it, in a line.
pub(crate) fn words(state: &State, request: &CrossCertification, now: Timestamp) -> String {
    let anchor = |fingerprint| describe::anchor_name(state, &request.list, fingerprint);
    let asked = format!(
        "{}: list {}, {} asks for a certificate by {}, {}",
        request.index,
        request.list,
        anchor(&request.requester_anchor),
        anchor(&request.issuer_anchor),
        request.at
    );
    match &request.answer {
        None => format!("{asked}: NOT ANSWERED, for {}", lasted(now.seconds_since(request.at))),
        Some(answer) => {
            let what = match (answer.answer, answer.reason) {
                (CrossAnswer::Accepted, _) => "accepted".into(),
                (CrossAnswer::Declined, Some(reason)) => format!("declined ({reason})"),
                (CrossAnswer::Declined, None) => "declined".to_owned(),
            };
            let took = lasted(answer.at.seconds_since(request.at));
            format!("{asked}: {what} by entry {} after {took}", answer.index)
        }
    }
}

/// The requests of a scheme.
#[derive(Clone, Debug, Serialize)]
pub struct Requests {
    /// Number of entries in the log, all verified and replayed.
    pub entries: u64,
    /// The requests, oldest first.
    pub requests: Vec<Row>,
}

impl Render for Requests {
    fn text(&self) -> String {
        let text = format!("log of {} entries, verified and replayed\n", self.entries);
        if self.requests.is_empty() {
            return text + "no requests for cross-certificates\n";
        }
        self.requests.iter().fold(text, |text, row| text + &row.words + "\n")
    }
}

/// Lists requests: of all, or those that one operator made or was asked; all, or only those without an answer.
///
/// # Errors
/// The log cannot be had or does not hold.
pub async fn list(
    session: &mut Replica,
    operator: Option<&ParticipantId>,
    open: bool,
) -> Result<Requests, AdminError> {
    let now = session.now();
    let replayed = session.sync().await?;
    let state = replayed.at(now);
    let wanted = |request: &&std::sync::Arc<CrossCertification>| {
        operator.is_none_or(|operator| request.requester == *operator || request.issuer == *operator)
            && (!open || request.is_open())
    };
    let requests = state.cross_requests.values().filter(wanted);
    Ok(Requests {
        entries: state.size(),
        requests: requests.map(|request| Row::of(&state, request, now)).collect(),
    })
}
