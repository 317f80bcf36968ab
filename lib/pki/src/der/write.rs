//! Writes DER, element by element: the counterpart of the reader.

use super::{GENERALIZED_TIME, SET, UTC_TIME};
use crate::time::date;

/// One element: identifier, length in its shortest form, and the parts one behind the other.
#[must_use]
pub fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut element = vec![tag];
    match length {
        0..=0x7f => element.extend(length.to_be_bytes().last()),
        _ => {
            let bytes = length.to_be_bytes();
            let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            element.extend(significant.len().to_be_bytes().last().map(|count| count | 0x80));
            element.extend(significant);
        }
    }
    for part in parts {
        element.extend_from_slice(part);
    }
    element
}

/// A number that is not negative, as the content of an INTEGER in its shortest form.
#[must_use]
pub fn unsigned(number: u64) -> Vec<u8> {
    let mut content: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    content
}

/// What stands in a SET OF: the elements in ascending order of their encodings (X.690 section 11.6). None is left out.
#[must_use]
pub fn sorted(mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    elements.concat()
}

/// A SET OF these elements.
#[must_use]
pub fn set_of(elements: Vec<Vec<u8>>) -> Vec<u8> {
    encode(SET, &[&sorted(elements)])
}

/// A moment as GeneralizedTime in the one form of RFC 5280 section 4.1.2.5.2, `YYYYMMDDHHMMSSZ`; none outside the years
/// 0 to 9999.
#[must_use]
pub fn generalized_time(seconds: i64) -> Option<Vec<u8>> {
    Some(encode(GENERALIZED_TIME, &[digits(seconds)?.as_bytes()]))
}

/// A moment as certificates and CMS write it: UTCTime from 1950 through 2049, otherwise GeneralizedTime (RFC 5280
/// section 4.1.2.5, RFC 5652 section 11.3); none outside the years 0 to 9999.
#[must_use]
pub fn choice_of_time(seconds: i64) -> Option<Vec<u8>> {
    let digits = digits(seconds)?;
    match digits.split_at_checked(2)? {
        ("19", rest) if rest >= "5" => Some(encode(UTC_TIME, &[rest.as_bytes()])),
        ("20", rest) if rest < "5" => Some(encode(UTC_TIME, &[rest.as_bytes()])),
        _ => generalized_time(seconds),
    }
}

fn digits(seconds: i64) -> Option<String> {
    let text: String = date(seconds).chars().filter(|letter| !"-T:".contains(*letter)).collect();
    // What is on no calendar of four digits is told in other words.
    (text.len() == 15).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::der::{Element, INTEGER, Reader, only, time, values::count};

    #[test]
    fn numbers_take_the_fewest_octets() {
        assert_eq!((unsigned(0), unsigned(127), unsigned(128)), (vec![0], vec![127], vec![0, 128]));
        assert_eq!((unsigned(65_535), unsigned(u64::MAX).len()), (vec![0, 255, 255], 9));
    }

    #[test]
    fn a_set_is_sorted_by_its_octets() {
        assert_eq!(set_of(vec![vec![5, 0], vec![2, 1, 7], vec![2, 1, 3]]), [0x31, 8, 2, 1, 3, 2, 1, 7, 5, 0]);
    }

    #[test]
    fn years_choose_the_kind_of_time() {
        let tag = |seconds| choice_of_time(seconds).and_then(|time| time.first().copied());
        // The last second of 1949 and the first of 1950; of 2049 and 2050.
        assert_eq!((tag(-631_152_001), tag(-631_152_000)), (Some(GENERALIZED_TIME), Some(UTC_TIME)));
        assert_eq!((tag(2_524_607_999), tag(2_524_608_000)), (Some(UTC_TIME), Some(GENERALIZED_TIME)));
        assert_eq!((tag(i64::MAX), generalized_time(-70_000_000_000)), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(content in proptest::collection::vec(any::<u8>(), 0..300), number: u32,
                                   seconds in -62_135_596_800_i64..253_402_300_800) {
            let element = encode(4, &[&content]);
            prop_assert_eq!(only(&element, 4), Ok(content.as_slice()));
            let number_der = encode(INTEGER, &[&unsigned(u64::from(number))]);
            prop_assert_eq!(count(only(&number_der, INTEGER).unwrap()), Ok(number));
            for written in [generalized_time(seconds), choice_of_time(seconds)] {
                let written = written.unwrap();
                let element: Element<'_> = Reader::new(&written).any().unwrap();
                prop_assert_eq!(time(element), Ok(seconds));
            }
        }
    }
}
