//! What a change brings: pairs of roots that newly work together, and pairs that stop to.

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_core::names::Label;
use ctl_core::parts::{Purpose, Use};
use serde::Serialize;

use super::reason::standard_name;
use super::{Answer, Cell, Matrix};

/// A pair that works better or worse than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The standard and purpose.
    pub r#use: Use,
    /// Fingerprint of the root that vehicles trust.
    pub vehicle: Digest,
    /// Fingerprint of the root that the chargers' chains end in.
    pub charger: Digest,
    /// Fingerprints of the cross-certificates that make it possible, or did.
    pub through: Vec<Digest>,
    /// How many sub-CAs a charger's chain may have, or might: chargers with more are not concerned.
    pub sub_cas: usize,
    /// Whether the known or usual chains under the charger's root are all concerned.
    pub all: bool,
    /// The sentence for people.
    pub text: String,
}

/// What a change brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Pairs that newly work, or work for longer chains.
    pub gained: Vec<Effect>,
    /// Pairs that stop to work, or to work for longer chains.
    pub lost: Vec<Effect>,
}

impl Difference {
    /// Whether nothing changes for anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }

    /// Adds what another standard or purpose brings.
    pub fn extend(&mut self, other: Self) {
        self.gained.extend(other.gained);
        self.lost.extend(other.lost);
    }
}

/// Compares two answers to one question: what works after and did not before, and the other way round.
/// A pair counts when the number of sub-CAs that a charger's chain may have changes, even where no known
/// chain is so short: a vote on a cross-certificate is also one on the chains that may come. Only paths that
/// would bear nothing but a charger's certificate issued by the root itself are passed over: such roots are
/// private ones [V2G2-867] (secondary), and bridges of cross-certificates would fill the page with them.
#[must_use]
pub fn difference(before: &Matrix, after: &Matrix) -> Difference {
    let (old, new) = (capacities(before), capacities(after));
    let better = |from: &Capacities<'_>, to: &Capacities<'_>, says: &str, matrix: &Matrix| {
        let grown = to.iter().filter(|(pair, (room, _))| from.get(*pair).is_none_or(|(old, _)| old < room));
        grown
            .map(|((vehicle, charger), (_, place))| effect(matrix, *vehicle, *charger, *place, says))
            .collect()
    };
    Difference {
        gained: better(&old, &new, "will", after),
        lost: better(&new, &old, "will no longer", before),
    }
}

/// For each pair with a path: room for sub-CAs, and the places of the roots.
type Capacities<'a> = BTreeMap<(Digest, Digest), (usize, (usize, usize))>;

fn capacities(matrix: &Matrix) -> Capacities<'_> {
    let roots = matrix.network().roots();
    let known = matrix.pairs().filter_map(|(vehicle, charger, cell)| {
        let room = cell.path.as_ref()?.sub_cas;
        if room == 0 && cell.answer == Answer::No {
            return None;
        }
        let pair = (roots.get(vehicle)?.fingerprint, roots.get(charger)?.fingerprint);
        Some((pair, (room, (vehicle, charger))))
    });
    known.collect()
}

fn effect(
    matrix: &Matrix,
    vehicle: Digest,
    charger: Digest,
    (row, column): (usize, usize),
    says: &str,
) -> Effect {
    let network = matrix.network();
    let cell = matrix.cell(row, column);
    let path = cell.and_then(|cell| cell.path.as_ref());
    let crosses = path.map_or(&[][..], |path| &path.crosses);
    let crosses = || crosses.iter().filter_map(|place| network.cross_certificates().get(*place));
    let sub_cas = path.map_or(0, |path| path.sub_cas);
    let all = cell.is_some_and(|cell| matches!(cell.answer, Answer::Direct | Answer::Cross));
    let name = |place: usize| network.roots().get(place).map_or("?", |root| root.name.as_str());
    let (holder, presented) = sides(matrix.asked().purpose);
    let through: Vec<&Label> = crosses().map(|cross| &cross.name).collect();
    let text = format!(
        "{holder} that trust only {} {says} accept {presented} under {}{}{} ({})",
        name(row),
        name(column),
        if all { String::new() } else { format!(" {}", at_most(sub_cas)) },
        if through.is_empty() { String::new() } else { format!(", through {}", quoted(&through)) },
        standard_name(matrix.asked().standard),
    );
    Effect {
        r#use: matrix.asked(),
        vehicle,
        charger,
        through: crosses().map(|c| c.fingerprint).collect(),
        sub_cas,
        all,
        text,
    }
}

/// Who trusts, and what is presented to them.
pub(super) const fn sides(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::V2g => ("EVs", "EVSEs"),
        Purpose::Mo => ("EVSEs", "contracts"),
        Purpose::Oem => ("CPSs", "provisioning certificates"),
        Purpose::Vehicle => ("EVSEs", "EVs"),
    }
}

/// Which chains work, when not all do.
#[must_use]
pub(super) fn at_most(sub_cas: usize) -> String {
    match sub_cas {
        0 => "whose certificate the root issued itself".to_owned(),
        1 => "whose chain has at most one sub-CA".to_owned(),
        more => format!("whose chain has at most {more} sub-CAs"),
    }
}

fn quoted(names: &[&Label]) -> String {
    names.iter().map(|name| format!("{:?}", name.as_str())).collect::<Vec<_>>().join(", then ")
}

impl Cell {
    /// Whether every known chain works.
    #[must_use]
    pub const fn works(&self) -> bool {
        matches!(self.answer, Answer::Direct | Answer::Cross)
    }
}
