//! What the client remembers, as data. How it survives a power cut stands in [`directory`].

mod directory;

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::ListId;
use ctl_core::notices::NoticeEntry;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::apart::Apart;
use crate::local::TakenUp;
pub use directory::{BACKUP, ROOT, STATE, StateDirectory};

/// A file of TUF metadata that is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMetadata {
    /// Its digest: where it is kept.
    pub sha256: Digest,
    /// Its version, which stands even if the file is damaged.
    pub version: u64,
}

/// The largest log that was ever seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMemory {
    /// The signed checkpoint: where it is kept.
    pub note: Digest,
    /// Number of entries.
    pub size: u64,
    /// Root hash over them.
    pub root: Digest,
    /// Names of the witnesses whose cosignatures held.
    pub witnesses: Vec<String>,
    /// How many the root asks for.
    pub witnesses_needed: u32,
    /// How many restarts root.json named then: after one more, another history may follow.
    pub restarts: usize,
}

/// How a log contradicts what is remembered of it. Each is signed with the log's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contradiction {
    /// The newest log shown has fewer entries.
    Smaller,
    /// As many entries, and another root; or it provably does not begin with what is remembered.
    OtherHistory,
}

/// A log that contradicts what is remembered of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// How.
    pub how: Contradiction,
    /// The signed checkpoint that was shown first: where it is kept.
    pub note: Digest,
    /// Its number of entries.
    pub size: u64,
    /// Its root hash.
    pub root: Digest,
    /// When it was shown, by the time that counted.
    pub since: Timestamp,
}

/// What came of a restart of the log that root.json names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartSeen {
    /// Which one, from 1.
    pub number: usize,
    /// Entries remembered of the log that ended.
    pub held: u64,
    /// Whether the log that began does not contain what was remembered.
    pub replaced: bool,
}

/// The files of metadata by which a document was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouchers {
    /// `root.json`.
    pub root: Digest,
    /// The top-level `targets.json`.
    pub targets: Digest,
    /// The document's own role.
    pub role: Digest,
}

/// A list, the registry or the notices, as accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// Its digest: where it is kept.
    pub sha256: Digest,
    /// Its number.
    pub sequence: u64,
    /// When it was drafted.
    pub issued_at: Timestamp,
    /// When a newer one is due.
    pub next_update: Timestamp,
    /// The log's proof: where it is kept.
    pub proof: Digest,
    /// Proof that the log it was drafted from is the beginning of the proof's.
    pub consistency: Vec<Digest>,
    /// The metadata that vouched for it.
    pub vouchers: Vouchers,
    /// When this device accepted it, by its own clock.
    pub accepted_at: Option<Timestamp>,
    /// How many identifiers it has, if it is the registry.
    #[serde(default)]
    pub identifiers: Option<usize>,
}

impl DocumentRecord {
    /// Everything that it refers to.
    #[must_use]
    pub const fn objects(&self) -> [Digest; 5] {
        let Vouchers { root, targets, role } = self.vouchers;
        [self.sha256, self.proof, root, targets, role]
    }
}

/// A sink that was found to hold what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// What that followed from ([`Plan::evidence`](crate::sink::Plan::evidence)).
    pub evidence: Digest,
    /// A name for what it holds, to know whether that was told.
    pub holding: Digest,
}

/// Everything that the client remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Always 1.
    pub format: u32,
    /// Counts commits.
    pub generation: u64,
    /// The roots accepted after the one that the client was born with, in order.
    pub roots: Vec<Digest>,
    /// Trusted TUF metadata by file name.
    pub metadata: BTreeMap<String, KeptMetadata>,
    /// The largest log that was ever seen.
    pub log: Option<LogMemory>,
    /// The documents in force.
    pub documents: BTreeMap<Role, DocumentRecord>,
    /// Whether it is known which notices are in force, be it none.
    pub notices_known: bool,
    /// Every suspension that nothing has lifted, also those that the newest notices do not name.
    pub suspensions: Vec<NoticeEntry>,
    /// The contradiction, as long as the log contradicts what is remembered of it.
    pub conflict: Option<Conflict>,
    /// What versions that came meanwhile take away, until a version of at least their sequence is
    /// fully accepted.
    pub apart: BTreeMap<Role, Apart>,
    /// What is taken up of each list, and what waits.
    pub taken: BTreeMap<ListId, TakenUp>,
    /// Why the roll-out was paused at the last sync, if it was.
    pub rollout_paused: Option<String>,
    /// What came of the last restart of the log.
    pub restart: Option<RestartSeen>,
    /// After a restart that replaced history: the sequences that the next versions, which cannot
    /// continue the ones held, are greater than.
    pub go_on_from: BTreeMap<Role, u64>,
    /// The latest time that people ever signed: it is not earlier than that.
    pub known_time: Timestamp,
    /// Fingerprints of every certificate ever put into a sink, by sink.
    pub placed: BTreeMap<String, BTreeSet<Digest>>,
    /// Sinks that were found to hold what they should, with nothing left to do.
    #[serde(default)]
    pub settled: BTreeMap<String, Settled>,
    /// Sinks whose command after a change has not succeeded yet.
    pub commands_due: BTreeSet<String>,
    /// Set while the memory that was lost by damage is not replaced from the network yet.
    pub memory_lost: bool,
    /// How often the memory was lost by damage and begun anew from the trusted root.
    pub recoveries: u64,
}

impl State {
    fn objects(&self) -> BTreeSet<Digest> {
        let mut objects: BTreeSet<Digest> = self.roots.iter().copied().collect();
        objects.extend(self.metadata.values().map(|kept| kept.sha256));
        objects.extend(self.log.iter().map(|log| log.note));
        objects.extend(self.conflict.iter().map(|conflict| conflict.note));
        objects.extend(self.documents.values().flat_map(DocumentRecord::objects));
        objects
    }
}
