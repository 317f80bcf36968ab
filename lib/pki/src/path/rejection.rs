//! Every reason for which a path is not valid.

use x509_parser::time::ASN1Time;

use super::SignatureLimit;
use crate::error::{AlgorithmName, SignatureError};
use crate::extension::ExtensionError;

/// Why a certificate breaks the path. The words are for people, [`rule`](Self::rule) is for machines and never
/// changes its meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The chain holds no certificate.
    #[error("the path holds no certificate below the trust anchor")]
    Empty,
    /// The chain is longer than any that is looked at.
    #[error("the path has {0} certificates, more than the {limit} that are looked at", limit = super::MAX_CHAIN)]
    TooManyCertificates(usize),
    /// The certificate is not DER throughout, or names two algorithms: others may read it differently.
    #[error("it is not written as DER demands, so that others may read it differently: {0}")]
    NotDer(&'static str),
    /// Version and extensions do not go together.
    #[error("its version: {0}")]
    VersionForm(&'static str),
    /// The issuer's name is not that of the certificate above.
    #[error("it names {named:?} as its issuer, but the certificate above it is {above:?}")]
    NameChaining {
        /// The issuer that the certificate names.
        named: String,
        /// The subject of the certificate above.
        above: String,
    },
    /// The certificate is not valid yet.
    #[error("it is valid only from {from}, and the path is judged for {at}", from = moment(*.from), at = moment(*.at))]
    NotYetValid {
        /// First second of validity.
        from: i64,
        /// The moment asked about.
        at: i64,
    },
    /// The certificate is not valid any more.
    #[error("it was valid until {until}, and the path is judged for {at}", until = moment(*.until), at = moment(*.at))]
    Expired {
        /// Last second of validity.
        until: i64,
        /// The moment asked about.
        at: i64,
    },
    /// The signature is not by the key of the certificate above.
    #[error("its signature does not verify under the key of the certificate above: {0}")]
    Signature(SignatureError),
    /// The signature may be good, and cannot be verified here.
    #[error("its signature cannot be verified: {0} is not supported")]
    UnsupportedAlgorithm(AlgorithmName),
    /// Too many signatures were verified already.
    #[error("{0}")]
    SignatureLimit(SignatureLimit),
    /// An extension that the path depends on cannot be read.
    #[error("{0}")]
    MalformedExtension(ExtensionError),
    /// A name of the certificate lies outside what a CA above permits.
    #[error("its {form} {name:?} lies outside the names that are permitted by {by}")]
    NameNotPermitted {
        /// The form of the name.
        form: &'static str,
        name: String,
        /// The CA whose constraint it is.
        by: String,
    },
    /// A name of the certificate lies in what a CA above excludes.
    #[error("its {form} {name:?} lies in {subtree:?}, which is excluded by {by}")]
    NameExcluded {
        /// The form of the name.
        form: &'static str,
        name: String,
        /// The excluded subtree.
        subtree: String,
        /// The CA whose constraint it is.
        by: String,
    },
    /// A name, or a constraint on it, is of a kind that cannot be compared here.
    #[error("a CA above it constrains names of the form {form}, and {problem}: this cannot be judged here")]
    UnsupportedNameConstraint {
        /// The form of the name.
        form: &'static str,
        /// What cannot be judged.
        problem: &'static str,
    },
    /// More comparisons of names with constraints than any honest path needs.
    #[error("its names and the name constraints above it need more than {0} comparisons, which is the limit")]
    NameLimit(usize),
    /// An acceptable policy is needed, and none holds for the whole path.
    #[error("the path must be valid for a certificate policy, and no policy holds down to this certificate")]
    NoValidPolicy,
    /// A mapping to or from anyPolicy.
    #[error("it maps a certificate policy from or to anyPolicy, which is forbidden")]
    AnyPolicyMapped,
    /// More policy work than any honest path needs.
    #[error("its certificate policies need more than {0} steps of work, which is the limit")]
    PolicyLimit(usize),
    /// None of the policies the user accepts holds for the path.
    #[error("the path must be valid for {asked}, and is valid for {found}", asked = one_of(.asked), found = list(.found))]
    PolicyNotAccepted {
        /// The policies of the path.
        found: Vec<String>,
        /// The policies asked for; `None` when any would do.
        asked: Option<Vec<String>>,
    },
    /// A certificate of version 1 or 2 stands where a CA must.
    #[error(
        "it is a certificate of version {0}, which cannot say that it is a CA, and another stands below it"
    )]
    Version(u32),
    /// The certificate is not a CA's, and another stands below it.
    #[error("its basic constraints do not say that it is a CA, and another certificate stands below it")]
    NotCa,
    /// More CAs stand below than a path length constraint allows.
    #[error("it is a CA, and the path length constraint of {by} allows no further CA at this depth")]
    PathLength {
        /// The CA whose constraint it is.
        by: String,
    },
    /// The key may not sign certificates.
    #[error(
        "its key may be used for {allowed}, not for signing certificates (keyCertSign), and one stands below it"
    )]
    KeyUsage {
        /// What it may be used for.
        allowed: String,
    },
    /// A critical extension that is not understood here.
    #[error(
        "it has the critical extension {0}, which is not understood here; what it demands cannot be kept"
    )]
    UnknownCriticalExtension(String),
}

