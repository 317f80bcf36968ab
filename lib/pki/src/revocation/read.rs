//! What CRLs and OCSP answers are made of: sizes, extensions, times, algorithms, serial numbers.

use x509_parser::oid_registry::Oid;

use super::RevocationError;
use crate::asn1::{
    self, BOOLEAN, Element, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
};
use crate::error::AlgorithmName;

const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
/// The most extensions in one place: RFC 5280 knows seven for a CRL.
const MAX_EXTENSIONS: usize = 64;
/// The longest object identifier, in bytes.
const MAX_OID_SIZE: usize = 64;

/// Refuses what is too large, empty or not one element of DER, before anything is read into types.
pub(crate) fn check_whole(bytes: &[u8], what: &'static str, limit: usize) -> Result<(), RevocationError> {
    if bytes.len() > limit {
        return Err(RevocationError::TooLarge { what, size: bytes.len(), limit });
    }
    if bytes.is_empty() {
        return Err(RevocationError::Empty(what));
    }
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Err(RevocationError::PemInsteadOfDer(what));
    }
    if bytes.first() != Some(&SEQUENCE) {
        return Err(no_sequence(bytes, what));
    }
    let element = Reader::new(bytes).any().map_err(|problem| RevocationError::Malformed { what, problem })?;
    match bytes.len() - element.whole.len() {
        0 => Ok(()),
        count => Err(RevocationError::TrailingBytes { what, count }),
    }
}

/// What bytes are that begin with something else than a SEQUENCE: a length read from a text would only say that it
/// is cut off, or that something follows.
fn no_sequence(bytes: &[u8], what: &'static str) -> RevocationError {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    let is_base64 =
        |octet: &u8| octet.is_ascii_alphanumeric() || octet.is_ascii_whitespace() || b"+/=".contains(octet);
    match text.first() {
        Some(b'<') => RevocationError::HtmlInsteadOfDer(what),
        // The base64 of a SEQUENCE begins with M.
        Some(b'M') if text.len() > 3 && text.iter().all(is_base64) => {
            RevocationError::Base64InsteadOfDer(what)
        }
        _ => RevocationError::Malformed { what, problem: "it does not begin with a SEQUENCE" },
    }
}

/// The three parts of a SIGNED structure: the signed part, the algorithm, the signature; and what follows.
pub(crate) struct Signed<'a> {
    pub(crate) part: Element<'a>,
    pub(crate) algorithm: Algorithm<'a>,
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let part = reader.any()?;
        if part.tag != SEQUENCE {
            return Err("the signed part is not a SEQUENCE");
        }
        let algorithm = Algorithm::read(reader)?;
        let signature = whole_bits(reader.expect(asn1::BIT_STRING)?)?;
        Ok(Self { part, algorithm, signature })
    }
}

/// AlgorithmIdentifier.
#[derive(Clone, Copy)]
pub(crate) struct Algorithm<'a> {
    /// The whole DER: algorithms are the same when this is.
    pub(crate) whole: &'a [u8],
    pub(crate) oid: &'a [u8],
    pub(crate) has_parameters: bool,
}

impl<'a> Algorithm<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let element = reader.any()?;
        if element.tag != SEQUENCE {
            return Err("an algorithm is not a SEQUENCE");
        }
        let mut inside = Reader::new(element.content);
        let oid = object_identifier(&mut inside)?;
        let has_parameters = !inside.is_empty();
        if has_parameters {
            inside.any()?;
        }
        inside.end()?;
        Ok(Self { whole: element.whole, oid, has_parameters })
    }

    pub(crate) fn name(&self) -> AlgorithmName {
        AlgorithmName::of(&Oid::new(self.oid.into()))
    }
}

/// The bytes of a BIT STRING's content, which keys and signatures fill whole.
pub(crate) fn whole_bits(content: &[u8]) -> Result<&[u8], Malformed> {
    match content {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err("a signature is not a whole number of bytes"),
    }
}

/// One extension of a CRL, of an entry, or of an OCSP answer.
#[derive(Clone, Copy)]
pub(crate) struct Extension<'a> {
    /// The content of the object identifier, known to be well-formed.
    pub(crate) oid: &'a [u8],
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

impl Extension<'_> {
    /// The object identifier as people write it.
    pub(crate) fn dotted(&self) -> String {
        asn1::oid(self.oid).unwrap_or_else(|_| hex::encode(self.oid))
    }
}

/// Reads the content of an Extensions and gives each to `each`; none may stand there twice.
pub(crate) fn extensions<'a>(
    content: &'a [u8],
    mut each: impl FnMut(Extension<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(content);
    if reader.is_empty() {
        return Err("a list of extensions is there and empty");
    }
    let mut seen: Vec<&[u8]> = Vec::new();
    while !reader.is_empty() {
        let mut inside = Reader::new(reader.expect(SEQUENCE)?);
        let oid = object_identifier(&mut inside)?;
        // FALSE written out is not DER, and seen in the wild; it changes nothing.
        let critical = inside.optional(BOOLEAN)?.map(asn1::boolean).transpose()?.unwrap_or(false);
        let value = inside.expect(OCTET_STRING)?;
        inside.end()?;
        if seen.contains(&oid) {
            return Err("an extension appears more than once (RFC 5280 section 4.2)");
        }
        if seen.len() >= MAX_EXTENSIONS {
            return Err("there are more extensions in one place than anybody needs");
        }
        seen.push(oid);
        each(Extension { oid, critical, value })?;
    }
    Ok(())
}

