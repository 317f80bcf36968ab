//! The client's workflow of specification §5 as a machine without I/O.
//!
//! The caller takes steps: it fetches what a step asks for and feeds the answer, and writes what a
//! step tells it to keep, until the step is `Done`. After an error nothing has changed and the same
//! step is given again, so that another mirror may be tried.

use std::collections::{BTreeMap, VecDeque};

use super::lookup::Walk;
use super::metadata::{MetaFile, Root, Snapshot, Targets, Timestamp};
use super::verify::{check_expiry, delegated_threshold, trusted_root, verify_role, verify_root_rotation};
use super::{Limits, Signed, TufError, paths};
use crate::Timestamp as Moment;

/// What is known of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// A clock that is trusted.
    Known(Moment),
    /// No clock: it is this late at least, by the greatest signed time verified so far. Stale
    /// metadata younger than that passes, so freshness must be reported as unknown.
    UnknownButAfter(Moment),
}

impl Clock {
    /// The earliest that it can be.
    #[must_use]
    pub const fn earliest(self) -> Moment {
        match self {
            Self::Known(time) | Self::UnknownButAfter(time) => time,
        }
    }
}

/// What was kept by earlier runs, or what the device was born with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMetadata {
    /// The trusted `root.json`.
    pub root: Vec<u8>,
    /// Every other file that was kept, by the name that [`Step::Keep`] gave it. Verified again, and
    /// ignored if it no longer verifies.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What the caller has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Fetch this path below the metadata's base, at most `max_bytes`, and feed the answer.
    Fetch {
        /// Relative, percent-encoded.
        path: String,
        /// More must not be read.
        max_bytes: usize,
        /// Whether its absence (HTTP 404) is an answer rather than a failure.
        may_be_missing: bool,
    },
    /// Write this file, atomically, before the next step.
    Keep {
        /// Such as `root.json` or `na.json`; one safe path segment.
        name: String,
        /// As received.
        bytes: Vec<u8>,
    },
    /// Delete this file if it exists, and forget its version: its keys were replaced, and what they signed must not block recovery.
    Discard {
        /// `timestamp.json` or `snapshot.json`.
        name: String,
    },
    /// Nothing, until the caller looks for a target.
    Done,
}

/// The answer to [`Step::Fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The file.
    Bytes(Vec<u8>),
    /// There is no such file.
    NotFound,
}

/// What is asked for next.
#[derive(Clone, Debug)]
enum Phase {
    Root,
    Timestamp,
    Snapshot,
    Role { role: String, parent: String },
    Ready,
}

/// One run of the workflow.
#[derive(Debug)]
pub struct Updater {
    pub(super) limits: Limits,
    clock: Clock,
    root: Signed<Root>,
    rotations: u32,
    files: BTreeMap<String, Vec<u8>>,
    timestamp: Option<Signed<Timestamp>>,
    snapshot: Option<Signed<Snapshot>>,
    roles: BTreeMap<(String, String), Signed<Targets>>,
    phase: Phase,
    todo: VecDeque<Step>,
    pub(super) walk: Option<Walk>,
}

impl Updater {
    /// Begins with what is trusted.
    ///
    /// # Errors
    /// [`TufError`] if the trusted root is no root signed by its own board.
    pub fn new(local: LocalMetadata, clock: Clock, limits: Limits) -> Result<Self, TufError> {
        Ok(Self {
            root: trusted_root(&local.root, &limits)?,
            limits,
            clock,
            rotations: 0,
            files: local.files,
            timestamp: None,
            snapshot: None,
            roles: BTreeMap::new(),
            phase: Phase::Root,
            todo: VecDeque::new(),
            walk: None,
        })
    }

