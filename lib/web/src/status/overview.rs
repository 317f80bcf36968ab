//! How everyone stands: trouble first, one line for each operator, whether there are five or two hundred.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use maud::{Markup, html};

use super::incident::Incident;
use super::maintenance::{Maintenance, announced};
use super::strip::{adding_up, legend, strip};
use super::{Day, Now, Site, badge, pages, place, say, told};
use crate::parts::{self, per_cent};

/// At most so many open incidents are told before the table.
const TOLD: usize = 6;

/// How one operator stands.
#[derive(Clone, Debug)]
pub struct Row {
    pub operator: ParticipantId,
    /// Its name for people.
    pub name: String,
    /// As its worst service.
    pub now: Now,
    /// Since when it has been in trouble.
    pub since: Option<Timestamp>,
    /// How many addresses are watched.
    pub addresses: usize,
    /// How many of them are in trouble or failed the last probe.
    pub bad: usize,
    /// How many of its services are named and not watched.
    pub left_out: usize,
    /// The newest of its open incidents, and how many there are.
    pub open: Option<(u64, usize)>,
    /// Each day as that of its worst service.
    pub days: Vec<Day>,
    /// How much of the last thirty days was good.
    pub availability_ppm: Option<u64>,
    /// Whether it promised anything: who only applies did not.
    pub is_promised: bool,
    /// Whether all that is promised was kept in these days; none where nobody can say.
    pub kept: Option<bool>,
}

/// Which operators are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    #[default]
    All,
    /// Those that are not fine now.
    Trouble,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The worst now first.
    #[default]
    Now,
    Name,
    /// The least available in the last thirty days first.
    Availability,
}

/// What the first page shows.
#[derive(Clone, Debug)]
pub struct Overview<'a> {
    /// How many addresses of everyone stand how, in the order of [`Now::ALL`].
    pub addresses: [usize; 6],
    /// How many services are named and not watched.
    pub left_out: usize,
    /// Whether it is known what there is to watch.
    pub is_known: bool,
    pub operators: usize,
    /// Those that are shown.
    pub rows: Vec<Row>,
    /// How many fit what is looked for.
    pub found: usize,
    /// The trust list manager.
    pub manager: Option<Row>,
    /// The newest open incidents of everyone, breaches first, and how many there are.
    pub open: Vec<Incident>,
    pub open_count: usize,
    /// Announced maintenance that goes on or comes, with whose it is: id and name.
    pub maintenance: Vec<(ParticipantId, String, Maintenance<'a>)>,
    /// The last day of the strips.
    pub today: u32,
    /// The first day that was read of the history.
    pub since: Option<u32>,
    pub query: &'a str,
    pub show: Show,
    pub sort: Sort,
    pub page: usize,
    pub pages: usize,
}

impl Overview<'_> {
    fn of(&self, now: Now) -> usize {
        Now::ALL
            .iter()
            .position(|one| *one == now)
            .and_then(|place| self.addresses.get(place))
            .copied()
            .unwrap_or_default()
    }

    fn headline(&self) -> String {
        let failing = self.of(Now::Failing);
        let all: usize = self.addresses.iter().sum();
        if self.open_count > 0 {
            // A service has one at a time.
            format!("{} trouble now", say(self.open_count, "service has", "services have"))
        } else if failing > 0 {
            format!("No incident; the last probe of {} was bad", parts::count(failing, "service"))
        } else if all == 0 || self.of(Now::Unknown) == all {
            "Nothing is measured now".to_owned()
        } else if self.of(Now::Unknown) > 0 {
            format!(
                "No trouble known; {} not measured",
                say(self.of(Now::Unknown), "service is", "services are")
            )
        } else if self.left_out > 0 {
            format!("No trouble known; {}", self.not_watched())
        } else if self.of(Now::Maintenance) > 0 {
            let maintained = say(self.of(Now::Maintenance), "service is", "services are");
            format!("No trouble known; {maintained} in announced maintenance")
        } else {
            format!("All {} answer as they should", parts::count(all, "service"))
        }
    }

    fn not_watched(&self) -> String {
        format!("{} not watched", say(self.left_out, "named service is", "named services are"))
    }

    /// The place of this page with another number.
    fn at(&self, page: usize) -> String {
        let (show, sort) = self.words();
        let query = crate::place::query(self.query);
        format!("{}?q={query}&show={show}&sort={sort}&page={page}", place::OVERVIEW)
    }

    const fn words(&self) -> (&'static str, &'static str) {
        let show = match self.show {
            Show::All => "all",
            Show::Trouble => "trouble",
        };
        let sort = match self.sort {
            Sort::Now => "now",
            Sort::Name => "name",
            Sort::Availability => "availability",
        };
        (show, sort)
    }
}

