//! Incidents: what is broken, since when, what was found, whom it hits, what to do next, and what proves it.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::Kind;
use maud::{Markup, html};

use super::evidence::{Evidence, evidence};
use super::operator::Breach;
use super::{SHOWN, Sight, Site, hits, kind, place, told};
use crate::parts;

/// One incident of one service.
#[derive(Clone, Debug)]
pub struct Incident {
    pub number: u64,
    pub operator: ParticipantId,
    /// The operator's name for people.
    pub name: String,
    pub kind: Kind,
    pub url: String,
    pub began_at: Timestamp,
    /// None while it lasts.
    pub ended_at: Option<Timestamp>,
    /// Whether it ended only because its service is not watched any more: nobody saw it recover.
    pub unwatched: bool,
    /// Since when it is a breach of what was promised.
    pub breach_at: Option<Timestamp>,
    /// Whether it opened because too many probes were bad, although not all in a row.
    pub burns: bool,
    pub failures: u64,
    pub probes: u64,
    /// What was found: the code, what it means, and how often.
    pub reasons: Vec<(&'static str, &'static str, u64)>,
}

/// Something that a probe found.
#[derive(Clone, Debug)]
pub struct Finding {
    pub code: &'static str,
    /// What the code means.
    pub meaning: &'static str,
    /// Whether it makes the answer bad, rather than warns.
    pub is_error: bool,
    /// The address that showed it.
    pub address: Option<String>,
    /// What exactly, some of it in the service's own words.
    pub detail: String,
}

/// Which incidents a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    Open,
    Past,
}

/// A page of a list of incidents.
#[derive(Clone, Debug)]
pub struct Incidents {
    pub which: Which,
    /// Only of this operator: id and name.
    pub operator: Option<(ParticipantId, String)>,
    /// How many of these are open.
    pub open: usize,
    /// How much of them is seen: that none is open means something only where something is.
    pub sight: Sight,
    pub shown: Vec<Incident>,
    /// The newest first: the place of the next page with older ones.
    pub older: Option<u64>,
    /// Whether this is not the first page.
    pub is_later: bool,
}

/// The page of one incident.
#[derive(Clone, Debug)]
pub struct IncidentPage<'a> {
    pub incident: Incident,
    /// What to do next, by what was found.
    pub advice: Vec<&'static str>,
    /// The lists that hold certificates of the service's operator.
    pub lists: Vec<String>,
    /// What the last probe found, while it lasts.
    pub last: Option<(Timestamp, Vec<Finding>)>,
    pub evidence: Vec<Evidence>,
    /// How much evidence is held back, so that nobody else claims it first; none if nothing ever is.
    pub withheld: Option<usize>,
    /// Whether anything is promised of the service; none if it is not watched any more.
    pub is_promised: Option<bool>,
    /// What watchers say of it in the log.
    pub in_log: Option<Breach>,
    /// Who is to be told.
    pub tell: Vec<&'a str>,
}

impl Incident {
    /// How long it has lasted, or lasted.
    fn length(&self, now: Timestamp) -> String {
        parts::span(self.ended_at.unwrap_or(now).seconds_since(self.began_at))
    }

    fn what(&self) -> Markup {
        html! {
            a href=(place::operator(&self.operator)) { (told(&self.name)) } ": " (kind(self.kind)) " "
            code { (told(&self.url)) }
        }
    }

    /// One that lasts, for whoever is called: what, since when, what was found.
    pub(super) fn card(&self, now: Timestamp) -> Markup {
        html! {
            article.card.incident {
                h3 { a href=(place::incident(self.number)) { (told(&self.name)) ": " (kind(self.kind)) } }
                p { code { (told(&self.url)) } br; small { "incident " (self.number) } }
                p {
                    strong { "For " (self.length(now)) } ", since " (parts::moment(self.began_at)) ". "
                    (self.failures) " of " (self.probes) " probes were bad."
                    @if self.breach_at.is_some() { " " strong { "This is a breach of what was promised." } }
                }
                (self.found())
            }
        }
    }

    fn found(&self) -> Markup {
        html! {
            ul.found {
                @for (code, meaning, count) in &self.reasons { li { (meaning) " " small { code { (code) } ", " (count) "×" } } }
            }
        }
    }
}

