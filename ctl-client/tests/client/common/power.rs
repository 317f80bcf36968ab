//! A file system whose power fails before the k-th operation. What was not flushed by then is lost:
//! written bytes are torn, and names that were changed are as they were, unless their directory was
//! flushed. In the other mode all of it reached the medium.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ctl_client::files::{Disk, Files};
use ctl_client::folder::Folder;

/// What stood at a path.
enum Former {
    Nothing,
    File(Vec<u8>),
    Link(PathBuf),
    Directory,
}

impl Former {
    fn of(path: &Path) -> Self {
        match fs::symlink_metadata(path) {
            Err(_) => Self::Nothing,
            Ok(kind) if kind.is_symlink() => Self::Link(fs::read_link(path).unwrap()),
            Ok(kind) if kind.is_dir() => Self::Directory,
            Ok(_) => Self::File(fs::read(path).unwrap()),
        }
    }

    fn restore(&self, path: &Path) {
        match fs::symlink_metadata(path) {
            Ok(kind) if kind.is_dir() => {
                if !matches!(self, Self::Directory) {
                    fs::remove_dir_all(path).unwrap();
                }
            }
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => {}
        }
        match self {
            Self::Nothing => {}
            // The directory above it may be undone too.
            Self::File(bytes) => drop(fs::write(path, bytes)),
            Self::Link(target) => drop(std::os::unix::fs::symlink(target, path)),
            Self::Directory => drop(fs::create_dir(path)),
        }
    }
}

#[derive(Default)]
struct Medium {
    /// Names that changed and whose directory was not flushed since.
    names: Vec<(PathBuf, Former)>,
    /// Files that were written and not flushed since, and how many bytes of them were there before.
    bytes: Vec<(PathBuf, usize)>,
}

#[derive(Clone)]
pub struct Power {
    left: Rc<Cell<usize>>,
    done: Rc<Cell<usize>>,
    loses: bool,
    /// Directories whose path contains this take only a few bytes more.
    full: Option<&'static str>,
    /// Whenever a file is about to be written into a generation, a link to this is put in its place.
    planted: Option<PathBuf>,
    medium: Rc<RefCell<Medium>>,
}

impl Power {
    /// Fails before operation number `after` (from 0). `loses`: what was not flushed is lost.
    pub fn failing(after: usize, loses: bool) -> Self {
        let (left, done) = (Rc::new(Cell::new(after)), Rc::default());
        Self { left, done, loses, full: None, planted: None, medium: Rc::default() }
    }

    /// Never fails, but somebody swaps generations for links to this while they are written.
    pub fn planting(victim: &Path) -> Self {
        Self { planted: Some(victim.to_owned()), ..Self::failing(usize::MAX, false) }
    }

    /// Never fails, but directories whose path contains this are full.
    pub fn full(place: &'static str) -> Self {
        Self { full: Some(place), ..Self::failing(usize::MAX, false) }
    }

    /// A medium that takes nothing: full, or read-only.
    pub fn none() -> Self {
        Self::failing(0, false)
    }

    /// Whether it failed.
    pub fn has_failed(&self) -> bool {
        self.left.get() == 0
    }

    /// How many operations there were.
    pub fn done(&self) -> usize {
        self.done.get()
    }

    fn spend(&self) -> io::Result<()> {
        if self.left.get() == 0 {
            self.lose();
            return Err(io::Error::other("the power is off"));
        }
        self.left.set(self.left.get() - 1);
        self.done.set(self.done.get() + 1);
        Ok(())
    }

    fn lose(&self) {
        let medium = std::mem::take(&mut *self.medium.borrow_mut());
        if !self.loses {
            return;
        }
        for (path, before) in medium.bytes {
            if let Ok(bytes) = fs::read(&path) {
                fs::write(&path, &bytes[..usize::midpoint(before, bytes.len())]).unwrap();
            }
        }
        for (path, former) in medium.names.iter().rev() {
            former.restore(path);
        }
    }

    fn note(&self, folder: &Folder, name: &OsStr) {
        let path = folder.path().join(name);
        let former = Former::of(&path);
        self.medium.borrow_mut().names.push((path, former));
    }
}

impl Files for Power {
    fn write(&self, folder: &Folder, name: &OsStr, bytes: &[u8]) -> io::Result<File> {
        self.spend()?;
        self.note(folder, name);
        self.medium.borrow_mut().bytes.push((folder.path().join(name), 0));
        let place = folder.path();
        if let Some(victim) =
            self.planted.as_ref().filter(|_| place.to_string_lossy().contains("generation-"))
        {
            fs::rename(place, place.with_extension(format!("aside-{}", self.done.get()))).unwrap();
            std::os::unix::fs::symlink(victim, place).unwrap();
        }
        if self.full.is_some_and(|place| folder.path().to_string_lossy().contains(place)) {
            Disk.write(folder, name, &bytes[..bytes.len().min(10)])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Disk.write(folder, name, bytes)
    }

    fn append(&self, folder: &Folder, name: &OsStr, at: u64, bytes: &[u8]) -> io::Result<File> {
        self.spend()?;
        let path = folder.path().join(name);
        if !path.exists() {
            self.note(folder, name);
        }
        self.medium.borrow_mut().bytes.push((path, at.try_into().unwrap()));
        if self.full.is_some_and(|place| folder.path().to_string_lossy().contains(place)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Disk.append(folder, name, at, bytes)
    }

    fn sync_file(&self, folder: &Folder, name: &OsStr, _: &File) -> io::Result<()> {
        self.spend()?;
        let path = folder.path().join(name);
        self.medium.borrow_mut().bytes.retain(|(written, _)| *written != path);
        Ok(())
    }

    fn sync_directory(&self, folder: &Folder) -> io::Result<()> {
        self.spend()?;
        self.medium.borrow_mut().names.retain(|(changed, _)| changed.parent() != Some(folder.path()));
        Ok(())
    }

    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.spend()?;
        self.note(folder, to);
        self.note(folder, from);
        let (from_path, to_path) = (folder.path().join(from), folder.path().join(to));
        for (written, _) in &mut self.medium.borrow_mut().bytes {
            if *written == from_path {
                *written = to_path.clone();
            }
        }
        Disk.rename(folder, from, to)
    }

    fn remove_file(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.spend()?;
        self.note(folder, name);
        Disk.remove_file(folder, name)
    }

    fn remove_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.spend()?;
        self.note(folder, name);
        Disk.remove_directory(folder, name)
    }

    fn create_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.spend()?;
        self.note(folder, name);
        Disk.create_directory(folder, name)
    }

    fn link(&self, target: &Path, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.spend()?;
        self.note(folder, name);
        Disk.link(target, folder, name)
    }
}

/// A file system that never waits for the medium: tests that do not cut the power need not either.
#[derive(Clone, Copy)]
pub struct Unflushed;

impl Files for Unflushed {
    fn write(&self, folder: &Folder, name: &OsStr, bytes: &[u8]) -> io::Result<File> {
        Disk.write(folder, name, bytes)
    }

    fn append(&self, folder: &Folder, name: &OsStr, at: u64, bytes: &[u8]) -> io::Result<File> {
        Disk.append(folder, name, at, bytes)
    }

    fn sync_file(&self, _: &Folder, _: &OsStr, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Folder) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Disk.rename(folder, from, to)
    }

    fn remove_file(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Disk.remove_file(folder, name)
    }

    fn remove_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Disk.remove_directory(folder, name)
    }

    fn create_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Disk.create_directory(folder, name)
    }

    fn link(&self, target: &Path, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Disk.link(target, folder, name)
    }
}
