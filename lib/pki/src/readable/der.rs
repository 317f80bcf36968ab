//! Whether bytes are DER throughout: every element down to the values.

use crate::asn1::{
    self, BIT_STRING, BOOLEAN, ENUMERATED, Element, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING,
    Reader, SEQUENCE, SET,
};
use crate::revocation::read as times;

/// How deep elements may stand in each other. A certificate needs less than a dozen.
const MAX_DEPTH: usize = 24;
const UNIVERSAL: u8 = 0x00;
const CONSTRUCTED: u8 = 0x20;

/// Walks through every element. Types that no certificate of today holds are refused with the rest.
pub(super) fn walk(bytes: &[u8]) -> Result<(), Malformed> {
    walk_to(bytes, MAX_DEPTH)
}

fn walk_to(bytes: &[u8], depth: usize) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or("elements stand too deep in each other")?;
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let element = reader.any()?;
        let constructed = element.tag & CONSTRUCTED != 0;
        if element.tag & 0xc0 == UNIVERSAL {
            check_universal(&element)?;
        }
        if element.tag == SET {
            check_order(element.content)?;
        }
        if constructed {
            walk_to(element.content, depth)?;
        }
    }
    Ok(())
}

fn check_universal(element: &Element<'_>) -> Result<(), Malformed> {
    let content = element.content;
    match element.tag {
        SEQUENCE | SET | OCTET_STRING => Ok(()),
        BOOLEAN => asn1::boolean(content).map(drop),
        INTEGER | ENUMERATED => match content {
            [] => Err("an INTEGER is empty"),
            [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err("an INTEGER is not in its shortest form"),
            _ => Ok(()),
        },
        BIT_STRING => check_bits(content),
        OBJECT_IDENTIFIER => asn1::oid(content).map(drop),
        0x05 if content.is_empty() => Ok(()),
        0x05 => Err("a NULL holds something"),
        0x0c => std::str::from_utf8(content).map(drop).map_err(|_| "a UTF8String is not UTF-8"),
        0x13 if content.iter().all(|byte| is_printable(*byte)) => Ok(()),
        0x13 => Err("a PrintableString holds a character that does not belong there"),
        0x16 if content.is_ascii() => Ok(()),
        0x16 => Err("an IA5String holds something other than ASCII"),
        0x17 | 0x18 => times::time(*element).map(drop),
        0x1a if content.iter().all(|byte| (0x20..0x7f).contains(byte)) => Ok(()),
        0x1a => Err("a VisibleString holds a character that does not belong there"),
        _ => Err("a type of value that no certificate of today holds, or in constructed form"),
    }
}

fn check_bits(content: &[u8]) -> Result<(), Malformed> {
    match content {
        [0, ..] => Ok(()),
        [unused @ 1..=7, .., last] if last & ((1 << unused) - 1) == 0 => Ok(()),
        _ => Err("a BIT STRING has an impossible number of unused bits, or they are not zero"),
    }
}

/// X.690 section 11.6; two alike have no place in a name.
fn check_order(content: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(content);
    let mut before: &[u8] = &[];
    while !reader.is_empty() {
        let element = reader.any()?;
        if element.whole <= before {
            return Err("a SET OF is not in ascending order");
        }
        before = element.whole;
    }
    Ok(())
}

/// X.680 section 41.4.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_der_forbids_is_found_wherever_it_stands() {
        for sound in
            [[0x30, 3, 2, 1, 5].as_slice(), &[0xa0, 2, 5, 0], &[3, 2, 1, 0x06], &[0x0c, 2, 0xc3, 0xa4]]
        {
            assert_eq!(walk(sound), Ok(()), "{sound:02x?}");
        }
        for broken in [
            [0x30, 4, 2, 2, 0, 5].as_slice(),
            &[0xa0, 3, 5, 1, 0],
            &[3, 2, 1, 0x07],
            &[3, 1, 1],
            &[3, 0],
            &[0x0c, 1, 0xff],
            &[0x13, 1, b'@'],
            &[0x16, 1, 0x80],
            &[0x17, 1, b'Z'],
            &[1, 1, 1],
            &[0x24, 2, 4, 0],
            &[0x31, 6, 2, 1, 2, 2, 1, 1],
            &[0x14, 1, b'a'],
            &[0x30, 0x81, 1, 0],
        ] {
            assert!(walk(broken).is_err(), "{broken:02x?}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = (0..100).fold(Vec::new(), |inner: Vec<u8>, _| {
            let mut outer = vec![0x30];
            match u8::try_from(inner.len()) {
                Ok(length) if length < 0x80 => outer.push(length),
                _ => outer.extend([0x81, inner.len() as u8]),
            }
            outer.extend(inner);
            outer
        });
        assert!(walk(&nested).unwrap_err().contains("deep"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = walk(&bytes);
        }
    }
}
