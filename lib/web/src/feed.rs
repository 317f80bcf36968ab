//! The feed of what changed, for feed readers (Atom, RFC 4287).
//!
//! Its addresses begin at the server's root: a server does not know under which name people reach it, and a name out of a
//! request would be the caller's to choose.

use ctl_core::Digest;
use ctl_governance::State;
use ctl_pki::print;
use maud::Render as _;

use crate::changes::{self, Change, Publications};
use crate::place;

/// How many changes a feed has at most.
const MOST: usize = 50;

/// The media type of feeds.
pub const MEDIA_TYPE: &str = "application/atom+xml";

/// The feed as it is now.
#[must_use]
pub fn feed(state: &State, publications: &Publications) -> String {
    let changes = changes::latest(state, publications, MOST);
    let updated = changes.first().map_or(state.founded_at, |change| change.at);
    let name = xml(state.charter.name.as_str());
    let id = changes::urn(&Digest::of_parts(&[state.scheme.as_bytes(), b"feed"]));
    let (here, home) = (place::FEED, place::OVERVIEW);
    let entries: String = changes.iter().map(|change| entry(state, change)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\" xml:base=\"/\">\n\
         <title>{name}</title>\n\
         <subtitle>Applications, decisions, publications and notices of a trust list scheme, as its public log has \
         them</subtitle>\n\
         <id>{id}</id>\n\
         <updated>{updated}</updated>\n\
         <author><name>{name}</name></author>\n\
         <link rel=\"self\" type=\"{MEDIA_TYPE}\" href=\"{here}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{home}\"/>\n\
         {entries}</feed>\n"
    )
}

fn entry(state: &State, change: &Change) -> String {
    let Change { at, entry, kind, what, to } = change;
    let (id, title) = (change.urn(&state.scheme), xml(&what.text()));
    let content = xml(&what.render().into_string());
    let (to, log) = (xml(to), place::entry(*entry));
    format!(
        "<entry>\n<id>{id}</id>\n<title>{title}</title>\n<updated>{at}</updated>\n<category term=\"{kind}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{to}\"/>\n\
         <link rel=\"via\" type=\"text/html\" href=\"{log}\"/>\n\
         <content type=\"html\">{content}</content>\n</entry>\n"
    )
}

/// A text as the content of an element or attribute: what XML 1.0 does not allow (section 2.2) is written as JSON escapes it.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in print::line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_xml_forbids_comes_through() {
        let hostile = "\u{0}\u{8}\u{b}\u{1f}\u{fffe}\u{ffff}]]><a href='x'>\"&amp;";
        let text = xml(hostile);
        assert!(text.chars().all(|one| one >= ' ' && one != '\u{fffe}' && one != '\u{ffff}'), "{text}");
        assert!(!text.contains(['<', '>', '"', '\'']), "{text}");
        assert!(text.ends_with("&quot;&amp;amp;"), "{text}");
    }
}
