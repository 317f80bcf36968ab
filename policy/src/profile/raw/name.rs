//! A distinguished name as it is written: attributes with their string types, in their order.

use std::fmt;

use super::der::{Element, Fault, OID, SEQUENCE, SET, dotted};

/// Attribute types by the names that profiles use.
const ATTRIBUTES: [(&str, &str); 12] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// One attribute of a name.
#[derive(Clone, Debug)]
pub(crate) struct Attribute<'a> {
    /// Its short name, or its object identifier where the field has none.
    pub(crate) kind: String,
    /// The tag of its value: the string type.
    pub(crate) tag: u8,
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl Attribute<'_> {
    /// The value as text; bytes that do not fit the string type become replacement characters.
    pub(crate) fn text(&self) -> String {
        match self.tag {
            // BMPString
            0x1e => {
                let (units, _) = self.bytes.as_chunks::<2>();
                char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit)))
                    .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            }
            // UniversalString
            0x1c => {
                let (units, _) = self.bytes.as_chunks::<4>();
                let character = |unit: &[u8; 4]| char::from_u32(u32::from_be_bytes(*unit));
                units.iter().map(|unit| character(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            // TeletexString in the wild is Latin-1.
            0x14 => self.bytes.iter().copied().map(char::from).collect(),
            _ => String::from_utf8_lossy(self.bytes).into_owned(),
        }
    }
}

/// A distinguished name.
#[derive(Clone, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) whole: &'a [u8],
    pub(crate) attributes: Vec<Attribute<'a>>,
}

impl<'a> Name<'a> {
    pub(crate) fn read(name: &Element<'a>, what: &str) -> Result<Self, Fault> {
        let mut attributes = Vec::new();
        let mut parts = name.inside();
        while !parts.is_at_end() {
            let part = parts.tagged(SET, &format!("a part of the {what}"))?;
            let mut part = part.inside();
            loop {
                let pair = part.tagged(SEQUENCE, &format!("an attribute of the {what}"))?;
                let mut inside = pair.inside();
                let kind = dotted(inside.tagged(OID, "an attribute's type")?.content);
                let value = inside.any("an attribute's value")?;
                inside.end("an attribute's value")?;
                let short = ATTRIBUTES.iter().find(|(oid, _)| *oid == kind);
                let kind = short.map_or(kind, |(_, short)| (*short).to_owned());
                attributes.push(Attribute { kind, tag: value.tag, bytes: value.content, at: value.at });
                if part.is_at_end() {
                    break;
                }
            }
        }
        Ok(Self { whole: name.whole, attributes })
    }

    /// Every attribute of this type, in the name's order.
    pub(crate) fn all<'n>(&'n self, kind: &'n str) -> impl Iterator<Item = &'n Attribute<'a>> {
        self.attributes.iter().filter(move |attribute| attribute.kind == kind)
    }

    /// The values of an attribute type as text.
    pub(crate) fn texts(&self, kind: &str) -> Vec<String> {
        self.all(kind).map(Attribute::text).collect()
    }
}

/// For people: in the certificate's order, so that it can be compared with the file.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attributes.is_empty() {
            return f.write_str("an empty name");
        }
        for (position, attribute) in self.attributes.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{}={}", attribute.kind, attribute.text())?;
        }
        Ok(())
    }
}
