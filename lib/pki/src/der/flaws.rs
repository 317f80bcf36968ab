//! What DER forbids and a reader could forgive, with the place where it stands.

use super::{
    BIT_STRING, BOOLEAN, ENUMERATED, Element, Face, IA5_STRING, INTEGER, Malformed, NULL, OBJECT_IDENTIFIER,
    OCTET_STRING, PRINTABLE_STRING, Reader, SEQUENCE, SET, UTF8_STRING, VISIBLE_STRING, is_time, oid, time,
};

/// How deep elements may stand in each other. A certificate needs less than a dozen.
const MAX_DEPTH: usize = 24;

/// A way in which bytes differ from DER although they can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A length in more bytes than it needs (X.690 section 10.1).
    Length,
    /// A padded number (X.690 sections 8.3.2 and 8.19.2).
    Number,
    /// A BOOLEAN that is neither 00 nor ff (X.690 section 11.1).
    Boolean,
    /// Unused bits that are set, or named bits beyond the last that is set (X.690 section 11.2).
    BitString,
    /// A SET OF that is not in ascending order (X.690 section 11.6).
    SetOrder,
    /// A value that is the default and is written out all the same (X.690 section 11.5).
    Default,
    /// A value that its type does not allow.
    Value,
    /// A type that no certificate of today holds.
    Type,
}

/// Where bytes are not DER, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Which rule of DER is broken.
    pub form: Form,
    /// Where, counted in bytes from where the reader began.
    pub at: usize,
    /// What is there, in words.
    pub what: &'static str,
}

/// Notes every flaw in these elements and in what stands in them; the first of `bytes` stands at `at`.
///
/// # Errors
/// They are no elements at all, or stand deeper in each other than any certificate needs.
pub fn examine(bytes: &[u8], at: usize, flaws: &mut Vec<Flaw>) -> Result<(), Malformed> {
    examine_to(Reader::at(bytes, at, Face::Flawed), flaws, MAX_DEPTH)
}

/// Refuses the first flaw in these elements and in what stands in them.
pub(crate) fn check(bytes: &[u8], at: usize) -> Result<(), Malformed> {
    let mut flaws = Vec::new();
    examine(bytes, at, &mut flaws)?;
    flaws.first().map_or(Ok(()), |flaw| Err(Malformed { at: flaw.at, what: flaw.what }))
}

fn examine_to(mut reader: Reader<'_>, flaws: &mut Vec<Flaw>, depth: usize) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or(reader.wrong("elements stand too deep in each other"))?;
    while !reader.is_empty() {
        let element = reader.any()?;
        examine_one(&element, flaws)?;
        if element.is_constructed() {
            examine_to(element.inside(), flaws, depth)?;
        }
    }
    Ok(())
}

