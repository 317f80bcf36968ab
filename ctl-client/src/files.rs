//! Every change to the file system goes through here, so that tests can cut the power between any
//! two of them.
//!
//! A file is written as a temporary one beside its place, flushed, renamed over it, and its
//! directory flushed: after a power cut the place holds the old bytes or the new ones. The temporary
//! one is created anew under a name that nobody can foresee, in a directory that stays open.

mod disk;

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::error::ClientError;
use crate::folder::{Folder, Kind, bytes_of};
pub use disk::Disk;

/// The operations that change a file system. Reading needs none of them. Names are names in an
/// opened directory, never paths.
pub trait Files {
    /// Creates a file that must not exist yet, and writes these bytes. Not flushed.
    ///
    /// # Errors
    /// The operating system's.
    fn write(&self, folder: &Folder, name: &OsStr, bytes: &[u8]) -> io::Result<File>;
    /// Lets a file, created if it is missing, end after `at` bytes, and adds these. Not flushed. If it fails, the
    /// file ends there.
    ///
    /// # Errors
    /// The operating system's; also if it is no regular file.
    fn append(&self, folder: &Folder, name: &OsStr, at: u64, bytes: &[u8]) -> io::Result<File>;
    /// Flushes a file's bytes to the medium.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_file(&self, folder: &Folder, name: &OsStr, file: &File) -> io::Result<()>;
    /// Flushes a directory's names to the medium.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_directory(&self, folder: &Folder) -> io::Result<()>;
    /// Moves a file or symbolic link over another, in one step.
    ///
    /// # Errors
    /// The operating system's.
    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()>;
    /// Removes a file or symbolic link.
    ///
    /// # Errors
    /// The operating system's.
    fn remove_file(&self, folder: &Folder, name: &OsStr) -> io::Result<()>;
    /// Removes an empty directory.
    ///
    /// # Errors
    /// The operating system's.
    fn remove_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()>;
    /// Creates a directory that must not exist yet.
    ///
    /// # Errors
    /// The operating system's.
    fn create_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()>;
    /// Creates a symbolic link that must not exist yet.
    ///
    /// # Errors
    /// The operating system's.
    fn link(&self, target: &Path, folder: &Folder, name: &OsStr) -> io::Result<()>;
}

const TEMPORARY: &[u8] = b".tmp";

/// What the temporary names beside a name begin with.
fn stem(name: &OsStr) -> OsString {
    let mut stem = OsString::from(".");
    stem.push(name);
    stem.push(".");
    stem
}

/// A temporary name beside a name that nobody can have planted anything at.
fn temporary(name: &OsStr) -> io::Result<OsString> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let mut temporary = stem(name);
    temporary.push(format!("{:016x}.tmp", u64::from_be_bytes(random)));
    Ok(temporary)
}

/// Removes what an interrupted write left beside a name, as far as possible.
fn sweep(files: &dyn Files, folder: &Folder, name: &OsStr) -> io::Result<()> {
    let stem = stem(name);
    for found in folder.names()? {
        let middle =
            found.as_bytes().strip_prefix(stem.as_bytes()).and_then(|rest| rest.strip_suffix(TEMPORARY));
        let ours =
            middle.is_some_and(|random| random.len() == 16 && random.iter().all(u8::is_ascii_hexdigit));
        if ours && folder.kind(&found)? != Some(Kind::Folder) {
            files.remove_file(folder, &found)?;
        }
    }
    Ok(())
}

/// Puts what `create` makes under a temporary name in a name's place.
fn put(
    files: &dyn Files,
    folder: &Folder,
    name: &OsStr,
    create: impl FnOnce(&OsStr) -> io::Result<()>,
) -> io::Result<()> {
    sweep(files, folder, name)?;
    let temporary = temporary(name)?;
    let renamed = create(&temporary).and_then(|()| files.rename(folder, &temporary, name));
    if let Err(error) = renamed {
        // A full disk is not made fuller.
        let _ = files.remove_file(folder, &temporary);
        return Err(error);
    }
    files.sync_directory(folder)
}

/// Puts these bytes in a file's place, whole or not at all.
///
/// # Errors
/// [`ClientError::File`].
pub fn replace(files: &dyn Files, folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
    put(files, folder, name.as_ref(), |temporary| write(files, folder, temporary, bytes))
        .map_err(|source| ClientError::file("write", &folder.path().join(name), source))
}

