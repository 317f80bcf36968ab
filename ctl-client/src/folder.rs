//! A directory that was opened once and is worked in from then on, whatever happens to its path.
//!
//! This program may run as root in directories that belong to somebody else. Whoever owns a
//! directory can put a symbolic link anywhere in it, at any moment, so that what is read or written
//! is something else. So files are never links here, and a link on the way to a directory is
//! followed only if it was made by root, by us, or by whoever owns what it leads to: they could
//! have done there themselves what we do.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};

/// At most so many links are followed on the way to one place.
const MAX_LINKS: u8 = 16;
/// At most so many names are read of one directory.
const MAX_NAMES: usize = 100_000;

/// A medium with fewer bytes left is full: less than a list, its proof and a copy of the sinks need.
const MIN_FREE: u64 = 1024 * 1024;

/// Directories on the way need not be readable for us.
#[cfg(any(target_os = "linux", target_os = "android"))]
const ON_THE_WAY: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const ON_THE_WAY: OFlags = OFlags::RDONLY;

/// What a name in a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// An opened directory.
#[derive(Debug)]
pub struct Folder {
    handle: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the directory at a path.
    ///
    /// # Errors
    /// The operating system's; also for a link on the way that must not be followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let start = if path.is_absolute() { "/" } else { "." };
        let mut links = MAX_LINKS;
        let reached = walk(fs::open(start, on_the_way(), Mode::empty())?, path, &mut links)?;
        let handle = fs::openat(&reached, ".", OFlags::RDONLY | on_the_way_flags(), Mode::empty())?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// A directory in this one; never a link to one.
    ///
    /// # Errors
    /// The operating system's; also for a link.
    pub fn folder(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = plain(name.as_ref())?;
        if self.kind(name)? == Some(Kind::Link) {
            return Err(not_followed());
        }
        let handle = fs::openat(&self.handle, name, OFlags::RDONLY | on_the_way_flags(), Mode::empty())?;
        Ok(Self { handle, path: self.path.join(name) })
    }

    /// Its path, as it was opened. For people, and for programs that are told where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a path, resolved as any program would, leads here.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        let here = fs::fstat(&self.handle).map(|stat| (stat.st_dev, stat.st_ino));
        let there = fs::stat(path).map(|stat| (stat.st_dev, stat.st_ino));
        here.is_ok_and(|here| there.is_ok_and(|there| here == there))
    }

    /// The same directory, opened once more.
    ///
    /// # Errors
    /// The operating system's.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.try_clone()?, path: self.path.clone() })
    }

    /// Lets everybody read it, whatever the umask.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn open_to_all(&self) -> io::Result<()> {
        Ok(fs::fchmod(&self.handle, Mode::from_raw_mode(0o755))?)
    }

    /// Why nothing can be written here at the moment, whoever wants to; none if nothing speaks against
    /// it.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        let Ok(medium) = fs::fstatvfs(&self.handle) else { return Some("cannot be asked for its space") };
        if medium.f_flag.contains(fs::StatVfsMountFlags::RDONLY) {
            return Some("is on a medium that is read-only");
        }
        if medium.f_bavail.saturating_mul(medium.f_frsize) < MIN_FREE {
            return Some("is on a medium that is full");
        }
        // Some file systems do not count names.
        (medium.f_files > 0 && medium.f_favail == 0).then_some("is on a medium that takes no more files")
    }

    /// The handle, for what is done in it.
    pub(crate) fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// What a name is, links not followed; none if there is no such name.
    ///
    /// # Errors
    /// The operating system's.
    pub fn kind(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Kind>> {
        match fs::statat(&self.handle, plain(name.as_ref())?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(kind(&found))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What a symbolic link says; none if the name is no link, or absent.
    ///
    /// # Errors
    /// The operating system's.
    pub fn link(&self, name: impl AsRef<OsStr>) -> io::Result<Option<PathBuf>> {
        match Link::at(&self.handle, plain(name.as_ref())?) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => Ok(other?.map(|link| link.target)),
        }
    }

    /// The names in it, in no order.
    ///
    /// # Errors
    /// The operating system's; also for more names than there should ever be.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.handle)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if !matches!(name.as_slice(), b"." | b"..") {
                names.push(OsString::from_vec(name));
            }
            if names.len() > MAX_NAMES {
                return Err(invalid(format!("more than {MAX_NAMES} names")));
            }
        }
        Ok(names)
    }

    /// A regular file of at most `limit` bytes; none if there is no such name.
    ///
    /// # Errors
    /// The operating system's; [`ErrorKind::InvalidData`] for a longer file and for what is no file;
    /// also for a link.
    pub fn read(&self, name: impl AsRef<OsStr>, limit: usize) -> io::Result<Option<Vec<u8>>> {
        absent_or(self.open_file(plain(name.as_ref())?).and_then(|file| bytes_of(file, limit)))
    }

    /// The same, and links are followed as they are on the way to a directory.
    ///
    /// # Errors
    /// As [`Folder::read`].
    pub fn read_linked(&self, name: impl AsRef<OsStr>, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let mut links = MAX_LINKS;
        absent_or(self.follow_file(plain(name.as_ref())?, &mut links).and_then(|file| bytes_of(file, limit)))
    }

    /// An empty file for a lock, created if it is missing.
    ///
    /// # Errors
    /// The operating system's; also for a link.
    pub(crate) fn lock_file(&self, name: &str) -> io::Result<File> {
        let name = plain(name.as_ref())?;
        if self.kind(name)? == Some(Kind::Link) {
            return Err(not_followed());
        }
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        Ok(fs::openat(&self.handle, name, flags | OFlags::CLOEXEC, Mode::from_raw_mode(0o666))?.into())
    }

    fn follow_file(&self, name: &OsStr, links: &mut u8) -> io::Result<File> {
        let Some(link) = Link::at(&self.handle, name)? else { return self.open_file(name) };
        count(links)?;
        let target = link.target.file_name().ok_or_else(|| invalid("a link that leads to no file".into()))?;
        let above = link.target.parent().unwrap_or(Path::new(""));
        let above = walk(self.handle.try_clone()?, above, links)?;
        let found = Self { handle: above, path: self.path.clone() }.follow_file(target, links)?;
        link.may_lead_to(&fs::fstat(&found)?)?;
        Ok(found)
    }

    fn open_file(&self, name: &OsStr) -> io::Result<File> {
        if Link::at(&self.handle, name)?.is_some() {
            return Err(not_followed());
        }
        // Opening a pipe would wait for a writer that may never come.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(&self.handle, name, flags, Mode::empty())?;
        let (found, above) = (fs::fstat(&file)?, fs::fstat(&self.handle)?);
        if kind(&found) != Kind::File {
            return Err(invalid("not a regular file".into()));
        }
        // A second name is as good as a link for whoever may not read the file itself.
        if found.st_nlink > 1 && found.st_uid != above.st_uid && !is_trusted(above.st_uid) {
            return Err(io::Error::other(
                "it has another name elsewhere and does not belong to the directory's owner: somebody planted it",
            ));
        }
        Ok(File::from(file))
    }
}

