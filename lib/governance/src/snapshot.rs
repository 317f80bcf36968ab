//! A state written down, so that what has been replayed once need not be replayed again.
//!
//! A snapshot is kept by whoever replays a ledger: the server next to the ledger, a replica in its folder. It never
//! proves anything: the reader compares the size and root of [`Snapshot::state`] with a log whose signed checkpoint it
//! has, replays the entries that follow, and verifies the ledger from the genesis on when it has the time.
//!
//! The form, in this order: the state in JSON; what the writer adds; when each entry was recorded (8 bytes, big-endian);
//! the roots at every size from 0 on (32 bytes); the identities of the statements, ascending (32 bytes); the hashes of
//! the tree; one line of JSON, the seal. The seal names the format, the release, scheme, rules, size and root, and the
//! SHA-256 of everything before it. **What was read is written again**, and must be what was there, byte by byte: what
//! a reader does not know, leaves out or takes for something else makes a difference, and the snapshot is refused. A
//! refused snapshot costs a replay and nothing else.

pub(crate) mod form;

use std::io::{self, Write};

use ctl_core::log::Tree;
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::rules::RulesVersion;
use crate::state::State;

/// The format's number. It grows whenever a snapshot of the release before must not be taken: with each change to
/// [`State`], to its form, and to what the fold concludes.
pub const FORMAT: u32 = 2;

/// The largest snapshot that is read, in bytes: one entry takes some 200.
pub const MAX_BYTES: u64 = 16 << 30;

/// A snapshot is written after this many new entries, or after a share of all, so that the cost of writing snapshots
/// stays in proportion.
const STEP: u64 = 1_000;
const SHARE: u64 = 32;

/// Whether a log has grown enough since the last snapshot for another one.
#[must_use]
pub fn is_due(last: u64, size: u64) -> bool {
    size >= last.saturating_add(STEP.max(last / SHARE))
}

/// The largest seal in bytes.
const MAX_SEAL: usize = 1024;

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What follows from the entries.
    pub state: State,
    /// The tree over them.
    pub tree: Tree,
    /// What the writer added.
    pub added: Vec<u8>,
}

/// Why a snapshot cannot be used: replay the ledger instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Another release wrote it.
    #[error("it has the format {format} of release {release}; this is release {own} with format {FORMAT}", own = RELEASE)]
    Release { format: u32, release: String },
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

const RELEASE: &str = env!("CARGO_PKG_VERSION");

fn damaged(why: impl Into<String>) -> SnapshotError {
    SnapshotError::Damaged(why.into())
}

/// The last line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    format: u32,
    release: String,
    rules: RulesVersion,
    scheme: Digest,
    size: u64,
    root: Digest,
    /// Bytes of the state's JSON.
    state: u64,
    /// Bytes of what the writer added.
    added: u64,
    sha256: Digest,
}

/// What of a seal is looked at before the rest is understood.
#[derive(Deserialize)]
struct Origin {
    format: u32,
    release: String,
}

