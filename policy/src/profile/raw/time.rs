//! A time as it is written, and whether it is written as RFC 5280 section 4.1.2.5 wants.

use chrono::NaiveDate;

use super::der::{Element, Fault};

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// A time of the validity.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    /// Unix seconds, if it is a time at all.
    pub(crate) seconds: Option<i64>,
    /// What is wrong with how it is written.
    pub(crate) flaw: Option<String>,
    /// As written.
    pub(crate) text: String,
    pub(crate) at: usize,
}

impl Time {
    pub(crate) fn read(element: &Element<'_>, what: &str) -> Result<Self, Fault> {
        let (at, text) = (element.at, String::from_utf8_lossy(element.content).into_owned());
        let is_utc = match element.tag {
            UTC_TIME => true,
            GENERALIZED_TIME => false,
            tag => return Err(Fault::new(at, format!("{what}: tag {tag:02x} is no time"))),
        };
        let seconds = seconds(element.content, is_utc);
        let form = if is_utc { "YYMMDDHHMMSSZ" } else { "YYYYMMDDHHMMSSZ" };
        let plain = element.content.len() == form.len() && element.content.ends_with(b"Z");
        let flaw = match seconds {
            None => Some(format!("{text:?} is no {form}")),
            Some(_) if !plain => Some(format!("{text:?} is not written {form}")),
            // 2050-01-01T00:00:00Z
            Some(seconds) if !is_utc && seconds < 2_524_608_000 => {
                Some(format!("{text} in GeneralizedTime although the year is before 2050"))
            }
            Some(_) => None,
        };
        Ok(Self { seconds, flaw, text, at })
    }
}

/// Reads `YY[YY]MMDDHHMM[SS[.f]]` with `Z`, an offset or nothing behind it: leniently, so that a flaw in the form
/// does not hide what the time is.
fn seconds(content: &[u8], is_utc: bool) -> Option<i64> {
    let text = std::str::from_utf8(content).ok()?;
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, suffix) = text.split_at_checked(end)?;
    let year_digits = if is_utc { 2 } else { 4 };
    if digits.len() != year_digits + 8 && digits.len() != year_digits + 10 {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok());
    let year = number(0, year_digits)?;
    let year = match (is_utc, year) {
        (true, 50..) => 1900 + year,
        (true, _) => 2000 + year,
        (false, _) => year,
    };
    let part = |position: usize| number(year_digits + 2 * position, year_digits + 2 * position + 2);
    let second = if digits.len() == year_digits + 10 { part(4)? } else { 0 };
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, part(0)?, part(1)?)?;
    let seconds = date.and_hms_opt(part(2)?, part(3)?, second)?.and_utc().timestamp();
    offset(suffix).map(|offset| seconds - offset)
}

fn offset(suffix: &str) -> Option<i64> {
    let suffix = match suffix.strip_prefix(['.', ',']) {
        Some(fraction) => fraction.trim_start_matches(|character: char| character.is_ascii_digit()),
        None => suffix,
    };
    if suffix.is_empty() || suffix == "Z" {
        return Some(0);
    }
    let (sign, digits) = match suffix.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}
