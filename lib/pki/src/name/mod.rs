//! Distinguished names: as text for people in the order and escaping of RFC 4514, part by part for profiles,
//! and compared as RFC 5280 section 7.1 compares them.

mod compare;

use std::fmt::{self, Write as _};

use x509_parser::asn1_rs::{FromDer as _, Tag};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::oid_registry::Oid;
use x509_parser::x509::X509Name;

use crate::der::{Element, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::print::is_safe;
use crate::written;

/// A distinguished name. Two are equal when RFC 5280 section 7.1 says that they match, whatever their bytes are.
#[derive(Clone)]
pub struct DistinguishedName {
    parts: Box<[Box<[Attribute]>]>,
    comparable: Box<[compare::Part]>,
}

/// One attribute of a name: `CN=…`, `DC=…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    oid: String,
    kind: String,
    tag: u32,
    value: Box<[u8]>,
}

impl Attribute {
    fn new(oid: &Oid<'_>, tag: u32, value: &[u8]) -> Self {
        let id = oid.to_id_string();
        let kind = oid2abbrev(oid, oid_registry()).map_or_else(|_| id.clone(), str::to_owned);
        Self { oid: id, kind, tag, value: value.into() }
    }

    /// The attribute's type as a dotted object identifier.
    pub fn oid(&self) -> &str {
        &self.oid
    }

    /// The type's short name (`CN`), or its object identifier where it has none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The ASN.1 tag number of the value: 12 UTF8String, 19 PrintableString, 22 IA5String …
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// The value's content as the certificate has it.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The value as text, not escaped; `None` if it is none.
    pub fn text(&self) -> Option<String> {
        value_to_string(Tag(self.tag), &self.value)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => write!(f, "{}={}", self.kind, escape(&text)),
            None => write!(f, "{}=#{}", self.kind, hex::encode(&self.value)),
        }
    }
}

impl DistinguishedName {
    /// Reads a DER Name, with nothing after it; otherwise the problem, in words.
    pub fn from_der(der: &[u8]) -> Result<Self, &'static str> {
        match X509Name::from_der(der) {
            Ok(([], name)) => {
                let name = Self::of(&name);
                let written = Reader::new(der).only(SEQUENCE).and_then(|name| written::Name::read(&name));
                written.and_then(|written| written.check_complete(&name)).map_err(|error| error.what)?;
                Ok(name)
            }
            _ => Err("a directory name is malformed"),
        }
    }

    pub(crate) fn of(name: &X509Name<'_>) -> Self {
        let parts = name.iter_rdn().map(|part| {
            part.iter()
                .map(|attribute| {
                    let value = attribute.attr_value();
                    Attribute::new(attribute.attr_type(), value.tag().0, value.data)
                })
                .collect()
        });
        let parts: Box<[Box<[Attribute]>]> = parts.collect();
        let comparable = parts.iter().map(|part| compare::Part::of(part)).collect();
        Self { parts, comparable }
    }

    /// The name with one more part at its specific end, as names relative to a CRL issuer are completed.
    pub(crate) fn with(&self, part: Vec<Attribute>) -> Self {
        let added = compare::Part::of(&part);
        Self {
            parts: self.parts.iter().cloned().chain([part.into()]).collect(),
            comparable: self.comparable.iter().cloned().chain([added]).collect(),
        }
    }

    /// Its parts (relative distinguished names) in the order of the bytes, most general first.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &[Attribute]> {
        self.parts.iter().map(AsRef::as_ref)
    }

    /// Its attributes in the order of the bytes, most general first.
    pub fn attributes(&self) -> impl DoubleEndedIterator<Item = &Attribute> {
        self.parts.iter().flatten()
    }

    /// Whether it has no part at all.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether it begins with all parts of `base`: whether it lies in the subtree below `base`.
    pub fn is_within(&self, base: &Self) -> bool {
        self.comparable.starts_with(&base.comparable)
    }

    /// The most specific common name, unescaped; `None` when there is none that is text.
    pub(crate) fn common_name(&self) -> Option<String> {
        self.attributes().rev().filter(|attribute| attribute.oid == COMMON_NAME).find_map(Attribute::text)
    }
}

const COMMON_NAME: &str = "2.5.4.3";

/// The name as RFC 4514 writes it: most specific part first, special and control characters escaped, so that
/// a hostile name can neither forge another part nor play with a terminal.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, part) in self.parts.iter().rev().enumerate() {
            f.write_str(if position == 0 { "" } else { "," })?;
            for (position, attribute) in part.iter().enumerate() {
                write!(f, "{}{attribute}", if position == 0 { "" } else { "+" })?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.comparable == other.comparable
    }
}

impl Eq for DistinguishedName {}

impl std::hash::Hash for DistinguishedName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.comparable.hash(state);
    }
}

/// The attributes of one RelativeDistinguishedName.
pub(crate) fn relative_name(element: &Element<'_>) -> Result<Vec<Attribute>, Malformed> {
    let mut reader = element.inside();
    let mut attributes = Vec::new();
    while !reader.is_empty() {
        let mut attribute = reader.element(SEQUENCE)?.inside();
        let oid = attribute.element(OBJECT_IDENTIFIER)?;
        oid.oid()?;
        let value = attribute.any()?;
        attribute.end()?;
        let oid = Oid::new(oid.content.into());
        attributes.push(Attribute::new(&oid, u32::from(value.tag & 0x1f), value.content));
    }
    if attributes.is_empty() { Err(element.wrong("a part of a name is empty")) } else { Ok(attributes) }
}

/// A value with this tag number as text; `None` if it is none.
pub(crate) fn value_to_text(tag: u32, bytes: &[u8]) -> Option<String> {
    value_to_string(Tag(tag), bytes)
}

/// Real certificates use any of the string types; what is none of them has no text.
fn value_to_string(tag: Tag, bytes: &[u8]) -> Option<String> {
    match tag {
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

/// Text with everything escaped that RFC 4514 escapes, and what could play with a terminal.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (position, character) in text.chars().enumerate() {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (position == 0 && matches!(character, ' ' | '#'))
            || (position == last && character == ' ');
        if special {
            escaped.push('\\');
            escaped.push(character);
        } else if !is_safe(character) {
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
