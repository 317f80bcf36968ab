//! What stands around every page of every program: its name, the way to the other pages, what must not be missed.

use ctl_pki::print::line;
use maud::{DOCTYPE, Markup, html};

use crate::asset;

/// The surroundings of a page.
pub(crate) struct Shell<'a> {
    /// Whose pages these are.
    pub(crate) name: &'a str,
    /// Where the name leads.
    pub(crate) home: &'a str,
    /// What stands beside the name: that nothing here is meant for the street, for one.
    pub(crate) mark: Option<&'a str>,
    /// The other pages: place and name.
    pub(crate) ways: &'a [(&'a str, &'a str)],
    /// The feeds that belong to the page: place, media type and name.
    pub(crate) feeds: &'a [(&'a str, &'a str, &'a str)],
    /// The open page's own place.
    pub(crate) here: &'a str,
    /// What must not be missed, on every page.
    pub(crate) alarm: Markup,
    /// What stands below every page.
    pub(crate) foot: Markup,
}

impl Shell<'_> {
    /// A whole page.
    pub(crate) fn page(&self, title: &str, body: &Markup) -> String {
        // Either may be somebody else's words.
        let (title, own) = (line(title), line(self.name));
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) @if title != own { " · " (own) } }
                    link rel="stylesheet" href=(*asset::STYLE_PATH);
                    link rel="icon" type="image/svg+xml" href=(*asset::ICON_PATH);
                    @for (to, media_type, name) in self.feeds {
                        link rel="alternate" type=(media_type) title=(name) href=(to);
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        p.brand {
                            a href=(self.home) { bdi { (own) } }
                            @if let Some(mark) = self.mark { " " span.badge.test { (mark) } }
                        }
                        nav aria-label="Pages" { ul { @for (to, name) in self.ways { li { (self.way(to, name)) } } } }
                    }
                    (self.alarm)
                    main id="main" tabindex="-1" {
                        h1 { bdi { (title) } }
                        (body)
                    }
                    footer { (self.foot) }
                }
            }
        };
        page.into_string()
    }

    /// The page that is open is marked, and the one above it that the way leads to.
    fn way(&self, to: &str, name: &str) -> Markup {
        let below = self.here.strip_prefix(to).is_some_and(|rest| rest.starts_with('/')) && to != self.home;
        let current = if to == self.here { Some("page") } else { below.then_some("true") };
        html! { a href=(to) aria-current=[current] { (name) } }
    }
}
