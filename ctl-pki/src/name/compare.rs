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
    let mapped: String = text.chars().filter_map(map).collect();
    // Twice: normalisation can bring capitals out of compatibility characters (RFC 3454 appendix B.2 is built
    // the same way).
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
