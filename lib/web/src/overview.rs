//! The first page: what this scheme is, how its lists stand, what is in force.

use ctl_core::names::ListId;
use ctl_governance::application::Stage;
use maud::{Markup, html};

use crate::{Frame, list, parts, place};

/// The overview of a scheme.
#[must_use]
pub fn overview(frame: &Frame<'_>) -> String {
    let state = frame.state;
    let open = state.applications.values().filter(|one| one.ended.is_none()).count();
    let body = html! {
        p.lead {
            "This is the public record of which certificate authorities " (state.charter.name) " trusts for Plug & Charge. "
            "Electors decide, signers sign, and every step stands in a log that anyone can check."
        }
        section aria-labelledby="lists" {
            h2 id="lists" { "Trust lists" }
            div.cards { @for id in state.charter.lists.keys() { (card(frame, id)) } }
        }
        section aria-labelledby="work" {
            h2 id="work" { "What is going on" }
            dl.numbers {
                div { dt { "applications under way" } dd { (open) } }
                div { dt { "open votes" } dd { (state.open_proposals.size()) } }
                div { dt { "participants" } dd { (state.participants.size()) } }
                div { dt { "MO identifiers" } dd { (state.mo_ids.size()) } }
                div { dt { "entries of the log" } dd { (state.size()) } }
            }
            (applications(frame))
        }
        section aria-labelledby="scheme" {
            h2 id="scheme" { "This scheme" }
            dl {
                dt { "Its id" } dd { (parts::digest(&state.scheme)) }
                dt { "Founded" } dd { (parts::moment(state.founded_at)) }
                dt { "Board" } dd {
                    "any " (state.charter.board.threshold) " of "
                    @for holder in &state.charter.board.holders { (parts::participant(state, holder)) " " }
                }
                dt { "Log" } dd { code { (state.charter.server.log_origin) } ", root hash " (parts::digest(&state.root())) }
            }
        }
    };
    frame.page(state.charter.name.as_str(), &body)
}

fn card(frame: &Frame<'_>, id: &ListId) -> Markup {
    let state = frame.state;
    let name = state.charter.lists.get(id).map(|list| list.name.to_string());
    let counts = state.anchors_by_status(id).into_iter().filter(|(_, count)| *count > 0);
    html! {
        article.card {
            h3 { a href=(place::list(id)) { (name.unwrap_or_else(|| id.to_string())) } " " code { (id) } }
            (list::version(frame, id))
            ul.counts { @for (status, count) in counts { li { (count) " " (parts::status(status)) } } }
        }
    }
}

/// What has not ended, the newest first.
fn applications(frame: &Frame<'_>) -> Markup {
    let state = frame.state;
    let open: Vec<_> = state.applications.values().filter(|one| one.ended.is_none()).collect();
    html! {
        @if !open.is_empty() {
            ul {
                @for one in open.iter().rev().take(10) {
                    @let stage: Stage = one.stage(frame.now, state.discussion_seconds(&one.list));
                    li {
                        a href=(place::application(one.index)) { (one.name) } " of " (parts::participant(state, &one.applicant))
                        " for list " (one.list) ": " (word(stage))
                    }
                }
            }
        }
    }
}

/// A stage in words.
pub(crate) const fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Submitted => "waits for its screening",
        Stage::Screened => "screened; evidence is to be attached",
        Stage::Evidence => "some evidence is still missing",
        Stage::Discussion => "under discussion",
        Stage::Discussed => "discussed; a vote can be opened",
        Stage::Voting => "being voted on",
        Stage::Accepted => "accepted",
        Stage::Rejected => "rejected",
        Stage::Withdrawn => "withdrawn",
    }
}
