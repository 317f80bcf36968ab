//! The levels of an operator's services by the log: breaches, and watchers' monthly reports.

use ctl_core::names::ParticipantId;
use ctl_governance::service_levels::Told;
use ctl_policy::sla::ppm;
use maud::{Markup, html};

use crate::{Frame, parts};

/// So many breaches and reports are shown.
const SOME: usize = 20;

/// What watchers recorded about an operator's services; nothing if they did not.
pub(crate) fn of(frame: &Frame<'_>, id: &ParticipantId) -> Markup {
    let state = frame.state;
    let told: Vec<Told<'_>> =
        state.told().into_iter().map(|(_, one)| one).filter(|one| one.is_of(id)).collect();
    let levels = &state.service_levels;
    let reports = levels.reports.iter().filter(|((operator, ..), _)| operator.as_ref() == Some(id));
    let mut reports: Vec<_> = reports.collect();
    reports.sort_by_key(|((_, from, _), _)| std::cmp::Reverse(*from));
    let table = html! {
        table {
            thead { tr { th scope="col" { "Month" } th scope="col" { "By" } th scope="col" { "Services" } th scope="col" { "Entry" } } }
            tbody {
                @for ((_, from, watcher), report) in reports.iter().take(SOME) {
                    tr {
                        th scope="row" { (parts::month(*from)) }
                        td { (parts::participant(state, watcher)) }
                        td {
                            @for one in &report.summary {
                                (one.kind) ": " @match ppm(one.good, one.valid) { Some(good) => (parts::per_cent(good)), None => "nothing measured" }
                                @if one.met { " " span.badge.usable { "met" } } @else { " " span.badge.suspended { "not met" } }
                                br;
                            }
                        }
                        td { (parts::entry(report.index)) }
                    }
                }
            }
        }
    };
    html! {
        @if !told.is_empty() || !reports.is_empty() {
            section {
                h2 { "The services of " (parts::participant(state, id)) ", as watchers see them" }
                @if !told.is_empty() {
                    ul { @for one in told.iter().rev().take(SOME) { li { (breach(frame, one)) } } }
                    p { a href={ "/v1/breaches?operator=" (id) } { "All " (told.len()) " as JSON" } }
                }
                @if !reports.is_empty() { (parts::wide("Reports", &table)) }
            }
        }
    }
}

fn breach(frame: &Frame<'_>, told: &Told<'_>) -> Markup {
    let (word, colour, entry) = match told {
        Told::Breach(breach) => ("confirmed", "suspended", breach.confirmed),
        Told::Claim(claim) => ("claimed", "warning", claim.index),
    };
    html! {
        span class={ "badge " (colour) } { (word) } " its service " (told.service().kind) " below its objective since " (parts::moment(told.opened_at()))
        @match told.closed() {
            Some(closed) => { " until " (parts::moment(closed.at)) },
            None => { " (" (parts::from_now(told.opened_at(), frame.now)) "), and still" },
        }
        " " (parts::entry(entry))
    }
}
