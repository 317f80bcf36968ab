//! Where what is remembered of stations is kept: below `stations/` of the state directory, one folder for each back end,
//! in it one file for each station and one for each root that was ever known. Files are replaced whole, through
//! [`crate::files`]; each states its own digest, so that damage is seen. A damaged file is as good as none: its station
//! is read anew, and the root comes from the lists again.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ctl_core::{Digest, json};
use ctl_pki::Certificate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rollout;
use super::station::Record;
use super::wants::Roots;
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::folder::Folder;

const FORMAT: u32 = 1;
/// The most that a station may make anybody remember (`MOST_ENTRIES` of `message` with SHA-512, and what was tried of
/// them), with room to spare: what is written must be read again.
const MAX_RECORD: usize = 16 * 1024 * 1024;
const MAX_ROOT: usize = 64 * 1024;
const ROOTS: &str = "roots";
const ROLLOUT: &str = "rollout.json";

/// The memory of one back end.
#[derive(Clone, Debug)]
pub struct Memory {
    path: PathBuf,
}

/// What is known of a station.
#[derive(Debug)]
pub struct Remembered {
    /// By its file, or nothing yet.
    pub record: Record,
    /// Whether there is a good file.
    pub kept: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    format: u32,
    sha256: Digest,
    record: Value,
}

impl Memory {
    /// Of the sink with this name, in a state directory.
    #[must_use]
    pub fn new(state: &Path, sink: &str) -> Self {
        Self { path: state.join("stations").join(Digest::of(sink.as_bytes()).short()) }
    }

    /// Whether anything was ever remembered.
    #[must_use]
    pub fn exists(&self) -> bool {
        Folder::open(&self.path.join(ROOTS)).is_ok()
    }