/// A table of incidents.
pub(super) fn table(all: &[Incident], now: Timestamp, label: &str) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Incident" } th scope="col" { "What" } th scope="col" { "When" } th scope="col" { "Found" }
            } }
            tbody {
                @for one in all {
                    tr {
                        th scope="row" {
                            a href=(place::incident(one.number)) { (one.number) }
                            br;
                            @match one.ended_at {
                                None => span.badge.now.trouble { "open" },
                                Some(_) if one.unwatched => span.badge { "not watched" },
                                Some(_) => span.badge { "over" },
                            }
                            @if one.breach_at.is_some() { " " span.badge.warning { "breach" } }
                        }
                        td { (one.what()) }
                        td { (parts::moment(one.began_at)) br; "for " (one.length(now)) }
                        td { (one.found()) }
                    }
                }
            }
        }
    };
    parts::wide(label, &table)
}

/// The list of incidents.
#[must_use]
pub fn incidents(site: &Site<'_>, list: &Incidents) -> String {
    let of = list.operator.as_ref().map_or_else(String::new, |(id, _)| format!("&operator={id}"));
    let way = |which: Which, word: &str, name: &str| {
        let current = (list.which == which).then_some("page");
        html! { li { a href={ (place::INCIDENTS) "?state=" (word) (of) } aria-current=[current] { (name) } } }
    };
    let word = match list.which {
        Which::All => "all",
        Which::Open => "open",
        Which::Past => "past",
    };

    // Programs get both if they do not say which.
    let state = (list.which != Which::All).then(|| format!("state={word}"));
    let operator = list.operator.as_ref().map(|(id, _)| format!("operator={id}"));
    let query: Vec<String> = state.into_iter().chain(operator).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let data = format!("/v1/incidents{mark}{}", query.join("&"));
    let body = html! {
        @if let Some((id, name)) = &list.operator {
            p { "Of " a href=(place::operator(id)) { (told(name)) } " only. " a href=(place::INCIDENTS) { "Of everyone" } "." }
        }
        nav.tabs aria-label="Which incidents" {
            ul { (way(Which::All, "all", "All")) (way(Which::Open, "open", "Open")) (way(Which::Past, "past", "Past")) }
        }
        @if list.shown.is_empty() {
            p {
                @match list.which {
                    Which::Open => { "No incident is open." (blind(list)) },
                    Which::All | Which::Past => "There is none here: nothing was broken for long enough, or it was too long ago to be kept.",
                }
            }
        } @else { (table(&list.shown, site.now, "Incidents, the newest first")) }
        @if list.is_later || list.older.is_some() {
            nav.pages aria-label="Pages of this list" {
                @if list.is_later { a href={ (place::INCIDENTS) "?state=" (word) (of) } { "The newest" } " " }
                @if let Some(older) = list.older {
                    a href={ (place::INCIDENTS) "?state=" (word) "&before=" (older) (of) } rel="next" { "Older ones" }
                }
            }
        }
        p.json { (parts::json(&data)) }
    };
    let title = match list.which {
        Which::Open => parts::count(list.open, "open incident"),
        Which::All => "Incidents".to_owned(),
        Which::Past => "Past incidents".to_owned(),
    };
    site.page(&title, &body)
}

/// Why it says little that no incident is open.
const fn blind(list: &Incidents) -> &'static str {
    match (list.sight, list.operator.is_some()) {
        (Sight::Measured, _) => "",
        (Sight::NotYet, _) => " What there is to watch is not known yet.",
        (Sight::Unwatched, true) => " None of its services is watched.",
        (Sight::Unwatched, false) => " Nothing is watched.",
        (Sight::Unmeasured, true) => " None of its services is measured now.",
        (Sight::Unmeasured, false) => " Nothing is measured now.",
    }
}

/// What a probe found, in words.
pub(super) fn findings(all: &[Finding]) -> Markup {
    html! {
        ul.found {
            @for one in all {
                li {
                    (one.meaning) " " small { code { (one.code) } @if !one.is_error { ", a warning" } }
                    @if let Some(address) = &one.address { " " small { "at " code { (told(address)) } } }
                    @if !one.detail.is_empty() { br; q { (told(&one.detail)) } }
                }
            }
        }
    }
}

