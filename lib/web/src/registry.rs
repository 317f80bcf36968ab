//! The registry of mobility operators' identifiers: who holds which, and how to find one.

use std::collections::BTreeSet;
use std::ops::Bound;

use ctl_core::Emaid;
use ctl_core::emaid::CheckDigit;
use ctl_core::names::{MoId, ParticipantId};
use ctl_core::parts::MoStatus;
use ctl_core::role::Role;
use ctl_governance::State;
use ctl_governance::state::MoEntry;
use maud::{Markup, html};

use crate::{Frame, parts, place};

/// So many identifiers stand on a page.
const ON_A_PAGE: usize = 100;
/// The longest text that is searched for.
pub const LONGEST: usize = 120;

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// An identifier or its beginning, an eMAID, or the name or id of a holder.
    pub text: String,
    /// Only of this holder.
    pub holder: Option<ParticipantId>,
    /// Only of this country: the first two letters.
    pub country: String,
    /// Only identifiers behind this one.
    pub after: Option<MoId>,
}

/// Whom and what a search is about.
struct Found {
    /// Identifiers that begin so.
    prefix: String,
    /// And whose holder is one of these.
    holders: Option<BTreeSet<ParticipantId>>,
    /// What the text is, if it is a whole eMAID.
    emaid: Option<Emaid>,
}

/// The identifiers that fit, in their order.
#[must_use]
pub fn registry(frame: &Frame<'_>, search: &Search) -> String {
    let state = frame.state;
    let found = understand(state, search);
    let mut some: Vec<(&MoId, &MoEntry)> =
        fitting(state, &found, search.after.as_ref()).take(ON_A_PAGE + 1).collect();
    let more = some.len() > ON_A_PAGE;
    some.truncate(ON_A_PAGE);
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Identifier" } th scope="col" { "Holder" } th scope="col" { "Status" } th scope="col" { "Since" } th scope="col" { "Issued by" }
            } }
            tbody {
                @for (id, entry) in &some {
                    tr {
                        th scope="row" { a href=(place::mo_id(id)) { (id) } }
                        td { (parts::participant(state, &entry.holder)) }
                        td { (status(entry.status)) }
                        td { (parts::day(entry.since)) }
                        td { (entry.source) }
                    }
                }
            }
        }
    };
    let body = html! {
        p.lead { "Which mobility operator holds which identifier: the first five characters of the contracts that drivers charge with." }
        (form(search))
        @if let Some(emaid) = &found.emaid { (contract(state, emaid)) }
        @if some.is_empty() { p { @if state.mo_ids.is_empty() { "No identifier is assigned yet." } @else { "No identifier fits." } } }
        @else { (parts::wide("MO identifiers", &table)) }
        @if let (true, Some((last, _))) = (more, some.last()) { p { a href=(next(search, last)) { "More identifiers" } } }
        p.json {
            (parts::json("/v1/registry/mo"))
            @if state.published.contains_key(&Role::Registry) {
                "; signed, for devices and back ends: " a href="/v1/registry/mo.jws" { code { "/v1/registry/mo.jws" } }
            }
        }
    };
    frame.page("MO registry", &body)
}

fn form(search: &Search) -> Markup {
    let holder = search.holder.as_ref().map(ToString::to_string).unwrap_or_default();
    html! {
        form.line method="get" action=(place::REGISTRY) role="search" {
            label { "Identifier, eMAID or holder " input type="search" name="q" maxlength=(LONGEST) value=(ctl_pki::print::line(&search.text)); }
            label { "Country " input type="text" name="country" maxlength="2" size="3" value=(search.country); }
            @if !holder.is_empty() { input type="hidden" name="holder" value=(holder); }
            button type="submit" { "Search" }
        }
        @if search.holder.is_some() { p { "Only of holder " (holder) ". " a href=(place::REGISTRY) { "Show all" } } }
    }
}

/// What a text that is a whole eMAID says.
fn contract(state: &State, emaid: &Emaid) -> Markup {
    let id = emaid.mo_id();
    html! {
        p {
            @match state.mo_ids.get(id) {
                Some(one) => { "The contract " code { (emaid) } " is one of " a href=(place::mo_id(id)) { (id) } " " (status(one.status)) ", held by " (parts::participant(state, &one.holder)) ". " }
                None => { "The contract " code { (emaid) } " would be one of " code { (id) } ", which nobody holds. " }
            }
            @match emaid.check_digit() {
                CheckDigit::Absent => { "It has no check digit." },
                CheckDigit::Right => { span.badge.usable { "check digit right" } },
                CheckDigit::Wrong(wanted) => { span.badge.suspended { "check digit wrong" } " It should be " code { (wanted) } ": somebody wrote or copied it wrongly." },
                CheckDigit::NotJudged => { "It is of the older form, whose check digit is not judged here." },
            }
        }
    }
}

