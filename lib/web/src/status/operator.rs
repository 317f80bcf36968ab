//! The services of one operator: what is broken first, then each kind of service with its promise, ninety days and
//! addresses.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::{Kind, LATENCY_BOUNDS_MS, Level, Objective};
use maud::{Markup, html};

use super::chart::{Chart, Curve, TOP};
use super::incident::{Finding, Incident, findings, table};
use super::manager::Manager;
use super::strip::{bad_days, legend, strip};
use super::{Day, Now, Site, badge, date, hits, kind, pages, per_cent, place, say, told};
use crate::parts;

/// The classes of response times: those with a bound and the one beyond.
const CLASSES: u32 = LATENCY_BOUNDS_MS.len() as u32 + 1;
/// A curve of the budget ends at twice the budget, in thousandths.
const MOST: u64 = 2000;

/// A day of a service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceDay {
    pub day: Day,
    pub good: u64,
    pub bad: u64,
    pub excused: u64,
    /// Within how many milliseconds half of the answers came; `Some(None)` is beyond the last class.
    pub p50_ms: Option<Option<u64>>,
    /// Within how many milliseconds 95 of 100 came.
    pub p95_ms: Option<Option<u64>>,
    /// How much of the error budget of the thirty days up to this one was burnt, in thousandths.
    pub burnt_milli: Option<u64>,
}

/// One address of a service.
#[derive(Clone, Debug)]
pub struct Address {
    pub url: String,
    pub now: Now,
    /// Its open incident, and since when.
    pub open: Option<(u64, Timestamp)>,
    pub last_probe: Option<Timestamp>,
    pub last_good: Option<Timestamp>,
    /// Until when its last believed answer holds.
    pub next_update: Option<Timestamp>,
    pub days: Vec<Day>,
    /// What the last probe found, and how many more it did.
    pub findings: Vec<Finding>,
    pub more: usize,
}

/// All services of one kind: what is promised is promised of them together.
#[derive(Clone, Debug)]
pub struct Service<'a> {
    pub kind: Kind,
    pub now: Now,
    pub objective: &'a Objective,
    /// What is promised in words, and where that comes from.
    pub text: &'a str,
    pub source: &'a str,
    /// The last thirty days.
    pub level: Option<Level>,
    /// The last ninety.
    pub days: Vec<ServiceDay>,
    pub addresses: Vec<Address>,
}

/// Maintenance that was announced.
#[derive(Clone, Debug)]
pub struct Maintenance<'a> {
    /// Of which kinds; of all if there is none.
    pub kinds: &'a [Kind],
    pub from: Timestamp,
    pub to: Timestamp,
    pub text: &'a str,
    /// Whether it was announced early enough to excuse what fails.
    pub excuses: bool,
}

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

/// The page of an operator.
#[derive(Clone, Debug)]
pub struct Operator<'a> {
    pub id: ParticipantId,
    pub name: String,
    /// Whether a list, the configuration or an application names any of its services now.
    pub is_watched: bool,
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
        @if !operator.is_watched { p { "None of its services is watched any more: what stands here is past." } }
        @if !operator.lists.is_empty() { p { "On the lists: " (told(&operator.lists.join(", "))) "." } }
        @if !operator.open.is_empty() {
            section aria-labelledby="broken" {
                h2 id="broken" { "Broken now" }
                div.cards { @for one in &operator.open { (one.card(site.now)) } }
                p { a href={ (place::INCIDENTS) "?state=open&operator=" (operator.id) } { "All " (operator.open_count) " open incidents" } }
                @if !operator.tell.is_empty() { p { "To be told: " (told(&operator.tell.join(", "))) "." } }
            }
        }
        (maintenance(operator, site))
        @if let Some(manager) = &operator.manager { (manager.tell(site)) }
        @for service in &operator.services { (service.tell(site, operator.today)) }
        (pages(operator.page, operator.pages, |page| format!("{}?page={page}", site.here)))
        @if !operator.services.is_empty() { (legend()) }
        section aria-labelledby="past" {
            h2 id="past" { "Past incidents" }
            @if operator.past.is_empty() { p { "None of the last ninety days." } }
            @else {
                (table(&operator.past, site.now, "Past incidents, the newest first"))
                p { a href={ (place::INCIDENTS) "?state=past&operator=" (operator.id) } { "All past incidents" } }
            }
        }
        (breaches(operator))
        p.json {
            "For programs: service levels as " a href={ "/v1/sla/" (operator.id) "?format=json" } { "JSON" } " or "
            a href={ "/v1/sla/" (operator.id) "?format=csv" } { "CSV" } "."
        }
    };
    site.page(&operator.name, &body)
}

