//! The static tree on disk: the same bytes that HTTP serves, for file servers, mirrors and USB sticks.
//!
//! Every file is replaced as a whole, and written after those it points to, so the tree is usable at any moment.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ctl_host::files;

use super::sink::{self, Sink};

/// The directory `public/`.
#[derive(Clone, Debug)]
pub struct PublicDirectory {
    root: PathBuf,
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {source}", path.display())]
pub struct DiskError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl PublicDirectory {
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn place(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl Sink for PublicDirectory {
    fn local(&self, path: &str) -> Option<PathBuf> {
        Some(self.place(path))
    }

    fn holds(&self, path: &str, bytes: &[u8]) -> bool {
        let place = self.place(path);
        fs::metadata(&place).is_ok_and(|meta| meta.len() == bytes.len() as u64)
            && fs::read(&place).is_ok_and(|found| found == bytes)
    }

    /// Directories are flushed after all files of a call are written.
    fn put(&self, whole: &[sink::File<'_>]) -> Result<(), DiskError> {
        let mut directories = BTreeSet::new();
        for sink::File { path, bytes, .. } in whole {
            let place = self.place(path);
            let Some(directory) = place.parent() else { continue };
            create_directories(directory)?;
            files::replace(&place, bytes, files::PUBLIC).map_err(|source| DiskError {
                action: "writing",
                path: place.clone(),
                source,
            })?;
            directories.insert(directory.to_owned());
        }
        directories.iter().try_for_each(|directory| flush_directory(directory))
    }

    fn remove(&self, path: &str) -> Result<(), DiskError> {
        let place = self.place(path);
        match fs::remove_file(&place) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(DiskError { action: "removing", path: place, source })
            }
            _ => Ok(()),
        }
    }

    fn paths(&self) -> Result<BTreeSet<String>, DiskError> {
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

/// The bytes of all files below a directory; unreadable ones count as nothing.
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
    let failed = |source| DiskError { action: "flushing", path: directory.to_owned(), source };
    files::sync_directory(directory).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::prepared::{Caching, ContentType};

    #[test]
    fn the_directory_is_a_sink_that_counts_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let public = PublicDirectory::new(directory.path().join("public"));
        sink::conformance::check(&public);
        assert_eq!(bytes_below(directory.path()), 4, "`five` and an empty file");
    }

    #[test]
    fn an_error_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let public = PublicDirectory::new(directory.path());
        let file = |path, bytes| sink::File {
            path,
            bytes,
            content_type: ContentType::Text,
            caching: Caching::Latest,
        };
        public.put(&[file("a", b"file")]).unwrap();
        let error = public.put(&[file("a/b", b"below a file")]).unwrap_err();
        assert!(error.to_string().contains("writing") && error.to_string().contains("a/b"), "{error}");
    }
}
