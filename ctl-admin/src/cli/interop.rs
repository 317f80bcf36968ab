//! The arguments of `interop` and `budget`.

use std::path::PathBuf;

use clap::Args;
use ctl_admin::auditor::budget::Options as BudgetOptions;
use ctl_admin::auditor::interop::{Options, Source};
use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_core::parts::{Purpose, Standard};
use ctl_reach::budget::Counting;

use super::arguments::word;

/// Whose roots and cross-certificates.
#[derive(Args)]
pub(crate) struct From {
    /// Which list of the scheme at --url, from its verified log [default: the only one]
    name: Option<ListId>,
    /// Instead of the scheme's log a list alone: a file (ctl.jws), or an address like
    /// https://ctl.example/v1/lists/na; verified from --root, unverified without
    #[arg(long, value_name = "FILE|URL", conflicts_with = "name")]
    list: Option<String>,
    /// Judge for this moment, like 2026-11-21T20:13:00Z [default: now]
    #[arg(long, value_name = "RFC3339")]
    time: Option<Timestamp>,
}

impl From {
    /// Whether the scheme's log is needed.
    pub(crate) const fn needs_log(&self) -> bool {
        self.list.is_none()
    }

    fn source(self, root: Option<PathBuf>) -> (Source, Option<Timestamp>) {
        let source = match self.list {
            Some(place) => Source::List { place, root },
            None => Source::Log { list: self.name },
        };
        (source, self.time)
    }
}

/// What `interop` asks.
#[derive(Args)]
pub(crate) struct Interop {
    #[command(flatten)]
    pub(crate) from: From,
    /// iso15118-2 or iso15118-20 [default: both]
    #[arg(long, value_parser = word::<Standard>)]
    standard: Option<Standard>,
    /// Whose chains: v2g (chargers before vehicles), mo, oem or vehicle
    #[arg(long, default_value = "v2g", value_parser = word::<Purpose>)]
    purpose: Purpose,
    /// Write a picture of the roots and cross-certificates here
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Interop {
    pub(crate) fn options(self, root: Option<PathBuf>) -> Options {
        let (source, time) = self.from.source(root);
        Options { source, time, standard: self.standard, purpose: self.purpose, svg: self.svg }
    }
}

/// What `budget` asks.
#[derive(Args)]
pub(crate) struct Budget {
    #[command(flatten)]
    pub(crate) from: From,
    /// How many roots the vehicle has room for
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000))]
    max_roots: u16,
    /// How many chargers stand under each root: a TOML file [default: one under each]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// iso15118-2 or iso15118-20
    #[arg(long, default_value = "iso15118-2", value_parser = word::<Standard>)]
    standard: Standard,
    /// Count also pairs that work only for chargers with a shorter chain
    #[arg(long)]
    short_chains: bool,
}

impl Budget {
    pub(crate) fn options(self, root: Option<PathBuf>) -> BudgetOptions {
        let (source, time) = self.from.source(root);
        BudgetOptions {
            source,
            time,
            standard: self.standard,
            max_roots: usize::from(self.max_roots),
            weights: self.weights,
            counting: if self.short_chains { Counting::Short } else { Counting::All },
        }
    }
}
