//! Progress of what takes long, on standard error, and only where a person watches.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use ctl_replica::{Progress, Step, silence};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// Short work needs no bar, and one that flashes by only disturbs.
const SHORT: u64 = 200;

/// A bar on standard error, if that is a terminal.
#[must_use]
pub fn bar() -> Progress {
    if !std::io::stderr().is_terminal() {
        return silence();
    }
    let bar: Mutex<Option<(&'static str, ProgressBar)>> = Mutex::default();
    Arc::new(move |step: Step| {
        if step.of < SHORT {
            return;
        }
        let mut shown = bar.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, bar) = match shown.take() {
            Some((what, bar)) if what == step.what => shown.insert((what, bar)),
            _ => shown.insert((step.what, new(step.of))),
        };
        bar.set_message(format!("{}, {} downloaded", step.what, HumanBytes(step.bytes)));
        bar.set_position(step.done);
        if step.done >= step.of {
            bar.finish_and_clear();
            *shown = None;
        }
    })
}

fn new(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
