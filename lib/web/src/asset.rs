//! What pages need beside themselves, at addresses that change with the content, so that it can be kept for ever.

use std::sync::LazyLock;

use ctl_core::Digest;

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("style.css");
/// The picture in a browser's tab.
pub const ICON: &str = include_str!("icon.svg");

/// Where pages look for the style sheet.
pub static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path(STYLE, "css"));
/// Where pages look for the icon.
pub static ICON_PATH: LazyLock<String> = LazyLock::new(|| path(ICON, "svg"));

/// What a browser may do with a page: show it, with our style and pictures, and send its forms back to us. Nothing else, so
/// that a mistake in escaping cannot become a script, a request to somebody else, or a page in somebody's frame.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                                           frame-ancestors 'none'; base-uri 'none'";

/// An asset by the file name in its address: media type and text.
#[must_use]
pub fn asset(file: &str) -> Option<(&'static str, &'static str)> {
    let named = |path: &str| path.rsplit('/').next() == Some(file);
    if named(&STYLE_PATH) {
        Some(("text/css; charset=utf-8", STYLE))
    } else if named(&ICON_PATH) {
        Some(("image/svg+xml", ICON))
    } else {
        None
    }
}

fn path(text: &str, ending: &str) -> String {
    format!("/assets/{}.{ending}", Digest::of(text.as_bytes()).short())
}
