//! Signing keys of people and machines: Ed25519 and ECDSA P-256, in the forms they travel in.
//!
//! Public keys stand in statements and in TUF metadata as the same TUF key object (TUF 1.0 §4.2),
//! so that one key has one identifier everywhere: the SHA-256 of that object in OLPC canonical JSON.
//! Private keys are PKCS#8 PEM, public ones also SPKI PEM.

mod private;

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

use crate::{Digest, json};

pub use private::PrivateKey;

/// A TUF key id: SHA-256 of the canonical key object.
pub type KeyId = Digest;

/// The signature algorithms that count here, by their JWS names (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

impl Algorithm {
    /// The hash that this algorithm signs with.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::EdDsa => Hash::Sha512,
            Self::Es256 => Hash::Sha256,
        }
    }
}

/// What a signature algorithm takes of a message. Ed25519 has SHA-512 built in (RFC 8032 §5.1); for ECDSA the
/// format around it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

/// Why bytes are not a key that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither an Ed25519 nor a P-256 private key in PKCS#8 PEM.
    #[error(
        "not a private key that can be used: expected PKCS#8 PEM (BEGIN PRIVATE KEY) with Ed25519 or P-256"
    )]
    Private,
    /// Neither an Ed25519 nor a P-256 public key in SPKI PEM.
    #[error("not a public key that can be used: expected SPKI PEM (BEGIN PUBLIC KEY) with Ed25519 or P-256")]
    Public,
    /// The key object is not one of the two forms, or not in its one spelling.
    #[error("not a key object of keytype ed25519 or ecdsa in its canonical spelling: {0}")]
    Object(String),
    /// These 32 bytes are no P-256 scalar; take other ones.
    #[error("the random bytes are not a P-256 scalar; draw again")]
    Scalar,
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Ed25519 (RFC 8032).
    Ed25519(ed25519_dalek::VerifyingKey),
    /// ECDSA P-256 (FIPS 186-5).
    P256(p256::ecdsa::VerifyingKey),
}

/// A TUF key object: nothing but these three members (extra ones would change the key id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyObject {
    /// `ed25519` or `ecdsa`.
    pub keytype: String,
    /// `ed25519` or `ecdsa-sha2-nistp256`.
    pub scheme: String,
    /// The key itself.
    pub keyval: KeyValue,
}

/// The value in a [`KeyObject`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValue {
    /// 64 hex digits for Ed25519; SPKI PEM for P-256.
    pub public: String,
}

impl KeyObject {
    /// SHA-256 of this object in OLPC canonical JSON.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        Digest::of(&json::olpc(self))
    }
}

