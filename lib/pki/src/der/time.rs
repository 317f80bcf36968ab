//! Times (RFC 5280 section 4.1.2.5).

use chrono::NaiveDate;

use super::{Element, Malformed};

/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// 2050-01-01T00:00:00Z: from then on GeneralizedTime, before it UTCTime.
const YEAR_2050: i64 = 2_524_608_000;

/// Whether an element with this tag is a time at all.
pub(crate) fn is_time(tag: u8) -> bool {
    tag == UTC_TIME || tag == GENERALIZED_TIME
}

/// A time in Unix seconds: both forms carry seconds and end in Z, without fractions.
///
/// # Errors
/// It is no time, or written otherwise.
pub fn time(element: Element<'_>) -> Result<i64, Malformed> {
    let wrong = |what| element.wrong(what);
    let plain = match element.tag {
        UTC_TIME => 12,
        GENERALIZED_TIME => 14,
        _ => return Err(wrong("a time is neither UTCTime nor GeneralizedTime")),
    };
    let (digits, rest) = element.content.split_at(digits_of(element.content));
    if digits.len() != plain {
        return Err(wrong("a time is not written as YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ"));
    }
    if rest != b"Z" {
        return Err(wrong("a time does not end in Z after its seconds"));
    }
    moment(digits, element.tag).ok_or(wrong("a time is on no calendar or clock"))
}

/// A time as it is written, whether or not it is written as RFC 5280 wants.
#[derive(Clone, Debug, Default)]
pub struct WrittenTime {
    /// Unix seconds, if it is a time at all.
    pub seconds: Option<i64>,
    /// What is wrong with how it is written.
    pub flaw: Option<String>,
    /// As written.
    pub text: String,
    /// Where it stands.
    pub at: usize,
}

/// Reads `YY[YY]MMDDHHMM[SS[.f]]` with `Z`, an offset or nothing behind it: leniently, so that a flaw in the form
/// does not hide what the time is.
///
/// # Errors
/// The element is neither UTCTime nor GeneralizedTime.
pub fn written_time(element: &Element<'_>) -> Result<WrittenTime, Malformed> {
    if !is_time(element.tag) {
        return Err(element.wrong("a time is neither UTCTime nor GeneralizedTime"));
    }
    let (text, content) = (String::from_utf8_lossy(element.content).into_owned(), element.content);
    let (digits, suffix) = content.split_at(digits_of(content));
    let seconds = moment(digits, element.tag).and_then(|seconds| Some(seconds - offset(suffix)?));
    let form = if element.tag == UTC_TIME { "YYMMDDHHMMSSZ" } else { "YYYYMMDDHHMMSSZ" };
    let flaw = match seconds {
        None => Some(format!("{text:?} is no {form}")),
        Some(_) if content.len() != form.len() || suffix != b"Z" => {
            Some(format!("{text:?} is not written {form}"))
        }
        Some(seconds) if element.tag == GENERALIZED_TIME && seconds < YEAR_2050 => {
            Some(format!("{text} in GeneralizedTime although the year is before 2050"))
        }
        Some(_) => None,
    };
    Ok(WrittenTime { seconds, flaw, text, at: element.at })
}

fn digits_of(content: &[u8]) -> usize {
    content.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Of digits only, with seconds or without.
fn moment(digits: &[u8], tag: u8) -> Option<i64> {
    let (year, rest) = digits.split_at_checked(if tag == UTC_TIME { 2 } else { 4 })?;
    let number = |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    let year = match (tag, number(year)) {
        (UTC_TIME, year @ 50..) => 1900 + year,
        (UTC_TIME, year) => 2000 + year,
        (_, year) => year,
    };
    let (parts, []) = rest.as_chunks::<2>() else { return None };
    let (month, day, hour, minute, second) = match parts {
        [month, day, hour, minute] => (month, day, hour, minute, b"00"),
        [month, day, hour, minute, second] => (month, day, hour, minute, second),
        _ => return None,
    };
    let number = |digits: &[u8]| u32::try_from(number(digits)).ok();
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month)?, number(day)?)?;
    let time = date.and_hms_opt(number(hour)?, number(minute)?, number(second)?)?;
    Some(time.and_utc().timestamp())
}

/// The seconds by which a time is ahead of UTC, from what stands behind its digits.
fn offset(suffix: &[u8]) -> Option<i64> {
    let suffix = match suffix {
        [b'.' | b',', fraction @ ..] => fraction.get(digits_of(fraction)..)?,
        suffix => suffix,
    };
    let (sign, digits) = match suffix {
        [] | [b'Z'] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let &[a, b, c, d] = digits else { return None };
    let pair = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    Some(sign * (pair(a, b)? * 3600 + pair(c, d)? * 60))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::date;

    fn of(tag: u8, text: &str) -> Element<'_> {
        Element::found(tag, text.as_bytes(), text.as_bytes())
    }

    fn general(text: &str) -> Result<i64, Malformed> {
        time(of(GENERALIZED_TIME, text))
    }

    fn utc(text: &str) -> Result<i64, Malformed> {
        time(of(UTC_TIME, text))
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(general("19700101000000Z"), Ok(0));
        assert_eq!(general("20000229235959Z"), Ok(951_868_799));
        assert_eq!(utc("260101000000Z"), Ok(1_767_225_600));
        assert_eq!(utc("500101000000Z"), general("19500101000000Z"));
        assert_eq!(utc("491231235959Z"), general("20491231235959Z"));
        assert_eq!(general("99991231235959Z"), Ok(253_402_300_799));
        assert_eq!(date(253_402_300_799), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn times_that_rfc_5280_forbids_are_refused() {
        for text in [
            "",
            "20260101000000",
            "202601010000Z",
            "20260101000000.5Z",
            "20260101000000+0100",
            "20260229000000Z",
            "20261301000000Z",
            "20260100000000Z",
            "20260101240000Z",
            "20260101000060Z",
            "2026010100000aZ",
            "+0260101000000Z",
            "20260101000000ZZ",
        ] {
            assert!(general(text).is_err(), "{text}");
        }
        assert!(utc("2601010000Z").is_err());
    }

    #[test]
    fn what_is_written_otherwise_is_read_and_said() {
        for (text, seconds) in [
            ("202601010000Z", Some(1_767_225_600)),
            ("20260101000000.5Z", Some(1_767_225_600)),
            ("20260101013000+0130", Some(1_767_225_600)),
            ("20260101000000", Some(1_767_225_600)),
            ("20260229000000Z", None),
            ("20260101000000+1", None),
        ] {
            let read = written_time(&of(GENERALIZED_TIME, text)).unwrap();
            assert_eq!(read.seconds, seconds, "{text}");
            assert!(read.flaw.is_some(), "{text}");
        }
        assert_eq!(written_time(&of(UTC_TIME, "260101000000Z")).unwrap().flaw, None);
    }

    proptest! {
        #[test]
        fn a_date_that_is_written_is_the_one_that_was_read(seconds in -62_135_596_800_i64..253_402_300_800) {
            let text: String = date(seconds).chars().filter(|letter| !"-T:".contains(*letter)).collect();
            prop_assert_eq!(general(&text), Ok(seconds));
        }

        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = (written_time(&of(UTC_TIME, &text)), general(&text));
        }
    }
}
