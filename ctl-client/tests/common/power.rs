//! A file system whose power fails before the k-th operation. What was not flushed by then is lost:
//! written bytes are torn, and names that were changed are as they were, unless their directory was
//! flushed. In the other mode all of it reached the medium.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ctl_client::files::{Disk, Files};

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
    /// Files that were written and not flushed since.
    bytes: Vec<PathBuf>,
}

#[derive(Clone)]
pub struct Power {
    left: Rc<Cell<usize>>,
    done: Rc<Cell<usize>>,
    loses: bool,
    medium: Rc<RefCell<Medium>>,
}

impl Power {
    /// Fails before operation number `after` (from 0). `loses`: what was not flushed is lost.
    pub fn failing(after: usize, loses: bool) -> Self {
        Self { left: Rc::new(Cell::new(after)), done: Rc::default(), loses, medium: Rc::default() }
    }

    /// Whether it failed.
    pub fn has_failed(&self) -> bool {
        self.left.get() == 0
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
        for path in medium.bytes {
            if let Ok(bytes) = fs::read(&path) {
                fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            }
        }
        for (path, former) in medium.names.iter().rev() {
            former.restore(path);
        }
    }

    fn note(&self, path: &Path) {
        self.medium.borrow_mut().names.push((path.to_owned(), Former::of(path)));
    }
}

impl Files for Power {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.spend()?;
        if !path.exists() {
            self.note(path);
        }
        self.medium.borrow_mut().bytes.push(path.to_owned());
        Disk.write(path, bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        self.medium.borrow_mut().bytes.retain(|written| written != path);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        self.medium.borrow_mut().names.retain(|(changed, _)| changed.parent() != Some(path));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.spend()?;
        self.note(to);
        self.note(from);
        for written in &mut self.medium.borrow_mut().bytes {
            if written == from {
                *written = to.to_owned();
            }
        }
        Disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        self.note(path);
        Disk.remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        self.note(path);
        Disk.remove_directory(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        self.note(path);
        Disk.create_directory(path)
    }

    fn link(&self, target: &Path, link: &Path) -> io::Result<()> {
        self.spend()?;
        self.note(link);
        Disk.link(target, link)
    }
}

/// A file system that never waits for the medium: tests that do not cut the power need not either.
#[derive(Clone, Copy)]
pub struct Unflushed;

impl Files for Unflushed {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        Disk.write(path, bytes)
    }

    fn sync_file(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Disk.remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        Disk.remove_directory(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        Disk.create_directory(path)
    }

    fn link(&self, target: &Path, link: &Path) -> io::Result<()> {
        Disk.link(target, link)
    }
}
