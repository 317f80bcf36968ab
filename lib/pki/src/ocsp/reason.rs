//! Why a response says nothing about a certificate.

use super::ResponseStatus;
use crate::conditions::conditions;
use crate::error::{AlgorithmName, SignatureError};
use crate::time::{date, span};

conditions! {
    /// Why a response does not decide. Each has a stable [`rule`](Self::rule), a [`source`](Self::source), and words.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Reason {
        /// The responder refuses to answer.
        #[error("the responder {}", .0.refusal())]
        NotSuccessful(ResponseStatus) => "responder-status-unknown", "RFC 6960 section 4.2.1";
        /// The signature is of an algorithm that is not supported.
        #[error("the response or its signer uses {0}, which is not supported")]
        AlgorithmNotAllowed(AlgorithmName) => "algorithm-not-allowed", "limit of this implementation";
        /// The signature does not verify under the certificate that the response names.
        #[error("the response's signature: {0}")]
        SignatureInvalid(SignatureError) => "signature-invalid", "RFC 6960 section 3.2";
        /// The response names one signer and is signed by another.
        #[error("the response says that {responder} signed it, and {signer} did")]
        ResponderIdMismatch {
            /// Whom it names.
            responder: String,
            /// Who signed it.
            signer: String,
        } => "responder-id-mismatch", "RFC 6960 section 4.2.2.3";
        /// The certificate of the signer that the response names is neither in it nor known.
        #[error("the response is signed by {responder}, who is not the issuer and whose certificate is missing")]
        ResponderCertificateMissing {
            /// Whom it names.
            responder: String,
        } => "responder-certificate-missing", "RFC 6960 section 4.2.2.2";
        /// The responder's certificate was not issued by the issuer's key itself.
        #[error("the responder {delegate} is certified by {issuer}; it must be by the key of {expected} itself")]
        DelegateWrongIssuer {
            /// The responder.
            delegate: String,
            /// Who issued its certificate, by its own account.
            issuer: String,
            /// Who should have.
            expected: String,
        } => "delegate-wrong-issuer", "RFC 6960 section 4.2.2.2";
        /// The responder's certificate does not allow it to sign OCSP responses.
        #[error("the responder's certificate does not name OCSP signing as its purpose")]
        DelegateMissingOcspSigning => "delegate-missing-ocsp-signing", "RFC 6960 section 4.2.2.2";
        /// The responder's certificate is not marked as exempt from revocation checking, as the caller wants.
        #[error("the responder's certificate lacks id-pkix-ocsp-nocheck")]
        DelegateMissingNocheck => "delegate-missing-nocheck", "RFC 6960 section 4.2.2.2.1";
        /// The responder's key usage does not allow it to sign.
        #[error("the responder's key usage does not allow it to sign")]
        DelegateKeyUsage => "delegate-key-usage", "RFC 5280 section 4.2.1.12";
        /// The responder's certificate has a critical extension that is not known.
        #[error("the responder's certificate has the critical extension {0}, which is not known here")]
        DelegateCriticalExtension(String) => "delegate-critical-extension", "RFC 5280 section 4.2";
        /// An extension of the responder's certificate cannot be read.
        #[error("the responder's certificate: {0}")]
        DelegateUnreadable(String) => "delegate-unreadable", "RFC 5280 section 4.2.1";
        /// The responder's certificate has expired.
        #[error("the responder's certificate expired on {} and it is {}", date(*.not_after), date(*.time))]
        DelegateExpired {
            not_after: i64,
            /// The time of the judgement.
            time: i64,
        } => "delegate-expired", "RFC 5280 section 6.1.3 (a)(2)";
        /// The responder's certificate is not valid yet.
        #[error("the responder's certificate is valid from {} on and it is {}", date(*.not_before), date(*.time))]
        DelegateNotYetValid {
            /// From when on.
            not_before: i64,
            /// The time of the judgement.
            time: i64,
        } => "delegate-not-yet-valid", "RFC 5280 section 6.1.3 (a)(2)";
        /// A critical extension that is not known.
        #[error("the response has the critical extension {0}, which is not known here")]
        UnknownCriticalExtension(String) => "unknown-critical-extension", "RFC 6960 section 4.4";
        /// A critical extension in the answer that is not known.
        #[error("the answer has the critical extension {0}, which is not known here")]
        UnknownCriticalSingleExtension(String) => "unknown-critical-single-extension", "RFC 6960 section 4.4";
        /// Signed in the future.
        #[error("the response was signed on {}, which is after {}", date(*.produced_at), date(*.time))]
        ProducedAtFuture {
            /// When it says it was signed.
            produced_at: i64,
            /// The time of the judgement.
            time: i64,
        } => "produced-at-future", "RFC 6960 section 4.2.2.1";
        /// The nonce is another than the one that was sent.
        #[error("the response repeats another nonce: it was made for somebody else's question")]
        NonceWrong => "nonce-wrong", "RFC 9654 section 2.1";
        /// The nonce that was sent did not come back, and the caller wants it.
        #[error("the response does not repeat the nonce, so it may be an old one")]
        NonceMissing => "nonce-absent", "RFC 9654 section 2.1";
        /// The response holds no answer at all.
        #[error("the response holds no answer")]
        NoAnswer => "no-answer", "RFC 6960 section 3.2";
        /// The answers are about certificates of another issuer, though the serial number is right.
        #[error("the answer is about a certificate of another issuer with the same serial number")]
        CertidIssuerMismatch => "certid-issuer-mismatch", "RFC 6960 section 3.2";
        /// The answers are about other certificates of the same issuer.
        #[error("the answer is about another certificate of the same issuer")]
        CertidSerialMismatch => "certid-serial-mismatch", "RFC 6960 section 3.2";
        /// The answers are about other certificates.
        #[error("the answer is about another certificate")]
        CertidMismatch => "certid-mismatch", "RFC 6960 section 3.2";
        /// The answers name their certificates by a hash that is not supported.
        #[error("the answer names its certificate by {0}, which is not supported")]
        CertidHashUnsupported(AlgorithmName) => "certid-hash-unsupported", "limit of this implementation";
        /// The answer is of the future.
        #[error("the answer is of {}, which is after {}", date(*.this_update), date(*.time))]
        ThisUpdateFuture {
            /// When it says it was right.
            this_update: i64,
            /// The time of the judgement.
            time: i64,
        } => "this-update-future", "RFC 6960 section 4.2.2.1";
        /// The answer does not say until when it holds, and the caller wants it.
        #[error("the answer does not say until when it holds")]
        NextUpdateMissing => "next-update-missing", "limit given by the caller";
        /// The answer no longer holds.
        #[error("the answer is stale: it held until {} and it is {}", date(*.next_update), date(*.time))]
        NextUpdatePast {
            /// Until when it held.
            next_update: i64,
            /// The time of the judgement.
            time: i64,
        } => "next-update-past", "RFC 6960 section 4.2.2.1";
        /// The answer ends before it begins.
        #[error("the answer says that it held until before it was made")]
        NextUpdateBeforeThisUpdate => "next-update-before-this-update", "RFC 6960 section 4.2.2.1";
        /// The answer is older than the caller allows.
        #[error("the answer is {} old, and at most {} are allowed", span(*.age), span(*.limit))]
        TooOld {
            /// Its age in seconds.
            age: i64,
            /// The most allowed.
            limit: i64,
        } => "too-old", "limit given by the caller";
        /// The responder does not know the certificate.
        #[error("the responder does not know the certificate")]
        StatusUnknown => "status-unknown", "RFC 6960 section 2.2";
    }
    rule { Self::NotSuccessful(status) => status.rule() }
}