    /// What to do next.
    ///
    /// # Errors
    /// What kept the search for a target from going on: [`Updater::seek`] another one, or give up.
    pub fn step(&mut self) -> Result<Step, TufError> {
        if let Some(step) = self.todo.pop_front() {
            return Ok(step);
        }
        if let Some(error) = self.walk.as_ref().and_then(|walk| walk.failed.clone()) {
            return Err(error);
        }
        let (path, limit, listed) = match &self.phase {
            Phase::Ready => return Ok(Step::Done),
            Phase::Root => {
                let next = self.root.signed.version.saturating_add(1);
                (format!("{next}.root.json"), self.limits.root, None)
            }
            Phase::Timestamp => ("timestamp.json".into(), self.limits.timestamp, None),
            Phase::Snapshot => {
                let file = self.listed_snapshot()?;
                (self.versioned("snapshot", file), self.limits.snapshot, file.length)
            }
            Phase::Role { role, .. } => {
                let file = self.current_snapshot()?.role(role)?;
                (self.versioned(role, file), self.limits.targets, file.length)
            }
        };
        let listed = listed.and_then(|length| usize::try_from(length).ok()).unwrap_or(limit);
        let may_be_missing = matches!(self.phase, Phase::Root);
        Ok(Step::Fetch { path, max_bytes: limit.min(listed), may_be_missing })
    }

    /// Takes the answer to the last [`Step::Fetch`].
    ///
    /// # Errors
    /// [`TufError`] if it was refused. Nothing has changed then.
    pub fn feed(&mut self, response: Response) -> Result<(), TufError> {
        if !self.todo.is_empty() {
            return Err(TufError::OutOfTurn);
        }
        match (self.phase.clone(), response) {
            (Phase::Ready, _) => Err(TufError::OutOfTurn),
            (Phase::Root, Response::NotFound) => self.end_root_chain(),
            (Phase::Root, Response::Bytes(bytes)) => self.accept_root(bytes),
            (_, Response::NotFound) => match self.step()? {
                Step::Fetch { path, .. } => Err(TufError::Missing { path }),
                _ => Err(TufError::OutOfTurn),
            },
            (Phase::Timestamp, Response::Bytes(bytes)) => self.accept_timestamp(bytes),
            (Phase::Snapshot, Response::Bytes(bytes)) => self.accept_snapshot(bytes),
            (Phase::Role { role, parent }, Response::Bytes(bytes)) => self.accept_role(role, parent, bytes),
        }
    }

    /// The newest root accepted so far.
    #[must_use]
    pub const fn root(&self) -> &Signed<Root> {
        &self.root
    }

    /// The timestamp, once accepted.
    #[must_use]
    pub fn timestamp(&self) -> Option<&Timestamp> {
        self.timestamp.as_ref().map(|signed| &signed.signed)
    }

