//! The static tree on disk: the same bytes that HTTP serves, for file servers, mirrors and USB sticks.
//!
//! Every file is replaced as a whole (temporary file in the same directory, fsync, rename, fsync of
//! the directory). What points to other files is written after them, so that the tree is usable at
//! every moment.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The directory `public/`.
#[derive(Clone, Debug)]
pub struct PublicDirectory {
    root: PathBuf,
}

/// A file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {source}", path.display())]
pub struct DiskError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// The suffix of files that are being written; such files are leftovers after a crash.
const TEMPORARY: &str = ".tmp";

impl PublicDirectory {
    /// The static tree in this directory.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a path of the site lies on disk.
    #[must_use]
    pub fn place(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Whether exactly these bytes lie there already.
    #[must_use]
    pub fn holds(&self, path: &str, bytes: &[u8]) -> bool {
        let place = self.place(path);
        fs::metadata(&place).is_ok_and(|meta| meta.len() == bytes.len() as u64)
            && fs::read(&place).is_ok_and(|found| found == bytes)
    }

    /// Writes files in the order in which they are given; directories are flushed once all of one
    /// `batch` are there.
    ///
    /// # Errors
    /// [`DiskError`] with the file that failed; those before it are written.
    pub fn write_all<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), DiskError> {
        let mut directories = BTreeSet::new();
        for (path, bytes) in files {
            let place = self.place(path);
            let Some(directory) = place.parent() else { continue };
            create_directories(directory)?;
            let mut temporary = place.clone().into_os_string();
            temporary.push(TEMPORARY);
            let temporary = PathBuf::from(temporary);
            let failed = |action| {
                let path = temporary.clone();
                move |source| DiskError { action, path, source }
            };
            let mut file = File::create(&temporary).map_err(failed("creating"))?;
            file.write_all(bytes).map_err(failed("writing"))?;
            file.sync_all().map_err(failed("flushing"))?;
            fs::rename(&temporary, &place).map_err(failed("renaming"))?;
            directories.insert(directory.to_owned());
        }
        directories.iter().try_for_each(|directory| flush_directory(directory))
    }

    /// Removes files that are not served any more; what is gone already is no error.
    ///
    /// # Errors
    /// [`DiskError`] with the file that could not be removed.
    pub fn remove(&self, path: &str) -> Result<(), DiskError> {
        let place = self.place(path);
        match fs::remove_file(&place) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(DiskError { action: "removing", path: place, source })
            }
            _ => Ok(()),
        }
    }

    /// Every file below, as paths of the site, leftovers of a crash included.
    ///
    /// # Errors
    /// [`DiskError`] if a directory cannot be read.
    pub fn files(&self) -> Result<BTreeSet<String>, DiskError> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![self.root.clone()];
        while let Some(directory) = waiting.pop() {
            let failed = |source| DiskError { action: "reading", path: directory.clone(), source };
            let entries = match fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(failed)?,
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                if entry.file_type().map_err(failed)?.is_dir() {
                    waiting.push(entry.path());
                } else if let Ok(path) = entry.path().strip_prefix(&self.root) {
                    found.insert(path.to_string_lossy().into_owned());
                }
            }
        }
        Ok(found)
    }
}

/// Bytes of all files below a directory; what cannot be read counts nothing.
#[must_use]
pub fn bytes_below(root: &Path) -> u64 {
    let mut bytes = 0_u64;
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => waiting.push(entry.path()),
                Ok(meta) => bytes = bytes.saturating_add(meta.len()),
                Err(_) => {}
            }
        }
    }
    bytes
}

/// Creates a directory and those above it, each made durable in its parent.
fn create_directories(directory: &Path) -> Result<(), DiskError> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        create_directories(parent)?;
    }
    match fs::create_dir(directory) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            return Err(DiskError { action: "creating", path: directory.to_owned(), source });
        }
        _ => {}
    }
    directory.parent().map_or(Ok(()), flush_directory)
}

fn flush_directory(directory: &Path) -> Result<(), DiskError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|source| DiskError {
        action: "flushing",
        path: directory.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_nothing_else_stays() {
        let directory = tempfile::tempdir().unwrap();
        let public = PublicDirectory::new(directory.path().join("public"));
        assert!(public.files().unwrap().is_empty(), "a directory that is not there has no files");
        public.write_all([("v1/a/b.json", b"one".as_slice()), ("log/checkpoint", b"two")]).unwrap();
        public.write_all([("v1/a/b.json", b"three".as_slice())]).unwrap();
        assert!(public.holds("v1/a/b.json", b"three") && !public.holds("v1/a/b.json", b"thre"));
        let files: Vec<_> = public.files().unwrap().into_iter().collect();
        assert_eq!(files, ["log/checkpoint", "v1/a/b.json"]);
        assert_eq!(bytes_below(directory.path()), 8);
        public.remove("log/checkpoint").unwrap();
        public.remove("log/checkpoint").unwrap();
        assert_eq!(public.files().unwrap().len(), 1);
    }

    #[test]
    fn an_error_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let public = PublicDirectory::new(directory.path());
        public.write_all([("a", b"file".as_slice())]).unwrap();
        let error = public.write_all([("a/b", b"below a file".as_slice())]).unwrap_err();
        assert!(error.to_string().contains("creating"), "{error}");
    }
}