impl PublicKey {
    /// The algorithm that goes with this key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    /// The key's identifier everywhere.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.to_object().key_id()
    }

    /// The TUF key object.
    #[must_use]
    pub fn to_object(&self) -> KeyObject {
        let (keytype, scheme, public) = match self {
            Self::Ed25519(key) => ("ed25519", "ed25519", hex::encode(key.as_bytes())),
            Self::P256(_) => ("ecdsa", "ecdsa-sha2-nistp256", self.to_pem()),
        };
        KeyObject { keytype: keytype.into(), scheme: scheme.into(), keyval: KeyValue { public } }
    }

    /// Reads a TUF key object and insists on its one spelling, so that one key has one id.
    ///
    /// # Errors
    /// [`KeyError::Object`] if it is of another kind or spelt differently.
    pub fn from_object(object: &KeyObject) -> Result<Self, KeyError> {
        let refused = || KeyError::Object(format!("{}/{}", object.keytype, object.scheme));
        let key = match (object.keytype.as_str(), object.scheme.as_str()) {
            ("ed25519", "ed25519") => {
                let mut bytes = [0; 32];
                hex::decode_to_slice(&object.keyval.public, &mut bytes).map_err(|_| refused())?;
                Self::ed25519(&bytes).ok_or_else(refused)?
            }
            ("ecdsa", "ecdsa-sha2-nistp256") => {
                Self::from_pem(&object.keyval.public).map_err(|_| refused())?
            }
            _ => return Err(refused()),
        };
        if key.to_object() == *object { Ok(key) } else { Err(refused()) }
    }

    /// From the 32 bytes of an Ed25519 public key; none if they are no point or a weak one.
    #[must_use]
    pub fn ed25519(bytes: &[u8; 32]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(Self::Ed25519(key))
    }

    /// SPKI PEM.
    #[must_use]
    #[expect(clippy::expect_used, reason = "encoding a key that exists cannot fail")]
    pub fn to_pem(&self) -> String {
        match self {
            Self::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
            Self::P256(key) => key.to_public_key_pem(LineEnding::LF),
        }
        .expect("a public key has a PEM form")
    }

    /// Reads SPKI PEM.
    ///
    /// # Errors
    /// [`KeyError::Public`] if it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.len() > 4096 {
            return Err(KeyError::Public);
        }
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            return if key.is_weak() { Err(KeyError::Public) } else { Ok(Self::Ed25519(key)) };
        }
        p256::ecdsa::VerifyingKey::from_public_key_pem(pem).map(Self::P256).map_err(|_| KeyError::Public)
    }

    /// Checks a signature of fixed length, made with this hash.
    #[must_use]
    pub fn verify(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => {
                hash == Hash::Sha512
                    && ed25519_dalek::Signature::from_slice(signature)
                        .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&hash.of(message), &signature).is_ok()),
        }
    }

    /// Checks a signature in JWS form: 64 bytes for both (RFC 7518 §3.4, RFC 8037 §3.1).
    #[must_use]
    pub fn verify_jws(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verify(self.algorithm().hash(), message, signature)
    }

    /// Checks a signature in CMS form: ECDSA with SHA-512, in DER.
    #[must_use]
    pub fn verify_cms(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(_) => false,
            Self::P256(_) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| self.verify(Hash::Sha512, message, &signature.to_bytes())),
        }
    }

    /// Checks a signature in TUF form: 64 bytes for Ed25519, DER for P-256.
    #[must_use]
    pub fn verify_tuf(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(_) => self.verify_jws(message, signature),
            Self::P256(_) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| self.verify_jws(message, &signature.to_bytes())),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?} {})", self.algorithm(), self.key_id().short())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_object().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = KeyObject::deserialize(deserializer)?;
        Self::from_object(&object).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};

    use super::*;
    use crate::signer;

    fn both() -> [PrivateKey; 2] {
        [Algorithm::EdDsa, Algorithm::Es256]
            .map(|algorithm| PrivateKey::from_seed(algorithm, &[7; 32]).unwrap())
    }

    #[test]
    fn keys_survive_every_form_they_travel_in() {
        for key in both() {
            let public = key.public_key();
            assert_eq!(PrivateKey::from_pem(&key.to_pem()).unwrap().public_key(), public);
            assert_eq!(PublicKey::from_pem(&public.to_pem()), Ok(public.clone()));
            assert_eq!(PublicKey::from_object(&public.to_object()), Ok(public.clone()));
        }
    }

    #[test]
    fn an_ed25519_key_is_written_as_other_programs_read_it() {
        // The 16 bytes before the seed in the example of RFC 8410 section 10.3: version 1, no public key.
        let [ed, _] = both();
        assert!(
            ed.to_pem().contains("\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n"),
            "{}",
            ed.to_pem()
        );
        // What holds the public key as well is read all the same, if the two belong together.
        let PrivateKey::Ed25519(key) = &ed else { panic!() };
        let version_2 = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        assert_eq!(PrivateKey::from_pem(&version_2).unwrap().public_key(), ed.public_key());
        let stranger = ed25519_dalek::SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        let public_key = Some(ed25519_dalek::pkcs8::PublicKeyBytes(stranger));
        let torn = KeypairBytes { secret_key: key.to_bytes(), public_key };
        assert!(PrivateKey::from_pem(&torn.to_pkcs8_pem(LineEnding::LF).unwrap()).is_err());
    }

    #[test]
    fn signatures_verify_only_under_their_key_and_message() {
        let [a, b] = both();
        for (key, other) in [(&a, &b), (&b, &a)] {
            let (jws, tuf) = (signer::jws(key, b"hello").unwrap(), signer::tuf(key, b"hello").unwrap());
            assert!(key.public_key().verify_jws(b"hello", &jws));
            assert!(key.public_key().verify_tuf(b"hello", &tuf));
            assert!(!key.public_key().verify_jws(b"hullo", &jws));
            assert!(!other.public_key().verify_jws(b"hello", &jws));
            assert!(!key.public_key().verify_tuf(b"hello", &tuf[1..]));
        }
    }

    #[test]
    fn a_key_has_one_spelling_and_so_one_id() {
        let [ed, p256] = both();
        let mut object = ed.public_key().to_object();
        object.keyval.public = object.keyval.public.to_uppercase();
        assert!(PublicKey::from_object(&object).is_err());
        let mut object = p256.public_key().to_object();
        object.keyval.public.push('\n');
        assert!(PublicKey::from_object(&object).is_err());
        assert!(PublicKey::ed25519(&[0; 32]).is_none(), "a key of small order signs anything");
    }

    #[test]
    fn the_key_id_is_what_tuf_says() {
        // computed with securesystemslib's rules: SHA-256 over
        // {"keytype":"ed25519","keyval":{"public":"…"},"scheme":"ed25519"}
        let [ed, _] = both();
        let object = ed.public_key().to_object();
        let text = format!(
            "{{\"keytype\":\"ed25519\",\"keyval\":{{\"public\":\"{}\"}},\"scheme\":\"ed25519\"}}",
            object.keyval.public
        );
        assert_eq!(ed.public_key().key_id(), Digest::of(text.as_bytes()));
    }
}
