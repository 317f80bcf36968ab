//! Entries of the log as a server hands them out: bounded, and held against those seen before.

use ctl_core::log::tile::{FULL_WIDTH, MAX_BUNDLE_BYTES};
use ctl_core::log::{BundleId, Checkpoint, LogKey, Tree, leaf_hash};
use ctl_core::paths::LOG;
use ctl_governance::State;
use ctl_governance::statement::Entry;

use super::fold::{Fold, log_key};
use super::{Head, Replica};
use crate::ReplicaError;
use crate::entries::Entries;

impl Replica {
    /// Writes the entries behind those seen before to the disk, and gives the tree over all. What a bundle repeats of
    /// those seen must be the same.
    pub(super) async fn download(
        &self,
        seen: &Tree,
        entries: &Entries,
        head: &Head,
    ) -> Result<Tree, ReplicaError> {
        let failed = |error| ReplicaError::file(entries.directory())(error);
        let mut tree = seen.clone();
        let mut appending = entries.append(seen.size()).map_err(failed)?;
        let bundles = BundleId::added(seen.size(), head.checkpoint.size);
        let of = bundles.len() as u64;
        for (done, bundle) in (1..).zip(bundles) {
            for (index, entry) in bundle.entries().zip(self.bundle(bundle).await?) {
                let leaf = leaf_hash(&entry);
                if index >= seen.size() {
                    appending.push(&entry).map_err(failed)?;
                    tree.push(leaf);
                } else if seen.leaf(index)? != leaf {
                    let problem = format!("entry {index} is not the one that you have seen");
                    return Err(self.conflict(&head.note, &problem));
                }
            }
            self.step("downloading the log", done * u64::from(FULL_WIDTH), of * u64::from(FULL_WIDTH));
        }
        appending.finish().map_err(failed)?;
        Ok(tree)
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
        fold.push(&[first], &mut |_: Option<&State>, _, _: &Entry| ())?;
        fold.state.as_ref().map_or_else(|| Err(ReplicaError::Violation("the log is empty".into())), log_key)
    }

    async fn bundle(&self, bundle: BundleId) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let full = BundleId { width: FULL_WIDTH, ..bundle };
        let path = |bundle: BundleId| LOG.of(&[&bundle.path()]);
        let bytes = match self.transport.get(&path(bundle), MAX_BUNDLE_BYTES).await? {
            Some(bytes) => bytes,
            None => self.transport.fetch(&path(full), MAX_BUNDLE_BYTES).await?,
        };
        // A log may have deleted the partial bundle once the full one exists.
        let entries = bundle.decode(&bytes).or_else(|_| full.decode(&bytes));
        let unproven = |error| ReplicaError::unproven(self.transport.address(&path(bundle)), error);
        let entries = entries.map_err(unproven)?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }
}
