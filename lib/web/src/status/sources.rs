//! Other people's lists and pools: whether they can be read, what they hold, and when that changed.

use ctl_core::Timestamp;
use maud::{Markup, html};

use super::{Site, place, say, told};
use crate::parts;

/// One of them.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    /// Where it is.
    pub place: String,
    pub last_read_at: Option<Timestamp>,
    pub last_moved_at: Option<Timestamp>,
    pub roots: Option<usize>,
    pub sequence: Option<u64>,
    pub not_after: Option<Timestamp>,
    pub unreadable: u64,
    /// What lasts.
    pub open: Option<Happening>,
}

/// What happened to one of them.
#[derive(Clone, Debug)]
pub struct Happening {
    /// What it is, in words.
    pub what: &'static str,
    pub began_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub detail: String,
    /// Names of roots that appeared, vanished, or are told of in another way.
    pub appeared: Vec<String>,
    pub vanished: Vec<String>,
    pub changed: Vec<String>,
}

/// So many roots are named of one happening.
const NAMED: usize = 20;
/// A source is read every hour where nothing else is said; one that was not for two days is not called read, in seconds.
const LONG: u64 = 2 * 86_400;

impl Source {
    fn now(&self, now: Timestamp) -> Markup {
        html! {
            @match &self.open {
                Some(open) => { span.badge.now.trouble { (open.what) } br; small { "since " (parts::moment(open.began_at)) } },
                None => @match self.last_read_at {
                    Some(at) if now.seconds_since(at) <= LONG => span.badge.now.fine { "read" },
                    Some(at) => span.badge.now.failing { "not read for " (parts::span(now.seconds_since(at))) },
                    None => span.badge { "not read yet" },
                },
            }
        }
    }
}

impl Happening {
    fn tell(&self) -> Markup {
        let names = |what: &str, names: &[String]| {
            html! {
                @if !names.is_empty() {
                    li {
                        (what) ": " @for (place, name) in names.iter().take(NAMED).enumerate() { @if place > 0 { "; " } (told(name)) }
                        @if names.len() > NAMED { "; and " (names.len() - NAMED) " more" }
                    }
                }
            }
        };
        html! {
            p { strong { (self.what) } ", " (parts::moment(self.began_at))
                @match self.ended_at { Some(at) if at > self.began_at => { " to " (parts::moment(at)) }, Some(_) => {}, None => ", it lasts" }
            }
            @if !self.detail.is_empty() { p { (told(&self.detail)) } }
            ul { (names("Appeared", &self.appeared)) (names("Vanished", &self.vanished)) (names("Told of otherwise", &self.changed)) }
        }
    }
}

/// All of them.
#[must_use]
pub fn sources(site: &Site<'_>, all: &[Source]) -> String {
    let open = all.iter().filter(|one| one.open.is_some()).count();
    let is_old = |one: &&Source| one.last_read_at.is_none_or(|at| site.now.seconds_since(at) > LONG);
    let old = all.iter().filter(is_old).count();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Source" } th scope="col" { "Now" } th scope="col" { "Roots" } th scope="col" { "Read" } th scope="col" { "Last change" }
            } }
            tbody {
                @for one in all {
                    tr {
                        th scope="row" { a href=(place::source(&one.name)) { (told(&one.name)) } }
                        td { (one.now(site.now)) }
                        td { @match one.roots { Some(roots) => (roots), None => "–" } }
                        td { @match one.last_read_at { Some(at) => (parts::from_now(at, site.now)), None => "never" } }
                        td { @match one.last_moved_at { Some(at) => (parts::day(at)), None => "none seen" } }
                    }
                }
            }
        }
    };
    let body = html! {
        p.lead {
            @match (all.len(), open) {
                (0, _) => "This watch follows no list or pool of others.",
                (_, 0) if old > 0 => { "No problem is known; " (say(old, "of them was", "of them were")) " not read of late." },
                (_, 0) => "All of them can be read.",
                (_, open) => { (say(open, "source has", "sources have")) " a problem now." },
            }
        }
        p { "Lists and pools of others are no services of this scheme: nothing here counts towards a service level." }
        @if !all.is_empty() { (parts::wide("Other lists and pools", &table)) }
        p.json { (parts::json("/v1/sources")) }
    };
    site.page("Other lists and pools", &body)
}

/// One of them, and what happened to it, the newest first.
#[must_use]
pub fn source(site: &Site<'_>, one: &Source, past: &[Happening]) -> String {
    let body = html! {
        dl {
            dt { "Now" } dd { (one.now(site.now)) }
            dt { "Where" } dd { code { (told(&one.place)) } }
            dt { "Last read" } dd { @match one.last_read_at { Some(at) => (parts::moment(at)), None => "never" } }
            @if let Some(roots) = one.roots { dt { "Roots" } dd { (roots) } }
            @if let Some(sequence) = one.sequence { dt { "Number" } dd { (sequence) } }
            @if let Some(at) = one.not_after { dt { "Ends" } dd { (parts::moment(at)) } }
            @if one.unreadable > 0 { dt { "Not readable" } dd { (say(one.unreadable, "item that should be a certificate", "items that should be certificates")) } }
        }
        section aria-labelledby="happened" {
            h2 id="happened" { "What happened" }
            @if past.is_empty() { p { "Nothing since it is followed." } }
            @for happening in past { article.card { (happening.tell()) } }
        }
        p.json {
            (parts::json(&format!("/v1/sources/{}", one.name))) ", "
            a href={ "/v1/sources/" (one.name) "/roots" } { "the roots that it holds" } "."
        }
    };
    site.page(&one.name, &body)
}
