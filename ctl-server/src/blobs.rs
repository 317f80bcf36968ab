//! Texts outside the log: rationales, comments, reports, policies. A blob is named by the SHA-256 of thirty-two random
//! bytes and its content, and can be erased without harming the log.
//!
//! Each is a file, `blobs/<first two hex digits>/<digest>`. An erased one leaves an empty file `<digest>.erased`, so
//! that it cannot be put back and readers learn what happened. Uploads go through `blobs/incoming/`, and are never in
//! memory as a whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ctl_core::Digest;
use ctl_host::files;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

/// The largest blob in bytes, with its salt.
pub const MAX_BLOB: usize = 8 * 1024 * 1024;
/// Random bytes before the content.
pub const SALT: usize = 32;

/// Why a blob cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The blob is too long.
    #[error("the blob has {0} bytes, more than the limit of {MAX_BLOB}")]
    TooLarge(usize),
    /// The blob is too short to have a salt.
    #[error(
        "the blob has {0} bytes: it must begin with {SALT} random bytes, or its text could be guessed from its name"
    )]
    NoSalt(usize),
    /// The blob has another digest.
    #[error("the blob's SHA-256 is {found}, it was sent as {named}")]
    OtherDigest {
        /// The digest that the sender named.
        named: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The blob was erased, which is final.
    #[error("blob {0} was erased")]
    Erased(Digest),
    /// A file does not fit its digest.
    #[error("blob {0} is damaged on the server's disk; whoever has it can upload it again")]
    Damaged(Digest),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The file system failed.
    #[error("the blob store failed: {0}")]
    Io(#[from] io::Error),
}

/// What happened to a blob that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was stored.
    Created,
    /// It was stored before.
    Present,
}

/// The blobs on disk.
#[derive(Clone, Debug)]
pub struct Blobs {
    directory: PathBuf,
    arrived: Arc<Notify>,
    /// Distinguishes simultaneous uploads.
    number: Arc<AtomicU64>,
}

/// The folder for uploads.
const INCOMING: &str = "incoming";

