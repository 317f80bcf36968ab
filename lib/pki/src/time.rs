//! Moments in UTC with a resolution of one second, the only form of time in statements and lists; moments and spans as
//! people read them.
//!
//! Written `2026-11-21T20:13:00Z` (RFC 3339, always `Z`, never a fraction), so that equal moments
//! are equal bytes.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _};

use crate::as_text;

/// Seconds since 1970-01-01T00:00:00Z, between the years 0000 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// The text is not a moment in the form `2026-11-21T20:13:00Z`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time in UTC of the form 2026-11-21T20:13:00Z")]
pub struct TimestampError(pub String);

/// 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;
/// 0000-01-01T00:00:00Z.
const FIRST: i64 = -62_167_219_200;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59Z, the last moment that four digits of a year can name.
    pub const MAX: Self = Self(LAST);

    /// From seconds since 1970; moments outside the years 0000 to 9999 become the nearest inside.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        if seconds > LAST {
            Self(LAST)
        } else if seconds < FIRST {
            Self(FIRST)
        } else {
            Self(seconds)
        }
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The moment that many seconds later, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        let seconds = if seconds > i64::MAX as u64 { i64::MAX } else { seconds as i64 };
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// The moment that many seconds earlier.
    #[must_use]
    pub const fn minus_seconds(self, seconds: u64) -> Self {
        let seconds = if seconds > i64::MAX as u64 { i64::MAX } else { seconds as i64 };
        Self::from_unix(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this moment, 0 if it is not earlier.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        let seconds = self.0.saturating_sub(earlier.0);
        if seconds < 0 { 0 } else { seconds as u64 }
    }
}

impl From<DateTime<chrono::Utc>> for Timestamp {
    fn from(time: DateTime<chrono::Utc>) -> Self {
        Self::from_unix(time.timestamp())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp(self.0, 0) {
            Some(time) => {
                let (year, month, day) = (time.year(), time.month(), time.day());
                let (hour, minute, second) = (time.hour(), time.minute(), time.second());
                write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
            }
            None => f.write_str("invalid"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        read(text).ok_or_else(|| TimestampError(text.chars().take(40).collect()))
    }
}

/// By hand, because documents hold tens of thousands of moments and chrono's reader of formats takes
/// most of the time of reading them.
fn read(text: &str) -> Option<Timestamp> {
    let number = |from: usize, digits: usize, after: u8| -> Option<u32> {
        let (digits, rest) = text.as_bytes().get(from..)?.split_at_checked(digits)?;
        let value = digits.iter().try_fold(0, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0'))
        })?;
        (rest.first() == Some(&after)).then_some(value)
    };
    if text.len() != 20 {
        return None;
    }
    let year = i32::try_from(number(0, 4, b'-')?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5, 2, b'-')?, number(8, 2, b'T')?)?;
    let time = date.and_hms_opt(number(11, 2, b':')?, number(14, 2, b':')?, number(17, 2, b'Z')?)?;
    Some(Timestamp::from_unix(time.and_utc().timestamp()))
}

as_text!(Timestamp);

/// A moment in Unix seconds, as people read it.
#[must_use]
pub fn date(seconds: i64) -> String {
    let moment = Timestamp::from_unix(seconds);
    // What lies beyond four digits of year is shown as a number.
    if moment.unix() == seconds { moment.to_string() } else { format!("second {seconds} of Unix time") }
}

/// A span of seconds, as people read it.
#[must_use]
pub fn span(seconds: i64) -> String {
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} hours", seconds / 3_600),
        _ => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_form_is_read() {
        let time: Timestamp = "2026-11-21T20:13:00Z".parse().unwrap();
        assert_eq!(time.unix(), 1_795_291_980);
        assert_eq!(time.to_string(), "2026-11-21T20:13:00Z");
        for refused in [
            "2026-11-21T20:13:00+00:00",
            "2026-11-21T20:13:00.0Z",
            "2026-11-21t20:13:00z",
            "2026-11-21 20:13:00Z",
            "2026-11-21T20:13:60Z",
            "2026-13-21T20:13:00Z",
            "2026-02-29T20:13:00Z",
            "2026-11-21T24:00:00Z",
            "+026-11-21T20:13:00Z",
            "2026-11-21T20:13: 0Z",
            "2026-11-21T20:13:0\u{e9}",
            "",
        ] {
            assert!(refused.parse::<Timestamp>().is_err(), "{refused}");
        }
    }

    #[test]
    fn every_moment_is_written_as_chrono_writes_it_and_read_again() {
        for step in 0..2000 {
            let time = Timestamp::from_unix(FIRST + step * ((LAST - FIRST) / 1999));
            let chrono = DateTime::from_timestamp(time.unix(), 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
            assert_eq!(time.to_string(), chrono.to_string());
            assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Timestamp::MAX.plus_seconds(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH.seconds_since(Timestamp::MAX), 0);
        assert_eq!(Timestamp::EPOCH.plus_seconds(60).minus_seconds(60), Timestamp::EPOCH);
    }
}
