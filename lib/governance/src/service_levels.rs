//! What the state keeps of service levels: breaches and reports, as the recorder wrote them down.

use std::collections::BTreeMap;

use ctl_core::names::{ObjectiveName, ParticipantId, ReasonCode};
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::statement::body::{Measured, Objective, Service, ServiceSummary};
use crate::statement::parts::BlobRef;

/// The name of the service that keeps the lists, where it stands among the operators whose services are watched: in
/// reports, incidents and metrics. No participant registers under it. Statements name no operator
/// instead.
pub const TRUST_LIST_MANAGER: &str = "trust-list-manager";

/// What a breach is known by while it lasts: a service breaks an objective once at a time.
pub type BreachKey = (Service, ObjectiveName);

/// A service that fell below an objective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// Index of the entry that opened it.
    pub index: u64,
    /// Whose service.
    pub service: Service,
    /// What was promised.
    pub objective: Objective,
    /// The policy it was promised by.
    pub policy: PolicyRef,
    /// When it began.
    pub opened_at: Timestamp,
    /// When that was recorded.
    pub recorded_at: Timestamp,
    /// What was found last: when it opened, or when it closed.
    pub found: Found,
    /// How it ended.
    pub closed: Option<Closed>,
}

impl Breach {
    /// What it is known by while it lasts.
    #[must_use]
    pub fn key(&self) -> BreachKey {
        (self.service.clone(), self.objective.name.clone())
    }
}

/// What the watch found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// In the objective's window.
    pub measured: Measured,
    /// How many probes failed for which reason.
    pub reasons: BTreeMap<ReasonCode, u64>,
    /// SHA-256 of the answers that prove it.
    pub evidence: Vec<Digest>,
}

/// The end of a breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Index of the entry that closed it.
    pub index: u64,
    /// When it was over.
    pub at: Timestamp,
    /// When that was recorded.
    pub recorded_at: Timestamp,
}

/// What a report is known by: whose services (none: the trust list manager's), from when on.
pub type ReportKey = (Option<ParticipantId>, Timestamp);

/// A report of how good an operator's services were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelReport {
    /// Index of its entry.
    pub index: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The end of its time, which is not part of it.
    pub to: Timestamp,
    /// The policy.
    pub policy: PolicyRef,
    /// The report in full.
    pub report: BlobRef,
    /// What it says of each kind of service.
    pub summary: Vec<ServiceSummary>,
}
