//! The last checkpoint that this server signed, in a plain file outside the store. A store that lost
//! entries looks whole to itself; this file says that they were there.

use std::path::{Path, PathBuf};

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_host::files;

/// The file with the last signed checkpoint.
#[derive(Clone, Debug)]
pub struct Head {
    path: PathBuf,
    /// A second place, outside the data directory: it survives when that is restored from a backup.
    outside: Option<PathBuf>,
}

impl Head {
    /// The file `checkpoint` below a data directory.
    #[must_use]
    pub fn below(data: &Path) -> Self {
        Self { path: data.join("checkpoint"), outside: None }
    }

    /// The same, kept outside the data directory as well.
    #[must_use]
    pub fn and_at(self, outside: Option<PathBuf>) -> Self {
        Self { outside, ..self }
    }

    /// Where it is kept outside, if it is.
    #[must_use]
    pub fn outside(&self) -> Option<&Path> {
        self.outside.as_deref()
    }

    /// The signed checkpoint that is kept outside; none if there is no such place, or nothing there yet.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read_outside(&self) -> std::io::Result<Option<Vec<u8>>> {
        match &self.outside {
            Some(path) => files::read(path, MAX_NOTE_BYTES as u64),
            None => Ok(None),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The signed checkpoint; none before the first.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read(&self) -> std::io::Result<Option<Vec<u8>>> {
        files::read(&self.path, MAX_NOTE_BYTES as u64)
    }

    /// Replaces it, on the disk when this returns.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, checkpoint: &[u8]) -> std::io::Result<()> {
        files::write(&self.path, checkpoint, files::PUBLIC)?;
        let outside = self.outside.as_ref().map(|path| files::write(path, checkpoint, files::PUBLIC));
        outside.unwrap_or(Ok(()))
    }
}
