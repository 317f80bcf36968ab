//! Which roots a vehicle with little room should install: those that reach the most chargers together,
//! cross-certificates counted. This is the problem of maximum coverage, hard in general: it is solved
//! exactly for as many roots as there are on any list today, and beyond that with a bound that says how
//! far from the best the answer can be.

mod exact;
mod greedy;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::{Answer, Matrix};

/// Up to this number of roots the answer is searched for exactly; the search may still stop at its limit and
/// says so.
pub const MOST_EXACT: usize = 64;
/// Weights are at most so large, so that sums stay far from overflow.
pub const MAX_WEIGHT: u64 = 1 << 40;

/// Which pairs count as reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counting {
    /// Those that work for every known or assumed chain.
    All,
    /// Also those that work for chargers whose chain is short enough, with at least one sub-CA.
    Short,
}

/// The best roots for one number of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The places of the roots, ascending.
    pub roots: Vec<usize>,
    /// Weight of what they reach.
    pub reached: u64,
    /// No choice of as many roots reaches more than this.
    pub at_most: u64,
}

impl Choice {
    /// Whether it is proven that there is no better one.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.reached == self.at_most
    }
}

/// What each root reaches, by the places of the roots.
#[must_use]
pub fn reach(matrix: &Matrix, counting: Counting) -> Vec<Vec<usize>> {
    let mut reach = vec![Vec::new(); matrix.network().roots().len()];
    for (vehicle, charger, cell) in matrix.pairs() {
        let short = cell.path.as_ref().is_some_and(|path| path.sub_cas > 0);
        let counts = match counting {
            Counting::All => cell.works(),
            Counting::Short => cell.works() || cell.answer == Answer::Partly || short,
        };
        if let Some(reached) = reach.get_mut(vehicle).filter(|_| counts) {
            reached.push(charger);
        }
    }
    reach
}

/// The best choices of one, two … up to `most` roots. Ends early once everything that can be reached is.
/// `weights` says how many chargers stand under each root; missing ones count nothing, and none more than
/// [`MAX_WEIGHT`].
#[must_use]
pub fn choices(reach: &[Vec<usize>], weights: &[u64], most: usize) -> Vec<Choice> {
    let count = reach.len();
    let weight = |place: usize| weights.get(place).copied().unwrap_or(0).min(MAX_WEIGHT);
    let weights: Vec<u64> = (0..count).map(weight).collect();
    if count <= MOST_EXACT {
        exact::choices(reach, &weights, most)
    } else {
        greedy::choices(reach, &weights, most)
    }
}
