//! When two names are the same (RFC 5280 section 7.1, string preparation of RFC 4518).
//!
//! Every part is brought into a form whose plain equality is the comparison, so that it is an equivalence by
//! construction and costs its work once per name.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use x509_parser::asn1_rs::Tag;

use super::Attribute;

/// domainComponent: labels of DNS, compared without regard to the case of ASCII letters (RFC 5280 section 7.3).
const DOMAIN_COMPONENT: &str = "0.9.2342.19200300.100.1.25";
/// emailAddress: not case-sensitive (RFC 5280 section 4.1.2.6).
const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// One relative distinguished name: its attributes as a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Part(Box<[(String, Value)]>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    /// Text after preparation; the string type it was encoded in no longer matters.
    Prepared(String),
    /// Anything else is compared with its tag, byte for byte.
    Exact(u32, Box<[u8]>),
}

impl Part {
    pub(super) fn of(attributes: &[Attribute]) -> Self {
        let mut values: Vec<_> =
            attributes.iter().map(|attribute| (attribute.oid.clone(), comparable(attribute))).collect();
        values.sort_unstable();
        Self(values.into())
    }
}

fn comparable(attribute: &Attribute) -> Value {
    let prepared = if matches!(attribute.oid.as_str(), DOMAIN_COMPONENT | EMAIL_ADDRESS) {
        attribute.text().map(|text| text.to_ascii_lowercase())
    } else if is_directory_string(Tag(attribute.tag)) {
        attribute.text().and_then(|text| prepare(&text))
    } else {
        None
    };
    prepared.map_or_else(|| Value::Exact(attribute.tag, attribute.value.clone()), Value::Prepared)
}

/// The choices of DirectoryString. The RFC speaks of attributes of that type; for an attribute that nobody has
/// heard of, the tag of its value is the only sign.
fn is_directory_string(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::T61String | Tag::PrintableString | Tag::UniversalString | Tag::Utf8String | Tag::BmpString
    )
}

/// caseIgnoreMatch: the six steps of RFC 4518 section 2, with case folding and insignificant spaces. `None` for
/// text that holds a prohibited character and so is compared as it stands. Code points that Unicode had not
/// assigned in version 3.2 are not prohibited here: that list would refuse living scripts.
pub(super) fn prepare(text: &str) -> Option<String> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Some(without_insignificant_spaces(&text.to_ascii_lowercase()));
    }
    // Normalised before folding as well, so that what is canonically the same stays the same, and folded twice:
    // folding and normalisation each bring out new work for the other.
    let mapped: String = text.chars().filter_map(map).nfkc().collect();
    let folded: String = fold(&mapped).nfkc().collect();
    let folded: String = fold(&folded).nfkc().collect();
    if folded.chars().any(is_prohibited) { None } else { Some(without_insignificant_spaces(&folded)) }
}

/// RFC 4518 section 2.2: what becomes a space, and what becomes nothing.
fn map(character: char) -> Option<char> {
    match character {
        '\u{9}'..='\u{d}' | '\u{85}' => Some(' '),
        ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        '\u{0}'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' => None,
        '\u{ad}' | '\u{34f}' | '\u{6dd}' | '\u{70f}' | '\u{1806}' | '\u{180b}'..='\u{180e}' => None,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2063}' => None,
        '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}' => None,
        '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}' => None,
        other => Some(other),
    }
}

/// Full case folding out of what the standard library knows: capitals bring the expansions (ß, ligatures), the
/// lower case of those is the folded form. The dotless i folds to itself.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        if character == 'ı' {
            folded.push(character);
        } else {
            let capitals = character.to_lowercase().flat_map(char::to_uppercase);
            folded.extend(capitals.flat_map(char::to_lowercase));
        }
    }
    folded
}

/// RFC 4518 section 2.4: private use, non-characters and the replacement character.
fn is_prohibited(character: char) -> bool {
    matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fffd}')
        || u32::from(character) & 0xfffe == 0xfffe
}

