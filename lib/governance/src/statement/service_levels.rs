//! Statements about service levels: a watcher's findings. They change no trust; people decide what follows from a
//! breach.
//!
//! All numbers are whole: shares in parts per million, times in seconds.

use std::collections::BTreeMap;

use ctl_core::names::{ObjectiveName, ParticipantId, ReasonCode, ServiceKind, Url};
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::statement::parts::BlobRef;

/// A service, or all of an operator's services of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub kind: ServiceKind,
    /// The operator; absent for the trust list manager itself, which is watched like everyone else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<ParticipantId>,
    /// The address; absent if the objective is for all services of the kind together, or no address is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
}

/// What was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Its name in the policy.
    pub name: ObjectiveName,
    /// How many of a million probes must be good.
    pub target_ppm: u32,
    /// The period that the objective is for, in seconds.
    pub window_seconds: u64,
}

impl Objective {
    /// Whether this many good probes of this many valid ones meet the objective. Without valid probes it is met.
    #[must_use]
    pub const fn is_met(&self, good: u64, valid: u64) -> bool {
        meets(self.target_ppm, good, valid)
    }
}

const fn meets(target_ppm: u32, good: u64, valid: u64) -> bool {
    good as u128 * 1_000_000 >= valid as u128 * target_ppm as u128
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Probes that were good.
    pub good: u64,
    /// Probes that were due and did not take place: a gap counts neither for nor against the service.
    pub missing: u64,
    /// Probes that count.
    pub valid: u64,
}

/// Whether a breach begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreachPhase {
    /// It begins.
    Opened,
    /// It has ended.
    Closed,
}

/// `sla.breach`: by one watcher. A service fell below its objective, or has recovered. It is the watcher's claim; a
/// breach is confirmed when enough organisations claim it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlaBreach {
    /// When it ended; only if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// SHA-256 of the answers that prove it, in order. A claim that opens has at least one, and none that another
    /// watcher's claim about the same service and objective names.
    pub evidence: Vec<Digest>,
    /// What was measured in the objective's window.
    pub measured: Measured,
    /// What was promised.
    pub objective: Objective,
    /// Index of the watcher's entry that opened the claim; only if it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    /// When it began.
    pub opened_at: Timestamp,
    pub phase: BreachPhase,
    /// The service level policy.
    pub policy: PolicyRef,
    /// How many probes failed, by reason.
    pub reasons: BTreeMap<ReasonCode, u64>,
    /// Whose service.
    pub service: Service,
}

/// One line of a report: all services of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSummary {
    /// Probes that were good.
    pub good: u64,
    pub kind: ServiceKind,
    /// Whether every objective of the kind was met.
    pub met: bool,
    /// Probes that were due and did not take place.
    pub missing: u64,
    /// How many of a million had to be good.
    pub target_ppm: u32,
    /// Probes that count.
    pub valid: u64,
}

impl ServiceSummary {
    /// Whether the numbers reach the target.
    #[must_use]
    pub const fn reaches_target(&self) -> bool {
        meets(self.target_ppm, self.good, self.valid)
    }
}

/// `sla.report`: by one watcher, on one operator's services in one calendar month (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlaReport {
    /// The first moment of the month.
    pub from: Timestamp,
    /// Whose services; absent for the trust list manager itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<ParticipantId>,
    /// The service level policy.
    pub policy: PolicyRef,
    /// The report in full.
    pub report: BlobRef,
    /// The summary of each kind, in order.
    pub summary: Vec<ServiceSummary>,
    /// The first moment of the next month.
    pub to: Timestamp,
}
