//! What else is to be said about a response: nothing here forbids its use.

use crate::conditions::conditions;
use crate::time::{date, span};

conditions! {
    /// What is worth knowing about a response and does not forbid to believe it. Each has a stable
    /// [`rule`](Self::rule), a [`source`](Self::source), and words.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Note {
        /// The responder's certificate says neither that it need not be checked nor how else: the caller should check
        /// whether it has been revoked.
        #[error("the responder's certificate lacks id-pkix-ocsp-nocheck: whether it is revoked must be checked too")]
        DelegateMissingNocheck => "delegate-missing-nocheck", "RFC 6960 section 4.2.2.2.1";
        /// The responder's certificate ends soon.
        #[error("the responder's certificate expires in {}", span(*.left))]
        DelegateExpiring {
            /// In how many seconds.
            left: i64,
        } => "delegate-expiring", "limit given by the caller";
        /// The responder is a CA: its key does more than it should.
        #[error("the responder's certificate is that of a CA")]
        DelegateIsCa => "delegate-is-ca", "CA/Browser Forum Baseline Requirements section 7.1.2.8";
        /// The issuer signed, and its key usage lacks digitalSignature.
        #[error("the issuer signed the response, and its key usage lacks digitalSignature")]
        IssuerWithoutDigitalSignature => "issuer-without-digital-signature", "RFC 5280 section 4.2.1.3";
        /// A certificate in the response cannot be read; it was not needed.
        #[error("a certificate that came with the response cannot be read")]
        IncludedCertificateUnreadable => "included-certificate-unreadable", "RFC 6960 section 4.2.1";
        /// The responder answers "revoked" also for certificates that nobody issued (RFC 6960 section 4.4.8).
        #[error("the responder answers \"revoked\" also for certificates that nobody issued")]
        ExtendedRevoke => "extended-revoke", "RFC 6960 section 4.4.8";
        /// The nonce that was sent did not come back.
        #[error("the response does not repeat the nonce, so it may be an old one")]
        NonceMissing => "nonce-absent", "RFC 9654 section 2.1";
        /// A nonce came back that was not sent.
        #[error("the response has a nonce that nobody asked for")]
        NonceUnrequested => "nonce-unrequested", "RFC 9654 section 2.1";
        /// Several answers about the certificate.
        #[error("the response holds {count} answers about the certificate")]
        SeveralAnswers {
            /// How many.
            count: usize,
        } => "several-answers", "RFC 6960 section 4.2.1";
        /// The answer names the issuer by SHA-1.
        #[error("the answer names the issuer by SHA-1")]
        Sha1Certid => "certid-sha1", "RFC 9919";
        /// Signed before the time at which the answer is said to be right.
        #[error("the response was signed before the time of which it speaks")]
        ProducedBeforeThisUpdate => "produced-before-this-update", "RFC 6960 section 2.4";
        /// The answer does not say until when it holds.
        #[error("the answer does not say until when it holds")]
        NextUpdateMissing => "next-update-missing", "RFC 6960 section 4.2.2.1";
        /// The answer holds only a little longer.
        #[error("the answer holds for {} more", span(*.left))]
        NextUpdateNear {
            /// For how many seconds.
            left: i64,
        } => "next-update-near", "limit given by the caller";
        /// A newer answer should have come by now.
        #[error("the answer holds for {} more, and a newer one should be there by now", span(*.left))]
        RenewedTooLate {
            /// For how many seconds this one still holds.
            left: i64,
        } => "renewed-too-late", "limit given by the caller";
        /// The answer holds for less than the limit.
        #[error("the answer holds for {}, less than {}", span(*.interval), span(*.limit))]
        IntervalTooShort {
            /// How long, in seconds.
            interval: i64,
            limit: i64,
        } => "interval-too-short", "limit given by the caller";
        /// The answer holds for longer than the limit.
        #[error("the answer holds for {}, longer than {}", span(*.interval), span(*.limit))]
        IntervalTooLong {
            /// How long, in seconds.
            interval: i64,
            limit: i64,
        } => "interval-too-long", "limit given by the caller";
        /// Revoked from a moment in the future on; the certificate counts as revoked.
        #[error("revoked from {} on, in the future", date(*.time))]
        RevocationDateFuture {
            /// From when on.
            time: i64,
        } => "revocation-date-future", "RFC 6960 section 4.2.1";
        /// Revoked without a reason.
        #[error("no reason is given for the revocation")]
        RevocationReasonMissing => "revocation-reason-missing", "RFC 6960 section 4.2.1";
        /// Revoked for a reason that means nothing here: 7, 8 or above 10.
        #[error("the reason for the revocation has the number {code}, which means nothing here")]
        ReasonIllegal {
            /// The number.
            code: u8,
        } => "reason-illegal", "RFC 5280 section 5.3.1";
    }
}
