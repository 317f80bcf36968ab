//! Proposals: what would change, who may vote, who did, and how it ended.

use ctl_core::names::ParticipantId;
use ctl_core::parts::DistrustKind;
use ctl_governance::state::{Outcome, Proposal};
use ctl_governance::statement::body::{Change, Choice, ParticipantAction};
use ctl_governance::{State, describe, difference};
use ctl_pki::print;
use maud::{Markup, html};

use crate::said::{self, Texts};
use crate::words::Words;
use crate::{Frame, comments, parts, place};

/// What would change, in a line.
pub(crate) fn title(state: &State, change: &Change) -> Words {
    match change {
        Change::Admit { application, list, .. } => {
            Words::new("admit ").application(state, *application).and(" to list ").list(state, list)
        }
        Change::AdmitCross { application, list, .. } => {
            let words = Words::new("admit the cross-certificate ").application(state, *application);
            words.and(" to list ").list(state, list)
        }
        Change::CloseApplication { application, list } => {
            let words = Words::new("close the application ").application(state, *application);
            words.and(" for list ").list(state, list)
        }
        Change::Constrain { anchor, list, .. } => {
            let words = Words::new("set other conditions for ").certificate(state, list, anchor);
            words.and(" on list ").list(state, list)
        }
        Change::ChangeStatus { certificate, list, to, .. } => {
            let words = Words::new("make ").certificate(state, list, certificate);
            words.and(format!(" {to} ({}) on list ", parts::meaning(*to))).list(state, list)
        }
        Change::Distrust { list, what } => {
            let kind = match what.kind {
                DistrustKind::Certificate => "the certificate",
                DistrustKind::Spki => "every certificate with the key",
            };
            Words::new(format!("distrust {kind} {} on list ", what.sha256.short())).list(state, list)
        }
        Change::LiftNotice { notice } => match state.notices.get(notice) {
            Some(found) => {
                let words = Words::new("lift the notice against ");
                let words = words.certificate(state, &found.list, &found.anchor);
                words.and(" on list ").list(state, &found.list)
            }
            None => Words::new("lift ").named(format!("notice {notice}"), place::entry(*notice)),
        },
        Change::AmendCharter { .. } => Words::new("replace the charter"),
        Change::Participant { action, participant } => {
            let (before, after) = match action {
                ParticipantAction::Suspend {} => ("let ", " sign no more"),
                ParticipantAction::SuspendForCompromise {} => ("let ", " sign no more, and strike its votes"),
                ParticipantAction::Reinstate {} => ("let ", " sign again"),
                ParticipantAction::RotateKey { .. } => ("give ", " a new key"),
            };
            Words::new(before).participant(state, participant).and(after)
        }
        Change::TransferMo { id, to } => {
            let words = Words::new("move the MO identifier ").named(id.to_string(), place::mo_id(id));
            words.and(" to ").participant(state, to)
        }
        Change::AccreditAuditor { auditor, .. } => {
            Words::new("let audit reports of ").participant(state, auditor).and(" count")
        }
        Change::WithdrawAuditor { auditor } => {
            Words::new("let audit reports of ").participant(state, auditor).and(" count no more")
        }
    }
}

/// How many lines of a difference are shown.
const LINES: usize = 400;
/// So much of a rationale is shown.
const RATIONALE: usize = 10_000;
/// So many stand on a page.
const ON_A_PAGE: usize = 50;

