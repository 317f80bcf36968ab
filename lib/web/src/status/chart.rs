//! A curve over days: steps, one a day, with a gap where nothing is known.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::date;

/// The height of a chart, in its own units.
pub(super) const TOP: u32 = 1000;

/// One curve: the height of each day, up to [`TOP`].
pub(super) struct Curve {
    /// The class that draws it, each in another way.
    pub(super) class: &'static str,
    /// What it is, in words.
    pub(super) name: String,
    pub(super) days: Vec<Option<u32>>,
}

/// A chart over days.
pub(super) struct Chart {
    pub(super) name: String,
    /// What it shows, in words.
    pub(super) about: String,
    pub(super) curves: Vec<Curve>,
    /// Heights and what stands beside them.
    pub(super) marks: Vec<(u32, String)>,
    /// The height of the promise, and what it is.
    pub(super) promise: Option<(u32, String)>,
    /// The last day.
    pub(super) last: u32,
}

fn path(days: &[Option<u32>]) -> String {
    let (mut path, mut is_down) = (String::new(), false);
    for (place, height) in days.iter().enumerate() {
        let Some(height) = height else {
            is_down = false;
            continue;
        };
        let y = TOP.saturating_sub((*height).min(TOP));
        // Writing to a String cannot fail.
        let _ = if is_down {
            write!(path, "V{y}H{}", place + 1)
        } else {
            write!(path, "M{place} {y}H{}", place + 1)
        };
        is_down = true;
    }
    path
}

/// Where a height stands, from the top.
fn from_top(height: u32) -> String {
    let tenths = TOP.saturating_sub(height.min(TOP));
    format!("{}.{}%", tenths / 10, tenths % 10)
}

impl Chart {
    pub(super) fn draw(&self) -> Markup {
        let days = self.curves.iter().map(|curve| curve.days.len()).max().unwrap_or_default().max(1);
        let first = self.last.saturating_sub(u32::try_from(days).unwrap_or_default().saturating_sub(1));
        html! {
            figure.course {
                figcaption { (self.name) }
                svg role="img" {
                    title { (self.about) }
                    @for (height, _) in &self.marks {
                        line.grid x1="0" x2="100%" y1=(from_top(*height)) y2=(from_top(*height)) {}
                    }
                    @if let Some((height, _)) = &self.promise {
                        line.promise x1="0" x2="100%" y1=(from_top(*height)) y2=(from_top(*height)) {}
                    }
                    svg width="100%" height="100%" viewBox={ "0 0 " (days) " " (TOP) } preserveAspectRatio="none" {
                        @for curve in &self.curves { path class={ "curve " (curve.class) } d=(path(&curve.days)) {} }
                    }
                    @for (height, text) in &self.marks { text x="2" y=(from_top(*height)) dy=(if *height > TOP - 120 { "12" } else { "-3" }) { (text) } }
                }
                p.ends aria-hidden="true" { span { (date(first)) } span { (date(self.last)) } }
                ul.key {
                    @for curve in &self.curves {
                        li {
                            svg.sample viewBox="0 0 24 8" aria-hidden="true" { path class={ "curve " (curve.class) } d="M0 4H24" {} }
                            " " (curve.name)
                        }
                    }
                    @if let Some((_, text)) = &self.promise {
                        li {
                            svg.sample viewBox="0 0 24 8" aria-hidden="true" { line.promise x1="0" x2="24" y1="4" y2="4" {} }
                            " " (text)
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_is_not_known_is_a_gap_and_a_single_one_is_seen() {
        assert_eq!(path(&[Some(1000), Some(500), None, Some(0), None]), "M0 0H1V500H2M3 1000H4");
        assert_eq!(path(&[None, None]), "");
        assert_eq!(
            (from_top(0), from_top(999), from_top(5000)),
            ("100.0%".into(), "0.1%".into(), "0.0%".into())
        );
    }
}