fn next(search: &Search, last: &MoId) -> String {
    let text = place::query(&search.text);
    let mut query = format!("{}?after={last}&q={text}&country={}", place::REGISTRY, search.country);
    if let Some(holder) = &search.holder {
        query += &format!("&holder={holder}");
    }
    query
}

/// An identifier before anything else: those are what people look up.
fn understand(state: &State, search: &Search) -> Found {
    let text = search.text.trim();
    let plain: String =
        text.chars().filter(|one| *one != '-' && *one != '*').collect::<String>().to_ascii_uppercase();
    let emaid = Emaid::read(text);
    let is_beginning =
        !plain.is_empty() && plain.len() <= 5 && plain.bytes().all(|one| one.is_ascii_alphanumeric());
    let by_id =
        |prefix: &str| first_with(prefix).is_some_and(|from| beginning(state, from, prefix).next().is_some());
    let mut holders = search.holder.iter().cloned().collect::<BTreeSet<_>>();
    let mut prefix = search.country.clone();
    if let Some(emaid) = &emaid {
        prefix = emaid.mo_id().to_string();
    } else if is_beginning && plain.starts_with(&prefix) && by_id(&plain) {
        prefix = plain;
    } else if !text.is_empty() {
        let wanted = text.to_lowercase();
        let named = state.participants.values().filter(|one| {
            one.id.as_str().contains(&wanted) || one.name.as_str().to_lowercase().contains(&wanted)
        });
        let named: BTreeSet<ParticipantId> = named.map(|one| one.id.clone()).collect();
        holders =
            if search.holder.is_some() { holders.intersection(&named).cloned().collect() } else { named };
        return Found { prefix, holders: Some(holders), emaid };
    }
    let holders = search.holder.is_some().then_some(holders);
    Found { prefix, holders, emaid }
}

/// The least identifier that could begin so; none if none could.
fn first_with(prefix: &str) -> Option<MoId> {
    let rest = "AA000".get(prefix.len()..)?;
    format!("{prefix}{rest}").parse().ok()
}

fn beginning<'a>(
    state: &'a State,
    from: MoId,
    prefix: &'a str,
) -> impl Iterator<Item = (&'a MoId, &'a MoEntry)> + 'a {
    let all = state.mo_ids.range((Bound::Included(from), Bound::Unbounded));
    all.take_while(move |(id, _)| id.as_str().starts_with(prefix))
}

fn fitting<'a>(
    state: &'a State,
    found: &'a Found,
    after: Option<&MoId>,
) -> Box<dyn Iterator<Item = (&'a MoId, &'a MoEntry)> + 'a> {
    let Some(first) = first_with(&found.prefix) else { return Box::new(std::iter::empty()) };
    let from = after.filter(|after| **after > first).cloned().unwrap_or(first);
    let after = after.cloned();
    let behind = move |id: &MoId| after.as_ref().is_none_or(|after| id > after);
    let fits = |entry: &MoEntry| found.holders.as_ref().is_none_or(|holders| holders.contains(&entry.holder));
    Box::new(beginning(state, from, &found.prefix).filter(move |(id, entry)| behind(id) && fits(entry)))
}

fn status(status: MoStatus) -> Markup {
    match status {
        MoStatus::Assigned => html! { span.badge.usable { "in use" } },
        MoStatus::Suspended => html! { span.badge.suspended { "suspended" } },
        MoStatus::Withdrawn => html! { span.badge.withdrawn { "withdrawn" } },
    }
}

/// The page of an identifier; none if it is not assigned.
#[must_use]
pub fn mo_id(frame: &Frame<'_>, id: &MoId) -> Option<String> {
    let state = frame.state;
    let one = state.mo_ids.get(id)?;
    let (country, provider) = id.as_str().split_at_checked(2)?;
    let json = format!("/v1/registry/mo/{id}");
    let body = html! {
        dl {
            dt { "Holder" } dd { (parts::participant(state, &one.holder)) }
            dt { "Status" } dd { (status(one.status)) @if one.status == MoStatus::Withdrawn { " It stays bound to its last holder." } }
            dt { "Since" } dd { (parts::moment(one.since)) " " (parts::entry(one.cause)) }
            dt { "Issued by" } dd { "the national registry " (one.source) }
            dt { "Country" } dd { a href={ (place::REGISTRY) "?country=" (country) } { (country) } }
            dt { "Its contracts" }
            dd {
                "begin with " code { (id) } ", written " code { (country) "-" (provider) "-C…" } " too: an eMAID has nine characters more, and perhaps a check digit "
                "(ISO 15118-2 annex H)."
            }
        }
        form.line method="get" action=(place::REGISTRY) role="search" {
            label { "Check an eMAID " input type="search" name="q" maxlength="40" required; }
            button type="submit" { "Check" }
        }
        p.json { (parts::json(&json)) }
    };
    Some(frame.page(id.as_str(), &body))
}
