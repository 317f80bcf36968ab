//! The envelope: what was signed, and the signatures over it (specification §4.2).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::metadata::Metadata;
use super::roles::malformed;
use super::{SPEC_VERSION, TufError};
use crate::json;
use crate::signer::{self, Signer, SignerError};

/// A signature in an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TufSignature {
    /// The key's id, as the role names it.
    pub keyid: String,
    /// Hex: 64 bytes for Ed25519, DER for P-256.
    pub sig: String,
}

impl TufSignature {
    /// Signs the bytes that [`signing_bytes`] gives.
    ///
    /// # Errors
    /// [`SignerError`]
    pub fn over<S: Signer + ?Sized>(payload: &[u8], signer: &S) -> Result<Self, SignerError> {
        let sig = hex::encode(signer::tuf(signer, payload)?);
        Ok(Self { keyid: signer.public_key().key_id().to_string(), sig })
    }
}

/// The bytes that signatures cover: OLPC canonical JSON.
#[must_use]
pub fn signing_bytes<T: Metadata>(signed: &T) -> Vec<u8> {
    json::olpc(signed)
}

/// Signs metadata.
///
/// # Errors
/// [`SignerError`]
pub fn sign<T: Metadata>(signer: &(impl Signer + ?Sized), signed: &T) -> Result<TufSignature, SignerError> {
    TufSignature::over(&signing_bytes(signed), signer)
}

/// The file to publish; equal input is equal bytes.
#[must_use]
pub fn envelope<T: Metadata>(signed: &T, signatures: &[TufSignature]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        signatures: &'a [TufSignature],
        signed: &'a T,
    }
    json::canonical(&Envelope { signatures, signed })
}

/// Metadata as it was received, read but not verified: [`super::verify_role`] does that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    /// What was understood of it.
    pub signed: T,
    /// The signatures; no key id stands twice.
    pub signatures: Vec<TufSignature>,
    raw: Value,
}

impl<T: Metadata> Signed<T> {
    /// Reads a file of at most `limit` bytes that claims to be metadata of `role`. Unknown members
    /// are kept, and covered by the signatures.
    ///
    /// # Errors
    /// [`TufError`] if it is not metadata of the type that the role has.
    pub fn parse(role: &str, bytes: &[u8], limit: usize) -> Result<Self, TufError> {
        #[derive(Deserialize)]
        struct Envelope {
            signatures: Vec<TufSignature>,
            signed: Value,
        }
        let json = |source| TufError::Json { role: role.into(), source };
        let Envelope { signatures, signed: raw } = json::read(bytes, limit).map_err(json)?;
        let text = |name: &str| raw.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let found = text("_type");
        if found != T::TYPE {
            return Err(TufError::WrongType { role: role.into(), expected: T::TYPE, found });
        }
        let found = text("spec_version");
        if !is_supported(&found) {
            return Err(TufError::SpecVersion { role: role.into(), found });
        }
        if !is_normalised(&raw) {
            return Err(malformed(role, "a text is not in Unicode normal form C"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = signatures.iter().find(|signature| !seen.insert(&signature.keyid)) {
            return Err(TufError::DuplicateKeyId { role: role.into(), key_id: twice.keyid.clone() });
        }
        let signed = T::deserialize(&raw).map_err(|e| malformed(role, &e.to_string()))?;
        if signed.version() == 0 {
            return Err(malformed(role, "versions begin with 1"));
        }
        signed.check(role)?;
        Ok(Self { signed, signatures, raw })
    }

    /// The bytes that the signatures cover.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        json::olpc(&self.raw)
    }

    /// The signed part as it was received, with the members that this module does not know.
    #[must_use]
    pub const fn raw(&self) -> &Value {
        &self.raw
    }
}

fn is_supported(version: &str) -> bool {
    let mut parts = version.split('.');
    let ours = SPEC_VERSION.split('.').next();
    parts.next() == ours && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// OLPC canonical JSON as this module writes it normalises text. Were other forms let in, two
/// documents could share their signed bytes, and a mirror could swap one for the other.
fn is_normalised(value: &Value) -> bool {
    match value {
        Value::String(text) => unicode_normalization::is_nfc(text),
        Value::Array(items) => items.iter().all(is_normalised),
        Value::Object(members) => {
            members.iter().all(|(name, value)| unicode_normalization::is_nfc(name) && is_normalised(value))
        }
        _ => true,
    }
}
