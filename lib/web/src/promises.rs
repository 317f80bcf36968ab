//! How the governance body keeps what it promises: how long whom it kept waiting, and whom other PKIs did.

use ctl_governance::promises::{ApplicationWaits, CrossWaits, Promises, Waits};
use maud::{Markup, html};

use crate::{Frame, overview, parts, place, timeline};

/// So many of each that wait, and so many operators, are shown.
const SOME: usize = 100;

/// The page of promises.
#[must_use]
pub fn promises(frame: &Frame<'_>, kept: &Promises) -> String {
    let body = html! {
        p.lead {
            "Whoever applies waits for others. Here is how long, for all together and for each, so that it shows if someone waits longer. "
            "Anyone can work out the same from the log."
        }
        (promised(frame))
        (applications(frame, kept))
        (crosses(frame, kept))
        p.json { (parts::json("/v1/sla/governance")) }
    };
    frame.page("Promises", &body)
}

/// What the charter says.
fn promised(frame: &Frame<'_>) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "List" } th scope="col" { "Needs" } th scope="col" { "Discussion" } th scope="col" { "Vote, at most" }
                th scope="col" { "Approvals" } th scope="col" { "Devices have" }
            } }
            tbody {
                @for (id, list) in &frame.state.charter.lists {
                    tr {
                        th scope="row" { (parts::list(frame.state, id)) }
                        td {
                            @if list.required_evidence.is_empty() { "no evidence" }
                            @for (at, kind) in list.required_evidence.iter().enumerate() { @if at > 0 { "; " } (timeline::kind(*kind)) }
                        }
                        td { (parts::span(list.discussion_seconds)) }
                        td { (parts::span(list.voting_seconds)) }
                        td { (list.quorum.admit) }
                        td { (parts::span(list.take_up_seconds)) " to take a root up" }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="promised" {
            h2 id="promised" { "What the charter promises" }
            p { "A root that keeps the policy, with all evidence, is discussed for so long, then voted on for so long, and, if enough approve, stands in the next version of its list." }
            (parts::wide("What the charter promises", &table))
        }
    }
}

fn applications(frame: &Frame<'_>, kept: &Promises) -> Markup {
    let all = &kept.applications.all;
    let kinds: [(&str, &Waits); 4] = [
        ("application to first screening", &all.screening),
        ("everything there to decision", &all.deliberation),
        ("application to decision", &all.decision),
        ("application to publication", &all.publication),
    ];
    let operators = html! {
        table {
            thead { tr {
                th scope="col" { "Applicant" } th scope="col" { "Applications" } th scope="col" { "To first screening" } th scope="col" { "To decision" }
                th scope="col" { "To publication" } th scope="col" { "Wait now" }
            } }
            tbody {
                @for one in kept.applications.operators.iter().take(SOME) {
                    tr {
                        th scope="row" { (parts::participant(frame.state, &one.operator)) }
                        td { (ends(&one.waits)) }
                        td { (median(&one.waits.screening)) }
                        td { (median(&one.waits.decision)) }
                        td { (median(&one.waits.publication)) }
                        td { (one.waits.decision.waiting) }
                    }
                }
            }
        }
    };
    let open = &kept.applications.open;
    html! {
        section aria-labelledby="applications" {
            h2 id="applications" { "How long applicants wait" }
            p { (ends(all)) "." }
            (waits("From", &kinds))
            @if !kept.applications.operators.is_empty() {
                h3 { "Each applicant" }
                p { "The wait in the middle: half of its applications waited no longer." }
                (parts::wide("Each applicant", &operators))
                @if kept.applications.operators.len() > SOME { p { "And " (kept.applications.operators.len() - SOME) " more: see the JSON." } }
            }
            @if !open.is_empty() {
                h3 { "Who waits now" }
                ul { @for one in open.iter().take(SOME) {
                    li {
                        a href=(place::application(one.application)) { "application " (one.application) } " of " (parts::participant(frame.state, &one.operator))
                        ", for " (parts::span(one.waiting_seconds)) ": " (overview::word(one.stage))
                    }
                } }
                @if open.len() > SOME { p { "And " (open.len() - SOME) " more." } }
            }
        }
    }
}

fn ends(waits: &ApplicationWaits) -> String {
    let all = usize::try_from(waits.applications).unwrap_or(usize::MAX);
    let (accepted, rejected, withdrawn) = (waits.accepted, waits.rejected, waits.withdrawn);
    format!(
        "{}: {accepted} accepted, {rejected} rejected, {withdrawn} withdrawn",
        parts::count(all, "application")
    )
}

fn waits(from: &str, kinds: &[(&str, &Waits)]) -> Markup {
    let time = |seconds: Option<u64>| seconds.map_or_else(|| "–".to_owned(), parts::span);
    let table = html! {
        table {
            thead { tr {
                th scope="col" { (from) } th scope="col" { "Over for" } th scope="col" { "Half waited at most" } th scope="col" { "Nine of ten" }
                th scope="col" { "Longest" } th scope="col" { "Wait now" } th scope="col" { "Longest of them" }
            } }
            tbody {
                @for (name, waits) in kinds {
                    tr {
                        th scope="row" { (name) }
                        td { (waits.over) }
                        td { (time(waits.p50)) }
                        td { (time(waits.p90)) }
                        td { (time(waits.max)) }
                        td { (waits.waiting) }
                        td { (time(waits.waiting_longest)) }
                    }
                }
            }
        }
    };
    parts::wide("Waits", &table)
}

fn median(waits: &Waits) -> String {
    waits.p50.map_or_else(|| "–".to_owned(), parts::span)
}

fn crosses(frame: &Frame<'_>, kept: &Promises) -> Markup {
    let crosses = &kept.cross_certification;
    let pairs = crosses
        .issuers
        .iter()
        .flat_map(|one| one.requesters.iter().map(move |asking| (&one.operator, asking)));
    let pairs: Vec<_> = pairs.collect();
    let issuers = html! {
        table {
            thead { tr {
                th scope="col" { "Asked" } th scope="col" { "By" } th scope="col" { "Requests" } th scope="col" { "Half waited at most" } th scope="col" { "Wait now" }
            } }
            tbody {
                @for (asked, asking) in pairs.iter().take(SOME) {
                    tr {
                        th scope="row" { (parts::participant(frame.state, asked)) }
                        td { (parts::participant(frame.state, &asking.operator)) }
                        td { (answers(&asking.waits)) }
                        td { (median(&asking.waits.answer)) }
                        td { (asking.waits.answer.waiting) }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="crosses" {
            h2 id="crosses" { "How long PKIs wait for each other's cross-certificates" }
            @if crosses.all.requests == 0 { p { "Nobody has asked for one yet." } } @else {
                p { (answers(&crosses.all)) "." }
                (waits("From", &[("request to answer", &crosses.all.answer)]))
                h3 { "Who was asked by whom" }
                (parts::wide("Who was asked by whom", &issuers))
                @if pairs.len() > SOME { p { "And " (pairs.len() - SOME) " more: see the JSON." } }
            }
            @if !crosses.open.is_empty() {
                h3 { "Requests without an answer" }
                ul { @for one in crosses.open.iter().take(SOME) {
                    li {
                        (parts::participant(frame.state, &one.requester)) " asked " (parts::participant(frame.state, &one.issuer)) " "
                        (parts::span(one.waiting_seconds)) " ago " (parts::entry(one.request))
                    }
                } }
                @if crosses.open.len() > SOME { p { "And " (crosses.open.len() - SOME) " more." } }
            }
        }
    }
}

fn answers(waits: &CrossWaits) -> String {
    let all = usize::try_from(waits.requests).unwrap_or(usize::MAX);
    let reasons: Vec<String> =
        waits.reasons.iter().map(|(reason, count)| format!("{count} for {}", reason.as_str())).collect();
    let why = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    format!("{}: {} accepted, {} declined{why}", parts::count(all, "request"), waits.accepted, waits.declined)
}
