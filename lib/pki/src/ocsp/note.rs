//! What else is to be said about a response: nothing here forbids its use.

use std::fmt;

use crate::revocation::read::date;
use crate::revocation::span;

/// What is worth knowing about a response and does not forbid to believe it. Each has a stable
/// [`rule`](Self::rule), a [`source`](Self::source), and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The responder's certificate says neither that it need not be checked nor how else: the caller should check
    /// whether it has been revoked.
    DelegateMissingNocheck,
    /// The responder's certificate ends soon.
    DelegateExpiring {
        /// In how many seconds.
        left: i64,
    },
    /// The responder is a CA: its key does more than it should.
    DelegateIsCa,
    /// The issuer signed, and its key usage lacks digitalSignature.
    IssuerWithoutDigitalSignature,
    /// A certificate in the response cannot be read; it was not needed.
    IncludedCertificateUnreadable,
    /// The responder answers "revoked" also for certificates that nobody issued (RFC 6960 section 4.4.8).
    ExtendedRevoke,
    /// The nonce that was sent did not come back.
    NonceMissing,
    /// A nonce came back that was not sent.
    NonceUnrequested,
    /// Several answers about the certificate.
    SeveralAnswers {
        /// How many.
        count: usize,
    },
    /// The answer names the issuer by SHA-1.
    Sha1Certid,
    /// Signed before the time at which the answer is said to be right.
    ProducedBeforeThisUpdate,
    /// The answer does not say until when it holds.
    NextUpdateMissing,
    /// The answer holds only a little longer.
    NextUpdateNear {
        /// For how many seconds.
        left: i64,
    },
    /// A newer answer should have come by now.
    RenewedTooLate {
        /// For how many seconds this one still holds.
        left: i64,
    },
    /// The answer holds for less than the limit.
    IntervalTooShort {
        /// How long, in seconds.
        interval: i64,
        limit: i64,
    },
    /// The answer holds for longer than the limit.
    IntervalTooLong {
        /// How long, in seconds.
        interval: i64,
        limit: i64,
    },
    /// Revoked from a moment in the future on; the certificate counts as revoked.
    RevocationDateFuture {
        /// From when on.
        time: i64,
    },
    /// Revoked without a reason.
    RevocationReasonMissing,
    /// Revoked for a reason that means nothing here: 7, 8 or above 10.
    ReasonIllegal {
        /// The number.
        code: u8,
    },
}

impl Note {
    /// A stable name of the condition, for labels and machines.
    pub fn rule(&self) -> &'static str {
        self.rule_and_source().0
    }

    /// Where the rule comes from.
    pub fn source(&self) -> &'static str {
        self.rule_and_source().1
    }

    fn rule_and_source(&self) -> (&'static str, &'static str) {
        match self {
            Self::DelegateMissingNocheck => ("delegate-missing-nocheck", "RFC 6960 section 4.2.2.2.1"),
            Self::DelegateExpiring { .. } => ("delegate-expiring", "limit given by the caller"),
            Self::DelegateIsCa => {
                ("delegate-is-ca", "CA/Browser Forum Baseline Requirements section 7.1.2.8")
            }
            Self::IssuerWithoutDigitalSignature => {
                ("issuer-without-digital-signature", "RFC 5280 section 4.2.1.3")
            }
            Self::IncludedCertificateUnreadable => {
                ("included-certificate-unreadable", "RFC 6960 section 4.2.1")
            }
            Self::ExtendedRevoke => ("extended-revoke", "RFC 6960 section 4.4.8"),
            Self::NonceMissing => ("nonce-absent", "RFC 9654 section 2.1"),
            Self::NonceUnrequested => ("nonce-unrequested", "RFC 9654 section 2.1"),
            Self::SeveralAnswers { .. } => ("several-answers", "RFC 6960 section 4.2.1"),
            Self::Sha1Certid => ("certid-sha1", "RFC 9919"),
            Self::ProducedBeforeThisUpdate => ("produced-before-this-update", "RFC 6960 section 2.4"),
            Self::NextUpdateMissing => ("next-update-missing", "RFC 6960 section 4.2.2.1"),
            Self::NextUpdateNear { .. } => ("next-update-near", "limit given by the caller"),
            Self::RenewedTooLate { .. } => ("renewed-too-late", "limit given by the caller"),
            Self::IntervalTooShort { .. } => ("interval-too-short", "limit given by the caller"),
            Self::IntervalTooLong { .. } => ("interval-too-long", "limit given by the caller"),
            Self::RevocationDateFuture { .. } => ("revocation-date-future", "RFC 6960 section 4.2.1"),
            Self::RevocationReasonMissing => ("revocation-reason-missing", "RFC 6960 section 4.2.1"),
            Self::ReasonIllegal { .. } => ("reason-illegal", "RFC 5280 section 5.3.1"),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DelegateMissingNocheck => f.write_str(
                "the responder's certificate lacks id-pkix-ocsp-nocheck: whether it is revoked must be checked too",
            ),
            Self::DelegateExpiring { left } => {
                write!(f, "the responder's certificate expires in {}", span(*left))
            }
            Self::DelegateIsCa => f.write_str("the responder's certificate is that of a CA"),
            Self::IssuerWithoutDigitalSignature => {
                f.write_str("the issuer signed the response, and its key usage lacks digitalSignature")
            }
            Self::IncludedCertificateUnreadable => {
                f.write_str("a certificate that came with the response cannot be read")
            }
            Self::ExtendedRevoke => {
                f.write_str("the responder answers \"revoked\" also for certificates that nobody issued")
            }
            Self::NonceMissing => f.write_str("the response does not repeat the nonce, so it may be an old one"),
            Self::NonceUnrequested => f.write_str("the response has a nonce that nobody asked for"),
            Self::SeveralAnswers { count } => {
                write!(f, "the response holds {count} answers about the certificate")
            }
            Self::Sha1Certid => f.write_str("the answer names the issuer by SHA-1"),
            Self::ProducedBeforeThisUpdate => {
                f.write_str("the response was signed before the time of which it speaks")
            }
            Self::NextUpdateMissing => f.write_str("the answer does not say until when it holds"),
            Self::NextUpdateNear { left } => write!(f, "the answer holds for {} more", span(*left)),
            Self::RenewedTooLate { left } => {
                write!(f, "the answer holds for {} more, and a newer one should be there by now", span(*left))
            }
            Self::IntervalTooShort { interval, limit } => {
                write!(f, "the answer holds for {}, less than {}", span(*interval), span(*limit))
            }
            Self::IntervalTooLong { interval, limit } => {
                write!(f, "the answer holds for {}, longer than {}", span(*interval), span(*limit))
            }
            Self::RevocationDateFuture { time } => write!(f, "revoked from {} on, in the future", date(*time)),
            Self::RevocationReasonMissing => f.write_str("no reason is given for the revocation"),
            Self::ReasonIllegal { code } => {
                write!(f, "the reason for the revocation has the number {code}, which means nothing here")
            }
        }
    }
}