fn on_the_way_flags() -> OFlags {
    OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn on_the_way() -> OFlags {
    ON_THE_WAY | on_the_way_flags()
}

/// From a directory along a path, one name after the other.
fn walk(start: OwnedFd, path: &Path, links: &mut u8) -> io::Result<OwnedFd> {
    let mut at = start;
    for component in path.components() {
        at = match component {
            Component::Prefix(_) | Component::CurDir => at,
            Component::RootDir => fs::open("/", on_the_way(), Mode::empty())?,
            Component::ParentDir => fs::openat(&at, "..", on_the_way(), Mode::empty())?,
            Component::Normal(name) => match Link::at(&at, name)? {
                None => fs::openat(&at, name, on_the_way(), Mode::empty())?,
                Some(link) => {
                    count(links)?;
                    let reached = walk(at, &link.target, links)?;
                    link.may_lead_to(&fs::fstat(&reached)?)?;
                    reached
                }
            },
        };
    }
    Ok(at)
}

fn count(links: &mut u8) -> io::Result<()> {
    *links = links.checked_sub(1).ok_or_else(|| io::Error::other("too many symbolic links"))?;
    Ok(())
}

/// A symbolic link: where it leads, and who made it.
struct Link {
    target: PathBuf,
    owner: u32,
}

impl Link {
    fn at(folder: &impl AsFd, name: &OsStr) -> io::Result<Option<Self>> {
        let look = || fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
        let before = look()?;
        if kind(&before) != Kind::Link {
            return Ok(None);
        }
        let target = fs::readlinkat(folder, name, Vec::new())?.into_bytes();
        let after = look()?;
        let id = |stat: &Stat| (stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec);
        if id(&before) != id(&after) {
            return Err(io::Error::other("a symbolic link that changes while it is read"));
        }
        Ok(Some(Self { target: OsString::from_vec(target).into(), owner: after.st_uid }))
    }

    fn may_lead_to(&self, found: &Stat) -> io::Result<()> {
        if is_trusted(self.owner) || self.owner == found.st_uid {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the symbolic link to {} belongs to user {}, what it leads to belongs to user {}: it is not followed",
            self.target.display(),
            self.owner,
            found.st_uid
        )))
    }
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    }
}

