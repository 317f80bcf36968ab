//! Changing several files in one step: they are written into a new directory, `generation-<n>`, and
//! then the symbolic link `current` is moved to it.
//!
//! The directory that this happens in may belong to somebody else. What stands there under our names
//! and is not what we make is refused, with what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ctl_core::Digest;

use super::MAX_FILE;
use super::present::{Present, read_folder};
use crate::config::FilesConfig;
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::folder::{Folder, Kind};

const CURRENT: &str = "current";
const PREFIX: &str = "generation-";
/// Fingerprints of everything that was ever put here, one a line.
const PLACED: &str = "placed";
/// So many of them are read: whoever owns the directory can write any number.
const MAX_PLACED: usize = 20_000;
/// What was here before the first change.
const BEFORE: &str = "before";

/// A place outside, at which others expect one of the files: a symbolic link through `current`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The file's name in a generation.
    pub(super) file: String,
    /// The name by which others expect it.
    pub(super) place: String,
    /// The directory in which they do.
    pub(super) folder: PathBuf,
    /// The way from there to the directory of generations, if nothing on it is a link.
    pub(super) way: PathBuf,
}

/// A directory of generations.
#[derive(Clone, Debug)]
pub(super) struct Generations {
    base: PathBuf,
    names: Vec<Name>,
}

/// A generation that is written and not current yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    base: Folder,
    name: String,
}

impl Prepared {
    /// The directory with the files.
    pub(crate) fn path(&self) -> PathBuf {
        self.base.path().join(&self.name)
    }
}

impl Generations {
    pub(super) fn new(base: PathBuf, names: Vec<Name>) -> Self {
        Self { base, names }
    }

    /// Those of a single file, which readers expect at the configured path: they stand beside it.
    pub(super) fn of_one_file(config: &FilesConfig) -> Self {
        let (file, path) = (config.file_name(), &config.path);
        let folder = path.parent().unwrap_or(path).to_owned();
        let way = PathBuf::from(format!(".ctl-client-{file}"));
        let base = folder.join(&way);
        Self::new(base, vec![Name { place: file.clone(), file, folder, way }])
    }

    pub(super) fn present(&self) -> Result<Present, ClientError> {
        let base = files::open_directory(&self.base)?;
        base.as_ref().map(existing).transpose()?;
        let current = base.as_ref().map(current).transpose()?.flatten();
        if self.names.is_empty() {
            return current.as_ref().map_or_else(|| Ok(Present::default()), read_folder);
        }
        let mut present = Present::default();
        for name in &self.names {
            if let Some(bytes) = name.read(current.as_ref())? {
                present.add(&self.base, name.file.clone(), bytes)?;
            }
        }
        Ok(present)
    }

    /// Everything here and outside that no other sink may write: the directory, and the places of the files.
    pub(super) fn places(&self) -> impl Iterator<Item = PathBuf> {
        [self.base.clone()].into_iter().chain(self.names.iter().map(Name::place))
    }

    /// Where others look for the file of this name.
    pub(super) fn place(&self, file: &str) -> PathBuf {
        let named = self.names.iter().find(|name| name.file == file);
        named.map_or_else(|| self.base.join(CURRENT).join(file), Name::place)
    }

