//! The status page of a watch: what is broken, since when, what was found, whom it hits and what to do next; then how
//! it went for ninety days. Written for somebody who was called at night.
//!
//! What a watch knows comes as plain data, so that these pages know nothing of the watch. Texts in it may come from the
//! services that are watched: [`told`] is the only way in which such a text gets on a page.

mod chart;
mod evidence;
mod incident;
mod maintenance;
mod manager;
mod operator;
mod overview;
pub mod place;
mod service;
mod sources;
mod strip;
#[cfg(test)]
mod tests;

use ctl_core::Timestamp;
use ctl_core::names::Environment;
use ctl_policy::sla::Kind;
use maud::{Markup, html};

pub use evidence::{Evidence, Exchange};
pub use incident::{Finding, Incident, IncidentPage, Incidents, Which, incident, incidents};
pub use maintenance::Maintenance;
pub use manager::{ListAge, Manager};
pub use operator::{Breach, LeftOut, Operator, operator};
pub use overview::{Overview, Row, Show, Sort, overview};
pub use service::{Address, Service, ServiceDay};
pub use sources::{Happening, Source, source, sources};

use crate::parts;
use crate::shell::Shell;

const WAYS: &[(&str, &str)] = &[
    (place::OVERVIEW, "Status"),
    (place::INCIDENTS, "Incidents"),
    (place::MANAGER, "Trust list manager"),
    (place::SOURCES, "Other lists"),
];
/// Of a text that somebody else wrote, so many characters are shown.
const SHOWN: usize = 300;

/// What stands around every page of a watch.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The scheme's name.
    pub name: &'a str,
    /// Whether it is meant for the street; none while the scheme was not followed.
    pub environment: Option<Environment>,
    /// When it is shown.
    pub now: Timestamp,
    /// The page's own place, without a query.
    pub here: &'a str,
    /// Who observes, and from where.
    pub observer: &'a str,
    /// The policy by which services are judged.
    pub policy: &'a str,
    /// What keeps the watch itself from seeing.
    pub problems: &'a [String],
}

/// How a service stands; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Now {
    /// An incident is open.
    Trouble,
    /// The last probe was bad; too few were for an incident.
    Failing,
    /// Nothing is known of now.
    Unknown,
    /// Announced maintenance goes on.
    Maintenance,
    /// It answers as it should, and something will break or breaks a rule.
    Warned,
    /// It answers as it should.
    Good,
}

impl Now {
    /// All of them, the worst first.
    pub const ALL: [Self; 6] =
        [Self::Trouble, Self::Failing, Self::Unknown, Self::Maintenance, Self::Warned, Self::Good];

    /// In a word or two.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Failing => "last probe bad",
            Self::Unknown => "not measured",
            Self::Maintenance => "maintenance",
            Self::Warned => "fine, with a warning",
            Self::Good => "fine",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
            Self::Maintenance => "maintenance",
            Self::Warned => "warned",
            Self::Good => "fine",
        }
    }
}

/// How much of something the watch sees now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// What there is to watch is not known, as the scheme was not followed since the start.
    NotYet,
    /// Nothing of it is watched.
    Unwatched,
    /// It is watched, and nothing of it was measured of late.
    Unmeasured,
    /// Some of it is measured.
    Measured,
}

/// How a service did on a day; the worse, the later. What was not seen is never as good as what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Day {
    /// No probe was bad.
    Good,
    /// Nobody looked, or hardly.
    Unknown,
    /// Some were, and fewer than the promise allows.
    Marred,
    /// Announced maintenance all day.
    Excused,
    /// More were bad than the promise allows.
    Missed,
    /// More were bad than good.
    Down,
}

