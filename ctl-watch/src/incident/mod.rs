//! Incidents, and queries for them.

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
    /// The error budget burns too fast, although not every probe is bad.
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
    /// When the first bad probe began, in Unix milliseconds.
    pub began_ms: i64,
    /// When the probe that opened the incident began, in Unix milliseconds.
    pub opened_ms: i64,
    /// When the first good probe of those that ended it began, or its target was no longer watched, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// Whether it ended because its target was no longer watched: how it went on nobody saw.
    #[serde(default)]
    pub unwatched: bool,
    /// When it had lasted long enough to be a breach, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breach_ms: Option<i64>,
    /// How long it is known to have been bad, from bad probe to bad probe, in milliseconds. Gaps, maintenance and the
    /// time after a good answer do not count.
    #[serde(default)]
    pub bad_ms: i64,
    pub failures: u64,
    /// Probes since it began.
    pub probes: u64,
    /// How often bad answers had each code.
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

/// A query for incidents.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// With at least this number.
    pub first: u64,
    /// Of this operator.
    pub operator: Option<ParticipantId>,
    /// Overlapping this stretch of time, in Unix milliseconds.
    pub touching: Option<(i64, i64)>,
}

impl Wanted {
    /// Whether an incident matches.
    #[must_use]
    pub fn takes(&self, incident: &Incident) -> bool {
        incident.number >= self.first
            && self.operator.as_ref().is_none_or(|operator| *operator == incident.operator)
            && self.touching.is_none_or(|(from, to)| incident.touches(from, to))
    }
}
