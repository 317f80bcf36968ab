//! What was seen of a scheme's log: the entries, and the checkpoint over them. A server that
//! later shows another history contradicts these files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::{Checkpoint, Note};
use ctl_core::{Digest, Timestamp};
use ctl_host::files::sync_directory;

use crate::entries::{Entries, FILES};
use crate::{ReplicaError, files};

/// The file with the last checkpoint.
const CHECKPOINT: &str = "checkpoint";
/// The file with the snapshot of the state.
const SNAPSHOT: &str = "state.snapshot";
/// Where the entries of a log are put that is downloaded once more.
const AFRESH: &str = "afresh";

/// The folder of one scheme.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    directory: PathBuf,
}

/// What was seen last.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The signed checkpoint. Its signature was verified before it was kept.
    pub(crate) note: Note,
    /// The same, read.
    pub(crate) checkpoint: Checkpoint,
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
        self.directory.join(CHECKPOINT)
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
        Ok(Some(Seen { note, checkpoint, since }))
    }

    /// Keeps a checkpoint. The entries below it are on disk: after a crash in between, the checkpoint before still
    /// covers those that it counts.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn save(&self, note: &Note) -> Result<(), ReplicaError> {
        files::write(&self.checkpoint_path(), note.to_string().as_bytes())
    }

    /// The entries in this folder.
    ///
    /// # Errors
    /// The files cannot be opened or made.
    pub(crate) fn entries(&self) -> Result<Entries, ReplicaError> {
        Entries::open(&self.directory).map_err(ReplicaError::file(&self.directory))
    }

    /// An empty place for entries beside those in this folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn entries_afresh(&self) -> Result<Entries, ReplicaError> {
        let directory = self.directory.join(AFRESH);
        // What an interrupted process left.
        let _ = std::fs::remove_dir_all(&directory);
        let made = std::fs::create_dir(&directory).and_then(|()| Entries::open(&directory));
        made.map_err(ReplicaError::file(&directory))
    }

    /// Puts entries that were downloaded and verified elsewhere in the place of those in this folder.
    ///
    /// # Errors
    /// The files cannot be renamed.
    pub(crate) fn replace(&self, from: &Entries) -> Result<(), ReplicaError> {
        for name in FILES {
            let path = self.directory.join(name);
            std::fs::rename(from.directory().join(name), &path).map_err(ReplicaError::file(&path))?;
        }
        let _ = std::fs::remove_dir(self.directory.join(AFRESH));
        sync_directory(&self.directory).map_err(ReplicaError::file(&self.directory))
    }

    /// The file with the snapshot of the state.
    pub(crate) fn snapshot_path(&self) -> PathBuf {
        self.directory.join(SNAPSHOT)
    }

    /// Puts aside what was seen of a log that ended. The snapshot is not needed any more: it follows from the rest.
    ///
    /// # Errors
    /// The files cannot be renamed.
    pub(crate) fn put_aside(&self, size: u64) -> Result<(), ReplicaError> {
        for path in [CHECKPOINT, "entries", "offsets"].map(|name| self.directory.join(name)) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let aside = self.directory.join(format!("ended-{size}.{name}"));
            match std::fs::rename(&path, &aside) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                other => other.map_err(ReplicaError::file(&path))?,
            }
        }
        self.remove_snapshot()
    }

    /// Removes the snapshot, if there is one.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub(crate) fn remove_snapshot(&self) -> Result<(), ReplicaError> {
        match std::fs::remove_file(self.snapshot_path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(ReplicaError::file(self.snapshot_path())),
        }
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
        damaged(&self.directory, problem)
    }
}

/// The error about files in this folder that are not what was written.
pub(crate) fn damaged(directory: &Path, problem: impl std::fmt::Display) -> ReplicaError {
    ReplicaError::input(
        directory.display(),
        format_args!(
            "what was remembered of the log is damaged ({problem}). Deleting this folder forgets what you have seen of \
             the scheme: first compare its checkpoint with another person's"
        ),
    )
}