/// One incident.
#[must_use]
pub fn incident(site: &Site<'_>, page: &IncidentPage<'_>) -> String {
    let one = &page.incident;
    let title = match one.ended_at {
        None => format!("Incident {}: open for {}", one.number, one.length(site.now)),
        Some(_) if one.unwatched => {
            format!("Incident {}: not watched any more after {}", one.number, one.length(site.now))
        }
        Some(_) => format!("Incident {}: over after {}", one.number, one.length(site.now)),
    };
    let body = html! {
        p.lead { (one.what()) }
        dl {
            dt { "Since" } dd { (parts::moment(one.began_at)) ", " (parts::from_now(one.began_at, site.now)) }
            dt { "Until" } dd {
                @match one.ended_at { Some(at) => (parts::moment(at)), None => strong { "it lasts" } }
                @if one.unwatched { ": not watched any more; how it went on nobody saw" }
            }
            dt { "How bad" } dd {
                (one.failures) " of " (one.probes) " probes were bad"
                @if one.burns { "; not all in a row: the error budget burnt too fast" }
            }
            dt { "Breach" } dd {
                @match one.breach_at {
                    Some(at) => { "of what was promised, since " (parts::moment(at)) },
                    None => @match page.is_promised {
                        Some(true) => "no: it has not lasted long enough",
                        Some(false) => "no: nothing is promised, it only applies",
                        None => "no",
                    },
                }
                @if let Some(told) = &page.in_log {
                    ". In the log: " @if told.confirmed { "confirmed. " } @else { "not confirmed yet. " } (told.seen())
                }
            }
            dt { "Seen from" } dd { (told(site.observer)) }
        }
        section aria-labelledby="found" {
            h2 id="found" { "What was found" }
            (one.found())
            @if let Some((at, last)) = &page.last {
                @if last.is_empty() { p { "The last probe, " (parts::from_now(*at, site.now)) ", found nothing." } }
                @else { p { "The last probe, " (parts::from_now(*at, site.now)) ":" } (findings(last)) }
            }
        }
        section aria-labelledby="whom" {
            h2 id="whom" { "Whom it hits" }
            p { (hits(one.kind)) }
            @if !page.lists.is_empty() { p { "Certificates of this operator stand on: " (told(&page.lists.join(", "))) "." } }
        }
        section aria-labelledby="next" {
            h2 id="next" { "What to do next" }
            ul { @for advice in &page.advice { li { (advice) } } (reproduce(one)) }
            @if !page.tell.is_empty() { p { "To be told: " (told(&page.tell.join(", "))) "." } }
        }
        section aria-labelledby="evidence" { h2 id="evidence" { "Evidence" } (evidence(page)) }
        p.json {
            (parts::json(&format!("/v1/incidents/{}", one.number))) ". "
            a href={ (place::INCIDENTS) "?state=all&operator=" (one.operator) } { "All incidents of this operator" } "."
        }
    };
    site.page(&title, &body)
}

/// How to see it oneself. Only the operator of the service itself looks at what belongs to the service.
fn reproduce(one: &Incident) -> Markup {
    let issuer = matches!(one.kind, Kind::Ocsp | Kind::Crl | Kind::CaIssuers | Kind::Est | Kind::RootPool);
    html! {
        @if one.kind != Kind::Service {
            li {
                @match shell(&one.url) {
                    Some(url) => {
                        "See for yourself, from another network too:"
                        pre tabindex="0" {
                            code {
                                "ctl-watch probe " (one.kind.as_str()) " " (url)
                                @if issuer { " --issuer issuer.pem" }
                                @if one.kind == Kind::Ocsp { " --certificate any-valid.pem" }
                            }
                        }
                    },
                    None => { "Its address is long or strange: take it from /v1/incidents/" (one.number) ", and do not paste it into a shell." },
                }
            }
        }
    }
}

/// An address as one word of a shell's command; none if it could be more than that, or looks like something else.
fn shell(text: &str) -> Option<String> {
    let is_plain = text.len() <= SHOWN && text.chars().all(|one| one.is_ascii_graphic() && one != '\'');
    is_plain.then(|| format!("'{text}'"))
}
