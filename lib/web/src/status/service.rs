//! One kind of service of an operator: its promise, ninety days, curves and addresses.

use ctl_core::Timestamp;
use ctl_policy::sla::{Kind, LATENCY_BOUNDS_MS, Level, Objective, Verdict};
use maud::{Markup, html};

use super::chart::{Chart, Curve, TOP};
use super::incident::{Finding, findings};
use super::strip::{bad_days, strip};
use super::{Day, Now, Site, badge, date, hits, kind, place, say, told};
use crate::parts::{self, per_cent};

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
    /// None if it is not watched any more.
    pub now: Option<Now>,
    /// Whether its operator promised anything: who only applies did not.
    pub is_promised: bool,
    pub objective: &'a Objective,
    /// What is promised in words, and where that comes from.
    pub text: &'a str,
    pub source: &'a str,
    /// The last thirty days.
    pub level: Option<Level>,
    /// Whether levels are known at all: just started, nothing is added up.
    pub is_counted: bool,
    /// Whether any answer of these days was timed.
    pub is_timed: bool,
    /// The last ninety.
    pub days: Vec<ServiceDay>,
    pub addresses: Vec<Address>,
}

impl Service<'_> {
    pub(super) fn tell(&self, site: &Site<'_>, today: u32) -> Markup {
        let id = self.kind.as_str();
        let days: Vec<Day> = self.days.iter().map(|day| day.day).collect();
        let name = kind(self.kind);
        html! {
            section aria-labelledby=(id) {
                h2 id=(id) { (name) " " @match self.now { Some(now) => (badge(now)), None => span.badge { "no longer watched" } } }
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

    /// How numbers that an operator keeps to are called: who only applies has promised nothing yet.
    const fn promised(&self) -> &'static str {
        if self.is_promised { "promised" } else { "to be promised" }
    }

    /// A share of the last thirty days against what is promised of it.
    fn share(&self, of: impl Fn(&Level) -> (Option<u64>, Verdict), promised: u64) -> Markup {
        let level = self.level.as_ref().map(of);
        html! {
            @match level { Some((Some(share), _)) => strong { (per_cent(share)) }, Some(_) => "not measured", None => (self.nothing()) }
            ", " (self.promised()) " " (per_cent(promised))
            @if let Some((_, verdict)) = level.filter(|_| self.is_promised) { ": " (verdict.as_str()) }
        }
    }

    /// What is said where there is no level.
    const fn nothing(&self) -> &'static str {
        if self.is_counted { "not measured" } else { "not known yet" }
    }

    fn numbers(&self) -> Markup {
        let level = self.level.as_ref();
        let objective = self.objective;
        let missed = level.filter(|_| self.is_promised).map(Level::missed).unwrap_or_default();
        let times = [
            ("half ", level.and_then(|level| level.p50_ms), objective.p50_ms),
            ("95 of 100 ", level.and_then(|level| level.p95_ms), objective.p95_ms),
            ("99 of 100 ", level.and_then(|level| level.p99_ms), objective.p99_ms),
        ];
        html! {
            @if !self.is_promised { p { "Nothing is promised of it: it only applies." } }
            @if !missed.is_empty() { p { strong.missed { "Not kept in 30 days: " (missed.join(", ").replace('-', " ")) "." } } }
            dl.levels {
                dt { "Good in 30 days" }
                dd { (self.share(|level| (level.availability_ppm, level.availability), objective.availability_ppm)) }
                dt { "Answers up to date" }
                dd { (self.share(|level| (level.freshness_ppm, level.freshness), objective.freshness_ppm)) }
                dt { "Answers right otherwise" }
                dd { (self.share(|level| (level.correctness_ppm, level.correctness), objective.correctness_ppm)) }
                dt { "Error budget" }
                dd {
                    @match (level.and_then(|level| level.budget_left_ppm), objective.budget_ppm()) {
                        (Some(left), budget @ 1..) => {
                            @let burnt = (i64::try_from(budget).unwrap_or(i64::MAX).saturating_sub(left)).max(0).unsigned_abs();
                            @let burnt = burnt.saturating_mul(1000).div_ceil(budget);
                            @if left < 0 { strong { "overdrawn" } ": " }
                            (burnt / 10) "." (burnt % 10) "\u{a0}% of that of 30 days is burnt"
                        },
                        _ => (self.nothing()),
                    }
                }
                dt { "Answers in time" }
                dd {
                    @if !self.is_timed { (self.nothing()) }
                    @for (place, (of, time, promised)) in times.into_iter().enumerate().filter(|_| self.is_timed) {
                        @if place > 0 { ", " } (of) (took(time)) " (" (self.promised()) " " (milliseconds(Some(promised))) ")"
                    }
                    @if let Some(level) = level.filter(|_| self.is_promised && self.is_timed) { ": " (level.response_time.as_str()) }
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
                "Response time by day, {} days until {}. At worst, 95 of 100 answers of a day came {}; {}: {} ms.",
                self.days.len(),
                date(today),
                worst.map_or_else(|| "in an unknown time".to_owned(), took),
                self.promised(),
                self.objective.p95_ms
            ),
            curves: vec![
                curve("c1", "half of the answers came within", |day| day.p50_ms),
                curve("c2", "95 of 100 came within; at the top: in more than 10 s", |day| day.p95_ms),
            ],
            marks: [10, 100, 1000, 10_000]
                .map(|mark| (height(Some(mark)), milliseconds(Some(mark))))
                .to_vec(),
            promise: Some((
                height(Some(self.objective.p95_ms)),
                format!("{} for 95 of 100: {} ms", self.promised(), self.objective.p95_ms),
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
                "How much of the error budget the thirty days up to each day burnt, until {}. Now: {}. All of it is what {} leaves.",
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
                    th scope="col" { "Time of half" } th scope="col" { "Time of 95 %" } th scope="col" { "Budget burnt" }
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
                    @if one.more > 0 { p { "And " (say(one.more, "more finding", "more findings")) ": see " a href="/v1/targets" { "JSON" } "." } }
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

/// How long answers took, in words.
fn took(time: Option<u64>) -> String {
    let within = if time.is_some() { "within" } else { "in" };
    format!("{within} {}", milliseconds(time))
}

/// The height of a response time: each class is as high as every other.
fn height(time: Option<u64>) -> u32 {
    let class = time.map_or(CLASSES, |time| {
        let below = LATENCY_BOUNDS_MS.iter().take_while(|bound| **bound < time).count();
        u32::try_from(below).unwrap_or(CLASSES).saturating_add(1)
    });
    class.saturating_mul(TOP) / CLASSES
}
