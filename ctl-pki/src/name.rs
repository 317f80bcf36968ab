//! Distinguished names as text for people, in the order and escaping of RFC 4514.

use std::fmt::Write as _;

use x509_parser::asn1_rs::Tag;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The name as RFC 4514 writes it: most specific part first, special and control characters escaped, so that
/// a hostile name can neither forge another part nor play with a terminal.
pub(crate) fn to_text(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute_to_text).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// The most specific common name, unescaped; `None` when there is none that is text.
pub(crate) fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().filter_map(value_to_string).last()
}

fn attribute_to_text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = oid2abbrev(attribute.attr_type(), oid_registry())
        .map_or_else(|_| attribute.attr_type().to_id_string(), str::to_owned);
    let value = match value_to_string(attribute) {
        Some(text) => escape(&text),
        None => format!("#{}", hex::encode(attribute.as_slice())),
    };
    format!("{kind}={value}")
}

/// Real certificates use any of the string types; what is none of them has no text.
fn value_to_string(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let (units, rest) = bytes.as_chunks::<2>();
            let text = char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit)));
            text.collect::<Result<String, _>>().ok().filter(|_| rest.is_empty())
        }
        Tag::UniversalString => {
            let (units, rest) = bytes.as_chunks::<4>();
            let text = units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit)));
            text.collect::<Option<String>>().filter(|_| rest.is_empty())
        }
        // TeletexString in the wild is Latin-1.
        Tag::T61String => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        _ => None,
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (position, character) in text.chars().enumerate() {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (position == 0 && matches!(character, ' ' | '#'))
            || (position == last && character == ' ');
        if special {
            escaped.push('\\');
            escaped.push(character);
        } else if character.is_control() || is_invisible_format(character) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\{byte:02X}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Characters that reorder or hide text on a screen.
fn is_invisible_format(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_cannot_forge_another_part_of_the_name() {
        assert_eq!(escape("a,CN=root"), "a\\,CN=root");
        assert_eq!(escape(" #x "), "\\ #x\\ ");
        assert_eq!(escape("#x"), "\\#x");
        assert_eq!(escape(" "), "\\ ");
    }

    #[test]
    fn control_and_reordering_characters_never_reach_a_terminal() {
        assert_eq!(escape("a\u{1b}[2Jb"), "a\\1B[2Jb");
        assert_eq!(escape("a\u{202e}b"), "a\\E2\\80\\AEb");
        assert_eq!(escape("Söhne"), "Söhne");
    }
}
