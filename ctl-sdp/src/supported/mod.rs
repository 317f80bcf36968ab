//! Which mobility operators are supported here: those with whom there is an agreement, less those whose contracts cannot
//! work here. A pure function of the agreements and of what the device verified.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ctl_client::ask::Known;
use ctl_core::Timestamp;
use ctl_core::names::MoId;
use ctl_core::parts::{Constraints, MoStatus, Purpose};
use ctl_core::registry::RegistryDocument;
use serde::{Deserialize, Serialize};

/// With whom the operator of a charger has an agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreements {
    /// With everybody whom the registry names as in use.
    Registry,
    /// With these.
    With(BTreeSet<MoId>),
}

/// A root in which contract chains may end here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoRoot {
    /// Its name on the list.
    pub name: String,
    /// The only mobility operators whose contracts it may vouch for; none if it may for all.
    pub only: Option<BTreeSet<MoId>>,
}

impl MoRoot {
    /// Those that a device trusts for contracts. One that stands on two lists counts by each.
    #[must_use]
    pub fn all(known: &Known) -> Vec<Self> {
        let anchors = known.trust.anchors.iter();
        let mo = anchors.filter(|anchor| anchor.uses.iter().any(|one| one.purpose == Purpose::Mo));
        mo.filter_map(|anchor| {
            let list = known.lists.iter().find(|list| list.list == anchor.list)?;
            let listed = list.anchors.iter().find(|listed| listed.fingerprint == anchor.fingerprint)?;
            let constraint = listed.constraints.0.get(Constraints::MO_IDS);
            // One that cannot be read vouches for nobody.
            let only = constraint.map(|only| BTreeSet::deserialize(&only.value).unwrap_or_default());
            Some(Self { name: anchor.name.clone(), only })
        })
        .collect()
    }
}

/// How a mobility operator stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    /// Its contracts may work here.
    Supported,
    /// The same; but the registry does not know it.
    Unknown,
    /// Its identifier is not in use for now.
    Suspended { since: Timestamp },
    /// Its identifier is not in use any more.
    Withdrawn { since: Timestamp },
    /// No root that is trusted here may vouch for its contracts.
    NoRoot { reason: String },
}

impl Standing {
    /// Whether cars are told that it is supported.
    #[must_use]
    pub const fn is_supported(&self) -> bool {
        matches!(self, Self::Supported | Self::Unknown)
    }

    /// One word for counting.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Unknown => "unknown",
            Self::Suspended { .. } => "suspended",
            Self::Withdrawn { .. } => "withdrawn",
            Self::NoRoot { .. } => "no-root",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Supported => write!(f, "supported"),
            Self::Unknown => write!(f, "supported, though the registry does not name it: check its spelling"),
            Self::Suspended { since } => {
                write!(f, "not supported: the registry has suspended it since {since}")
            }
            Self::Withdrawn { since } => {
                write!(f, "not supported: the registry has withdrawn it since {since}")
            }
            Self::NoRoot { reason } => write!(f, "not supported: {reason}"),
        }
    }
}

/// What is supported, and of everybody else why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    ids: HashSet<MoId>,
    standings: BTreeMap<MoId, Standing>,
}

impl Supported {
    /// From the agreements, the registry in force if one is followed, and the roots that are trusted for contracts.
    ///
    /// # Errors
    /// In words: everybody of the registry was asked for, and there is none.
    pub fn new(
        agreements: &Agreements,
        registry: Option<&RegistryDocument>,
        roots: &[MoRoot],
    ) -> Result<Self, String> {
        let everybody: BTreeSet<MoId>;
        let with = match (agreements, registry) {
            (Agreements::With(with), _) => with,
            (Agreements::Registry, Some(registry)) => {
                everybody = registry.identifiers.iter().map(|entry| entry.id.clone()).collect();
                &everybody
            }
            (Agreements::Registry, None) => {
                return Err(
                    "agreements with all of the registry, but this device holds no registry: set registry = \
                     true in its client.toml and sync, or name another source of agreements"
                        .into(),
                );
            }
        };
        let standings: BTreeMap<MoId, Standing> =
            with.iter().map(|id| (id.clone(), standing(id, registry, roots))).collect();
        let supported = standings.iter().filter(|(_, standing)| standing.is_supported());
        Ok(Self { ids: supported.map(|(id, _)| id.clone()).collect(), standings })
    }

    /// Whether cars are told that this one is supported.
    #[must_use]
    pub fn contains(&self, id: &MoId) -> bool {
        self.ids.contains(id)
    }

    /// How everybody with whom there is an agreement stands.
    #[must_use]
    pub const fn standings(&self) -> &BTreeMap<MoId, Standing> {
        &self.standings
    }

    /// How many stand in each way.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let none = ["supported", "unknown", "suspended", "withdrawn", "no-root"].map(|word| (word, 0));
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::from(none);
        for standing in self.standings.values() {
            let count = counts.entry(standing.word()).or_default();
            *count = count.saturating_add(1);
        }
        counts
    }
}

fn standing(id: &MoId, registry: Option<&RegistryDocument>, roots: &[MoRoot]) -> Standing {
    let entry = registry.map(|registry| registry.entry(id));
    if let Some(Some(entry)) = entry {
        match entry.status {
            MoStatus::Assigned => {}
            MoStatus::Suspended => return Standing::Suspended { since: entry.since },
            MoStatus::Withdrawn => return Standing::Withdrawn { since: entry.since },
        }
    }
    let may_vouch = |root: &MoRoot| root.only.as_ref().is_none_or(|only| only.contains(id));
    if !roots.iter().any(may_vouch) {
        let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
        let reason = if names.is_empty() {
            "no root is trusted here for contracts (purpose mo)".to_owned()
        } else {
            format!(
                "each root that is trusted here for contracts ({}) may vouch for other operators only (its constraint \
                 mo_ids)",
                names.join(", ")
            )
        };
        return Standing::NoRoot { reason };
    }
    match entry {
        Some(None) => Standing::Unknown,
        // Without a registry nobody is unknown to it.
        _ => Standing::Supported,
    }
}
