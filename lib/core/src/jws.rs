//! JWS in the general JSON serialisation (RFC 7515 §7.2.1): the envelope of statements and lists.
//!
//! Each signature has a protected header of exactly `alg`, `kid` and `typ`. `typ` names the kind of
//! document, so that a signature given for one kind can never be used for another. Statements carry
//! nothing else; lists may carry an unprotected header with the metadata to verify them offline.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::{self, JsonError};
use crate::keys::{Algorithm, KeyId, PublicKey};
use crate::signer::{self, Signer, SignerError};
use crate::threshold::{Count, Threshold, TooFew};

/// The most signatures that one document may have.
pub const MAX_SIGNATURES: usize = 64;

/// The protected header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protected {
    /// The algorithm; must fit the key.
    pub alg: Algorithm,
    /// The TUF key id of the signer.
    pub kid: KeyId,
    /// The kind of document.
    pub typ: String,
}

/// One signature over the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The protected header as it was sent: the signature covers these characters.
    pub protected_base64: String,
    /// The same, read.
    pub protected: Protected,
    /// The signature in JWS form.
    pub signature: Vec<u8>,
    /// The unprotected header, if there is one.
    pub header: Option<Map<String, Value>>,
}

/// A payload with its signatures. Not verified by being one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jws {
    /// The exact bytes that were signed.
    pub payload: Vec<u8>,
    pub signatures: Vec<Signature>,
}