    /// The directory that others read as a whole, if they do.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.names.is_empty().then(|| self.base.join(CURRENT))
    }

    /// Whether anything was ever put here.
    pub(super) fn was_filled(&self) -> bool {
        self.read_placed().is_some()
    }

    /// Fingerprints of everything that was ever put here, as far as they can be read: the state
    /// remembers them too.
    pub(super) fn placed(&self) -> BTreeSet<Digest> {
        let bytes = self.read_placed().unwrap_or_default();
        let lines = String::from_utf8_lossy(&bytes);
        lines.lines().filter_map(|line| line.parse().ok()).take(MAX_PLACED).collect()
    }

    fn read_placed(&self) -> Option<Vec<u8>> {
        files::open_directory(&self.base).ok()??.read(PLACED, MAX_FILE).ok()?
    }

    /// Writes these files into a new generation that nobody reads yet. Before the first one, what is
    /// here is copied; and what is about to be put here is remembered beside the files: that outlives
    /// the state.
    pub(super) fn prepare(
        &self,
        files: &dyn Files,
        contents: &BTreeMap<String, Vec<u8>>,
        placed: &BTreeSet<Digest>,
    ) -> Result<Prepared, ClientError> {
        let base = files::create_open_directories(files, &self.base)?;
        let present = self.present()?.files;
        // Whoever owns the directory can make it forget that it was filled. What is there then is ours.
        if !self.was_filled() && existing(&base)?.is_empty() {
            keep_copies(files, &base, &present)?;
        }
        if !self.was_filled() || self.placed() != *placed {
            let lines: String = placed.iter().map(|digest| format!("{digest}\n")).collect();
            files::replace(files, &base, PLACED, lines.as_bytes())?;
        }
        self.adopt(files, &base, &present)?;
        write(files, base, contents)
    }

    /// Puts links at the places outside without changing what is read there: first a generation of
    /// just that, then the links, one by one.
    fn adopt(
        &self,
        files: &dyn Files,
        base: &Folder,
        present: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ClientError> {
        let mut missing = Vec::new();
        for name in &self.names {
            let folder = files::create_open_directories(files, &name.folder)?;
            let target = name.target(base)?;
            let found = folder.link(&name.place);
            if found.map_err(|source| ClientError::file("read", &name.place(), source))?.as_ref()
                != Some(&target)
            {
                missing.push((name, folder, target));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let again = base.again().map_err(|source| ClientError::file("open", base.path(), source))?;
        let prepared = write(files, again, present)?;
        files::replace_link(files, Path::new(&prepared.name), base, CURRENT)?;
        for (name, folder, target) in missing {
            files::replace_link(files, &target, &folder, &name.place)?;
        }
        Ok(())
    }

    /// Makes a prepared generation the current one, in one step.
    pub(super) fn switch(
        &self,
        files: &dyn Files,
        prepared: &Prepared,
        contents: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ClientError> {
        files::replace_link(files, Path::new(&prepared.name), &prepared.base, CURRENT)?;
        for name in &self.names {
            // As others read it: along the configured path, through whatever links it has.
            let place = name.place();
            let failed = |source| ClientError::file("read back", &place, source);
            let folder = Folder::open(&name.folder).map_err(failed)?;
            let found = folder.read_linked(&name.place, MAX_FILE).map_err(failed)?;
            if found.as_ref() != contents.get(&name.file) {
                return Err(failed(io::Error::other("it does not hold what was just written for it")));
            }
        }
        // All but the current generation and the one before, which a reader may still be in.
        for number in existing(&prepared.base)?.iter().rev().skip(2) {
            remove(files, &prepared.base, &format!("{PREFIX}{number}"))?;
        }
        Ok(())
    }

    /// Takes a prepared generation back.
    pub(super) fn discard(files: &dyn Files, prepared: &Prepared) -> Result<(), ClientError> {
        remove(files, &prepared.base, &prepared.name)
    }
}

impl Name {
    fn place(&self) -> PathBuf {
        self.folder.join(&self.place)
    }

    /// The file as it is now; none if there is none.
    fn read(&self, current: Option<&Folder>) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(folder) = files::open_directory(&self.folder)? else { return Ok(None) };
        let read = || {
            let Some(link) = folder.link(&self.place)? else {
                return match folder.kind(&self.place)? {
                    Some(Kind::Folder) => Err(io::Error::other(
                        "a directory of certificates stands here, where this sink writes one file: move it away",
                    )),
                    _ => folder.read(&self.place, MAX_FILE),
                };
            };
            if self.is_ours(&link) {
                return current.map_or(Ok(None), |current| current.read(&self.file, MAX_FILE));
            }
            // Absence would be replaced, and what it was meant to lead to never be seen again.
            folder.read_linked(&self.place, MAX_FILE)?.map(Some).ok_or_else(|| {
                io::Error::other(format!("it is a symbolic link to {}, where nothing is", link.display()))
            })
        };
        read().map_err(|source| ClientError::file("read", &self.place(), source))
    }

    /// Whether a link here is one of ours, also one that was made when the directories were elsewhere.
    fn is_ours(&self, link: &Path) -> bool {
        let base = self.way.file_name().unwrap_or_default();
        link.ends_with(Path::new(base).join(CURRENT).join(&self.file))
    }

    /// What a link here must say to lead to the directory of generations, whichever links and mount
    /// points lie between.
    fn target(&self, base: &Folder) -> Result<PathBuf, ClientError> {
        let file = Path::new(CURRENT).join(&self.file);
        let straight = std::fs::canonicalize(base.path()).unwrap_or_default();
        let mut ways = [&self.way, &straight].into_iter();
        // As the system would resolve the link.
        let way = ways.find(|way| base.is_at(&self.folder.join(way)));
        way.map(|way| way.join(file)).ok_or_else(|| {
            let problem = format!("no link from here leads to {}", base.path().display());
            ClientError::file("link", &self.place(), io::Error::other(problem))
        })
    }
}

/// The generation that `current` leads to.
fn current(base: &Folder) -> Result<Option<Folder>, ClientError> {
    let open = || {
        let Some(target) = base.link(CURRENT)? else {
            return match base.kind(CURRENT)? {
                None => Ok(None),
                Some(_) => Err(io::Error::other("it is not the link that this client makes: move it away")),
            };
        };
        if number(target.as_os_str()).is_none() {
            let problem =
                format!("the link leads to {}, which is no generation: remove it", target.display());
            return Err(io::Error::other(problem));
        }
        match base.folder(&target) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    };
    open().map_err(|source| ClientError::file("use", &base.path().join(CURRENT), source))
}

fn keep_copies(
    files: &dyn Files,
    base: &Folder,
    present: &BTreeMap<String, Vec<u8>>,
) -> Result<(), ClientError> {
    if present.is_empty() {
        return Ok(());
    }
    let before = files::subdirectory(files, base, BEFORE)?;
    for (name, bytes) in present {
        if files::read_in(&before, name, MAX_FILE)?.as_ref() != Some(bytes) {
            files::replace(files, &before, name, bytes)?;
        }
    }
    Ok(())
}

fn write(
    files: &dyn Files,
    base: Folder,
    contents: &BTreeMap<String, Vec<u8>>,
) -> Result<Prepared, ClientError> {
    let number = existing(&base)?.last().copied().unwrap_or(0).saturating_add(1);
    let prepared = Prepared { base, name: format!("{PREFIX}{number}") };
    let failed = |source| ClientError::file("write", &prepared.path(), source);
    files.create_directory(&prepared.base, prepared.name.as_ref()).map_err(failed)?;
    if let Err(error) = fill(files, &prepared, contents) {
        // A full disk is not made fuller.
        let _ = Generations::discard(files, &prepared);
        return Err(error);
    }
    Ok(prepared)
}

fn fill(
    files: &dyn Files,
    prepared: &Prepared,
    contents: &BTreeMap<String, Vec<u8>>,
) -> Result<(), ClientError> {
    let failed = |source| ClientError::file("write", &prepared.path(), source);
    let folder = prepared.base.folder(&prepared.name).map_err(failed)?;
    folder.open_to_all().map_err(failed)?;
    for (file, bytes) in contents {
        // Nobody reads this directory yet, so there is nothing to replace.
        files::create(files, &folder, file, bytes)?;
    }
    files.sync_directory(&folder).map_err(failed)?;
    files.sync_directory(&prepared.base).map_err(failed)
}

fn number(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix(PREFIX)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The numbers of the generations there are, in order.
fn existing(base: &Folder) -> Result<Vec<u64>, ClientError> {
    let mut numbers = Vec::new();
    for name in base.names().map_err(|source| ClientError::file("read", base.path(), source))? {
        let Some(number) = number(&name) else { continue };
        let place = || base.path().join(&name);
        match base.kind(&name) {
            Ok(Some(Kind::Folder)) => numbers.push(number),
            Ok(Some(Kind::Link)) => {
                let planted = io::Error::other("it is a symbolic link, and somebody planted it: remove it");
                return Err(ClientError::file("use", &place(), planted));
            }
            Ok(_) => {
                let planted = io::Error::other("it is no directory: remove it");
                return Err(ClientError::file("use", &place(), planted));
            }
            Err(source) => return Err(ClientError::file("read", &place(), source)),
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes a generation, and nothing that it leads to.
fn remove(files: &dyn Files, base: &Folder, name: &str) -> Result<(), ClientError> {
    let failed = |source| ClientError::file("remove", &base.path().join(name), source);
    let folder = base.folder(name).map_err(failed)?;
    for file in folder.names().map_err(failed)? {
        files::remove(files, &folder, &file)?;
    }
    files.remove_directory(base, name.as_ref()).map_err(failed)
}
