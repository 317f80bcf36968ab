//! What came of one probe.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::Timings;

use super::code::{Code, Weight};
use super::target::{Kind, Target};

/// One thing that was found wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub code: Code,
    /// At which address, where that matters.
    pub address: Option<SocketAddr>,
    /// What exactly, in words.
    pub detail: String,
}

impl Finding {
    /// The same without anything that the service sent.
    #[must_use]
    pub fn without_quotation(self) -> Self {
        let detail = format!("{} What exactly, `ctl-watch probe` shows.", self.code.meaning());
        Self { detail, ..self }
    }
}

/// What the answer said, where there was one that could be read and believed: the source of gauges. What is
/// `None` was not said, and no gauge exists for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Unix time: since when the answer is right.
    pub this_update: Option<i64>,
    /// Unix time: until when.
    pub next_update: Option<i64>,
    /// Unix time: when it was signed (OCSP).
    pub produced_at: Option<i64>,
    /// Unix time: when the delegated responder's certificate ends.
    pub delegate_not_after: Option<i64>,
    /// Unix time: when the TLS certificate ends.
    pub tls_not_after: Option<i64>,
    /// The CRL's number, if it fits.
    pub crl_number: Option<u64>,
    /// Entries of the CRL.
    pub crl_entries: Option<u64>,
    /// Which CRL it is.
    pub crl: Option<CrlIdentity>,
    /// Bytes of the answer's body.
    pub body_bytes: Option<u64>,
    /// Seconds by which the service's clock (its `Date`) is ahead of the watch's.
    pub clock_offset: Option<i64>,
    /// What the service says of certificates, by serial number in hex and issuer fingerprint.
    pub statuses: Vec<Status>,
}

impl Facts {
    /// What is known once this was said. What an answer says of itself stands until another one is believed; size,
    /// clock and TLS are those of the last answer of any kind.
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

/// What a service says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer_spki: [u8; 32],
    /// The serial number, in its shortest form.
    pub serial: Box<[u8]>,
    pub revoked: bool,
    /// Unix time: since when it is revoked, as the service says.
    pub since: Option<i64>,
}

/// Which CRL it is: by this the points that should serve the same one are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlIdentity {
    /// SHA-256 of the CRL.
    pub sha256: [u8; 32],
    /// SHA-256 of its issuing distribution point: what it covers. None covers all that its issuer issued.
    pub scope: Option<[u8; 32]>,
    /// Unix time of the probe that found it first.
    pub since: i64,
}

/// Bytes that prove a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was asked: method and URL, and the body of a POST.
    pub request: String,
    /// The body of the request.
    pub request_body: Bytes,
    /// Who answered.
    pub address: Option<SocketAddr>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The headers, as received.
    pub headers: Vec<(String, String)>,
    /// The body, as received; of a large one the beginning.
    pub body: Bytes,
    /// How many bytes the body had.
    pub body_bytes: u64,
}

impl Evidence {
    /// Leaves out what was received, but for the status and how much it was.
    pub fn leave_out_answer(&mut self) {
        self.headers = Vec::new();
        self.body = Bytes::new();
    }
}

/// What came of one probe of one target.
#[derive(Clone, Debug)]
pub struct Observation {
    /// What was probed.
    pub target: Arc<Target>,
    /// When it began, in Unix milliseconds.
    pub at_ms: i64,
    /// Everything wrong, in order of the codes.
    pub findings: BTreeSet<Finding>,
    /// How long the main exchange took, where an answer came.
    pub timings: Option<Timings>,
    /// What the answer said.
    pub facts: Facts,
    /// The exchanges behind the findings of weight error, at most a few.
    pub evidence: Vec<Evidence>,
}

impl Observation {
    /// Whether nothing of weight error was found. What counts as good is for the policy to say: [`Verdict`].
    ///
    /// [`Verdict`]: super::verdict::Verdict
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.findings.iter().any(|finding| finding.code.weight() == Weight::Error)
    }

    /// Whether an answer came. The service looks at itself without an exchange that could be timed.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        self.timings.is_some() || self.target.kind == Kind::Service
    }

    /// Whether it says anything of the service. A probe that did not take place, was not done in time although
    /// nothing was wrong so far, or found neither an error nor an answer, is a gap: neither good nor bad.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let gap = [Code::ProbeMissed, Code::ProbeOverrun, Code::NeverProbed];
        let is_gap = !self.has_answer() || self.findings.iter().any(|finding| gap.contains(&finding.code));
        !self.is_good() || !is_gap
    }

    /// The codes that were found, each once.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<Code> {
        self.findings.iter().map(|finding| finding.code).collect()
    }

    /// Time from the beginning to the last byte of the main exchange.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.timings.map(|timings| timings.total)
    }
}
