//! Evidence and memories on the disk, as files. Evidence lies in a folder for each operator, whose room is bounded:
//! one whose services fail in ever new ways loses its own oldest evidence, and nobody else's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_host::files;

use super::super::target::TargetId;
use super::error::StoreError;
use super::share::{Holdings, Piece};
use super::{MAX_FILE, Store};

/// The shelf of evidence.
#[derive(Debug)]
pub(super) struct Shelf {
    directory: PathBuf,
    /// Octets that all evidence may take.
    whole: u64,
    /// What is held, by operator.
    held: Mutex<BTreeMap<String, u64>>,
}

impl Shelf {
    /// The shelf in this directory; `max_bytes` is the bound of the whole store, of which half may be evidence.
    pub(super) fn open(directory: PathBuf, max_bytes: u64) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&directory)?;
        let shelf = Self { directory, whole: max_bytes / 2, held: Mutex::default() };
        shelf.count(&shelf.pieces()?);
        Ok(shelf)
    }

    /// One operator's evidence may take a tenth.
    const fn share(&self) -> u64 {
        self.whole / 10
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, pieces: &[Piece]) {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for piece in pieces {
            let sum = sums.entry(piece.operator.clone()).or_default();
            *sum = sum.saturating_add(piece.bytes);
        }
        *self.held() = sums;
    }

    /// Everything that lies here. What lies in no operator's folder is of an earlier release, and nobody's.
    fn pieces(&self) -> Result<Vec<Piece>, StoreError> {
        let mut pieces = Vec::new();
        let mut add = |operator: &str, directory: &Path| -> Result<Vec<(String, PathBuf)>, StoreError> {
            let mut folders = Vec::new();
            for entry in std::fs::read_dir(directory)? {
                let entry = entry?;
                // One may have gone since.
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    folders.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
                } else {
                    let (at, bytes, place) = (metadata.modified()?, metadata.len(), entry.path());
                    pieces.push(Piece { operator: operator.to_owned(), at, bytes, place });
                }
            }
            Ok(folders)
        };
        for (operator, folder) in add("", &self.directory)? {
            add(&operator, &folder)?;
        }
        Ok(pieces)
    }

    /// Everything that lies here, to be taken away in order.
    pub(super) fn holdings(&self) -> Result<Holdings, StoreError> {
        let pieces = self.pieces()?;
        self.count(&pieces);
        Ok(Holdings::new(pieces))
    }

    /// The next piece that is too much.
    pub(super) fn beyond(&self, holdings: &mut Holdings) -> Option<Piece> {
        holdings.beyond(self.share(), self.whole)
    }

    /// Takes a piece away.
    pub(super) fn remove(&self, piece: &Piece) -> Result<(), StoreError> {
        match std::fs::remove_file(&piece.place) {
            // Whoever made room before was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed?,
        }
        if let Some(sum) = self.held().get_mut(&piece.operator) {
            *sum = sum.saturating_sub(piece.bytes);
        }
        Ok(())
    }

    fn put(&self, operator: &str, bundle: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bundle);
        let folder = self.directory.join(operator);
        let (place, bytes) = (folder.join(digest.to_string()), bundle.len() as u64);
        if bundle.len() > MAX_FILE || bytes > self.share() || place.exists() {
            return Ok(digest);
        }
        std::fs::create_dir_all(&folder)?;
        let held = self.held().get(operator).copied().unwrap_or_default();
        if held.saturating_add(bytes) > self.share() {
            // A little more than needed, so that it is not looked through for every piece.
            let room = self.share() / 10 * 9;
            let of = self.pieces()?.into_iter().filter(|piece| piece.operator == operator);
            let mut of = Holdings::new(of.collect());
            while let Some(piece) = of.beyond(room.saturating_sub(bytes), u64::MAX) {
                self.remove(&piece)?;
            }
        }
        files::write(&place, bundle, files::PUBLIC)?;
        let mut held = self.held();
        let sum = held.entry(operator.to_owned()).or_default();
        *sum = sum.saturating_add(bytes);
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let name = digest.to_string();
        let mut places = vec![self.directory.join(&name)];
        places.extend(
            self.held().keys().filter(|one| !one.is_empty()).map(|one| self.directory.join(one).join(&name)),
        );
        for place in places {
            if let Some(bundle) = files::read(&place, MAX_FILE as u64)? {
                return Ok(Some(bundle));
            }
        }
        Ok(None)
    }
}

impl Store {
    /// Keeps evidence of a service of an operator; its digest is its name.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_evidence(&self, operator: &ParticipantId, bundle: &[u8]) -> Result<Digest, StoreError> {
        self.shelf.put(operator.as_str(), bundle)
    }

    /// Evidence; none if it was never here, or was removed for age or want of room.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it is not what it was.
    pub fn evidence(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        match self.shelf.get(digest)? {
            Some(bundle) if Digest::of(&bundle) != *digest => {
                Err(StoreError::damaged(format!("evidence {digest}")))
            }
            found => Ok(found),
        }
    }

    /// What a probe kept to remember of a target.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn memory(&self, target: TargetId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(files::read(&self.directory.join("memory").join(target.to_string()), MAX_FILE as u64)?)
    }

    /// Keeps what a probe remembers of a target.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_memory(&self, target: TargetId, memory: &[u8]) -> Result<(), StoreError> {
        if memory.len() > MAX_FILE {
            return Err(StoreError::damaged(format!("a memory of {} octets is too large", memory.len())));
        }
        Ok(files::write(&self.directory.join("memory").join(target.to_string()), memory, files::PUBLIC)?)
    }
}