/// Counts and hashes what goes through.
struct Sealing<W> {
    out: W,
    hasher: Sha256,
    written: u64,
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        self.written = self.written.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a snapshot. `hashes` are those of the tree over the state's entries ([`Tree::hashes`]), `added` is whatever
/// the writer needs in addition. Many small writes: give it a buffered writer.
///
/// # Errors
/// What the writer says.
pub fn write(state: &State, hashes: &[u8], added: &[u8], mut out: impl Write) -> io::Result<()> {
    let seal = write_body(state, hashes, added, &mut out)?;
    out.write_all(b"\n")?;
    serde_json::to_writer(&mut out, &seal)?;
    out.flush()
}

fn write_body(state: &State, hashes: &[u8], added: &[u8], out: impl Write) -> io::Result<Seal> {
    let mut sealing = Sealing { out, hasher: Sha256::new(), written: 0 };
    serde_json::to_writer(&mut sealing, state)?;
    let json = sealing.written;
    sealing.write_all(added)?;
    for time in &state.times {
        sealing.write_all(&time.unix().to_be_bytes())?;
    }
    for root in &state.roots {
        sealing.write_all(root.as_bytes())?;
    }
    let mut recorded: Vec<&Digest> = state.recorded.iter().collect();
    recorded.sort_unstable();
    for statement in recorded {
        sealing.write_all(statement.as_bytes())?;
    }
    sealing.write_all(hashes)?;
    Ok(Seal {
        format: FORMAT,
        release: RELEASE.into(),
        rules: state.charter.rules,
        scheme: state.scheme,
        size: state.size(),
        root: state.root(),
        state: json,
        added: added.len() as u64,
        sha256: Digest::from_bytes(sealing.hasher.finalize().into()),
    })
}

/// Reads a snapshot. Whether it fits the ledger is for the caller to check.
///
/// # Errors
/// [`SnapshotError`]: replay the ledger.
pub fn read(bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
    let tail = bytes.get(bytes.len().saturating_sub(MAX_SEAL)..).unwrap_or(bytes);
    let line = tail.rsplit(|byte| *byte == b'\n').next().filter(|line| line.len() < tail.len());
    let line = line.ok_or_else(|| damaged("it has no seal"))?;
    let origin: Origin =
        serde_json::from_slice(line).map_err(|error| damaged(format!("its seal: {error}")))?;
    if (origin.format, origin.release.as_str()) != (FORMAT, RELEASE) {
        return Err(SnapshotError::Release { format: origin.format, release: origin.release });
    }
    let seal: Seal = serde_json::from_slice(line).map_err(|error| damaged(format!("its seal: {error}")))?;
    let body = bytes.get(..bytes.len().saturating_sub(line.len() + 1)).unwrap_or_default();
    let mut parts = Parts(body);

    let json = parts.take(Some(seal.state))?;
    let added = parts.take(Some(seal.added))?;
    let times = parts.take(seal.size.checked_mul(8))?;
    let roots = parts.take(seal.size.checked_add(1).and_then(|roots| roots.checked_mul(32)))?;
    let recorded = parts.take(seal.size.checked_mul(32))?;
    let hashes = parts.0;

    let mut state: State =
        serde_json::from_slice(json).map_err(|error| damaged(format!("the state: {error}")))?;
    let time = |bytes: &[u8; 8]| Timestamp::from_unix(i64::from_be_bytes(*bytes));
    state.times = times.as_chunks().0.iter().map(time).collect();
    let digest = |bytes: &[u8; 32]| Digest::from_bytes(*bytes);
    state.roots = roots.as_chunks().0.iter().map(digest).collect();
    state.recorded = recorded.as_chunks().0.iter().map(digest).collect();
    let tree = Tree::from_hashes(seal.size, hashes).map_err(|error| damaged(error.to_string()))?;

    state.frontier = tree.frontier();
    if state.frontier.root() != state.root() {
        return Err(damaged("its tree and its roots are of different logs"));
    }
    let again = write_body(&state, hashes, added, Same(body)).map_err(|error| damaged(error.to_string()))?;
    if again != seal {
        return Err(damaged("what it says is not what was sealed"));
    }
    Ok(Snapshot { state, tree, added: added.to_vec() })
}

/// A writer that accepts only these bytes.
struct Same<'a>(&'a [u8]);

impl Write for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let rest = self.0.strip_prefix(bytes);
        self.0 = rest.ok_or_else(|| io::Error::other("what was read of it is written in another way"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is left to be taken apart.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, length: Option<u64>) -> Result<&'a [u8], SnapshotError> {
        let length = length.and_then(|length| usize::try_from(length).ok());
        let split = length.and_then(|length| self.0.split_at_checked(length));
        let (part, rest) = split.ok_or_else(|| damaged("it ends too early"))?;
        self.0 = rest;
        Ok(part)
    }
}
