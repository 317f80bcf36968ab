//! Private keys, and signing with them.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;

use super::{Algorithm, Hash, KeyError, PublicKey};
use crate::signer::{RawSignature, Signer, SignerError};

/// A private key. Wiped from memory when dropped; never printed.
pub enum PrivateKey {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// ECDSA P-256, nonces by RFC 6979.
    P256(Box<p256::ecdsa::SigningKey>),
}

impl PrivateKey {
    /// From 32 random bytes (the caller brings the randomness: this crate has none).
    ///
    /// # Errors
    /// [`KeyError::Scalar`] with a chance of 2⁻³² for P-256: draw again.
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::EdDsa => Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))),
            Algorithm::Es256 => p256::ecdsa::SigningKey::from_slice(seed)
                .map(|key| Self::P256(Box::new(key)))
                .map_err(|_| KeyError::Scalar),
        }
    }

    /// Reads PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyError::Private`] if it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.len() > 4096 {
            return Err(KeyError::Private);
        }
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self::Ed25519(Box::new(key)));
        }
        p256::ecdsa::SigningKey::from_pkcs8_pem(pem)
            .map(|key| Self::P256(Box::new(key)))
            .map_err(|_| KeyError::Private)
    }

    /// PKCS#8 PEM, version 1 (RFC 5208): OpenSSL 3 and others do not read the version 2 of RFC 5958, which holds
    /// the public key as well. A secret: write it only to a file of mode 0600.
    #[must_use]
    #[expect(clippy::expect_used, reason = "encoding a key that exists cannot fail")]
    pub fn to_pem(&self) -> String {
        let pem = match self {
            Self::Ed25519(key) => {
                KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_pem(LineEnding::LF)
            }
            Self::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
        }
        .expect("a private key has a PEM form");
        pem.to_string()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key()),
            Self::P256(key) => PublicKey::P256(*key.verifying_key()),
        }
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> PublicKey {
        self.public_key()
    }

    fn sign(&self, hash: Hash, message: &[u8]) -> Result<RawSignature, SignerError> {
        match self {
            Self::Ed25519(key) => Signer::sign(key.as_ref(), hash, message),
            Self::P256(key) => {
                let failed = |why: p256::ecdsa::Error| SignerError::Failed {
                    key: self.public_key().key_id(),
                    why: why.to_string(),
                };
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(&hash.of(message)).map_err(failed)?;
                Ok(signature.to_bytes().into())
            }
        }
    }
}

impl Signer for ed25519_dalek::SigningKey {
    fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.verifying_key())
    }

    fn sign(&self, hash: Hash, message: &[u8]) -> Result<RawSignature, SignerError> {
        if hash == Hash::Sha512 {
            Ok(ed25519_dalek::Signer::sign(self, message).to_bytes())
        } else {
            Err(SignerError::Hash { key: Signer::public_key(self).key_id(), hash })
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey of {:?}", self.public_key())
    }
}
