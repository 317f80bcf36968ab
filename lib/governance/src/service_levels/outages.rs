//! What watchers say of services, for display: confirmed breaches with their claims, and claims that count in none.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ctl_core::Timestamp;
use ctl_core::names::{OrganisationId, ParticipantId};
use serde::{Deserialize, Serialize};

use super::{Breach, Claim, Closed, TRUST_LIST_MANAGER};
use crate::state::State;
use crate::statement::body::{Objective, Service};

/// What watchers say about one service and objective at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// Index of the entry that confirmed it, or that opened the claim.
    pub entry: u64,
    /// Whose service.
    pub service: Service,
    /// What was promised.
    pub objective: Objective,
    /// When it began.
    pub opened_at: Timestamp,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// Whether enough organisations saw it.
    pub confirmed: bool,
    /// How many organisations saw it.
    pub organisations: usize,
    /// How many must.
    pub needed: u32,
    /// What each watcher says, as far as it is kept.
    pub claims: Vec<Claim>,
}

/// The place of one of these among all: by its first claim, and its beginning, as a claim may count in several breaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct OutageKey {
    claim: u64,
    opened_at: Timestamp,
}

impl fmt::Display for OutageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.claim, self.opened_at.unix())
    }
}

impl FromStr for OutageKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('.');
        let key = parts.and_then(|(claim, at)| Some((claim.parse().ok()?, at.parse().ok()?)));
        let (claim, at) = key.ok_or_else(|| format!("{text:?}: the `next` of a page is expected"))?;
        Ok(Self { claim, opened_at: Timestamp::from_unix(at) })
    }
}

impl TryFrom<String> for OutageKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// One of these, before it is copied to be shown.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    Breach(&'a Breach),
    /// A claim that counts in no breach.
    Claim(&'a Claim),
}

impl Told<'_> {
    /// Whose service.
    #[must_use]
    pub const fn service(&self) -> &Service {
        match self {
            Self::Breach(breach) => &breach.service,
            Self::Claim(claim) => &claim.service,
        }
    }

    /// Whether it is this operator's, which may be [`TRUST_LIST_MANAGER`].
    #[must_use]
    pub fn is_of(&self, operator: &ParticipantId) -> bool {
        let whose = self.service().operator.as_ref().map_or(TRUST_LIST_MANAGER, ParticipantId::as_str);
        whose == operator.as_str()
    }

    /// When it began.
    #[must_use]
    pub const fn opened_at(&self) -> Timestamp {
        match self {
            Self::Breach(breach) => breach.opened_at,
            Self::Claim(claim) => claim.opened_at,
        }
    }

    /// How it ended.
    #[must_use]
    pub const fn closed(&self) -> Option<Closed> {
        match self {
            Self::Breach(breach) => breach.closed,
            Self::Claim(claim) => claim.closed,
        }
    }

    /// All of it, by the state that it is from.
    #[must_use]
    pub fn outage(&self, state: &State) -> Outage {
        match self {
            Self::Breach(breach) => state.confirmed(breach),
            Self::Claim(claim) => state.unconfirmed(claim),
        }
    }

    fn key(&self) -> Option<OutageKey> {
        let claim = match self {
            Self::Breach(breach) => *breach.claims.keys().next()?,
            Self::Claim(claim) => claim.index,
        };
        Some(OutageKey { claim, opened_at: self.opened_at() })
    }
}

impl State {
    /// What watchers say of services, in the order in which the first claim of each was recorded.
    #[must_use]
    pub fn told(&self) -> Vec<(OutageKey, Told<'_>)> {
        let levels = &self.service_levels;
        let counted: BTreeSet<u64> =
            levels.confirmed().flat_map(|breach| breach.claims.keys().copied()).collect();
        let alone = levels.claims.values().filter(|claim| !counted.contains(&claim.index));
        let all = levels.confirmed().map(Told::Breach).chain(alone.map(|claim| Told::Claim(claim)));
        let mut all: Vec<(OutageKey, Told<'_>)> = all.filter_map(|one| Some((one.key()?, one))).collect();
        all.sort_by_key(|(key, _)| *key);
        all
    }

    /// The same, copied in full.
    #[must_use]
    pub fn outages(&self) -> Vec<Outage> {
        self.told().into_iter().map(|(_, told)| told.outage(self)).collect()
    }

    fn confirmed(&self, breach: &Breach) -> Outage {
        let kept = |index| self.service_levels.claims.get(index).map(|claim| Claim::clone(claim));
        Outage {
            entry: breach.confirmed,
            service: breach.service.clone(),
            objective: breach.objective.clone(),
            opened_at: breach.opened_at,
            closed: breach.closed,
            confirmed: true,
            organisations: breach.organisations().len(),
            needed: breach.needed,
            claims: breach.claims.keys().filter_map(kept).collect(),
        }
    }

    fn unconfirmed(&self, claim: &Claim) -> Outage {
        let key = claim.key();
        let together = self.service_levels.claims_about(&key).filter(|other| other.covers(claim.opened_at));
        let mut organisations: BTreeSet<&OrganisationId> =
            together.map(|other| &other.organisation).collect();
        organisations.insert(&claim.organisation);
        Outage {
            entry: claim.index,
            service: claim.service.clone(),
            objective: claim.objective.clone(),
            opened_at: claim.opened_at,
            closed: claim.closed,
            confirmed: false,
            organisations: organisations.len(),
            needed: self.charter.watchers.as_ref().map_or(0, |watchers| watchers.threshold),
            claims: vec![claim.clone()],
        }
    }
}