fn examine_one(element: &Element<'_>, flaws: &mut Vec<Flaw>) -> Result<(), Malformed> {
    let wrong = |what| Err(element.wrong(what));
    let mut flaw = |form, what| flaws.push(Flaw { form, at: element.at, what });
    if element.is_long {
        flaw(Form::Length, "a length in more bytes than it needs");
    }
    let content = element.content;
    match (element.tag, content) {
        (BOOLEAN, [0x00 | 0xff]) => {}
        (BOOLEAN, [_]) => flaw(Form::Boolean, "a BOOLEAN that is neither 00 nor ff"),
        (BOOLEAN, _) => return wrong("a BOOLEAN that is not one byte"),
        (INTEGER | ENUMERATED, []) => return wrong("an INTEGER without content"),
        (INTEGER | ENUMERATED, [0x00, 0..=0x7f, ..]) => flaw(Form::Number, "an INTEGER with a leading 00"),
        (INTEGER | ENUMERATED, [0xff, 0x80..=0xff, ..]) => flaw(Form::Number, "an INTEGER with a leading ff"),
        (BIT_STRING, [] | [8..=0xff, ..] | [1..=7]) => {
            return wrong("a BIT STRING whose count of unused bits is impossible");
        }
        (BIT_STRING, [unused @ 1..=7, .., last]) if last & ((1 << unused) - 1) != 0 => {
            flaw(Form::BitString, "a BIT STRING whose unused bits are not zero");
        }
        (OBJECT_IDENTIFIER, []) => return wrong("an OBJECT IDENTIFIER without content"),
        (OBJECT_IDENTIFIER, [.., 0x80..=0xff]) => return wrong("an OBJECT IDENTIFIER that is cut off"),
        (OBJECT_IDENTIFIER, content) if oid(content).is_err() => {
            flaw(Form::Number, "an OBJECT IDENTIFIER with a padded or too large number");
        }
        (SET, _) => examine_set(element, flaws),
        (INTEGER | ENUMERATED | BIT_STRING | OCTET_STRING | OBJECT_IDENTIFIER | SEQUENCE, _) => {}
        // Universal SEQUENCE and SET are constructed, every other universal type is primitive.
        (0x10 | 0x11, _) => return wrong("a SEQUENCE or SET that is not constructed"),
        (0x20..=0x3f, _) => return wrong("a value in constructed form, which DER forbids"),
        (NULL, []) => {}
        (NULL, _) => flaw(Form::Value, "a NULL that holds something"),
        (UTF8_STRING, _) if std::str::from_utf8(content).is_err() => {
            flaw(Form::Value, "a UTF8String that is not UTF-8");
        }
        (PRINTABLE_STRING, _) if !content.iter().copied().all(is_printable) => {
            flaw(Form::Value, "a PrintableString with a character that does not belong there");
        }
        (IA5_STRING, _) if !content.is_ascii() => {
            flaw(Form::Value, "an IA5String with something other than ASCII");
        }
        (VISIBLE_STRING, _) if !content.iter().all(|byte| matches!(byte, 0x20..=0x7e)) => {
            flaw(Form::Value, "a VisibleString with a character that does not belong there");
        }
        (UTF8_STRING | PRINTABLE_STRING | IA5_STRING | VISIBLE_STRING, _) => {}
        (tag, _) if is_time(tag) => {
            if let Err(error) = time(*element) {
                flaw(Form::Value, error.what);
            }
        }
        (0x00..=0x3f, _) => flaw(Form::Type, "a type of value that no certificate of today holds"),
        _ => {}
    }
    Ok(())
}

/// X.690 section 11.6; two alike have no place in a name.
fn examine_set(set: &Element<'_>, flaws: &mut Vec<Flaw>) {
    let mut reader = set.inside();
    let mut before: &[u8] = &[];
    // What cannot be read is found when its own turn comes.
    while let Ok(element) = reader.any() {
        if element.whole < before {
            let what = "a SET OF whose elements are not in ascending order";
            return flaws.push(Flaw { form: Form::SetOrder, at: set.at, what });
        }
        if element.whole == before {
            flaws.push(Flaw { form: Form::Value, at: set.at, what: "a SET OF with the same element twice" });
        }
        before = element.whole;
    }
}

/// Whether a PrintableString may hold this character (X.680 section 41.4).
pub fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_sound(bytes: &[u8]) -> bool {
        check(bytes, 0).is_ok()
    }

    #[test]
    fn what_der_forbids_is_found_wherever_it_stands() {
        for sound in
            [[0x30, 3, 2, 1, 5].as_slice(), &[0xa0, 2, 5, 0], &[3, 2, 1, 0x06], &[0x0c, 2, 0xc3, 0xa4]]
        {
            assert!(is_sound(sound), "{sound:02x?}");
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
            &[0x31, 6, 2, 1, 2, 2, 1, 2],
            &[0x14, 1, b'a'],
            &[0x30, 0x81, 1, 0],
        ] {
            assert!(!is_sound(broken), "{broken:02x?}");
        }
    }

    #[test]
    fn each_flaw_has_its_place() {
        let mut flaws = Vec::new();
        examine(&[0x30, 6, 1, 1, 7, 2, 2, 0, 1], 10, &mut flaws).unwrap_err();
        flaws.clear();
        examine(&[0x30, 7, 1, 1, 7, 2, 2, 0, 1], 10, &mut flaws).unwrap();
        assert_eq!(
            flaws.iter().map(|flaw| (flaw.form, flaw.at)).collect::<Vec<_>>(),
            [(Form::Boolean, 12), (Form::Number, 15)]
        );
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
        assert!(examine(&nested, 0, &mut Vec::new()).unwrap_err().what.contains("deep"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = is_sound(&bytes);
        }
    }
}
