//! Certification paths: whether a chain leads from a trust anchor to a certificate (RFC 5280 section 6.1), and
//! why. A [`Validation`] tells each check of each certificate, and the one that decided.

mod build;
mod constraints;
mod dead_end;
mod graph;
mod judgement;
mod limits;
mod policy;
mod rejection;
mod revocation;
mod rules;
mod signatures;
mod validate;

use std::collections::BTreeSet;
use std::fmt;

use crate::extension::NameConstraints;

pub use build::{Question, Search, search};
pub use dead_end::{DeadEnd, DeadEndReason};
pub use judgement::{Candidate, Finding, Judge, Outcome, Verdict};
pub use limits::{Limit, Limits, Work};
pub use rejection::Rejection;
pub use revocation::Crls;
pub use rules::{AnchorConstraints, Purpose, RuleSet, Rules, TOLERATED, UnknownPurpose, UnknownRuleSet};
pub use signatures::{SignatureLimit, Signatures};
pub use validate::validate;

/// The most certificates that a chain may have; longer ones are refused unseen.
pub const MAX_CHAIN: usize = 64;

/// What the user of a path decides (RFC 5280 section 6.1.1). Revocation is judged separately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The moment for which the path is judged, in Unix seconds.
    pub time: i64,
    /// The certificate policies the user accepts, as dotted object identifiers; `None` accepts any.
    pub initial_policies: Option<BTreeSet<String>>,
    /// Whether the path must be valid for one of them.
    pub require_explicit_policy: bool,
    /// Whether no CA may map one policy to another.
    pub inhibit_policy_mapping: bool,
    /// Whether anyPolicy in a certificate counts for nothing.
    pub inhibit_any_policy: bool,
    /// Names that the path is confined to or kept out of from the start.
    pub initial_names: NameConstraints,
}

impl Inputs {
    /// A path judged at this moment, with nothing further asked of it.
    pub fn at(time: i64) -> Self {
        Self { time, ..Self::default() }
    }
}

/// What was found about one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// One step per certificate that was looked at, from the anchor's child towards the leaf. The step of a
    /// failure is the last.
    pub steps: Vec<Step>,
    /// Why the path is not valid; `None` when it is.
    pub failure: Option<Failure>,
    /// The policies for which the path is valid and the user asked, as the anchor's domain names them
    /// (`user-constrained-policy-set`). `2.5.29.32.0` stands for any. Empty when there are none, and in a
    /// failure.
    pub policies: BTreeSet<String>,
    /// What it took: comparisons of names, nodes and edges of the policy graph.
    pub work: usize,
}

impl Validation {
    /// Whether the path is valid.
    pub fn is_valid(&self) -> bool {
        self.failure.is_none()
    }
}

/// The checks of one certificate, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which certificate of the chain: 0 is the anchor's child.
    pub position: usize,
    /// Its subject, for people.
    pub subject: String,
    /// Its SHA-256 fingerprint.
    pub fingerprint: [u8; 32],
    /// What was checked. All passed, except the last one of a step that failed.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A stable name: of what was checked, or of the [`Rejection`] if it failed.
    pub rule: &'static str,
    /// Whether the certificate passed.
    pub passed: bool,
    /// What was found, in words.
    pub words: String,
    /// Where the rule stands.
    pub source: &'static str,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.passed { "passed" } else { "FAILED" };
        write!(f, "{sign} {}: {} ({})", self.rule, self.words, self.source)
    }
}

/// The certificate and the reason that decided against a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which certificate of the chain: 0 is the anchor's child.
    pub position: usize,
    pub rejection: Rejection,
}
