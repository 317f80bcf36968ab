//! Ninety days as a strip of bars: the worse a day, the higher its bar, so that it can be read without colours.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{Day, date};

/// The height of a strip, in its own units.
const HEIGHT: u32 = 18;
/// So many days are named in the text of a strip.
const NAMED: usize = 5;
/// From the worst on, as the legend and the text tell them.
const TOLD: [Day; 6] = [Day::Down, Day::Missed, Day::Excused, Day::Marred, Day::Good, Day::Unknown];

const fn class(day: Day) -> &'static str {
    match day {
        Day::Unknown => "d0",
        Day::Good => "d1",
        Day::Marred => "d2",
        Day::Excused => "d3",
        Day::Missed => "d4",
        Day::Down => "d5",
    }
}

pub(super) const fn words(day: Day) -> &'static str {
    match day {
        Day::Unknown => "not measured",
        Day::Good => "no failure",
        Day::Marred => "some failures, within the error budget",
        Day::Excused => "announced maintenance",
        Day::Missed => "beyond the error budget",
        Day::Down => "mostly down",
    }
}

/// The bar of a day at this place. Maintenance is an empty frame, and what was not measured a line.
fn bar(path: &mut String, place: usize, day: Day) {
    let height = match day {
        Day::Unknown => 1,
        Day::Good => 6,
        Day::Marred => 9,
        Day::Excused => 12,
        Day::Missed => 14,
        Day::Down => HEIGHT,
    };
    let top = HEIGHT - height;
    // Writing to a String cannot fail.
    let _ = write!(path, "M{place} {top}h.8v{height}h-.8z");
    if day == Day::Excused {
        let _ = write!(path, "m.2 2v{}h.4v-{}z", height - 4, height - 4);
    }
}

/// What a strip shows, in words.
fn summary(days: &[Day], last: u32) -> String {
    let mut text = format!("{} days until {}", days.len(), date(last));
    let mut mark = ';';
    for day in TOLD {
        let of: Vec<usize> = (0..days.len()).filter(|place| days.get(*place) == Some(&day)).collect();
        if of.is_empty() {
            continue;
        }
        let _ = write!(text, "{mark} {}: {}", words(day), of.len());
        mark = ',';
        if matches!(day, Day::Down | Day::Missed) {
            let first = last.saturating_sub(u32::try_from(days.len()).unwrap_or_default().saturating_sub(1));
            let named = of.iter().rev().take(NAMED);
            let named: Vec<String> = named
                .map(|place| date(first.saturating_add(u32::try_from(*place).unwrap_or_default())))
                .collect();
            let more = if of.len() > NAMED { ", and earlier" } else { "" };
            let _ = write!(text, " ({}{more})", named.join(", "));
        }
    }
    text
}

/// A strip whose last day is `last`.
pub(super) fn strip(days: &[Day], last: u32) -> Markup {
    let mut paths = TOLD.map(|day| (day, String::new()));
    for (place, day) in days.iter().enumerate() {
        if let Some((_, path)) = paths.iter_mut().find(|(one, _)| one == day) {
            bar(path, place, *day);
        }
    }
    html! {
        svg.strip viewBox={ "0 0 " (days.len()) " " (HEIGHT) } preserveAspectRatio="none" role="img" {
            title { (summary(days, last)) }
            @for (day, path) in paths { @if !path.is_empty() { path class=(class(day)) d=(path) {} } }
        }
    }
}

/// What is to be known of days while the history is still being read: `since` is the first day that was.
pub(super) fn adding_up(since: Option<u32>, last: u32) -> Markup {
    html! {
        @if since.is_none_or(|since| since.saturating_add(89) > last) {
            p { "The days before are being added up; look again in a minute." }
        }
    }
}

/// What the bars mean.
pub(super) fn legend() -> Markup {
    html! {
        ul.key aria-label="What the bars of a day mean" {
            @for day in TOLD {
                @let path = { let mut path = String::new(); bar(&mut path, 0, day); path };
                li {
                    svg.sample viewBox={ "0 0 .8 " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" { path class=(class(day)) d=(path) {} }
                    " " (words(day))
                }
            }
        }
    }
}

/// The days that went wrong, in words; the newest first.
pub(super) fn bad_days(days: &[Day], last: u32) -> Option<String> {
    let bad = days.iter().rev().zip((0..=last).rev()).filter(|(day, _)| **day > Day::Excused);
    let named: Vec<String> = bad.map(|(day, number)| format!("{}: {}", date(number), words(*day))).collect();
    (!named.is_empty()).then(|| named.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_says_in_words_what_it_shows() {
        let mut days = vec![Day::Good; 90];
        days[88] = Day::Missed;
        days[3] = Day::Down;
        days[0] = Day::Unknown;
        let text = strip(&days, 20_787).into_string();
        assert!(
            text.contains(
                "<title>90 days until 2026-11-30; mostly down: 1 (2026-09-05), beyond the error budget: 1 (2026-11-29), \
                 no failure: 87, not measured: 1</title>"
            ),
            "{text}"
        );
        assert_eq!(text.matches("<path").count(), 4);
        days[50] = Day::Excused;
        assert_eq!(
            bad_days(&days, 20_787).unwrap(),
            "2026-11-29: beyond the error budget; 2026-09-05: mostly down",
            "announced maintenance is no bad day"
        );
    }

    #[test]
    fn no_two_kinds_of_days_look_alike_without_colour() {
        let bars = TOLD.map(|day| {
            let mut path = String::new();
            bar(&mut path, 0, day);
            path
        });
        for (place, one) in bars.iter().enumerate() {
            assert!(!bars[..place].contains(one));
        }
    }
}
