//! Progress of what takes long, on standard error, and only where a person watches.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Whether progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On standard error, if it is a terminal.
    Shown,
    /// Not at all: for programs, and for `--json`.
    Hidden,
}

impl Progress {
    /// A bar over so many steps.
    pub(crate) fn bar(self, what: &'static str, steps: u64) -> ProgressBar {
        // Short work needs no bar, and one that flashes by only disturbs.
        if self == Self::Hidden || steps < 200 || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(steps).with_message(what);
        match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}
