//! Changes one thing in a certificate, as it is written in DER, and signs it again with the right key: so that a
//! rule can be broken, or only just kept, and nothing else.

use std::str::FromStr as _;

use ctl_pki::Certificate;
use der::Encode as _;
use x509_cert::spki::ObjectIdentifier;

use crate::shape::{Key, tlv};

/// An element of DER that can be changed and written again, rightly or wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub tag: u8,
    /// What stands in it.
    pub content: Content,
    /// Write the length in one byte more than it needs.
    pub long_length: bool,
}

/// What stands in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A primitive value.
    Bytes(Vec<u8>),
    /// Further elements.
    Nodes(Vec<Node>),
}

impl Node {
    /// A primitive element.
    pub fn new(tag: u8, bytes: &[u8]) -> Self {
        Self { tag, content: Content::Bytes(bytes.to_vec()), long_length: false }
    }

    /// A constructed element.
    pub fn of(tag: u8, nodes: Vec<Self>) -> Self {
        Self { tag, content: Content::Nodes(nodes), long_length: false }
    }

    /// An object identifier, from dotted text; nothing that is none can be asked for in a test.
    pub fn oid(dotted: &str) -> Self {
        let der = ObjectIdentifier::from_str(dotted).ok().and_then(|oid| oid.to_der().ok());
        Self::parse(&der.unwrap_or_default()).unwrap_or_else(|| Self::new(0x06, &[]))
    }

    /// Reads exactly one element in DER.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (node, rest) = Self::read(der)?;
        rest.is_empty().then_some(node)
    }

    fn read(der: &[u8]) -> Option<(Self, &[u8])> {
        let [tag, first, rest @ ..] = der else { return None };
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        };
        let (bytes, rest) = rest.split_at_checked(length)?;
        let content = if tag & 0x20 == 0 {
            Content::Bytes(bytes.to_vec())
        } else {
            let (mut nodes, mut left) = (Vec::new(), bytes);
            while !left.is_empty() {
                let (node, after) = Self::read(left)?;
                nodes.push(node);
                left = after;
            }
            Content::Nodes(nodes)
        };
        Some((Self { tag: *tag, content, long_length: false }, rest))
    }

    /// The element's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let content = match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Nodes(nodes) => nodes.iter().flat_map(Self::encode).collect(),
        };
        let plain = tlv(self.tag, &content);
        if !self.long_length {
            return plain;
        }
        let header = plain.len() - content.len();
        let digits = match plain.get(1..header) {
            Some([short]) => vec![0x81, *short],
            Some([count, digits @ ..]) => [&[count + 1, 0], digits].concat(),
            _ => Vec::new(),
        };
        [&[self.tag], &digits[..], &content].concat()
    }

    /// The elements in it; nothing can be put into a primitive one.
    pub fn nodes(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.content {
            Content::Nodes(nodes) => Some(nodes),
            Content::Bytes(_) => None,
        }
    }
}

/// A certificate that is being changed.
#[derive(Clone, Debug)]
pub struct Edit {
    parts: Vec<Node>,
    algorithm: Node,
    signature: Option<Vec<u8>>,
}

/// Positions in the signed part of a certificate of version 3 (RFC 5280 section 4.1).
const VERSION: usize = 0;
const SERIAL: usize = 1;
const ALGORITHM: usize = 2;
const ISSUER: usize = 3;
const VALIDITY: usize = 4;
const SUBJECT: usize = 5;
const KEY: usize = 6;

