//! Maintenance that was announced.

use ctl_core::Timestamp;
use ctl_policy::sla::Kind;
use maud::{Markup, html};

use super::{Now, Site, badge, kind, told};
use crate::parts;

/// Maintenance that was announced.
#[derive(Clone, Debug)]
pub struct Maintenance<'a> {
    /// Of which kinds; of all if there is none.
    pub kinds: &'a [Kind],
    pub from: Timestamp,
    pub to: Timestamp,
    pub text: &'a str,
    /// Whether it was announced early enough to excuse what fails.
    pub excuses: bool,
}

impl Maintenance<'_> {
    /// One line of a list; `whose` stands before the kinds of services.
    fn tell(&self, site: &Site<'_>, whose: &Markup) -> Markup {
        html! {
            li {
                @if self.from <= site.now && site.now < self.to { (badge(Now::Maintenance)) " " }
                (parts::moment(self.from)) " to " (parts::moment(self.to)) ", " (whose)
                @if self.kinds.is_empty() { "all services" }
                @for (place, one) in self.kinds.iter().enumerate() { @if place > 0 { ", " } (kind(*one)) }
                ". " (told(self.text))
                @if !self.excuses { " It was announced too late: what fails counts." }
            }
        }
    }
}

/// All of it, each with whose it is.
pub(super) fn announced<'a>(
    site: &Site<'_>,
    all: impl Iterator<Item = (Markup, &'a Maintenance<'a>)>,
) -> Markup {
    let all: Vec<Markup> = all.map(|(whose, one)| one.tell(site, &whose)).collect();
    html! {
        @if !all.is_empty() {
            section aria-labelledby="maintenance" {
                h2 id="maintenance" { "Announced maintenance" }
                ul { @for one in &all { (one) } }
            }
        }
    }
}
