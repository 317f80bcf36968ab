//! Why a CRL says nothing about a certificate.

use std::fmt;

use crate::error::{AlgorithmName, SignatureError};
use crate::revocation::read::date;
use crate::revocation::span;

/// Why a CRL does not decide. Each has a stable [`rule`](Self::rule), a [`source`](Self::source), and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No CRL at all.
    NoCrl,
    /// The CRL is of another issuer.
    IssuerMismatch {
        /// The CRL's issuer.
        crl: String,
        /// The issuer whose CRL is needed.
        expected: String,
    },
    /// The signer's key usage does not allow it to sign CRLs.
    CrlSignMissing {
        signer: String,
    },
    /// The signer's key usage cannot be read.
    SignerUnreadable(String),
    /// The algorithm inside the signed part is not the one beside the signature.
    AlgorithmMismatch {
        /// The algorithm inside.
        inner: AlgorithmName,
        /// The algorithm beside the signature.
        outer: AlgorithmName,
    },
    /// The signature is of an algorithm that is not supported.
    AlgorithmNotAllowed(AlgorithmName),
    /// The signature does not verify.
    SignatureInvalid(SignatureError),
    /// Extensions in a CRL that does not say it is version 2.
    ExtensionsWithoutVersion2,
    /// Issued in the future.
    ThisUpdateFuture {
        /// When it says it was issued.
        this_update: i64,
        /// The time of the judgement.
        time: i64,
    },
    /// It does not say until when it holds.
    NextUpdateMissing,
    /// A newer one should have come.
    NextUpdatePast {
        next_update: i64,
        /// The time of the judgement.
        time: i64,
    },
    /// It ends before it begins.
    NextUpdateBeforeThisUpdate,
    /// Older than the caller allows.
    TooOld {
        /// Its age in seconds.
        age: i64,
        /// The most allowed.
        limit: i64,
    },
    /// A critical extension that is not known.
    UnknownCriticalExtension(String),
    /// A critical extension in an entry that is not known: no entry of the CRL may be used.
    UnknownCriticalEntryExtension(String),
    /// It lists certificates of other issuers too.
    IndirectCrl,
    /// An entry names a certificate issuer, as only entries of indirect CRLs do.
    CertificateIssuerEntry,
    /// Only the difference to another CRL.
    DeltaCrl,
    /// Covers end-entity certificates only, and this is a CA.
    OnlyUserCertificates,
    /// Covers CA certificates only, and this is none.
    OnlyCaCertificates,
    /// Covers attribute certificates only.
    OnlyAttributeCertificates,
    /// Its issuing distribution point says nothing, or what contradicts itself.
    DistributionPointInvalid(&'static str),
    CrlNumberNegative,
    /// Its distribution point is none of the certificate's.
    DistributionPointMismatch,
    /// The certificate's CRL distribution points cannot be read.
    DistributionPointsUnreadable(&'static str),
    /// It covers some reasons, and nothing covers the others.
    OnlySomeReasons,
    /// A complete CRL that says to take the certificate off it.
    RemovedFromCompleteCrl,
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
        match self {
            Self::NoCrl => ("crl-missing", "RFC 5280 section 6.3.3"),
            Self::IssuerMismatch { .. } => ("issuer-mismatch", "RFC 5280 section 6.3.3 (b)(1)"),
            Self::CrlSignMissing { .. } => ("crl-sign-missing", "RFC 5280 section 6.3.3 (f)"),
            Self::SignerUnreadable(_) => ("signer-unreadable", "RFC 5280 section 6.3.3 (f)"),
            Self::AlgorithmMismatch { .. } => ("algorithm-mismatch", "RFC 5280 section 5.1.1.2"),
            Self::AlgorithmNotAllowed(_) => ("algorithm-not-allowed", "limit of this implementation"),
            Self::SignatureInvalid(_) => ("signature-invalid", "RFC 5280 section 6.3.3 (g)"),
            Self::ExtensionsWithoutVersion2 => ("extensions-without-version-2", "RFC 5280 section 5.1.2.1"),
            Self::ThisUpdateFuture { .. } => ("this-update-future", "RFC 5280 section 5.1.2.4"),
            Self::NextUpdateMissing => ("next-update-missing", "RFC 5280 section 5.1.2.5"),
            Self::NextUpdatePast { .. } => ("next-update-past", "RFC 5280 section 6.3.3 (a)"),
            Self::NextUpdateBeforeThisUpdate => {
                ("next-update-before-this-update", "RFC 5280 section 5.1.2.5")
            }
            Self::TooOld { .. } => ("too-old", "limit given by the caller"),
            Self::UnknownCriticalExtension(_) => ("unknown-critical-extension", "RFC 5280 section 5.2"),
            Self::UnknownCriticalEntryExtension(_) => {
                ("unknown-critical-entry-extension", "RFC 5280 section 5.3")
            }
            Self::IndirectCrl => ("indirect-crl", "RFC 5280 section 5.2.5; not supported here"),
            Self::CertificateIssuerEntry => {
                ("certificate-issuer-entry", "RFC 5280 section 5.3.3; not supported here")
            }
            Self::DeltaCrl => ("delta-without-base", "RFC 5280 section 5.2.4; not supported here"),
            Self::OnlyUserCertificates => ("idp-only-user-certificates", "RFC 5280 section 6.3.3 (b)(2)(ii)"),
            Self::OnlyCaCertificates => ("idp-only-ca-certificates", "RFC 5280 section 6.3.3 (b)(2)(iii)"),
            Self::OnlyAttributeCertificates => {
                ("idp-only-attribute-certificates", "RFC 5280 section 6.3.3 (b)(2)(iv)")
            }
            Self::DistributionPointInvalid(_) => ("idp-invalid", "RFC 5280 section 5.2.5"),
            Self::CrlNumberNegative => ("crl-number-invalid", "RFC 5280 section 5.2.3"),
            Self::DistributionPointMismatch => ("idp-url-mismatch", "RFC 5280 section 6.3.3 (b)(2)(i)"),
            Self::DistributionPointsUnreadable(_) => {
                ("distribution-points-unreadable", "RFC 5280 section 4.2.1.13")
            }
            Self::OnlySomeReasons => ("only-some-reasons", "RFC 5280 section 6.3.3 (d), (e), (l)"),
            Self::RemovedFromCompleteCrl => ("removed-from-complete-crl", "RFC 5280 section 5.3.1"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCrl => f.write_str("there is no CRL to look at"),
            Self::IssuerMismatch { crl, expected } => {
                write!(f, "the CRL is of {crl}; one of {expected} is needed")
            }
            Self::CrlSignMissing { signer } => {
                write!(f, "the key usage of {signer} does not allow it to sign CRLs")
            }
            Self::SignerUnreadable(problem) => write!(f, "the CRL signer's certificate: {problem}"),
            Self::AlgorithmMismatch { inner, outer } if inner == outer => {
                write!(f, "the CRL gives {inner} other parameters inside than beside its signature")
            }
            Self::AlgorithmMismatch { inner, outer } => {
                write!(f, "the CRL names {inner} inside and {outer} beside its signature")
            }
            Self::AlgorithmNotAllowed(algorithm) => {
                write!(f, "the CRL or its signer uses {algorithm}, which is not supported")
            }
            Self::SignatureInvalid(error) => write!(f, "the CRL's signature: {error}"),
            Self::ExtensionsWithoutVersion2 => {
                f.write_str("the CRL has extensions and does not say that it is version 2")
            }
            Self::ThisUpdateFuture { this_update, time } => {
                write!(f, "the CRL is of {}, which is after {}", date(*this_update), date(*time))
            }
            Self::NextUpdateMissing => f.write_str("the CRL does not say when the next one is due"),
            Self::NextUpdatePast { next_update, time } => write!(
                f,
                "the CRL is stale: the next one was due by {} and it is {}",
                date(*next_update),
                date(*time)
            ),
            Self::NextUpdateBeforeThisUpdate => {
                f.write_str("the CRL says that the next one was due before it was issued itself")
            }
            Self::TooOld { age, limit } => {
                write!(f, "the CRL is {} old, and at most {} are allowed", span(*age), span(*limit))
            }
            Self::UnknownCriticalExtension(oid) => {
                write!(f, "the CRL has the critical extension {oid}, which is not known here")
            }
            Self::UnknownCriticalEntryExtension(oid) => write!(
                f,
                "an entry of the CRL has the critical extension {oid}, which is not known here; so no entry counts"
            ),
            Self::IndirectCrl => {
                f.write_str("it is an indirect CRL, which also speaks for other issuers: not supported")
            }
            Self::CertificateIssuerEntry => {
                f.write_str("an entry of the CRL speaks for another issuer: indirect CRLs are not supported")
            }
            Self::DeltaCrl => f.write_str("it is a delta CRL, only the changes to another: not supported"),
            Self::OnlyUserCertificates => {
                f.write_str("the CRL covers end-entity certificates only, and this is a CA")
            }
            Self::OnlyCaCertificates => f.write_str("the CRL covers CA certificates only, and this is none"),
            Self::OnlyAttributeCertificates => f.write_str("the CRL covers attribute certificates only"),
            Self::DistributionPointInvalid(problem) => {
                write!(f, "the CRL's issuing distribution point {problem}")
            }
            Self::CrlNumberNegative => f.write_str("the CRL number is negative"),
            Self::DistributionPointMismatch => {
                f.write_str("the CRL's distribution point is none of those that the certificate names")
            }
            Self::DistributionPointsUnreadable(problem) => {
                write!(f, "the certificate's CRL distribution points cannot be read: {problem}")
            }
            Self::OnlySomeReasons => {
                f.write_str("the CRLs cover some reasons for revocation; a CRL for the others is missing")
            }
            Self::RemovedFromCompleteCrl => {
                f.write_str("a complete CRL lists the certificate as removed, which only a delta CRL may")
            }
        }
    }
}
