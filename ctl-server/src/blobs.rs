//! Texts outside the log: rationales, comments, reports, policies. A blob is named by the SHA-256 of
//! thirty-two random octets and its content; it can be erased without harming the log.
//!
//! One file each, `blobs/<first two hex digits>/<digest>`. An erased one leaves an empty file
//! `<digest>.erased`, so that nobody puts it back and readers learn what became of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ctl_core::Digest;
use tokio::sync::Notify;

use crate::files;

/// A blob is at most so many bytes, salt included.
pub const MAX_BLOB: usize = 8 * 1024 * 1024;
/// Random octets before the content.
pub const SALT: usize = 32;

/// Why a blob cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Too long.
    #[error("the blob has {0} bytes, more than the limit of {MAX_BLOB}")]
    TooLarge(usize),
    /// Too short to have a salt.
    #[error(
        "the blob has {0} bytes: it must begin with {SALT} random octets, or its text could be guessed from its name"
    )]
    NoSalt(usize),
    /// Named by another digest.
    #[error("the blob's SHA-256 is {found}, it was sent as {named}")]
    OtherDigest {
        /// The digest it was sent under.
        named: Digest,
        /// The digest it has.
        found: Digest,
    },
    /// Erased; stays so.
    #[error("blob {0} was erased")]
    Erased(Digest),
    /// A file on the disk is not what was written.
    #[error("blob {0} is damaged on the server's disk; put it again after removing its file")]
    Damaged(Digest),
    /// No randomness.
    #[error("the system gives no random octets: {0}")]
    Random(getrandom::Error),
    /// Disk full, no permission.
    #[error("the blob store failed: {0}")]
    Io(#[from] io::Error),
}

/// What was done with a blob that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new here.
    Created,
    /// It was here already.
    Present,
}

/// The blobs on disk.
#[derive(Clone, Debug)]
pub struct Blobs {
    directory: PathBuf,
    arrived: Arc<Notify>,
}

impl Blobs {
    /// The blobs below a data directory.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let directory = data.join("blobs");
        std::fs::create_dir_all(&directory)?;
        Ok(Self { directory, arrived: Arc::default() })
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.directory.join(name.chars().take(2).collect::<String>()).join(name)
    }

    fn tombstone(&self, digest: &Digest) -> PathBuf {
        self.place(digest).with_extension("erased")
    }

    fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(parent) = path.parent()
            && !parent.is_dir()
        {
            std::fs::create_dir_all(parent)?;
            if let Some(above) = parent.parent() {
                files::sync_directory(above)?;
            }
        }
        files::write(path, bytes, files::PUBLIC)
    }

    /// Gives a content its salt, and keeps it.
    ///
    /// # Errors
    /// [`BlobError`]
    pub fn add(&self, content: &[u8]) -> Result<Digest, BlobError> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(BlobError::Random)?;
        let blob = [&salt, content].concat();
        let digest = Digest::of(&blob);
        self.put(&digest, &blob)?;
        Ok(digest)
    }

    /// Keeps a blob; on the disk when this returns.
    ///
    /// # Errors
    /// [`BlobError`] if it does not have this digest, is too large or too short, or was erased.
    pub fn put(&self, digest: &Digest, blob: &[u8]) -> Result<Put, BlobError> {
        if blob.len() > MAX_BLOB {
            return Err(BlobError::TooLarge(blob.len()));
        }
        if blob.len() < SALT {
            return Err(BlobError::NoSalt(blob.len()));
        }
        let found = Digest::of(blob);
        if found != *digest {
            return Err(BlobError::OtherDigest { named: *digest, found });
        }
        if self.get(digest)?.is_some() {
            return Ok(Put::Present);
        }
        Self::write(&self.place(digest), blob)?;
        self.arrived.notify_one();
        Ok(Put::Created)
    }

    /// Tells one waiter that a blob has arrived since it last asked.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Whether there is a blob of this name, by a look at its name only.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        !self.tombstone(digest).exists() && self.place(digest).exists()
    }

    /// A blob's bytes; none if it was never put here.
    ///
    /// # Errors
    /// [`BlobError::Erased`], [`BlobError::Damaged`], or the file cannot be read.
    pub fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, BlobError> {
        if self.tombstone(digest).try_exists()? {
            return Err(BlobError::Erased(*digest));
        }
        match files::read(&self.place(digest), MAX_BLOB as u64) {
            Ok(Some(blob)) if Digest::of(&blob) == *digest => Ok(Some(blob)),
            Ok(None) => Ok(None),
            Ok(Some(_)) => Err(BlobError::Damaged(*digest)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(BlobError::Damaged(*digest)),
            Err(error) => Err(error.into()),
        }
    }

    /// Erases a blob for good, or makes sure that it will never be here.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn erase(&self, digest: &Digest) -> Result<(), BlobError> {
        Self::write(&self.tombstone(digest), b"")?;
        let place = self.place(digest);
        match std::fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if let Some(parent) = place.parent() {
            files::sync_directory(parent)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_kept_under_its_digest_and_no_other() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let digest = blobs.add(b"why we approve").unwrap();
        let blob = blobs.get(&digest).unwrap().unwrap();
        assert_eq!(&blob[SALT..], b"why we approve");
        assert_eq!(blobs.put(&digest, &blob).unwrap(), Put::Present);
        let other = Digest::of(b"another");
        assert!(matches!(blobs.put(&other, &blob), Err(BlobError::OtherDigest { .. })));
        assert!(blobs.get(&other).unwrap().is_none());
        assert_ne!(blobs.add(b"why we approve").unwrap(), digest, "the salt is random");
    }

    #[test]
    fn blobs_have_limits() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let large = vec![0; MAX_BLOB + 1];
        assert!(matches!(blobs.put(&Digest::of(&large), &large), Err(BlobError::TooLarge(_))));
        assert!(matches!(blobs.put(&Digest::of(b"short"), b"short"), Err(BlobError::NoSalt(5))));
    }

    #[test]
    fn what_was_erased_is_gone_and_cannot_come_back() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let digest = blobs.add(b"a name that must go").unwrap();
        let blob = blobs.get(&digest).unwrap().unwrap();
        blobs.erase(&digest).unwrap();
        assert!(matches!(blobs.get(&digest), Err(BlobError::Erased(_))));
        assert!(matches!(blobs.put(&digest, &blob), Err(BlobError::Erased(_))));
        let left = std::fs::read_dir(blobs.place(&digest).parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "only the tombstone");
    }

    #[test]
    fn a_blob_that_changed_on_the_disk_is_not_served() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let digest = blobs.add(b"the report").unwrap();
        std::fs::write(blobs.place(&digest), b"another report, also with at least its salt").unwrap();
        assert!(matches!(blobs.get(&digest), Err(BlobError::Damaged(_))));
    }
}
