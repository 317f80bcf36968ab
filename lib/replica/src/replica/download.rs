//! Entries of the log as a server hands them out: bounded, and held against those seen before.

use std::sync::Arc;

use ctl_core::log::tile::{FULL_WIDTH, MAX_BUNDLE_BYTES};
use ctl_core::log::{BundleId, Checkpoint, LogKey, Note};

use super::fold::{Fold, log_key};
use super::{Log, Replica};
use crate::ReplicaError;

impl Replica {
    /// The entries behind those seen before. What a bundle repeats of them must be the same.
    pub(super) async fn download(
        &self,
        before: Option<&Log>,
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Arc<[u8]>>, ReplicaError> {
        let seen = before.map_or(&[][..], |seen| &seen.entries);
        let mut fresh = Vec::new();
        let bundles = BundleId::added(seen.len() as u64, checkpoint.size);
        let of = bundles.len() as u64;
        for (done, bundle) in (1..).zip(bundles) {
            for (index, entry) in bundle.entries().zip(self.bundle(bundle).await?) {
                match usize::try_from(index).ok().and_then(|index| seen.get(index)) {
                    Some(known) if **known != *entry => {
                        let problem = format!("entry {index} is not the one that you have seen");
                        return Err(self.conflict(note, &problem));
                    }
                    Some(_) => {}
                    None => fresh.push(entry),
                }
            }
            self.step("downloading the log", done * u64::from(FULL_WIDTH), of * u64::from(FULL_WIDTH));
        }
        Ok(fresh)
    }

    /// The log's name and key when nothing but the scheme's id is known: they stand in the first entry, whose
    /// statement the id pins. One bundle, so that a stranger's log of any length costs no more than that.
    pub(super) async fn first_contact(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<(String, LogKey), ReplicaError> {
        let bundles = BundleId::added(0, checkpoint.size.min(u64::from(FULL_WIDTH)));
        let first = match bundles.into_iter().next() {
            Some(bundle) => self.bundle(bundle).await?.into_iter().next(),
            None => None,
        };
        let Some(first) = first else { return Err(ReplicaError::Violation("the log is empty".into())) };
        let mut fold = Fold::new(self.scheme);
        fold.push(&first).map_err(ReplicaError::Violation)?;
        fold.state.as_ref().map_or_else(|| Err(ReplicaError::Violation("the log is empty".into())), log_key)
    }

    async fn bundle(&self, bundle: BundleId) -> Result<Vec<Arc<[u8]>>, ReplicaError> {
        let full = BundleId { width: FULL_WIDTH, ..bundle };
        let path = |bundle: BundleId| format!("log/{}", bundle.path());
        let bytes = match self.transport.get(&path(bundle), MAX_BUNDLE_BYTES).await? {
            Some(bytes) => bytes,
            None => self.transport.fetch(&path(full), MAX_BUNDLE_BYTES).await?,
        };
        // A log may have deleted the partial bundle once the full one exists.
        let entries = bundle.decode(&bytes).or_else(|_| full.decode(&bytes))?;
        Ok(entries.into_iter().map(Arc::from).collect())
    }
}
