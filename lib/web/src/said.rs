//! Texts that stand outside the log: comments, rationales, evidence. Anybody wrote them, so they are shown as the text that
//! they are and no more: bounded, in a box of their own, with whatever steers a reader's eyes made visible.

use ctl_core::{Digest, paths};
use ctl_governance::statement::parts::{BlobAccess, BlobRef};
use ctl_pki::print;
use maud::{Markup, html};

/// What there is of such a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// It was never brought here.
    Absent,
    /// It was erased for good.
    Erased,
    /// What is here is not what the log names.
    Damaged,
    /// So many bytes, and what they are unless they are more than [`WHOLE`].
    Here(u64, Option<Vec<u8>>),
}

/// Longer texts are not shown but downloaded.
pub const WHOLE: u64 = 64 * 1024;
/// So many lines are shown at most.
const LINES: usize = 60;

/// Looks up a text; whether its content is wanted, too.
pub type Texts<'a> = &'a dyn Fn(&Digest, bool) -> Text;

/// The beginning of a text, at most so many characters, and the way to all of it.
pub(crate) fn excerpt(blob: &BlobRef, texts: Texts<'_>, most: usize) -> Markup {
    if blob.access == BlobAccess::Restricted {
        return download(blob, texts);
    }
    match texts(&blob.sha256, true) {
        Text::Here(_, Some(bytes)) => match std::str::from_utf8(&bytes) {
            Ok(text) => {
                let (begin, whole) = begin(text, most);
                html! {
                    div.said { bdi { (print::lines(&begin)) } }
                    @if !whole { p { small { "This is the beginning. " (link(blob, bytes.len() as u64)) } } }
                }
            }
            Err(_) => html! { p { "This is no text (it is not UTF-8). " (link(blob, bytes.len() as u64)) } },
        },
        _ => html! { p { (download(blob, texts)) } },
    }
}

/// The way to a text, or why there is none.
pub(crate) fn download(blob: &BlobRef, texts: Texts<'_>) -> Markup {
    html! {
        @match texts(&blob.sha256, false) {
            Text::Absent => { "was never brought here" },
            Text::Erased => { span.badge { "erased" } " The log keeps only its digest." },
            Text::Damaged => { "cannot be read here: tell the operator of this server" },
            Text::Here(length, _) => (link(blob, length)),
        }
        @if blob.access == BlobAccess::Restricted { " " span.badge { "encrypted to its readers" } }
    }
}

fn link(blob: &BlobRef, length: u64) -> Markup {
    html! {
        a href={ "/" (paths::blob(&blob.sha256)) } download aria-label={ "Download " (blob.sha256.short()) } { "Download" }
        " (" (bytes(length)) ")"
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(length: u64) -> String {
    match length {
        0..1024 => format!("{length} bytes"),
        1024..1_048_576 => format!("{} KiB", length.div_ceil(1024)),
        _ => format!("{} MiB", length.div_ceil(1_048_576)),
    }
}

/// The beginning of a text, and whether that is all.
fn begin(text: &str, most: usize) -> (String, bool) {
    let mut begin = String::new();
    let (mut lines, mut count) = (1, 0);
    for character in text.chars() {
        lines += usize::from(character == '\n');
        if count == most || lines > LINES {
            return (begin, false);
        }
        begin.push(character);
        count += 1;
    }
    (begin, true)
}
