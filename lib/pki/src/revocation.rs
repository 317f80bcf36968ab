//! What CRLs and OCSP answers have in common: the outcome, the reason for a revocation, the errors of reading.
//!
//! [`crl`](crate::crl) and [`ocsp`](crate::ocsp) are pure: the time, the limits and every certificate come from
//! the caller, who fetched the bytes and validated the issuer's own path.

use std::fmt;

pub(crate) mod read;

use crate::time::date;

use crate::conditions::conditions;

/// A serial number (an INTEGER's content) in its shortest form, as CRLs and OCSP answers have it: two are the same
/// when these bytes are.
pub fn shortest_serial(content: &[u8]) -> &[u8] {
    read::shortest(content)
}

/// What is known about a certificate. `R` is the enum of reasons why nothing is known.
///
/// There is no "probably good": whatever was not proven is [`Undetermined`](Self::Undetermined), and says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<R> {
    /// Proven not revoked.
    Good,
    /// Proven revoked.
    Revoked {
        /// Since when, in Unix seconds, as the issuer states it. It may lie in the future; the certificate is
        /// revoked all the same (RFC 5280 section 6.3 does not look at this date).
        time: i64,
        /// Why, if the issuer says so.
        reason: Option<RevocationReason>,
    },
    /// Neither was proven.
    Undetermined(R),
}

impl<R> Outcome<R> {
    /// Whether the certificate was proven not revoked.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good)
    }

    /// Whether the certificate was proven revoked.
    pub fn is_revoked(&self) -> bool {
        matches!(self, Self::Revoked { .. })
    }
}

impl<R: fmt::Display> fmt::Display for Outcome<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("not revoked"),
            Self::Revoked { time, reason: Some(reason) } => {
                write!(f, "revoked since {} ({reason})", date(*time))
            }
            Self::Revoked { time, reason: None } => {
                write!(f, "revoked since {}, no reason given", date(*time))
            }
            Self::Undetermined(reason) => write!(f, "undetermined: {reason}"),
        }
    }
}

crate::words! {
    /// CRLReason (RFC 5280 section 5.3.1).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum RevocationReason by name {
        /// 0; a CRL should leave the reason out instead.
        Unspecified => "unspecified",
        /// 1
        KeyCompromise => "keyCompromise",
        /// 2
        CaCompromise => "cACompromise",
        /// 3
        AffiliationChanged => "affiliationChanged",
        /// 4
        Superseded => "superseded",
        /// 5
        CessationOfOperation => "cessationOfOperation",
        /// 6: on hold, may come back.
        CertificateHold => "certificateHold",
        /// 8: only in delta CRLs.
        RemoveFromCrl => "removeFromCRL",
        /// 9
        PrivilegeWithdrawn => "privilegeWithdrawn",
        /// 10
        AaCompromise => "aACompromise",
    }
}

impl RevocationReason {
    /// The reason with this number; 7 is not used and nothing lies above 10.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }
}

conditions! {
    /// Why bytes are not a CRL or an OCSP response that is worked with at all.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum RevocationError {
        /// The bytes exceed the limit and were not looked at.
        #[error("{size} bytes are more than the limit of {limit} for a {what}")]
        TooLarge {
            /// What was expected.
            what: &'static str,
            /// Bytes received.
            size: usize,
            /// Bytes allowed.
            limit: usize,
        } => "body-too-large", "limit of this implementation";
        /// Nothing was received.
        #[error("no bytes at all where a {0} was expected")]
        Empty(&'static str) => "body-empty", "RFC 5280 section 5.1, RFC 6960 section 4.2.1, ITU-T X.690";
        /// PEM text where DER is expected, as RFC 5280 section 4.2.1.13 asks of what a distribution point serves.
        #[error("PEM text where a {0} in DER is expected")]
        PemInsteadOfDer(&'static str) =>
            "pem-instead-of-der", "RFC 5280 section 4.2.1.13, RFC 6960 appendix A.2";
        /// A page for people, in HTML or XML, where DER is expected.
        #[error("a page for people (HTML or XML) where a {0} in DER is expected")]
        HtmlInsteadOfDer(&'static str) =>
            "html-instead-of-der", "RFC 5280 section 4.2.1.13, RFC 6960 appendix A.2";
        /// Base64 without the lines around it that would make it PEM, where DER is expected.
        #[error("bare base64 where a {0} in DER is expected")]
        Base64InsteadOfDer(&'static str) =>
            "base64-instead-of-der", "RFC 5280 section 4.2.1.13, RFC 6960 appendix A.2";
        /// Text in which no PEM block of the kind was found.
        #[error("found neither a DER {0} nor a PEM block of one")]
        NoBlock(&'static str) => "der-invalid", "RFC 5280 section 5.1, RFC 6960 section 4.2.1, ITU-T X.690";
        /// A PEM block that is cut off or does not hold base64.
        #[error("PEM block {block} of a {what} is cut off or does not hold base64")]
        BrokenBlock {
            /// What was expected.
            what: &'static str,
            /// Which block, counted from 1.
            block: usize,
        } => "der-invalid", "RFC 5280 section 5.1, RFC 6960 section 4.2.1, ITU-T X.690";
        /// Exactly one was expected, or not so many.
        #[error("found {count} {what}s where exactly one, or a handful, is expected; send them one at a time")]
        NotExactlyOne {
            /// What was expected.
            what: &'static str,
            /// How many were found.
            count: usize,
        } => "not-exactly-one", "limit of this implementation";
        /// Not the DER of the structure.
        #[error("not a {what} in DER: {problem}")]
        Malformed {
            /// What was expected.
            what: &'static str,
            problem: &'static str,
        } => "der-invalid", "RFC 5280 section 5.1, RFC 6960 section 4.2.1, ITU-T X.690";
        /// Bytes follow the structure.
        #[error("{count} bytes follow the {what}; they belong to nothing")]
        TrailingBytes {
            /// What was expected.
            what: &'static str,
            /// How many bytes.
            count: usize,
        } => "trailing-bytes", "RFC 5280 section 5.1, RFC 6960 section 4.2.1, ITU-T X.690";
        /// An OCSP response that is not id-pkix-ocsp-basic, the one type there is.
        #[error("OCSP response type {0} is unknown; only id-pkix-ocsp-basic is")]
        UnknownResponseType(String) => "response-type-unknown", "RFC 6960 section 4.2.1";
        /// More certificates in an OCSP response than anybody needs.
        #[error("{count} certificates in one OCSP response are more than the limit of {limit}")]
        TooManyCertificates {
            /// Certificates in the response.
            count: usize,
            /// Certificates allowed.
            limit: usize,
        } => "too-many-certificates", "limit of this implementation";
        /// A nonce to be sent must have 1 to 128 bytes.
        #[error("a nonce of {0} bytes cannot be sent; it must have 1 to 128")]
        NonceLength(usize) => "nonce-length", "RFC 9654 section 2.1";
    }
}
