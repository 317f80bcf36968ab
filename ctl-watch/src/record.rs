//! One probe as it counts for service levels and incidents.

use ctl_policy::sla::Counts;

use super::code::Code;
use super::observation::Observation;
use super::verdict::{Outcome, Verdict};

/// One probe as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The target's number in the history.
    pub number: u32,
    /// When the probe began, in Unix milliseconds.
    pub at_ms: i64,
    pub outcome: Outcome,
    /// Whether an answer came.
    pub answered: bool,
    /// Whether the answer was current.
    pub fresh: bool,
    /// Whether everything else about the answer was right.
    pub correct: bool,
    pub duration_ms: Option<u64>,
    pub codes: Vec<Code>,
}

impl Record {
    /// The record of an observation with this verdict.
    #[must_use]
    pub fn of(number: u32, observation: &Observation, verdict: &Verdict) -> Self {
        let Verdict { outcome, answered, fresh, correct, .. } = *verdict;
        let took = observation.duration();
        Self {
            number,
            at_ms: observation.at_ms,
            outcome,
            answered,
            fresh,
            correct,
            duration_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            codes: observation.codes().into_iter().collect(),
        }
    }

    /// Adds the probe to the counts.
    pub fn count(&self, counts: &mut Counts) {
        let sum = match self.outcome {
            Outcome::Good => &mut counts.good,
            Outcome::Bad => &mut counts.bad,
            Outcome::Excused => &mut counts.excused,
        };
        *sum = sum.saturating_add(1);
        for code in &self.codes {
            let reason = counts.reasons.entry(code.as_str().to_owned()).or_default();
            *reason = reason.saturating_add(1);
        }
        if self.outcome == Outcome::Excused {
            return;
        }
        for (sum, holds) in [
            (&mut counts.answered, self.answered),
            (&mut counts.fresh, self.answered && self.fresh),
            (&mut counts.correct, self.answered && self.correct),
        ] {
            *sum = sum.saturating_add(u64::from(holds));
        }
        if let Some(duration) = self.duration_ms.filter(|_| self.answered) {
            counts.latency_ms.add(duration);
        }
    }
}
