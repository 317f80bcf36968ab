//! What pages are put together from: moments, digests, statuses, tables.

use std::fmt::Display;

use ctl_core::names::{ListId, ParticipantId};
use ctl_core::parts::{AnchorStatus, Purpose, Standard, Use, WithdrawalReason};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use maud::{Markup, html};

use crate::place;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A moment, to the minute, as people read it.
pub(crate) fn moment(time: Timestamp) -> Markup {
    let text = time.to_string();
    let (date, clock) = text.split_once('T').unwrap_or((&text, ""));
    html! { time datetime=(text) { (date) " " (clock.get(..5).unwrap_or_default()) " UTC" } }
}

/// A day.
pub(crate) fn day(time: Timestamp) -> Markup {
    let text = time.to_string();
    html! { time datetime=(text) { (text.split('T').next().unwrap_or_default()) } }
}

/// A month.
pub(crate) fn month(time: Timestamp) -> String {
    time.to_string().chars().take(7).collect()
}

/// A span of time in one unit.
pub(crate) fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    self::count(count, unit)
}

/// A share in per cent, rounded against the service: four digits where two would make what is measured look like what is
/// promised.
pub(crate) fn per_cent(ppm: u64) -> String {
    let share = ctl_policy::sla::share(ppm);
    let number = share.trim_end_matches(" %");
    format!("{}\u{a0}%", number.strip_suffix("00").unwrap_or(number))
}

/// So many of something.
pub(crate) fn count<N: Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    match what.strip_suffix("ry") {
        _ if count == N::from(1) => format!("{count} {what}"),
        Some(entry) => format!("{count} {entry}ries"),
        None => format!("{count} {what}s"),
    }
}

/// The beginning of a text on one line, at most so many characters.
pub(crate) fn brief(text: &str, most: usize) -> String {
    let mut brief: String = text.chars().take(most).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    ctl_pki::print::line(&brief)
}

/// A moment seen from now: `3 days ago`, `in 3 days`.
pub(crate) fn from_now(time: Timestamp, now: Timestamp) -> String {
    if time > now {
        format!("in {}", span(time.seconds_since(now)))
    } else {
        format!("{} ago", span(now.seconds_since(time)))
    }
}

/// A digest in full, which may be broken anywhere.
pub(crate) fn digest(digest: &Digest) -> Markup {
    html! { code.digest { (digest) } }
}

/// An anchor's status.
pub(crate) fn status(status: AnchorStatus) -> Markup {
    badge(status, meaning(status))
}

/// A status with what it means in this place.
pub(crate) fn badge(status: AnchorStatus, meaning: &str) -> Markup {
    html! { span class={ "badge " (status.as_str()) } title=(meaning) { (status.as_str()) } }
}

/// What a status means for whoever relies on the list (docs: the words of the house).
pub(crate) const fn meaning(status: AnchorStatus) -> &'static str {
    match status {
        AnchorStatus::Qualified => "on the list; devices are taking it up",
        AnchorStatus::Usable => "on the list, long enough that devices have it",
        AnchorStatus::Warning => "still trusted, on notice",
        AnchorStatus::Suspended => "not trusted for now",
        AnchorStatus::Deprecated => "trusted for what was issued before a date",
        AnchorStatus::Withdrawn => "not trusted, for good",
        AnchorStatus::Expired => "its certificate has ended",
    }
}

/// A use in words.
pub(crate) fn r#use(r#use: Use) -> Markup {
    let standard = match r#use.standard {
        Standard::Iso15118_2 => "ISO 15118-2",
        Standard::Iso15118_20 => "ISO 15118-20",
    };
    let (word, about) = match r#use.purpose {
        Purpose::V2g => ("chargers", "the charger's TLS certificate"),
        Purpose::Mo => ("contracts", "contract certificates"),
        Purpose::Oem => ("provisioning", "the vehicle's provisioning certificate"),
        Purpose::Vehicle => ("vehicles", "the vehicle's TLS certificate"),
    };
    html! { span.use title={ (standard) ": " (about) } { (word) " " small { (standard) } } }
}

/// All uses of an anchor.
pub(crate) fn uses(uses: &[Use]) -> Markup {
    html! { @for one in uses { (r#use(*one)) " " } }
}

/// Why something was withdrawn in a hurry, in words.
pub(crate) const fn reason(reason: WithdrawalReason) -> &'static str {
    match reason {
        WithdrawalReason::KeyCompromise => "a key that is, or may be, in wrong hands",
        WithdrawalReason::CaCompromise => "an authority that is, or may be, in wrong hands",
        WithdrawalReason::Misissuance => "certificates that must not have been issued",
        WithdrawalReason::OperatorRequest => "its operator's request",
        WithdrawalReason::Superseded => "a successor that took its place",
        WithdrawalReason::CessationOfOperation => "the end of its operation",
    }
}

/// A participant's name, leading to its page.
pub(crate) fn participant(state: &State, id: &ParticipantId) -> Markup {
    let name = state.participants.get(id).map_or_else(|| id.to_string(), |found| found.name.to_string());
    html! { a href=(place::participant(id)) { bdi { (name) } } }
}

/// A list's name, leading to its page.
pub(crate) fn list(state: &State, id: &ListId) -> Markup {
    let name = state.charter.lists.get(id).map_or_else(|| id.to_string(), |list| list.name.to_string());
    html! { a href=(place::list(id)) { bdi { (name) } } }
}

/// The way to what programs read of a page. Its address says so: a browser would be led back here.
pub(crate) fn json(path: &str) -> Markup {
    let query = if path.contains('?') { '&' } else { '?' };
    html! { "As JSON: " a href={ (path) (query) "format=json" } { code { (path) } } }
}

/// An entry of the log, leading to its page.
pub(crate) fn entry(index: u64) -> Markup {
    html! { a.entry href=(place::entry(index)) { "entry " (index) } }
}

/// A decision, leading to the vote that made it.
pub(crate) fn decision(index: u64) -> Markup {
    html! { a href=(place::proposal(index)) { "decision " (index) } }
}

/// A table that may be wider than a small screen: it scrolls by itself, by keyboard too (WCAG 2.1.1).
pub(crate) fn wide(label: &str, table: &Markup) -> Markup {
    html! { div.wide role="region" aria-label=(label) tabindex="0" { (table) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([1_u32, 0, 2].map(|many| count(many, "error")), ["1 error", "0 errors", "2 errors"]);
        assert_eq!([1_u64, 2].map(|many| count(many, "entry")), ["1 entry", "2 entries"]);
        assert_eq!(span(2 * DAY), "2 days");
    }
}
