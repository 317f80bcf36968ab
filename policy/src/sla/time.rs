//! Moments and calendar months in UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: seconds since 1970 in UTC. Written `2026-11-21T20:13:00Z`, in no other way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// The text is not of the form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// No moment.
    #[error("{0:?} is not a time in UTC of the form 2026-11-21T20:13:00Z")]
    Time(String),
    /// No month.
    #[error("{0:?} is not a month of the form 2026-11")]
    Month(String),
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp(self.0, 0) {
            Some(time) => write!(f, "{}", time.format("%Y-%m-%dT%H:%M:%SZ")),
            None => f.write_str("out of range"),
        }
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let time = DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp()));
        time.filter(|time| time.to_string() == text).ok_or_else(|| TimeError::Time(shown(text)))
    }
}

/// A calendar month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// From 1970 to 9999.
    year: i32,
    /// From 1.
    month: u32,
}

impl Month {
    /// The month that a moment lies in; moments that no calendar here knows lie in its first month.
    #[must_use]
    pub fn of(time: Time) -> Self {
        let date = DateTime::from_timestamp(time.0.clamp(0, LAST), 0).unwrap_or_default();
        Self { year: date.year(), month: date.month() }
    }

    /// Its first moment.
    #[must_use]
    pub fn begin(self) -> Time {
        let date =
            NaiveDate::from_ymd_opt(self.year, self.month, 1).and_then(|date| date.and_hms_opt(0, 0, 0));
        Time(date.unwrap_or_default().and_utc().timestamp())
    }

    /// The first moment after it.
    #[must_use]
    pub fn end(self) -> Time {
        self.next().begin()
    }

    /// The month after it.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year.saturating_add(1), month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// The month before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        if self.month == 1 {
            Self { year: self.year.saturating_sub(1), month: 12 }
        } else {
            Self { year: self.year, month: self.month - 1 }
        }
    }
}

/// 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let begin = format!("{}-01T00:00:00Z", shown(text)).parse::<Time>().ok();
        let month = begin.filter(|begin| begin.0 >= 0).map(Self::of);
        month.ok_or_else(|| TimeError::Month(shown(text)))
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(Time, Month);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn february_has_29_days_in_leap_years_only() {
        for (month, days) in [
            ("2026-02", 28),
            ("2028-02", 29),
            ("2000-02", 29),
            ("2100-02", 28),
            ("2026-12", 31),
            ("2026-11", 30),
        ] {
            let month: Month = month.parse().unwrap();
            assert_eq!(month.end().0 - month.begin().0, days * 86_400, "{month}");
        }
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(december.end().to_string(), "2027-01-01T00:00:00Z");
    }

    #[test]
    fn only_one_form_is_read() {
        for refused in
            ["2026-11-21T20:13:00+00:00", "2026-11-21t20:13:00z", "2026-11-21T20:13:00.0Z", "2026-11-21", ""]
        {
            assert!(refused.parse::<Time>().is_err(), "{refused}");
        }
        for refused in ["2026-13", "2026-1", "26-11", "2026-11-01", "", "1969-12"] {
            assert!(refused.parse::<Month>().is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_month_and_in_no_other(seconds in 0_i64..=LAST) {
            let time = Time(seconds);
            let month = Month::of(time);
            prop_assert!(month.begin() <= time && time < month.end());
            prop_assert_eq!(Month::of(month.end()), month.next());
            prop_assert_eq!(Month::of(Time(month.begin().0 - 1).max(Time(0))).next().max(month), month);
            prop_assert_eq!(month.next().previous(), month);
            prop_assert_eq!(month.to_string().parse::<Month>().unwrap(), month);
            prop_assert_eq!(time.to_string().parse::<Time>().unwrap(), time);
        }
    }
}