fn headline(operator: &Operator<'_>) -> String {
    let all = say(operator.addresses, "address is watched", "addresses are watched");
    match (operator.open_count, operator.bad) {
        (0, 0) if operator.unknown > 0 => {
            format!(
                "No trouble is known, and {} not measured of late. {all}.",
                say(operator.unknown, "address was", "addresses were")
            )
        }
        (0, 0) => format!("No trouble is known. {all}."),
        (0, bad) => format!("No incident; the last probe of {bad} was bad. {all}."),
        (open, _) => format!("{}. {all}.", say(open, "incident is open", "incidents are open")),
    }
}

fn maintenance(operator: &Operator<'_>, site: &Site<'_>) -> Markup {
    html! {
        @if !operator.maintenance.is_empty() {
            section aria-labelledby="maintenance" {
                h2 id="maintenance" { "Announced maintenance" }
                ul {
                    @for one in &operator.maintenance {
                        li {
                            @if one.from <= site.now && site.now < one.to { (badge(Now::Maintenance)) " " }
                            (parts::moment(one.from)) " to " (parts::moment(one.to)) ", "
                            @if one.kinds.is_empty() { "all services" }
                            @for (place, one) in one.kinds.iter().enumerate() { @if place > 0 { ", " } (kind(*one)) }
                            ". " (told(one.text))
                            @if !one.excuses { " It was announced too late: what fails counts." }
                        }
                    }
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
                            ". Seen by " (one.organisations) " of " (one.needed) " organisations that it takes (entry " (one.entry) ")."
                        }
                    }
                }
            }
        }
    }
}