/// Why bytes are not such an envelope, or its signatures do not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The JSON around it.
    #[error("the envelope: {0}")]
    Json(#[from] JsonError),
    /// A member is not base64url without padding.
    #[error("member {0:?} is not base64url without padding")]
    Base64(&'static str),
    /// The protected header of one signature.
    #[error("the protected header of signature {index}: {error}")]
    Header {
        /// Which signature, from 0.
        index: usize,
        error: JsonError,
    },
    /// No signature, or too many.
    #[error("{0} signatures; between 1 and {MAX_SIGNATURES} are expected")]
    Number(usize),
    /// An unprotected header where none may be.
    #[error("signature {0} has an unprotected header; statements carry none")]
    Unprotected(usize),
    /// A signature is for another kind of document.
    #[error("signature {index} is for a document of type {found:?}, this is {expected:?}")]
    Type {
        /// Which signature, from 0.
        index: usize,
        /// The type that was expected.
        expected: String,
        /// The type in the header.
        found: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<Map<String, Value>>,
    protected: String,
    signature: String,
}

fn decode(name: &'static str, text: &str) -> Result<Vec<u8>, JwsError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Base64(name))
}

impl Signature {
    /// Signs a payload as a document of this type.
    ///
    /// # Errors
    /// [`SignerError`]
    pub fn sign<S: Signer + ?Sized>(signer: &S, typ: &str, payload: &[u8]) -> Result<Self, SignerError> {
        let public = signer.public_key();
        let protected = Protected { alg: public.algorithm(), kid: public.key_id(), typ: typ.to_owned() };
        let protected_base64 = BASE64_URL_SAFE_NO_PAD.encode(json::canonical(&protected));
        let signature = signer::jws(signer, &signing_input(&protected_base64, payload))?;
        Ok(Self { protected_base64, protected, signature, header: None })
    }

    /// Whether the signature holds for this payload under this key, with the algorithm of the key.
    #[must_use]
    pub fn verify(&self, key: &PublicKey, payload: &[u8]) -> bool {
        self.protected.alg == key.algorithm() && key.verify_jws(&self.signing_input(payload), &self.signature)
    }

    /// What the signature is over, for this payload (RFC 7515 §5.1).
    #[must_use]
    pub fn signing_input(&self, payload: &[u8]) -> Vec<u8> {
        signing_input(&self.protected_base64, payload)
    }

    /// Reads one signature object of an envelope.
    ///
    /// # Errors
    /// [`JwsError`]; `index` is only for its text.
    pub fn from_value(value: Value, index: usize) -> Result<Self, JwsError> {
        let raw = EnvelopeSignature::deserialize(value)
            .map_err(|e| JwsError::Json(JsonError::Invalid(e.to_string())))?;
        Self::from_raw(raw, index)
    }

    /// The signature object of an envelope.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut members = Map::new();
        if let Some(header) = &self.header {
            members.insert("header".into(), Value::Object(header.clone()));
        }
        members.insert("protected".into(), self.protected_base64.clone().into());
        members.insert("signature".into(), BASE64_URL_SAFE_NO_PAD.encode(&self.signature).into());
        Value::Object(members)
    }

    fn from_raw(raw: EnvelopeSignature, index: usize) -> Result<Self, JwsError> {
        let protected = json::read(&decode("protected", &raw.protected)?, 1024)
            .map_err(|error| JwsError::Header { index, error })?;
        Ok(Self {
            protected,
            signature: decode("signature", &raw.signature)?,
            protected_base64: raw.protected,
            header: raw.header,
        })
    }
}

fn signing_input(protected_base64: &str, payload: &[u8]) -> Vec<u8> {
    let mut input = protected_base64.as_bytes().to_vec();
    input.push(b'.');
    input.extend(BASE64_URL_SAFE_NO_PAD.encode(payload).bytes());
    input
}

impl Jws {
    /// Reads an envelope from its JSON value.
    ///
    /// # Errors
    /// [`JwsError`] saying which part was wrong.
    pub fn from_value(value: Value) -> Result<Self, JwsError> {
        let envelope =
            Envelope::deserialize(value).map_err(|e| JwsError::Json(JsonError::Invalid(e.to_string())))?;
        if envelope.signatures.is_empty() || envelope.signatures.len() > MAX_SIGNATURES {
            return Err(JwsError::Number(envelope.signatures.len()));
        }
        let signatures = envelope
            .signatures
            .into_iter()
            .enumerate()
            .map(|(index, raw)| Signature::from_raw(raw, index))
            .collect::<Result<_, _>>()?;
        Ok(Self { payload: decode("payload", &envelope.payload)?, signatures })
    }

    /// Reads an envelope of at most `limit` bytes.
    ///
    /// # Errors
    /// [`JwsError`] saying which part was wrong.
    pub fn parse(bytes: &[u8], limit: usize) -> Result<Self, JwsError> {
        Self::from_value(json::parse(bytes, limit)?)
    }

    /// The envelope as a JSON value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::json!({
            "payload": BASE64_URL_SAFE_NO_PAD.encode(&self.payload),
            "signatures": self.signatures.iter().map(Signature::to_value).collect::<Vec<_>>(),
        })
    }

    /// The envelope in canonical JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        json::canonical(&self.to_value())
    }

    /// Signs a payload with one or several keys.
    ///
    /// # Errors
    /// [`SignerError`] of the first that does not sign.
    pub fn sign<S: Signer + ?Sized>(
        payload: Vec<u8>,
        typ: &str,
        signers: &[&S],
    ) -> Result<Self, SignerError> {
        let signatures =
            signers.iter().map(|signer| Signature::sign(*signer, typ, &payload)).collect::<Result<_, _>>()?;
        Ok(Self { payload, signatures })
    }

    /// Checks that every signature is for a document of this type.
    ///
    /// # Errors
    /// [`JwsError::Type`] naming the first that is not.
    pub fn check_type(&self, typ: &str) -> Result<(), JwsError> {
        for (index, signature) in self.signatures.iter().enumerate() {
            if signature.protected.typ != typ {
                return Err(JwsError::Type {
                    index,
                    expected: typ.to_owned(),
                    found: signature.protected.typ.chars().take(80).collect(),
                });
            }
        }
        Ok(())
    }

    /// Checks that no signature carries an unprotected header, as statements must not.
    ///
    /// # Errors
    /// [`JwsError::Unprotected`] naming the first that does.
    pub fn check_protected_only(&self) -> Result<(), JwsError> {
        match self.signatures.iter().position(|s| s.header.is_some()) {
            Some(index) => Err(JwsError::Unprotected(index)),
            None => Ok(()),
        }
    }

    /// Counts the signatures against a threshold. The type must have been checked before.
    ///
    /// # Errors
    /// [`TooFew`] if the threshold is not met.
    pub fn check_threshold(&self, threshold: &Threshold) -> Result<Count, TooFew> {
        threshold.check(self.claims())
    }

    /// The signatures as a threshold counts them: each key id, and whether it verifies under a key.
    pub fn claims(&self) -> Vec<(&KeyId, impl Fn(&PublicKey) -> bool)> {
        let claims = self.signatures.iter().map(|signature| {
            (&signature.protected.kid, move |key: &PublicKey| signature.verify(key, &self.payload))
        });
        claims.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PrivateKey;
    use crate::threshold::Authority;
    use proptest::prelude::*;

    fn keys() -> [PrivateKey; 2] {
        [(Algorithm::EdDsa, 1), (Algorithm::Es256, 2)]
            .map(|(algorithm, seed)| PrivateKey::from_seed(algorithm, &[seed; 32]).unwrap())
    }

    fn both_must_sign(keys: &[PrivateKey]) -> Threshold {
        let keys = keys.iter().map(|key| {
            let key = key.public_key();
            (key.key_id(), Authority { key, organisation: None })
        });
        Threshold { needed: 2, keys: keys.collect() }
    }

    #[test]
    fn two_signers_one_document() {
        let keys = keys();
        let jws = Jws::sign(b"{}".to_vec(), "example+json", &[&keys[0], &keys[1]]).unwrap();
        let read = Jws::parse(&jws.to_bytes(), 10_000).unwrap();
        assert_eq!(read, jws);
        assert!(read.check_type("example+json").is_ok());
        assert!(read.check_type("other+json").is_err());
        assert!(read.check_threshold(&both_must_sign(&keys)).is_ok());
    }

    #[test]
    fn a_changed_payload_or_header_breaks_the_signature() {
        let keys = keys();
        let jws = Jws::sign(b"{}".to_vec(), "example+json", &[&keys[0], &keys[1]]).unwrap();
        let mut changed = jws.clone();
        changed.payload = b"[]".to_vec();
        assert!(changed.check_threshold(&both_must_sign(&keys)).is_err());
        let mut retyped = jws.clone();
        retyped.signatures[0] = Signature::sign(&keys[0], "other+json", b"{}").unwrap();
        retyped.signatures[0].protected_base64 = jws.signatures[0].protected_base64.clone();
        assert!(retyped.check_threshold(&both_must_sign(&keys)).is_err());
    }

    #[test]
    fn an_algorithm_that_does_not_fit_the_key_is_refused() {
        let keys = keys();
        let mut jws = Jws::sign(b"{}".to_vec(), "example+json", &[&keys[0]]).unwrap();
        jws.signatures[0].protected.alg = Algorithm::Es256;
        assert!(!jws.signatures[0].verify(&keys[0].public_key(), b"{}"));
    }

    #[test]
    fn headers_with_anything_more_are_refused() {
        let protected = BASE64_URL_SAFE_NO_PAD.encode(
            br#"{"alg":"EdDSA","crit":["b64"],"kid":"0000000000000000000000000000000000000000000000000000000000000000","typ":"x"}"#,
        );
        let text =
            format!(r#"{{"payload":"e30","signatures":[{{"protected":"{protected}","signature":""}}]}}"#);
        assert!(matches!(Jws::parse(text.as_bytes(), 10_000), Err(JwsError::Header { .. })));
        assert!(Jws::parse(br#"{"payload":"e30","signatures":[]}"#, 100).is_err());
        assert!(
            Jws::parse(br#"{"payload":"e30=","signatures":[{"protected":"","signature":""}]}"#, 100).is_err()
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[{}\\[\\]\":a-zA-Z0-9,_-]{0,200}") {
            let _ = Jws::parse(text.as_bytes(), 1000);
        }
    }
}
