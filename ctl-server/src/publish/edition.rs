//! The next edition of the site: which files are added and removed, and which of them the disk still lacks, in which
//! order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use ctl_core::Digest;
use ctl_core::paths;

use super::disk::DiskError;
use super::prepared::{Caching, ContentType, Prepared};
use super::press::{Forms, MIN_DIFFERENCE};
use super::sink::{File, Sink};
use super::site::Site;

/// The path of the TUF timestamp.
pub const TIMESTAMP: &str = paths::TIMESTAMP.plain();
/// And of the log's checkpoint.
const CHECKPOINT: &str = paths::CHECKPOINT.plain();

/// The next site, and what the disk lacks of it.
#[derive(Debug)]
pub struct Edition {
    pub site: Site,
    sink: Box<dyn Sink>,
    unwritten: BTreeSet<String>,
    unremoved: BTreeSet<String>,
    /// Files whose compressed forms are not made yet.
    unpressed: BTreeSet<String>,
    /// The last versions of documents that are served as differences, too, by name, the newest last.
    versions: BTreeMap<String, VecDeque<(Digest, Bytes)>>,
    /// To how many earlier versions differences are made.
    differences: usize,
}

impl Edition {
    /// An empty site over a sink that may hold an earlier one.
    #[must_use]
    pub fn new(sink: impl Sink, differences: usize) -> Self {
        Self {
            site: Site::default(),
            sink: Box::new(sink),
            unwritten: BTreeSet::new(),
            unremoved: BTreeSet::new(),
            unpressed: BTreeSet::new(),
            versions: BTreeMap::new(),
            differences,
        }
    }

    /// Puts a file at a path, unless the same bytes are there.
    pub fn put(&mut self, path: &str, file: Arc<Prepared>) {
        let old = self.site.file(path);
        if old.is_some_and(|old| {
            old.identity() == file.identity()
                && (old.content_type, old.caching) == (file.content_type, file.caching)
        }) {
            return;
        }
        self.unwritten.insert(path.to_owned());
        self.unremoved.remove(path);
        self.unpressed.insert(path.to_owned());
        self.site.insert(path, file);
    }

    /// Puts bytes at a path.
    pub fn put_bytes(&mut self, path: &str, bytes: impl Into<Bytes>, kind: ContentType, caching: Caching) {
        self.put(path, Arc::new(Prepared::plain(bytes, kind, caching)));
    }

    /// Says that these bytes are the next version of a document: wherever they are served, they are served as the
    /// difference to the versions before, too. Returns whether the document is large enough for that.
    pub fn next_version(&mut self, document: &str, bytes: &Bytes) -> bool {
        if bytes.len() < MIN_DIFFERENCE || self.differences == 0 {
            return false;
        }
        let digest = Digest::of(bytes);
        let versions = self.versions.entry(document.to_owned()).or_default();
        if versions.back().is_none_or(|(last, _)| *last != digest) {
            versions.push_back((digest, bytes.clone()));
            while versions.len() > self.differences.saturating_add(1) {
                versions.pop_front();
            }
        }
        true
    }

    /// Makes the compressed forms of what was put since the last time: once for the same bytes, and only for what is
    /// still there.
    pub fn press(&mut self) {
        let mut made: BTreeMap<Digest, Arc<Forms>> = BTreeMap::new();
        for path in std::mem::take(&mut self.unpressed) {
            let Some(file) = self.site.file(&path).filter(|file| file.compresses()).cloned() else {
                continue;
            };
            let Some(bytes) = file.identity() else { continue };
            let digest = Digest::of(bytes);
            let forms = made.entry(digest).or_insert_with(|| Forms::all(bytes, &self.before(&digest)).into());
            self.site.insert(&path, Arc::new(Prepared::clone(&file).with_forms(forms.clone())));
        }
    }

    /// The versions before the newest one of a document, if these bytes are that.
    fn before(&self, digest: &Digest) -> Vec<(Digest, Bytes)> {
        let newest = |versions: &&VecDeque<(Digest, Bytes)>| {
            versions.back().is_some_and(|(newest, _)| newest == digest)
        };
        let found = self.versions.values().find(newest);
        let before = found.into_iter().flat_map(|versions| versions.iter().rev().skip(1));
        before.filter(|(before, _)| before != digest).cloned().collect()
    }

