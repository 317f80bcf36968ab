//! What is asked: one certificate, named by its issuer and serial number, and perhaps a nonce.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::Answer;
use crate::Certificate;
use crate::der::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context_constructed, encode};
use crate::revocation::{RevocationError, read};

/// The longest nonce that may be sent (RFC 9654 section 2.1), in bytes; 32 are recommended.
pub const MAX_NONCE_SIZE: usize = 128;

const NULL: &[u8] = &[5, 0];
// 1.3.6.1.5.5.7.48.1.2
pub(super) const NONCE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];

crate::words! {
    /// The hash by which a certificate's issuer is named in OCSP. SHA-1 is a name here, never proof of anything, and
    /// the one that every responder knows; SHA-256 is what RFC 6960 section 4.3 wants in addition.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Hash by name {
        /// SHA-1
        Sha1 => "SHA-1",
        /// SHA-256
        Sha256 => "SHA-256",
        /// SHA-384
        Sha384 => "SHA-384",
        /// SHA-512
        Sha512 => "SHA-512",
    }
}

impl Hash {
    fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[0x2b, 0x0e, 3, 2, 0x1a],
            Self::Sha256 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1],
            Self::Sha384 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2],
            Self::Sha512 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3],
        }
    }

    pub(super) fn of_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.oid() == oid)
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

/// A question about one certificate.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    issuer: &'a Certificate,
    issuer_name: &'a [u8],
    serial: &'a [u8],
    nonce: Option<&'a [u8]>,
}

impl<'a> Question<'a> {
    /// Asks about `certificate`, which `issuer` issued.
    pub fn about(certificate: &'a Certificate, issuer: &'a Certificate) -> Self {
        Self {
            issuer,
            issuer_name: certificate.issuer_der(),
            serial: read::shortest(certificate.serial()),
            nonce: None,
        }
    }

    /// Asks about a serial number (an INTEGER's content) under `issuer`: to see what a responder says of one that
    /// nobody issued.
    pub fn about_serial(serial: &'a [u8], issuer: &'a Certificate) -> Self {
        Self { issuer, issuer_name: issuer.subject_der(), serial: read::shortest(serial), nonce: None }
    }

    /// The same question with a nonce, which a fresh answer repeats.
    pub fn with_nonce(self, nonce: &'a [u8]) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// The issuer of the certificate in question.
    pub fn issuer(&self) -> &'a Certificate {
        self.issuer
    }

    /// The serial number in question, in its shortest form.
    pub fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// The nonce, if the question has one.
    pub fn nonce(&self) -> Option<&'a [u8]> {
        self.nonce
    }

    /// The DER OCSPRequest, not signed (RFC 6960 section 4.1).
    pub fn request(&self, hash: Hash) -> Result<Vec<u8>, RevocationError> {
        let algorithm = encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[hash.oid()]), NULL]);
        let name_hash = encode(OCTET_STRING, &[&hash.digest(self.issuer_name)]);
        let key_hash = encode(OCTET_STRING, &[&hash.digest(self.issuer.public_key_bits())]);
        let cert_id =
            encode(SEQUENCE, &[&algorithm, &name_hash, &key_hash, &encode(INTEGER, &[self.serial])]);
        let list = encode(SEQUENCE, &[&encode(SEQUENCE, &[&cert_id])]);
        let extensions = match self.nonce {
            None => Vec::new(),
            Some(nonce) if nonce.is_empty() || nonce.len() > MAX_NONCE_SIZE => {
                return Err(RevocationError::NonceLength(nonce.len()));
            }
            Some(nonce) => {
                let value = encode(OCTET_STRING, &[&encode(OCTET_STRING, &[nonce])]);
                let extension = encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[NONCE]), &value]);
                encode(context_constructed(2), &[&encode(SEQUENCE, &[&extension])])
            }
        };
        Ok(encode(SEQUENCE, &[&encode(SEQUENCE, &[&list, &extensions])]))
    }

    pub(super) fn compare(&self, answer: &Answer) -> Match {
        let Some(hash) = answer.hash else { return Match::UnknownHash };
        let issuer = *answer.issuer_name_hash == *hash.digest(self.issuer_name)
            && *answer.issuer_key_hash == *hash.digest(self.issuer.public_key_bits());
        match (issuer, *answer.serial == *self.serial) {
            (true, true) => Match::Whole,
            (true, false) => Match::IssuerOnly,
            (false, true) => Match::SerialOnly,
            (false, false) => Match::Nothing,
        }
    }
}

/// What of a question an answer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Whole,
    IssuerOnly,
    SerialOnly,
    Nothing,
    UnknownHash,
}
