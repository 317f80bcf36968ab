//! Verification of a certificate's signature: ECDSA on the NIST curves and Ed25519.
//!
//! Hash and curve are taken from where each is written, the hash from the signature algorithm and the curve
//! from the issuer's key; RFC 5758 does not bind them to each other, and real PKIs mix them.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::error::{AlgorithmName, SignatureError};

const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const ECDSA_WITH_SHA384: &str = "1.2.840.10045.4.3.3";
const ECDSA_WITH_SHA512: &str = "1.2.840.10045.4.3.4";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const ED25519: &str = "1.3.101.112";

/// A public key as its certificate describes it; bits that are not whole bytes make it `None`.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey {
    pub(crate) algorithm: AlgorithmName,
    pub(crate) curve: Option<AlgorithmName>,
    /// The curve is written out instead.
    pub(crate) explicit_curve: bool,
    pub(crate) bits: Box<[u8]>,
}

/// Verifies `signature` by `key` over `signed` (the exact bytes of the signed part).
pub(crate) fn verify(
    algorithm: &AlgorithmName,
    signed: &[u8],
    signature: &[u8],
    key: &PublicKey,
) -> Result<(), SignatureError> {
    let digest = match algorithm.oid() {
        ECDSA_WITH_SHA256 => Sha256::digest(signed).to_vec(),
        ECDSA_WITH_SHA384 => Sha384::digest(signed).to_vec(),
        ECDSA_WITH_SHA512 => Sha512::digest(signed).to_vec(),
        ED25519 if key.algorithm.oid() == ED25519 => return verify_ed25519(signed, signature, &key.bits),
        ED25519 => return Err(key_does_not_fit(algorithm, key)),
        _ => return Err(SignatureError::UnsupportedAlgorithm(algorithm.clone())),
    };
    if key.algorithm.oid() != EC_PUBLIC_KEY {
        return Err(key_does_not_fit(algorithm, key));
    }
    let Some(curve) = &key.curve else {
        let explicit = key.explicit_curve;
        return Err(if explicit { SignatureError::ExplicitCurve } else { SignatureError::NoCurve });
    };
    match curve.oid() {
        P256 => verify_ecdsa(
            p256::ecdsa::VerifyingKey::from_sec1_bytes(&key.bits),
            p256::ecdsa::Signature::from_der(signature),
            &digest,
        ),
        P384 => verify_ecdsa(
            p384::ecdsa::VerifyingKey::from_sec1_bytes(&key.bits),
            p384::ecdsa::Signature::from_der(signature),
            &digest,
        ),
        P521 => verify_ecdsa(
            p521::ecdsa::VerifyingKey::from_sec1_bytes(&key.bits),
            p521::ecdsa::Signature::from_der(signature),
            &digest,
        ),
        _ => Err(SignatureError::UnsupportedAlgorithm(curve.clone())),
    }
}

fn verify_ecdsa<S, K: PrehashVerifier<S>, E>(
    key: Result<K, E>,
    signature: Result<S, E>,
    digest: &[u8],
) -> Result<(), SignatureError> {
    let key = key.map_err(|_| SignatureError::MalformedKey)?;
    let signature = signature.map_err(|_| SignatureError::MalformedSignature)?;
    key.verify_prehash(digest, &signature).map_err(|_| SignatureError::Invalid)
}

fn verify_ed25519(signed: &[u8], signature: &[u8], key: &[u8]) -> Result<(), SignatureError> {
    let key = <&[u8; 32]>::try_from(key).map_err(|_| SignatureError::MalformedKey)?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| SignatureError::MalformedKey)?;
    let signature =
        ed25519_dalek::Signature::from_slice(signature).map_err(|_| SignatureError::MalformedSignature)?;
    key.verify_strict(signed, &signature).map_err(|_| SignatureError::Invalid)
}

fn key_does_not_fit(algorithm: &AlgorithmName, key: &PublicKey) -> SignatureError {
    SignatureError::KeyDoesNotFit { signature: algorithm.clone(), key: key.algorithm.clone() }
}