/// The first page.
#[must_use]
pub fn overview(site: &Site<'_>, overview: &Overview<'_>) -> String {
    let body = html! {
        ul.counts.states aria-label="How many services stand how" {
            @for now in Now::ALL { @if overview.of(now) > 0 { li { (badge(now)) " " (overview.of(now)) } } }
        }
        @if overview.left_out > 0 { p { (overview.not_watched()) ": the pages of their operators say why." } }
        @if !overview.open.is_empty() {
            section aria-labelledby="broken" {
                h2 id="broken" { "Broken now" }
                div.cards { @for one in overview.open.iter().take(TOLD) { (one.card(site.now)) } }
                @if overview.open_count > TOLD {
                    p { a href={ (place::INCIDENTS) "?state=open" } { "All " (overview.open_count) " open incidents" } }
                }
            }
        }
        @if let Some(manager) = &overview.manager {
            section aria-labelledby="manager" {
                h2 id="manager" { "The trust list manager" }
                (rows(std::slice::from_ref(manager), overview.today, site, "The trust list manager"))
            }
        }
        section aria-labelledby="operators" {
            h2 id="operators" { (parts::count(overview.operators, "PKI operator")) }
            (form(overview))
            @if overview.rows.is_empty() {
                p {
                    @if overview.operators > 0 { "No operator is like that." }
                    @else if overview.is_known { "No list names a service to watch yet." }
                    @else { "What there is to watch is not known yet." }
                }
            } @else {
                (rows(&overview.rows, overview.today, site, "Operators, and how their services stand"))
                (pages(overview.page, overview.pages, |page| overview.at(page)))
                (legend())
                (adding_up(overview.since, overview.today))
            }
        }
        (announced(site, overview.maintenance.iter().map(|(id, name, one)| {
            (html! { a href=(place::operator(id)) { (told(name)) } ": " }, one)
        })))
    };
    site.page(&overview.headline(), &body)
}

fn form(overview: &Overview<'_>) -> Markup {
    let (show, sort) = overview.words();
    let option = |value: &str, chosen: &str, name: &str| html! { option value=(value) selected[value == chosen] { (name) } };
    html! {
        form.filter method="get" action=(place::OVERVIEW) {
            p { label for="q" { "Name or id" } input id="q" name="q" type="search" maxlength="100" value=(ctl_pki::print::line(overview.query)); }
            p { label for="show" { "Show" } select id="show" name="show" {
                (option("all", show, "everyone")) (option("trouble", show, "who is not fine"))
            } }
            p { label for="sort" { "First" } select id="sort" name="sort" {
                (option("now", sort, "trouble now")) (option("name", sort, "by name")) (option("availability", sort, "worst 30 days"))
            } }
            p { button type="submit" { "Show" } }
            @if overview.found != overview.operators { p { (overview.found) " of " (overview.operators) } }
        }
    }
}

fn rows(rows: &[Row], today: u32, site: &Site<'_>, label: &str) -> Markup {
    html! {
        table.operators aria-label=(label) {
            thead { tr {
                th scope="col" { "Who, and the last 90 days" } th scope="col" { "Now" } th scope="col" { "30 days" }
            } }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { div.strips {
                            a href=(place::operator(&row.operator)) { (told(&row.name)) }
                            (strip(&row.days, today))
                        } }
                        td { (badge(row.now)) (detail(row, site)) }
                        td {
                            @match row.availability_ppm { Some(good) => (per_cent(good)), None => "–" }
                            @match row.kept {
                                Some(true) => { br; small { "promise kept" } },
                                Some(false) => { br; small.missed { "promise not kept" } },
                                None if !row.is_promised => { br; small { "nothing promised" } },
                                None => {},
                            }
                        }
                    }
                }
            }
        }
    }
}

fn detail(row: &Row, site: &Site<'_>) -> Markup {
    html! {
        br;
        small {
            @if row.bad > 0 { (row.bad) " of " (row.addresses) " bad" } @else { (parts::count(row.addresses, "service")) }
            @if row.left_out > 0 { ", " (row.left_out) " not watched" }
            @if let Some(since) = row.since { ", " (parts::span(site.now.seconds_since(since))) }
            @if let Some((number, many)) = row.open {
                ", " a href=(place::incident(number)) { "incident " (number) }
                @if many > 1 { " and " a href={ (place::INCIDENTS) "?state=open&operator=" (row.operator) } { (many - 1) " more" } }
            }
        }
    }
}
