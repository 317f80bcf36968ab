//! The roles that people sign for: each has drafts, ceremonies and publications.

use std::fmt;
use std::str::FromStr;

use crate::names::ListId;
use crate::paths::LIST;
use ctl_pki::as_text;

/// A role whose documents need people's signatures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The board's root.json.
    Root,
    /// The board's top-level targets.json, which only delegates.
    Targets,
    /// The MO registry.
    Registry,
    /// The suspension notices.
    Notices,
    /// One certificate trust list.
    List(ListId),
}

impl Role {
    /// The flat TUF target name of the role's document; none for the board's metadata.
    #[must_use]
    pub fn target_name(&self) -> Option<String> {
        match self {
            Self::Root | Self::Targets => None,
            Self::Registry => Some("mo-registry.json".into()),
            Self::Notices => Some("notices.json".into()),
            Self::List(list) => Some(format!("{list}.ctl.json")),
        }
    }

    /// The folder below which the role's document is served, with its proofs; none for the board's metadata.
    #[must_use]
    pub fn folder(&self) -> Option<String> {
        match self {
            Self::Root | Self::Targets => None,
            Self::Registry | Self::Notices => Some(format!("v1/{self}")),
            Self::List(list) => Some(LIST.of(&[list])),
        }
    }

    /// The path of the role's latest document, without the ending that each of its renditions has.
    #[must_use]
    pub fn stem(&self) -> Option<String> {
        let name = match self {
            Self::Root | Self::Targets => return None,
            Self::Registry => "mo",
            Self::Notices => "notices",
            Self::List(_) => "ctl",
        };
        self.folder().map(|folder| format!("{folder}/{name}"))
    }

    /// The JWS `typ` of signatures over the role's document.
    #[must_use]
    pub const fn document_typ(&self) -> Option<&'static str> {
        match self {
            Self::Root | Self::Targets => None,
            Self::Registry => Some("v2g.mo-registry+jws"),
            Self::Notices => Some("v2g.suspension-notices+jws"),
            Self::List(_) => Some("v2g.certificate-trust-list+jws"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Registry => "registry",
            Self::Notices => "notices",
            Self::List(list) => list.as_str(),
        })
    }
}

impl FromStr for Role {
    type Err = crate::names::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "root" => Self::Root,
            "targets" => Self::Targets,
            "registry" => Self::Registry,
            "notices" => Self::Notices,
            list => Self::List(list.parse()?),
        })
    }
}

as_text!(Role);
