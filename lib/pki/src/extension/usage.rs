//! What a certificate's key may be used for: key usage, extended key usage, basic constraints.

use std::fmt;

use super::elements;
use crate::der::{BIT_STRING, BOOLEAN, INTEGER, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// Key usage, bit by bit (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyUsage(u16);

const BITS: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

impl KeyUsage {
    /// Whether the bit of this name (as RFC 5280 writes it, for instance `keyCertSign`) is set.
    pub fn has(self, name: &str) -> bool {
        BITS.iter().position(|bit| *bit == name).is_some_and(|bit| self.0 >> bit & 1 == 1)
    }

    /// Whether the key may sign certificates.
    pub fn key_cert_sign(self) -> bool {
        self.has("keyCertSign")
    }

    /// Whether the key may sign CRLs.
    pub fn crl_sign(self) -> bool {
        self.has("cRLSign")
    }

    /// The names of the bits that are set, in their order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        BITS.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }

    /// The bits: bit `n` of the number is bit `n` of the standard's list, those without a name included.
    pub fn bits(self) -> u16 {
        self.0
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.write_str(if names.is_empty() { "nothing" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

/// Extended key usage (RFC 5280 section 4.2.1.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedKeyUsage {
    /// The purposes as dotted object identifiers, in the certificate's order.
    pub purposes: Vec<String>,
}

impl ExtendedKeyUsage {
    /// Whether this purpose is named. anyExtendedKeyUsage names none in particular.
    pub fn has(&self, oid: &str) -> bool {
        self.purposes.iter().any(|purpose| purpose == oid)
    }
}

/// Basic constraints (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// How many further CAs may stand below this one, if limited.
    pub path_len: Option<u32>,
}

pub(super) fn key_usage(value: Reader<'_>, _: bool) -> Result<KeyUsage, Malformed> {
    let list = value.only(BIT_STRING)?;
    match list.named_bits()? {
        bits @ 0..=0x1ff => Ok(KeyUsage(bits)),
        _ => Err(list.wrong("it has more than the nine bits that have a meaning (RFC 5280 section 4.2.1.3)")),
    }
}

pub(super) fn extended_key_usage(value: Reader<'_>, _: bool) -> Result<ExtendedKeyUsage, Malformed> {
    let purposes = elements(value.only(SEQUENCE)?.inside(), |element| match element.tag {
        OBJECT_IDENTIFIER => element.oid(),
        _ => Err(element.wrong("a purpose is not an object identifier")),
    })?;
    Ok(ExtendedKeyUsage { purposes })
}

/// `cA` written out as FALSE is not DER; it is read as it is in the wild, and profiles may object.
pub(super) fn basic_constraints(value: Reader<'_>, _: bool) -> Result<BasicConstraints, Malformed> {
    let mut reader = value.only(SEQUENCE)?.inside();
    let ca = reader.optional_element(BOOLEAN)?.map(|flag| flag.boolean()).transpose()?.unwrap_or(false);
    let path_len = reader.optional_element(INTEGER)?.map(|number| number.count()).transpose()?;
    reader.end()?;
    Ok(BasicConstraints { ca, path_len })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_usage(value: &[u8]) -> Result<KeyUsage, Malformed> {
        super::key_usage(Reader::new(value), false)
    }

    fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, Malformed> {
        super::basic_constraints(Reader::new(value), false)
    }

    fn extended_key_usage(value: &[u8]) -> Result<ExtendedKeyUsage, Malformed> {
        super::extended_key_usage(Reader::new(value), false)
    }

    #[test]
    fn every_bit_has_its_name() {
        let usage = key_usage(&[3, 2, 1, 0x06]).unwrap();
        assert_eq!(usage.to_string(), "keyCertSign, cRLSign");
        assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.has("digitalSignature"));
        let decipher = key_usage(&[3, 3, 7, 0, 0x80]).unwrap();
        assert_eq!(decipher.names().collect::<Vec<_>>(), ["decipherOnly"]);
        assert_eq!(key_usage(&[3, 1, 0]).unwrap().to_string(), "nothing");
        assert!(key_usage(&[3, 3, 6, 0, 0x40]).is_err(), "a tenth bit");
    }

    #[test]
    fn basic_constraints_without_a_word_are_not_a_ca() {
        assert_eq!(basic_constraints(&[0x30, 0]), Ok(BasicConstraints { ca: false, path_len: None }));
        let limited = [0x30, 6, 1, 1, 0xff, 2, 1, 1];
        assert_eq!(basic_constraints(&limited), Ok(BasicConstraints { ca: true, path_len: Some(1) }));
        assert!(basic_constraints(&[0x30, 6, 1, 1, 0xff, 2, 1, 0xff]).is_err());
    }

    #[test]
    fn an_extended_key_usage_without_purpose_says_nothing() {
        assert!(extended_key_usage(&[0x30, 0]).is_err());
        let ocsp = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 9];
        assert!(extended_key_usage(&ocsp).unwrap().has("1.3.6.1.5.5.7.3.9"));
    }
}
