//! The calendar: what expires or is due, as a page and as a feed for the programs that keep people's calendars.

mod feed;
mod words;

use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_governance::calendar::{Due, Kind, Subject, Urgency};
use maud::{Markup, html};

pub use feed::icalendar;

use crate::{Frame, parts, place};

/// Rows of a page.
const ROWS: usize = 100;
/// Of one kind in one stretch of time, so many are shown one by one where not just this kind was asked for.
const ALIKE: usize = 5;
/// For so long months are told apart, then years.
const MONTHS: u64 = 2 * 366 * DAY;
/// For so long the hour is told.
const NEAR: u64 = 3 * DAY;
const DAY: u64 = 86_400;

/// What a reader wants to see of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only what is about this list, or about all.
    pub list: Option<ListId>,
    /// Which page, from 1 on; 0 is the first, too.
    pub page: usize,
}

impl Wanted {
    fn matches(&self, due: &Due) -> bool {
        self.kind.is_none_or(|kind| kind == due.kind)
            && self.list.as_ref().is_none_or(|list| due.concerns(list))
    }

    /// A page of the calendar with the same filter, or a narrower one.
    fn place(&self, kind: Option<Kind>, page: usize) -> String {
        let mut query = Vec::new();
        query.extend(kind.or(self.kind).map(|kind| format!("kind={kind}")));
        query.extend(self.list.as_ref().map(|list| format!("list={list}")));
        query.extend((page > 1).then(|| format!("page={page}")));
        if query.is_empty() {
            place::CALENDAR.to_owned()
        } else {
            format!("{}?{}", place::CALENDAR, query.join("&"))
        }
    }
}

/// A row of the page.
enum Row<'a> {
    /// One due.
    One(&'a Due),
    /// Many more of a kind.
    More(Kind, usize),
}

/// The page of the calendar, of dues in their order; none if there is no such page.
#[must_use]
pub fn calendar(frame: &Frame<'_>, dues: &[Due], wanted: &Wanted) -> Option<String> {
    let found: Vec<&Due> = dues.iter().filter(|due| wanted.matches(due)).collect();
    let rows = rows(&found, frame.now, wanted);
    let pages = rows.len().div_ceil(ROWS).max(1);
    let page = wanted.page.max(1);
    if page > pages {
        return None;
    }
    let shown = rows.iter().skip((page - 1) * ROWS).take(ROWS);
    let mut groups: Vec<(&str, Vec<&Row<'_>>)> = Vec::new();
    for (group, row) in shown {
        match groups.last_mut() {
            Some((last, rows)) if last == group => rows.push(row),
            _ => groups.push((group, vec![row])),
        }
    }
    let body = html! {
        p.lead {
            "Everything that ends or is due, by the log at this moment. Subscribe to it in any calendar program: "
            a href=(place::ICALENDAR) type="text/calendar" { "iCalendar" } "."
        }
        (counts(&found, frame.now))
        (filter(frame, wanted))
        @if rows.is_empty() { p { "There is nothing of this." } }
        @for (number, (group, rows)) in groups.iter().enumerate() {
            section aria-labelledby={ "group-" (number) } {
                h2 id={ "group-" (number) } { (group) }
                (parts::wide(group, &table(frame, wanted, rows)))
            }
        }
        @if pages > 1 {
            nav.pages aria-label="Pages of the calendar" {
                @if page > 1 { a rel="prev" href=(wanted.place(None, page - 1)) { "Earlier" } " " }
                span { "Page " (page) " of " (pages) }
                @if page < pages { " " a rel="next" href=(wanted.place(None, page + 1)) { "Later" } }
            }
        }
    };
    Some(frame.page("Calendar", &body))
}

/// How many there are, by their urgency.
fn counts(found: &[&Due], now: Timestamp) -> Markup {
    let of = |urgency| found.iter().filter(|due| due.urgency(now) == urgency).count();
    html! {
        dl.numbers {
            @for urgency in Urgency::ALL { div { dt { (words::hurry(urgency)) } dd { (of(urgency)) } } }
        }
    }
}

fn filter(frame: &Frame<'_>, wanted: &Wanted) -> Markup {
    html! {
        form.filter method="get" action=(place::CALENDAR) {
            p { label for="kind" { "Kind" }
            select id="kind" name="kind" {
                option value="" { "all kinds" }
                @for kind in Kind::ALL {
                    option value=(kind) selected[wanted.kind == Some(*kind)] { (words::kind(*kind)) }
                }
            } }
            p { label for="list" { "List" }
            select id="list" name="list" {
                option value="" { "all lists" }
                @for (id, list) in &frame.state.charter.lists {
                    option value=(id) selected[wanted.list.as_ref() == Some(id)] { (list.name) }
                }
            } }
            p { button { "Show" } }
        }
    }
}

/// The rows with the stretch of time that each stands in: what is overdue, then month by month, then year by year.
fn rows<'a>(found: &[&'a Due], now: Timestamp, wanted: &Wanted) -> Vec<(String, Row<'a>)> {
    let mut rows = Vec::new();
    let mut rest = found;
    while let Some(first) = rest.first() {
        let name = group(first, now);
        let many = rest.iter().take_while(|due| group(due, now) == name).count();
        let (here, after) = rest.split_at_checked(many).unwrap_or((rest, &[]));
        rest = after;
        let mut seen = std::collections::BTreeMap::new();
        for due in here {
            let count = seen.entry(due.kind).or_insert(0_usize);
            *count += 1;
            if *count <= ALIKE || wanted.kind.is_some() {
                rows.push((name.clone(), Row::One(due)));
            }
        }
        if wanted.kind.is_none() {
            let more = seen.into_iter().filter(|(_, count)| *count > ALIKE);
            rows.extend(more.map(|(kind, count)| (name.clone(), Row::More(kind, count - ALIKE))));
        }
    }
    rows
}

