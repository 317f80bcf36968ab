//! The entry that a publication is proven by: what a device reads of the log besides checkpoints.

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::entry::{MAX_ENTRY, RawEntry, RawPayload};
use crate::json::{self, JsonError};
use crate::jws::{Jws, JwsError};
use crate::keys::KeyId;
use crate::role::Role;
use crate::signer::{Signer, SignerError};

/// The type of the statement that records a publication.
pub const PUBLICATION_RECORD: &str = "publication.record";

/// One JWS signature over a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentSignature {
    /// The protected header, base64url.
    pub protected: String,
    /// The signature, base64url.
    pub signature: String,
}

/// One TUF signature over metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataSignature {
    /// The signer's key id.
    pub keyid: KeyId,
    /// The signature in hex.
    pub sig: String,
}

impl MetadataSignature {
    /// A signature over the signed attributes of a CMS.
    ///
    /// # Errors
    /// [`SignerError`]; the key is not P-256.
    pub fn over_cms<S: Signer + ?Sized>(signer: &S, attributes: &[u8]) -> Result<Self, SignerError> {
        let sig = hex::encode(crate::signer::cms(signer, attributes)?);
        Ok(Self { keyid: signer.public_key().key_id(), sig })
    }
}

/// `publication.record`: by the recorder, with the k signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationRecord {
    /// SHA-256 of the document; absent for the board's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
    /// Signatures over the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub document_signatures: Vec<DocumentSignature>,
    /// Index of the draft's entry.
    pub draft: u64,
    /// SHA-256 of the signed part of the metadata in OLPC canonical JSON.
    pub metadata: Digest,
    /// Signatures over the metadata.
    pub metadata_signatures: Vec<MetadataSignature>,
    pub role: Role,
    /// Signatures over the signed attributes of the SAE list in CMS, where the draft has one: ECDSA with SHA-512, in DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sae_cms_signatures: Vec<MetadataSignature>,
}

/// Why an entry is not the record of a publication.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicationError {
    /// The entry or its payload.
    #[error("the ledger entry: {0}")]
    Json(#[from] JsonError),
    /// The statement in it.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// It records something else.
    #[error("it is a {0:.60}, which records no publication")]
    Other(String),
}

/// A publication as the log has it. That the entry stands in the log is shown by a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationEntry {
    /// The scheme it belongs to.
    pub scheme: Digest,
    /// What was published.
    pub record: PublicationRecord,
}

impl PublicationEntry {
    /// Reads the bytes of an entry. Its signature is not looked at: that the log holds it is what counts, and the log
    /// holds nothing that the server did not check.
    ///
    /// # Errors
    /// [`PublicationError`] saying which part was wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, PublicationError> {
        let entry: RawEntry = json::read_canonical(bytes, MAX_ENTRY)?;
        let jws = Jws::from_value(entry.statement)?;
        jws.check_protected_only()?;
        let payload: RawPayload = json::read_canonical(&jws.payload, MAX_ENTRY)?;
        if payload.r#type != PUBLICATION_RECORD {
            return Err(PublicationError::Other(payload.r#type));
        }
        jws.check_type(&format!("v2g.{PUBLICATION_RECORD}+jws"))?;
        let record = PublicationRecord::deserialize(payload.body)
            .map_err(|error| JsonError::Invalid(error.to_string()))?;
        Ok(Self { scheme: payload.scheme, record })
    }
}
