//! What a probe counts as, by the service level policy. The keeper says it once for each observation; service
//! levels, incidents and Prometheus' counters all take it from there, so they cannot differ. Pure.

use ctl_policy::sla::{SlaPolicy, Time};

use super::code::{Code, Family, Weight};
use super::observation::Observation;
use super::store::Outcome;

/// What a probe counts as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What became of it, for the service level.
    pub outcome: Outcome,
    /// Whether the service was reached at all its addresses, and gave an answer that could be read.
    pub answered: bool,
    /// Whether the answer was of now.
    pub fresh: bool,
    /// Whether the answer was right in everything else.
    pub correct: bool,
    /// The codes that make it bad, by the policy.
    pub bad: Vec<Code>,
}

impl Verdict {
    /// What an observation counts as; none if it says nothing of the service, which is a gap.
    #[must_use]
    pub fn of(policy: &SlaPolicy, observation: &Observation) -> Option<Self> {
        if !observation.is_valid() {
            return None;
        }
        let target = &observation.target;
        let (operator, kind) = (target.operator.as_str(), target.kind);
        let terms = policy.terms(operator, kind);
        let counts = |code: &Code| {
            let is_error = code.weight() == Weight::Error;
            terms.map_or(is_error, |terms| terms.counts(code.as_str(), is_error))
        };
        let bad: Vec<Code> = observation.codes().into_iter().filter(counts).collect();
        let of = |family: &[Family]| bad.iter().any(|code| family.contains(&code.family()));
        // What is only a warning, or too late, was found in an answer.
        let unreached = bad.iter().any(|code| {
            code.family() == Family::Transport && code.weight() == Weight::Error && *code != Code::Slow
        });
        let at = Time(observation.at_ms.div_euclid(1000));
        let outcome = if policy.maintenance(operator, kind, at).is_some() {
            Outcome::Excused
        } else if bad.is_empty() {
            Outcome::Good
        } else {
            Outcome::Bad
        };
        Some(Self {
            outcome,
            answered: !unreached && (bad.is_empty() || observation.has_answer()),
            fresh: !of(&[Family::Freshness, Family::Caching, Family::Monitor]),
            correct: !of(&[
                Family::Protocol,
                Family::Binding,
                Family::Semantics,
                Family::History,
                Family::Chain,
            ]),
            bad,
        })
    }

    /// Whether nothing was bad, be it in announced maintenance or not.
    #[must_use]
    pub const fn is_conforming(&self) -> bool {
        self.bad.is_empty()
    }
}
