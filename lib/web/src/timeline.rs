//! The road of a certificate: every entry of the log that made it what it is, in order.

use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_core::parts::AnchorStatus;
use ctl_governance::State;
use ctl_governance::application::Application;
use ctl_governance::state::{Listed, Notice, Outcome};
use ctl_governance::statement::parts::EvidenceKind;
use maud::{Markup, html};

use crate::{parts, place, proposal, trust};

/// One step.
struct Step {
    at: Timestamp,
    entry: u64,
    what: Markup,
}

/// The road of something on a list, from the application to the latest status.
pub(crate) fn of(state: &State, list: &ListId, listed: &Listed) -> Markup {
    let mut steps: Vec<Step> = Vec::new();
    let applied = state.applications.values();
    for application in applied.filter(|one| one.list == *list && one.fingerprint == listed.fingerprint) {
        steps.extend(road(state, application));
    }
    for change in listed.history.iter() {
        let meaning = trust::meaning(listed, change.status);
        let what = html! { (parts::badge(change.status, meaning)) ": " (meaning) };
        steps.push(Step { at: change.at, entry: change.cause, what });
    }
    for (what, proposal) in trust::distrusted(state, list, listed) {
        let decision = state.proposals.get(&proposal).and_then(|proposal| proposal.decision.as_ref());
        let what = html! { (what) " is distrusted by " (parts::decision(proposal)) };
        steps.extend(decision.map(|decision| Step { at: decision.at, entry: proposal, what }));
    }
    if let Some((entry, at)) = listed.first_published {
        steps.push(Step { at, entry, what: html! { "first published" } });
    }
    for notice in state.notices.values().filter(|notice| concerns(notice, listed)) {
        let what = html! {
            "suspended by an emergency notice"
            @if notice.list != *list { " on list " (parts::list(state, &notice.list)) }
            ", for " (parts::reason(notice.reason))
        };
        steps.push(Step { at: notice.issued_at, entry: notice.index, what });
        if let Some((at, cause)) = notice.ended {
            let what = match cause {
                Some(_) => html! { "the notice was lifted" },
                None => html! { "the notice ended by itself" },
            };
            steps.push(Step { at, entry: cause.unwrap_or(notice.index), what });
        }
    }
    if let Some(end) = trust::ended(listed) {
        steps.push(Step { at: end.at, entry: end.cause, what: parts::status(end.status) });
    }
    shown(steps)
}

/// Whether a notice suspended something while it was on a list: it acts on the key, on whatever list it was issued.
fn concerns(notice: &Notice, listed: &Listed) -> bool {
    let Some(admitted) = listed.history.first() else { return false };
    let from = notice.issued_at.max(admitted.at);
    let stood = trust::at(listed, from).is_some_and(|change| change.status != AnchorStatus::Withdrawn);
    notice.spki == listed.spki && stood && notice.ended.is_none_or(|(end, _)| end > from)
}

/// The road of an application to its end.
pub(crate) fn of_application(state: &State, application: &Application) -> Markup {
    let mut steps = road(state, application);
    if let Some((stage, at, entry)) = application.ended {
        steps.push(Step { at, entry, what: html! { (crate::overview::word(stage)) } });
    }
    shown(steps)
}

fn shown(mut steps: Vec<Step>) -> Markup {
    steps.sort_by_key(|step| (step.at, step.entry));
    html! {
        ol.road {
            @for step in steps {
                li { (parts::moment(step.at)) " — " (step.what) " " (parts::entry(step.entry)) }
            }
        }
    }
}

fn road(state: &State, application: &Application) -> Vec<Step> {
    let mut steps = Vec::new();
    let what = html! {
        a href=(place::application(application.index)) { "application" } " by " (parts::participant(state, &application.applicant))
    };
    steps.push(Step { at: application.submitted_at, entry: application.index, what });
    if let Some(screening) = &application.screening {
        let errors = screening.errors().count();
        let what = html! {
            "screened: " (parts::count(screening.findings.len(), "finding")) ", "
            @if errors == 0 { "no error" } @else { strong { (parts::count(errors, "error")) } }
        };
        steps.push(Step { at: screening.screened_at, entry: screening.index, what });
    }
    for evidence in application.evidence.iter() {
        let what = html! { "evidence: " (kind(evidence.kind)) ", by " (parts::participant(state, &evidence.author)) };
        steps.push(Step { at: evidence.at, entry: evidence.index, what });
    }
    if let Some(proposal) = application.proposal.and_then(|index| state.proposals.get(&index)) {
        let what = html! { a href=(place::proposal(proposal.index)) { "put to the vote" } };
        steps.push(Step { at: proposal.opened_at, entry: proposal.index, what });
        if let Some(decision) = &proposal.decision {
            let word = match &decision.outcome {
                Outcome::Accepted => "accepted",
                _ if proposal::ended_with_application(state, proposal) => "ended with its application,",
                Outcome::Rejected => "rejected",
                Outcome::Lapsed(_) => "lapsed",
            };
            let what = html! { (word) " with " (proposal::approvals(decision.approvals, proposal.quorum)) };
            steps.push(Step { at: decision.at, entry: proposal.index, what });
        }
    }
    steps
}

/// A kind of evidence in words.
pub(crate) const fn kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::SecondChannelFingerprint => "fingerprint confirmed over another channel",
        EvidenceKind::CertificatePolicy => "certificate policy",
        EvidenceKind::AuditReport => "audit report",
        EvidenceKind::ConformanceReport => "report of conformance tests",
    }
}
