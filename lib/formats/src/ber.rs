//! A reader of BER for the few structures that the field may send in it: RFC 5652 and with it RFC 5280 section
//! 4.2.2.1 ask for BER of a certs-only CMS, not for DER. Elements of indefinite length, and lengths in more bytes
//! than they need, are read; what lies inside is handed on as it came, so a certificate is still judged as DER.
//! It allocates nothing and never recurses.

use ctl_pki::der::{Element, Malformed};

/// How deep elements of indefinite length may be nested.
const MAX_DEPTH: usize = 32;
const CUT: &str = "an element is cut off";

/// Reads elements from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BerReader<'a> {
    rest: &'a [u8],
}

impl<'a> BerReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever it is; the bytes that end an indefinite length are no part of its content.
    pub(crate) fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let (tag, length, header) = header(self.rest)?;
        let inside = self.rest.get(header..).ok_or(CUT)?;
        let (content, end) = match length {
            Some(length) => (inside.get(..length).ok_or(CUT)?, length),
            None => {
                let length = up_to_end(inside)?;
                (inside.get(..length).ok_or(CUT)?, length + 2)
            }
        };
        let (whole, rest) = self.rest.split_at_checked(header + end).ok_or(CUT)?;
        self.rest = rest;
        Ok(Element::found(tag, content, whole))
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        Ok(self.optional(tag)?.ok_or("an element is missing, or another stands in its place")?)
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
        if self.rest.is_empty() { Ok(()) } else { Err("something follows where the structure ends".into()) }
    }
}

/// Identifier, length (none for an indefinite one) and how many bytes both take.
fn header(bytes: &[u8]) -> Result<(u8, Option<usize>, usize), Malformed> {
    let (&tag, after_tag) = bytes.split_first().ok_or(CUT)?;
    if tag & 0x1f == 0x1f {
        return Err("a tag number above 30, which nothing here uses".into());
    }
    let (&first, after_length) = after_tag.split_first().ok_or(CUT)?;
    match first {
        0..=0x7f => Ok((tag, Some(usize::from(first)), 2)),
        0x80 if tag & 0x20 == 0 => Err("a primitive element has no length".into()),
        0x80 => Ok((tag, None, 2)),
        _ => {
            let bytes = usize::from(first & 0x7f);
            let digits = after_length.get(..bytes).ok_or(CUT)?;
            let length = digits
                .iter()
                .try_fold(0_usize, |length, digit| length.checked_mul(256)?.checked_add(usize::from(*digit)));
            Ok((tag, Some(length.ok_or("a length is larger than anything there is")?), 2 + bytes))
        }
    }
}

/// How many bytes come before the two that end the element of indefinite length which `bytes` lie in.
fn up_to_end(bytes: &[u8]) -> Result<usize, Malformed> {
    let (mut at, mut depth) = (0_usize, 1_usize);
    loop {
        let rest = bytes.get(at..).ok_or(CUT)?;
        if let [0, 0, ..] = rest {
            depth -= 1;
            if depth == 0 {
                return Ok(at);
            }
            at += 2;
            continue;
        }
        let (_, length, header) = header(rest)?;
        at = at.checked_add(header).and_then(|at| at.checked_add(length.unwrap_or(0))).ok_or(CUT)?;
        if length.is_none() {
            depth += 1;
            if depth > MAX_DEPTH {
                return Err("elements of indefinite length lie too deep inside each other".into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use ctl_pki::der::{Reader, SEQUENCE};

    #[test]
    fn indefinite_lengths_end_where_they_end() {
        // SEQUENCE { SEQUENCE { NULL }, OCTET STRING 00 00 }, both indefinite, and something after it.
        let bytes = [0x30, 0x80, 0x30, 0x80, 5, 0, 0, 0, 4, 2, 0, 0, 0, 0, 5, 0];
        let mut reader = BerReader::new(&bytes);
        let mut inside = BerReader::new(reader.expect(SEQUENCE).unwrap());
        assert_eq!(inside.expect(SEQUENCE), Ok([5, 0].as_slice()));
        assert_eq!(inside.expect(4), Ok([0, 0].as_slice()));
        assert_eq!((inside.end(), reader.expect(5), reader.end()), (Ok(()), Ok([].as_slice()), Ok(())));
        assert_eq!(BerReader::new(&[0x30, 0x84, 0, 0, 0, 1, 7]).expect(SEQUENCE), Ok([7].as_slice()));
    }

    #[test]
    fn what_has_no_end_is_refused_and_depth_costs_nothing() {
        let deep = [0x30, 0x80].repeat(100_000);
        for bytes in [
            [0x30, 0x80].as_slice(),
            &[0x30, 0x80, 0],
            &[0x30, 0x80, 4, 1],
            &[4, 0x80, 0, 0],
            &[0x30, 0xff],
            &[0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x80, 0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
            &deep,
        ] {
            assert!(BerReader::new(bytes).any().is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_der_reads_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let ber = BerReader::new(&bytes).any();
            if let Ok(element) = Reader::new(&bytes).any() {
                prop_assert_eq!(ber, Ok(element));
            }
        }
    }
}