/// The same of a file that everybody may read, however strict this process's umask.
///
/// # Errors
/// [`ClientError::File`].
pub fn replace_open(files: &dyn Files, folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
    put(files, folder, name.as_ref(), |temporary| write_open(files, folder, temporary, bytes))
        .map_err(|source| ClientError::file("write", &folder.path().join(name), source))
}

/// Adds bytes to a file after its first `at`, and flushes them. After a power cut it has the former bytes, and some,
/// all or none of these.
///
/// # Errors
/// [`ClientError::File`].
pub fn append(
    files: &dyn Files,
    folder: &Folder,
    name: &str,
    at: u64,
    bytes: &[u8],
) -> Result<(), ClientError> {
    let name = OsStr::new(name);
    let append = || {
        let file = files.append(folder, name, at, bytes)?;
        files.sync_file(folder, name, &file)?;
        // It may be new.
        if at == 0 { files.sync_directory(folder) } else { Ok(()) }
    };
    append().map_err(|source| ClientError::file("write", &folder.path().join(name), source))
}

/// Writes a new file and flushes it.
fn write(files: &dyn Files, folder: &Folder, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
    let file = files.write(folder, name, bytes)?;
    files.sync_file(folder, name, &file)
}

/// Writes a file that must not exist yet and flushes it. Everybody may read it. The directory is not
/// flushed.
///
/// # Errors
/// [`ClientError::File`].
pub fn create(files: &dyn Files, folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
    write_open(files, folder, name.as_ref(), bytes)
        .map_err(|source| ClientError::file("write", &folder.path().join(name), source))
}

fn write_open(files: &dyn Files, folder: &Folder, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
    let file = files.write(folder, name, bytes)?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    files.sync_file(folder, name, &file)
}

/// Puts a symbolic link in a name's place, in one step.
///
/// # Errors
/// [`ClientError::File`].
pub fn replace_link(
    files: &dyn Files,
    target: &Path,
    folder: &Folder,
    name: &str,
) -> Result<(), ClientError> {
    put(files, folder, name.as_ref(), |temporary| files.link(target, folder, temporary))
        .map_err(|source| ClientError::file("link", &folder.path().join(name), source))
}

/// Opens a directory; none if it does not exist.
///
/// # Errors
/// [`ClientError::File`].
pub fn open_directory(path: &Path) -> Result<Option<Folder>, ClientError> {
    match Folder::open(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ClientError::file("open", path, error)),
    }
}

/// Opens a directory, and creates it and those above it as far as they are missing.
///
/// # Errors
/// [`ClientError::File`].
pub fn create_directories(files: &dyn Files, path: &Path) -> Result<Folder, ClientError> {
    create_above(files, path, false)
}

/// The same, and whatever is created may be read by everybody, however strict this process's umask:
/// others are to read what is put there.
///
/// # Errors
/// [`ClientError::File`].
pub fn create_open_directories(files: &dyn Files, path: &Path) -> Result<Folder, ClientError> {
    create_above(files, path, true)
}

fn create_above(files: &dyn Files, path: &Path, open: bool) -> Result<Folder, ClientError> {
    if let Some(folder) = open_directory(path)? {
        return Ok(folder);
    }
    let failed = |source| ClientError::file("create the directory", path, source);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(ErrorKind::NotFound.into()));
    };
    let above = create_above(files, parent, open)?;
    match files.create_directory(&above, name) {
        // It leads to something that is not there: a partition that is not mounted, perhaps.
        Err(_) if above.kind(name).is_ok_and(|kind| kind == Some(Kind::Link)) => {
            return Err(failed(io::Error::other("it is a symbolic link that leads nowhere")));
        }
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    files.sync_directory(&above).map_err(failed)?;
    let folder = above.folder(name).map_err(failed)?;
    if open {
        folder.open_to_all().map_err(failed)?;
    }
    Ok(folder)
}

/// A directory in an opened one, created if it is missing; never a link to one.
///
/// # Errors
/// [`ClientError::File`].
pub fn subdirectory(files: &dyn Files, folder: &Folder, name: &str) -> Result<Folder, ClientError> {
    let place = folder.path().join(name);
    let failed = |source| ClientError::file("open", &place, source);
    if folder.kind(name).map_err(failed)?.is_none() {
        files.create_directory(folder, name.as_ref()).map_err(failed)?;
        files.sync_directory(folder).map_err(failed)?;
    }
    folder.folder(name).map_err(failed)
}

