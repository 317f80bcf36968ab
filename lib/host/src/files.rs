//! Files that are there whole or not at all: temporary file, fsync, rename, fsync of the directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;

/// Mode of files that anyone may read.
pub const PUBLIC: u32 = 0o644;
/// Mode of files with secrets.
pub const SECRET: u32 = 0o600;
/// Mode of directories of such files.
pub const SECRET_DIRECTORY: u32 = 0o700;

/// The buffer that gathers small writes, in bytes.
const WRITE_BUFFER: usize = 64 * 1024;

/// Distinguishes temporary files of threads that write the same file.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Writes a file, replacing an older one. When this returns it survives a loss of power; if it fails,
/// or the power does, the older one is there as before.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace(path, bytes, mode)?;
    sync_directory(directory_of(path))
}

/// The same for who writes many files and then makes their names last, by [`sync_directory`].
///
/// # Errors
/// What the file system says.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace_with(path, mode, |file| file.write_all(bytes))
}

/// As [`write`] for what is made while it is written: `fill` writes it.
///
/// # Errors
/// What the file system or `fill` says.
pub fn write_with(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    replace_with(path, mode, fill)?;
    sync_directory(directory_of(path))
}

fn replace_with(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", path.display())));
    };
    let directory = directory_of(path);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut temporary = std::ffi::OsString::from(format!(".{}-{number}-", std::process::id()));
    temporary.push(name);
    let temporary = directory.join(temporary);
    let written = create(&temporary, mode, fill).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Best effort: the failure itself is what counts.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Moves a file that was written and flushed to its place, replacing an older one.
///
/// # Errors
/// What the file system says.
pub fn move_to(path: &Path, place: &Path) -> io::Result<()> {
    fs::rename(path, place)?;
    sync_directory(directory_of(place))
}

fn create(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let mut writer = BufWriter::with_capacity(WRITE_BUFFER, file);
    fill(&mut writer)?;
    writer.into_inner()?.sync_all()
}

/// Removes what processes left that were killed while they wrote this file. For whoever knows that nobody writes it now.
pub fn remove_unfinished(path: &Path) {
    let Some(name) = path.file_name() else { return };
    let ends = [b"-", name.as_encoded_bytes()].concat();
    for entry in fs::read_dir(directory_of(path)).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let found = found.as_encoded_bytes();
        if found.starts_with(b".") && found.ends_with(&ends) {
            // Best effort: it is only in the way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Writes a file that must not exist yet, with these permissions from the first moment on.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::AlreadyExists`] in particular.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    create(path, mode, |file| file.write_all(bytes))?;
    sync_directory(directory_of(path))
}

/// The directory in which a file stands.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// Makes the names in a directory survive a loss of power.
///
/// # Errors
/// What the file system says.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Opens what must be a file. A FIFO or a device is refused at once: opened like a file, it could wait for ever or
/// never end.
fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    // The bits of an enumeration of the kernel's, which are few.
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    Ok(Some(file))
}

fn read_to_end(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let why = format!("it has more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// Reads a file of at most `limit` bytes; none if there is no such file.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::FileTooLarge`] beyond the limit; [`io::ErrorKind::InvalidInput`] if it
/// is something else than a file.
pub fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    open(path)?.map(|file| read_to_end(file, limit)).transpose()
}

/// Reads a file with a secret, like [`read`].
///
/// # Errors
/// As [`read`]; [`io::ErrorKind::PermissionDenied`] if others than its owner may read or change it.
pub fn read_secret(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let why = format!(
            "others can read this private key (mode {mode:04o}). If it was never exposed: chmod 600 {}",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    read_to_end(file, limit).map(Some)
}

/// Makes a directory for secrets, which only its owner may enter, whatever the process's umask.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::AlreadyExists`] in particular.
pub fn create_secret_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(SECRET_DIRECTORY).create(path)?;
    // The umask may have taken from the owner as well.
    fs::set_permissions(path, fs::Permissions::from_mode(SECRET_DIRECTORY))
}

/// A file that is locked until this is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    /// Says so to the system: a program that is just being started has a copy of every open file for a moment, and the lock
    /// would last until that is closed as well.
    fn drop(&mut self) {
        let _closed_in_any_case = self.0.unlock();
    }
}

/// Locks a file, so that no other process has what it stands for; none if another one has.
///
/// # Errors
/// What the file system says.
pub fn locked(file: File) -> io::Result<Option<Lock>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        write(&path, b"old and longer", SECRET).unwrap();
        write(&path, b"new", SECRET).unwrap();
        assert_eq!(read(&path, 3).unwrap().unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(read(&path, 2).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(read(&directory.path().join("none"), 2).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(write(&path, b"x", PUBLIC).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success()
        );
        for path in [&pipe, Path::new("/dev/zero"), directory.path()] {
            for read in [read, read_secret] {
                let error = read(path, 10).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{}: {error}", path.display());
            }
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        write(&path, b"secret", SECRET).unwrap();
        // A link to it is as good as the file: secrets are often mounted so.
        let link = directory.path().join("link.pem");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read_secret(&link, 10).unwrap().unwrap(), b"secret");
        for mode in [0o640, 0o604, 0o620, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read_secret(&path, 10).unwrap_err();
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        assert!(read_secret(&directory.path().join("none"), 10).unwrap().is_none());
    }

    #[test]
    fn what_is_locked_is_nobody_elses_until_it_is_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let open = || File::create(directory.path().join("lock")).unwrap();
        let held = locked(open()).unwrap().unwrap();
        assert!(locked(open()).unwrap().is_none());
        let _copy_of_a_program_being_started = held.0.try_clone().unwrap();
        drop(held);
        assert!(locked(open()).unwrap().is_some());
    }
}
