//! Service levels in the state: each watcher's claims, the breaches that enough organisations have seen, and reports.
//!
//! A claim is one watcher's statement that a service is below an objective, since when, and until when. A breach
//! follows from claims: it is a period at every moment of which as many organisations as the charter requires say that
//! the service was below the objective. So it begins when the last of that many says that the service fell, and ends
//! when fewer say that it lasts. The entry that completes the number confirms it. Claims may have ended by then,
//! because a watcher that could not reach the log during an outage reports it afterwards. Late claims may move a
//! beginning or an end, and join two breaches. How many organisations a breach needs is frozen when it is confirmed; an
//! amendment of the charter changes no past breach.

mod outages;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ctl_core::names::{ObjectiveName, OrganisationId, ParticipantId, ReasonCode};
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, Timestamp};
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use serde::{Deserialize, Serialize};

pub use outages::{Outage, OutageKey, Told};

use crate::snapshot::form;
use crate::state::State;
use crate::statement::body::{Measured, Objective, Service, ServiceSummary};
use crate::statement::parts::BlobRef;

/// The name of the trust list manager among the operators whose services are watched: in reports, incidents and
/// metrics. No participant can have it. Statements about it name no operator.
pub const TRUST_LIST_MANAGER: &str = "trust-list-manager";

/// What claims and breaches are about: a service and one of its objectives.
pub type BreachKey = (Service, ObjectiveName);

/// The state's part on service levels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLevels {
    /// Claims by the index of the entry that opened them: all open ones, and the latest that are over.
    #[serde(with = "form::shared")]
    pub claims: RedBlackTreeMapSync<u64, Arc<Claim>>,
    /// Confirmed breaches of each service and objective, in the order of time: all open ones, and those that are over
    /// as long as one of their claims is kept that are over.
    #[serde(with = "form::shared")]
    pub breaches: RedBlackTreeMapSync<BreachKey, Arc<Vec<Breach>>>,
    /// Reports: each watcher's own.
    #[serde(with = "form::shared")]
    pub reports: RedBlackTreeMapSync<ReportKey, Arc<LevelReport>>,
    /// How many claims and reports a watcher has recorded on its last day with any, by whose services they are about.
    #[serde(with = "form::pairs")]
    pub recorded_today: RedBlackTreeMapSync<(ParticipantId, Share), (i64, u32)>,
    /// The claims of each watcher that are not over.
    pub(crate) open: RedBlackTreeSetSync<(ParticipantId, u64)>,
    /// The claims about each service and objective.
    pub(crate) about: RedBlackTreeSetSync<(BreachKey, u64)>,
}

impl ServiceLevels {
    /// The claims about a service and objective, in the order in which they were recorded.
    pub fn claims_about<'a>(&'a self, key: &'a BreachKey) -> impl Iterator<Item = &'a Arc<Claim>> {
        let from = (key.clone(), 0)..=(key.clone(), u64::MAX);
        self.about.range(from).filter_map(|(_, index)| self.claims.get(index))
    }

    /// The last claim by which all of this evidence was named before by other watchers on the service and objective; none
    /// if some of it is this watcher's own. What two have named is that one's whose claim is the earlier.
    #[must_use]
    pub fn copied_from(
        &self,
        key: &BreachKey,
        watcher: &ParticipantId,
        evidence: &[Digest],
    ) -> Option<&Arc<Claim>> {
        let mut unseen: BTreeSet<&Digest> = evidence.iter().collect();
        let from = (key.clone(), 0)..=(key.clone(), u64::MAX);
        for claim in self.about.range(from).filter_map(|(_, index)| self.claims.get(index)) {
            let named = claim.found.evidence.iter().filter(|digest| unseen.remove(digest)).count();
            if named > 0 && claim.watcher == *watcher {
                return None;
            }
            if unseen.is_empty() {
                return Some(claim);
            }
        }
        None
    }

    /// How much of a share a watcher has recorded on the day of this moment (UTC).
    #[must_use]
    pub fn recorded_on_day_of(&self, at: Timestamp, watcher: &ParticipantId, share: &Share) -> u32 {
        let recorded = self.recorded_today.get(&(watcher.clone(), share.clone()));
        recorded.filter(|(day, _)| *day == crate::check::day(at)).map_or(0, |(_, used)| *used)
    }

    /// A watcher's claims that are not over.
    pub fn open_claims<'a>(&'a self, watcher: &ParticipantId) -> impl Iterator<Item = &'a Arc<Claim>> {
        let of = (watcher.clone(), 0)..=(watcher.clone(), u64::MAX);
        self.open.range(of).filter_map(|(_, index)| self.claims.get(index))
    }

    /// The confirmed breaches of all services.
    pub fn confirmed(&self) -> impl Iterator<Item = &Breach> {
        self.breaches.values().flat_map(|breaches| breaches.iter())
    }
}

