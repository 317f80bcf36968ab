//! What is counted of one target from probe to probe.

use std::collections::BTreeMap;

use crate::monitor::code::Code;
use crate::monitor::observation::Observation;
use crate::monitor::target::Kind;

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A conforming answer, in time.
    Good,
    /// An answer, and not a good one.
    Wrong,
    /// No answer.
    Unanswered,
}

impl Ending {
    pub(super) const ALL: [Self; 3] = [Self::Good, Self::Wrong, Self::Unanswered];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wrong => "wrong",
            Self::Unanswered => "unanswered",
        }
    }

    pub(super) fn of(observation: &Observation) -> Self {
        // The service looks at itself; there is no exchange that could be timed.
        let answered = observation.timings.is_some() || observation.target.kind == Kind::Service;
        match (answered, observation.is_good()) {
            (false, _) => Self::Unanswered,
            (true, true) => Self::Good,
            (true, false) => Self::Wrong,
        }
    }
}

/// A probe asks its side questions in turn, each within two rounds: what two probes in a row did not find is
/// over.
const ROUNDS: u8 = 2;

/// One code of one target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// In how many probes.
    pub(super) times: u64,
    since_ms: i64,
    unseen: u8,
}

impl Found {
    /// Since when it holds, in Unix milliseconds; none once it is over.
    pub(super) const fn since_ms(self) -> Option<i64> {
        if self.unseen < ROUNDS { Some(self.since_ms) } else { None }
    }
}

/// The counts of one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    endings: [u64; 3],
    pub(super) findings: BTreeMap<Code, Found>,
}

impl Tally {
    pub(super) fn count(&mut self, observation: &Observation) {
        // What says nothing of the service is a gap: neither good nor bad.
        let ending = observation.is_valid().then(|| Ending::of(observation));
        if let Some(count) = ending.and_then(|ending| self.endings.get_mut(ending as usize)) {
            *count = count.saturating_add(1);
        }
        for found in self.findings.values_mut() {
            found.unseen = found.unseen.saturating_add(1);
        }
        for code in observation.codes() {
            let fresh = Found { times: 0, since_ms: observation.at_ms, unseen: ROUNDS };
            let found = self.findings.entry(code).or_insert(fresh);
            // Unseen now counts this probe, too.
            if found.unseen > ROUNDS || found.times == 0 {
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
    use super::super::tests::Probe;
    use super::*;

    fn since(tally: &Tally, code: Code) -> Option<i64> {
        tally.findings.get(&code).and_then(|found| found.since_ms())
    }

    #[test]
    fn endings_tell_no_answer_from_a_wrong_one() {
        let mut tally = Tally::default();
        tally.count(&Probe::at(1).good());
        tally.count(&Probe::at(2).wrong(Code::CertidMismatch));
        tally.count(&Probe::at(3).wrong(Code::CacheControlMissing));
        tally.count(&Probe::at(4).unanswered(Code::TcpTimeout));
        // No finding at all, and no answer either: this must not read as good.
        tally.count(&Probe::at(5).silent());
        assert_eq!(Ending::ALL.map(|ending| tally.ended(ending)), [2, 1, 2]);
    }

    #[test]
    fn a_probe_that_did_not_take_place_is_a_gap() {
        let mut tally = Tally::default();
        tally.count(&Probe::at(1).unanswered(Code::ProbeMissed));
        tally.count(&Probe::at(2).unanswered(Code::ProbeOverrun));
        assert_eq!(Ending::ALL.map(|ending| tally.ended(ending)), [0, 0, 0]);
        assert_eq!(tally.findings.len(), 2);
    }

    #[test]
    fn a_finding_holds_over_the_round_in_which_it_was_not_looked_for() {
        let mut tally = Tally::default();
        let code = Code::UnissuedSerialGood;
        for (at, found) in [(1, true), (2, false), (3, true), (4, false)] {
            tally.count(&if found { Probe::at(at).wrong(code) } else { Probe::at(at).good() });
            assert_eq!(since(&tally, code), Some(1), "at {at}");
        }
        tally.count(&Probe::at(5).good());
        assert_eq!(since(&tally, code), None);
        tally.count(&Probe::at(6).wrong(code));
        assert_eq!(since(&tally, code), Some(6));
        assert_eq!(tally.findings.get(&code).unwrap().times, 3);
    }
}