    /// Removes a path, here and on the disk.
    pub fn take(&mut self, path: &str) {
        self.site.remove(path);
        self.unwritten.remove(path);
        self.unremoved.insert(path.to_owned());
    }

    /// Puts immutable bytes that are rarely requested: kept on the disk only, or in memory if the disk fails.
    pub fn put_on_disk(&mut self, path: &str, bytes: Bytes, kind: ContentType) {
        let file = File { path, bytes: &bytes, content_type: kind, caching: Caching::Immutable };
        let stored = if self.sink.holds(path, &bytes) { Ok(()) } else { self.sink.put(&[file]) };
        match stored.map(|()| self.sink.local(path)) {
            Ok(Some(place)) => {
                let file = Prepared::on_disk(place, bytes.len() as u64, &Digest::of(&bytes), kind);
                self.unwritten.remove(path);
                self.unremoved.remove(path);
                self.site.insert(path, Arc::new(file));
            }
            Ok(None) => self.put_bytes(path, bytes, kind, Caching::Immutable),
            Err(error) => {
                tracing::error!(%error, path, "a file cannot be written to disk; it stays in memory");
                self.put_bytes(path, bytes, kind, Caching::Immutable);
            }
        }
    }

    /// Keeps only the disk's copy of a superseded file; who reads it there may still use it as a dictionary.
    pub fn retire(&mut self, path: &str, kind: ContentType) {
        let Some(old) = self.site.file(path).cloned() else { return };
        let Some(bytes) = old.identity() else { return };
        self.put_on_disk(path, bytes.clone(), kind);
        if let Some(file) = self.site.file(path).filter(|_| old.dictionary.is_some()) {
            let file = Prepared { dictionary: old.dictionary.clone(), ..Prepared::clone(file) };
            self.site.insert(path, Arc::new(file));
        }
    }

    /// Writes this edition to the disk, each file after those it points to. What fails is tried again with the next
    /// edition.
    ///
    /// # Errors
    /// [`DiskError`] with the first file that failed.
    pub fn write(&mut self) -> Result<(), DiskError> {
        for phase in 0..=LAST_PHASE {
            let paths = self.unwritten.iter().filter(|path| phase_of(path, &self.site) == phase);
            let files: Vec<File<'_>> = paths
                .filter_map(|path| {
                    let Prepared { content_type, caching, .. } = **self.site.file(path)?;
                    Some(File { path, bytes: self.site.file(path)?.identity()?, content_type, caching })
                })
                .filter(|file| !self.sink.holds(file.path, file.bytes))
                .collect();
            self.sink.put(&files)?;
        }
        self.unwritten.clear();
        for path in &self.unremoved {
            self.sink.remove(path)?;
        }
        self.unremoved.clear();
        Ok(())
    }

    /// Marks every file on the disk that is not part of the site for removal: leftovers of an earlier run.
    ///
    /// # Errors
    /// [`DiskError`] if the directory cannot be read.
    pub fn take_strangers(&mut self) -> Result<(), DiskError> {
        let strangers = self.sink.paths()?.into_iter().filter(|path| self.site.file(path).is_none());
        self.unremoved.extend(strangers);
        Ok(())
    }
}

const LAST_PHASE: u8 = 3;

