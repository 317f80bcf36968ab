//! Why a response says nothing about a certificate.

use std::fmt;

use super::ResponseStatus;
use crate::error::{AlgorithmName, SignatureError};
use crate::revocation::read::date;
use crate::revocation::span;

/// Why a response does not decide. Each has a stable [`rule`](Self::rule), a [`source`](Self::source), and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The responder refuses to answer.
    NotSuccessful(ResponseStatus),
    /// The signature is of an algorithm that is not supported.
    AlgorithmNotAllowed(AlgorithmName),
    /// The signature does not verify under the certificate that the response names.
    SignatureInvalid(SignatureError),
    /// The response names one signer and is signed by another.
    ResponderIdMismatch {
        /// Whom it names.
        responder: String,
        /// Who signed it.
        signer: String,
    },
    /// The certificate of the signer that the response names is neither in it nor known.
    ResponderCertificateMissing {
        /// Whom it names.
        responder: String,
    },
    /// The responder's certificate was not issued by the issuer's key itself.
    DelegateWrongIssuer {
        /// The responder.
        delegate: String,
        /// Who issued its certificate, by its own account.
        issuer: String,
        /// Who should have.
        expected: String,
    },
    /// The responder's certificate does not allow it to sign OCSP responses.
    DelegateMissingOcspSigning,
    /// The responder's certificate is not marked as exempt from revocation checking, as the caller wants.
    DelegateMissingNocheck,
    /// The responder's key usage does not allow it to sign.
    DelegateKeyUsage,
    /// The responder's certificate has a critical extension that is not known.
    DelegateCriticalExtension(String),
    /// An extension of the responder's certificate cannot be read.
    DelegateUnreadable(String),
    /// The responder's certificate has expired.
    DelegateExpired {
        not_after: i64,
        /// The time of the judgement.
        time: i64,
    },
    /// The responder's certificate is not valid yet.
    DelegateNotYetValid {
        /// From when on.
        not_before: i64,
        /// The time of the judgement.
        time: i64,
    },
    /// A critical extension that is not known.
    UnknownCriticalExtension(String),
    /// A critical extension in the answer that is not known.
    UnknownCriticalSingleExtension(String),
    /// Signed in the future.
    ProducedAtFuture {
        /// When it says it was signed.
        produced_at: i64,
        /// The time of the judgement.
        time: i64,
    },
    /// The nonce is another than the one that was sent.
    NonceWrong,
    /// The nonce that was sent did not come back, and the caller wants it.
    NonceMissing,
    /// The response holds no answer at all.
    NoAnswer,
    /// The answers are about certificates of another issuer, though the serial number is right.
    CertidIssuerMismatch,
    /// The answers are about other certificates of the same issuer.
    CertidSerialMismatch,
    /// The answers are about other certificates.
    CertidMismatch,
    /// The answers name their certificates by a hash that is not supported.
    CertidHashUnsupported(AlgorithmName),
    /// The answer is of the future.
    ThisUpdateFuture {
        /// When it says it was right.
        this_update: i64,
        /// The time of the judgement.
        time: i64,
    },
    /// The answer does not say until when it holds, and the caller wants it.
    NextUpdateMissing,
    /// The answer no longer holds.
    NextUpdatePast {
        /// Until when it held.
        next_update: i64,
        /// The time of the judgement.
        time: i64,
    },
    /// The answer ends before it begins.
    NextUpdateBeforeThisUpdate,
    /// The answer is older than the caller allows.
    TooOld {
        /// Its age in seconds.
        age: i64,
        /// The most allowed.
        limit: i64,
    },
    /// The responder does not know the certificate.
    StatusUnknown,
}

