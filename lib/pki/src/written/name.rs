//! A distinguished name as it is written: attributes with their string types, in their order.

use std::borrow::Cow;
use std::fmt;

use crate::der::{Element, Malformed, OBJECT_IDENTIFIER, SEQUENCE, SET};
use crate::name::{DistinguishedName, value_to_text};

/// Attribute types by the names that profiles use.
const ATTRIBUTES: [(&[u8], &str); 12] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 42], "GN"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

/// One attribute of a name.
#[derive(Clone, Debug)]
pub struct Attribute<'a> {
    /// Its short name, or its object identifier where the field has none.
    pub kind: Cow<'static, str>,
    /// Its object identifier's content.
    pub oid: &'a [u8],
    /// The tag of its value: the string type.
    pub tag: u8,
    /// Its value's content.
    pub bytes: &'a [u8],
    /// Where its value stands.
    pub at: usize,
    /// Which part of the name it belongs to, counted from 0.
    pub part: usize,
}

impl Attribute<'_> {
    /// The value as text; bytes that do not fit the string type become replacement characters.
    pub fn text(&self) -> String {
        value_to_text(u32::from(self.tag), self.bytes)
            .unwrap_or_else(|| String::from_utf8_lossy(self.bytes).into_owned())
    }
}

/// A distinguished name.
#[derive(Clone, Debug)]
pub struct Name<'a> {
    /// Its DER.
    pub whole: &'a [u8],
    /// Its attributes in the order of the file.
    pub attributes: Vec<Attribute<'a>>,
    at: usize,
}

impl<'a> Name<'a> {
    pub(crate) fn read(name: &Element<'a>) -> Result<Self, Malformed> {
        let mut attributes = Vec::new();
        let mut parts = name.inside();
        for part in 0.. {
            if parts.is_empty() {
                break;
            }
            let set = parts.element(SET)?;
            let mut inside = set.inside();
            if inside.is_empty() {
                return Err(set.wrong("a part of a name is empty"));
            }
            while !inside.is_empty() {
                let mut pair = inside.element(SEQUENCE)?.inside();
                let oid = pair.element(OBJECT_IDENTIFIER)?;
                let dotted = oid.oid()?;
                let value = pair.any()?;
                pair.end()?;
                let short = ATTRIBUTES.iter().find(|(known, _)| *known == oid.content);
                let kind = short.map_or(Cow::Owned(dotted), |(_, short)| Cow::Borrowed(*short));
                let (oid, tag, bytes, at) = (oid.content, value.tag, value.content, value.at);
                attributes.push(Attribute { kind, oid, tag, bytes, at, part });
            }
        }
        Ok(Self { whole: name.whole, attributes, at: name.at })
    }

    /// Every attribute of this type, in the name's order.
    pub fn all<'n>(&'n self, kind: &'n str) -> impl Iterator<Item = &'n Attribute<'a>> {
        self.attributes.iter().filter(move |attribute| attribute.kind == kind)
    }

    /// The values of an attribute type as text.
    pub fn texts(&self, kind: &str) -> Vec<String> {
        self.all(kind).map(Attribute::text).collect()
    }

    /// Whether `read` is all that stands in it.
    pub(crate) fn check_complete(&self, read: &DistinguishedName) -> Result<(), Malformed> {
        let ours = self.attributes.iter().map(|attribute| attribute.part);
        let theirs = read.parts().enumerate().flat_map(|(part, all)| all.iter().map(move |_| part));
        if ours.eq(theirs) {
            return Ok(());
        }
        Err(Malformed { at: self.at, what: "a name has parts that cannot be read" })
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
