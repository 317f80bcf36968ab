//! Changing several files in one step: they are written into a new directory, `generation-<n>`, and
//! then the symbolic link `current` is moved to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ctl_core::Digest;

use super::{MAX_FILE, read_folder};
use crate::error::ClientError;
use crate::files::{self, Files};

const CURRENT: &str = "current";
const PREFIX: &str = "generation-";
/// Fingerprints of everything that was ever put here, one a line.
const PLACED: &str = "placed";

/// A place outside, at which others expect one of the files: a symbolic link through `current`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The file's name.
    pub(super) file: String,
    /// Where others expect it.
    pub(super) place: PathBuf,
    /// What the link there says.
    pub(super) target: PathBuf,
}

/// A directory of generations.
#[derive(Clone, Debug)]
pub(super) struct Generations {
    base: PathBuf,
    names: Vec<Name>,
}

impl Generations {
    pub(super) fn new(base: PathBuf, names: Vec<Name>) -> Self {
        Self { base, names }
    }

    /// The files as others see them now.
    pub(super) fn present(&self) -> Result<BTreeMap<String, Vec<u8>>, ClientError> {
        if self.names.is_empty() {
            return read_folder(&self.base.join(CURRENT));
        }
        let mut present = BTreeMap::new();
        for name in &self.names {
            if let Some(bytes) = files::read(&name.place, MAX_FILE)? {
                present.insert(name.file.clone(), bytes);
            }
        }
        Ok(present)
    }

    /// Fingerprints of everything that was ever put here, as far as they can be read: the state
    /// remembers them too.
    pub(super) fn placed(&self) -> BTreeSet<Digest> {
        let bytes = files::read(&self.base.join(PLACED), MAX_FILE).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Remembers what is about to be put here, beside the files themselves: it outlives the state.
    pub(super) fn remember(&self, files: &dyn Files, placed: &BTreeSet<Digest>) -> Result<(), ClientError> {
        if self.placed() == *placed {
            return Ok(());
        }
        files::create_directories(files, &self.base)?;
        let lines: String = placed.iter().map(|digest| format!("{digest}\n")).collect();
        files::replace(files, &self.base.join(PLACED), lines.as_bytes())
    }

    /// Makes these the files, in one step.
    pub(super) fn publish(
        &self,
        files: &dyn Files,
        contents: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ClientError> {
        files::create_directories(files, &self.base)?;
        if !self.names.iter().all(|name| is_link(&name.place, &name.target)) {
            self.adopt(files)?;
        }
        self.turn_to(files, contents)?;
        self.sweep(files)
    }

    /// Puts links at the places outside without changing what is read there: first a generation of
    /// just that, then the links, one by one.
    fn adopt(&self, files: &dyn Files) -> Result<(), ClientError> {
        self.turn_to(files, &self.present()?)?;
        for name in &self.names {
            if let Some(folder) = name.place.parent() {
                files::create_directories(files, folder)?;
            }
            files::replace_link(files, &name.target, &name.place)?;
        }
        Ok(())
    }

    fn turn_to(&self, files: &dyn Files, contents: &BTreeMap<String, Vec<u8>>) -> Result<(), ClientError> {
        let number = self.existing()?.last().copied().unwrap_or(0).saturating_add(1);
        let name = format!("{PREFIX}{number}");
        let folder = self.base.join(&name);
        files::create_directories(files, &folder)?;
        for (file, bytes) in contents {
            let place = folder.join(file);
            let failed = |source| ClientError::file("write", &place, source);
            // Nobody reads this directory yet, so there is nothing to replace.
            files.write(&place, bytes).map_err(failed)?;
            files.sync_file(&place).map_err(failed)?;
        }
        files.sync_directory(&folder).map_err(|source| ClientError::file("write", &folder, source))?;
        files::replace_link(files, Path::new(&name), &self.base.join(CURRENT))
    }

    /// The numbers of the generations there are, in order.
    fn existing(&self) -> Result<Vec<u64>, ClientError> {
        let failed = |source| ClientError::file("read", &self.base, source);
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.base).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes all but the current generation and the one before, which a reader may still be in.
    fn sweep(&self, files: &dyn Files) -> Result<(), ClientError> {
        let numbers = self.existing()?;
        for number in numbers.iter().rev().skip(2) {
            let folder = self.base.join(format!("{PREFIX}{number}"));
            for file in read_folder(&folder)?.keys() {
                files::remove(files, &folder.join(file))?;
            }
            files.remove_directory(&folder).map_err(|source| ClientError::file("remove", &folder, source))?;
        }
        Ok(())
    }
}

fn is_link(place: &Path, target: &Path) -> bool {
    std::fs::read_link(place).is_ok_and(|found| found == target)
}
