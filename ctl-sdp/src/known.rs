//! What is supported, from the verified state of ctl-client on this device and from the agreements. Reads; writes nothing.

use std::path::Path;

use ctl_client::ask::Known;
use ctl_client::{Client, Machine};
use ctl_core::Timestamp;
use serde::Serialize;

use crate::agreements::Source;
use crate::supported::{Agreements, MoRoot, Supported};

/// What is supported, and what it was made from.
#[derive(Clone, Debug)]
pub struct Knowledge {
    pub supported: Supported,
    pub basis: Basis,
    /// What is not as it should be, in words.
    pub warnings: Vec<String>,
}

/// The versions that it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// Each list with its version.
    pub lists: Vec<(String, u64)>,
    /// The version of the registry.
    pub registry: Option<u64>,
    /// The roots that are trusted for contracts, by name.
    pub roots: Vec<String>,
}

/// Asks for the agreements, reads what the client verified, and puts both together.
///
/// # Errors
/// Why nothing follows, in words.
pub async fn know(client: &Path, source: &Source) -> Result<Knowledge, String> {
    let (agreements, warnings) = source.ask().await?;
    let directory = client.to_owned();
    // Off the thread that answers cars: a large registry takes a moment.
    let work = tokio::task::spawn_blocking(move || {
        let known = read(&directory)?;
        conclude(&agreements, &known, warnings)
    });
    work.await.map_err(|error| error.to_string())?
}

fn read(client: &Path) -> Result<Known, String> {
    let opened = Client::open(client, Machine::default()).map_err(|error| error.to_string())?;
    opened.known().map_err(|error| error.to_string())
}

/// What follows from both.
///
/// # Errors
/// In words; see [`Supported::new`].
pub fn conclude(
    agreements: &Agreements,
    known: &Known,
    mut warnings: Vec<String>,
) -> Result<Knowledge, String> {
    if !known.damaged.is_empty() {
        let names: Vec<String> = known.damaged.iter().map(ToString::to_string).collect();
        return Err(format!(
            "{}: cannot be read from this device's medium; run ctl-client sync",
            names.join(", ")
        ));
    }
    let roots = MoRoot::all(known);
    let supported = Supported::new(agreements, known.registry.as_ref(), &roots)?;
    let now = known.clock.earliest();
    let mut late = |what: String, due: Timestamp| {
        if due < now {
            warnings.push(format!(
                "{what} is past its next update ({due}) and stays in force: does ctl-client sync?"
            ));
        }
    };
    for list in &known.lists {
        late(format!("list {}", list.list), list.next_update);
    }
    match &known.registry {
        Some(registry) => late("the registry".into(), registry.next_update),
        None => warnings.push(
            "this device holds no registry: identifiers that were withdrawn or suspended are not known; set registry = \
             true in its client.toml"
                .into(),
        ),
    }
    let basis = Basis {
        lists: known.lists.iter().map(|list| (list.list.to_string(), list.sequence)).collect(),
        registry: known.registry.as_ref().map(|registry| registry.sequence),
        roots: roots.into_iter().map(|root| root.name).collect(),
    };
    Ok(Knowledge { supported, basis, warnings })
}
