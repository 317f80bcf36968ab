//! The one reader of DER (ITU-T X.690), element by element, and its writer. It allocates nothing, never recurses by itself, and knows
//! where in the whole each element stands.
//!
//! It has two faces. [`Face::Strict`] refuses what is not DER. [`Face::Flawed`] reads on where the meaning is plain
//! although DER forbids how it is written; [`examine`] then says what is flawed, and where: a linter cannot stand on a
//! reader that forgives in silence, nor on one that stops at the first flaw.

mod flaws;
mod malformed;
mod time;
mod values;
mod write;

pub(crate) use flaws::check;
pub use flaws::{Flaw, Form, examine, is_printable};
use malformed::CUT;
pub use malformed::Malformed;
pub(crate) use time::is_time;
pub use time::{GENERALIZED_TIME, UTC_TIME, WrittenTime, time, written_time};
pub(crate) use values::{boolean, count, enumerated, ia5, named_bits, oid};
pub use write::{choice_of_time, encode, generalized_time, set_of, sorted, unsigned};

pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const NULL: u8 = 0x05;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const ENUMERATED: u8 = 0x0a;
/// UTF8String.
pub const UTF8_STRING: u8 = 0x0c;
/// PrintableString.
pub const PRINTABLE_STRING: u8 = 0x13;
/// IA5String.
pub const IA5_STRING: u8 = 0x16;
/// VisibleString.
pub const VISIBLE_STRING: u8 = 0x1a;
/// BMPString.
pub const BMP_STRING: u8 = 0x1e;
/// SEQUENCE and SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;
/// SET and SET OF.
pub const SET: u8 = 0x31;

/// `[number]` in a context, primitive.
pub const fn context(number: u8) -> u8 {
    0x80 | number
}

/// `[number]` in a context, constructed.
pub const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// How much is forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Nothing.
    Strict,
    /// What [`examine`] calls a [`Flaw`].
    Flawed,
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// Its identifier, one byte.
    pub tag: u8,
    /// Where it begins, counted in bytes from where the reader began.
    pub at: usize,
    /// What stands in it.
    pub content: &'a [u8],
    /// Identifier, length and content.
    pub whole: &'a [u8],
    face: Face,
    is_long: bool,
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for Element<'_> {}

impl<'a> Element<'a> {
    /// An element that another reader has found: `whole` ends with `content`.
    pub fn found(tag: u8, content: &'a [u8], whole: &'a [u8]) -> Self {
        Self { tag, at: 0, content, whole, face: Face::Strict, is_long: false }
    }

    /// Whether further elements stand in it.
    pub fn is_constructed(&self) -> bool {
        self.tag & 0x20 != 0
    }

    /// Where its content begins.
    pub fn content_at(&self) -> usize {
        self.at + (self.whole.len() - self.content.len())
    }

    /// A reader of what stands in it.
    pub fn inside(&self) -> Reader<'a> {
        Reader { rest: self.content, at: self.content_at(), face: self.face }
    }

    /// What is wrong with it, as an error.
    pub fn wrong(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }

    /// The content of an OBJECT IDENTIFIER as dotted text.
    ///
    /// # Errors
    /// It is cut off or empty. The strict face also refuses padded and too large numbers; the other writes those in hex.
    pub fn oid(&self) -> Result<String, Malformed> {
        match (oid(self.content), self.face) {
            (Ok(text), _) => Ok(text),
            (Err(_), Face::Flawed) if self.content.last().is_some_and(|last| *last < 0x80) => {
                Ok(values::padded_oid(self.content))
            }
            (Err(error), _) => Err(self.wrong(error.what)),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, Malformed> {
        match (self.content, self.face) {
            ([value], Face::Flawed) => Ok(*value != 0),
            _ => boolean(self.content).map_err(|error| self.wrong(error.what)),
        }
    }

    pub(crate) fn count(&self) -> Result<u32, Malformed> {
        let mut content = self.content;
        while let ([0, 0..=0x7f, ..], Face::Flawed) = (content, self.face) {
            content = content.get(1..).unwrap_or_default();
        }
        count(content).map_err(|error| self.wrong(error.what))
    }

    pub(crate) fn named_bits(&self) -> Result<u16, Malformed> {
        let content: &[u8] = match (self.content, self.face) {
            // Bits that are set where they are said to be unused are a flaw, and mean nothing.
            ([unused @ 1..=7, bits @ .., last], Face::Flawed) if bits.len() < 2 => {
                let last = last & (0xff << unused);
                return match bits {
                    [] => named_bits(&[*unused, last]),
                    [first, ..] => named_bits(&[*unused, *first, last]),
                }
                .map_err(|error| self.wrong(error.what));
            }
            (content, _) => content,
        };
        named_bits(content).map_err(|error| self.wrong(error.what))
    }

    pub(crate) fn ia5(&self) -> Result<&'a str, Malformed> {
        ia5(self.content).map_err(|error| self.wrong(error.what))
    }
}

/// Reads elements that stand one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
    face: Face,
}