    /// Why nothing can be written there.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        Folder::open(&self.path).ok()?.trouble().map(str::to_owned)
    }

    /// Where the certificates are kept.
    #[must_use]
    pub fn roots_path(&self) -> PathBuf {
        self.path.join(ROOTS)
    }

    /// What is remembered of a station.
    ///
    /// # Errors
    /// [`ClientError::File`] if its file cannot be read at the moment, which must not make the client forget it.
    pub fn load(&self, station: &str) -> Result<Remembered, ClientError> {
        let (folder, name) = self.place(station);
        let unknown = |was_damaged| {
            Ok(Remembered { record: Record { was_damaged, ..Record::new(station) }, kept: false })
        };
        let Some(folder) = files::open_directory(&folder)? else { return unknown(false) };
        let bytes = match files::read_in(&folder, &name, MAX_RECORD) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return unknown(false),
            Err(ClientError::File { source, .. }) if source.kind() == ErrorKind::InvalidData => {
                return unknown(true);
            }
            Err(error) => return Err(error),
        };
        match read(&bytes).filter(|record: &Record| record.station == station) {
            Some(record) => Ok(Remembered { record, kept: true }),
            None => unknown(true),
        }
    }

    /// Remembers a station: its former file counts, or this one.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn save(&self, files: &dyn Files, record: &Record) -> Result<(), ClientError> {
        let (folder, name) = self.place(&record.station);
        let folder = files::create_directories(files, &folder)?;
        files::replace(files, &folder, &name, &whole(record))
    }

    /// What is remembered of the roll-out; none if nothing ever was.
    ///
    /// # Errors
    /// In words, why that is not known: then nothing may be added.
    pub fn rollout(&self) -> Result<Option<rollout::Remembered>, String> {
        let path = self.path.join(ROLLOUT);
        let unknown = |why: &str| {
            let path = path.display();
            format!("{path}: {why}; without this file the roll-out of everything begins anew")
        };
        let Some(folder) = files::open_directory(&self.path).map_err(|error| unknown(&error.to_string()))?
        else {
            return Ok(None);
        };
        match files::read_in(&folder, ROLLOUT, MAX_RECORD) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => read(&bytes).map(Some).ok_or_else(|| unknown("damaged")),
            Err(error) => Err(unknown(&error.to_string())),
        }
    }

    /// Remembers the roll-out.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn save_rollout(&self, files: &dyn Files, rollout: &rollout::Remembered) -> Result<(), ClientError> {
        let folder = files::create_directories(files, &self.path)?;
        files::replace(files, &folder, ROLLOUT, &whole(rollout))
    }

    /// Every certificate that is kept and not damaged.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn roots(&self) -> Result<Roots, ClientError> {
        let mut roots = Roots::default();
        let Some(folder) = files::open_directory(&self.roots_path())? else { return Ok(roots) };
        let failed = |source| ClientError::file("read", folder.path(), source);
        for name in folder.names().map_err(failed)? {
            let Some(print) = name.to_str().and_then(|name| name.strip_suffix(".der")?.parse().ok()) else {
                continue;
            };
            let Ok(Some(der)) = folder.read(&name, MAX_ROOT) else { continue };
            match Certificate::from_der(&der) {
                Ok(root) if Digest::of(&der) == print => roots.add(root),
                _ => {}
            }
        }
        Ok(roots)
    }

    /// Names of kept certificates that are damaged, and that nobody brought again: what stations call them is forgotten.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn damaged(&self, roots: &Roots) -> Result<Vec<String>, ClientError> {
        let Some(folder) = files::open_directory(&self.roots_path())? else { return Ok(vec![]) };
        let names = folder.names().map_err(|source| ClientError::file("read", folder.path(), source))?;
        let names = names.into_iter().filter_map(|name| name.into_string().ok());
        let is_lost = |name: &String| {
            let print = name.strip_suffix(".der").and_then(|print| print.parse::<Digest>().ok());
            print.is_some_and(|print| roots.get(&print).is_none())
        };
        Ok(names.filter(is_lost).collect())
    }

    /// Keeps certificates, so that they can be named for as long as a station may hold them.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn keep(&self, files: &dyn Files, roots: &Roots) -> Result<(), ClientError> {
        let known: BTreeSet<Digest> = self.roots()?.all().map(|(print, _)| *print).collect();
        let folder = files::create_directories(files, &self.roots_path())?;
        for (print, root) in roots.all().filter(|(print, _)| !known.contains(print)) {
            files::replace(files, &folder, &format!("{print}.der"), root.der())?;
        }
        Ok(())
    }

    /// By digest: an id may be anything. In many small folders: replacing a file looks at all names beside it.
    fn place(&self, station: &str) -> (PathBuf, String) {
        let digest = Digest::of(station.as_bytes()).to_string();
        (self.path.join(digest.get(..2).unwrap_or_default()), format!("{digest}.json"))
    }
}

fn whole(record: &impl Serialize) -> Vec<u8> {
    let sha256 = Digest::of(&json::canonical(record));
    json::canonical(&serde_json::json!({ "format": FORMAT, "sha256": sha256, "record": record }))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let Envelope { format, sha256, record } = json::read(bytes, MAX_RECORD).ok()?;
    let is_whole = format == FORMAT && Digest::of(&json::canonical(&record)) == sha256;
    is_whole.then(|| T::deserialize(record).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Disk;

    #[test]
    fn a_damaged_file_is_read_anew_and_never_assumed() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::new(folder.path(), "back end");
        let record = Record { failures: 3, ..Record::new("../CP 1") };
        memory.save(&Disk, &record).unwrap();
        memory.save(&Disk, &Record::new("other")).unwrap();
        let found = memory.load("../CP 1").unwrap();
        assert!(found.kept && found.record == record);
        let (place, name) = memory.place("../CP 1");
        let place = place.join(name);
        let good = std::fs::read_to_string(&place).unwrap();
        for bad in [good.replace("\"failures\":3", "\"failures\":0"), good[..30].to_owned(), String::new()] {
            assert_ne!(bad, good);
            std::fs::write(&place, bad).unwrap();
            let found = memory.load("../CP 1").unwrap();
            assert!(!found.kept && found.record.was_damaged && found.record.seen.is_none());
        }
        // One station's file in another's place is damage, too.
        let (other, other_name) = memory.place("other");
        std::fs::copy(other.join(other_name), &place).unwrap();
        assert!(memory.load("../CP 1").unwrap().record.was_damaged);
        assert!(memory.load("other").unwrap().kept);
    }
}
