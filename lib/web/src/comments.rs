//! What was said about an application or a proposal.

use ctl_core::names::ParticipantId;
use ctl_governance::statement::parts::BlobRef;
use maud::{Markup, html};
use rpds::VectorSync;

use crate::said::{self, Texts};
use crate::{Frame, parts};

/// So many comments stand on a page, with so much of each.
const ON_A_PAGE: usize = 20;
const EXCERPT: usize = 1500;

/// The comments before an entry (or the newest), the newest first.
pub(crate) fn section(
    frame: &Frame<'_>,
    comments: &VectorSync<(u64, ParticipantId, BlobRef)>,
    texts: Texts<'_>,
    before: Option<u64>,
    here: &str,
) -> Markup {
    let older = |entry: u64| before.is_none_or(|before| entry < before);
    let mut some: Vec<_> =
        comments.iter().rev().filter(|(entry, ..)| older(*entry)).take(ON_A_PAGE + 1).collect();
    let more = some.len() > ON_A_PAGE;
    some.truncate(ON_A_PAGE);
    html! {
        section aria-labelledby="comments" {
            h2 id="comments" { "Comments" }
            @if comments.is_empty() { p { "Nobody has commented." } }
            @for (entry, author, blob) in &some {
                article.comment {
                    p { strong { (parts::participant(frame.state, author)) } " " (said_at(frame, *entry)) " " (parts::entry(*entry)) }
                    (said::excerpt(blob, texts, EXCERPT))
                }
            }
            @if let (true, Some((entry, ..))) = (more, some.last()) {
                p { a href={ (here) "?before=" (entry) "#comments" } { "Older comments" } " (" (comments.len()) " in all)" }
            }
        }
    }
}

fn said_at(frame: &Frame<'_>, entry: u64) -> Markup {
    let at = entry.checked_add(1).and_then(|size| frame.state.recorded_at(size));
    html! { @if let Some(at) = at { (parts::moment(at)) } }
}
