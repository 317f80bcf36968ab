//! The state in a directory that survives a power cut at any point.
//!
//! Files that were verified are kept under their own digests in `objects/`, and never change. One
//! small file, `state.json`, says which of them count; replacing it is the one step in which the
//! state changes. It carries its own digest, and a copy of it stands beside it, so that damage is
//! noticed and mostly mended. Where both are damaged, the client begins again from its trusted root.

mod evidence;

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ctl_core::{Digest, json};
use serde::Deserialize;
use serde_json::Value;

use super::State;
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::folder::{Folder, Kind};

/// The state file.
pub const STATE: &str = "state.json";
/// Its copy.
pub const BACKUP: &str = "state.backup.json";
/// The root that everything starts from.
pub const ROOT: &str = "root.json";
const OBJECTS: &str = "objects";
const FORMAT: u32 = 1;
const MAX_STATE: usize = 4 * 1024 * 1024;
/// The largest thing kept is a list.
const MAX_OBJECT: usize = ctl_core::list::MAX_PAYLOAD;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    sha256: Digest,
    state: Value,
}

/// The directory.
pub struct StateDirectory {
    path: PathBuf,
    files: Box<dyn Files>,
    /// Held for as long as this lives; the operating system releases it at the latest when the
    /// process ends.
    lock: Option<File>,
}

impl Drop for StateDirectory {
    /// Says that the lock is over: a program that another thread is just starting has a copy of every open file for a
    /// moment, and the lock would last until that is closed as well.
    fn drop(&mut self) {
        if let Some(file) = &self.lock {
            let _closed_in_any_case = file.unlock();
        }
    }
}

impl StateDirectory {
    /// Begins a directory.
    ///
    /// # Errors
    /// [`ClientError::AlreadyInitialised`], [`ClientError::File`].
    pub fn create(path: &Path, root: &[u8], files: Box<dyn Files>) -> Result<Self, ClientError> {
        if path.join(crate::config::FILE).exists() {
            return Err(ClientError::AlreadyInitialised { path: path.to_owned() });
        }
        let folder = files::create_directories(&*files, path)?;
        let mut directory = Self::open(path, files);
        directory.lock()?;
        files::replace(&*directory.files, &folder, ROOT, root)?;
        directory.commit(&mut State::default(), [])?;
        Ok(directory)
    }

    /// Opens a directory for reading; [`StateDirectory::lock`] it before writing.
    #[must_use]
    pub fn open(path: &Path, files: Box<dyn Files>) -> Self {
        Self { path: path.to_owned(), files, lock: None }
    }

