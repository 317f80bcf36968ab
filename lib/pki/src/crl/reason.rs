//! Why a CRL says nothing about a certificate.

use crate::conditions::conditions;
use crate::error::{AlgorithmName, SignatureError};
use crate::time::{date, span};

conditions! {
    /// Why a CRL does not decide. Each has a stable [`rule`](Self::rule), a [`source`](Self::source), and words.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Reason {
        /// No CRL at all.
        #[error("there is no CRL to look at")]
        NoCrl => "crl-missing", "RFC 5280 section 6.3.3";
        /// The CRL is of another issuer.
        #[error("the CRL is of {crl}; one of {expected} is needed")]
        IssuerMismatch {
            /// The CRL's issuer.
            crl: String,
            /// The issuer whose CRL is needed.
            expected: String,
        } => "issuer-mismatch", "RFC 5280 section 6.3.3 (b)(1)";
        /// The signer's key usage does not allow it to sign CRLs.
        #[error("the key usage of {signer} does not allow it to sign CRLs")]
        CrlSignMissing { signer: String } => "crl-sign-missing", "RFC 5280 section 6.3.3 (f)";
        /// The signer's key usage cannot be read.
        #[error("the CRL signer's certificate: {0}")]
        SignerUnreadable(String) => "signer-unreadable", "RFC 5280 section 6.3.3 (f)";
        /// The algorithm inside the signed part is not the one beside the signature.
        #[error("the CRL {}", mismatch(.inner, .outer))]
        AlgorithmMismatch {
            /// The algorithm inside.
            inner: AlgorithmName,
            /// The algorithm beside the signature.
            outer: AlgorithmName,
        } => "algorithm-mismatch", "RFC 5280 section 5.1.1.2";
        /// The signature is of an algorithm that is not supported.
        #[error("the CRL or its signer uses {0}, which is not supported")]
        AlgorithmNotAllowed(AlgorithmName) => "algorithm-not-allowed", "limit of this implementation";
        /// The signature does not verify.
        #[error("the CRL's signature: {0}")]
        SignatureInvalid(SignatureError) => "signature-invalid", "RFC 5280 section 6.3.3 (g)";
        /// Extensions in a CRL that does not say it is version 2.
        #[error("the CRL has extensions and does not say that it is version 2")]
        ExtensionsWithoutVersion2 => "extensions-without-version-2", "RFC 5280 section 5.1.2.1";
        /// Issued in the future.
        #[error("the CRL is of {}, which is after {}", date(*.this_update), date(*.time))]
        ThisUpdateFuture {
            /// When it says it was issued.
            this_update: i64,
            /// The time of the judgement.
            time: i64,
        } => "this-update-future", "RFC 5280 section 5.1.2.4";
        /// It does not say until when it holds.
        #[error("the CRL does not say when the next one is due")]
        NextUpdateMissing => "next-update-missing", "RFC 5280 section 5.1.2.5";
        /// A newer one should have come.
        #[error("the CRL is stale: the next one was due by {} and it is {}", date(*.next_update), date(*.time))]
        NextUpdatePast {
            next_update: i64,
            /// The time of the judgement.
            time: i64,
        } => "next-update-past", "RFC 5280 section 6.3.3 (a)";
        /// It ends before it begins.
        #[error("the CRL says that the next one was due before it was issued itself")]
        NextUpdateBeforeThisUpdate => "next-update-before-this-update", "RFC 5280 section 5.1.2.5";
        /// Older than the caller allows.
        #[error("the CRL is {} old, and at most {} are allowed", span(*.age), span(*.limit))]
        TooOld {
            /// Its age in seconds.
            age: i64,
            /// The most allowed.
            limit: i64,
        } => "too-old", "limit given by the caller";
        /// A critical extension that is not known.
        #[error("the CRL has the critical extension {0}, which is not known here")]
        UnknownCriticalExtension(String) => "unknown-critical-extension", "RFC 5280 section 5.2";
        /// A critical extension in an entry that is not known: no entry of the CRL may be used.
        #[error("an entry of the CRL has the critical extension {0}, which is not known here; so no entry counts")]
        UnknownCriticalEntryExtension(String) => "unknown-critical-entry-extension", "RFC 5280 section 5.3";
        /// It lists certificates of other issuers too.
        #[error("it is an indirect CRL, which also speaks for other issuers: not supported")]
        IndirectCrl => "indirect-crl", "RFC 5280 section 5.2.5; not supported here";
        /// An entry names a certificate issuer, as only entries of indirect CRLs do.
        #[error("an entry of the CRL speaks for another issuer: indirect CRLs are not supported")]
        CertificateIssuerEntry => "certificate-issuer-entry", "RFC 5280 section 5.3.3; not supported here";
        /// Only the difference to another CRL.
        #[error("it is a delta CRL, only the changes to another: not supported")]
        DeltaCrl => "delta-without-base", "RFC 5280 section 5.2.4; not supported here";
        /// Covers end-entity certificates only, and this is a CA.
        #[error("the CRL covers end-entity certificates only, and this is a CA")]
        OnlyUserCertificates => "idp-only-user-certificates", "RFC 5280 section 6.3.3 (b)(2)(ii)";
        /// Covers CA certificates only, and this is none.
        #[error("the CRL covers CA certificates only, and this is none")]
        OnlyCaCertificates => "idp-only-ca-certificates", "RFC 5280 section 6.3.3 (b)(2)(iii)";
        /// Covers attribute certificates only.
        #[error("the CRL covers attribute certificates only")]
        OnlyAttributeCertificates => "idp-only-attribute-certificates", "RFC 5280 section 6.3.3 (b)(2)(iv)";
        /// Its issuing distribution point says nothing, or what contradicts itself.
        #[error("the CRL's issuing distribution point {0}")]
        DistributionPointInvalid(&'static str) => "idp-invalid", "RFC 5280 section 5.2.5";
        #[error("the CRL number is negative")]
        CrlNumberNegative => "crl-number-invalid", "RFC 5280 section 5.2.3";
        /// Its distribution point is none of the certificate's.
        #[error("the CRL's distribution point is none of those that the certificate names")]
        DistributionPointMismatch => "idp-url-mismatch", "RFC 5280 section 6.3.3 (b)(2)(i)";
        /// The certificate's CRL distribution points cannot be read.
        #[error("the certificate's CRL distribution points cannot be read: {0}")]
        DistributionPointsUnreadable(&'static str) =>
            "distribution-points-unreadable", "RFC 5280 section 4.2.1.13";
        /// It covers some reasons, and nothing covers the others.
        #[error("the CRLs cover some reasons for revocation; a CRL for the others is missing")]
        OnlySomeReasons => "only-some-reasons", "RFC 5280 section 6.3.3 (d), (e), (l)";
        /// A complete CRL that says to take the certificate off it.
        #[error("a complete CRL lists the certificate as removed, which only a delta CRL may")]
        RemovedFromCompleteCrl => "removed-from-complete-crl", "RFC 5280 section 5.3.1";
    }
}

fn mismatch(inner: &AlgorithmName, outer: &AlgorithmName) -> String {
    if inner == outer {
        format!("gives {inner} other parameters inside than beside its signature")
    } else {
        format!("names {inner} inside and {outer} beside its signature")
    }
}
