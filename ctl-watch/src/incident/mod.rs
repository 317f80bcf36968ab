//! Incidents of services, and which of them someone asks for.

mod tracker;

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::Kind;
use serde::{Deserialize, Serialize};

use super::code::Code;
pub use tracker::{RECENT_MS, Recent, SLOT_MS, Step, Subject, Tracker};

/// Why an incident opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Bad probes in a row.
    Failures,
    /// The error budget burns too fast, though not every probe is bad.
    Burn,
}

/// One incident of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub number: u64,
    /// The target's id, in hex.
    pub target: String,
    pub kind: Kind,
    pub operator: ParticipantId,
    pub url: String,
    pub cause: Cause,
    /// Unix milliseconds of the first bad probe.
    pub began_ms: i64,
    /// Unix milliseconds of the probe that opened it.
    pub opened_ms: i64,
    /// Unix milliseconds of the first good probe of those that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// Unix milliseconds of the probe at which it had lasted long enough to be a breach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breach_ms: Option<i64>,
    /// Milliseconds from bad probe to bad probe: the time that is known to have been bad. What lies in a gap, in
    /// maintenance or after a good answer is not.
    #[serde(default)]
    pub bad_ms: i64,
    /// Bad probes so far.
    pub failures: u64,
    /// Probes so far, since it began.
    pub probes: u64,
    /// How often each code was found in bad answers.
    pub reasons: BTreeMap<Code, u64>,
    /// SHA-256 of the evidence: of the first failure, and of the first with each further code.
    pub evidence: Vec<Digest>,
}

impl Incident {
    /// Whether it is not over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ended_ms.is_none()
    }

    /// Whether it touches a stretch of time, in Unix milliseconds.
    #[must_use]
    pub fn touches(&self, from_ms: i64, to_ms: i64) -> bool {
        self.began_ms < to_ms && self.ended_ms.is_none_or(|ended| from_ms < ended)
    }
}

/// Which incidents are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// With this number or a later one.
    pub first: u64,
    /// Of this operator.
    pub operator: Option<ParticipantId>,
    /// Touching this stretch of time, in Unix milliseconds.
    pub touching: Option<(i64, i64)>,
}

impl Wanted {
    /// Whether it is asked for.
    #[must_use]
    pub fn takes(&self, incident: &Incident) -> bool {
        incident.number >= self.first
            && self.operator.as_ref().is_none_or(|operator| *operator == incident.operator)
            && self.touching.is_none_or(|(from, to)| incident.touches(from, to))
    }
}