/// Everything that was put to the vote, the newest first.
#[must_use]
pub fn proposals(frame: &Frame<'_>, before: Option<u64>) -> String {
    let state = frame.state;
    let all = state.proposals.range(..before.unwrap_or(u64::MAX)).rev().map(|(_, one)| &**one);
    let mut some: Vec<&Proposal> = all.take(ON_A_PAGE + 1).collect();
    let more = some.len() > ON_A_PAGE;
    some.truncate(ON_A_PAGE);
    let open = state.open_proposals.iter().rev().filter_map(|index| state.proposals.get(index));
    let open: Vec<&Proposal> = open.map(|one| &**one).take(ON_A_PAGE).collect();
    let body = html! {
        p.lead { "Nothing comes on a list without a vote of its electors. It leaves by a vote, by an emergency notice, or when its certificate ends. Here is every vote, with how each elector voted." }
        @if before.is_none() {
            section aria-labelledby="open" {
                h2 id="open" { "Open votes" }
                @if open.is_empty() { p { "No vote is open." } } @else { (table(frame, "Open votes", &open)) }
            }
        }
        section aria-labelledby="all" {
            h2 id="all" { @if before.is_some() { "Earlier votes" } @else { "All votes" } }
            @if some.is_empty() { p { "Nothing was put to the vote." } } @else { (table(frame, "All votes", &some)) }
            @if let (true, Some(last)) = (more, some.last()) { p { a href={ (place::PROPOSALS) "?before=" (last.index) } { "Earlier votes" } } }
        }
        p.json { (parts::json("/v1/proposals")) }
    };
    frame.page("Votes", &body)
}

fn table(frame: &Frame<'_>, label: &str, some: &[&Proposal]) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Vote" } th scope="col" { "To" } th scope="col" { "Opened" } th scope="col" { "How it stands" }
            } }
            tbody {
                @for one in some {
                    tr {
                        th scope="row" { a href=(place::proposal(one.index)) { (one.index) } }
                        td { (title(frame.state, &one.change)) }
                        td { (parts::day(one.opened_at)) }
                        td { (standing(frame, one)) }
                    }
                }
            }
        }
    };
    parts::wide(label, &table)
}

/// How a vote stands or ended.
pub(crate) fn standing(frame: &Frame<'_>, one: &Proposal) -> Markup {
    html! {
        @match &one.decision {
            None => {
                span.badge.qualified { "open" } " until " (parts::moment(one.closes_at)) " (" (parts::from_now(one.closes_at, frame.now)) "): "
                (one.count(Choice::Approve)) " of " (parts::count(one.quorum, "approval")) " that it needs"
            },
            Some(decision) => {
                @match &decision.outcome {
                    Outcome::Accepted => { span.badge.usable { "accepted" } },
                    _ if ended_with_application(frame.state, one) => { span.badge.warning { "ended with its application" } },
                    Outcome::Rejected => { span.badge.suspended { "rejected" } },
                    Outcome::Lapsed(why) => { span.badge.warning { "lapsed" } " " (print::line(why)) },
                }
                " " (parts::moment(decision.at)) " with " (approvals(decision.approvals, one.quorum))
            },
        }
    }
}

/// How many approvals there were, of how many.
pub(crate) fn approvals(approvals: u32, quorum: u32) -> String {
    format!("{}, {quorum} needed", parts::count(approvals, "approval"))
}

/// Whether a vote ended only because something else ended its application: nobody has rejected anything.
pub(crate) fn ended_with_application(state: &State, one: &Proposal) -> bool {
    let (Change::Admit { application, .. } | Change::AdmitCross { application, .. }) = &one.change else {
        return false;
    };
    let ended = state.applications.get(application).and_then(|application| application.ended);
    ended.is_some_and(|(_, _, cause)| cause != one.index)
}

