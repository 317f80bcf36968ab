//! Recovers from a failed storage: opens it again, verifies it, and goes on recording. A full disk and a lack of file
//! descriptors pass by themselves; nobody need restart the server for them.
//!
//! Verified means that every entry that readers have seen has its leaf hash, and that whatever follows is exactly what
//! was being written at the failure. Anything else is damage, which a restart diagnoses.

use std::fmt;
use std::time::{Duration, Instant};

use ctl_core::log::leaf_hash;
use ctl_governance::State;
use ctl_governance::statement::Entry;

use super::{Shared, StoreError};

/// How often requests are checked while the storage is not recovered.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// The pause before the first attempt after a failure; each further pause is twice as long.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);

/// What failed.
pub(super) enum Failure {
    /// The store.
    Store(StoreError),
    /// The file with the last signed checkpoint.
    Head(std::io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            // The sender of the statement sees this, so it does not name the place.
            Self::Head(error) => write!(f, "the file `checkpoint` cannot be written: {error}"),
        }
    }
}

impl Failure {
    /// Whether an attempt makes sense. After a failed write the kernel may show pages that never reached the disk, so
    /// reading them again proves nothing.
    pub(super) fn passes(&self) -> bool {
        let (Self::Store(StoreError::Failed(error)) | Self::Head(error)) = self else { return true };
        error.raw_os_error() != Some(rustix::io::Errno::IO.raw_os_error())
    }
}

/// Entries that may or may not be on the disk.
pub(super) struct Unsettled {
    pub(super) entries: Vec<Entry>,
    /// The state including them.
    pub(super) state: State,
    /// The checkpoint including them; nobody has seen it.
    pub(super) checkpoint: Vec<u8>,
}

/// A failed storage.
pub(super) struct Trouble {
    /// Whether the store itself failed, not only the checkpoint file.
    reopen: bool,
    unsettled: Option<Box<Unsettled>>,
    due: Instant,
    pause: Duration,
}

/// The result of an attempt.
pub(super) enum Mended {
    /// Recording goes on; the unsettled entries are recorded, or they are not.
    Whole(Option<Box<Unsettled>>),
    /// The cause is still there.
    Later(Box<Trouble>),
    /// The store is not what it was.
    Never(String),
}

impl Trouble {
    /// Notes a failure, also for readers.
    pub(super) fn begins(
        shared: &Shared,
        why: String,
        reopen: bool,
        unsettled: Option<Box<Unsettled>>,
    ) -> Self {
        tracing::error!(why, "the ledger's storage failed; nothing is recorded until it works again");
        shared.set_trouble(Some(why));
        Self { reopen, unsettled, due: Instant::now() + FIRST, pause: FIRST }
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Opens what failed, and verifies it.
    pub(super) fn mend(mut self, shared: &Shared) -> Mended {
        if self.reopen {
            if let Err(error) = shared.store.reopen() {
                return self.later(shared, error.to_string());
            }
            match is_recorded(shared, self.unsettled.as_deref()) {
                Ok(recorded) => {
                    self.reopen = false;
                    self.unsettled = self.unsettled.filter(|_| recorded);
                }
                Err(StoreError::Failed(error)) => return self.later(shared, error.to_string()),
                Err(error) => {
                    let advice = "Restart the server: it tells then what is damaged and how to restore it";
                    return Mended::Never(format!("{error}. {advice}"));
                }
            }
        }
        if let Some(unsettled) = &self.unsettled
            && let Err(error) = write_head(shared, &unsettled.checkpoint)
        {
            return self.later(shared, error.to_string());
        }
        Mended::Whole(self.unsettled)
    }

    fn later(mut self, shared: &Shared, why: String) -> Mended {
        shared.set_trouble(Some(why));
        self.pause = self.pause.saturating_mul(2).min(LONGEST);
        self.due = Instant::now() + self.pause;
        Mended::Later(Box::new(self))
    }
}

/// Writes the checkpoint file.
pub(super) fn write_head(shared: &Shared, checkpoint: &[u8]) -> Result<(), Failure> {
    let Some(head) = &shared.head else { return Ok(()) };
    head.write(checkpoint).map_err(Failure::Head)
}

/// Compares the store with what readers have seen and what was being written; returns whether the latter is recorded.
fn is_recorded(shared: &Shared, unsettled: Option<&Unsettled>) -> Result<bool, StoreError> {
    let (snapshot, store) = (shared.snapshot.load(), &shared.store);
    let seen = snapshot.size();
    let damaged = |index, why: &str| StoreError::DamagedEntry { index, why: why.into() };
    for index in 0..seen {
        let entry = store.entry(index)?.ok_or_else(|| damaged(index, "it is missing"))?;
        if snapshot.log.leaf(index).ok() != Some(leaf_hash(&entry)) {
            return Err(damaged(index, "it is not the one that was recorded"));
        }
    }
    let written = store.size().saturating_sub(seen);
    let (expected, checkpoint) = match unsettled {
        Some(unsettled) if written > 0 => (unsettled.entries.as_slice(), &*unsettled.checkpoint),
        _ => (&[][..], &*snapshot.checkpoint),
    };
    for (index, entry) in (seen..).zip(expected) {
        if store.entry(index)?.as_ref() != Some(&entry.bytes) {
            return Err(damaged(index, "it is not the one that was being written"));
        }
    }
    if written != expected.len() as u64 {
        return Err(damaged(seen, "nobody wrote it"));
    }
    if store.checkpoint()?.as_deref() != Some(checkpoint) {
        return Err(StoreError::Damaged("its last checkpoint is not the one that was signed".into()));
    }
    Ok(written > 0)
}
