//! Files, with errors that name them.

use std::path::{Path, PathBuf};

use ctl_host::files;

use crate::ReplicaError;

/// Reads a file of at most `limit` bytes; none if there is no such file.
pub(crate) fn read_if_any(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, ReplicaError> {
    files::read(path, limit as u64).map_err(ReplicaError::file(path))
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, ReplicaError> {
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    read_if_any(path, limit)?.ok_or_else(missing).map_err(ReplicaError::file(path))
}

/// Puts a file aside that is not as it was written; gives its new name.
pub(crate) fn put_aside(path: &Path) -> Result<PathBuf, ReplicaError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    std::fs::rename(path, &aside).map_err(ReplicaError::file(path))?;
    Ok(aside.into())
}

/// Writes a file whole or not at all, for its owner's eyes.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ReplicaError> {
    files::write(path, bytes, files::SECRET).map_err(ReplicaError::file(path))
}

/// Writes a file that must not exist yet, for its owner's eyes.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), ReplicaError> {
    files::write_new(path, bytes, files::SECRET).map_err(ReplicaError::file(path))
}
