//! `ctl-watch discover`: prints what would be watched, and what is left out and why.

use std::path::Path;

use ctl_host::clock::{Clock as _, SystemClock};
use ctl_replica::Replica;

use super::Failure;
use crate::config::Config;
use crate::own;
use crate::plan::plan;
use crate::run::discover_at;

pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    let plan = plan(&config.watch, &config.fetch.ports)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The replica's folder may belong to a running watch, so this does not use it.
    let mut replica = Replica::open(config.scheme.replica_without_memory()?)?;
    let state = runtime.block_on(replica.sync())?.state().clone();
    let found = discover_at(&state, SystemClock::new().now().unix().saturating_mul(1000), &plan);
    let own = own::targets(state.charter.lists.keys(), config.watch.period);
    println!("watched:");
    for target in found.targets.iter().chain(&own) {
        let lists: Vec<&str> = target.lists.iter().map(|list| list.as_str()).collect();
        let origins: Vec<String> = target.origins.iter().map(ToString::to_string).collect();
        let lists = if lists.is_empty() { String::new() } else { format!(" (on {})", lists.join(", ")) };
        println!(
            "  {} {} {}{lists}, because of {}",
            target.operator,
            target.kind,
            target.url,
            origins.join(", ")
        );
    }
    println!("left out:");
    for left_out in &found.left_out {
        let operator = left_out.operator.as_ref().map_or("-", |operator| operator.as_str());
        println!("  {operator} {}: {}", left_out.what, left_out.why);
    }
    println!(
        "{} services, {} certificates whose end is watched, {} left out",
        found.targets.len() + own.len(),
        found.certificates.len(),
        found.left_out.len()
    );
    Ok(())
}