/// One watcher's claim that a service is below an objective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Index of the entry that opened it.
    pub index: u64,
    /// Who says so.
    pub watcher: ParticipantId,
    /// The watcher's organisation: of one, several watchers count once.
    pub organisation: OrganisationId,
    /// Whose service.
    pub service: Service,
    /// What was promised.
    pub objective: Objective,
    /// The policy it was promised by.
    pub policy: PolicyRef,
    /// Since when.
    pub opened_at: Timestamp,
    pub recorded_at: Timestamp,
    /// What the watcher found.
    #[serde(flatten)]
    pub found: Found,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

impl Claim {
    /// What it is about.
    #[must_use]
    pub fn key(&self) -> BreachKey {
        (self.service.clone(), self.objective.name.clone())
    }

    /// Whether it says that the service was below the objective at this moment.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.opened_at <= at && self.closed.is_none_or(|closed| at < closed.at)
    }
}

/// What a watcher found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// In the objective's window: what was measured last, when the claim opened or when it closed.
    pub measured: Measured,
    /// How many probes failed for which reason, by the same statement.
    pub reasons: BTreeMap<ReasonCode, u64>,
    /// SHA-256 of the answers that prove it, of both statements.
    pub evidence: Vec<Digest>,
}

/// The end of a claim, or of a breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Index of the entry that brought it about: the watcher's statement, or what ended the watcher's office.
    pub index: u64,
    /// When it was over.
    pub at: Timestamp,
    pub recorded_at: Timestamp,
    /// The watcher lost its office before it said so: it is not known whether the service is well again.
    pub lapsed: bool,
}

/// A breach that enough organisations have seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// Index of the entry that confirmed it.
    pub confirmed: u64,
    pub recorded_at: Timestamp,
    /// Whose service.
    pub service: Service,
    /// What was promised, by the claim that confirmed it.
    pub objective: Objective,
    /// When it began.
    pub opened_at: Timestamp,
    /// How many organisations confirm it.
    pub needed: u32,
    /// The claims that count in it, by their index.
    pub claims: BTreeMap<u64, Counted>,
    /// How it ended.
    pub closed: Option<Closed>,
}

/// A claim as it counts in a breach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The watcher's organisation.
    pub organisation: OrganisationId,
    /// Since when the watcher says that it lasts.
    pub from: Timestamp,
    /// Until when it says that it lasted; none as long as it lasts.
    pub until: Option<Timestamp>,
}

impl Breach {
    /// Whether it lasted at this moment.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.opened_at <= at && self.closed.is_none_or(|closed| at < closed.at)
    }

    /// The organisations that saw it.
    #[must_use]
    pub fn organisations(&self) -> BTreeSet<&OrganisationId> {
        self.claims.values().map(|claim| &claim.organisation).collect()
    }

    /// Counts a claim, or what has become of one.
    pub(crate) fn count(&mut self, claim: &Claim) {
        let (organisation, from) = (claim.organisation.clone(), claim.opened_at);
        let until = claim.closed.map(|closed| closed.at);
        self.claims.insert(claim.index, Counted { organisation, from, until });
    }

    /// The first moment in which fewer organisations than are needed say that it lasts; none while enough do.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        let mut at = self.opened_at;
        loop {
            let saying = self.claims.values();
            let saying = saying.filter(|one| one.from <= at && one.until.is_none_or(|until| at < until));
            let (organisations, ends): (BTreeSet<_>, Vec<_>) =
                saying.map(|one| (&one.organisation, one.until)).unzip();
            if organisations.len() < self.needed as usize {
                return Some(at);
            }
            at = ends.into_iter().flatten().min()?;
        }
    }
}

/// The share of a day's quota that a watcher's statements count towards. Every operator on a list has its own, so that
/// nobody else's services can use it up; all others have one together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Share {
    /// Those of an operator that is on a list.
    Listed(ParticipantId),
    /// The trust list manager's own.
    Own,
    /// Those of all operators that are on no list.
    Unlisted,
}

impl Share {
    /// The share that statements about an operator's services (none: the trust list manager's) are counted in.
    #[must_use]
    pub fn of(state: &State, operator: Option<&ParticipantId>) -> Self {
        match operator {
            None => Self::Own,
            Some(operator) if state.is_listed(operator) => Self::Listed(operator.clone()),
            Some(_) => Self::Unlisted,
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(operator) => write!(f, "the services of {operator}"),
            Self::Own => write!(f, "the service of the trust list manager"),
            Self::Unlisted => write!(f, "the services of operators that are on no list"),
        }
    }
}

/// Identifies a report: the operator (none: the trust list manager), the beginning, and the watcher.
pub type ReportKey = (Option<ParticipantId>, Timestamp, ParticipantId);

/// A watcher's report on an operator's month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelReport {
    /// Index of its entry.
    pub index: u64,
    pub recorded_at: Timestamp,
    /// The end of its time, which is not part of it.
    pub to: Timestamp,
    pub policy: PolicyRef,
    /// The report in full.
    pub report: BlobRef,
    /// What it says of each kind of service.
    pub summary: Vec<ServiceSummary>,
}

#[cfg(test)]
mod tests;
