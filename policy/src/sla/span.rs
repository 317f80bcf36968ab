//! Lengths of time as a policy writes them: `"8 hours"`, `"10 days"`.

use serde::{Deserialize, Deserializer};

/// A length of time in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span(pub(super) i64);

/// A century: longer than anything that a policy has to say.
const LONGEST: i64 = 36_525 * 86_400;

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown: String = text.chars().take(40).collect();
            format!(
                "{shown:?} is no length of time like \"8 hours\": a whole number and seconds, minutes, hours or days, at most a century"
            )
        };
        let (number, unit) = text.split_once(' ').ok_or_else(wrong)?;
        let seconds = match unit {
            "second" | "seconds" => 1,
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3600,
            "day" | "days" => 86_400,
            _ => return Err(wrong()),
        };
        if !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(wrong());
        }
        let span = number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds));
        span.filter(|span| *span <= LONGEST).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_of_known_units_are_lengths_of_time() {
        for (text, seconds) in [("1 second", 1), ("8 hours", 28_800), ("10 days", 864_000), ("0 minutes", 0)]
        {
            assert_eq!(text.parse(), Ok(Span(seconds)), "{text}");
        }
        for text in
            ["8h", "8", "-1 days", "+1 days", "1.5 hours", "2 fortnights", "999999999 days", " days", ""]
        {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
