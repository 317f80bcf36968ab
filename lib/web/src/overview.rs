//! The first page: what this scheme is, how its lists stand, how log and freshness are, what goes on.

use std::collections::BTreeMap;

use ctl_core::Timestamp;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::role::Role;
use ctl_governance::application::Stage;
use maud::{Markup, html};

use crate::changes::{self, Change};
use crate::{Frame, list, parts, place, trust};

/// At most so many applications and votes are told here.
const TOLD: usize = 10;

/// How the service stands, beside what follows from the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// How many entries the latest checkpoint has, and when it was signed.
    pub checkpoint: Option<(u64, Timestamp)>,
    /// Until when TUF's timestamp and snapshot both say that this is the latest.
    pub fresh_until: Option<Timestamp>,
    /// What is wrong at this moment.
    pub problems: Vec<String>,
}

/// Who signed the latest version of each list.
pub type SignedBy = BTreeMap<ListId, Vec<ParticipantId>>;

/// The overview of a scheme.
#[must_use]
pub fn overview(frame: &Frame<'_>, health: &Health, lately: &[Change], signed_by: &SignedBy) -> String {
    let state = frame.state;
    let open = state.applications.values().filter(|one| one.ended.is_none()).count();
    let body = html! {
        p.lead {
            "Here stands which certificate authorities are trusted for Plug & Charge, by whose decision, and since when. "
            "Electors decide, signers sign, and every step is in a log that anyone can check."
        }
        section aria-labelledby="lists" {
            h2 id="lists" { "Trust lists" }
            @if state.charter.lists.is_empty() { p { "The charter names no list." } }
            div.cards { @for id in state.charter.lists.keys() { (card(frame, id, signed_by.get(id).map_or(&[], |signers| signers))) } }
        }
        section aria-labelledby="work" {
            h2 id="work" { "What is going on" }
            dl.numbers {
                div { dt { "applications under way" } dd { a href=(place::APPLICATIONS) { (open) } } }
                div { dt { "open votes" } dd { a href=(place::PROPOSALS) { (state.open_proposals.size()) } } }
                div { dt { "participants" } dd { a href=(place::PARTICIPANTS) { (state.participants.size()) } } }
                div { dt { "MO identifiers" } dd { a href=(place::REGISTRY) { (state.mo_ids.size()) } } }
                div { dt { "entries of the log" } dd { a href=(place::LOG) { (state.size()) } } }
            }
            (votes(frame))
            (applications(frame))
        }
        @if !lately.is_empty() {
            section aria-labelledby="lately" {
                h2 id="lately" { "What changed lately" }
                (changes::shown(lately))
                p { a href=(place::FEED) { "Follow this as a feed" } }
            }
        }
        (health_of(frame, health))
        section aria-labelledby="scheme" {
            h2 id="scheme" { "This scheme" }
            dl {
                dt { "Id" } dd { (parts::digest(&state.scheme)) }
                dt { "Founded" } dd { (parts::moment(state.founded_at)) }
                dt { "Board" } dd {
                    "any " (state.charter.board.threshold) " of "
                    @for (at, holder) in state.charter.board.holders.iter().enumerate() { @if at > 0 { ", " } (parts::participant(state, holder)) }
                }
                dt { "Charter" } dd { "in force by " (parts::entry(state.charter_since)) }
            }
        }
    };
    frame.page(state.charter.name.as_str(), &body)
}

fn card(frame: &Frame<'_>, id: &ListId, signed_by: &[ParticipantId]) -> Markup {
    let state = frame.state;
    let counts = state.anchors_by_status(id).into_iter().filter(|(_, count)| *count > 0);
    let anchors = state.lists.get(id).into_iter().flat_map(|contents| contents.anchors.values());
    let listed = anchors.filter(|anchor| state.effective_status(&anchor.listed).status.is_listed());
    let listed: Vec<_> = listed.map(|anchor| &anchor.listed).collect();
    let fallen = listed.iter().filter(|listed| !trust::is_trusted(frame, id, listed)).count();
    let unpublished = listed.iter().filter(|listed| listed.first_published.is_none()).count();
    html! {
        article.card {
            h3 { (parts::list(frame.state, id)) " " code { (id) } }
            (list::version(frame, id))
            @if !signed_by.is_empty() { p { "Signed by " (list::people(frame, signed_by)) } }
            ul.counts {
                @for (status, count) in counts { li { (count) " " (parts::status(status)) } }
                @if unpublished > 0 { li { (unpublished) " of them " span.badge.warning { "not published yet" } } }
                @if fallen > 0 { li { (fallen) " of them " span.badge.suspended { "not trusted" } } }
            }
            ul.ways {
                li { a href=(place::reach(id)) aria-label={ "Who can charge where, by list " (id) } { "Who can charge where" } }
                li { a href={ (place::list(id)) "#downloads" } aria-label={ "Download list " (id) } { "Download" } }
            }
        }
    }
}

