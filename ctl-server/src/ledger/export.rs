//! The ledger as plain files, and back.
//!
//! An export is the static layout of C2SP `tlog-tiles`: `checkpoint`, `tile/…` and `tile/entries/…`. The server serves
//! it below `/log/`, so every mirror holds an export, auditors' tools can read it, and the entries in its bundles are
//! plain JSON.

use std::io;
use std::path::{Path, PathBuf};

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::tile::{FULL_WIDTH, MAX_BUNDLE_BYTES};
use ctl_core::log::{BundleId, Checkpoint, LogError, Note, TileId};
use ctl_host::files;

use super::error::{Damage, OpenError};
use super::head::Head;
use super::sled_store::SledStore;
use super::store::{Store, StoreError};
use super::verify::{Replay, Verified};

/// Why a ledger was not exported, imported or founded. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The target exists already.
    #[error("{} exists already and is not overwritten: move it away first", .0.display())]
    Exists(PathBuf),
    /// A file of the export is missing.
    #[error("{} is missing: the export is not complete", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    /// A file has the wrong format.
    #[error("{}: {error}", .path.display())]
    Format { path: PathBuf, error: LogError },
    /// The export is not what a server wrote.
    #[error("{0}. Nothing was changed: take another export, or the `log/` directory of another mirror")]
    Unsound(Damage),
    /// The export is shorter than the log that this server signed.
    #[error(
        "the export has {found} entries, but this server has signed a log of {signed}, as its file `checkpoint` tells. Nothing was changed: find a longer copy at a mirror, an auditor or a client"
    )]
    Shorter {
        /// How many entries the export has.
        found: u64,
        /// How many entries were signed.
        signed: u64,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] OpenError),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |error| ExportError::File { path, error }
}

fn format(path: &Path) -> impl FnOnce(LogError) -> ExportError {
    let path = path.to_owned();
    move |error| ExportError::Format { path, error }
}

/// The store's directory in a data directory.
#[must_use]
pub fn store_directory(data: &Path) -> PathBuf {
    data.join("ledger")
}

/// Writes a verified ledger into an empty or new directory. The checkpoint comes last: an export without it is
/// incomplete.
///
/// # Errors
/// [`ExportError`]
pub fn export(store: &dyn Store, verified: &Verified, directory: &Path) -> Result<(), ExportError> {
    std::fs::create_dir_all(directory).map_err(file(directory))?;
    if std::fs::read_dir(directory).map_err(file(directory))?.next().is_some() {
        return Err(ExportError::Exists(directory.to_owned()));
    }
    let write = |name: String, bytes: &[u8]| {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(file(parent))?;
        }
        files::write(&path, bytes, files::PUBLIC).map_err(file(&path))
    };
    let size = verified.tree.size();
    for tile in TileId::added(0, size) {
        let bytes = tile.bytes(&verified.tree).map_err(format(&directory.join(tile.path())))?;
        write(tile.path(), &bytes)?;
    }
    for bundle in BundleId::added(0, size) {
        let entries = store.entries(bundle.entries())?;
        let bytes = bundle.encode(&entries).map_err(format(&directory.join(bundle.path())))?;
        write(bundle.path(), &bytes)?;
    }
    write("checkpoint".into(), &verified.checkpoint)
}

/// Imports an export into a data directory without a ledger, verifying each entry. A log shorter than one this server
/// signed before is refused. `progress` gets the number of verified entries and of all. Returns the number of entries.
///
/// # Errors
/// [`ExportError`]
pub fn import(from: &Path, data: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, ExportError> {
    let path = from.join("checkpoint");
    let note = read(&path, MAX_NOTE_BYTES)?.ok_or_else(|| ExportError::Missing(path.clone()))?;
    // How much there is to read; verified at the end.
    let claimed =
        Note::parse(&note).and_then(|note| Checkpoint::parse(note.text())).map_err(format(&path))?;
    let head = Head::below(data);
    let signed = head.read().map_err(file(head.path()))?;
    create(data, &note, |store| {
        let mut replay = Replay::new();
        for bundle in BundleId::added(0, claimed.size) {
            let entries = bundle_of(from, bundle)?;
            for entry in &entries {
                replay.push(entry).map_err(ExportError::Unsound)?;
                progress(replay.size(), claimed.size);
            }
            let last = replay.size() == claimed.size;
            if last {
                replay.check_checkpoint(&note, "the export's checkpoint").map_err(ExportError::Unsound)?;
                if let Some(signed) = &signed {
                    replay.check_signed(signed).map_err(|error| match error {
                        OpenError::Damaged(Damage::Lost { found, signed }) => {
                            ExportError::Shorter { found, signed }
                        }
                        OpenError::Damaged(damage) => ExportError::Unsound(damage),
                        other => other.into(),
                    })?;
                }
            }
            store.append(bundle.entries().start, &entries, last.then_some(&*note))?;
        }
        if replay.size() == 0 { Err(OpenError::Empty.into()) } else { Ok(replay.size()) }
    })
}

/// Makes the store of a data directory that has none: filled in a temporary place, and moved when it is complete.
pub(crate) fn create<T, E: From<ExportError>>(
    data: &Path,
    checkpoint: &[u8],
    fill: impl FnOnce(&SledStore) -> Result<T, E>,
) -> Result<T, E> {
    let place = store_directory(data);
    if place.try_exists().map_err(file(&place))? {
        return Err(ExportError::Exists(place).into());
    }
    std::fs::create_dir_all(data).map_err(file(data))?;
    let building = data.join("ledger.new");
    if building.try_exists().map_err(file(&building))? {
        // Left by an earlier attempt.
        std::fs::remove_dir_all(&building).map_err(file(&building))?;
    }
    let filled = (|| {
        let store = SledStore::open(&building).map_err(ExportError::from)?;
        fill(&store)
    })();
    if filled.is_err() {
        // If this fails, the next attempt removes it.
        let _ = std::fs::remove_dir_all(&building);
    }
    let filled = filled?;
    let head = Head::below(data);
    head.write(checkpoint).map_err(file(head.path()))?;
    std::fs::rename(&building, &place).map_err(file(&place))?;
    files::sync_directory(data).map_err(file(data))?;
    Ok(filled)
}

/// The entries of a bundle. A mirror may have only the full bundle if the log has grown since.
fn bundle_of(from: &Path, wanted: BundleId) -> Result<Vec<Vec<u8>>, ExportError> {
    let full = BundleId { width: FULL_WIDTH, ..wanted };
    for bundle in [wanted, full] {
        let path = from.join(bundle.path());
        if let Some(bytes) = read(&path, MAX_BUNDLE_BYTES)? {
            let entries = bundle.decode(&bytes).map_err(format(&path))?;
            return Ok(entries.iter().take(usize::from(wanted.width)).map(|entry| entry.to_vec()).collect());
        }
    }
    Err(ExportError::Missing(from.join(wanted.path())))
}

fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, ExportError> {
    files::read(path, limit as u64).map_err(file(path))
}
