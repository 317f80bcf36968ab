//! A responder in memory for tests: it reads requests, answers rightly, and does wrong what a test wants wrong.

mod authority;
mod responder;

use std::collections::BTreeSet;
use std::time::Duration;

use ctl_core::names::ParticipantId;
use ctl_policy::sla::ServiceLimits;
use sha2::{Digest as _, Sha256};

use super::OcspProbe;
use crate::code::{Code, Weight};
use crate::probe::{Memory, Probe as _, Probed, Round};
use crate::target::{Kind, OcspSubject, Origin, Subject, Target, TargetId};
pub(super) use crate::testing::bytes::{DAY, HOUR, NOW, seq, tlv};
pub(super) use authority::{Authority, Delegate, Lacks};
pub(super) use responder::{Incoming, Outgoing, Responder, Says};

/// A target for what the responder's first CAs issued, and the rounds that probe it.
pub(super) struct Rounds<'a> {
    pub(super) responder: &'a Responder,
    pub(super) target: Target,
    pub(super) limits: ServiceLimits,
    memory: Memory,
    /// What the last round found.
    before: BTreeSet<Code>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(responder: &'a Responder, subjects: Vec<OcspSubject>) -> Self {
        let operator = "acme".parse::<ParticipantId>().unwrap();
        let url = "http://ocsp.example/".to_owned();
        let target = Target {
            id: TargetId::of(Kind::Ocsp, &operator, &url),
            kind: Kind::Ocsp,
            operator,
            lists: Vec::new(),
            url,
            origins: vec![Origin::Listed],
            subject: Subject::Ocsp(subjects),
            period: Duration::from_secs(30),
        };
        Self {
            responder,
            target,
            limits: ServiceLimits::default(),
            memory: Memory::default(),
            before: BTreeSet::new(),
        }
    }

    /// Saves and restores what is remembered.
    pub(super) fn restart(&mut self) {
        self.memory = OcspProbe.restore(&OcspProbe.save(&self.memory).unwrap());
    }

    pub(super) async fn round(&mut self, number: u64) -> Probed {
        let round = Round {
            fetch: self.responder,
            limits: &self.limits,
            now: self.responder.now,
            number,
            timeout: Duration::from_secs(15),
            random: Sha256::digest(number.to_be_bytes()).into(),
        };
        let probed = OcspProbe.probe(&self.target, round, &self.memory).await;
        self.memory = probed.memory.clone();
        probed
    }

    /// The codes of several rounds together.
    pub(super) async fn codes(&mut self, rounds: std::ops::Range<u64>) -> BTreeSet<Code> {
        let mut codes = BTreeSet::new();
        for number in rounds {
            let probed = self.round(number).await;
            for finding in &probed.findings {
                assert!(finding.detail.len() > 10, "{finding:?}");
                // What stands for one round more was proven in the round before.
                if finding.code.weight() == Weight::Error && !self.before.contains(&finding.code) {
                    assert!(!probed.evidence.is_empty(), "{finding:?}");
                }
            }
            self.before = probed.findings.iter().map(|finding| finding.code).collect();
            codes.extend(probed.findings.iter().map(|finding| finding.code));
        }
        codes
    }
}
