//! `import`: somebody else's list, pool or store, held against a scheme's lists.
//!
//! Nothing here becomes trust: what is new is shown, and may be made into application files (`prepare`) that somebody has
//! to read, complete, sign and have voted on like any other.

mod options;
mod prepare;
mod report;
mod standing;

use std::collections::BTreeMap;

use ctl_core::names::ListId;
use ctl_core::{Digest, Timestamp};
use ctl_fetch::{Fetcher, Options as FetchOptions};
use ctl_governance::State;
use ctl_pki::Certificate;
use ctl_replica::Replica;
use ctl_sources::{Contents, ReadError, Said, Source, SourceError};

pub use options::Options;
pub use report::{Imported, Missing, Report};
pub use standing::Standing;

use crate::AdminError;

/// Reads the source, and holds it against the scheme where there is one.
///
/// # Errors
/// The source cannot be had, is refused, or the log does not hold.
pub async fn run(
    options: &Options,
    session: Option<&mut Replica>,
    now: Timestamp,
) -> Result<Report, AdminError> {
    if session.is_none() && (options.prepare.is_some() || !options.list.is_empty()) {
        return Err(AdminError::Input(
            "--list and --prepare need a scheme to compare with: give --url, and --root or --scheme".into(),
        ));
    }
    let source = options.source();
    let asking = FetchOptions::for_own_addresses(options.tls_roots.clone());
    let fetcher = Fetcher::new(&asking).map_err(|error| AdminError::Input(error.to_string()))?;
    let contents = source.read(&fetcher, now).await?;
    match session {
        None => Report::of(&source, &contents, None, now),
        Some(session) => {
            // Its own clock: the log is judged by it.
            let now = session.now();
            let state = session.sync().await?.at(now).into_owned();
            let lists = chosen(&state, &options.list)?;
            let mut report = Report::of(&source, &contents, Some((&state, &lists)), now)?;
            if let Some(folder) = &options.prepare {
                report.prepared = prepare::all(folder, &contents, &report, &state, &lists)?;
            }
            Ok(report)
        }
    }
}

/// The lists that are compared with: those that were named, or all.
fn chosen(state: &State, named: &[ListId]) -> Result<Vec<ListId>, AdminError> {
    let known = || state.charter.lists.keys();
    if let Some(unknown) = named.iter().find(|list| !state.charter.lists.contains_key(*list)) {
        let known: Vec<String> = known().map(ToString::to_string).collect();
        let problem = format!("the charter has no list {unknown}; it has: {}", known.join(", "));
        return Err(AdminError::input("--list", problem));
    }
    Ok(if named.is_empty() { known().cloned().collect() } else { named.to_vec() })
}

/// One certificate of a source, wherever in it that stands.
struct Found<'a> {
    certificate: &'a Certificate,
    places: Vec<&'a str>,
    said: Said,
    unverified: bool,
}

/// The certificates of a source, each once, in the order in which they first stand there.
fn found(contents: &Contents) -> Vec<(Digest, Found<'_>)> {
    let mut order: BTreeMap<Digest, usize> = BTreeMap::new();
    let mut all: Vec<(Digest, Found<'_>)> = Vec::new();
    for item in &contents.items {
        let Ok(certificate) = &item.certificate else { continue };
        let fingerprint = Digest::from_bytes(certificate.sha256());
        let at = *order.entry(fingerprint).or_insert(all.len());
        if at == all.len() {
            let said = Said::default();
            all.push((fingerprint, Found { certificate, places: Vec::new(), said, unverified: false }));
        }
        if let Some((_, found)) = all.get_mut(at) {
            found.places.push(&item.place);
            found.said.merge(&item.said);
            found.unverified |= item.unverified;
        }
    }
    all
}

impl From<SourceError> for AdminError {
    fn from(error: SourceError) -> Self {
        match error {
            // What was verified and does not hold is no unusable input.
            SourceError::Read {
                error:
                    ReadError::NobodyTrusted { .. }
                    | ReadError::NotVerified { .. }
                    | ReadError::Offline(_)
                    | ReadError::Unsigned,
                ..
            } => Self::Untrue(error.to_string()),
            SourceError::File { path, source } => Self::File { path, source },
            SourceError::Unanswered { address, why } => Self::Network { address, problem: why },
            SourceError::Config(_)
            | SourceError::Folder { .. }
            | SourceError::Status { .. }
            | SourceError::Token { .. }
            | SourceError::Read { .. } => Self::Input(error.to_string()),
        }
    }
}

/// The source as it was named, for those who read the report.
fn named(source: &Source) -> String {
    source.place.to_string()
}
