//! Where published files go: a directory, or any other store of files with content types.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;

use super::disk::DiskError;
use super::prepared::{Caching, ContentType};

/// A file for a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Has no leading slash.
    pub path: &'a str,
    /// The whole content.
    pub bytes: &'a [u8],
    pub content_type: ContentType,
    /// How long a cache may keep them.
    pub caching: Caching,
}

/// Stores published files. Repeating a call is harmless, because after a failure nobody knows what was stored.
pub trait Sink: Debug + Send + Sync + 'static {
    /// Stores files in this order, each as a whole: a reader sees the old or the new bytes. All are durable when this
    /// returns. A sink that can store content type and caching does so; a directory cannot.
    ///
    /// # Errors
    /// [`DiskError`] with the file that failed; those before it are stored.
    fn put(&self, files: &[File<'_>]) -> Result<(), DiskError>;

    /// Whether the sink has exactly these bytes at this path.
    fn holds(&self, path: &str, bytes: &[u8]) -> bool;

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// [`DiskError`] with the file that could not be removed.
    fn remove(&self, path: &str) -> Result<(), DiskError>;

    /// All paths in use, including those of half-written files.
    ///
    /// # Errors
    /// [`DiskError`] if it cannot be listed.
    fn paths(&self) -> Result<BTreeSet<String>, DiskError>;

    /// The local file with a path's bytes, if the sink is local.
    fn local(&self, path: &str) -> Option<PathBuf> {
        let _ = path;
        None
    }
}

#[cfg(test)]
pub(super) mod conformance {
    //! What every sink must do.

    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps everything it is given, with what it is.
    #[derive(Clone, Debug, Default)]
    pub(in crate::publish) struct Kept(Arc<Mutex<BTreeMap<String, Put>>>);

    type Put = (Vec<u8>, ContentType, Caching);

    impl Kept {
        pub(in crate::publish) fn get(&self, path: &str) -> Option<Put> {
            self.0.lock().unwrap().get(path).cloned()
        }
    }

    impl Sink for Kept {
        fn put(&self, files: &[File<'_>]) -> Result<(), DiskError> {
            let mut kept = self.0.lock().unwrap();
            for file in files {
                kept.insert(file.path.into(), (file.bytes.into(), file.content_type, file.caching));
            }
            Ok(())
        }

        fn holds(&self, path: &str, bytes: &[u8]) -> bool {
            self.get(path).is_some_and(|(kept, ..)| kept == bytes)
        }

        fn remove(&self, path: &str) -> Result<(), DiskError> {
            self.0.lock().unwrap().remove(path);
            Ok(())
        }

        fn paths(&self) -> Result<BTreeSet<String>, DiskError> {
            Ok(self.0.lock().unwrap().keys().cloned().collect())
        }
    }

    fn file<'a>(path: &'a str, bytes: &'a [u8]) -> File<'a> {
        File { path, bytes, content_type: ContentType::Json, caching: Caching::Latest }
    }

    /// Runs all of it on an empty sink.
    pub(in crate::publish) fn check(sink: &dyn Sink) {
        assert!(sink.paths().unwrap().is_empty(), "it must be empty");
        assert!(!sink.holds("v1/a/b.json", b"one"));
        sink.remove("v1/a/b.json").unwrap();
        sink.put(&[]).unwrap();

        sink.put(&[file("v1/a/b.json", b"one"), file("log/checkpoint", b"two"), file("empty", b"")]).unwrap();
        for _ in 0..2 {
            sink.put(&[file("v1/a/b.json", b"three")]).unwrap();
            assert!(sink.holds("v1/a/b.json", b"three"), "it is replaced, however often");
        }
        for other in [b"thre".as_slice(), b"three!", b"threx", b""] {
            assert!(!sink.holds("v1/a/b.json", other));
        }
        assert!(sink.holds("empty", b"") && sink.holds("log/checkpoint", b"two"));
        let all = ["empty", "log/checkpoint", "v1/a/b.json"].map(str::to_owned);
        assert_eq!(sink.paths().unwrap(), BTreeSet::from(all), "and nothing else stays");

        sink.put(&[file("v1/a/b.json", b"four"), file("v1/a/b.json", b"five")]).unwrap();
        assert!(sink.holds("v1/a/b.json", b"five"), "they are put in their order");
        if let Some(local) = sink.local("v1/a/b.json") {
            assert_eq!(std::fs::read(local).unwrap(), b"five");
        }
        for _ in 0..2 {
            sink.remove("log/checkpoint").unwrap();
            assert!(!sink.holds("log/checkpoint", b"two"));
        }
        assert_eq!(sink.paths().unwrap().len(), 2);
    }

    #[test]
    fn a_sink_in_memory_conforms() {
        check(&Kept::default());
    }
}
