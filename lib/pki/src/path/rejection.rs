//! Every reason for which a path is not valid.

use x509_parser::time::ASN1Time;

use super::SignatureLimit;
use crate::conditions::conditions;
use crate::error::{AlgorithmName, SignatureError};
use crate::extension::ExtensionError;

conditions! {
    /// Why a certificate breaks the path. The words are for people, [`rule`](Self::rule) is for machines and never
    /// changes its meaning.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Rejection {
        /// The chain holds no certificate.
        #[error("the path holds no certificate below the trust anchor")]
        Empty => "path-empty", "RFC 5280 section 6.1";
        /// The chain is longer than any that is looked at.
        #[error("the path has {0} certificates, more than the {limit} that are looked at", limit = super::MAX_CHAIN)]
        TooManyCertificates(usize) => "path-limit", "a limit of this software, against exhaustion";
        /// The certificate is not DER throughout, or names two algorithms: others may read it differently.
        #[error("it is not written as DER demands, so that others may read it differently: {0}")]
        NotDer(&'static str) => "not-der", "RFC 5280 sections 4.1 and 4.1.1.2";
        /// Version and extensions do not go together.
        #[error("its version: {0}")]
        VersionForm(&'static str) => "version", "RFC 5280 sections 4.1.2.1 and 4.1.2.9";
        /// The issuer's name is not that of the certificate above.
        #[error("it names {named:?} as its issuer, but the certificate above it is {above:?}")]
        NameChaining {
            /// The issuer that the certificate names.
            named: String,
            /// The subject of the certificate above.
            above: String,
        } => "name-chaining", "RFC 5280 section 6.1.3 (a)(4)";
        /// The certificate is not valid yet.
        #[error(
            "it is valid only from {from}, and the path is judged for {at}",
            from = moment(*.from), at = moment(*.at)
        )]
        NotYetValid {
            /// First second of validity.
            from: i64,
            /// The moment asked about.
            at: i64,
        } => "not-yet-valid", "RFC 5280 section 6.1.3 (a)(2)";
        /// The certificate is not valid any more.
        #[error(
            "it was valid until {until}, and the path is judged for {at}",
            until = moment(*.until), at = moment(*.at)
        )]
        Expired {
            /// Last second of validity.
            until: i64,
            /// The moment asked about.
            at: i64,
        } => "expired", "RFC 5280 section 6.1.3 (a)(2)";
        /// The signature is not by the key of the certificate above.
        #[error("its signature does not verify under the key of the certificate above: {0}")]
        Signature(SignatureError) => "signature", "RFC 5280 section 6.1.3 (a)(1)";
        /// The signature may be good, and cannot be verified here.
        #[error("its signature cannot be verified: {0} is not supported")]
        UnsupportedAlgorithm(AlgorithmName) => "unsupported-algorithm", "RFC 5280 section 6.1.3 (a)(1)";
        /// Too many signatures were verified already.
        #[error("{0}")]
        SignatureLimit(SignatureLimit) => "signature-limit", "a limit of this software, against exhaustion";
        /// An extension that the path depends on cannot be read.
        #[error("{0}")]
        MalformedExtension(ExtensionError) => "malformed-extension", "RFC 5280 section 4.2";
        /// A name of the certificate lies outside what a CA above permits.
        #[error("its {form} {name:?} lies outside the names that are permitted by {by}")]
        NameNotPermitted {
            /// The form of the name.
            form: &'static str,
            name: String,
            /// The CA whose constraint it is.
            by: String,
        } => "name-not-permitted", "RFC 5280 section 6.1.3 (b)";
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
        } => "name-excluded", "RFC 5280 section 6.1.3 (c)";
        /// A name, or a constraint on it, is of a kind that cannot be compared here.
        #[error("a CA above it constrains names of the form {form}, and {problem}: this cannot be judged here")]
        UnsupportedNameConstraint {
            /// The form of the name.
            form: &'static str,
            /// What cannot be judged.
            problem: &'static str,
        } => "unsupported-name-constraint", "RFC 5280 section 4.2.1.10";
        /// More comparisons of names with constraints than any honest path needs.
        #[error("its names and the name constraints above it need more than {0} comparisons, which is the limit")]
        NameLimit(usize) => "name-limit", "a limit of this software, against exhaustion";
        /// An acceptable policy is needed, and none holds for the whole path.
        #[error("the path must be valid for a certificate policy, and no policy holds down to this certificate")]
        NoValidPolicy => "no-valid-policy", "RFC 5280 section 6.1.3 (f)";
        /// A mapping to or from anyPolicy.
        #[error("it maps a certificate policy from or to anyPolicy, which is forbidden")]
        AnyPolicyMapped => "any-policy-mapped", "RFC 5280 section 6.1.4 (a)";
        /// More policy work than any honest path needs.
        #[error("its certificate policies need more than {0} steps of work, which is the limit")]
        PolicyLimit(usize) => "policy-limit", "a limit of this software, against exhaustion";
        /// None of the policies the user accepts holds for the path.
        #[error(
            "the path must be valid for {asked}, and is valid for {found}",
            asked = one_of(.asked), found = list(.found)
        )]
        PolicyNotAccepted {
            /// The policies of the path.
            found: Vec<String>,
            /// The policies asked for; `None` when any would do.
            asked: Option<Vec<String>>,
        } => "policy-not-accepted", "RFC 5280 section 6.1.5 (g), as RFC 9618 has it";
        /// A certificate of version 1 or 2 stands where a CA must.
        #[error(
            "it is a certificate of version {0}, which cannot say that it is a CA, and another stands below it"
        )]
        Version(u32) => "version", "RFC 5280 section 6.1.4 (k)";
        /// The certificate is not a CA's, and another stands below it.
        #[error("its basic constraints do not say that it is a CA, and another certificate stands below it")]
        NotCa => "ca", "RFC 5280 section 6.1.4 (k)";
        /// More CAs stand below than a path length constraint allows.
        #[error("it is a CA, and the path length constraint of {by} allows no further CA at this depth")]
        PathLength {
            /// The CA whose constraint it is.
            by: String,
        } => "path-length", "RFC 5280 section 6.1.4 (l)";
        /// The key may not sign certificates.
        #[error(
            "its key may be used for {allowed}, not for signing certificates (keyCertSign), and one stands below it"
        )]
        KeyUsage {
            /// What it may be used for.
            allowed: String,
        } => "key-usage", "RFC 5280 section 6.1.4 (n)";
        /// A critical extension that is not understood here.
        #[error(
            "it has the critical extension {0}, which is not understood here; what it demands cannot be kept"
        )]
        UnknownCriticalExtension(String) =>
            "critical-extensions", "RFC 5280 section 4.2, 6.1.4 (o) and 6.1.5 (f)";
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
