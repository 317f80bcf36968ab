//! The counters of one target.

use std::collections::BTreeMap;

use crate::code::Code;
use crate::observation::Observation;
use crate::verdict::{Outcome, Verdict};

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A conforming answer in time.
    Good,
    /// An answer that is not good.
    Wrong,
    /// No answer.
    Unanswered,
    /// In announced maintenance, however it ended.
    Excused,
}

impl Ending {
    pub(super) const ALL: [Self; 4] = [Self::Good, Self::Wrong, Self::Unanswered, Self::Excused];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wrong => "wrong",
            Self::Unanswered => "unanswered",
            Self::Excused => "excused",
        }
    }

    const fn of(verdict: &Verdict) -> Self {
        match (verdict.outcome, verdict.answered) {
            (Outcome::Excused, _) => Self::Excused,
            (Outcome::Good, _) => Self::Good,
            (Outcome::Bad, true) => Self::Wrong,
            (Outcome::Bad, false) => Self::Unanswered,
        }
    }
}

/// A probe asks all its side questions within two rounds, so what two probes in a row did not find is over.
const ROUNDS: u8 = 2;

/// One code found at one target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// How many probes found it.
    pub(super) times: u64,
    since_ms: i64,
    unseen: u8,
}

impl Found {
    /// Since when it holds, in Unix milliseconds; none if it is over.
    pub(super) const fn since_ms(self) -> Option<i64> {
        if self.unseen < ROUNDS { Some(self.since_ms) } else { None }
    }
}

/// The counters of one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    endings: [u64; Ending::ALL.len()],
    pub(super) findings: BTreeMap<Code, Found>,
}

impl Tally {
    /// Counts an observation with its verdict. Without one it is a gap, neither good nor bad, which could not have
    /// found anything again; only its own codes are counted.
    pub(super) fn count(&mut self, observation: &Observation, verdict: Option<&Verdict>) {
        let codes = observation.codes();
        if let Some(verdict) = verdict {
            if let Some(count) = self.endings.get_mut(Ending::of(verdict) as usize) {
                *count = count.saturating_add(1);
            }
            for (_, found) in self.findings.iter_mut().filter(|(code, _)| !codes.contains(code)) {
                found.unseen = found.unseen.saturating_add(1);
            }
        }
        for code in codes {
            let fresh = Found { times: 0, since_ms: observation.at_ms, unseen: ROUNDS };
            let found = self.findings.entry(code).or_insert(fresh);
            if found.since_ms().is_none() {
                found.since_ms = observation.at_ms;
            }
            found.times = found.times.saturating_add(1);
            found.unseen = 0;
        }
    }

    pub(super) fn ended(&self, ending: Ending) -> u64 {
        self.endings.get(ending as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::{BUILT_IN, SlaPolicy};

    use super::super::tests::Probe;
    use super::*;

    impl Tally {
        /// Counts an observation as the policy of the release judges it.
        fn saw(&mut self, observation: &Observation) {
            self.count(observation, Verdict::of(&SlaPolicy::parse(BUILT_IN).unwrap(), observation).as_ref());
        }
    }

    fn since(tally: &Tally, code: Code) -> Option<i64> {
        tally.findings.get(&code).and_then(|found| found.since_ms())
    }

    #[test]
    fn endings_tell_no_answer_from_a_wrong_one() {
        let mut tally = Tally::default();
        tally.saw(&Probe::at(1).good());
        tally.saw(&Probe::at(2).wrong(Code::CertidMismatch));
        tally.saw(&Probe::at(3).wrong(Code::CacheControlMissing));
        tally.saw(&Probe::at(4).unanswered(Code::TcpTimeout));
        // What came is no answer to the question.
        tally.saw(&Probe::at(5).wrong(Code::HttpStatus));
        assert_eq!(Ending::ALL.map(|ending| tally.ended(ending)), [2, 1, 2, 0]);
    }

    #[test]
    fn a_probe_that_did_not_take_place_is_a_gap() {
        let mut tally = Tally::default();
        tally.saw(&Probe::at(1).unanswered(Code::ProbeMissed));
        tally.saw(&Probe::at(2).unanswered(Code::ProbeOverrun));
        // No finding at all, and no answer either: this must not read as good.
        tally.saw(&Probe::at(3).silent());
        assert_eq!(Ending::ALL.map(|ending| tally.ended(ending)), [0, 0, 0, 0]);
        assert_eq!(tally.findings.len(), 2);
    }

    #[test]
    fn a_finding_holds_over_the_round_in_which_it_was_not_looked_for() {
        let mut tally = Tally::default();
        let code = Code::UnissuedSerialGood;
        for (at, found) in [(1, true), (2, false), (3, true), (4, false)] {
            tally.saw(&if found { Probe::at(at).wrong(code) } else { Probe::at(at).good() });
            assert_eq!(since(&tally, code), Some(1), "at {at}");
        }
        tally.saw(&Probe::at(5).good());
        assert_eq!(since(&tally, code), None);
        tally.saw(&Probe::at(6).wrong(code));
        assert_eq!(since(&tally, code), Some(6));
        assert_eq!(tally.findings.get(&code).unwrap().times, 3);
    }

    #[test]
    fn nothing_is_over_because_nobody_looked() {
        let mut tally = Tally::default();
        tally.saw(&Probe::at(1).unanswered(Code::TcpTimeout));
        for at in 2..6 {
            tally.saw(&Probe::at(at).unanswered(Code::ProbeOverrun));
        }
        assert_eq!(since(&tally, Code::TcpTimeout), Some(1));
        assert_eq!(since(&tally, Code::ProbeOverrun), Some(2));
        for at in 6..8 {
            tally.saw(&Probe::at(at).good());
        }
        assert_eq!((since(&tally, Code::TcpTimeout), since(&tally, Code::ProbeOverrun)), (None, None));
        tally.saw(&Probe::at(8).unanswered(Code::ProbeOverrun));
        assert_eq!(since(&tally, Code::ProbeOverrun), Some(8));
    }
}
