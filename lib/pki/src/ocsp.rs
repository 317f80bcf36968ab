//! OCSP (RFC 6960, nonces RFC 9654): ask about a certificate, read the response, judge it. Pure: the bytes, the
//! time, the nonce and the limits come from the caller.
//!
//! A [`Question`] names the certificate; [`Question::request`] is what to send, [`OcspResponse::from_der`] says
//! whether what came back is a response at all, and [`judge()`] says what it means. A response is believed when the
//! issuer signed it, or a responder whom the same issuer key certified for this; nobody else is.

mod judge;
mod note;
mod question;
mod read;
mod reason;
mod signer;

use std::fmt;

use crate::error::AlgorithmName;
use crate::revocation::RevocationError;
use crate::{Certificate, CertificateError, DistinguishedName};

pub use judge::{Judgement, Limits, NonceResult, judge};
pub use note::Note;
pub use question::{Hash, MAX_NONCE_SIZE, Question};
pub use reason::Reason;
pub use signer::Signer;

/// The largest response that can be read, in bytes. Callers pass their own, lower limit.
pub const MAX_OCSP_SIZE: usize = 256 * 1024;
/// The most certificates that a response may carry: it needs one.
pub const MAX_CERTIFICATES: usize = 8;

const WHAT: &str = "OCSP response";

/// A parsed response. Parsing says that the bytes have the form of one and nothing about whether to believe it.
#[derive(Clone, Debug)]
pub struct OcspResponse {
    der: Box<[u8]>,
    status: ResponseStatus,
    basic: Option<Basic>,
}

/// OCSPResponseStatus (RFC 6960 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseStatus {
    /// 0: an answer follows.
    Successful,
    /// 1: the responder did not understand the request.
    MalformedRequest,
    /// 2: the responder is broken.
    InternalError,
    /// 3: the responder is busy.
    TryLater,
    /// 5: the responder wants the request signed.
    SigRequired,
    /// 6: the responder does not answer for this certificate, or not to this client.
    Unauthorized,
    /// A number that means nothing.
    Unknown(u8),
}

impl ResponseStatus {
    /// The name as the RFC writes it, for instance `tryLater`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The rule of a responder that does not answer.
    const fn rule(self) -> &'static str {
        match self {
            Self::MalformedRequest => "responder-malformed-request",
            Self::InternalError => "responder-internal-error",
            Self::TryLater => "responder-try-later",
            Self::SigRequired => "responder-sig-required",
            Self::Unauthorized => "responder-unauthorized",
            Self::Successful | Self::Unknown(_) => "responder-status-unknown",
        }
    }

    /// How such a responder refuses.
    fn refusal(self) -> String {
        match self {
            Self::Unknown(code) => format!("refuses with status {code}, which means nothing"),
            status => format!("refuses: {}", status.name()),
        }
    }
}

/// BasicOCSPResponse.
#[derive(Clone, Debug)]
struct Basic {
    signed_part: Box<[u8]>,
    algorithm: AlgorithmName,
    signature: Box<[u8]>,
    responder: ResponderId,
    produced_at: i64,
    answers: Vec<Answer>,
    nonce: Option<Box<[u8]>>,
    has_extended_revoke: bool,
    unknown_critical: Option<String>,
    certificates: Vec<Result<Certificate, CertificateError>>,
}

/// Who says that it signed the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponderId {
    /// The subject of its certificate.
    ByName(Box<DistinguishedName>),
    /// SHA-1 of its public key's bits.
    ByKey(Box<[u8]>),
}

impl fmt::Display for ResponderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByName(name) => write!(f, "{name}"),
            Self::ByKey(hash) => write!(f, "the key with SHA-1 {}", hex::encode(hash)),
        }
    }
}

/// SingleResponse: the answer about one certificate.
#[derive(Clone, Debug)]
struct Answer {
    /// `None` for a hash that is not supported.
    hash: Option<Hash>,
    hash_name: AlgorithmName,
    issuer_name_hash: Box<[u8]>,
    issuer_key_hash: Box<[u8]>,
    serial: Box<[u8]>,
    status: CertStatus,
    this_update: i64,
    next_update: Option<i64>,
    unknown_critical: Option<String>,
}

/// CertStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CertStatus {
    Good,
    Revoked { time: i64, reason_code: Option<u8> },
    Unknown,
}

impl OcspResponse {
    /// Parses one DER response of at most `limit` bytes (never more than [`MAX_OCSP_SIZE`]), with nothing after it.
    pub fn from_der(der: &[u8], limit: usize) -> Result<Self, RevocationError> {
        read::response(der, limit.min(MAX_OCSP_SIZE))
    }

    /// The exact bytes that were parsed.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What the responder says of the request; only [`ResponseStatus::Successful`] comes with an answer.
    pub fn status(&self) -> ResponseStatus {
        self.status
    }

    /// Who says that it signed the response, if there is an answer.
    pub fn responder(&self) -> Option<&ResponderId> {
        self.basic.as_ref().map(|basic| &basic.responder)
    }

    /// Whether it calls any certificate good: its claim, before anybody judged it. What answers so to bytes that
    /// are no request would answer so to anything.
    pub fn claims_good(&self) -> bool {
        self.basic.iter().any(|basic| basic.answers.iter().any(|answer| answer.status == CertStatus::Good))
    }

    /// The certificates that came with it, as far as they can be read.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.basic.iter().flat_map(|basic| basic.certificates.iter().flatten())
    }
}
