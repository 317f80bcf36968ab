//! What the owner of the car wants: a small TOML file.

use ctl_core::emaid::Emaid;
use ctl_core::names::MoId;
use serde::Deserialize;

use super::Contract;
use crate::identifier::mo_id;

/// The file is at most so many bytes.
pub(super) const MAX_FILE: usize = 64 * 1024;

/// The file.
///
/// ```toml
/// prefer = ["DE8AA", "US-EVG-C12345678"]   # operators or contracts, the most wanted first
/// never = ["USXYZ"]                        # not even if nothing else works
/// owner_first = false                      # whether this order counts before what the charger says over UDP
/// eim_without_tls = false                  # whether the car may charge without TLS when the driver identifies otherwise
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Operators or contracts, the most wanted first.
    pub prefer: Vec<Wanted>,
    /// Those that are never presented.
    pub never: Vec<Wanted>,
    /// Whether the owner's order counts before what the charger says over UDP.
    pub owner_first: bool,
    /// Whether a session without TLS is allowed for EIM. Plug & Charge never is.
    pub eim_without_tls: bool,
}

impl Preferences {
    /// Reads the file.
    ///
    /// # Errors
    /// In words: what is wrong, and where.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The place of a contract in the owner's order; the last of all if it is not named.
    pub(super) fn rank(&self, contract: &Contract) -> usize {
        self.prefer.iter().position(|wanted| wanted.is(contract)).unwrap_or(usize::MAX)
    }
}

/// An operator, or one contract.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Wanted {
    /// Every contract with this operator.
    Operator(MoId),
    /// This contract.
    Contract(Emaid),
}

impl TryFrom<String> for Wanted {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Emaid::read(&text) {
            Some(emaid) => Ok(Self::Contract(emaid)),
            None => mo_id(&text).map(Self::Operator).map_err(|error| error.to_string()),
        }
    }
}

impl Wanted {
    pub(super) fn is(&self, contract: &Contract) -> bool {
        match self {
            Self::Operator(id) => contract.mo_id().as_ref() == Some(id),
            Self::Contract(wanted) => contract.emaid().is_some_and(|emaid| emaid.is_same_contract(wanted)),
        }
    }
}