/// The page of a proposal; none if this entry is none.
#[must_use]
pub fn proposal(frame: &Frame<'_>, index: u64, texts: Texts<'_>, before: Option<u64>) -> Option<String> {
    let state = frame.state;
    let one: &Proposal = state.proposals.get(&index)?;
    let full = difference::text(&describe::in_full(state, &one.change));
    let body = html! {
        p.lead { "To " (title(state, &one.change)) "." }
        dl {
            dt { "How it stands" } dd { (standing(frame, one)) }
            dt { "Opened" } dd { (parts::moment(one.opened_at)) " by " (parts::participant(state, &one.author)) " " (parts::entry(one.index)) }
            dt { "Ends" } dd { (parts::moment(one.closes_at)) ", or once every elector has voted" }
            dt { "Quorum" } dd { (parts::count(one.quorum, "organisation")) " must approve, of the " (organisations(one)) " that may vote" }
            @if let Some(application) = application_of(&one.change) {
                dt { "Application" } dd { (Words::default().application(state, application)) }
            }
        }
        section aria-labelledby="change" {
            h2 id="change" { "What would change" }
            @if one.decision.is_some() { p { small { "Against the lists and the charter as they are now, not as they were when it was decided." } } }
            ul { @for line in describe::change(state, &one.change) { li { bdi { (print::line(&line)) } } } }
            details {
                summary { "In full" }
                pre.said tabindex="0" { @for line in full.iter().take(LINES) { (print::lines(line)) "\n" } }
                @if full.len() > LINES { p { "And " (full.len() - LINES) " lines more: " a href=(place::entry(index)) { "the entry" } " has all of it." } }
            }
        }
        section aria-labelledby="why" {
            h2 id="why" { "Why" }
            @match &one.rationale {
                None => p { "No reason was given." },
                Some(blob) => (said::excerpt(blob, texts, RATIONALE)),
            }
        }
        section aria-labelledby="votes" { h2 id="votes" { "Votes" } (votes(frame, one)) }
        (comments::section(frame, &one.comments, texts, before, &place::proposal(index)))
        p {
            small {
                "Electors vote for exactly these bytes, by their leaf hash " (parts::digest(&one.leaf_hash)) ". Before they vote: "
                code { "ctl-admin review " (index) }
            }
        }
        p.json { (parts::json("/v1/proposals")) }
    };
    Some(frame.page(&format!("Vote {index}"), &body))
}

/// The organisations that may vote.
fn organisations(one: &Proposal) -> usize {
    let may = one.electorate.iter().filter(|(elector, _)| one.may_vote(elector));
    may.map(|(_, organisation)| organisation).collect::<std::collections::BTreeSet<_>>().len()
}

const fn application_of(change: &Change) -> Option<u64> {
    match change {
        Change::Admit { application, .. }
        | Change::AdmitCross { application, .. }
        | Change::CloseApplication { application, .. } => Some(*application),
        _ => None,
    }
}

/// Each elector with its vote.
pub(crate) fn votes(frame: &Frame<'_>, one: &Proposal) -> Markup {
    let table = html! {
        table {
            thead { tr { th scope="col" { "Elector" } th scope="col" { "Organisation" } th scope="col" { "Vote" } th scope="col" { "Entry" } } }
            tbody {
                @for (elector, organisation) in &one.electorate {
                    @let vote = one.votes.get(elector);
                    tr {
                        th scope="row" { (parts::participant(frame.state, elector)) }
                        td { (organisation) }
                        td {
                            @if one.recused.contains(elector) { span.badge { "recused" } " of the applicant's organisation" }
                            @else if one.struck.contains(elector) { span.badge.withdrawn { "struck" } " its key was compromised" }
                            @else { (choice(vote.map(|vote| vote.choice))) }
                        }
                        td { @if let Some(vote) = vote { (parts::entry(vote.index)) } }
                    }
                }
                @for elector in one.recused.iter().filter(|elector| !one.electorate.contains_key(*elector)) {
                    tr {
                        th scope="row" { (parts::participant(frame.state, elector)) }
                        td { (organisation(frame, elector)) }
                        td { span.badge { "recused" } " of the applicant's organisation" }
                        td {}
                    }
                }
            }
        }
    };
    parts::wide("Votes", &table)
}

fn organisation(frame: &Frame<'_>, elector: &ParticipantId) -> String {
    frame.state.participants.get(elector).map(|one| one.organisation.to_string()).unwrap_or_default()
}

pub(crate) fn choice(choice: Option<Choice>) -> Markup {
    match choice {
        Some(Choice::Approve) => html! { span.badge.usable { "for" } },
        Some(Choice::Reject) => html! { span.badge.suspended { "against" } },
        Some(Choice::Abstain) => html! { span.badge { "neither" } },
        None => html! { "none yet" },
    }
}