    /// Makes sure that nobody else writes to it.
    ///
    /// # Errors
    /// [`ClientError::Busy`], [`ClientError::File`].
    pub fn lock(&mut self) -> Result<(), ClientError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let place = self.path.join("lock");
        let file = self.folder()?.lock_file("lock");
        let file = file.map_err(|source| ClientError::file("open", &place, source))?;
        match file.try_lock() {
            Ok(()) => self.lock = Some(file),
            Err(TryLockError::WouldBlock) => return Err(ClientError::Busy { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => return Err(ClientError::file("lock", &place, source)),
        }
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file system.
    #[must_use]
    pub fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// The directory, opened.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn folder(&self) -> Result<Folder, ClientError> {
        Folder::open(&self.path).map_err(|source| ClientError::file("open", &self.path, source))
    }

    /// The root that everything starts from.
    ///
    /// # Errors
    /// [`ClientError::RootDamaged`] if it is not the one that `init` was given.
    pub fn trusted_root(&self, expected: &Digest) -> Result<Vec<u8>, ClientError> {
        let path = self.path.join(ROOT);
        match self.folder().and_then(|folder| files::read_in(&folder, ROOT, MAX_OBJECT)) {
            Ok(Some(bytes)) if Digest::of(&bytes) == *expected => Ok(bytes),
            _ => Err(ClientError::RootDamaged { path }),
        }
    }

    /// What is remembered, and what of it was found damaged.
    ///
    /// # Errors
    /// [`ClientError::File`] if what is remembered cannot be read at the moment, which must not make
    /// the client forget it.
    pub fn load(&self) -> Result<(State, Vec<String>), ClientError> {
        let mut damage = Vec::new();
        let mut unreadable = None;
        for (name, place) in [("the state file", STATE), ("its copy", BACKUP)] {
            match self.read_state(place) {
                Ok(Ok(state)) => return Ok((state, damage)),
                Ok(Err(problem)) => damage.push(format!("{name} {place} is damaged: {problem}")),
                Err(error) => {
                    damage.push(error.to_string());
                    unreadable = unreadable.or(Some(error));
                }
            }
        }
        if let Some(error) = unreadable {
            return Err(error);
        }
        damage.push(
            "what was remembered is lost: begun anew from the trusted root. What is accepted from now on is \
             verified, but an older list that has not expired cannot be told from the newest"
                .into(),
        );
        Ok((State { memory_lost: true, recoveries: 1, ..State::default() }, damage))
    }

    /// The state in a file, or what is damaged about it; the error is the operating system's.
    fn read_state(&self, place: &str) -> Result<Result<State, String>, ClientError> {
        match files::read_in(&self.folder()?, place, MAX_STATE) {
            Ok(Some(bytes)) => Ok(Self::parse_state(&bytes)),
            Ok(None) => Ok(Err("it is missing".into())),
            Err(ClientError::File { source, .. }) if source.kind() == ErrorKind::InvalidData => {
                Ok(Err(source.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    fn parse_state(bytes: &[u8]) -> Result<State, String> {
        let Envelope { sha256, state } = json::read(bytes, MAX_STATE).map_err(|error| error.to_string())?;
        if Digest::of(&json::canonical(&state)) != sha256 {
            return Err("it does not have the digest that it states".into());
        }
        let state = State::deserialize(state).map_err(|error| error.to_string())?;
        if state.format != FORMAT {
            return Err(format!("its format {} is unknown here", state.format));
        }
        Ok(state)
    }

    /// A file kept under its digest; none if it is missing or damaged, which is the same to us.
    #[must_use]
    pub fn object(&self, digest: &Digest) -> Option<Vec<u8>> {
        let objects = self.folder().ok()?.folder(OBJECTS).ok()?;
        object_in(&objects, digest)
    }

    /// Whether a state refers to any of these files and it is not kept here whole.
    #[must_use]
    pub fn lacks(&self, state: &State, objects: &[Vec<u8>]) -> bool {
        let needed = state.objects();
        let mut digests = objects.iter().map(|bytes| Digest::of(bytes));
        digests.any(|digest| needed.contains(&digest) && self.object(&digest).is_none())
    }

    /// Makes a state the one that counts, with the files that it refers to and that are not kept
    /// yet. After an error or a power cut the former state counts, or this one.
    ///
    /// # Errors
    /// [`ClientError::File`]; also for a state so large that it could not be read again: nothing is
    /// written then.
    pub fn commit<'a>(
        &self,
        state: &mut State,
        objects: impl IntoIterator<Item = &'a Vec<u8>>,
    ) -> Result<(), ClientError> {
        state.format = FORMAT;
        state.generation = state.generation.saturating_add(1);
        let sha256 = Digest::of(&json::canonical(state));
        let whole = json::canonical(&serde_json::json!({ "sha256": sha256, "state": state }));
        if whole.len() > MAX_STATE {
            let problem = format!(
                "there is more to remember than the {MAX_STATE} bytes that are read again; what was remembered stays"
            );
            let source = std::io::Error::new(ErrorKind::InvalidData, problem);
            return Err(ClientError::file("write", &self.path.join(STATE), source));
        }
        let kept = files::subdirectory(&*self.files, &self.folder()?, OBJECTS)?;
        for bytes in objects {
            let digest = Digest::of(bytes);
            if object_in(&kept, &digest).is_none() {
                files::replace(&*self.files, &kept, &digest.to_string(), bytes)?;
            }
        }
        let folder = self.folder()?;
        files::replace(&*self.files, &folder, STATE, &whole)?;
        files::replace(&*self.files, &folder, BACKUP, &whole)?;
        self.sweep(state, &kept)
    }

    /// Removes files that no state refers to any more, and temporary ones of interrupted writes.
    fn sweep(&self, state: &State, objects: &Folder) -> Result<(), ClientError> {
        let keep: BTreeSet<String> = state.objects().iter().map(Digest::to_string).collect();
        let failed = |source| ClientError::file("read", objects.path(), source);
        for name in objects.names().map_err(failed)? {
            let is_kept = name.to_str().is_some_and(|name| keep.contains(name));
            if !is_kept && objects.kind(&name).map_err(failed)? != Some(Kind::Folder) {
                files::remove(&*self.files, objects, &name)?;
            }
        }
        Ok(())
    }
}

/// A file kept under its digest; none if it is missing or damaged.
fn object_in(objects: &Folder, digest: &Digest) -> Option<Vec<u8>> {
    let bytes = objects.read(digest.to_string(), MAX_OBJECT).ok()??;
    (Digest::of(&bytes) == *digest).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::files::Disk;
    use crate::state::KeptMetadata;

    fn directory() -> (tempfile::TempDir, StateDirectory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::create(&folder.path().join("d"), b"root", Box::new(Disk)).unwrap();
        (folder, directory)
    }

    fn state_with(object: &[u8]) -> State {
        let kept = KeptMetadata { sha256: Digest::of(object), version: 1 };
        State { metadata: [("root.json".to_owned(), kept)].into(), ..State::default() }
    }

    #[test]
    fn a_state_is_remembered_with_its_files_and_nothing_else_stays() {
        let (_folder, directory) = directory();
        for object in [b"one".to_vec(), b"two".to_vec()] {
            let mut state = state_with(&object);
            directory.commit(&mut state, [&object]).unwrap();
            assert_eq!(directory.load().unwrap(), (state, vec![]));
            assert_eq!(directory.object(&Digest::of(&object)), Some(object));
        }
        assert_eq!(directory.object(&Digest::of(b"one")), None, "no longer referred to");
    }

    #[test]
    fn damage_is_noticed_and_the_copy_used() {
        let (_folder, directory) = directory();
        let mut state = state_with(b"one");
        directory.commit(&mut state, [&b"one".to_vec()]).unwrap();
        let place = directory.path().join(STATE);
        let good = fs::read(&place).unwrap();
        let mut flipped = good.clone();
        let at = good.windows(9).position(|window| window == b"\"version\"").unwrap();
        flipped[at + 10] ^= 1;
        for bad in [flipped, good[..good.len() / 2].to_vec(), vec![], b"[]".to_vec()] {
            fs::write(&place, bad).unwrap();
            let (loaded, damage) = directory.load().unwrap();
            assert_eq!((loaded, damage.len()), (state.clone(), 1));
        }
        fs::write(directory.path().join(BACKUP), b"").unwrap();
        let (loaded, damage) = directory.load().unwrap();
        assert!(loaded.memory_lost && loaded.metadata.is_empty() && damage.len() == 3, "{damage:?}");
    }

    #[test]
    fn a_state_too_large_to_be_read_again_is_not_written() {
        let (_folder, directory) = directory();
        let mut state = state_with(b"one");
        directory.commit(&mut state, [&b"one".to_vec()]).unwrap();
        let mut swollen = state.clone();
        let many = (0..70_000_u32).map(|number| Digest::of(&number.to_be_bytes())).collect();
        swollen.placed.insert("pem".into(), many);
        let error = directory.commit(&mut swollen, []).unwrap_err().to_string();
        assert!(error.contains("more to remember than"), "{error}");
        assert_eq!(directory.load().unwrap(), (state, vec![]));
    }

    #[test]
    fn what_cannot_be_read_at_the_moment_is_not_forgotten() {
        let (_folder, directory) = directory();
        let mut state = state_with(b"one");
        directory.commit(&mut state, [&b"one".to_vec()]).unwrap();
        // Too many links: the file exists, and the operating system does not give it.
        let [place, copy] = [STATE, BACKUP].map(|name| directory.path().join(name));
        fs::remove_file(&place).unwrap();
        std::os::unix::fs::symlink(&place, &place).unwrap();
        let (loaded, damage) = directory.load().unwrap();
        assert_eq!((loaded, damage.len()), (state, 1));
        // Not even if the copy is damaged for good.
        fs::write(&copy, b"").unwrap();
        assert!(matches!(directory.load(), Err(ClientError::File { .. })));
    }

    #[test]
    fn a_damaged_object_is_as_good_as_none() {
        let (_folder, directory) = directory();
        let object = b"object".to_vec();
        directory.commit(&mut state_with(&object), [&object]).unwrap();
        let digest = Digest::of(&object);
        fs::write(directory.path().join(OBJECTS).join(digest.to_string()), b"objecT").unwrap();
        assert_eq!(directory.object(&digest), None);
        directory.commit(&mut state_with(&object), [&object]).unwrap();
        assert_eq!(directory.object(&digest), Some(object), "mended when it is at hand again");
    }

    #[test]
    fn a_damaged_root_stops_everything() {
        let (_folder, directory) = directory();
        assert_eq!(directory.trusted_root(&Digest::of(b"root")).unwrap(), b"root");
        fs::write(directory.path().join(ROOT), b"rooT").unwrap();
        let error = directory.trusted_root(&Digest::of(b"root")).unwrap_err();
        assert!(matches!(error, ClientError::RootDamaged { .. }));
    }

    #[test]
    fn planted_links_are_not_followed_out_of_the_state_directory() {
        let victim = tempfile::tempdir().unwrap();
        let precious = victim.path().join("precious");
        fs::write(&precious, b"precious").unwrap();
        for planted in ["lock", "state.json", "state.backup.json", "objects", "evidence"] {
            let (_folder, mut directory) = directory();
            let place = directory.path().join(planted);
            directory.lock = None;
            let _ = fs::remove_file(&place).or_else(|_| fs::remove_dir_all(&place));
            let target = if place.extension().is_some() { &precious } else { victim.path() };
            let target = if planted == "lock" { &victim.path().join("new") } else { target };
            std::os::unix::fs::symlink(target, &place).unwrap();
            let lock = directory.lock();
            let commit = directory.commit(&mut state_with(b"one"), [&b"one".to_vec()]);
            let evidence = directory.keep_evidence(&[("a.checkpoint", b"a")]);
            match planted {
                "lock" => assert!(lock.unwrap_err().to_string().contains("symbolic link")),
                "objects" => assert!(commit.unwrap_err().to_string().contains("symbolic link")),
                "evidence" => assert!(evidence.unwrap_err().to_string().contains("symbolic link")),
                // What is replaced is the link.
                _ => assert!(commit.is_ok() && fs::symlink_metadata(&place).unwrap().is_file()),
            }
            assert_eq!(fs::read(&precious).unwrap(), b"precious");
            assert_eq!(fs::read_dir(victim.path()).unwrap().count(), 1, "{planted}");
        }
    }

    #[test]
    fn two_processes_do_not_write_at_once() {
        let (_folder, directory) = directory();
        let mut second = StateDirectory::open(directory.path(), Box::new(Disk));
        assert!(matches!(second.lock(), Err(ClientError::Busy { .. })));
        drop(directory);
        second.lock().unwrap();
    }

    #[test]
    fn a_copy_of_the_locked_file_in_a_program_that_is_just_being_started_holds_up_nobody() {
        let (_folder, directory) = directory();
        let copy = directory.lock.as_ref().unwrap().try_clone().unwrap();
        let mut second = StateDirectory::open(directory.path(), Box::new(Disk));
        drop(directory);
        second.lock().unwrap();
        drop(copy);
    }
}
