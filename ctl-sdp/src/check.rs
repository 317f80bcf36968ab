//! What is supported by a configuration, told to people and programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ctl_core::names::MoId;
use serde::Serialize;

use crate::config::Config;
use crate::known::{Basis, Knowledge, know};
use crate::supported::Standing;

/// What is supported and what is not, with the reasons.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub basis: Basis,
    pub operators: BTreeMap<MoId, Standing>,
    pub warnings: Vec<String>,
}

/// Looks as `serve` would.
///
/// # Errors
/// Why nothing is known, in words.
pub fn check(path: &Path) -> Result<Check, String> {
    let config = Config::read(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let Knowledge { supported, basis, warnings } =
        runtime.block_on(know(&config.client, &config.agreements))?;
    Ok(Check { basis, operators: supported.standings().clone(), warnings })
}

impl Check {
    /// For people. Those that are supported come first.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let Basis { lists, registry, roots } = &self.basis;
        let lists: Vec<String> = lists.iter().map(|(list, version)| format!("{list} {version}")).collect();
        let registry = registry.map_or_else(|| "none".into(), |version| version.to_string());
        let _ = writeln!(text, "lists: {}; registry: {registry}", lists.join(", "));
        let _ = writeln!(
            text,
            "roots for contracts: {}",
            if roots.is_empty() { "none".into() } else { roots.join(", ") }
        );
        for is_supported in [true, false] {
            let of = self.operators.iter().filter(|(_, standing)| standing.is_supported() == is_supported);
            for (id, standing) in of {
                let _ = writeln!(text, "{id}  {standing}");
            }
        }
        if self.operators.is_empty() {
            let _ = writeln!(text, "no agreement with anybody");
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        text
    }
}