impl Reason {
    /// A stable name of the condition, for labels and machines.
    pub fn rule(&self) -> &'static str {
        self.rule_and_source().0
    }

    /// Where the rule comes from.
    pub fn source(&self) -> &'static str {
        self.rule_and_source().1
    }

    fn rule_and_source(&self) -> (&'static str, &'static str) {
        const STATUS: &str = "RFC 6960 section 4.2.1";
        const ACCEPTANCE: &str = "RFC 6960 section 3.2";
        const DELEGATE: &str = "RFC 6960 section 4.2.2.2";
        match self {
            Self::NotSuccessful(ResponseStatus::MalformedRequest) => ("responder-malformed-request", STATUS),
            Self::NotSuccessful(ResponseStatus::InternalError) => ("responder-internal-error", STATUS),
            Self::NotSuccessful(ResponseStatus::TryLater) => ("responder-try-later", STATUS),
            Self::NotSuccessful(ResponseStatus::SigRequired) => ("responder-sig-required", STATUS),
            Self::NotSuccessful(ResponseStatus::Unauthorized) => ("responder-unauthorized", STATUS),
            Self::NotSuccessful(ResponseStatus::Successful | ResponseStatus::Unknown(_)) => {
                ("responder-status-unknown", STATUS)
            }
            Self::AlgorithmNotAllowed(_) => ("algorithm-not-allowed", "limit of this implementation"),
            Self::SignatureInvalid(_) => ("signature-invalid", ACCEPTANCE),
            Self::ResponderIdMismatch { .. } => ("responder-id-mismatch", "RFC 6960 section 4.2.2.3"),
            Self::ResponderCertificateMissing { .. } => ("responder-certificate-missing", DELEGATE),
            Self::DelegateWrongIssuer { .. } => ("delegate-wrong-issuer", DELEGATE),
            Self::DelegateMissingOcspSigning => ("delegate-missing-ocsp-signing", DELEGATE),
            Self::DelegateMissingNocheck => ("delegate-missing-nocheck", "RFC 6960 section 4.2.2.2.1"),
            Self::DelegateKeyUsage => ("delegate-key-usage", "RFC 5280 section 4.2.1.12"),
            Self::DelegateCriticalExtension(_) => ("delegate-critical-extension", "RFC 5280 section 4.2"),
            Self::DelegateUnreadable(_) => ("delegate-unreadable", "RFC 5280 section 4.2.1"),
            Self::DelegateExpired { .. } => ("delegate-expired", "RFC 5280 section 6.1.3 (a)(2)"),
            Self::DelegateNotYetValid { .. } => ("delegate-not-yet-valid", "RFC 5280 section 6.1.3 (a)(2)"),
            Self::UnknownCriticalExtension(_) => ("unknown-critical-extension", "RFC 6960 section 4.4"),
            Self::UnknownCriticalSingleExtension(_) => {
                ("unknown-critical-single-extension", "RFC 6960 section 4.4")
            }
            Self::ProducedAtFuture { .. } => ("produced-at-future", "RFC 6960 section 4.2.2.1"),
            Self::NonceWrong => ("nonce-wrong", "RFC 9654 section 2.1"),
            Self::NonceMissing => ("nonce-absent", "RFC 9654 section 2.1"),
            Self::NoAnswer => ("no-answer", ACCEPTANCE),
            Self::CertidIssuerMismatch => ("certid-issuer-mismatch", ACCEPTANCE),
            Self::CertidSerialMismatch => ("certid-serial-mismatch", ACCEPTANCE),
            Self::CertidMismatch => ("certid-mismatch", ACCEPTANCE),
            Self::CertidHashUnsupported(_) => ("certid-hash-unsupported", "limit of this implementation"),
            Self::ThisUpdateFuture { .. } => ("this-update-future", "RFC 6960 section 4.2.2.1"),
            Self::NextUpdateMissing => ("next-update-missing", "limit given by the caller"),
            Self::NextUpdatePast { .. } => ("next-update-past", "RFC 6960 section 4.2.2.1"),
            Self::NextUpdateBeforeThisUpdate => {
                ("next-update-before-this-update", "RFC 6960 section 4.2.2.1")
            }
            Self::TooOld { .. } => ("too-old", "limit given by the caller"),
            Self::StatusUnknown => ("status-unknown", "RFC 6960 section 2.2"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSuccessful(ResponseStatus::Unknown(code)) => {
                write!(f, "the responder refuses with status {code}, which means nothing")
            }
            Self::NotSuccessful(status) => write!(f, "the responder refuses: {}", status.name()),
            Self::AlgorithmNotAllowed(algorithm) => {
                write!(f, "the response or its signer uses {algorithm}, which is not supported")
            }
            Self::SignatureInvalid(error) => write!(f, "the response's signature: {error}"),
            Self::ResponderIdMismatch { responder, signer } => {
                write!(f, "the response says that {responder} signed it, and {signer} did")
            }
            Self::ResponderCertificateMissing { responder } => write!(
                f,
                "the response is signed by {responder}, who is not the issuer and whose certificate is missing"
            ),
            Self::DelegateWrongIssuer { delegate, issuer, expected } => write!(
                f,
                "the responder {delegate} is certified by {issuer}; it must be by the key of {expected} itself"
            ),
            Self::DelegateMissingOcspSigning => {
                f.write_str("the responder's certificate does not name OCSP signing as its purpose")
            }
            Self::DelegateMissingNocheck => {
                f.write_str("the responder's certificate lacks id-pkix-ocsp-nocheck")
            }
            Self::DelegateKeyUsage => f.write_str("the responder's key usage does not allow it to sign"),
            Self::DelegateCriticalExtension(oid) => write!(
                f,
                "the responder's certificate has the critical extension {oid}, which is not known here"
            ),
            Self::DelegateUnreadable(problem) => write!(f, "the responder's certificate: {problem}"),
            Self::DelegateExpired { not_after, time } => write!(
                f,
                "the responder's certificate expired on {} and it is {}",
                date(*not_after),
                date(*time)
            ),
            Self::DelegateNotYetValid { not_before, time } => write!(
                f,
                "the responder's certificate is valid from {} on and it is {}",
                date(*not_before),
                date(*time)
            ),
            Self::UnknownCriticalExtension(oid) => {
                write!(f, "the response has the critical extension {oid}, which is not known here")
            }
            Self::UnknownCriticalSingleExtension(oid) => {
                write!(f, "the answer has the critical extension {oid}, which is not known here")
            }
            Self::ProducedAtFuture { produced_at, time } => {
                write!(f, "the response was signed on {}, which is after {}", date(*produced_at), date(*time))
            }
            Self::NonceWrong => {
                f.write_str("the response repeats another nonce: it was made for somebody else's question")
            }
            Self::NonceMissing => {
                f.write_str("the response does not repeat the nonce, so it may be an old one")
            }
            Self::NoAnswer => f.write_str("the response holds no answer"),
            Self::CertidIssuerMismatch => {
                f.write_str("the answer is about a certificate of another issuer with the same serial number")
            }
            Self::CertidSerialMismatch => {
                f.write_str("the answer is about another certificate of the same issuer")
            }
            Self::CertidMismatch => f.write_str("the answer is about another certificate"),
            Self::CertidHashUnsupported(hash) => {
                write!(f, "the answer names its certificate by {hash}, which is not supported")
            }
            Self::ThisUpdateFuture { this_update, time } => {
                write!(f, "the answer is of {}, which is after {}", date(*this_update), date(*time))
            }
            Self::NextUpdateMissing => f.write_str("the answer does not say until when it holds"),
            Self::NextUpdatePast { next_update, time } => write!(
                f,
                "the answer is stale: it held until {} and it is {}",
                date(*next_update),
                date(*time)
            ),
            Self::NextUpdateBeforeThisUpdate => {
                f.write_str("the answer says that it held until before it was made")
            }
            Self::TooOld { age, limit } => {
                write!(f, "the answer is {} old, and at most {} are allowed", span(*age), span(*limit))
            }
            Self::StatusUnknown => f.write_str("the responder does not know the certificate"),
        }
    }
}
