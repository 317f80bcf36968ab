//! SignedData of one's own making, each part as one likes it.

use ctl_pki::Certificate;
use ctl_pki::der::{encode, set_of};
use ctl_sandbox::mutation::Node;
use ctl_sandbox::shape::{Key, Shape};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::pkcs8::DecodePrivateKey as _;
use sha2::{Digest as _, Sha256, Sha512};

use crate::CONTENT;

const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// A digest algorithm and ECDSA with it.
pub const SHA512: (&str, &str) = ("2.16.840.1.101.3.4.2.3", "1.2.840.10045.4.3.4");
pub const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
pub const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
pub const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
pub const DATA: &str = "1.2.840.113549.1.7.1";
pub const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
pub const ISSUER: &str = "CN=List Signing CA,O=Aurora";

#[derive(Clone)]
pub struct Signer {
    pub certificate: Certificate,
    pub key: Key,
}

impl Signer {
    pub fn sign_digest(&self, digest: &[u8]) -> Vec<u8> {
        let pkcs8 = self.key.pkcs8_der().unwrap();
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(&pkcs8) {
            let signature: p256::ecdsa::DerSignature = key.sign_prehash(digest).unwrap();
            return signature.as_bytes().to_vec();
        }
        let key = p521::ecdsa::SigningKey::from_pkcs8_der(&pkcs8).unwrap();
        let signature: p521::ecdsa::DerSignature = key.sign_prehash(digest).unwrap();
        signature.as_bytes().to_vec()
    }

    /// With SHA-512.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.sign_digest(&Sha512::digest(bytes))
    }
}

/// The CA of those who sign lists.
pub fn issuer() -> Signer {
    let key = Key::p256("list signing CA").unwrap();
    Signer { certificate: Shape::ca(ISSUER, &key, Some(0)).unwrap().self_signed().unwrap(), key }
}

/// A certificate for signing, by a key of this name.
pub fn leaf(name: &str) -> Shape {
    leaf_for(name, &Key::p256(name).unwrap())
}

/// The same, with this key.
pub fn leaf_for(name: &str, key: &Key) -> Shape {
    // Serial numbers tell the signers of one issuer apart.
    let serial = name.bytes().fold(7, |serial, byte| serial * 31 + u64::from(byte));
    Shape::new(&format!("CN={name}"), key).unwrap().serial(serial).key_usage(&[0, 1])
}

/// With an extended key usage under 1.3.6.1.5.5.7.
pub fn code(shape: Shape, arcs: &str) -> Shape {
    let purpose = oid(&format!("1.3.6.1.5.5.7.{arcs}"));
    shape.extension(EXTENDED_KEY_USAGE, true, &encode(0x30, &[&purpose]))
}

pub fn coding(name: &str) -> Shape {
    code(leaf(name), "3.3")
}

pub fn issued_to(shape: Shape, key: Key) -> Signer {
    Signer { certificate: shape.signed_by(ISSUER, &issuer().key).unwrap(), key }
}

pub fn issued(shape: Shape) -> Signer {
    let certificate = shape.clone().self_signed().unwrap();
    let name = certificate.common_name().unwrap().to_owned();
    issued_to(shape, Key::p256(&name).unwrap())
}

pub fn code_signer(name: &str) -> Signer {
    issued(coding(name))
}

pub fn oid(dotted: &str) -> Vec<u8> {
    Node::oid(dotted).encode()
}

pub fn algorithm(dotted: &str, parameters: &[u8]) -> Vec<u8> {
    encode(0x30, &[&oid(dotted), parameters])
}

pub fn attribute(kind: Vec<u8>, value: &[u8]) -> Vec<u8> {
    encode(0x30, &[&kind, &encode(0x31, &[value])])
}

/// A SignedData with one signer, in parts.
#[derive(Clone)]
pub struct Made {
    pub signer: Signer,
    pub content: Option<Vec<u8>>,
    pub content_type: &'static str,
    pub certificates: Vec<Vec<u8>>,
    pub version: u8,
    pub sid: Vec<u8>,
    pub digest: Vec<u8>,
    pub attributes: Option<Vec<Vec<u8>>>,
    pub signature_algorithm: Vec<u8>,
    pub sha256: bool,
    /// Instead of the signature that belongs there.
    pub signature: Option<Vec<u8>>,
    pub unsigned: Vec<u8>,
}

impl Made {
    pub fn of(signer: &Signer) -> Self {
        let certificate = &signer.certificate;
        let time = encode(0x17, &[b"261101120000Z"]);
        Self {
            signer: signer.clone(),
            content: Some(CONTENT.to_vec()),
            content_type: DATA,
            certificates: vec![certificate.der().to_vec()],
            version: 1,
            sid: encode(0x30, &[certificate.issuer_der(), &encode(2, &[certificate.serial()])]),
            digest: algorithm(SHA512.0, &[]),
            attributes: Some(vec![
                attribute(oid(CONTENT_TYPE), &oid(DATA)),
                attribute(oid(SIGNING_TIME), &time),
                attribute(oid(MESSAGE_DIGEST), &encode(4, &[&Sha512::digest(CONTENT)])),
            ]),
            signature_algorithm: algorithm(SHA512.1, &[]),
            sha256: false,
            signature: None,
            unsigned: Vec::new(),
        }
    }

    /// The SignerInfo.
    pub fn info(&self) -> Vec<u8> {
        let attributes = self.attributes.as_ref();
        let signed = attributes.map_or_else(|| CONTENT.to_vec(), |attributes| set_of(attributes.clone()));
        let digest =
            if self.sha256 { Sha256::digest(&signed).to_vec() } else { Sha512::digest(&signed).to_vec() };
        let signature = self.signature.clone().unwrap_or_else(|| self.signer.sign_digest(&digest));
        let attributes = attributes.map(|attributes| encode(0xa0, &[&attributes.concat()]));
        encode(
            0x30,
            &[
                &[2, 1, self.version],
                &self.sid,
                &self.digest,
                &attributes.unwrap_or_default(),
                &self.signature_algorithm,
                &encode(4, &[&signature]),
                &self.unsigned,
            ],
        )
    }

    /// The whole with these SignerInfos.
    pub fn with_infos(&self, infos: &[Vec<u8>]) -> Vec<u8> {
        let content = self.content.as_ref().map(|content| encode(0xa0, &[&encode(4, &[content])]));
        let encapsulated = encode(0x30, &[&oid(self.content_type), &content.unwrap_or_default()]);
        let certificates = match self.certificates.is_empty() {
            true => Vec::new(),
            false => encode(0xa0, &[&self.certificates.concat()]),
        };
        let infos = encode(0x31, &[&infos.concat()]);
        let digests = encode(0x31, &[&self.digest]);
        let signed_data =
            encode(0x30, &[&[2, 1, self.version], &digests, &encapsulated, &certificates, &infos]);
        encode(0x30, &[&oid(SIGNED_DATA), &encode(0xa0, &[&signed_data])])
    }

    pub fn der(&self) -> Vec<u8> {
        self.with_infos(&[self.info()])
    }
}
