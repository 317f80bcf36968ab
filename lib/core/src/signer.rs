//! Who signs: a private key in a file today, a token or another machine tomorrow.
//!
//! A [`Signer`] may fail, and it may be wrong. So nothing asks one directly: [`jws`], [`tuf`] and the log's
//! notes have it sign and check its answer before anyone uses it.

use crate::keys::{Hash, KeyId, PublicKey};

/// A signature in the form of fixed length: R and S of 32 bytes each, for both algorithms (RFC 8032 §5.1.6;
/// RFC 7518 §3.4).
pub type RawSignature = [u8; 64];

/// Something that can sign with one key.
pub trait Signer: Send + Sync {
    /// The public half of the key.
    fn public_key(&self) -> PublicKey;

    /// Signs this message. Ed25519 knows only its own [`Hash::Sha512`]; ECDSA is told which hash to take.
    ///
    /// # Errors
    /// [`SignerError`]: the key is not within reach, or cannot sign with this hash.
    fn sign(&self, hash: Hash, message: &[u8]) -> Result<RawSignature, SignerError>;
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The signer gave none: a token was pulled out, a PIN was wrong.
    #[error("key {key} did not sign: {why}")]
    Failed {
        key: KeyId,
        /// What the signer said.
        why: String,
    },
    /// The signer gave a signature that does not hold.
    #[error(
        "key {key} gave a signature that is not one of this document under its public key: the signer is broken, \
         or holds another key"
    )]
    Wrong { key: KeyId },
    /// The key's algorithm has no such hash.
    #[error("key {key} is Ed25519, which cannot sign with {hash:?}")]
    Hash {
        key: KeyId,
        /// The hash that was asked for.
        hash: Hash,
    },
    /// A CMS is signed with P-256 alone.
    #[error("key {key} is not P-256: the SAE list in CMS is signed with no other")]
    NotP256 { key: KeyId },
    /// The log and its witnesses sign with Ed25519 alone.
    #[error("key {key} is not Ed25519: the log and its witnesses sign with no other")]
    NotEd25519 { key: KeyId },
}

/// Has the signer sign, and checks what it gave.
///
/// # Errors
/// [`SignerError`]
pub fn sign<S: Signer + ?Sized>(signer: &S, hash: Hash, message: &[u8]) -> Result<RawSignature, SignerError> {
    let signature = signer.sign(hash, message)?;
    let key = signer.public_key();
    if key.verify(hash, message, &signature) {
        Ok(signature)
    } else {
        Err(SignerError::Wrong { key: key.key_id() })
    }
}

/// A checked signature in JWS form: 64 bytes (RFC 7518 §3.4, RFC 8037 §3.1).
///
/// # Errors
/// [`SignerError`]
pub fn jws<S: Signer + ?Sized>(signer: &S, message: &[u8]) -> Result<Vec<u8>, SignerError> {
    Ok(sign(signer, signer.public_key().algorithm().hash(), message)?.to_vec())
}

/// A checked signature in TUF form: 64 bytes for Ed25519, DER for P-256.
///
/// # Errors
/// [`SignerError`]
pub fn tuf<S: Signer + ?Sized>(signer: &S, message: &[u8]) -> Result<Vec<u8>, SignerError> {
    let raw = jws(signer, message)?;
    match signer.public_key() {
        PublicKey::Ed25519(_) => Ok(raw),
        PublicKey::P256(key) => p256::ecdsa::Signature::from_slice(&raw)
            .map(|signature| signature.to_der().as_bytes().to_vec())
            .map_err(|_| SignerError::Wrong { key: PublicKey::P256(key).key_id() }),
    }
}

/// A checked signature in CMS form: ECDSA with SHA-512 in DER (RFC 5753 section 2.1.1).
///
/// # Errors
/// [`SignerError`]; the key is not P-256.
pub fn cms<S: Signer + ?Sized>(signer: &S, message: &[u8]) -> Result<Vec<u8>, SignerError> {
    match signer.public_key() {
        key @ PublicKey::Ed25519(_) => Err(SignerError::NotP256 { key: key.key_id() }),
        key @ PublicKey::P256(_) => {
            let raw = sign(signer, Hash::Sha512, message)?;
            p256::ecdsa::Signature::from_slice(&raw)
                .map(|signature| signature.to_der().as_bytes().to_vec())
                .map_err(|_| SignerError::Wrong { key: key.key_id() })
        }
    }
}