fn health_of(frame: &Frame<'_>, health: &Health) -> Markup {
    let state = frame.state;
    // A device refuses all of it when any of these has expired.
    let board = [Role::Root, Role::Targets]
        .into_iter()
        .filter_map(|role| Some(state.published.get(&role)?.open.expires));
    let fresh_until = health.fresh_until.map(|until| board.fold(until, Timestamp::min));
    html! {
        section aria-labelledby="health" {
            h2 id="health" { "Log and freshness" }
            @for problem in &health.problems { p.alarm { strong { "At this moment: " } (ctl_pki::print::line(problem)) } }
            dl {
                dt { "Log" }
                dd {
                    code { (state.charter.server.log_origin) }
                    @match health.checkpoint {
                        Some((size, at)) => {
                            ": checkpoint of " (parts::count(size, "entry")) ", signed " (parts::from_now(at, frame.now))
                            @if size < state.size() { " " span.badge.warning { "behind" } " not served yet: " (parts::count(state.size() - size, "entry")) }
                        }
                        None => { ": " span.badge.suspended { "no checkpoint" } }
                    }
                }
                dt { "Root hash" } dd { (parts::digest(&state.root())) }
                dt { "Freshness" }
                dd {
                    @match fresh_until {
                        Some(expires) if expires > frame.now => {
                            span.badge.usable { "in force" } " devices that ask now know for " (parts::span(expires.seconds_since(frame.now))) " that they have the latest"
                        }
                        Some(expires) => { span.badge.suspended { "stale" } " since " (parts::moment(expires)) ": devices cannot know whether this is the latest" }
                        None => { span.badge.suspended { "none" } " nothing says yet what the latest is" }
                    }
                }
            }
        }
    }
}

fn votes(frame: &Frame<'_>) -> Markup {
    let state = frame.state;
    let open = state.open_proposals.iter().filter_map(|index| state.proposals.get(index));
    html! {
        @if state.open_proposals.size() > 0 {
            h3 { "Votes" }
            ul {
                @for one in open.take(TOLD) {
                    li {
                        a href=(place::proposal(one.index)) { "Vote " (one.index) } ": " (one.votes.size()) " of " (parts::count(one.electorate.len(), "elector"))
                        " voted, " (parts::count(one.quorum, "approval")) " needed; closes " (parts::moment(one.closes_at))
                    }
                }
            }
        }
    }
}

/// What has not ended, the newest first.
fn applications(frame: &Frame<'_>) -> Markup {
    let state = frame.state;
    let open: Vec<_> = state.applications.values().filter(|one| one.ended.is_none()).collect();
    html! {
        @if !open.is_empty() {
            h3 { "Applications" }
            ul {
                @for one in open.iter().rev().take(TOLD) {
                    @let stage: Stage = one.stage(frame.now, state.discussion_seconds(&one.list));
                    li {
                        a href=(place::application(one.index)) { bdi { (one.name) } } " of " (parts::participant(state, &one.applicant))
                        " for list " (parts::list(state, &one.list)) ": " (word(stage))
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
        Stage::Screened => "screened; no evidence is attached yet",
        Stage::Evidence => "evidence is being attached",
        Stage::Discussion => "under discussion",
        Stage::Discussed => "discussed; not put to the vote yet",
        Stage::Voting => "being voted on",
        Stage::Accepted => "accepted",
        Stage::Rejected => "rejected",
        Stage::Withdrawn => "withdrawn",
    }
}