/// The content of a well-formed OBJECT IDENTIFIER of a length that can be shown to people.
fn object_identifier<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let oid = reader.expect(OBJECT_IDENTIFIER)?;
    if oid.len() > MAX_OID_SIZE {
        return Err("an object identifier is longer than any that is in use");
    }
    asn1::oid(oid)?;
    Ok(oid)
}

/// The content of an INTEGER as it is, in its shortest form: two serial numbers are the same when this is.
pub(crate) fn integer<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    match reader.expect(INTEGER)? {
        [] => Err("an INTEGER is empty"),
        [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err("an INTEGER is not in its shortest form"),
        content => Ok(content),
    }
}

/// A serial number's content in the form [`integer`] gives, whatever the certificate's writer did.
pub(crate) fn shortest(mut content: &[u8]) -> &[u8] {
    while let [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] = content {
        content = content.get(1..).unwrap_or_default();
    }
    content
}

/// The number of an ENUMERATED's content, as far as CRLReason and OCSPResponseStatus need it.
pub(crate) fn enumerated(content: &[u8]) -> Result<u8, Malformed> {
    match content {
        [code @ 0..=0x7f] => Ok(*code),
        _ => Err("an ENUMERATED is not a small number"),
    }
}

/// Time (RFC 5280 section 4.1.2.5): both forms carry seconds and end in Z, without fractions.
pub(crate) fn time(element: Element<'_>) -> Result<i64, Malformed> {
    match element.tag {
        UTC_TIME => {
            let (year, rest) = digits(element.content, 2)?;
            moment(if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits(element.content, 4)?;
            moment(year, rest)
        }
        _ => Err("a time is neither UTCTime nor GeneralizedTime"),
    }
}

/// The next element as the only form of time that OCSP knows.
pub(crate) fn generalized_time(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    let element = reader.any()?;
    if element.tag == GENERALIZED_TIME { time(element) } else { Err("a time is not a GeneralizedTime") }
}

/// Whether this element is a time at all.
pub(crate) fn is_time(tag: u8) -> bool {
    tag == UTC_TIME || tag == GENERALIZED_TIME
}

fn digits(bytes: &[u8], count: usize) -> Result<(i64, &[u8]), Malformed> {
    const WRONG: Malformed = "a time is not written as YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ";
    let (head, rest) = bytes.split_at_checked(count).ok_or(WRONG)?;
    let mut number = 0;
    for digit in head {
        if !digit.is_ascii_digit() {
            return Err(WRONG);
        }
        number = number * 10 + i64::from(digit - b'0');
    }
    Ok((number, rest))
}

fn moment(year: i64, rest: &[u8]) -> Result<i64, Malformed> {
    let (month, rest) = digits(rest, 2)?;
    let (day, rest) = digits(rest, 2)?;
    let (hour, rest) = digits(rest, 2)?;
    let (minute, rest) = digits(rest, 2)?;
    let (second, rest) = digits(rest, 2)?;
    if rest != b"Z" {
        return Err("a time does not end in Z after its seconds");
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    if day < 1 || day > days || hour > 23 || minute > 59 || second > 59 {
        return Err("a time is on no calendar or clock");
    }
    Ok((days_since_1970(year, month, day) * 24 + hour) * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// A moment as people read it.
pub(crate) fn date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // What lies beyond four digits of year is shown as a number.
    if !(-719_162..2_932_897).contains(&days) {
        return format!("second {seconds} of Unix time");
    }
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn general(text: &str) -> Result<i64, Malformed> {
        time(Element { tag: GENERALIZED_TIME, content: text.as_bytes(), whole: &[] })
    }

    fn utc(text: &str) -> Result<i64, Malformed> {
        time(Element { tag: UTC_TIME, content: text.as_bytes(), whole: &[] })
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
    fn serial_numbers_are_compared_in_their_shortest_form() {
        assert_eq!(shortest(&[0, 0, 0x80]), [0, 0x80]);
        assert_eq!(shortest(&[0, 0, 1]), [1]);
        assert_eq!(shortest(&[0xff, 0xff, 0x80]), [0x80]);
        assert_eq!(shortest(&[0]), [0]);
        assert_eq!(shortest(&[]), [0; 0]);
    }

    proptest! {
        #[test]
        fn a_date_that_is_written_is_the_one_that_was_read(seconds in -62_135_596_800_i64..253_402_300_800) {
            let text: String = date(seconds).chars().filter(|letter| !"-T:".contains(*letter)).collect();
            prop_assert_eq!(general(&text), Ok(seconds));
        }
    }
}
