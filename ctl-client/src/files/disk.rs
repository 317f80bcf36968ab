//! The file system of this machine.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use rustix::fs::{self, AtFlags, Mode, OFlags};

use super::Files;
use crate::folder::{Folder, plain};

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn write(&self, folder: &Folder, name: &OsStr, bytes: &[u8]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(folder.handle(), plain(name)?, flags, Mode::from_raw_mode(0o666))?;
        let mut file = File::from(file);
        file.write_all(bytes)?;
        Ok(file)
    }

    fn append(&self, folder: &Folder, name: &OsStr, at: u64, bytes: &[u8]) -> io::Result<File> {
        // Opening a pipe would wait for a reader that may never come.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(folder.handle(), plain(name)?, flags, Mode::from_raw_mode(0o666))?;
        let mut file = File::from(file);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidData, "not a regular file"));
        }
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        if let Err(error) = file.write_all(bytes) {
            // A full disk is not made fuller.
            let _ = file.set_len(at);
            return Err(error);
        }
        Ok(file)
    }

    fn sync_file(&self, _: &Folder, _: &OsStr, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_directory(&self, folder: &Folder) -> io::Result<()> {
        Ok(fs::fsync(folder.handle())?)
    }

    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(fs::renameat(folder.handle(), plain(from)?, folder.handle(), plain(to)?)?)
    }

    fn remove_file(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(folder.handle(), plain(name)?, AtFlags::empty())?)
    }

    fn remove_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(folder.handle(), plain(name)?, AtFlags::REMOVEDIR)?)
    }

    fn create_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Ok(fs::mkdirat(folder.handle(), plain(name)?, Mode::from_raw_mode(0o777))?)
    }

    fn link(&self, target: &Path, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Ok(fs::symlinkat(target, folder.handle(), plain(name)?)?)
    }
}