impl Service<'_> {
    fn tell(&self, site: &Site<'_>, today: u32) -> Markup {
        let id = self.kind.as_str();
        let days: Vec<Day> = self.days.iter().map(|day| day.day).collect();
        let name = kind(self.kind);
        html! {
            section aria-labelledby=(id) {
                h2 id=(id) { (name) " " (badge(self.now)) }
                p { small { "When it fails, it hits: " (hits(self.kind)) } }
                div.strips { (strip(&days, today)) }
                (self.numbers())
                div.charts {
                    @if self.days.iter().any(|day| day.p50_ms.is_some()) { (self.latency(today).draw()) }
                    (self.budget(today).draw())
                }
                details { summary { "The numbers behind these pictures" } (parts::wide("By day", &self.table(today))) }
                @if !self.addresses.is_empty() { (self.addresses(site, today)) }
                @if !self.text.is_empty() { p { small { (told(self.text)) " (" (told(self.source)) ")" } } }
            }
        }
    }

    fn numbers(&self) -> Markup {
        let level = self.level.as_ref();
        let objective = self.objective;
        let time = |milliseconds: Option<u64>| {
            milliseconds.map_or_else(|| "–".to_owned(), |number| format!("{number} ms"))
        };
        html! {
            dl.levels {
                dt { "Good in 30 days" }
                dd {
                    @match level.and_then(|level| level.availability_ppm) { Some(good) => strong { (per_cent(good)) }, None => "not measured" }
                    ", promised " (per_cent(objective.availability_ppm))
                    @if let Some(level) = level { ": " (level.availability.as_str()) }
                }
                dt { "Error budget" }
                dd {
                    @match (level.and_then(|level| level.budget_left_ppm), objective.budget_ppm()) {
                        (Some(left), budget @ 1..) => {
                            @let burnt = (i64::try_from(budget).unwrap_or(i64::MAX).saturating_sub(left)).max(0).unsigned_abs();
                            @let burnt = burnt.saturating_mul(1000).div_ceil(budget);
                            @if left < 0 { strong { "overdrawn" } ": " }
                            (burnt / 10) "." (burnt % 10) "\u{a0}% of that of 30 days is burnt"
                        },
                        _ => "nothing measured",
                    }
                }
                dt { "Answers in time" }
                dd {
                    "half within " (time(level.and_then(|level| level.p50_ms))) " (promised " (objective.p50_ms) " ms), 95 of 100 within "
                    (time(level.and_then(|level| level.p95_ms))) " (promised " (objective.p95_ms) " ms)"
                }
                @if let Some(coverage) = level.and_then(|level| level.coverage_ppm) {
                    dt { "Probes made" } dd { (per_cent(coverage)) " of those due" }
                }
            }
        }
    }

    fn latency(&self, today: u32) -> Chart {
        let curve = |class, name: &str, of: fn(&ServiceDay) -> Option<Option<u64>>| Curve {
            class,
            name: name.to_owned(),
            days: self.days.iter().map(|day| of(day).map(height)).collect(),
        };
        let worst = self.days.iter().filter_map(|day| day.p95_ms).max_by_key(|time| time.unwrap_or(u64::MAX));
        Chart {
            name: "Response time".to_owned(),
            about: format!(
                "Response time by day, {} days until {}. At worst, 95 of 100 answers of a day came within {}; promised: {} ms.",
                self.days.len(),
                date(today),
                worst.map_or_else(|| "an unknown time".to_owned(), milliseconds),
                self.objective.p95_ms
            ),
            curves: vec![
                curve("c1", "half of the answers came within", |day| day.p50_ms),
                curve("c2", "95 of 100 came within", |day| day.p95_ms),
            ],
            marks: [10, 100, 1000, 10_000]
                .map(|mark| (height(Some(mark)), milliseconds(Some(mark))))
                .to_vec(),
            promise: Some((
                height(Some(self.objective.p95_ms)),
                format!("promised for 95 of 100: {} ms", self.objective.p95_ms),
            )),
            last: today,
        }
    }

    fn budget(&self, today: u32) -> Chart {
        let height = |burnt: u64| u32::try_from(burnt.min(MOST) * u64::from(TOP) / MOST).unwrap_or(TOP);
        let now = self.days.last().and_then(|day| day.burnt_milli);
        Chart {
            name: "Error budget burnt".to_owned(),
            about: format!(
                "How much of the error budget the thirty days up to each day burnt, until {}. Now: {}. All of it is the promise of {}.",
                date(today),
                now.map_or_else(|| "not known".to_owned(), |burnt| format!("{} %", burnt / 10)),
                per_cent(self.objective.availability_ppm)
            ),
            curves: vec![Curve {
                class: "c1",
                name: "burnt by the thirty days up to then; the curve ends at 200 %".to_owned(),
                days: self.days.iter().map(|day| day.burnt_milli.map(height)).collect(),
            }],
            marks: vec![
                (height(500), "50 %".to_owned()),
                (height(1000), "100 %".to_owned()),
                (height(1500), "150 %".to_owned()),
            ],
            promise: Some((height(1000), "the whole budget".to_owned())),
            last: today,
        }
    }

    fn table(&self, today: u32) -> Markup {
        let time = |time: Option<Option<u64>>| time.map_or_else(|| "–".to_owned(), milliseconds);
        html! {
            table {
                thead { tr {
                    th scope="col" { "Day" } th scope="col" { "Good" } th scope="col" { "Bad" } th scope="col" { "In maintenance" }
                    th scope="col" { "Half within" } th scope="col" { "95 % within" } th scope="col" { "Budget burnt" }
                } }
                tbody {
                    @for (one, day) in self.days.iter().rev().zip((0..=today).rev()) {
                        @if one.good + one.bad + one.excused > 0 {
                            tr {
                                th scope="row" { (date(day)) }
                                td { (one.good) } td { (one.bad) } td { (one.excused) }
                                td { (time(one.p50_ms)) } td { (time(one.p95_ms)) }
                                td { @match one.burnt_milli { Some(burnt) => { (burnt / 10) " %" }, None => "–" } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn addresses(&self, site: &Site<'_>, today: u32) -> Markup {
        html! {
            h3 { "Addresses" }
            @for one in &self.addresses {
                article.address {
                    h4 { code { (told(&one.url)) } " " (badge(one.now)) }
                    div.strips { (strip(&one.days, today)) }
                    p {
                        @if let Some((number, since)) = one.open {
                            a href=(place::incident(number)) { "Incident " (number) } " for " (parts::span(site.now.seconds_since(since))) ". "
                        }
                        @match one.last_probe { Some(at) => { "Probed " (parts::from_now(at, site.now)) }, None => "Not probed yet" }
                        @if one.now != Now::Good && let Some(at) = one.last_good { ", good " (parts::from_now(at, site.now)) }
                        @if let Some(at) = one.next_update { ". Its answer holds until " (parts::moment(at)) }
                        "."
                    }
                    @if !one.findings.is_empty() { (findings(&one.findings)) }
                    @if one.more > 0 { p { "And " (one.more) " more findings: see " a href="/v1/targets" { "JSON" } "." } }
                    @if let Some(days) = bad_days(&one.days, today) { details { summary { "Its bad days" } p { (days) } } }
                }
            }
        }
    }
}

/// A response time in words.
fn milliseconds(time: Option<u64>) -> String {
    match time {
        Some(time) if time >= 1000 && time % 1000 == 0 => format!("{} s", time / 1000),
        Some(time) => format!("{time} ms"),
        None => "more than 10 s".to_owned(),
    }
}

/// The height of a response time: each class is as high as every other.
fn height(time: Option<u64>) -> u32 {
    let class = time.map_or(CLASSES, |time| {
        let below = LATENCY_BOUNDS_MS.iter().take_while(|bound| **bound < time).count();
        u32::try_from(below).unwrap_or(CLASSES).saturating_add(1)
    });
    class.saturating_mul(TOP) / CLASSES
}
