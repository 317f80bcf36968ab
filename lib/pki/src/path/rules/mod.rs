//! Rule sets: what ISO 15118 asks of a path beyond RFC 5280. A path may be fine for the RFC and useless for a
//! car, so a rule set is a judge of its own and its verdict is given in addition to the other.
//!
//! ISO 15118 is not public. Rules that were read from open implementations and guides instead of the standard say
//! "secondary" in their source.

mod anchor;
mod checks;
mod purpose;

use std::str::FromStr;

use super::{Finding, Judge, Signatures};
use crate::Certificate;
pub use anchor::AnchorConstraints;
pub use purpose::{Purpose, UnknownPurpose};

/// Of what the real PKIs of the field do not keep, this hinders nobody from charging: who answers for devices says it and
/// does not refuse. Devices read certificates of every size, and OpenSSL, on which they stand, asks for none of the rest.
pub const TOLERATED: [&str; 3] = ["size", "validity-nesting", "key-identifiers"];

crate::words! {
    /// Which rules a path is judged by.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum RuleSet by name {
        /// RFC 5280 alone.
        #[default]
        Rfc5280 => "rfc5280",
        /// What vehicles and chargers of ISO 15118-2 accept.
        Iso15118_2 => "iso15118-2",
        /// What vehicles and chargers of ISO 15118-20 accept.
        Iso15118_20 => "iso15118-20",
    }
}

impl RuleSet {
    /// The most certificates below the root, if it limits them. A cross-certificate is one of them like any
    /// other.
    pub fn max_depth(self) -> Option<usize> {
        self.edition().map(|_| MAX_DEPTH)
    }

    fn edition(self) -> Option<Edition> {
        match self {
            Self::Rfc5280 => None,
            Self::Iso15118_2 => Some(Edition::Two),
            Self::Iso15118_20 => Some(Edition::Twenty),
        }
    }
}

/// The text names no rule set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rule set: rfc5280, iso15118-2 or iso15118-20")]
pub struct UnknownRuleSet(String);

impl FromStr for RuleSet {
    type Err = UnknownRuleSet;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|set| set.name() == text);
        known.ok_or_else(|| UnknownRuleSet(text.chars().take(40).collect()))
    }
}

/// The parts of ISO 15118 that have rules here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edition {
    Two,
    Twenty,
}

impl Edition {
    fn name(self) -> &'static str {
        match self {
            Self::Two => "ISO 15118-2",
            Self::Twenty => "ISO 15118-20",
        }
    }

    /// The largest certificate in bytes of DER.
    fn max_size(self) -> usize {
        match self {
            Self::Two => 800,
            Self::Twenty => 1600,
        }
    }

    /// The source of a rule that both editions have in a place of their own.
    fn source(self, two: &'static str, twenty: &'static str) -> &'static str {
        match self {
            Self::Two => two,
            Self::Twenty => twenty,
        }
    }
}

/// [V2G2-009] (secondary), and the same for ISO 15118-20.
const MAX_DEPTH: usize = 3;

/// A rule set put to use.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Which rules.
    pub set: RuleSet,
    /// What the leaf is for. Without, a leaf is refused; only a CA may be asked about so.
    pub purpose: Option<Purpose>,
    /// The moment to judge for, in Unix seconds.
    pub time: i64,
}

impl Judge for Rules {
    fn name(&self) -> &str {
        self.set.name()
    }

    fn judge(
        &self,
        anchor: &Certificate,
        chain: &[&Certificate],
        _signatures: &mut Signatures,
    ) -> Vec<Finding> {
        match self.set.edition() {
            Some(edition) => checks::Checks::new(edition, self, anchor, chain).all(),
            None => Vec::new(),
        }
    }
}
