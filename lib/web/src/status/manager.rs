//! The trust list manager: what is known of its log and its lists, besides what is watched like everyone else's services.

use ctl_core::names::ListId;
use ctl_core::{Digest, Timestamp};
use maud::{Markup, html};

use super::{Site, say, told};
use crate::parts;

/// One of its lists.
#[derive(Clone, Debug)]
pub struct ListAge {
    pub id: ListId,
    pub name: String,
    /// The last version: its number, when it was drafted, and until when it is to be followed by the next.
    pub version: Option<(u64, Timestamp, Timestamp)>,
}

/// What is known of the trust list manager.
#[derive(Clone, Debug)]
pub struct Manager {
    pub scheme: Option<Digest>,
    /// How many entries of its log were verified.
    pub entries: Option<u64>,
    /// How the last contact went, in words, and whether it was good.
    pub contact: String,
    pub is_good: bool,
    pub lists: Vec<ListAge>,
}

impl Manager {
    pub(super) fn tell(&self, site: &Site<'_>) -> Markup {
        html! {
            section aria-labelledby="log" {
                h2 id="log" { "Its log" }
                dl {
                    dt { "Last contact" } dd { @if !self.is_good { strong { "not good: " } } (told(&self.contact)) }
                    @if let Some(entries) = self.entries { dt { "Verified" } dd { (say(entries, "entry", "entries")) ", each under a signed checkpoint" } }
                    @if let Some(scheme) = &self.scheme { dt { "Scheme" } dd { (parts::digest(scheme)) } }
                }
            }
            section aria-labelledby="lists" {
                h2 id="lists" { "Its lists" }
                @if self.lists.is_empty() { p { "None is known." } }
                @else { (parts::wide("Lists and their age", &self.table(site))) }
            }
        }
    }

    fn table(&self, site: &Site<'_>) -> Markup {
        html! {
            table {
                thead { tr { th scope="col" { "List" } th scope="col" { "Version" } th scope="col" { "Of" } th scope="col" { "Next due" } } }
                tbody {
                    @for list in &self.lists {
                        tr {
                            th scope="row" { (told(&list.name)) " " code { (list.id) } }
                            @match list.version {
                                Some((sequence, issued_at, next_update)) => {
                                    td { (sequence) }
                                    td { (parts::moment(issued_at)) br; small { (parts::from_now(issued_at, site.now)) } }
                                    td {
                                        (parts::moment(next_update)) br;
                                        @if next_update < site.now { strong { "overdue" } } @else { small { (parts::from_now(next_update, site.now)) } }
                                    }
                                },
                                None => { td { "none" } td { "not published yet" } td {} },
                            }
                        }
                    }
                }
            }
        }
    }
}
