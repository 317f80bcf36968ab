//! Certificates of any shape, written byte by byte so that tests can say what no honest issuer would.
#![allow(dead_code, unreachable_pub)]

use ctl_pki::path::{Inputs, Signatures, Validation, validate};
use ctl_pki::{Certificate, CertificateError};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use sha2::{Digest as _, Sha384, Sha512};

/// 2030-01-01: within the validity of every certificate made here unless it says otherwise.
pub const NOW: i64 = 1_893_456_000;

pub const ANY_POLICY: &str = "2.5.29.32.0";
pub const GOLD: &str = "2.999.1";
pub const SILVER: &str = "2.999.2";
pub const FOREIGN: &str = "2.999.10";

/// One DER element.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match content.len() {
        length @ 0..0x80 => element.push(length as u8),
        length @ 0x80..0x100 => element.extend([0x81, length as u8]),
        length => element.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    element.extend(content);
    element
}

pub fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &elements.concat())
}

pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let mut digits = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            digits.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        content.extend(digits.iter().rev());
    }
    tlv(0x06, &content)
}

pub fn integer(number: u8) -> Vec<u8> {
    tlv(0x02, &[number])
}

/// `CN`, `O`, `C`, `DC`, `E` or a dotted type, a string tag, and the bytes of the value.
pub type Part<'a> = (&'a str, u8, &'a [u8]);

pub const UTF8: u8 = 0x0c;
pub const PRINTABLE: u8 = 0x13;
pub const IA5: u8 = 0x16;
pub const BMP: u8 = 0x1e;