/// RFC 4518 section 2.6.1: no space at either end, one between words. A space that carries a combining mark is
/// part of a word.
fn without_insignificant_spaces(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut pending = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == ' ' && !characters.peek().is_some_and(|next| is_combining_mark(*next)) {
            pending = !kept.is_empty();
        } else {
            if std::mem::take(&mut pending) {
                kept.push(' ');
            }
            kept.push(character);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::DistinguishedName;
    use super::*;
    use proptest::prelude::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut element = vec![tag];
        match u8::try_from(content.len()).unwrap() {
            length @ 0..0x80 => element.push(length),
            length => element.extend([0x81, length]),
        }
        element.extend(content);
        element
    }

    /// The arc below 2.5.4, a string tag, the value.
    type Ava<'a> = (u8, u8, &'a [u8]);

    const ORGANISATION: Ava<'_> = (10, UTF8, b"O");
    const COMMON_NAME: Ava<'_> = (3, UTF8, b"C");

    fn name(parts: &[&[Ava<'_>]]) -> DistinguishedName {
        let attribute = |(arc, tag, value): &Ava<'_>| {
            tlv(0x30, &[tlv(0x06, &[0x55, 0x04, *arc]), tlv(*tag, value)].concat())
        };
        let parts: Vec<_> = parts
            .iter()
            .flat_map(|part| tlv(0x31, &part.iter().flat_map(attribute).collect::<Vec<_>>()))
            .collect();
        DistinguishedName::from_der(&tlv(0x30, &parts)).unwrap()
    }

    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const IA5: u8 = 0x16;

    fn same(one: &str, other: &str) -> bool {
        name(&[&[(3, UTF8, one.as_bytes())]]) == name(&[&[(3, UTF8, other.as_bytes())]])
    }

    #[test]
    fn case_width_composition_and_spaces_do_not_matter() {
        for (one, other) in [
            ("V2G Root", "v2g ROOT"),
            ("  V2G \t Root ", "V2G Root"),
            ("Straße", "STRASSE"),
            ("ẞ", "ss"),
            ("Söhne", "So\u{308}hne"),
            ("ＣＡ", "ca"),
            ("ﬁrma", "FIRMA"),
            ("ΌΣΟΣ", "όσος"),
            ("a\u{a0}b", "a b"),
            ("a\u{ad}\u{200b}b", "ab"),
            ("\u{2160}", "i"),
            ("", "  "),
        ] {
            assert!(same(one, other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn other_letters_and_missing_spaces_do_matter() {
        for (one, other) in
            [("a b", "ab"), ("ı", "i"), ("Sohne", "Söhne"), ("а", "a"), ("a\u{e000}", "A\u{e000}"), ("", "a")]
        {
            assert!(!same(one, other), "{one:?} {other:?}");
        }
        // A space that carries a mark is a letter, not a space.
        assert!(!same("a \u{301}b", "a  \u{301}b"));
        // Prohibited characters: only the same bytes are the same name.
        assert!(same("a\u{e000}", "a\u{e000}"));
    }

    #[test]
    fn string_types_that_are_no_directory_string_are_compared_exactly() {
        assert_eq!(name(&[&[(3, PRINTABLE, b"CA")]]), name(&[&[(3, UTF8, b"ca")]]));
        assert_ne!(name(&[&[(3, IA5, b"CA")]]), name(&[&[(3, IA5, b"ca")]]));
        assert_ne!(name(&[&[(3, IA5, b"CA")]]), name(&[&[(3, UTF8, b"CA")]]));
        assert_ne!(name(&[&[(3, UTF8, b"CA")]]), name(&[&[(10, UTF8, b"CA")]]));
    }

    #[test]
    fn the_order_of_parts_matters_and_the_order_within_a_part_does_not() {
        let (org, cn) = (ORGANISATION, COMMON_NAME);
        assert_ne!(name(&[&[org], &[cn]]), name(&[&[cn], &[org]]));
        assert_eq!(name(&[&[org, cn]]), name(&[&[cn, org]]));
        assert_ne!(name(&[&[org, cn]]), name(&[&[org], &[cn]]));
        assert_ne!(name(&[&[cn, cn]]), name(&[&[cn]]));
    }

    #[test]
    fn a_subtree_begins_with_all_parts_of_its_base() {
        let (org, cn) = (ORGANISATION, COMMON_NAME);
        let leaf = name(&[&[org], &[cn]]);
        assert!(leaf.is_within(&name(&[])) && leaf.is_within(&name(&[&[org]])) && leaf.is_within(&leaf));
        assert!(!leaf.is_within(&name(&[&[cn]])) && !name(&[&[org]]).is_within(&leaf));
    }

    /// Text that is rich in what preparation touches.
    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof![
                Just(' '),
                Just('\u{a0}'),
                Just('\u{ad}'),
                Just('ß'),
                Just('ẞ'),
                Just('ﬁ'),
                Just('ı'),
                Just('İ'),
                Just('\u{301}'),
                Just('\u{308}'),
                Just('\u{e000}'),
                Just('Σ'),
                Just('ς'),
                Just('\u{345}'),
                Just('Ⅳ'),
                Just('㎇'),
                Just('ſ'),
                Just('K'),
                any::<char>(),
                prop::char::range('a', 'e'),
                prop::char::range('A', 'E'),
            ],
            0..12,
        )
        .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        /// Equality of prepared forms is an equivalence by construction; this is what must hold besides:
        /// preparing does not go on and on, and nothing that it disregards makes a difference.
        #[test]
        fn preparation_is_final_and_blind_to_what_it_disregards(text in text()) {
            if let Some(prepared) = prepare(&text) {
                prop_assert_eq!(prepare(&prepared), Some(prepared.clone()));
                prop_assert_eq!(prepare(&format!("\u{ad}{text}\u{200b} ")), Some(prepared.clone()));
                let composed: String = text.nfc().collect();
                prop_assert_eq!(prepare(&composed), Some(prepared.clone()));
                let decomposed: String = text.nfd().collect();
                prop_assert_eq!(prepare(&decomposed), Some(prepared));
            }
        }

        #[test]
        fn ascii_takes_the_short_way_to_the_same_place(text in "[ -~]{0,20}") {
            let long: String = fold(&text).nfkc().collect();
            prop_assert_eq!(prepare(&text), Some(without_insignificant_spaces(&long)));
        }

        #[test]
        fn names_are_an_equivalence(texts in proptest::collection::vec(text(), 3)) {
            let names: Vec<_> = texts.iter().map(|text| name(&[&[(3, UTF8, text.as_bytes())]])).collect();
            for one in &names {
                prop_assert!(one == one);
                for other in &names {
                    prop_assert_eq!(one == other, other == one);
                    for third in &names {
                        prop_assert!(!(one == other && other == third) || one == third);
                    }
                }
            }
        }
    }
}