impl<'a> Reader<'a> {
    /// A strict reader from the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0, Face::Strict)
    }

    /// A reader of `bytes`, the first of which stands at `at` in the whole.
    pub fn at(bytes: &'a [u8], at: usize, face: Face) -> Self {
        Self { rest: bytes, at, face }
    }

    /// A strict reader inside the one SEQUENCE that `bytes` must be.
    ///
    /// # Errors
    /// They are something else.
    pub fn sequence(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self::new(bytes).only(SEQUENCE)?.inside())
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether it forgives nothing.
    pub fn is_strict(&self) -> bool {
        self.face == Face::Strict
    }

    /// What is wrong where it stands, as an error.
    pub fn wrong(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// It is cut off or has no definite length; the strict face also refuses a length in more bytes than it needs.
    pub fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let (at, face) = (self.at, self.face);
        let cut = Malformed { at, what: CUT };
        let wrong = |what| Err(Malformed { at, what });
        let (&tag, after_tag) = self.rest.split_first().ok_or(cut)?;
        if tag & 0x1f == 0x1f {
            return wrong("a tag number above 30, which no certificate extension uses");
        }
        let (&first, after_length) = after_tag.split_first().ok_or(cut)?;
        let (length, after_length, is_long) = match first {
            0..=0x7f => (usize::from(first), after_length, false),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let (digits, after) = after_length.split_at_checked(count).ok_or(cut)?;
                let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
                let limit = if count == 1 { 0x7f } else { (1_usize << (8 * (count - 1))) - 1 };
                (length, after, length <= limit)
            }
            _ => return wrong("a length is indefinite or too large"),
        };
        if is_long && face == Face::Strict {
            return wrong("a length is not in its shortest form");
        }
        let (content, rest) = after_length.split_at_checked(length).ok_or(cut)?;
        let (whole, _) = self.rest.split_at_checked(self.rest.len() - rest.len()).ok_or(cut)?;
        self.rest = rest;
        self.at += whole.len();
        Ok(Element { tag, at, content, whole, face, is_long })
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// It has another, or there is none.
    pub fn element(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        let missing = self.wrong("an element is missing, or another stands in its place");
        self.optional_element(tag)?.ok_or(missing)
    }

    /// The next element if it has this tag; otherwise nothing is read.
    ///
    /// # Errors
    /// It begins so and cannot be read.
    pub fn optional_element(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.rest.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// The one element that must be left, with this tag.
    ///
    /// # Errors
    /// It has another, or something follows it.
    pub fn only(mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        let element = self.element(tag)?;
        self.end()?;
        Ok(element)
    }

    /// The content of the next element, which must have this tag.
    ///
    /// # Errors
    /// As [`element`](Self::element).
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        self.element(tag).map(|element| element.content)
    }

    /// The content of the next element if it has this tag; otherwise nothing is read.
    ///
    /// # Errors
    /// As [`optional_element`](Self::optional_element).
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        Ok(self.optional_element(tag)?.map(|element| element.content))
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// Something does.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(self.wrong("something follows where the structure ends")) }
    }
}

/// The content of the one element that `bytes` must be, strictly.
///
/// # Errors
/// They are something else.
pub fn only(bytes: &[u8], tag: u8) -> Result<&[u8], Malformed> {
    Reader::new(bytes).only(tag).map(|element| element.content)
}

/// Where `part` begins in `whole`, of which it is a piece.
pub(crate) fn offset(whole: &[u8], part: &[u8]) -> Option<usize> {
    let from = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (whole.get(from..from.checked_add(part.len())?)? == part).then_some(from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn a_flawed_length_is_read_on_request_and_every_element_knows_its_place() {
        let bytes = [0x30, 0x81, 5, 2, 1, 7, 5, 0];
        assert_eq!(Reader::new(&bytes).any().unwrap_err().at, 0);
        let outer = Reader::at(&bytes, 100, Face::Flawed).only(SEQUENCE).unwrap();
        let mut inside = outer.inside();
        let (number, null) = (inside.element(INTEGER).unwrap(), inside.any().unwrap());
        assert_eq!((outer.at, number.at, null.at), (100, 103, 106));
        assert_eq!(inside.element(NULL).unwrap_err().at, 108);
    }

    #[test]
    fn the_flawed_face_takes_the_plain_meaning() {
        let element = |bytes: &'static [u8]| Reader::at(bytes, 0, Face::Flawed).any().unwrap();
        assert_eq!(element(&[1, 1, 7]).boolean(), Ok(true));
        assert_eq!(element(&[2, 2, 0, 1]).count(), Ok(1));
        assert_eq!(element(&[3, 2, 1, 0x07]).named_bits(), Ok(0b0110_0000));
        assert_eq!(element(&[3, 3, 7, 0x80, 0xff]).named_bits(), Ok(0b1_0000_0001));
        assert_eq!(element(&[6, 3, 0x2a, 0x80, 1]).oid().as_deref(), Ok("1.2.1"));
        assert!(element(&[6, 1, 0x80]).oid().is_err() && element(&[1, 2, 0, 0]).boolean().is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_elements_cover_their_bytes(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            is_strict in any::<bool>(),
        ) {
            let face = if is_strict { Face::Strict } else { Face::Flawed };
            let mut reader = Reader::at(&bytes, 0, face);
            let mut read = Vec::new();
            while let Ok(element) = reader.any() {
                prop_assert_eq!(element.at, read.len());
                read.extend_from_slice(element.whole);
                let _ = (element.oid(), element.count(), element.named_bits(), element.boolean());
            }
            prop_assert!(bytes.starts_with(&read));
        }
    }
}