impl Edit {
    /// Takes a certificate of version 3 apart. `None` for a certificate that this crate did not make.
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let mut outer = Node::parse(certificate.der())?;
        let [signed, algorithm, _] = outer.nodes()?.as_mut_slice() else { return None };
        let parts = std::mem::take(signed.nodes()?);
        (parts.len() >= 8).then(|| Self { parts, algorithm: algorithm.clone(), signature: None })
    }

    /// A part of the signed part, by its position.
    fn set(mut self, position: usize, node: Node) -> Self {
        if let Some(part) = self.parts.get_mut(position) {
            *part = node;
        }
        self
    }

    /// The content of the version's INTEGER.
    #[must_use]
    pub fn version(self, content: &[u8]) -> Self {
        self.set(VERSION, Node::of(0xa0, vec![Node::new(0x02, content)]))
    }

    /// The content of the serial number's INTEGER.
    #[must_use]
    pub fn serial(self, content: &[u8]) -> Self {
        self.set(SERIAL, Node::new(0x02, content))
    }

    /// The signature algorithm inside the signed part.
    #[must_use]
    pub fn algorithm_inside(self, algorithm: Node) -> Self {
        self.set(ALGORITHM, algorithm)
    }

    /// The signature algorithm outside the signed part.
    #[must_use]
    pub fn algorithm_outside(mut self, algorithm: Node) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Both signature algorithms.
    #[must_use]
    pub fn algorithms(self, algorithm: Node) -> Self {
        self.algorithm_inside(algorithm.clone()).algorithm_outside(algorithm)
    }

    /// The validity: each time by its tag and text.
    #[must_use]
    pub fn validity(self, times: [(u8, &str); 2]) -> Self {
        let times = times.map(|(tag, text)| Node::new(tag, text.as_bytes()));
        self.set(VALIDITY, Node::of(0x30, times.to_vec()))
    }

    /// The validity's length in a byte more than it needs.
    #[must_use]
    pub fn long_validity_length(mut self) -> Self {
        if let Some(validity) = self.parts.get_mut(VALIDITY) {
            validity.long_length = true;
        }
        self
    }

    /// The attributes of the subject.
    pub fn subject(&self) -> Vec<(Node, Node)> {
        self.parts.get(SUBJECT).map(attributes).unwrap_or_default()
    }

    /// Gives issuer and subject these attributes, one to a part of the name: a root's are the same.
    #[must_use]
    pub fn names(self, issuer: Option<Vec<(Node, Node)>>, subject: Option<Vec<(Node, Node)>>) -> Self {
        let mut edit = self;
        for (position, attributes) in [(ISSUER, issuer), (SUBJECT, subject)] {
            if let Some(attributes) = attributes {
                let part = |(kind, value)| Node::of(0x31, vec![Node::of(0x30, vec![kind, value])]);
                edit = edit.set(position, Node::of(0x30, attributes.into_iter().map(part).collect()));
            }
        }
        edit
    }

    /// The attributes of the issuer.
    pub fn issuer(&self) -> Vec<(Node, Node)> {
        self.parts.get(ISSUER).map(attributes).unwrap_or_default()
    }

    /// Joins the first two attributes of the subject, or of both names, in one SET, in ascending order or not.
    #[must_use]
    pub fn joined_attributes(mut self, both: bool, ascending: bool) -> Self {
        for position in if both { &[ISSUER, SUBJECT][..] } else { &[SUBJECT] } {
            if let Some(parts) = self.parts.get_mut(*position).and_then(Node::nodes)
                && parts.len() >= 2
            {
                let second = parts.remove(1);
                if let (Some(first), Content::Nodes(pairs)) =
                    (parts.first_mut().and_then(Node::nodes), second.content)
                {
                    first.extend(pairs);
                    first.sort_by_key(Node::encode);
                    if !ascending {
                        first.reverse();
                    }
                }
            }
        }
        self
    }

    /// The SubjectPublicKeyInfo.
    #[must_use]
    pub fn key(self, spki: Node) -> Self {
        self.set(KEY, spki)
    }

    /// Puts a subject unique identifier in.
    #[must_use]
    pub fn unique_identifier(mut self) -> Self {
        self.parts.insert(KEY + 1, Node::new(0x82, &[0, 0xff]));
        self
    }

    fn extensions(&mut self) -> Option<&mut Vec<Node>> {
        self.parts.last_mut()?.nodes()?.first_mut()?.nodes()
    }

    /// Puts an extension behind the others, whether there is one like it or not. `critical` is the content of its
    /// BOOLEAN, if it has one.
    #[must_use]
    pub fn add_extension(mut self, oid: &str, critical: Option<u8>, value: &[u8]) -> Self {
        let mut nodes = vec![Node::oid(oid)];
        nodes.extend(critical.map(|critical| Node::new(0x01, &[critical])));
        nodes.push(Node::new(0x04, value));
        if let Some(extensions) = self.extensions() {
            extensions.push(Node::of(0x30, nodes));
        }
        self
    }

    /// Leaves an extension out.
    #[must_use]
    pub fn without_extension(mut self, oid: &str) -> Self {
        let wanted = Node::oid(oid);
        if let Some(extensions) = self.extensions() {
            extensions
                .retain_mut(|extension| extension.nodes().is_none_or(|nodes| nodes.first() != Some(&wanted)));
        }
        self
    }

    /// Puts an extension in, instead of any that is there.
    #[must_use]
    pub fn extension(self, oid: &str, critical: bool, value: &[u8]) -> Self {
        self.without_extension(oid).add_extension(oid, critical.then_some(0xff), value)
    }

    /// The value of an extension.
    pub fn value_of(&mut self, oid: &str) -> Option<Vec<u8>> {
        let wanted = Node::oid(oid);
        self.extensions()?.iter_mut().find_map(|extension| {
            let nodes = extension.nodes()?;
            match (nodes.first() == Some(&wanted), nodes.last().map(|value| &value.content)) {
                (true, Some(Content::Bytes(value))) => Some(value.clone()),
                _ => None,
            }
        })
    }

    /// Changes the critical flag of an extension that is there; `None` leaves the BOOLEAN out.
    #[must_use]
    pub fn critical(mut self, oid: &str, critical: Option<u8>) -> Self {
        match self.value_of(oid) {
            Some(value) => self.without_extension(oid).add_extension(oid, critical, &value),
            None => self,
        }
    }

    /// A signature value that no key made.
    #[must_use]
    pub fn signature(mut self, bytes: &[u8]) -> Self {
        self.signature = Some(bytes.to_vec());
        self
    }

    /// Signs it and writes it down. The bytes need not be a certificate that anyone reads.
    pub fn sign(&self, key: &Key) -> Vec<u8> {
        let signed = Node::of(0x30, self.parts.clone());
        let signature = self.signature.clone().unwrap_or_else(|| key.sign(&signed.encode()));
        let bits = Node::new(0x03, &[&[0], &signature[..]].concat());
        Node::of(0x30, vec![signed, self.algorithm.clone(), bits]).encode()
    }
}

/// The attributes of a name, each as object identifier and value.
fn attributes(name: &Node) -> Vec<(Node, Node)> {
    let Content::Nodes(parts) = &name.content else { return Vec::new() };
    let pairs = parts.iter().filter_map(|part| match &part.content {
        Content::Nodes(pairs) => pairs.first(),
        Content::Bytes(_) => None,
    });
    let split = pairs.filter_map(|pair| match &pair.content {
        Content::Nodes(nodes) => nodes.first().cloned().zip(nodes.last().cloned()),
        Content::Bytes(_) => None,
    });
    split.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edition, specimen, specimens};

    #[test]
    fn what_is_not_changed_is_signed_to_the_same_bytes() {
        for edition in [Edition::Iso2, Edition::Iso20] {
            for name in specimens() {
                let specimen = specimen(name, edition).unwrap().unwrap();
                let again = Edit::of(&specimen.certificate).unwrap().sign(&specimen.issuer_key);
                assert_eq!(again, specimen.certificate.der(), "{name}");
                assert_eq!(specimen.certificate.verify_signed_by(&specimen.issuer), Ok(()), "{name}");
            }
        }
    }
}