/// A checked signature of the log or of a witness, with the key that made it.
///
/// # Errors
/// [`SignerError`]; the key is not Ed25519.
pub(crate) fn note<S: Signer + ?Sized>(
    signer: &S,
    message: &[u8],
) -> Result<(ed25519_dalek::VerifyingKey, RawSignature), SignerError> {
    match signer.public_key() {
        PublicKey::Ed25519(key) => Ok((key, sign(signer, Hash::Sha512, message)?)),
        key @ PublicKey::P256(_) => Err(SignerError::NotEd25519 { key: key.key_id() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PrivateKey;
    use crate::jws::Jws;
    use crate::keys::Algorithm;
    use crate::log::Checkpoint;
    use crate::tuf::TufSignature;

    fn both() -> [PrivateKey; 2] {
        [Algorithm::EdDsa, Algorithm::Es256]
            .map(|algorithm| PrivateKey::from_seed(algorithm, &[7; 32]).unwrap())
    }

    /// Shows one key and signs with another, or not at all.
    struct Token {
        shown: PrivateKey,
        inside: Option<PrivateKey>,
    }

    impl Signer for Token {
        fn public_key(&self) -> PublicKey {
            self.shown.public_key()
        }

        fn sign(&self, hash: Hash, message: &[u8]) -> Result<RawSignature, SignerError> {
            let unplugged =
                || SignerError::Failed { key: self.public_key().key_id(), why: "the token is gone".into() };
            self.inside.as_ref().ok_or_else(unplugged)?.sign(hash, message)
        }
    }

    fn every_way(signer: &dyn Signer) -> Vec<Result<(), SignerError>> {
        let checkpoint = Checkpoint { origin: "log".into(), size: 0, root: crate::log::merkle::empty_root() };
        let of_note = checkpoint.sign(signer).map(drop).map_err(|error| match error {
            crate::log::LogError::Signer(error) => error,
            other => panic!("{other}"),
        });
        vec![
            Jws::sign(b"{}".to_vec(), "example+json", &[signer]).map(drop),
            TufSignature::over(b"{}", signer).map(drop),
            of_note,
        ]
    }

    #[test]
    fn a_signer_that_fails_or_lies_gives_no_document() {
        let [key, _] = both();
        let id = key.public_key().key_id();
        let gone = Token { shown: PrivateKey::from_seed(Algorithm::EdDsa, &[7; 32]).unwrap(), inside: None };
        for outcome in every_way(&gone) {
            assert_eq!(outcome, Err(SignerError::Failed { key: id, why: "the token is gone".into() }));
        }
        let other = PrivateKey::from_seed(Algorithm::EdDsa, &[8; 32]).unwrap();
        for outcome in every_way(&Token { shown: key, inside: Some(other) }) {
            assert_eq!(outcome, Err(SignerError::Wrong { key: id }));
        }
    }

    #[test]
    fn a_good_signer_signs_every_way_and_only_ed25519_signs_the_log() {
        let [ed, p256] = both();
        assert!(every_way(&ed).iter().all(Result::is_ok));
        let id = p256.public_key().key_id();
        assert_eq!(every_way(&p256), [Ok(()), Ok(()), Err(SignerError::NotEd25519 { key: id })]);
    }

    #[test]
    fn ecdsa_is_told_the_hash_and_ed25519_has_one_of_its_own() {
        let [ed, p256] = both();
        for hash in [Hash::Sha256, Hash::Sha512] {
            let signature = sign(&p256, hash, b"message").unwrap();
            let verified = [Hash::Sha256, Hash::Sha512]
                .map(|asked| p256.public_key().verify(asked, b"message", &signature));
            assert_eq!(verified, [hash == Hash::Sha256, hash == Hash::Sha512]);
        }
        let refused = SignerError::Hash { key: ed.public_key().key_id(), hash: Hash::Sha256 };
        assert_eq!(sign(&ed, Hash::Sha256, b"message"), Err(refused));
        let signature = sign(&ed, Hash::Sha512, b"message").unwrap();
        assert!(!ed.public_key().verify(Hash::Sha256, b"message", &signature));
    }
}