impl Rejection {
    /// A stable name for machines.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Empty => "path-empty",
            Self::TooManyCertificates(_) => "path-limit",
            Self::NotDer(_) => "not-der",
            Self::VersionForm(_) => "version",
            Self::NameChaining { .. } => "name-chaining",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Expired { .. } => "expired",
            Self::Signature(_) => "signature",
            Self::UnsupportedAlgorithm(_) => "unsupported-algorithm",
            Self::SignatureLimit(_) => "signature-limit",
            Self::MalformedExtension(_) => "malformed-extension",
            Self::NameNotPermitted { .. } => "name-not-permitted",
            Self::NameExcluded { .. } => "name-excluded",
            Self::UnsupportedNameConstraint { .. } => "unsupported-name-constraint",
            Self::NameLimit(_) => "name-limit",
            Self::NoValidPolicy => "no-valid-policy",
            Self::AnyPolicyMapped => "any-policy-mapped",
            Self::PolicyLimit(_) => "policy-limit",
            Self::PolicyNotAccepted { .. } => "policy-not-accepted",
            Self::Version(_) => "version",
            Self::NotCa => "ca",
            Self::PathLength { .. } => "path-length",
            Self::KeyUsage { .. } => "key-usage",
            Self::UnknownCriticalExtension(_) => "critical-extensions",
        }
    }

    /// Where the rule stands.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Empty => "RFC 5280 section 6.1",
            Self::TooManyCertificates(_)
            | Self::SignatureLimit(_)
            | Self::NameLimit(_)
            | Self::PolicyLimit(_) => "a limit of this software, against exhaustion",
            Self::NotDer(_) => "RFC 5280 sections 4.1 and 4.1.1.2",
            Self::VersionForm(_) => "RFC 5280 sections 4.1.2.1 and 4.1.2.9",
            Self::NameChaining { .. } => "RFC 5280 section 6.1.3 (a)(4)",
            Self::NotYetValid { .. } | Self::Expired { .. } => "RFC 5280 section 6.1.3 (a)(2)",
            Self::Signature(_) | Self::UnsupportedAlgorithm(_) => "RFC 5280 section 6.1.3 (a)(1)",
            Self::MalformedExtension(_) => "RFC 5280 section 4.2",
            Self::NameNotPermitted { .. } => "RFC 5280 section 6.1.3 (b)",
            Self::NameExcluded { .. } => "RFC 5280 section 6.1.3 (c)",
            Self::UnsupportedNameConstraint { .. } => "RFC 5280 section 4.2.1.10",
            Self::NoValidPolicy => "RFC 5280 section 6.1.3 (f)",
            Self::AnyPolicyMapped => "RFC 5280 section 6.1.4 (a)",
            Self::PolicyNotAccepted { .. } => "RFC 5280 section 6.1.5 (g), as RFC 9618 has it",
            Self::Version(_) | Self::NotCa => "RFC 5280 section 6.1.4 (k)",
            Self::PathLength { .. } => "RFC 5280 section 6.1.4 (l)",
            Self::KeyUsage { .. } => "RFC 5280 section 6.1.4 (n)",
            Self::UnknownCriticalExtension(_) => "RFC 5280 section 4.2, 6.1.4 (o) and 6.1.5 (f)",
        }
    }
}

fn list(policies: &[String]) -> String {
    if policies.is_empty() { "none".to_owned() } else { policies.join(", ") }
}

fn one_of(policies: &Option<Vec<String>>) -> String {
    match policies.as_deref() {
        None => "some certificate policy".to_owned(),
        Some([]) => "one of no certificate policies at all".to_owned(),
        Some(policies) => format!("one of the certificate policies {}", policies.join(", ")),
    }
}

/// A moment as RFC 3339 writes it.
pub(super) fn moment(seconds: i64) -> String {
    match ASN1Time::from_timestamp(seconds).map(|time| time.to_datetime()) {
        Ok(time) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        ),
        Err(_) => format!("Unix second {seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(moment(i64::MAX), format!("Unix second {}", i64::MAX));
    }
}
