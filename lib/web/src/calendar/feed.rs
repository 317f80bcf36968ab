//! The calendar for programs: iCalendar (RFC 5545, with the names of RFC 7986).

use ctl_core::Timestamp;
use ctl_governance::State;
use ctl_governance::calendar::{Due, Kind};
use ctl_pki::print;

use super::{Wanted, words};
use crate::place;

/// At most so many events.
const MOST: usize = 1_000;
/// Octets of a line without its end (RFC 5545 section 3.1).
const LINE: usize = 75;

/// The feed, of dues in their order. It follows from the log and the dues alone, so a reader who asks again gets the
/// same bytes until one of them has changed.
#[must_use]
pub fn icalendar(state: &State, dues: &[Due], wanted: &Wanted) -> String {
    let name = print::line(state.charter.name.as_str());
    let mut feed = Feed::default();
    feed.plain("BEGIN", "VCALENDAR");
    feed.plain("VERSION", "2.0");
    feed.plain("PRODID", concat!("-//ctl-web//", env!("CARGO_PKG_VERSION"), "//EN"));
    feed.text("NAME", &name);
    feed.text("X-WR-CALNAME", &name);
    let mut chosen: Vec<&Due> = dues.iter().filter(|due| wanted.matches(due)).collect();
    let left = chosen.len().saturating_sub(MOST);
    if left > 0 {
        // Of what there may be thousands, the rest is left out first.
        chosen.sort_by_key(|due| is_of_many(due.kind));
        chosen.truncate(MOST);
        chosen.sort_by_key(|due| due.at);
    }
    let mut about = "What expires or is due, by the log of the scheme.".to_owned();
    if left > 0 {
        about += &format!(" {left} more are left out here; the page {} has them.", place::CALENDAR);
    }
    feed.text("DESCRIPTION", &about);
    feed.plain("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    feed.plain("X-PUBLISHED-TTL", "PT1H");
    for due in chosen {
        event(&mut feed, state, due);
    }
    feed.plain("END", "VCALENDAR");
    feed.text
}

/// Whether a scheme may have more of this kind than a feed holds.
const fn is_of_many(kind: Kind) -> bool {
    matches!(kind, Kind::SubCa | Kind::Audit | Kind::Discussion | Kind::Vote | Kind::TakeUp)
}

fn event(feed: &mut Feed, state: &State, due: &Due) {
    let said = words::said(state, due);
    let summary = said.text();
    // When the entry was recorded that it follows from: what was said then has not changed since.
    let size = due.entry.map(|entry| entry.saturating_add(1));
    let said_at = size.and_then(|size| state.recorded_at(size)).unwrap_or(state.founded_at);
    feed.plain("BEGIN", "VEVENT");
    feed.text("UID", &format!("{}@{}", due.id(), state.scheme));
    feed.plain("DTSTAMP", &moment(said_at));
    feed.plain("DTSTART", &moment(due.at));
    feed.text("SUMMARY", &summary);
    let mut lines: Vec<String> = Vec::new();
    if !due.lists.is_empty() {
        let ids: Vec<&str> = due.lists.iter().map(|list| list.as_str()).collect();
        lines.push(format!("List: {}", ids.join(", ")));
    }
    lines.extend(due.entry.map(|entry| format!("Follows from entry {entry} of the log.")));
    lines.extend(said.place().map(|place| format!("More on the page {place} of the portal.")));
    if !lines.is_empty() {
        feed.text("DESCRIPTION", &lines.join("\n"));
    }
    feed.text("CATEGORIES", due.kind.as_str());
    feed.plain("TRANSP", "TRANSPARENT");
    if due.soon < due.at {
        feed.plain("BEGIN", "VALARM");
        feed.plain("ACTION", "DISPLAY");
        feed.text("DESCRIPTION", &summary);
        feed.plain("TRIGGER;VALUE=DATE-TIME", &moment(due.soon));
        feed.plain("END", "VALARM");
    }
    feed.plain("END", "VEVENT");
}

/// `20261130T150000Z` (section 3.3.5).
fn moment(at: Timestamp) -> String {
    at.to_string().replace(['-', ':'], "")
}

#[derive(Default)]
struct Feed {
    text: String,
}

impl Feed {
    /// A property whose value is ours.
    fn plain(&mut self, name: &str, value: &str) {
        self.line(&format!("{name}:{value}"));
    }

    /// A property whose value is text (section 3.3.11). What is no printable character, and no end of a line, has no
    /// place in it.
    fn text(&mut self, name: &str, value: &str) {
        let mut escaped = String::with_capacity(value.len());
        for character in value.chars() {
            match character {
                '\\' | ';' | ',' => escaped.extend(['\\', character]),
                '\n' => escaped.push_str("\\n"),
                other if other.is_control() => {}
                other => escaped.push(other),
            }
        }
        self.plain(name, &escaped);
    }

    /// A line, folded where it is too long, never within a character (section 3.1).
    fn line(&mut self, line: &str) {
        let mut room = LINE;
        for character in line.chars() {
            if character.len_utf8() > room {
                self.text.push_str("\r\n ");
                // The space counts.
                room = LINE - 1;
            }
            self.text.push(character);
            room -= character.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}
