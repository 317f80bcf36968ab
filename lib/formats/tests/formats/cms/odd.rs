//! What is made in another way than lists are signed: other algorithms, other names, other signers.

use ctl_pki::der::encode;
use ctl_sandbox::shape::{Key, Shape};
use sha2::{Digest as _, Sha256};

use super::made::{ISSUER, MESSAGE_DIGEST, Made, Signer, algorithm, attribute, code, coding, leaf_for, oid};
use crate::CONTENT;

/// A digest algorithm and ECDSA with it.
pub const SHA256: (&str, &str) = ("2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2");

pub fn coding_for(name: &str, key: &Key) -> Shape {
    code(leaf_for(name, key), "3.3")
}

pub fn self_issued(name: &str) -> Signer {
    Signer { certificate: coding(name).self_signed().unwrap(), key: Key::p256(name).unwrap() }
}

/// In the issuer's name, by another key.
pub fn forged(name: &str) -> Signer {
    let certificate = coding(name).signed_by(ISSUER, &Key::p256("another CA").unwrap()).unwrap();
    Signer { certificate, key: Key::p256(name).unwrap() }
}

impl Made {
    pub fn named_by_key(mut self) -> Self {
        self.version = 3;
        self.sid = encode(0x80, &[self.signer.certificate.subject_key_id().unwrap()]);
        self
    }

    /// SHA-256 throughout.
    pub fn hash(mut self, (digest, signature): (&str, &str)) -> Self {
        (self.digest, self.signature_algorithm) = (algorithm(digest, &[]), algorithm(signature, &[]));
        self.sha256 = true;
        self.replace(MESSAGE_DIGEST, Some(&encode(4, &[&Sha256::digest(CONTENT)])))
    }

    pub fn with(mut self, attribute: Vec<u8>) -> Self {
        self.attributes.as_mut().unwrap().push(attribute);
        self
    }

    /// Another value of an attribute, or the attribute left out.
    pub fn replace(mut self, kind: &str, value: Option<&[u8]>) -> Self {
        let attributes = self.attributes.as_mut().unwrap();
        let kind = oid(kind);
        attributes.retain(|attribute| !attribute.windows(kind.len()).any(|part| part == kind));
        attributes.extend(value.map(|value| attribute(kind, value)));
        self
    }
}
