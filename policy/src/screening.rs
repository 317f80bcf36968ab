//! Applies a policy to a candidate.

use ctl_pki::Certificate;
use serde::{Deserialize, Serialize};

use crate::checks::{PARSES, Subject, check};
use crate::{Policy, Rule, Severity};

/// What a candidate applies to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A root: an anchor to be.
    Root,
    /// A certificate by which one listed root vouches for another.
    CrossCertificate,
}

/// The certificate to be screened, as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its bytes, not yet parsed.
    pub certificate_der: &'a [u8],
    /// What it applies to be.
    pub kind: Kind,
}

/// A certificate on the list that the candidate applies for, anchor or cross-certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: [u8; 32],
    /// Its DER subject name.
    pub subject: Vec<u8>,
}

/// What the candidate is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The time of screening, in Unix seconds.
    pub now: i64,
    /// What is on the list already.
    pub listed: &'a [Listed],
    /// SHA-256 of every distrusted certificate.
    pub distrusted_certificates: &'a [[u8; 32]],
    /// SHA-256 of the SubjectPublicKeyInfo of every distrusted key.
    pub distrusted_keys: &'a [[u8; 32]],
    /// For a cross-certificate, the DER certificate of the listed root that issued it. Without it the
    /// signature cannot be verified, which is a finding.
    pub issuer: Option<&'a [u8]>,
}

/// A rule that the candidate does not fulfil.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule's id.
    pub id: String,
    /// How much it weighs, by the policy.
    pub severity: Severity,
    /// Whether electors may waive it, by the policy.
    pub waivable: bool,
    /// What the candidate has.
    pub found: String,
    /// What the rule expects.
    pub expected: String,
}

/// Applies every rule of the policy that concerns the candidate's kind, in the policy's order. No findings mean
/// that all are fulfilled. A candidate that does not parse has that one finding: nothing else can be asked of it.
pub fn screen(policy: &Policy, candidate: &Candidate<'_>, context: &Context<'_>) -> Vec<Finding> {
    let certificate = match Certificate::from_der(candidate.certificate_der) {
        Ok(certificate) => certificate,
        Err(error) => {
            let rule = policy.rules().iter().filter(|rule| rule.id == PARSES);
            return rule.map(|rule| finding(rule, error.to_string(), "one DER certificate")).collect();
        }
    };
    let subject = Subject { certificate: &certificate, kind: candidate.kind, context };
    policy
        .rules()
        .iter()
        .filter_map(|rule| {
            check(&rule.id, &subject).map(|failure| finding(rule, failure.found, failure.expected))
        })
        .collect()
}

fn finding(rule: &Rule, found: String, expected: &str) -> Finding {
    Finding {
        id: rule.id.clone(),
        severity: rule.severity,
        waivable: rule.waivable,
        found,
        expected: expected.to_owned(),
    }
}