/// Names that we are given are names, not paths.
pub(crate) fn plain(name: &OsStr) -> io::Result<&OsStr> {
    let bytes = name.as_bytes();
    if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("{} is no file name", name.display())));
    }
    Ok(name)
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem)
}

fn not_followed() -> io::Error {
    io::Error::other("it is a symbolic link, which is not followed here; remove it")
}

fn absent_or<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        other => other.map(Some),
    }
}

/// A file's bytes, if they are not more than `limit`.
pub(crate) fn bytes_of(file: File, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(invalid(format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_read_and_links_in_their_place_are_not() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::write(temporary.path().join("file"), b"bytes").unwrap();
        symlink("file", temporary.path().join("link")).unwrap();
        std::fs::create_dir(temporary.path().join("below")).unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        assert_eq!(folder.read("file", 5).unwrap().unwrap(), b"bytes");
        assert_eq!(folder.read("file", 4).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(folder.read("below", 5).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(folder.read("nothing", 5).unwrap(), None);
        assert!(folder.read("link", 5).unwrap_err().to_string().contains("symbolic link"));
        // Our own link is followed where that is asked for.
        assert_eq!(folder.read_linked("link", 5).unwrap().unwrap(), b"bytes");
        for name in ["", ".", "..", "below/../file", "/etc/passwd"] {
            assert!(folder.read(name, 5).is_err(), "{name}");
        }
    }

    #[test]
    fn links_on_the_way_are_followed_if_they_are_ours_but_not_in_circles() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        std::fs::create_dir_all(at("partition/v2g")).unwrap();
        std::fs::write(at("partition/v2g/file"), b"x").unwrap();
        symlink("partition", at("ca")).unwrap();
        symlink(at("ca").join("v2g"), at("straight")).unwrap();
        symlink("circle", at("circle")).unwrap();
        for name in ["ca/v2g", "straight", "ca/../partition/v2g"] {
            assert!(Folder::open(&at(name)).unwrap().read("file", 1).unwrap().is_some(), "{name}");
        }
        assert!(Folder::open(&at("circle")).unwrap_err().to_string().contains("too many"));
        let folder = Folder::open(temporary.path()).unwrap();
        assert!(folder.folder("ca").unwrap_err().to_string().contains("not followed"));
        assert_eq!(folder.kind("ca").unwrap(), Some(Kind::Link));
    }

    #[test]
    fn a_directory_stays_the_one_that_was_opened() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        std::fs::create_dir(at("good")).unwrap();
        std::fs::create_dir(at("evil")).unwrap();
        std::fs::write(at("good/file"), b"good").unwrap();
        std::fs::write(at("evil/file"), b"evil").unwrap();
        let folder = Folder::open(&at("good")).unwrap();
        std::fs::rename(at("good"), at("aside")).unwrap();
        symlink("evil", at("good")).unwrap();
        assert_eq!(folder.read("file", 4).unwrap().unwrap(), b"good");
    }

    #[test]
    fn a_pipe_does_not_hold_anybody_up() {
        let temporary = tempfile::tempdir().unwrap();
        let pipe = temporary.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let folder = Folder::open(temporary.path()).unwrap();
        assert!(folder.read("pipe", 5).unwrap_err().to_string().contains("not a regular file"));
    }

    /// Only root can make links of somebody else's; others have nothing to lose to them.
    #[test]
    fn a_stranger_s_link_is_followed_to_their_own_things_only() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        std::fs::create_dir(at("theirs")).unwrap();
        std::fs::create_dir(at("secret")).unwrap();
        std::fs::write(at("secret/file"), b"secret").unwrap();
        std::fs::hard_link(at("secret/file"), at("theirs/hard")).unwrap();
        for (link, target) in [("to-secret", "secret"), ("to-theirs", "theirs"), ("to-file", "secret/file")] {
            symlink(target, at(link)).unwrap();
            std::os::unix::fs::lchown(at(link), Some(12345), Some(12345)).unwrap();
        }
        std::os::unix::fs::chown(at("theirs"), Some(12345), Some(12345)).unwrap();
        assert!(Folder::open(&at("to-theirs")).is_ok());
        let refused = Folder::open(&at("to-secret")).unwrap_err();
        assert!(refused.to_string().contains("belongs to user 12345"), "{refused}");
        let folder = Folder::open(temporary.path()).unwrap();
        assert!(folder.read_linked("to-file", 10).is_err());
        let refused = Folder::open(&at("theirs")).unwrap().read("hard", 10).unwrap_err();
        assert!(refused.to_string().contains("another name"), "{refused}");
    }
}
