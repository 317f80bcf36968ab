//! DER, element by element, with a note of everything that DER forbids and a parser would forgive.
//!
//! A linter cannot stand on a parser that normalises: what it has to find is gone by then. So this reads tags and
//! lengths itself, bounded in depth, and never allocates from a length.

/// How deep elements may stand in each other. A certificate needs less than a dozen.
const MAX_DEPTH: usize = 24;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// Where its tag stands in the certificate.
    pub(crate) at: usize,
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    pub(crate) content: &'a [u8],
    /// The length is written in more bytes than it needs.
    long: bool,
}

impl<'a> Element<'a> {
    pub(crate) fn is_constructed(&self) -> bool {
        self.tag & 0x20 != 0
    }

    pub(crate) fn content_at(&self) -> usize {
        self.at + self.whole.len() - self.content.len()
    }

    /// A reader of what stands inside.
    pub(crate) fn inside(&self) -> Reader<'a> {
        Reader::new(self.content, self.content_at())
    }
}

/// Why bytes cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// Reads elements that stand one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Over `bytes`, the first of which stands at `at` in the certificate.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self, what: &str) -> Result<Element<'a>, Fault> {
        let fault = |problem: &str| Fault::new(self.at, format!("{what}: {problem}"));
        let [tag, first, ..] = *self.bytes else { return Err(fault("the bytes end before it")) };
        if tag & 0x1f == 0x1f {
            return Err(fault("a tag of several bytes, which no certificate has"));
        }
        let (header, length, long) = match first {
            0..=0x7f => (2, usize::from(first), false),
            0x80 => return Err(fault("an indefinite length, which DER forbids")),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let digits =
                    self.bytes.get(2..2 + count).ok_or_else(|| fault("the bytes end in its length"))?;
                let length = digits.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
                let needs =
                    if length < 0x80 { 0 } else { (usize::BITS - length.leading_zeros()).div_ceil(8) };
                (2 + count, length, count > needs as usize)
            }
            _ => return Err(fault("a length of more than four bytes")),
        };
        let whole =
            self.bytes.get(..header + length).ok_or_else(|| fault("its length reaches beyond the end"))?;
        let element =
            Element { tag, at: self.at, whole, content: whole.get(header..).unwrap_or_default(), long };
        self.bytes = self.bytes.get(whole.len()..).unwrap_or_default();
        self.at += whole.len();
        Ok(element)
    }

    /// The next element, which must have this tag.
    pub(crate) fn tagged(&mut self, tag: u8, what: &str) -> Result<Element<'a>, Fault> {
        let element = self.any(what)?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(Fault::new(element.at, format!("{what}: tag {:02x} instead of {tag:02x}", element.tag)))
        }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8, what: &str) -> Result<Option<Element<'a>>, Fault> {
        if self.bytes.first() == Some(&tag) { self.any(what).map(Some) } else { Ok(None) }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self, what: &str) -> Result<(), Fault> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Fault::new(self.at, format!("{} bytes too many after {what}", self.bytes.len())))
        }
    }
}

/// A way in which bytes differ from DER although they can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Length,
    Number,
    Boolean,
    BitString,
    SetOrder,
    Default,
}

/// Where the bytes are not DER, and how.
#[derive(Clone, Debug)]
pub(crate) struct Flaw {
    pub(crate) form: Form,
    pub(crate) at: usize,
    pub(crate) what: String,
}

/// Notes every flaw in these elements and what stands in them. A fault means that they are no elements at all.
pub(crate) fn examine(bytes: &[u8], at: usize, flaws: &mut Vec<Flaw>) -> Result<(), Fault> {
    examine_to(bytes, at, flaws, MAX_DEPTH)
}

fn examine_to(bytes: &[u8], at: usize, flaws: &mut Vec<Flaw>, depth: usize) -> Result<(), Fault> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::new(at, format!("elements stand more than {MAX_DEPTH} deep in each other")));
    };
    let mut reader = Reader::new(bytes, at);
    while !reader.is_at_end() {
        let element = reader.any("an element")?;
        examine_one(&element, flaws)?;
        if element.is_constructed() {
            examine_to(element.content, element.content_at(), flaws, depth)?;
        }
    }
    Ok(())
}

fn examine_one(element: &Element<'_>, flaws: &mut Vec<Flaw>) -> Result<(), Fault> {
    let at = element.at;
    let mut flaw = |form, what: String| flaws.push(Flaw { form, at, what });
    if element.long {
        flaw(Form::Length, "a length in more bytes than it needs".to_owned());
    }
    match (element.tag, element.content) {
        (BOOLEAN, [0x00 | 0xff]) => {}
        (BOOLEAN, [value]) => flaw(Form::Boolean, format!("BOOLEAN {value:02x}")),
        (BOOLEAN, _) => return Err(Fault::new(at, "a BOOLEAN that is not one byte")),
        (INTEGER, []) => return Err(Fault::new(at, "an INTEGER without content")),
        (INTEGER, [0x00, next, ..]) if *next < 0x80 => {
            flaw(Form::Number, "an INTEGER with a leading 00".to_owned())
        }
        (INTEGER, [0xff, next, ..]) if *next >= 0x80 => {
            flaw(Form::Number, "an INTEGER with a leading ff".to_owned())
        }
        (BIT_STRING, [] | [8..=0xff, ..] | [1..=7]) => {
            return Err(Fault::new(at, "a BIT STRING whose count of unused bits is impossible"));
        }
        (BIT_STRING, [unused @ 1..=7, .., last]) if last & ((1 << unused) - 1) != 0 => {
            flaw(Form::BitString, "a BIT STRING whose unused bits are not zero".to_owned());
        }
        (OID, []) => return Err(Fault::new(at, "an OBJECT IDENTIFIER without content")),
        (OID, [.., last]) if *last >= 0x80 => {
            return Err(Fault::new(at, "an OBJECT IDENTIFIER that is cut off"));
        }
        (OID, content) => {
            let starts = std::iter::once(&0).chain(content).zip(content);
            if starts.into_iter().any(|(before, byte)| *before < 0x80 && *byte == 0x80) {
                flaw(Form::Number, "an OBJECT IDENTIFIER with a padded number".to_owned());
            }
        }
        (SET, content) if !is_sorted(content, element.content_at()) => {
            flaw(Form::SetOrder, "a SET OF whose elements are not in ascending order".to_owned());
        }
        // Universal SEQUENCE and SET are constructed, every other universal type is primitive.
        (0x10 | 0x11, _) => return Err(Fault::new(at, "a SEQUENCE or SET that is not constructed")),
        (0x20..=0x2f | 0x32..=0x3f, _) => {
            return Err(Fault::new(at, "a value in constructed form, which DER forbids"));
        }
        _ => {}
    }
    Ok(())
}

fn is_sorted(content: &[u8], at: usize) -> bool {
    let mut reader = Reader::new(content, at);
    let mut before: &[u8] = &[];
    while !reader.is_at_end() {
        // What cannot be read is found when its own turn comes.
        let Ok(element) = reader.any("an element") else { return true };
        if element.whole < before {
            return false;
        }
        before = element.whole;
    }
    true
}

/// An object identifier in dotted text; one with numbers beyond 64 bits is written in hex.
pub(crate) fn dotted(content: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc: u64 = 0;
    for byte in content {
        if arc >> 57 != 0 {
            return format!("#{}", hex::encode(content));
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        if *byte < 0x80 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc -= first * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}
