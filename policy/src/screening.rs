//! Applies a policy to a candidate.

use serde::{Deserialize, Serialize};

use crate::checks::{PARSES, Subject, check};
use crate::{Context, Kind, Policy, Rule, Severity};

/// What `parses` expects.
const READABLE: &str =
    "one X.509 certificate, DER throughout, that the parsers of devices read (docs/readable.md)";

/// The certificate to be screened, as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its bytes, not yet parsed.
    pub certificate_der: &'a [u8],
    /// What it applies to be.
    pub kind: Kind,
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
    /// Where the rule comes from, by the policy.
    pub source: String,
}

/// Applies every rule of the policy that concerns the candidate's kind, in the policy's order. No findings mean
/// that all are fulfilled. A candidate that devices might not read has that one finding: it can be put on no list,
/// whatever else it is, because it would make every other certificate of a bundle unreadable.
pub fn screen(policy: &Policy, candidate: &Candidate<'_>, context: &Context) -> Vec<Finding> {
    let certificate = match ctl_pki::readable(candidate.certificate_der) {
        Ok(certificate) => certificate,
        Err(reason) => {
            let rule = policy.rules().iter().filter(|rule| rule.id == PARSES);
            return rule.map(|rule| finding(rule, reason.to_string(), READABLE.into())).collect();
        }
    };
    let subject = Subject { certificate: &certificate, kind: candidate.kind, context, policy };
    policy
        .rules()
        .iter()
        .filter_map(|rule| {
            check(rule, &subject).err().map(|failure| finding(rule, failure.found, failure.expected))
        })
        .collect()
}

fn finding(rule: &Rule, found: String, expected: String) -> Finding {
    Finding {
        id: rule.id.clone(),
        severity: rule.severity,
        waivable: rule.waivable,
        found,
        expected,
        source: rule.source.clone(),
    }
}