impl Blobs {
    /// Opens the blobs of a data directory.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let directory = data.join("blobs");
        let incoming = directory.join(INCOMING);
        std::fs::create_dir_all(&incoming)?;
        // Unfinished uploads of an earlier run.
        for left in std::fs::read_dir(&incoming)? {
            std::fs::remove_file(left?.path())?;
        }
        Ok(Self { directory, arrived: Arc::default(), number: Arc::default() })
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.directory.join(name.chars().take(2).collect::<String>()).join(name)
    }

    fn tombstone(&self, digest: &Digest) -> PathBuf {
        self.place(digest).with_extension("erased")
    }

    /// Makes the folder of a blob, durably.
    fn make_room(path: &Path) -> io::Result<()> {
        if let Some(parent) = path.parent()
            && !parent.is_dir()
        {
            std::fs::create_dir_all(parent)?;
            if let Some(above) = parent.parent() {
                files::sync_directory(above)?;
            }
        }
        Ok(())
    }

    /// Salts and stores a content.
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

    /// Stores a blob; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`BlobError`] if it does not have this digest, is too large or too short, or was erased.
    pub fn put(&self, digest: &Digest, blob: &[u8]) -> Result<Put, BlobError> {
        let Some(mut upload) = self.receive(digest)? else { return Ok(Put::Present) };
        upload.write(blob)?;
        upload.finish()
    }

    /// Begins to receive a blob piece by piece; none if the whole blob is here.
    ///
    /// # Errors
    /// [`BlobError::Erased`], or a file cannot be read or made.
    pub fn receive(&self, digest: &Digest) -> Result<Option<Upload>, BlobError> {
        if self.tombstone(digest).try_exists()? {
            return Err(BlobError::Erased(*digest));
        }
        if self.holds(digest)? {
            return Ok(None);
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(INCOMING).join(format!("{number}-{digest}"));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let (blobs, hash) = (self.clone(), Sha256::new());
        Ok(Some(Upload { blobs, digest: *digest, path, file, hash, length: 0 }))
    }

    /// Whether the whole blob is here; reads all its bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn holds(&self, digest: &Digest) -> io::Result<bool> {
        if !self.has(digest) {
            return Ok(false);
        }
        let mut file = File::open(self.place(digest))?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(Digest::from_bytes(hash.finalize().into()) == *digest),
                length => hash.update(piece.get(..length).unwrap_or_default()),
            }
        }
    }

    /// Where a blob's bytes are, and how many; none if it was never put here. The caller must compare the bytes with
    /// the digest.
    ///
    /// # Errors
    /// [`BlobError::Erased`], [`BlobError::Damaged`] if it has a length that no blob has, or the file system's.
    pub fn locate(&self, digest: &Digest) -> Result<Option<(PathBuf, u64)>, BlobError> {
        if self.tombstone(digest).try_exists()? {
            return Err(BlobError::Erased(*digest));
        }
        let place = self.place(digest);
        match std::fs::metadata(&place) {
            Ok(meta) if (SALT as u64..=MAX_BLOB as u64).contains(&meta.len()) => {
                Ok(Some((place, meta.len())))
            }
            Ok(_) => Err(BlobError::Damaged(*digest)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the next arrival of a blob; wakes one waiter.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Whether a blob of this name is here; reads no bytes.
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

    /// Erases a blob for good; if it is not here, it never can be.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn erase(&self, digest: &Digest) -> Result<(), BlobError> {
        let tombstone = self.tombstone(digest);
        Self::make_room(&tombstone)?;
        files::write(&tombstone, b"", files::PUBLIC)?;
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

/// An upload. Unless it is finished, it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    blobs: Blobs,
    digest: Digest,
    path: PathBuf,
    file: File,
    hash: Sha256,
    length: usize,
}

impl Upload {
    /// Writes the next piece. Blocks on the disk.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], or the file cannot be written.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), BlobError> {
        self.length = self.length.saturating_add(piece.len());
        if self.length > MAX_BLOB {
            return Err(BlobError::TooLarge(self.length));
        }
        self.hash.update(piece);
        Ok(self.file.write_all(piece)?)
    }

    /// Stores the blob if it has the named digest; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`BlobError`] if it is another or too short, or was erased meanwhile.
    pub fn finish(self) -> Result<Put, BlobError> {
        if self.length < SALT {
            return Err(BlobError::NoSalt(self.length));
        }
        let found = Digest::from_bytes(self.hash.clone().finalize().into());
        if found != self.digest {
            return Err(BlobError::OtherDigest { named: self.digest, found });
        }
        if self.blobs.tombstone(&self.digest).try_exists()? {
            return Err(BlobError::Erased(self.digest));
        }
        self.file.sync_all()?;
        let place = self.blobs.place(&self.digest);
        Blobs::make_room(&place)?;
        files::move_to(&self.path, &place)?;
        self.blobs.arrived.notify_one();
        Ok(Put::Created)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A stored blob was moved already; whatever else stays, the next start removes.
        let _ = std::fs::remove_file(&self.path);
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
        assert!(blobs.put(&Digest::of(&large[1..]), &large[1..]).is_ok());
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

    #[test]
    fn a_damaged_blob_is_mended_by_whoever_sends_it_again() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let digest = blobs.add(b"the report").unwrap();
        let blob = blobs.get(&digest).unwrap().unwrap();
        std::fs::write(blobs.place(&digest), b"another report, also with at least its salt").unwrap();
        assert_eq!(blobs.put(&digest, &blob).unwrap(), Put::Created);
        assert_eq!(blobs.get(&digest).unwrap().unwrap(), blob);
    }

    #[test]
    fn what_never_came_whole_leaves_nothing_even_over_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let incoming = data.path().join("blobs").join(INCOMING);
        let left = || std::fs::read_dir(&incoming).unwrap().count();
        let mut upload = blobs.receive(&Digest::of(b"x")).unwrap().unwrap();
        upload.write(&[7; 100]).unwrap();
        assert_eq!(left(), 1);
        assert!(matches!(upload.finish(), Err(BlobError::OtherDigest { .. })));
        assert_eq!(left(), 0);
        std::mem::forget(blobs.receive(&Digest::of(b"y")).unwrap());
        assert_eq!(left(), 1, "the power went");
        Blobs::open(data.path()).unwrap();
        assert_eq!(left(), 0);
    }
}