fn group(due: &Due, now: Timestamp) -> String {
    let (text, year) = (due.at.to_string(), now.plus_seconds(MONTHS));
    if due.urgency(now) == Urgency::Overdue {
        "Overdue".into()
    } else if due.at > year {
        text.get(..4).unwrap_or_default().to_owned()
    } else {
        words::month(due.at)
    }
}

fn table(frame: &Frame<'_>, wanted: &Wanted, rows: &[&Row<'_>]) -> Markup {
    html! {
        table.dues {
            thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Hurry" } } }
            tbody { @for row in rows { @match row {
                Row::One(due) => { (one(frame, due)) }
                Row::More(kind, count) => {
                    tr { td colspan="3" { a href=(wanted.place(Some(*kind), 1)) { "and " (count) " more: " (words::kind(*kind)) } } }
                }
            } } }
        }
    }
}

fn one(frame: &Frame<'_>, due: &Due) -> Markup {
    let (state, now) = (frame.state, frame.now);
    let urgency = due.urgency(now);
    let is_near = urgency == Urgency::Overdue || due.at <= now.plus_seconds(NEAR);
    // Where the sentence names the list, once is enough.
    let lists: &[ListId] = if matches!(due.subject, Subject::Role { .. }) { &[] } else { &due.lists };
    html! {
        tr {
            th scope="row" { @if is_near { (parts::moment(due.at)) } @else { (parts::day(due.at)) } br; small { (parts::from_now(due.at, now)) } }
            td {
                (words::said(state, due)) br;
                small {
                    @match due.entry { Some(entry) => { (parts::entry(entry)) } None => { "not from the log" } }
                    @for (number, list) in lists.iter().enumerate() {
                        @if number == 0 { " · list " } @else { ", " }
                        (parts::list(state, list))
                    }
                }
            }
            td { span class={ "badge " (urgency.as_str()) } { (urgency.as_str()) } }
        }
    }
}
