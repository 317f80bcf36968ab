//! Every change to the file system goes through here, so that tests can cut the power between any
//! two of them.
//!
//! A file is written as a temporary one beside its place, flushed, renamed over it, and its
//! directory flushed: after a power cut the place holds the old bytes or the new ones.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::ClientError;

/// The operations that change a file system. Reading needs none of them.
pub trait Files {
    /// Creates a file, or empties it, and writes these bytes. Not flushed.
    ///
    /// # Errors
    /// The operating system's.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Flushes a file's bytes to the medium.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Flushes a directory's names to the medium.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Moves a file or symbolic link over another, in one step.
    ///
    /// # Errors
    /// The operating system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file or symbolic link.
    ///
    /// # Errors
    /// The operating system's.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    ///
    /// # Errors
    /// The operating system's.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;
    /// Creates a directory whose parent exists.
    ///
    /// # Errors
    /// The operating system's.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Creates a symbolic link.
    ///
    /// # Errors
    /// The operating system's.
    fn link(&self, target: &Path, link: &Path) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        File::create(path)?.write_all(bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn link(&self, target: &Path, link: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, link)
    }
}

/// The directory that a path stands in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The temporary name beside a path. Always the same, so that a crash leaves at most one behind,
/// which the next write takes over.
fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    parent(path).join(name)
}

/// Puts these bytes in a file's place, whole or not at all.
///
/// # Errors
/// [`ClientError::File`].
pub fn replace(files: &dyn Files, path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let temporary = temporary(path);
    let failed = |source| ClientError::file("write", path, source);
    files.write(&temporary, bytes).map_err(failed)?;
    files.sync_file(&temporary).map_err(failed)?;
    files.rename(&temporary, path).map_err(failed)?;
    files.sync_directory(parent(path)).map_err(failed)
}

/// Puts a symbolic link in a path's place, in one step.
///
/// # Errors
/// [`ClientError::File`].
pub fn replace_link(files: &dyn Files, target: &Path, path: &Path) -> Result<(), ClientError> {
    let temporary = temporary(path);
    let failed = |source| ClientError::file("link", path, source);
    match files.remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    files.link(target, &temporary).map_err(failed)?;
    files.rename(&temporary, path).map_err(failed)?;
    files.sync_directory(parent(path)).map_err(failed)
}

/// Creates a directory and those above it, as far as they are missing.
///
/// # Errors
/// [`ClientError::File`].
pub fn create_directories(files: &dyn Files, path: &Path) -> Result<(), ClientError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    create_directories(files, parent(path))?;
    let failed = |source| ClientError::file("create the directory", path, source);
    match files.create_directory(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    files.sync_directory(parent(path)).map_err(failed)
}

/// Removes a file; its absence is no error.
///
/// # Errors
/// [`ClientError::File`].
pub fn remove(files: &dyn Files, path: &Path) -> Result<(), ClientError> {
    match files.remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ClientError::file("remove", path, error)),
        _ => Ok(()),
    }
}

/// Reads a file of at most `limit` bytes; none if it does not exist.
///
/// # Errors
/// [`ClientError::File`], also for a longer file or one that is no regular file, with
/// [`ErrorKind::InvalidData`] then.
pub fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, ClientError> {
    let failed = |source| ClientError::file("read", path, source);
    let kind = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.map_err(failed)?,
    };
    // Opening a pipe would wait for a writer that may never come.
    if !kind.is_file() {
        return Err(failed(io::Error::new(ErrorKind::InvalidData, "not a regular file")));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > limit {
        return Err(failed(io::Error::new(ErrorKind::InvalidData, format!("more than {limit} bytes"))));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a/b/file");
        create_directories(&Disk, place.parent().unwrap()).unwrap();
        assert_eq!(read(&place, 10).unwrap(), None);
        replace(&Disk, &place, b"one").unwrap();
        replace(&Disk, &place, b"two").unwrap();
        assert_eq!(read(&place, 3).unwrap().unwrap(), b"two");
        assert!(read(&place, 2).is_err(), "longer than the limit");
        assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_swapped_also_after_an_interrupted_swap() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("current");
        Disk.link(Path::new("left over"), &temporary(&link)).unwrap();
        for target in ["one", "two"] {
            replace_link(&Disk, Path::new(target), &link).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_where_a_file_should_be_is_an_error_and_no_absence() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), 10).is_err());
        remove(&Disk, &folder.path().join("nothing")).unwrap();
    }
}
