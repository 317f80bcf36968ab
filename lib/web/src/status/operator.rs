//! The services of one operator: what is broken first, then each kind of service with its promise, ninety days and
//! addresses.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::Kind;
use maud::{Markup, PreEscaped, html};

use super::incident::{Incident, table};
use super::maintenance::{Maintenance, announced};
use super::manager::Manager;
use super::service::Service;
use super::strip::{adding_up, legend};
use super::{Sight, Site, kind, pages, place, say, told};
use crate::parts;

/// What watchers say in the log.
#[derive(Clone, Debug)]
pub struct Breach {
    pub objective: String,
    pub url: Option<String>,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub confirmed: bool,
    pub organisations: usize,
    pub needed: u32,
    pub entry: u64,
}

impl Breach {
    /// Who saw it, and where that stands.
    pub(super) fn seen(&self) -> Markup {
        html! {
            "Seen by " (parts::count(self.organisations, "organisation")) "; "
            @if self.needed == 1 { "1 is needed" } @else { (self.needed) " are needed" } " (entry " (self.entry) ")"
        }
    }
}

/// Something that is named and not watched.
#[derive(Clone, Debug)]
pub struct LeftOut {
    pub kind: Option<Kind>,
    /// The address, or the certificate.
    pub what: String,
    pub why: String,
}

/// The page of an operator.
#[derive(Clone, Debug)]
pub struct Operator<'a> {
    pub id: ParticipantId,
    pub name: String,
    /// How much is seen of its services now.
    pub sight: Sight,
    /// Some of what is named of it and not watched, and how much that is.
    pub left_out: Vec<LeftOut>,
    pub left_out_count: usize,
    pub lists: Vec<String>,
    /// The worst of its open incidents, and how many there are.
    pub open: Vec<Incident>,
    pub open_count: usize,
    pub past: Vec<Incident>,
    pub maintenance: Vec<Maintenance<'a>>,
    /// What is shown of its services.
    pub services: Vec<Service<'a>>,
    /// How many addresses there are, and how many stand in trouble or failed the last probe.
    pub addresses: usize,
    pub bad: usize,
    /// Of how many nothing is known now.
    pub unknown: usize,
    pub breaches: Vec<Breach>,
    pub tell: Vec<&'a str>,
    /// The last day of strips and curves.
    pub today: u32,
    /// The first day that was read of the history.
    pub since: Option<u32>,
    /// Whether anything was ever counted of it.
    pub is_counted: bool,
    pub page: usize,
    pub pages: usize,
    /// What only the trust list manager has.
    pub manager: Option<Manager>,
}

/// The services of one operator.
#[must_use]
pub fn operator(site: &Site<'_>, operator: &Operator<'_>) -> String {
    let body = html! {
        p.lead { (headline(operator)) }
        @match operator.sight {
            Sight::NotYet => p { "Which of its services are to be watched is not known yet." },
            Sight::Unwatched if operator.left_out_count > 0 => p { "None of its services is watched." },
            Sight::Unwatched => p { "None of its services is watched any more: what stands here is past." },
            Sight::Unmeasured | Sight::Measured => {},
        }
        @if !operator.lists.is_empty() { p { "On the lists: " (told(&operator.lists.join(", "))) "." } }
        @if !operator.open.is_empty() {
            section aria-labelledby="broken" {
                h2 id="broken" { "Broken now" }
                div.cards { @for one in &operator.open { (one.card(site.now)) } }
                @if operator.open_count > operator.open.len() {
                    p { a href={ (place::INCIDENTS) "?state=open&operator=" (operator.id) } { "All " (operator.open_count) " open incidents" } }
                }
                @if !operator.tell.is_empty() { p { "To be told: " (told(&operator.tell.join(", "))) "." } }
            }
        }
        (left_out(operator))
        (announced(site, operator.maintenance.iter().map(|one| (PreEscaped(String::new()), one))))
        @if let Some(manager) = &operator.manager { (manager.tell(site)) }
        @for service in &operator.services { (service.tell(site, operator.today)) }
        (pages(operator.page, operator.pages, |page| format!("{}?page={page}", site.here)))
        @if !operator.services.is_empty() { (legend()) (adding_up(operator.since, operator.today)) }
        section aria-labelledby="past" {
            h2 id="past" { "Past incidents" }
            @if operator.past.is_empty() { p { "None that this watch saw and kept." } }
            @else {
                (table(&operator.past, site.now, "Past incidents, the newest first"))
                p { a href={ (place::INCIDENTS) "?state=past&operator=" (operator.id) } { "All past incidents" } }
            }
        }
        (breaches(operator))
        @if operator.is_counted {
            p.json {
                "For programs: service levels as " a href={ "/v1/sla/" (operator.id) "?format=json" } { "JSON" } " or "
                a href={ "/v1/sla/" (operator.id) "?format=csv" } { "CSV" } "."
            }
        }
    };
    site.page(&operator.name, &body)
}

fn headline(operator: &Operator<'_>) -> String {
    let all = match operator.sight {
        Sight::NotYet => String::new(),
        _ => format!(" {}.", say(operator.addresses, "address is watched", "addresses are watched")),
    };
    match (operator.open_count, operator.bad) {
        (0, 0) if operator.addresses == 0 => format!("Nothing of it is measured now.{all}"),
        (0, 0) if operator.unknown > 0 => {
            format!(
                "No trouble is known, and {} not measured of late.{all}",
                say(operator.unknown, "address was", "addresses were")
            )
        }
        (0, 0) => format!("No trouble is known.{all}"),
        (0, bad) => format!("No incident; the last probe of {bad} was bad.{all}"),
        (open, _) => format!("{}.{all}", say(open, "incident is open", "incidents are open")),
    }
}

fn left_out(operator: &Operator<'_>) -> Markup {
    html! {
        @if operator.left_out_count > 0 {
            section aria-labelledby="left-out" {
                h2 id="left-out" { "Named, and not watched" }
                ul {
                    @for one in &operator.left_out {
                        li { @if let Some(of) = one.kind { (kind(of)) " " } code { (told(&one.what)) } ": " (told(&one.why)) }
                    }
                }
                @if operator.left_out_count > operator.left_out.len() {
                    p { "And " (operator.left_out_count - operator.left_out.len()) " more: " code { "ctl-watch discover" } " tells all." }
                }
            }
        }
    }
}

fn breaches(operator: &Operator<'_>) -> Markup {
    html! {
        @if !operator.breaches.is_empty() {
            section aria-labelledby="log-says" {
                h2 id="log-says" { "What watchers say in the log" }
                ul {
                    @for one in &operator.breaches {
                        li {
                            @if one.confirmed { span.badge.suspended { "confirmed breach" } } @else { span.badge { "claim" } }
                            " of " (told(&one.objective)) ", since " (parts::moment(one.opened_at))
                            @match one.closed_at { Some(at) => { ", until " (parts::moment(at)) }, None => ", not over" }
                            @if let Some(url) = &one.url { ": " code { (told(url)) } }
                            ". " (one.seen()) "."
                        }
                    }
                }
            }
        }
    }
}
