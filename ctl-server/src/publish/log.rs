//! The log as static files: tiles, entry bundles, checkpoint, and proofs for offline use.

use std::ops::Range;

use bytes::Bytes;
use ctl_core::log::tile::FULL_WIDTH;
use ctl_core::log::{BundleId, LogProof, TileId};
use ctl_core::paths::{CHECKPOINT, LOG};
use ctl_governance::State;

use super::PublishError;
use super::edition::Edition;
use super::prepared::{Caching, ContentType};
use crate::keys::Keys;
use crate::ledger::{LogView, Snapshot};

/// How many partial tiles of one place stay on the disk, for mirrors that copy while the log grows.
const KEPT_PARTIALS: u16 = 16;

/// Reads entries by their index.
pub type Entries<'a> = &'a dyn Fn(Range<u64>) -> Result<Vec<Vec<u8>>, PublishError>;

/// Adds the tiles and bundles that this log has and one of `older` entries lacked, and the checkpoint.
///
/// # Errors
/// [`PublishError`] if an entry cannot be read.
pub fn publish(
    edition: &mut Edition,
    snapshot: &Snapshot,
    older: u64,
    entries: Entries<'_>,
) -> Result<(), PublishError> {
    let newer = snapshot.size();
    for tile in TileId::added(older, newer) {
        let path = LOG.of(&[&tile.path()]);
        edition.put_bytes(&path, snapshot.log.tile(tile)?, ContentType::Binary, Caching::Immutable);
        forget_partials(edition, tile.width, |width| TileId { width, ..tile }.path());
    }
    for bundle in BundleId::added(older, newer) {
        let path = LOG.of(&[&bundle.path()]);
        let bytes = Bytes::from(bundle.encode(&entries(bundle.entries())?)?);
        // Up to 15 MB, and a new one with each entry: in memory, each would stay for as long as someone reads it.
        edition.put_on_disk(&path, bytes, ContentType::Binary);
        forget_partials(edition, bundle.width, |width| BundleId { width, ..bundle }.path());
    }
    edition.site.set_log_size(newer);
    let checkpoint = Bytes::copy_from_slice(&snapshot.checkpoint);
    edition.put_bytes(CHECKPOINT.plain(), checkpoint, ContentType::Text, Caching::Fresh);
    Ok(())
}

/// The proof that an entry is in the log, for the checkpoint that it completes. Ed25519 is deterministic, so the ledger
/// alone gives the same file to the byte.
///
/// # Errors
/// [`PublishError`] if there is no such entry.
pub fn proof(
    keys: &Keys,
    state: &State,
    log: &LogView,
    index: u64,
    entry: &[u8],
) -> Result<String, PublishError> {
    let size = index.saturating_add(1);
    let hashes = log.inclusion_proof_at(index, size)?;
    let checkpoint = keys.sign_for(state, size, log.root_at(size)?)?;
    Ok(LogProof { extra: Some(entry.to_vec()), index, hashes, checkpoint }.encode())
}

/// Removes partial tiles that are too narrow for any copy in progress. HTTP serves them from the wider ones.
fn forget_partials(edition: &mut Edition, width: u16, path: impl Fn(u16) -> String) {
    for narrower in 1..width {
        let path = LOG.of(&[&path(narrower)]);
        let old = width == FULL_WIDTH || narrower.saturating_add(KEPT_PARTIALS) < width;
        if old && edition.site.file(&path).is_some() {
            edition.take(&path);
        }
    }
}