    /// The snapshot, once accepted.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref().map(|signed| &signed.signed)
    }

    /// The top-level targets, once accepted.
    #[must_use]
    pub fn targets(&self) -> Option<&Signed<Targets>> {
        self.role("targets", "root")
    }

    /// A delegated role that was loaded while looking for a target, as `parent` delegated it.
    #[must_use]
    pub fn role(&self, role: &str, parent: &str) -> Option<&Signed<Targets>> {
        self.roles.get(&(role.to_owned(), parent.to_owned()))
    }

    pub(super) fn interrupt(&mut self) {
        self.phase = Phase::Ready;
    }

    /// §5.3: one root at a time, each signed by the one before and by itself.
    fn accept_root(&mut self, bytes: Vec<u8>) -> Result<(), TufError> {
        if self.rotations >= self.limits.root_rotations {
            return Err(TufError::EndlessRootChain { limit: self.limits.root_rotations });
        }
        let new = Signed::<Root>::parse("root", &bytes, self.limits.root)?;
        verify_root_rotation(&self.root.signed, &new)?;
        // §5.3.11, fast-forward recovery. It happens with the root that replaces the keys, so that
        // an interrupted run does not forget it.
        if lost_key(&self.root.signed, &new.signed, "timestamp")
            || lost_key(&self.root.signed, &new.signed, "snapshot")
        {
            for name in ["timestamp.json", "snapshot.json"] {
                // Also if it could not be read: its version may be remembered next to it.
                self.files.remove(name);
                self.todo.push_back(Step::Discard { name: name.into() });
            }
        }
        self.root = new;
        self.rotations = self.rotations.saturating_add(1);
        self.todo.push_back(Step::Keep { name: "root.json".into(), bytes });
        Ok(())
    }

    /// §5.3.10: only the last root's expiry counts. Then what was kept of the timestamp is read
    /// again: it may have expired, but nothing older may follow it.
    fn end_root_chain(&mut self) -> Result<(), TufError> {
        check_expiry("root", &self.root.signed, self.clock)?;
        self.timestamp = self.files.get("timestamp.json").and_then(|bytes| self.read_timestamp(bytes).ok());
        self.phase = Phase::Timestamp;
        Ok(())
    }

    fn read_timestamp(&self, bytes: &[u8]) -> Result<Signed<Timestamp>, TufError> {
        let signed = Signed::parse("timestamp", bytes, self.limits.timestamp)?;
        verify_role("timestamp", &signed, &self.root.signed.threshold("timestamp"))?;
        Ok(signed)
    }

    /// §5.4.
    fn accept_timestamp(&mut self, bytes: Vec<u8>) -> Result<(), TufError> {
        let new = self.read_timestamp(&bytes)?;
        if let Some(old) = &self.timestamp {
            not_older("timestamp", old.signed.version, new.signed.version)?;
            if old.signed.version == new.signed.version {
                // §5.4.3.1: nothing new; what was kept stays.
                check_expiry("timestamp", &old.signed, self.clock)?;
                return self.begin_snapshot();
            }
            not_older("snapshot", old.signed.snapshot()?.version, new.signed.snapshot()?.version)?;
        }
        check_expiry("timestamp", &new.signed, self.clock)?;
        self.timestamp = Some(new);
        self.keep("timestamp", bytes);
        self.begin_snapshot()
    }

    /// A snapshot that was kept still guards against rollback when it is not the current one.
    fn begin_snapshot(&mut self) -> Result<(), TufError> {
        let kept = self.files.get("snapshot.json").and_then(|bytes| {
            let signed = self.read_snapshot(bytes).ok()?;
            let listed = self.listed_snapshot().ok()?;
            let current = listed.version == signed.signed.version
                && listed.check_bytes("snapshot.json", bytes).is_ok()
                && check_expiry("snapshot", &signed.signed, self.clock).is_ok();
            Some((signed, current))
        });
        self.phase = Phase::Snapshot;
        if let Some((signed, current)) = kept {
            self.snapshot = Some(signed);
            if current {
                return self.load_role("targets".into(), "root".into());
            }
        }
        Ok(())
    }

    fn read_snapshot(&self, bytes: &[u8]) -> Result<Signed<Snapshot>, TufError> {
        let signed = Signed::parse("snapshot", bytes, self.limits.snapshot)?;
        verify_role("snapshot", &signed, &self.root.signed.threshold("snapshot"))?;
        Ok(signed)
    }

    /// §5.5.
    fn accept_snapshot(&mut self, bytes: Vec<u8>) -> Result<(), TufError> {
        let listed = self.listed_snapshot()?;
        listed.check_bytes("snapshot.json", &bytes)?;
        let new = self.read_snapshot(&bytes)?;
        listed_version("snapshot", listed, new.signed.version)?;
        if let Some(old) = &self.snapshot {
            not_older("snapshot", old.signed.version, new.signed.version)?;
            for (name, file) in &old.signed.meta {
                let role = name.strip_suffix(".json").unwrap_or(name);
                let now = new.signed.role(role).map_err(|_| TufError::RoleDropped { role: role.into() })?;
                not_older(role, file.version, now.version)?;
            }
        }
        check_expiry("snapshot", &new.signed, self.clock)?;
        self.snapshot = Some(new);
        self.keep("snapshot", bytes);
        self.load_role("targets".into(), "root".into())
    }

    /// Makes a role's targets available: from what was kept if that is the listed version, else by
    /// asking for it.
    pub(super) fn load_role(&mut self, role: String, parent: String) -> Result<(), TufError> {
        let kept = self.files.get(&paths::role_file(&role));
        let signed = kept.and_then(|bytes| self.read_role(&role, &parent, bytes).ok());
        match signed {
            Some(signed) => self.have_role(role, parent, signed),
            None => {
                self.current_snapshot()?.role(&role)?;
                self.phase = Phase::Role { role, parent };
            }
        }
        Ok(())
    }

    /// §5.6.
    fn read_role(&self, role: &str, parent: &str, bytes: &[u8]) -> Result<Signed<Targets>, TufError> {
        let listed = self.current_snapshot()?.role(role)?;
        listed.check_bytes(&paths::role_file(role), bytes)?;
        let signed = Signed::<Targets>::parse(role, bytes, self.limits.targets)?;
        let threshold = if role == "targets" {
            self.root.signed.threshold(role)
        } else {
            let by = self.parent(parent).ok_or_else(|| TufError::NotDelegated { role: role.into() })?;
            delegated_threshold(&by.signed, role)?
        };
        verify_role(role, &signed, &threshold)?;
        listed_version(role, listed, signed.signed.version)?;
        check_expiry(role, &signed.signed, self.clock)?;
        Ok(signed)
    }

    fn accept_role(&mut self, role: String, parent: String, bytes: Vec<u8>) -> Result<(), TufError> {
        let signed = self.read_role(&role, &parent, &bytes)?;
        self.keep(&role, bytes);
        self.have_role(role, parent, signed);
        Ok(())
    }

    fn have_role(&mut self, role: String, parent: String, signed: Signed<Targets>) {
        self.roles.insert((role, parent), signed);
        self.phase = Phase::Ready;
        self.go_on_walking();
    }

    /// A role as loaded in this run. Its version is fixed by the snapshot and its bytes are the same
    /// whoever delegated to it, so any of the verified copies will do.
    pub(super) fn parent(&self, role: &str) -> Option<&Signed<Targets>> {
        self.roles.iter().find(|((name, _), _)| name == role).map(|(_, signed)| signed)
    }

    fn keep(&mut self, role: &str, bytes: Vec<u8>) {
        let name = paths::role_file(role);
        self.files.insert(name.clone(), bytes.clone());
        self.todo.push_back(Step::Keep { name, bytes });
    }

    fn listed_snapshot(&self) -> Result<&MetaFile, TufError> {
        self.timestamp.as_ref().ok_or(TufError::OutOfTurn)?.signed.snapshot()
    }

    fn current_snapshot(&self) -> Result<&Snapshot, TufError> {
        self.snapshot().ok_or(TufError::OutOfTurn)
    }

    fn versioned(&self, role: &str, file: &MetaFile) -> String {
        let name = paths::role_file(role);
        if self.root.signed.consistent_snapshot { format!("{}.{name}", file.version) } else { name }
    }
}

fn not_older(role: &str, trusted: u64, found: u64) -> Result<(), TufError> {
    if found >= trusted { Ok(()) } else { Err(TufError::Rollback { role: role.into(), trusted, found }) }
}

fn listed_version(role: &str, listed: &MetaFile, found: u64) -> Result<(), TufError> {
    let listed = listed.version;
    if found == listed { Ok(()) } else { Err(TufError::WrongVersion { role: role.into(), listed, found }) }
}

/// Whether a key that signed for the role no longer does: then somebody else may have had it.
fn lost_key(old: &Root, new: &Root, role: &str) -> bool {
    let (old, new) = (old.threshold(role), new.threshold(role));
    old.keys.values().any(|had| new.keys.values().all(|has| has.key != had.key))
}
