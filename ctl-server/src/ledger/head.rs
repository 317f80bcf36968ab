//! The last checkpoint that this server signed, in a file outside the store: a store that lost entries looks complete
//! by itself.

use std::path::{Path, PathBuf};

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_host::files;

/// The file with the last signed checkpoint.
#[derive(Clone, Debug)]
pub struct Head {
    path: PathBuf,
    /// A second place outside the data directory, which survives when that is restored from a backup.
    outside: Option<PathBuf>,
}

impl Head {
    /// The file `checkpoint` in a data directory.
    #[must_use]
    pub fn below(data: &Path) -> Self {
        Self { path: data.join("checkpoint"), outside: None }
    }

    /// The same with a second place outside the data directory.
    #[must_use]
    pub fn and_at(self, outside: Option<PathBuf>) -> Self {
        Self { outside, ..self }
    }

    /// The second place.
    #[must_use]
    pub fn outside(&self) -> Option<&Path> {
        self.outside.as_deref()
    }

    /// The signed checkpoint in the second place; none if there is no such place or nothing in it yet.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read_outside(&self) -> std::io::Result<Option<Vec<u8>>> {
        match &self.outside {
            Some(path) => files::read(path, MAX_NOTE_BYTES as u64),
            None => Ok(None),
        }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The signed checkpoint; none before the first.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(&self) -> std::io::Result<Option<Vec<u8>>> {
        files::read(&self.path, MAX_NOTE_BYTES as u64)
    }

    /// Replaces the checkpoint; it is on the disk when this returns.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, checkpoint: &[u8]) -> std::io::Result<()> {
        files::write(&self.path, checkpoint, files::PUBLIC)?;
        let outside = self.outside.as_ref().map(|path| files::write(path, checkpoint, files::PUBLIC));
        outside.unwrap_or(Ok(()))
    }
}