impl Site<'_> {
    /// A whole page.
    fn page(&self, title: &str, body: &Markup) -> String {
        let shell = Shell {
            name: &format!("Status · {}", self.name),
            home: place::OVERVIEW,
            mark: match self.environment {
                Some(Environment::Production) => None,
                Some(Environment::Test) => Some("test"),
                None => Some("not known yet"),
            },
            ways: WAYS,
            feeds: &[],
            here: self.here,
            alarm: self.alarm(),
            foot: self.foot(),
        };
        shell.page(title, body)
    }

    /// A page that says why there is none: of what was looked for, or of what went wrong.
    #[must_use]
    pub fn refusal(&self, title: &str, detail: &str) -> String {
        let body = html! {
            p { (told(detail)) }
            p { "Look at " a href=(place::OVERVIEW) { "the status of everyone" } "." }
        };
        self.page(title, &body)
    }

    /// A watch that cannot see must not look like a world without trouble.
    fn alarm(&self) -> Markup {
        html! {
            @if !self.problems.is_empty() {
                section.alarm aria-label="This watch has a problem" {
                    @for problem in self.problems { p { strong { "This watch: " } (told(problem)) } }
                    p { "What is shown here may be old until that is settled." }
                }
            }
        }
    }

    fn foot(&self) -> Markup {
        html! {
            p {
                "As seen by " (told(self.observer)) " at " (parts::moment(self.now)) ", judged by the policy " (told(self.policy))
                ". Others may see it otherwise: what counts is what enough watchers say in the log."
            }
            ul.ways {
                li { a href="/v1/targets" { "Everything that is watched" } " (JSON)" }
                li { a href="/v1/sla?format=json" { "Service levels" } " (JSON)" }
                li { a href="/v1/openapi.json" { "API" } }
            }
        }
    }
}

/// A text that somebody else wrote: what steers eyes or terminals is made visible, and the rest of it turns in no
/// direction; only its beginning is shown.
fn told(text: &str) -> Markup {
    let mut rest = text.char_indices();
    let shown = rest.nth(SHOWN).map_or(text, |(end, _)| text.get(..end).unwrap_or_default());
    html! { bdi { (ctl_pki::print::line(shown)) @if shown.len() < text.len() { "…" } } }
}

/// How something stands now.
fn badge(now: Now) -> Markup {
    html! { span class={ "badge now " (now.class()) } { (now.word()) } }
}

/// A kind of service.
const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Ocsp => "OCSP responder",
        Kind::Crl => "CRL",
        Kind::CaIssuers => "issuer's certificate",
        Kind::Est => "EST",
        Kind::RootPool => "root pool",
        Kind::Https => "HTTPS endpoint",
        Kind::Service => "trust list manager",
    }
}

/// Whom it hits when such a service fails.
const fn hits(kind: Kind) -> &'static str {
    match kind {
        Kind::Ocsp => {
            "Chargers, vehicles and back ends that ask whether a certificate of this PKI is revoked. Who insists on an answer \
             refuses the session."
        }
        Kind::Crl => {
            "Whoever learns from this list which certificates are revoked. They go on with their last copy until it ends; \
             after that they refuse, or trust blindly."
        }
        Kind::CaIssuers => "Whoever was sent an incomplete chain and fetches the missing certificate here.",
        Kind::Est => "Chargers and back ends that fetch CA certificates or their own certificates here.",
        Kind::RootPool => "Whoever takes roots from this pool. They go on with those that they have.",
        Kind::Https => "Whoever uses this endpoint.",
        Kind::Service => {
            "Everyone who follows the lists. Devices go on with the last good list; new decisions do not reach them."
        }
    }
}

/// A number, and what is said of one or of more.
fn say<N: From<bool> + PartialEq + std::fmt::Display>(number: N, one: &str, more: &str) -> String {
    format!("{number} {}", if number == N::from(true) { one } else { more })
}

/// The moment at which a day (since 1970) begins.
fn begin_of(day: u32) -> Timestamp {
    Timestamp::from_unix(i64::from(day) * 86_400)
}

/// A day as people and programs write it.
fn date(day: u32) -> String {
    let text = begin_of(day).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// The way to the pages of a long list before and after; `to` makes their addresses.
fn pages(page: usize, pages: usize, to: impl Fn(usize) -> String) -> Markup {
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages of this list" {
                @if page > 1 { a href=(to(page - 1)) rel="prev" { "Before" } " " }
                "page " (page) " of " (pages)
                @if page < pages { " " a href=(to(page + 1)) rel="next" { "Next" } }
            }
        }
    }
}
