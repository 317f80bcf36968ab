//! Files, with errors that name them.

use std::path::Path;

use ctl_host::files;
pub(crate) use ctl_host::files::{PUBLIC, SECRET};

use crate::AdminError;

fn there(path: &Path, bytes: std::io::Result<Option<Vec<u8>>>) -> Result<Vec<u8>, AdminError> {
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    bytes.and_then(|bytes| bytes.ok_or_else(missing)).map_err(AdminError::file(path))
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, AdminError> {
    there(path, files::read(path, limit as u64))
}

/// Reads a file with a private key, unless others than its owner can read it.
pub(crate) fn read_secret(path: &Path, limit: usize) -> Result<Vec<u8>, AdminError> {
    there(path, files::read_secret(path, limit as u64))
}

/// Reads a text file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, AdminError> {
    String::from_utf8(read(path, limit)?).map_err(|_| AdminError::input(path.display(), "not UTF-8 text"))
}

/// Writes a file that is the old one or the new one, whole.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), AdminError> {
    files::write(path, bytes, PUBLIC).map_err(AdminError::file(path))
}

/// Writes a file that must not exist yet, with these permissions from the first moment on.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), AdminError> {
    files::write_new(path, bytes, mode).map_err(AdminError::file(path))
}