/// Immutable files come first, then the latest version of anything, then the checkpoint over the tiles, and last the
/// timestamp, which vouches for the rest.
fn phase_of(path: &str, site: &Site) -> u8 {
    let immutable = site.file(path).is_none_or(|file| file.caching == Caching::Immutable);
    match path {
        TIMESTAMP => 3,
        CHECKPOINT => 2,
        _ if immutable => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::disk::PublicDirectory;
    use crate::publish::prepared::Content;
    use crate::publish::sink::conformance::Kept;

    fn edition(directory: &std::path::Path) -> Edition {
        Edition::new(PublicDirectory::new(directory), 2)
    }

    #[test]
    fn retired_files_are_served_from_disk_with_the_same_entity_tag() {
        let directory = tempfile::tempdir().unwrap();
        let mut edition = edition(directory.path());
        edition.put_bytes("v1/lists/na/versions/1", "{}", ContentType::Json, Caching::Immutable);
        let Content::Memory { identity, .. } =
            &edition.site.file("v1/lists/na/versions/1").unwrap().content.clone()
        else {
            panic!()
        };
        edition.retire("v1/lists/na/versions/1", ContentType::Json);
        let Content::Disk { path, length, etag } =
            edition.site.file("v1/lists/na/versions/1").unwrap().content.clone()
        else {
            panic!()
        };
        assert_eq!((std::fs::read(path).unwrap(), length), (b"{}".to_vec(), 2));
        assert_eq!(etag, identity.etag);
    }

    #[test]
    fn the_newest_version_is_served_as_the_difference_to_the_last_ones() {
        use ctl_serve::encoding::Coding::{Brotli, Dictionary};
        let versions: Vec<Bytes> = (0..5_u32)
            .map(|version| {
                let rows = (version..version + 50).map(|row| Digest::of(&row.to_be_bytes()).to_string());
                format!("[{}]", rows.collect::<Vec<_>>().join(",")).into()
            })
            .collect();
        let directory = tempfile::tempdir().unwrap();
        let mut edition = edition(directory.path());
        for bytes in &versions {
            assert!(edition.next_version("registry", bytes));
            edition.put_bytes("latest", bytes.clone(), ContentType::Json, Caching::Latest);
            edition.put_bytes("elsewhere", bytes.clone(), ContentType::Json, Caching::Immutable);
        }
        edition.press();
        for path in ["latest", "elsewhere"] {
            let Content::Memory { forms, .. } = &edition.site.file(path).unwrap().content else { panic!() };
            let has = |version: &Bytes| forms.get(Dictionary, Some(&Digest::of(version))).is_some();
            let found: Vec<bool> = versions.iter().map(has).collect();
            assert_eq!(found, [false, false, true, true, false], "{path}: the two before, not itself");
            assert!(forms.get(Brotli, None).is_some());
        }
        let before = edition.site.file("latest").unwrap().clone();
        edition.put_bytes("latest", versions[4].clone(), ContentType::Json, Caching::Latest);
        edition.press();
        assert!(Arc::ptr_eq(&before, edition.site.file("latest").unwrap()), "the same once more is no work");
        assert!(!edition.next_version("small", &Bytes::from_static(b"{}")));
    }

    #[test]
    fn a_sink_is_told_what_each_file_is_and_one_without_local_files_leaves_them_in_memory() {
        let kept = Kept::default();
        let mut edition = Edition::new(kept.clone(), 2);
        edition.put_bytes("a", "1", ContentType::Rendition("application/x-pem-file"), Caching::Latest);
        edition.put_bytes(TIMESTAMP, "2", ContentType::Json, Caching::Fresh);
        edition.put_on_disk("old", Bytes::from_static(b"3"), ContentType::Text);
        edition.write().unwrap();
        let pem = ContentType::Rendition("application/x-pem-file");
        assert_eq!(kept.get("a"), Some((b"1".to_vec(), pem, Caching::Latest)));
        assert_eq!(kept.get(TIMESTAMP), Some((b"2".to_vec(), ContentType::Json, Caching::Fresh)));
        assert_eq!(kept.get("old"), Some((b"3".to_vec(), ContentType::Text, Caching::Immutable)));
        assert!(edition.site.file("old").unwrap().identity().is_some());
    }

    #[test]
    fn the_disk_follows_and_forgets_strangers() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("half-written.tmp"), "x").unwrap();
        let mut edition = edition(directory.path());
        edition.put_bytes("a", "1", ContentType::Text, Caching::Latest);
        edition.put_bytes(TIMESTAMP, "2", ContentType::Json, Caching::Fresh);
        edition.take_strangers().unwrap();
        edition.write().unwrap();
        edition.take("a");
        edition.write().unwrap();
        let public = PublicDirectory::new(directory.path());
        assert_eq!(public.paths().unwrap().into_iter().collect::<Vec<_>>(), [TIMESTAMP]);
    }

    #[test]
    fn a_full_disk_does_not_take_files_from_readers() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("public");
        std::fs::write(&file, "not a directory").unwrap();
        let mut edition = edition(&file);
        edition.put_on_disk("a", Bytes::from_static(b"1"), ContentType::Text);
        assert_eq!(edition.site.file("a").unwrap().identity().unwrap(), &Bytes::from_static(b"1"));
        assert!(edition.write().is_err());
        std::fs::remove_file(&file).unwrap();
        edition.write().unwrap();
        assert_eq!(std::fs::read(file.join("a")).unwrap(), b"1");
    }
}
