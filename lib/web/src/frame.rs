//! The portal's surroundings of a page: the scheme, and the notices in force.

use std::collections::BTreeMap;

use ctl_core::Timestamp;
use ctl_core::names::{Environment, ListId};
use ctl_core::parts::AnchorStatus;
use ctl_governance::State;
use ctl_governance::state::{Listed, Notice};
use maud::{Markup, html};

use crate::shell::Shell;
use crate::{parts, place};

const WAYS: &[(&str, &str)] = &[
    (place::OVERVIEW, "Overview"),
    (place::CHECK, "Check"),
    (place::APPLICATIONS, "Applications"),
    (place::PROPOSALS, "Votes"),
    (place::PARTICIPANTS, "Participants"),
    (place::REGISTRY, "Registry"),
    (place::CALENDAR, "Calendar"),
    (place::LOG, "Log"),
];
const FEEDS: &[(&str, &str, &str)] = &[
    (place::FEED, "application/atom+xml", "Decisions and publications"),
    (place::ICALENDAR, "text/calendar", "What expires or is due"),
];
/// At most so many notices are told in full on every page; the others by name.
const TOLD: usize = 5;

/// A state at a moment, and the page that is open.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// What is shown.
    pub state: &'a State,
    /// When it is shown.
    pub now: Timestamp,
    /// The page's own place, without a query.
    pub here: &'a str,
}

impl Frame<'_> {
    /// A whole page.
    pub(crate) fn page(&self, title: &str, body: &Markup) -> String {
        let shell = Shell {
            name: self.state.charter.name.as_str(),
            home: place::OVERVIEW,
            mark: (self.state.environment == Environment::Test).then_some("test"),
            ways: WAYS,
            feeds: FEEDS,
            here: self.here,
            alarm: self.notices(),
            foot: self.foot(),
        };
        shell.page(title, body)
    }

    /// A page that says why there is none: of what was looked for, or of what went wrong.
    #[must_use]
    pub fn refusal(&self, title: &str, detail: &str) -> String {
        let body = html! {
            p { (ctl_pki::print::line(detail)) }
            p { "Look on the " a href=(place::OVERVIEW) { "overview" } ", or " a href=(place::CHECK) { "check a certificate" } "." }
        };
        self.page(title, &body)
    }

    fn foot(&self) -> Markup {
        html! {
            p {
                "What stands here of the scheme follows from the " (self.state.size()) " entries of the " a href=(place::LOG) { "public log" }
                ", at " (parts::moment(self.now)) ". Anyone can download the log, check it and get the same: "
                code { "ctl-admin audit" } "."
            }
            ul.ways {
                li { a href=(place::PROMISES) { "Promises" } }
                li { a href=(place::AUDITORS) { "Auditors" } }
                li { a href=(place::FEED) { "Feed" } }
                li { a href=(place::ICALENDAR) { "iCalendar" } }
                li { a href="/v1/openapi.json" { "API" } }
            }
        }
    }

    /// What officers suspended: on every page, so that nobody misses it.
    fn notices(&self) -> Markup {
        let in_force: Vec<_> = self.state.notices.values().filter(|notice| notice.in_force()).collect();
        html! {
            @if !in_force.is_empty() {
                section.alarm aria-label="Emergency notices in force" {
                    @for notice in in_force.iter().rev().take(TOLD) { p { (self.notice(notice, true)) } }
                    @if in_force.len() > TOLD {
                        details {
                            summary { "And " (parts::count(in_force.len() - TOLD, "more notice")) }
                            ul { @for notice in in_force.iter().rev().skip(TOLD) { li { (self.notice(notice, false)) } } }
                        }
                    }
                }
            }
        }
    }

    /// What a notice suspends: the key, on every list that has it. What was withdrawn meanwhile does not come back.
    fn notice(&self, notice: &Notice, whole: bool) -> Markup {
        let state = self.state;
        let of_key = state.everything().filter(|(_, listed)| listed.spki == notice.spki);
        let (gone, mut suspended): (Vec<_>, Vec<_>) =
            of_key.partition(|(_, listed)| listed.current().status == AnchorStatus::Withdrawn);
        suspended.sort_by_key(|(_, listed)| listed.fingerprint != notice.anchor);
        let mut ends: BTreeMap<&ListId, End> = BTreeMap::new();
        for (list, listed) in &suspended {
            let here = ends.entry(*list).or_insert(End::Stays);
            *here = self.end(notice, list, listed).min(*here);
        }
        let mut lists: BTreeMap<End, Vec<&ListId>> = BTreeMap::new();
        for (list, end) in &ends {
            lists.entry(*end).or_default().push(list);
        }
        let name = |listed: &Listed| html! { a href=(place::certificate(&listed.fingerprint)) { bdi { (listed.name) } } };
        html! {
            @if let Some((_, listed)) = suspended.first() {
                strong { "Suspended: " } (name(listed)) " " (self.on(ends.keys().copied())) ". "
            }
            @for (list, listed) in &gone {
                strong { "Withdrawn for good: " } (name(listed)) " on list " (parts::list(state, list)) ", by " (parts::decision(listed.current().cause)) ". "
            }
            @if whole {
                "Reason: " (parts::reason(notice.reason))
                @if !suspended.is_empty() { ". Since " (parts::moment(notice.issued_at)) }
                @for (end, lists_of_end) in &lists {
                    @if lists.len() > 1 { "; " (self.on(lists_of_end.iter().copied())) }
                    @match end {
                        End::Back => { ", at the latest until " (parts::moment(notice.expires_at)) },
                        End::Decided(decision) => { ", and by " (parts::decision(*decision)) " until another decision" },
                        End::Stays => { ", and not trusted when the notice ends either" },
                    }
                }
                " (" a href=(place::entry(notice.index)) { "notice " (notice.index) } ")."
            }
        }
    }

    /// What the end of a notice brings for something that it suspends.
    fn end(&self, notice: &Notice, list: &ListId, listed: &Listed) -> End {
        let current = listed.current();
        if self.state.is_trusted_at(list, listed, notice.expires_at) {
            End::Back
        } else if current.status.is_listed() {
            End::Stays
        } else {
            End::Decided(current.cause)
        }
    }

    fn on<'a>(&self, lists: impl ExactSizeIterator<Item = &'a ListId>) -> Markup {
        html! {
            @if lists.len() == 1 { "on list " } @else { "on lists " }
            @for (at, list) in lists.enumerate() { @if at > 0 { ", " } (parts::list(self.state, list)) }
        }
    }
}

/// What follows when a notice ends by itself; what matters most to whoever waits comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// Something is trusted again.
    Back,
    /// Electors suspended it as well, by this decision.
    Decided(u64),
    /// Nothing: it is distrusted, its root is, or its certificate has ended.
    Stays,
}
