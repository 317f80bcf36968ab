//! The sources of the configuration, and how each is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_fetch::{Class, Fetcher};

use super::{Asked, Contents, Named};
use crate::config;
use crate::error::StartError;

/// Sources at most.
const MAX_SOURCES: usize = 100;

/// Each source with what reads it.
///
/// # Errors
/// [`StartError::Sources`] if two have one name, or there are too many.
pub(crate) fn asked(sources: &[config::Source], fetcher: &Fetcher) -> Result<Vec<Asked>, StartError> {
    if sources.len() > MAX_SOURCES {
        return Err(StartError::Sources(format!("{MAX_SOURCES} at most, not {}", sources.len())));
    }
    let mut names = BTreeSet::new();
    let asked = sources.iter().map(|one| {
        let name = one.name.to_string();
        if !names.insert(name.clone()) {
            return Err(StartError::Sources(format!("{name} stands there twice")));
        }
        let named = Named { name: name.clone(), place: one.source.place.to_string() };
        let (source, fetch) = (Arc::new(one.source.clone()), Arc::new(fetcher.on(&name, Class::Listed)));
        let read = move |at: Timestamp| -> super::Reading {
            let (source, fetch) = (source.clone(), fetch.clone());
            Box::pin(async move { read(&source, &fetch, at).await })
        };
        Ok(Asked { named, period: one.period, read: Arc::new(read) })
    });
    asked.collect()
}

async fn read(source: &ctl_sources::Source, fetch: &Fetcher, at: Timestamp) -> Result<Contents, String> {
    let contents = source.read(fetch, at).await.map_err(|error| error.to_string())?;
    Ok(Contents {
        sequence: contents.sequence,
        not_after: contents.validity.map(|(_, not_after)| not_after),
        roots: contents.set(),
        unreadable: u64::try_from(contents.unreadable().count()).unwrap_or(u64::MAX),
    })
}
