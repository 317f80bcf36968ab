//! The rules as data: which versions there are, and what each allows and does.
//!
//! There is one code path. Where versions differ, it asks the [`Rules`]. A type of statement, member or constraint names
//! the version that introduced it, and is refused under earlier ones. So a version costs one table, and ledgers of every
//! version can be replayed for ever.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The versions that this release knows; a number in JSON. A charter that names another one cannot be read, nor can the
/// entry with it: a release cannot replay what it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum RulesVersion {
    /// The first.
    V1,
    /// Not a released version, but an example of the next, for tests.
    #[cfg(test)]
    V2,
}

impl RulesVersion {
    /// All of them, in order.
    pub const ALL: &'static [Self] = &[
        Self::V1,
        #[cfg(test)]
        Self::V2,
    ];
    /// The newest.
    pub const LATEST: Self = Self::V1;

    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            #[cfg(test)]
            Self::V2 => 2,
        }
    }

    /// Its table.
    #[must_use]
    pub const fn rules(self) -> &'static Rules {
        match self {
            Self::V1 => &V1,
            #[cfg(test)]
            Self::V2 => &super::second::V2,
        }
    }
}

impl From<RulesVersion> for u32 {
    fn from(version: RulesVersion) -> Self {
        version.number()
    }
}

impl TryFrom<u32> for RulesVersion {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|version| version.number() == number).ok_or_else(|| {
            let latest = Self::LATEST;
            format!("rules {number} are unknown to this release, which knows them up to {latest}")
        })
    }
}

impl fmt::Display for RulesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// What one version allows and does. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub version: RulesVersion,

    /// How far ahead of its recording a statement may be signed.
    pub issued_ahead_seconds: u64,
    /// How long after it was made a screening may be recorded.
    pub screened_within_seconds: u64,
    /// How far a draft's time of issue may be from its recording.
    pub drafted_within_seconds: u64,

    /// The greatest age of the log position that a proof of possession names, in seconds.
    pub possession_seconds: u64,
    /// The largest certificate in an application, in bytes.
    pub certificate_bytes: usize,
    /// The most addresses of one kind of service in an application.
    pub service_addresses: usize,
    /// The most MO identifiers in a constraint.
    pub constraint_mo_ids: usize,
    /// The most pieces of evidence that one participant attaches to one application, so that nobody can
    /// make it too large for the statements that name all of them.
    pub evidence_per_author: usize,
    /// The most requests for cross-certificates of one operator that wait for an answer.
    pub cross_requests_open: usize,

    /// The most roles that a restart of the log names: more than a charter can have.
    pub restart_roles: usize,
    /// The greatest number that a role goes on from after a restart, unless the ledger itself has greater ones:
    /// as many again can follow before JSON's integers end.
    pub restart_number: u64,
    /// The most lists in a charter.
    pub charter_lists: usize,
    /// The longest time that a charter may name.
    pub charter_seconds: u64,

    /// Whether the suspension of a participant closes its applications and the requests it waits for or is
    /// to answer.
    pub suspension_closes: bool,
    /// Whether a document counts the signatures of those who were suspended, or whose key was replaced,
    /// after the board appointed them.
    pub suspended_signers_count: bool,
    /// How many emergency officers it takes to lift a notice early, if the charter does not ask for more.
    pub lift_officers: u32,
    /// How many it takes to issue a second notice against one key.
    pub repeated_notice_officers: u32,

    /// The most reasons that are counted in one breach.
    pub breach_reasons: usize,
    /// The most answers that are named as evidence of one breach.
    pub breach_evidence: usize,
    /// How late a breach may be recorded, so that a watch that stood still over a weekend can still say what it saw
    /// before.
    pub breach_late_seconds: u64,
    /// The longest window of an objective and period of a report, in seconds.
    pub service_level_seconds: u64,
    /// The most kinds of services in one report.
    pub report_kinds: usize,
    /// How many claims of breaches that are over are kept in the state; the log has the older ones.
    pub past_claims: usize,
    /// The most beginnings of breaches and reports that one watcher records in one day (UTC) about the services of
    /// one listed operator, as many about the trust list manager's, and as many about those of all operators together
    /// that are on no list.
    pub watched_per_day: u32,
    /// The most claims that one watcher opens in one day (UTC) about one service and objective.
    pub claims_of_service_per_day: u32,
    /// How many claims of one watcher about one service and objective that are over are kept in the state: more than it
    /// can open while one may still be recorded late. So nobody makes the work of judging a service large.
    pub past_claims_of_service: usize,
    /// The most claims of one watcher that are open at once about the services that are counted together.
    pub open_claims: usize,

    /// The name of the service itself in reports. Nobody may register it, or findings about the service would be taken
    /// for findings about them.
    pub reserved_participant: &'static str,
}

pub(super) const V1: Rules = Rules {
    version: RulesVersion::V1,
    issued_ahead_seconds: 600,
    screened_within_seconds: 600,
    drafted_within_seconds: 600,
    possession_seconds: 90 * 86_400,
    certificate_bytes: 8192,
    service_addresses: 20,
    constraint_mo_ids: 1000,
    evidence_per_author: 20,
    cross_requests_open: 100,
    restart_roles: 256,
    restart_number: 1 << 52,
    charter_lists: 100,
    charter_seconds: 10 * 366 * 86_400,
    suspension_closes: true,
    suspended_signers_count: false,
    lift_officers: 2,
    repeated_notice_officers: 2,
    breach_reasons: 128,
    breach_evidence: 64,
    breach_late_seconds: 4 * 86_400,
    service_level_seconds: 10 * 366 * 86_400,
    report_kinds: 64,
    past_claims: 10_000,
    watched_per_day: 200,
    claims_of_service_per_day: 20,
    past_claims_of_service: 100,
    open_claims: 400,
    reserved_participant: super::service_levels::TRUST_LIST_MANAGER,
};