/// Removes a file; its absence is no error.
///
/// # Errors
/// [`ClientError::File`].
pub fn remove(files: &dyn Files, folder: &Folder, name: &OsStr) -> Result<(), ClientError> {
    match files.remove_file(folder, name) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(ClientError::file("remove", &folder.path().join(name), error))
        }
        _ => Ok(()),
    }
}

/// Reads a file in an opened directory, of at most `limit` bytes; none if it does not exist.
///
/// # Errors
/// [`ClientError::File`], also for a link, for a longer file or one that is no regular file, with
/// [`ErrorKind::InvalidData`] for the latter two.
pub fn read_in(folder: &Folder, name: &str, limit: usize) -> Result<Option<Vec<u8>>, ClientError> {
    folder.read(name, limit).map_err(|source| ClientError::file("read", &folder.path().join(name), source))
}

/// Reads a file that a person named, of at most `limit` bytes, through links if there are any; none
/// if it does not exist.
///
/// # Errors
/// [`ClientError::File`], also for a longer file or one that is no regular file.
pub fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, ClientError> {
    let failed = |source| ClientError::file("read", path, source);
    // Opening a pipe would wait for a writer that may never come.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => File::from(other.map_err(failed)?),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(ErrorKind::InvalidData, "not a regular file")));
    }
    bytes_of(file, limit).map(Some).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_replaced_and_leaves_nothing_beside_it() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = create_directories(&Disk, &temporary.path().join("a/b")).unwrap();
        assert_eq!(read_in(&folder, "file", 10).unwrap(), None);
        replace(&Disk, &folder, "file", b"one").unwrap();
        replace(&Disk, &folder, "file", b"two").unwrap();
        assert_eq!(read_in(&folder, "file", 3).unwrap().unwrap(), b"two");
        assert!(read_in(&folder, "file", 2).is_err(), "longer than the limit");
        assert_eq!(folder.names().unwrap().len(), 1);
    }

    #[test]
    fn a_link_is_swapped_and_what_interrupted_swaps_left_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let left = [".current.0123456789abcdef.tmp", ".current.fedcba9876543210.tmp"];
        for name in left {
            Disk.link(Path::new("left over"), &folder, name.as_ref()).unwrap();
        }
        // Not ours to remove.
        symlink("x", temporary.path().join(".current.tmp")).unwrap();
        for target in ["one", "two"] {
            replace_link(&Disk, Path::new(target), &folder, "current").unwrap();
            assert_eq!(folder.link("current").unwrap().unwrap(), Path::new(target));
        }
        assert_eq!(folder.names().unwrap().len(), 2);
    }

    #[test]
    fn nothing_planted_in_a_file_s_place_or_beside_it_is_written_to() {
        let temporary = tempfile::tempdir().unwrap();
        let victim = temporary.path().join("victim");
        std::fs::write(&victim, b"precious").unwrap();
        std::fs::create_dir(temporary.path().join("f")).unwrap();
        let folder = Folder::open(&temporary.path().join("f")).unwrap();
        for name in ["file", ".file.tmp", ".file.0000000000000000.tmp", "new"] {
            symlink(&victim, folder.path().join(name)).unwrap();
        }
        replace(&Disk, &folder, "file", b"ours").unwrap();
        assert!(create(&Disk, &folder, "new", b"ours").is_err());
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
        assert_eq!(read_in(&folder, "file", 10).unwrap().unwrap(), b"ours");
    }

    #[test]
    fn a_directory_where_a_file_should_be_is_an_error_and_no_absence() {
        let temporary = tempfile::tempdir().unwrap();
        assert!(read(temporary.path(), 10).is_err());
        let folder = Folder::open(temporary.path()).unwrap();
        remove(&Disk, &folder, "nothing".as_ref()).unwrap();
        symlink("nowhere", temporary.path().join("dangling")).unwrap();
        let error = create_directories(&Disk, &temporary.path().join("dangling/below")).unwrap_err();
        assert!(error.to_string().contains("leads nowhere"), "{error}");
    }
}