/// A name of these relative distinguished names, each a set of parts.
pub fn name_of(rdns: &[&[Part<'_>]]) -> Vec<u8> {
    let rdn = |parts: &&[Part<'_>]| {
        let parts: Vec<_> = parts
            .iter()
            .map(|(kind, tag, value)| {
                let kind = match *kind {
                    "CN" => "2.5.4.3",
                    "O" => "2.5.4.10",
                    "C" => "2.5.4.6",
                    "DC" => "0.9.2342.19200300.100.1.25",
                    "E" => "1.2.840.113549.1.9.1",
                    other => other,
                };
                sequence(&[oid(kind), tlv(*tag, value)])
            })
            .collect();
        tlv(0x31, &parts.concat())
    };
    sequence(&rdns.iter().map(rdn).collect::<Vec<_>>())
}

/// `O=Test, CN=…`
pub fn name(common_name: &str) -> Vec<u8> {
    name_of(&[&[("O", UTF8, b"Test")], &[("CN", UTF8, common_name.as_bytes())]])
}

#[derive(Clone)]
pub enum Key {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Key {
    pub fn p256(seed: u8) -> Self {
        Self::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub fn p384(seed: u8) -> Self {
        Self::P384(p384::ecdsa::SigningKey::from_slice(&[seed; 48]).unwrap())
    }

    pub fn p521(seed: u8) -> Self {
        let mut bytes = [seed; 66];
        bytes[0] = 0;
        Self::P521(p521::ecdsa::SigningKey::from_slice(&bytes).unwrap())
    }

    pub fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    fn spki(&self) -> Vec<u8> {
        let curve = |curve: &str, point: Vec<u8>| {
            let algorithm = sequence(&[oid("1.2.840.10045.2.1"), oid(curve)]);
            sequence(&[algorithm, bits(&point)])
        };
        match self {
            Self::P256(key) => {
                curve("1.2.840.10045.3.1.7", key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
            }
            Self::P384(key) => {
                curve("1.3.132.0.34", key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
            }
            Self::P521(key) => {
                curve("1.3.132.0.35", key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
            }
            Self::Ed25519(key) => {
                sequence(&[sequence(&[oid("1.3.101.112")]), bits(key.verifying_key().as_bytes())])
            }
        }
    }

    fn algorithm(&self) -> Vec<u8> {
        sequence(&[oid(match self {
            Self::P256(_) => "1.2.840.10045.4.3.2",
            Self::P384(_) => "1.2.840.10045.4.3.3",
            Self::P521(_) => "1.2.840.10045.4.3.4",
            Self::Ed25519(_) => "1.3.101.112",
        })])
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(&Sha384::digest(message)).unwrap();
                signature.to_der().as_bytes().to_vec()
            }
            Self::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign_prehash(&Sha512::digest(message)).unwrap();
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                key.sign(message).to_bytes().to_vec()
            }
        }
    }
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

/// A certificate to be: what its subject is called, and all that stands in it.
#[derive(Clone)]
pub struct Recipe {
    pub subject: Vec<u8>,
    pub key: Key,
    pub version: u8,
    pub not_before: &'static str,
    pub not_after: &'static str,
    pub algorithm: Option<Vec<u8>>,
    extensions: Vec<(String, bool, Vec<u8>)>,
}

/// A leaf, valid from 2020 to 2040.
pub fn leaf(common_name: &str, key: &Key) -> Recipe {
    Recipe {
        subject: name(common_name),
        key: key.clone(),
        version: 3,
        not_before: "200101000000Z",
        not_after: "400101000000Z",
        algorithm: None,
        extensions: Vec::new(),
    }
}

/// A CA without limits, valid from 2020 to 2040.
pub fn ca(common_name: &str, key: &Key) -> Recipe {
    leaf(common_name, key).basic_constraints(true, None).key_usage(0x06)
}

impl Recipe {
    pub fn named(mut self, subject: Vec<u8>) -> Self {
        self.subject = subject;
        self
    }

    /// An extension instead of any of the same type.
    pub fn extension(mut self, oid: &str, critical: bool, value: Vec<u8>) -> Self {
        self.extensions.retain(|(present, ..)| present != oid);
        self.extensions.push((oid.to_owned(), critical, value));
        self
    }

    pub fn without(mut self, oid: &str) -> Self {
        self.extensions.retain(|(present, ..)| present != oid);
        self
    }

    pub fn basic_constraints(self, ca: bool, path_len: Option<u8>) -> Self {
        let mut content = if ca { tlv(0x01, &[0xff]) } else { Vec::new() };
        content.extend(path_len.map(integer).unwrap_or_default());
        self.extension("2.5.29.19", true, tlv(0x30, &content))
    }

    /// The first byte of the bits: 0x06 is keyCertSign and cRLSign, 0x80 is digitalSignature.
    pub fn key_usage(self, bits: u8) -> Self {
        let unused = bits.trailing_zeros().min(7) as u8;
        self.extension("2.5.29.15", true, tlv(0x03, &[unused, bits]))
    }

    pub fn policies(self, oids: &[&str]) -> Self {
        let policies: Vec<_> = oids.iter().map(|policy| sequence(&[oid(policy)])).collect();
        self.extension("2.5.29.32", false, sequence(&policies))
    }

    pub fn mappings(self, pairs: &[(&str, &str)]) -> Self {
        let pairs: Vec<_> = pairs.iter().map(|(from, to)| sequence(&[oid(from), oid(to)])).collect();
        self.extension("2.5.29.33", true, sequence(&pairs))
    }

    pub fn policy_constraints(self, explicit: Option<u8>, no_mapping: Option<u8>) -> Self {
        let explicit = explicit.map(|number| tlv(0x80, &[number])).unwrap_or_default();
        let no_mapping = no_mapping.map(|number| tlv(0x81, &[number])).unwrap_or_default();
        self.extension("2.5.29.36", true, sequence(&[explicit, no_mapping]))
    }

    pub fn inhibit_any_policy(self, skip: u8) -> Self {
        self.extension("2.5.29.54", true, integer(skip))
    }

    /// General names as DER, see [`dns`] and its like.
    pub fn alt_names(self, names: &[Vec<u8>]) -> Self {
        self.extension("2.5.29.17", false, sequence(names))
    }

    pub fn name_constraints(self, permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Self {
        let subtrees = |tag, bases: &[Vec<u8>]| {
            if bases.is_empty() {
                return Vec::new();
            }
            let bases: Vec<_> = bases.iter().map(|base| sequence(std::slice::from_ref(base))).collect();
            tlv(tag, &bases.concat())
        };
        self.extension("2.5.29.30", true, sequence(&[subtrees(0xa0, permitted), subtrees(0xa1, excluded)]))
    }

    pub fn self_signed(&self) -> Certificate {
        self.signed(&self.subject, &self.key)
    }

    pub fn signed_by(&self, issuer: &Recipe) -> Certificate {
        self.signed(&issuer.subject, &issuer.key)
    }

    pub fn signed(&self, issuer: &[u8], key: &Key) -> Certificate {
        self.try_signed(issuer, key).unwrap()
    }

    /// `None` when what is in it is no certificate.
    pub fn try_signed_by(&self, issuer: &Recipe) -> Option<Certificate> {
        self.try_signed(&issuer.subject, &issuer.key).ok()
    }

    fn try_signed(&self, issuer: &[u8], key: &Key) -> Result<Certificate, CertificateError> {
        let algorithm = self.algorithm.clone().unwrap_or_else(|| key.algorithm());
        let mut parts = Vec::new();
        if self.version > 1 {
            parts.push(tlv(0xa0, &integer(self.version - 1)));
        }
        let time = |text: &str| tlv(if text.len() == 13 { 0x17 } else { 0x18 }, text.as_bytes());
        parts.extend([
            integer(1),
            algorithm.clone(),
            issuer.to_vec(),
            sequence(&[time(self.not_before), time(self.not_after)]),
            self.subject.clone(),
            self.key.spki(),
        ]);
        if !self.extensions.is_empty() {
            let extensions: Vec<_> = self
                .extensions
                .iter()
                .map(|(kind, critical, value)| {
                    let critical = if *critical { tlv(0x01, &[0xff]) } else { Vec::new() };
                    sequence(&[oid(kind), critical, tlv(0x04, value)])
                })
                .collect();
            parts.push(tlv(0xa3, &sequence(&extensions)));
        }
        let signed_part = sequence(&parts);
        let signature = bits(&key.sign(&signed_part));
        Certificate::from_der(&sequence(&[signed_part, algorithm, signature]))
    }
}

pub fn dns(name: &str) -> Vec<u8> {
    tlv(0x82, name.as_bytes())
}

pub fn email(address: &str) -> Vec<u8> {
    tlv(0x81, address.as_bytes())
}

pub fn uri(address: &str) -> Vec<u8> {
    tlv(0x86, address.as_bytes())
}

pub fn ip(bytes: &[u8]) -> Vec<u8> {
    tlv(0x87, bytes)
}

pub fn directory(name: &[u8]) -> Vec<u8> {
    tlv(0xa4, name)
}

/// Validates with fresh signatures and no limit that matters.
pub fn judge(anchor: &Certificate, chain: &[&Certificate], inputs: &Inputs) -> Validation {
    validate(anchor, chain, inputs, &mut Signatures::with_limit(1000))
}

/// The rule and position that decided, or `None` for a valid path.
pub fn verdict(validation: &Validation) -> Option<(usize, &'static str)> {
    validation.failure.as_ref().map(|failure| (failure.position, failure.rejection.rule()))
}
