//! Reading with a limit, and writing so that a file is the old one or the new one, whole.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::AdminError;

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, AdminError> {
    let file = File::open(path).map_err(AdminError::file(path))?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(AdminError::file(path))?;
    if bytes.len() > limit {
        return Err(AdminError::input(path.display(), format_args!("more than the {limit} bytes allowed")));
    }
    Ok(bytes)
}

/// Reads a text file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, AdminError> {
    String::from_utf8(read(path, limit)?).map_err(|_| AdminError::input(path.display(), "not UTF-8 text"))
}

/// Writes a file: temporary file in the same directory, fsync, rename, fsync of the directory.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), AdminError> {
    let directory = parent(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = directory.join(name);
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        File::open(&directory)?.sync_all()
    })();
    if written.is_err() {
        // The error that matters is the first one.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(AdminError::file(path))
}

/// Writes a file that must not exist yet, with these permissions from the first moment on.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), AdminError> {
    let mut options = File::options();
    let mut file =
        options.write(true).create_new(true).mode(mode).open(path).map_err(AdminError::file(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(AdminError::file(path))?;
    File::open(parent(path)).and_then(|directory| directory.sync_all()).map_err(AdminError::file(path))
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
