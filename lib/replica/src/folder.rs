//! What was seen of a scheme's log: the entries, and the checkpoint over them. A server that
//! later shows another history contradicts these files.

use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::{Checkpoint, MAX_ENTRY_BYTES, Note};
use ctl_core::{Digest, Timestamp};

use crate::{ReplicaError, files};

/// The folder of one scheme.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    directory: PathBuf,
}

/// What was seen last.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The signed checkpoint. Its signature was verified before it was kept.
    pub(crate) note: Note,
    /// The same, read.
    pub(crate) checkpoint: Checkpoint,
    /// The entries below it, as read from disk: to be checked against the checkpoint's root.
    pub(crate) entries: Vec<Arc<[u8]>>,
    /// When the checkpoint was kept.
    pub(crate) since: Timestamp,
}

/// Held while a process reads or writes the folder.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Folder {
    /// The folder of one scheme; made if it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn open(root: &Path, scheme: &Digest) -> Result<Self, ReplicaError> {
        let directory = root.join(scheme.to_string());
        std::fs::create_dir_all(&directory).map_err(ReplicaError::file(&directory))?;
        Ok(Self { directory })
    }

    /// Waits until no other process uses the folder.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub(crate) fn lock(&self) -> Result<Lock, ReplicaError> {
        let path = self.directory.join("lock");
        let file = File::create(&path).map_err(ReplicaError::file(&path))?;
        file.lock().map_err(ReplicaError::file(&path))?;
        Ok(Lock { _file: file })
    }

    /// The folder itself.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn checkpoint_path(&self) -> PathBuf {
        self.directory.join("checkpoint")
    }

    fn entries_path(&self) -> PathBuf {
        self.directory.join("entries")
    }

    /// What was seen last; nothing on first contact.
    ///
    /// # Errors
    /// The files are damaged.
    pub(crate) fn load(&self) -> Result<Option<Seen>, ReplicaError> {
        let path = self.checkpoint_path();
        let Some(bytes) = files::read_if_any(&path, MAX_NOTE_BYTES)? else { return Ok(None) };
        let since =
            std::fs::metadata(&path).and_then(|data| data.modified()).map_err(ReplicaError::file(&path))?;
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let note = Note::parse(&bytes).map_err(|e| self.damaged(e))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|e| self.damaged(e))?;
        let path = self.entries_path();
        let mut reader = BufReader::new(File::open(&path).map_err(ReplicaError::file(&path))?);
        let mut entries = Vec::new();
        for index in 0..checkpoint.size {
            let entry = read_entry(&mut reader).map_err(|e| self.damaged(format!("entry {index}: {e}")))?;
            entries.push(entry);
        }
        Ok(Some(Seen { note, checkpoint, entries, since }))
    }

    /// Keeps new entries behind `kept` old ones, then the checkpoint: after a crash between the two,
    /// the old checkpoint still covers the entries that it counts.
    ///
    /// # Errors
    /// The files cannot be written.
    pub(crate) fn save(&self, note: &Note, entries: &[Arc<[u8]>], kept: usize) -> Result<(), ReplicaError> {
        let path = self.entries_path();
        let offset: u64 = entries.iter().take(kept).map(|entry| entry.len() as u64 + 2).sum();
        let written = (|| {
            let mut file = File::options().write(true).create(true).truncate(false).open(&path)?;
            file.set_len(offset)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            for entry in entries.iter().skip(kept) {
                let length = u16::try_from(entry.len()).map_err(std::io::Error::other)?;
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(entry);
            }
            file.write_all(&bytes)?;
            file.sync_all()
        })();
        written.map_err(ReplicaError::file(&path))?;
        files::write(&self.checkpoint_path(), note.to_string().as_bytes())
    }

    /// Puts aside what was seen of a log that ended.
    ///
    /// # Errors
    /// The files cannot be renamed.
    pub(crate) fn put_aside(&self, size: u64) -> Result<(), ReplicaError> {
        for path in [self.checkpoint_path(), self.entries_path()] {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let aside = self.directory.join(format!("ended-{size}.{name}"));
            match std::fs::rename(&path, &aside) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                other => other.map_err(ReplicaError::file(&path))?,
            }
        }
        Ok(())
    }

    /// Keeps a checkpoint that contradicts the one seen before: the two together prove what the log did.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn keep_conflict(&self, note: &Note) -> Result<PathBuf, ReplicaError> {
        let path = self.directory.join("checkpoint.conflicting");
        files::write(&path, note.to_string().as_bytes())?;
        Ok(path)
    }

    /// The error about files that are not what was written.
    pub(crate) fn damaged(&self, problem: impl std::fmt::Display) -> ReplicaError {
        ReplicaError::input(
            self.directory.display(),
            format_args!(
                "what was remembered of the log is damaged ({problem}). Deleting this folder forgets what you \
                 have seen of the scheme: first compare its checkpoint with another person's"
            ),
        )
    }
}

fn read_entry(reader: &mut impl std::io::Read) -> std::io::Result<Arc<[u8]>> {
    let mut length = [0; 2];
    reader.read_exact(&mut length)?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > MAX_ENTRY_BYTES {
        return Err(std::io::Error::other("longer than an entry may be"));
    }
    let mut entry = vec![0; length];
    reader.read_exact(&mut entry)?;
    Ok(entry.into())
}
