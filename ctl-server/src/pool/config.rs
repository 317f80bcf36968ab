//! `[pool]` of the configuration.

use ctl_core::names::ListId;
use ctl_formats::PoolCtl;
use serde::Deserialize;

/// Which lists feed the pool. Without any, no pool is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub lists: Vec<Source>,
}

/// A list that feeds the pool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub list: ListId,
    /// What OPNC's `rootCtlList` says of its roots.
    #[serde(default)]
    pub ctl: Ctl,
}

/// The three lists that OPNC has words for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ctl {
    European,
    American,
    #[default]
    None,
}

impl From<Ctl> for PoolCtl {
    fn from(ctl: Ctl) -> Self {
        match ctl {
            Ctl::European => Self::European,
            Ctl::American => Self::American,
            Ctl::None => Self::None,
        }
    }
}
