//! Which contract to present: in the car, from what it holds, what the lists say of it, what the charger told, and what
//! its owner wants.
//!
//! ```text
//! folder of contracts ─ contract (ctl-client): judged by the lists ─┐
//! 0x9005 (anybody may have sent it) ─ only puts in order ───────────┼─ decide ─ plan: this, then that, else EIM ─ slot
//! service 64, SupportedProviders (inside TLS) ─ exclude ────────────┤
//! preferences of the owner ─────────────────────────────────────────┘
//! ```
//!
//! A plan never holds a contract that the lists do not trust, and always ends in EIM: identification by other means, a
//! card or an app at the charger.

pub mod answer;
pub(crate) mod command;
mod decide;
mod folder;
mod offer;
mod preferences;
pub mod slot;
mod text;
pub mod tls;

use ctl_client::contract::Verdict;
use ctl_core::emaid::Emaid;
use ctl_core::names::MoId;
use ctl_core::parts::Standard;
use serde::Serialize;

pub use decide::decide;
pub use folder::{Held, read_folder};
pub use offer::Offer;
pub use preferences::{Preferences, Wanted};

/// A contract that the car holds, as it is judged.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The name of its file or folder.
    pub name: String,
    /// What the lists say of it.
    pub verdict: Verdict,
}

impl Contract {
    fn emaid(&self) -> Option<Emaid> {
        self.verdict.emaid.as_deref().and_then(Emaid::read)
    }

    fn mo_id(&self) -> Option<MoId> {
        self.verdict.mo_id.as_deref().and_then(|id| id.parse().ok())
    }

    /// The standard whose sessions it is for.
    fn standard(&self) -> Standard {
        match self.verdict.rules == Standard::Iso15118_20.as_str() {
            true => Standard::Iso15118_20,
            false => Standard::Iso15118_2,
        }
    }
}

/// What is known of the charger.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The standard of the session, once it is agreed on.
    pub standard: Option<Standard>,
    /// The session is not protected by TLS.
    pub is_plain: bool,
    /// 0x9005: what both support, by an answer over UDP that anybody may have sent.
    pub udp: Option<Offer>,
    /// Service 64, read inside TLS.
    pub vas: Option<Offer>,
    /// `SupportedProviders` of -20, read inside TLS.
    pub providers: Option<Offer>,
    /// Contracts, by name, that this charger has refused, and with which response code.
    pub refused: Vec<(String, String)>,
}

/// What to present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "present", rename_all = "kebab-case")]
pub enum Present {
    /// A contract.
    Contract {
        /// The name of its file or folder.
        name: String,
        /// Its eMAID, normalised.
        emaid: String,
        /// Its operator.
        mo_id: MoId,
    },
    /// None: the driver identifies at the charger.
    Eim,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What to present.
    #[serde(flatten)]
    pub present: Present,
    /// Why it stands here.
    pub reasons: Vec<String>,
}

/// A contract that is not in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The name of its file or folder.
    pub name: String,
    /// Its eMAID, if it has one.
    pub emaid: Option<String>,
    /// Why.
    pub reasons: Vec<String>,
}

/// What to present, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The steps. The last one, and no other, is EIM.
    pub steps: Vec<Step>,
    /// The contracts that are not in it.
    pub left_out: Vec<LeftOut>,
    /// What follows if the charger refuses a step.
    pub if_refused: &'static str,
}

impl Plan {
    /// The contract to present first; none if only EIM is left.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        match &self.steps.first()?.present {
            Present::Contract { name, .. } => Some(name),
            Present::Eim => None,
        }
    }

    /// The names of its contracts, in order.
    pub fn contracts(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.present {
            Present::Contract { name, .. } => Some(name.as_str()),
            Present::Eim => None,
        })
    }
}
