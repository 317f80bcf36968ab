//! What is thought of one path: by RFC 5280, and by every further judge, each kept apart from the others.

use std::collections::BTreeSet;

use super::{Failure, Inputs, Rejection, Signatures, Validation, validate};
use crate::Certificate;

/// Something that judges a path in addition to RFC 5280: a rule set, revocation, what a list says of its anchors.
pub trait Judge {
    /// Its name, as it is shown with its verdict.
    fn name(&self) -> &str;

    /// What it finds. `chain` runs from the anchor's child to the leaf, and is empty if the leaf is the anchor.
    fn judge(
        &self,
        anchor: &Certificate,
        chain: &[&Certificate],
        signatures: &mut Signatures,
    ) -> Vec<Finding>;
}

/// What a rule came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Kept.
    Passed,
    /// Not kept or not known, and no reason to refuse the path.
    Warning,
    /// Not kept: the path is refused.
    Failed,
}

/// One rule of a judge, applied to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable name.
    pub rule: &'static str,
    /// What it came to.
    pub outcome: Outcome,
    /// About which certificate of the chain (0 is the anchor's child); none if about the anchor or the whole.
    pub position: Option<usize>,
    /// What was found, in words.
    pub words: String,
    /// Where the rule stands.
    pub source: &'static str,
}

/// All that one judge found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub judge: String,
    /// What it found, in its order.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether nothing failed.
    pub fn is_accepted(&self) -> bool {
        self.failure().is_none()
    }

    /// The first finding that failed.
    pub fn failure(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.outcome == Outcome::Failed)
    }
}

/// A path from an anchor to the leaf, and what everybody thinks of it.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The trust anchor.
    pub anchor: &'a Certificate,
    /// The certificates from the anchor's child to the leaf; empty if the leaf itself is the anchor.
    pub chain: Vec<&'a Certificate>,
    /// RFC 5280 section 6.1.
    pub validation: Validation,
    /// Everybody else.
    pub verdicts: Vec<Verdict>,
}

impl<'a> Candidate<'a> {
    pub(super) fn judge(
        anchor: &'a Certificate,
        chain: Vec<&'a Certificate>,
        inputs: &Inputs,
        judges: &[&dyn Judge],
        signatures: &mut Signatures,
    ) -> Self {
        let validation = match chain.is_empty() {
            true => of_anchor(anchor, inputs.time),
            false => validate(anchor, &chain, inputs, signatures),
        };
        let verdicts = judges
            .iter()
            .map(|judge| Verdict {
                judge: judge.name().to_owned(),
                findings: judge.judge(anchor, &chain, signatures),
            })
            .collect();
        Self { anchor, chain, validation, verdicts }
    }

    /// Whether RFC 5280 and every judge accept it.
    pub fn is_accepted(&self) -> bool {
        self.validation.is_valid() && self.verdicts.iter().all(Verdict::is_accepted)
    }
}

/// The certificate asked about is an anchor: there is no path to validate. Its own validity is still asked about.
fn of_anchor(anchor: &Certificate, at: i64) -> Validation {
    let (from, until) = (anchor.not_before(), anchor.not_after());
    let rejection = match at {
        at if at < from => Some(Rejection::NotYetValid { from, at }),
        at if at > until => Some(Rejection::Expired { until, at }),
        _ => None,
    };
    let failure = rejection.map(|rejection| Failure { position: 0, rejection });
    Validation { steps: Vec::new(), failure, policies: BTreeSet::new(), work: 0 }
}
