//! The result of one probe.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::Timings;

use super::code::{Code, Weight};
use super::target::{Kind, Target};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub code: Code,
    /// The address that shows it, where that matters.
    pub address: Option<SocketAddr>,
    /// What exactly is wrong.
    pub detail: String,
}

impl Finding {
    /// The same without anything the service sent.
    #[must_use]
    pub fn without_quotation(self) -> Self {
        let detail = format!("{} `ctl-watch probe` shows what exactly.", self.code.meaning());
        Self { detail, ..self }
    }
}

/// What the answer said, if it could be read and believed. Gauges come from here: a fact that is `None` has no gauge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Unix time from which the answer holds.
    pub this_update: Option<i64>,
    /// Unix time until which the answer holds.
    pub next_update: Option<i64>,
    /// Unix time at which the answer was signed (OCSP).
    pub produced_at: Option<i64>,
    /// Unix time at which the delegated responder's certificate ends.
    pub delegate_not_after: Option<i64>,
    /// Unix time at which the TLS certificate ends.
    pub tls_not_after: Option<i64>,
    /// The CRL's number, if it has at most 64 bits.
    pub crl_number: Option<u64>,
    /// How many entries the CRL has.
    pub crl_entries: Option<u64>,
    /// Which CRL it is.
    pub crl: Option<CrlIdentity>,
    /// The length of the answer's body.
    pub body_bytes: Option<u64>,
    /// Seconds by which the service's clock (its `Date`) is ahead of the watch's.
    pub clock_offset: Option<i64>,
    /// What the service says about certificates.
    pub statuses: Vec<Status>,
}

impl Facts {
    /// The facts after this answer. What an answer says stands until another one is believed; size, clock and TLS are
    /// those of the last answer of any kind.
    #[must_use]
    pub fn then(&self, now: &Self) -> Self {
        let is_believed = now.this_update.is_some() || now.crl.is_some() || !now.statuses.is_empty();
        if is_believed {
            return now.clone();
        }
        let came = *now != Self::default();
        let (body_bytes, tls_not_after, clock_offset) =
            if came { now.of_exchange() } else { self.of_exchange() };
        Self { body_bytes, tls_not_after, clock_offset, ..self.clone() }
    }

    const fn of_exchange(&self) -> (Option<u64>, Option<i64>, Option<i64>) {
        (self.body_bytes, self.tls_not_after, self.clock_offset)
    }
}

/// What a service says about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer_spki: [u8; 32],
    /// The serial number, in its shortest form.
    pub serial: Box<[u8]>,
    pub revoked: bool,
    /// Unix time of the revocation, as the service says.
    pub since: Option<i64>,
}

/// Identifies a CRL, to compare distribution points that should serve the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlIdentity {
    /// SHA-256 of the CRL.
    pub sha256: [u8; 32],
    /// SHA-256 of its issuing distribution point, which says what it covers; none if it covers everything its issuer
    /// issued.
    pub scope: Option<[u8; 32]>,
    /// Unix time of the first probe that found it.
    pub since: i64,
}

/// Bytes that prove a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Method and URL.
    pub request: String,
    /// The body of the request.
    pub request_body: Bytes,
    /// Who answered.
    pub address: Option<SocketAddr>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The headers, as received.
    pub headers: Vec<(String, String)>,
    /// The body, as received; only the beginning of a large one.
    pub body: Bytes,
    /// The length of the whole body.
    pub body_bytes: u64,
}

impl Evidence {
    /// Removes what was received, except the status and the length.
    pub fn leave_out_answer(&mut self) {
        self.headers = Vec::new();
        self.body = Bytes::new();
    }
}

/// The result of one probe of one target.
#[derive(Clone, Debug)]
pub struct Observation {
    /// What was probed.
    pub target: Arc<Target>,
    /// When the probe began, in Unix milliseconds.
    pub at_ms: i64,
    /// Everything wrong, in the order of the codes.
    pub findings: BTreeSet<Finding>,
    /// How long the main exchange took, if an answer came.
    pub timings: Option<Timings>,
    /// What the answer said.
    pub facts: Facts,
    /// The exchanges behind findings of weight error, at most a few.
    pub evidence: Vec<Evidence>,
}

impl Observation {
    /// A probe from which nothing follows, and why.
    #[must_use]
    pub fn gap(target: Arc<Target>, at_ms: i64, code: Code, detail: String) -> Self {
        let findings = [Finding { code, address: None, detail }].into();
        Self { target, at_ms, findings, timings: None, facts: Facts::default(), evidence: Vec::new() }
    }

    /// Whether there is no finding of weight error. Whether the probe counts as good is the policy's decision:
    /// [`Verdict`].
    ///
    /// [`Verdict`]: super::verdict::Verdict
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.findings.iter().any(|finding| finding.code.weight() == Weight::Error)
    }

    /// Whether an answer came. Targets of the service itself have no exchange to time.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        self.timings.is_some() || self.target.kind == Kind::Service
    }

    /// Whether it says anything about the service. A probe that did not take place, ran out of time with nothing wrong
    /// so far, or found neither error nor answer is a gap: neither good nor bad.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let gap = [Code::ProbeMissed, Code::ProbeOverrun, Code::NeverProbed];
        let is_gap = !self.has_answer() || self.findings.iter().any(|finding| gap.contains(&finding.code));
        !self.is_good() || !is_gap
    }

    /// All codes found.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<Code> {
        self.findings.iter().map(|finding| finding.code).collect()
    }

    /// The time from the beginning to the last byte of the main exchange.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.timings.map(|timings| timings.total)
    }
}
