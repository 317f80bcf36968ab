//! Which vehicles can charge at which chargers: for every pair of a root that a vehicle trusts and a root
//! that a charger's chain ends in, whether they work together directly, through cross-certificates, or
//! not and why.
//!
//! The flow: a [`Network`] is taken from a list or the state; [`Facts`] are found out once per
//! cross-certificate, its signature among them; a [`Matrix`] answers for one standard and purpose;
//! [`difference`] tells what a change would bring. [`document`] and [`svg`] show it, [`budget`] asks
//! which roots a vehicle with little room should install.
//!
//! Asked is what a vehicle accepts that obeys the list. What the list says of a root (uses, status,
//! constraints) therefore counts for every root of a path, not only for the one the vehicle has.
#![forbid(unsafe_code)]

pub mod budget;
mod chains;
mod difference;
pub mod document;
mod effects;

mod facts;
mod network;
mod reason;
mod rules;
mod search;
pub mod svg;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;

pub use chains::{Chains, SubCas, USUAL_SUB_CAS};
pub use difference::{Difference, Effect, difference};
pub use effects::{Effects, effects};
pub use facts::{Facts, Work};
pub use network::{Cross, Network, Root};
pub use reason::{Limiter, Reason, Words, standard_name};

use ctl_core::Timestamp;
use ctl_core::parts::{Purpose, Standard, Use};

/// The answer for a pair in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The vehicle has the root that the charger's chain ends in.
    Direct,
    /// Works through one or more cross-certificates.
    Cross,
    /// Works for some of the chargers: those whose chain is short enough.
    Partly,
    /// Does not work.
    No,
}

/// The cross-certificates of a path from the vehicle's root to the charger's, and what it bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Places in [`Network::cross_certificates`], from the vehicle's root on; empty when direct.
    pub crosses: Vec<usize>,
    /// How many sub-CAs may stand below the charger's root.
    pub sub_cas: usize,
}

/// The answer for one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// In one word.
    pub answer: Answer,
    /// The best path. With [`Answer::No`]: the one that would work for chargers with a shorter chain.
    pub path: Option<Path>,
    /// Other single cross-certificates that would do as well.
    pub alternatives: Vec<usize>,
    /// Why it does not work, or not for all chargers; empty where it does.
    pub reasons: Vec<Reason>,
    /// Only certificates issued until then are trusted.
    pub issued_until: Option<Timestamp>,
}

/// The answers for one standard and purpose.
#[derive(Clone, Debug)]
pub struct Matrix {
    facts: Arc<Facts>,
    asked: Use,
    chains: Vec<Chains>,
    /// Row by row: for each root of vehicles every root of chargers.
    cells: Vec<Cell>,
    work: Work,
}

impl Matrix {
    /// The roots and cross-certificates.
    #[must_use]
    pub fn network(&self) -> &Network {
        self.facts.network()
    }

    /// The standard and purpose.
    #[must_use]
    pub const fn asked(&self) -> Use {
        self.asked
    }

    /// The moment that it is right for.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.facts.at()
    }

    /// The facts it was made from.
    #[must_use]
    pub const fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// The work it took, that on the facts included.
    #[must_use]
    pub const fn work(&self) -> Work {
        self.work
    }

    /// How long the chains of a root's chargers are.
    #[must_use]
    pub fn chains(&self, root: usize) -> Option<&Chains> {
        self.chains.get(root)
    }

    /// The answer for a vehicle that trusts one root and a charger under another, by their places in
    /// [`Network::roots`].
    #[must_use]
    pub fn cell(&self, vehicle: usize, charger: usize) -> Option<&Cell> {
        let width = self.chains.len();
        if charger >= width { None } else { self.cells.get(vehicle * width + charger) }
    }

    /// Every pair with its answer: vehicle's root, charger's root.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, &Cell)> {
        let width = self.chains.len().max(1);
        self.cells.iter().enumerate().map(move |(place, cell)| (place / width, place % width, cell))
    }

    /// The roots that vehicles or chargers use for this standard and purpose: the others have nothing but
    /// "not listed for it" in row and column.
    pub fn listed(&self) -> impl Iterator<Item = usize> {
        let uses = |root: &Root| root.uses.contains(&self.asked);
        self.network().roots().iter().enumerate().filter(move |(_, root)| uses(root)).map(|(place, _)| place)
    }
}

/// The answers for both standards and one purpose; every signature is verified once.
#[must_use]
pub fn both_standards(network: Network, purpose: Purpose, at: Timestamp) -> [Matrix; 2] {
    let facts = Arc::new(Facts::new(network, at));
    [Standard::Iso15118_2, Standard::Iso15118_20]
        .map(|standard| Facts::matrix(&facts, Use { standard, purpose }))
}
