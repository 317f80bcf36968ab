//! What a probe counts as by the service level policy. The state machine decides it once for each observation; service
//! levels, incidents and metrics all use this verdict, so they cannot differ. Pure.

use ctl_policy::sla::{SlaPolicy, Time};

use super::code::{Code, Family, Weight};
use super::observation::Observation;

/// Transport errors that are found in an answer: the service was reached.
const IN_ANSWERS: [Code; 2] = [Code::Slow, Code::AddressDisagreement];

/// What a probe counts as for the service level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A good answer.
    Good,
    /// A bad answer, or none.
    Bad,
    /// Any answer or none, during announced maintenance.
    Excused,
}

/// The verdict on a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: Outcome,
    /// Whether all addresses of the service were reached, and answered with something readable.
    pub answered: bool,
    /// Whether the answer was current.
    pub fresh: bool,
    /// Whether everything else about the answer was right.
    pub correct: bool,
    /// The codes that make it bad by the policy.
    pub bad: Vec<Code>,
}

impl Verdict {
    /// The verdict on an observation; none for a gap, which says nothing about the service.
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
        // Warnings, slowness and differing addresses are found in answers.
        let in_answers = |code: &Code| code.weight() < Weight::Error || IN_ANSWERS.contains(code);
        let unreached = bad.iter().any(|code| code.family() == Family::Transport && !in_answers(code));
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
            fresh: !of(&[Family::Freshness, Family::Caching, Family::Watch]),
            // If answers differ, one of them is wrong.
            correct: !bad.contains(&Code::AddressDisagreement)
                && !of(&[
                    Family::Protocol,
                    Family::Binding,
                    Family::Semantics,
                    Family::History,
                    Family::Chain,
                ]),
            bad,
        })
    }

    /// Whether nothing was bad, in announced maintenance or not.
    #[must_use]
    pub const fn is_conforming(&self) -> bool {
        self.bad.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::BUILT_IN;

    use super::*;
    use crate::metrics::tests::Probe;

    fn of(policy: &str, observation: &Observation) -> Verdict {
        Verdict::of(&SlaPolicy::parse(policy).unwrap(), observation).unwrap()
    }

    #[test]
    fn what_was_found_in_an_answer_was_answered() {
        let strict = format!(
            "{BUILT_IN}\n[[operator]]\noperator = \"alpha\"\nkind = \"ocsp\"\ntext = \"The media type is promised.\"\n\
             source = \"A practice statement\"\ncounted = [\"content_type\"]\n"
        );
        for (code, answered) in [
            (Code::ContentType, true),
            (Code::Slow, true),
            (Code::SignatureInvalid, true),
            (Code::AddressDisagreement, true),
            (Code::EndpointDown, true),
            (Code::HttpStatus, false),
            (Code::BodyTruncated, false),
        ] {
            let verdict = of(&strict, &Probe::at(1).wrong(code));
            assert_eq!((verdict.outcome, verdict.answered), (Outcome::Bad, answered), "{code}");
            assert_eq!(verdict.bad, [code]);
        }
        assert_eq!(of(BUILT_IN, &Probe::at(1).wrong(Code::ContentType)).outcome, Outcome::Good);
    }

    #[test]
    fn addresses_that_differ_answered_now_and_not_all_of_them_rightly() {
        let verdict = |code| of(BUILT_IN, &Probe::at(1).wrong(code));
        for (code, correct) in [(Code::AddressDisagreement, false), (Code::Slow, true)] {
            let verdict = verdict(code);
            assert_eq!((verdict.answered, verdict.fresh, verdict.correct), (true, true, correct), "{code}");
        }
        let mut one_is_down = Probe::at(1).wrong(Code::AddressDisagreement);
        one_is_down.findings.extend(Probe::at(1).unanswered(Code::TcpRefused).findings);
        assert!(!of(BUILT_IN, &one_is_down).answered, "not reached at every address");
    }

    #[test]
    fn maintenance_excuses_and_hides_nothing() {
        let announced = format!(
            "{BUILT_IN}\n[[maintenance]]\noperator = \"alpha\"\nannounced_at = \"2026-11-01T00:00:00Z\"\n\
             starts_at = \"2026-11-21T00:00:00Z\"\nends_at = \"2026-11-21T01:00:00Z\"\ntext = \"New hardware.\"\n"
        );
        let at = 1_795_219_200_000;
        let verdict = of(&announced, &Probe::at(at).unanswered(Code::TcpRefused));
        assert_eq!(
            (verdict.outcome, verdict.is_conforming(), verdict.answered),
            (Outcome::Excused, false, false)
        );
        assert_eq!(of(&announced, &Probe::at(at - 1).unanswered(Code::TcpRefused)).outcome, Outcome::Bad);
        assert_eq!(of(&announced, &Probe::at(at + 3_600_000).good()).outcome, Outcome::Good);
    }

    #[test]
    fn a_gap_has_no_verdict() {
        let policy = SlaPolicy::parse(BUILT_IN).unwrap();
        let gaps = [Code::ProbeMissed, Code::ProbeOverrun, Code::NeverProbed];
        for gap in gaps.map(|code| Probe::at(1).unanswered(code)).into_iter().chain([Probe::at(1).silent()]) {
            assert_eq!(Verdict::of(&policy, &gap), None);
        }
    }
}
