//! Reading with a limit, and writing so that a file is the old one or the new one, whole.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::AdminError;

/// Opens what must be a file. A FIFO or a device is refused at once: opened like a file, it could wait for ever or
/// never end.
pub(crate) fn open(path: &Path) -> Result<File, AdminError> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    // The bits of an enumeration of the kernel's, which are few.
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(AdminError::file(path))?;
    if file.metadata().map_err(AdminError::file(path))?.is_file() {
        return Ok(file);
    }
    Err(AdminError::input(path.display(), "not a regular file"))
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, AdminError> {
    read_to_end(open(path)?, path, limit)
}

fn read_to_end(file: File, path: &Path, limit: usize) -> Result<Vec<u8>, AdminError> {
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(AdminError::file(path))?;
    if bytes.len() > limit {
        return Err(AdminError::input(path.display(), format_args!("more than the {limit} bytes allowed")));
    }
    Ok(bytes)
}

/// Reads a file with a private key, unless others than its owner can read it.
pub(crate) fn read_secret(path: &Path, limit: usize) -> Result<Vec<u8>, AdminError> {
    let file = open(path)?;
    let mode = file.metadata().map_err(AdminError::file(path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let problem = format!(
            "others can read this private key (mode {mode:04o}); if it was never exposed: chmod 600 {}",
            path.display()
        );
        return Err(AdminError::input(path.display(), problem));
    }
    read_to_end(file, path, limit)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success()
        );
        for path in [&pipe, Path::new("/dev/zero"), directory.path()] {
            for read in [read, read_secret] {
                let error = read(path, 10).unwrap_err().to_string();
                assert!(error.contains("not a regular file"), "{error}");
            }
        }
    }
}
