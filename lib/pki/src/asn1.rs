//! A strict reader of DER, as far as certificate extensions need it: one element after the other, lengths in
//! their shortest form, nothing left over. It allocates nothing and never recurses by itself.

/// What was not DER, in words.
pub(crate) type Malformed = &'static str;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// `[number]` in a context, primitive.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// `[number]` in a context, constructed.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// One element: its identifier octet and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Identifier, length and content.
    pub(crate) whole: &'a [u8],
}

/// Reads elements from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A reader inside the one SEQUENCE that `bytes` must be.
    pub(crate) fn sequence(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self::new(only(bytes, SEQUENCE)?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Result<Element<'a>, Malformed> {
        const CUT: Malformed = "an element is cut off";
        let (&tag, after_tag) = self.rest.split_first().ok_or(CUT)?;
        if tag & 0x1f == 0x1f {
            return Err("a tag number above 30, which no certificate extension uses");
        }
        let (&first, after_length) = after_tag.split_first().ok_or(CUT)?;
        let (length, after_length) = match first {
            0..=0x7f => (usize::from(first), after_length),
            0x81..=0x84 => {
                let octets = usize::from(first & 0x7f);
                let (digits, after) = after_length.split_at_checked(octets).ok_or(CUT)?;
                let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
                let shortest = match octets {
                    1 => length > 0x7f,
                    2 => length > 0xff,
                    3 => length > 0xffff,
                    _ => length > 0xff_ffff,
                };
                if !shortest {
                    return Err("a length is not in its shortest form");
                }
                (length, after)
            }
            _ => return Err("a length is indefinite or too large"),
        };
        let (content, rest) = after_length.split_at_checked(length).ok_or(CUT)?;
        let (whole, _) = self.rest.split_at_checked(self.rest.len() - rest.len()).ok_or(CUT)?;
        self.rest = rest;
        Ok(Element { tag, content, whole })
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        self.optional(tag)?.ok_or("an element is missing, or another stands in its place")
    }

    /// The content of the next element if it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.rest.first() == Some(&tag) {
            self.any().map(|element| Some(element.content))
        } else {
            Ok(None)
        }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err("something follows where the structure ends") }
    }
}

/// The content of the one element that `bytes` must be.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(bytes);
    let content = reader.expect(tag)?;
    reader.end()?;
    Ok(content)
}

/// A BOOLEAN's content.
pub(crate) fn boolean(content: &[u8]) -> Result<bool, Malformed> {
    match content {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err("a BOOLEAN is neither 00 nor ff"),
    }
}

/// An INTEGER's content, for the fields that count certificates: not negative. What does not fit is held at the
/// largest number, which no path can reach.
pub(crate) fn count(content: &[u8]) -> Result<u32, Malformed> {
    match content {
        [] => Err("an INTEGER is empty"),
        [0x80..=0xff, ..] => Err("a number that counts certificates is negative"),
        [0, 0..=0x7f, ..] => Err("an INTEGER is not in its shortest form"),
        digits => Ok(digits.iter().fold(0_u32, |number, digit| {
            number
                .checked_mul(256)
                .and_then(|number| number.checked_add(u32::from(*digit)))
                .unwrap_or(u32::MAX)
        })),
    }
}

/// A named-bit list's content as a number whose bit `n` is the list's bit `n`, for lists of up to 16 bits.
/// Trailing zero bits, which DER leaves out, are passed over: real certificates have them.
pub(crate) fn named_bits(content: &[u8]) -> Result<u16, Malformed> {
    let (&unused, octets) = content.split_first().ok_or("a BIT STRING is empty")?;
    if unused > 7 || (octets.is_empty() && unused != 0) {
        return Err("a BIT STRING leaves an impossible number of bits unused");
    }
    if octets.len() > 2 {
        return Err("a list of named bits is longer than two octets");
    }
    let mut bits = 0_u16;
    for (position, octet) in octets.iter().enumerate() {
        bits |= u16::from(octet.reverse_bits()) << (8 * position);
    }
    let length = 8 * octets.len() - usize::from(unused);
    if length < 16 && bits >> length != 0 {
        return Err("a BIT STRING has bits set where it says they are unused");
    }
    Ok(bits)
}

/// An OBJECT IDENTIFIER's content as dotted text.
pub(crate) fn oid(content: &[u8]) -> Result<String, Malformed> {
    if content.last().is_none_or(|octet| octet & 0x80 != 0) {
        return Err("an object identifier is empty or cut off");
    }
    let mut text = String::new();
    let mut arc = 0_u128;
    let mut begins = true;
    for octet in content {
        if begins && *octet == 0x80 {
            return Err("an object identifier is not in its shortest form");
        }
        arc = arc.checked_mul(128).ok_or("an object identifier has too large a number")?
            | u128::from(octet & 0x7f);
        begins = octet & 0x80 == 0;
        if begins {
            if text.is_empty() {
                let first = (arc / 40).min(2);
                text = format!("{first}.{}", arc - first * 40);
            } else {
                text.push('.');
                text.push_str(&arc.to_string());
            }
            arc = 0;
        }
    }
    Ok(text)
}

/// Bytes that must be ASCII, as an IA5String is.
pub(crate) fn ia5(content: &[u8]) -> Result<&str, Malformed> {
    match std::str::from_utf8(content) {
        Ok(text) if text.is_ascii() => Ok(text),
        _ => Err("an IA5String holds something other than ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_must_be_short_and_complete() {
        assert_eq!(only(&[0x30, 0], SEQUENCE), Ok([].as_slice()));
        for bytes in [
            [0x30].as_slice(),
            &[0x30, 1],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x81, 1, 0],
            &[0x30, 0x82, 0, 0x80],
            &[0x30, 0x84, 0, 0, 0, 0],
            &[0x30, 0x84, 0, 0xff, 0xff, 0xff],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x85, 1, 0, 0, 0, 0],
            &[0x30, 0, 0],
            &[0x3f, 0x20, 0],
        ] {
            assert!(only(bytes, SEQUENCE).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn object_identifiers_are_those_of_x660() {
        assert_eq!(oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]).as_deref(), Ok("1.2.840.10045.2.1"));
        assert_eq!(oid(&[0x88, 0x37, 0x03]).as_deref(), Ok("2.999.3"));
        for bytes in [[].as_slice(), &[0x80, 1], &[0x2a, 0x86], &[0x2a, 0x80, 1], &[0xff; 20]] {
            assert!(oid(bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn numbers_that_count_are_never_negative_and_never_wrap() {
        assert_eq!(count(&[0]), Ok(0));
        assert_eq!(count(&[0, 0x80]), Ok(128));
        assert_eq!(count(&[0x7f, 0xff, 0xff, 0xff, 0xff]), Ok(u32::MAX));
        assert!(count(&[]).is_err() && count(&[0xff]).is_err() && count(&[0, 1]).is_err());
    }

    #[test]
    fn bits_are_numbered_from_the_front() {
        assert_eq!(named_bits(&[1, 0x06]), Ok(0b0110_0000));
        assert_eq!(named_bits(&[7, 0, 0x80]), Ok(0b1_0000_0000));
        assert_eq!(named_bits(&[0]), Ok(0));
        assert!(named_bits(&[1, 0x07]).is_err() && named_bits(&[8, 0]).is_err() && named_bits(&[1]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_elements_cover_their_bytes(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut reader = Reader::new(&bytes);
            let mut read = Vec::new();
            while let Ok(element) = reader.any() {
                read.extend_from_slice(element.whole);
                let _ = (oid(element.content), count(element.content), named_bits(element.content));
            }
            prop_assert!(bytes.starts_with(&read));
        }
    }
}
