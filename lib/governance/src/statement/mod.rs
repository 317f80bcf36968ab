//! Statements: documents signed with JWS by one or more participants, the only way anything changes; and ledger
//! entries, which are statements with the time of their recording.
//!
//! Reading one checks its form only. [`crate::check`] decides whether it may be recorded.

pub mod body;
pub mod charter;
pub mod charter_file;
mod cross;
mod decision;
pub mod known;
pub mod parts;
mod restart;
pub(crate) mod sae_cms;
mod service_levels;

pub use body::Body;
pub use ctl_core::entry::{Basis, MAX_ENTRY, MAX_STATEMENT};
use ctl_core::entry::{RawEntry, RawPayload};
use ctl_core::json::{self, JsonError};
use ctl_core::jws::{Jws, JwsError};
use ctl_core::log::merkle;
use ctl_core::names::Nonce;
use ctl_core::{Digest, Signer, SignerError, Timestamp};

use crate::RulesVersion;

/// The payload that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The scheme's id; [`Digest::ZERO`] in the genesis, whose own digest becomes the id.
    pub scheme: Digest,
    /// When the author says it was signed.
    pub issued_at: Timestamp,
    /// The log as the author has seen it.
    pub basis: Basis,
    /// Makes the statement unique.
    pub nonce: Nonce,
    /// What it says.
    pub body: Body,
}

/// Why bytes are not a statement or an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The envelope is wrong.
    #[error(transparent)]
    Jws(#[from] JwsError),
    #[error("the payload: {0}")]
    Payload(JsonError),
    /// This release does not know the type.
    #[error("statements of type {0:?} are unknown here")]
    UnknownType(String),
    /// The body of a known type is wrong.
    #[error("the body of a {type_name}: {error}")]
    Body {
        /// The statement's type.
        type_name: &'static str,
        error: String,
    },
    /// The entry around the statement is wrong.
    #[error("the ledger entry: {0}")]
    Entry(JsonError),
    /// The statement is larger than an entry may be.
    #[error("{0} bytes; a statement has at most {MAX_STATEMENT}. Put long texts into blobs")]
    TooLarge(usize),
}

impl Payload {
    /// The exact bytes that are signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        json::canonical(&RawPayload {
            basis: self.basis,
            body: self.body.to_value(),
            issued_at: self.issued_at,
            nonce: self.nonce.clone(),
            scheme: self.scheme,
            r#type: self.body.type_name().into(),
        })
    }

    /// Signs it with one or several keys.
    ///
    /// # Errors
    /// [`SignerError`] of the first that does not sign.
    pub fn sign<S: Signer + ?Sized>(&self, signers: &[&S]) -> Result<Jws, SignerError> {
        Jws::sign(self.to_bytes(), &self.body.typ(), signers)
    }

    fn read(bytes: &[u8]) -> Result<Self, StatementError> {
        let raw: RawPayload = json::read_canonical(bytes, MAX_STATEMENT).map_err(StatementError::Payload)?;
        let body = Body::from_value(&raw.r#type, raw.body)?;
        Ok(Self { scheme: raw.scheme, issued_at: raw.issued_at, basis: raw.basis, nonce: raw.nonce, body })
    }
}

/// A well-formed statement. Its signatures are not necessarily verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The envelope with the exact payload bytes.
    pub jws: Jws,
    /// The parsed payload.
    pub payload: Payload,
    /// SHA-256 of the payload bytes: the statement's identity, whoever signed it.
    pub id: Digest,
}

impl Statement {
    /// Reads a statement as sent: JWS general JSON, not necessarily canonical, of at most [`MAX_STATEMENT`] bytes.
    ///
    /// # Errors
    /// [`StatementError`] saying which part was wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > MAX_STATEMENT {
            return Err(StatementError::TooLarge(bytes.len()));
        }
        Self::from_jws(Jws::parse(bytes, MAX_STATEMENT)?)
    }

    /// Makes a statement from an envelope.
    ///
    /// # Errors
    /// [`StatementError`] saying which part was wrong.
    pub fn from_jws(jws: Jws) -> Result<Self, StatementError> {
        jws.check_protected_only()?;
        let payload = Payload::read(&jws.payload)?;
        jws.check_type(&payload.body.typ())?;
        let id = Digest::of(&jws.payload);
        Ok(Self { jws, payload, id })
    }
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The exact bytes in the log.
    pub bytes: Vec<u8>,
    /// When the server recorded it.
    pub recorded_at: Timestamp,
    /// The statement that it records.
    pub statement: Statement,
    /// Its leaf hash (RFC 6962 §2.1).
    pub leaf_hash: Digest,
}

impl Entry {
    /// Makes an entry for a statement recorded at this moment.
    ///
    /// # Errors
    /// [`StatementError::TooLarge`] if it would not fit an entry bundle.
    pub fn new(recorded_at: Timestamp, statement: Statement) -> Result<Self, StatementError> {
        let bytes = json::canonical(&RawEntry { recorded_at, statement: statement.jws.to_value() });
        if bytes.len() > MAX_ENTRY {
            return Err(StatementError::TooLarge(bytes.len()));
        }
        let leaf_hash = merkle::leaf_hash(&bytes);
        Ok(Self { bytes, recorded_at, statement, leaf_hash })
    }

    /// Reads the bytes of an entry, which must be canonical.
    ///
    /// # Errors
    /// [`StatementError`] saying which part was wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let raw: RawEntry = json::read_canonical(bytes, MAX_ENTRY).map_err(StatementError::Entry)?;
        let statement = Statement::from_jws(Jws::from_value(raw.statement)?)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            recorded_at: raw.recorded_at,
            statement,
            leaf_hash: merkle::leaf_hash(bytes),
        })
    }
}

/// The version of the rules in the charter that an entry brings, if this release does not know it: that is why such an
/// entry is unreadable here. None for every other entry.
#[must_use]
pub fn unknown_rules(entry: &[u8]) -> Option<u64> {
    let raw: RawEntry = json::read_canonical(entry, MAX_ENTRY).ok()?;
    let jws = Jws::from_value(raw.statement).ok()?;
    let payload: RawPayload = json::read_canonical(&jws.payload, MAX_STATEMENT).ok()?;
    let rules =
        payload.body.pointer("/change/charter/rules").or_else(|| payload.body.pointer("/charter/rules"));
    rules?.as_u64().filter(|rules| *rules > u64::from(RulesVersion::LATEST.number()))
}
