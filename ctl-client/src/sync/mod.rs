//! One sync: refresh the metadata, take up what is new and verified, remember it, write the sinks.
//!
//! The state is committed before the sinks are written. A sink's content follows from the state, so
//! a power cut in between is made good at the beginning of the next sync, before the network is
//! asked for anything.

mod conflict;
mod document;
mod history;
mod local;
mod metadata;
mod sinks;
mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_core::tuf::{Clock, TufError, Updater};
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::{self, Config};
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::metrics::Shown;
use crate::sink::{self, Sink};
use crate::state::{State, StateDirectory};
use crate::transport::{Source, TransportOptions};
pub(crate) use document::{check_proof, read as read_document};
pub(crate) use metadata::Trust;
pub use metadata::take_steps;
pub use sinks::InForce;
use sinks::delegated_lists;
use telling::Telling;

/// A clock may run behind the latest signed time by so much, in seconds, and is still believed.
const TOLERANCE: u64 = 86_400;
/// What a problem with the roll-out's gate is about.
const ROLL_OUT: &str = "roll-out";
const LAST_SYNC: &str = "last-sync.json";

/// What the client takes from the machine that it runs on.
pub struct Machine {
    /// The file system.
    pub files: Box<dyn Files>,
    /// The clock, right or wrong.
    pub now: Box<dyn Fn() -> Timestamp>,
    /// Bounds of the transport; the proxy is taken from the configuration if it names one.
    pub transport: TransportOptions,
    /// How long a command after a change may run.
    pub command_time: Duration,
    /// Sinks beside those that are configured.
    pub sinks: Vec<Box<dyn Sink>>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            files: Box::new(files::Disk),
            now: Box::new(system_time),
            transport: TransportOptions::default(),
            command_time: Duration::from_secs(60),
            sinks: vec![],
        }
    }
}

/// The system's clock.
#[must_use]
pub fn system_time() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_unix(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}

/// Something that went wrong and did not stop the rest.
#[derive(Debug)]
pub struct Problem {
    /// `repository`, a role, `log`, or a sink.
    pub about: String,
    /// What went wrong.
    pub error: ClientError,
}

/// Who refused files, and what was said.
#[derive(Clone, Debug)]
enum Refused {
    /// The command before a change.
    Check(String),
    /// The program to which they were handed.
    HandOver(String),
}

impl Refused {
    fn error(self, sink: String) -> ClientError {
        match self {
            Self::Check(problem) => ClientError::Check { sink, problem },
            Self::HandOver(problem) => ClientError::HandOver { sink, problem },
        }
    }
}

/// What a sync did.
#[derive(Debug, Default)]
pub struct SyncReport {
    /// Documents taken up, with their sequence.
    pub accepted: Vec<(Role, u64)>,
    /// Sinks that were changed.
    pub changed: Vec<String>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
    /// What went wrong. What was trusted before is still trusted.
    pub problems: Vec<Problem>,
    /// By sink, the files that the operator's command refused, or the program did not take: it is asked once.
    refused: BTreeMap<String, (Digest, Refused)>,
    /// What the history has told, and what it has to tell.
    telling: Option<Telling>,
}

impl SyncReport {
    /// Whether nothing went wrong.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether everything was fetched, verified and put in place, whatever is wrong with it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        // Who cannot be asked of the roll-out delays additions; what the lists say is known all the same.
        self.problems.iter().all(|problem| problem.about == ROLL_OUT || problem.error.is_complaint())
    }

    pub(crate) fn problem(&mut self, about: impl Into<String>, error: ClientError) {
        self.problems.push(Problem { about: about.into(), error });
    }
}

/// The outcome of the last sync, for `status`. Nothing that is trusted depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSync {
    /// When, by this device's clock.
    pub attempted_at: Timestamp,
    /// When a sync last succeeded, by this device's clock.
    pub succeeded_at: Option<Timestamp>,
    /// Failures since then.
    pub failures: u32,
    /// What went wrong: about what, and what.
    pub problems: Vec<(String, String)>,
}

/// A client on one state directory.
pub struct Client {
    pub(crate) config: Config,
    pub(crate) directory: StateDirectory,
    pub(crate) now: Box<dyn Fn() -> Timestamp>,
    pub(crate) sinks: Vec<Box<dyn Sink>>,
    transport: TransportOptions,
    command_time: Duration,
    /// Where metrics are shown.
    pub(crate) shown: Option<Shown>,
}

/// A state under work, with the files that it needs and that are not kept yet.
struct Work {
    state: State,
    objects: Vec<Vec<u8>>,
    /// Documents that were found whole on the medium a moment ago.
    whole: BTreeSet<Digest>,
}

impl Work {
    fn object(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.objects.push(bytes);
        digest
    }
}

impl Client {
    /// Opens a state directory that `init` made.
    ///
    /// # Errors
    /// [`ClientError::Config`].
    pub fn open(path: &Path, machine: Machine) -> Result<Self, ClientError> {
        let config = Config::read(path)?;
        let Machine { files, now, mut transport, command_time, sinks: others } = machine;
        transport.proxy = config.proxy.clone().or(transport.proxy);
        let directory = StateDirectory::open(path, files);
        let sinks = config.sink.iter().map(sink::open).chain(others).collect();
        Ok(Self { config, directory, now, sinks, transport, command_time, shown: None })
    }

    /// Reads the configuration again, and goes by it from now on. One that has mistakes changes nothing.
    ///
    /// # Errors
    /// [`ClientError::Config`].
    pub fn reread(&mut self) -> Result<(), ClientError> {
        let config = Config::read(self.directory.path())?;
        if config == self.config {
            return Ok(());
        }
        if config.identity != self.config.identity {
            let (path, problem) =
                (self.directory.path().join(config::FILE), "[identity] changes only by init".into());
            return Err(ClientError::Config { path, problem });
        }
        if config.proxy != self.config.proxy {
            self.transport.proxy.clone_from(&config.proxy);
        }
        let others = self.sinks.split_off(self.config.sink.len());
        self.sinks = config.sink.iter().map(sink::open).chain(others).collect();
        self.config = config;
        Ok(())
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// How the network is used.
    pub(crate) const fn transport(&self) -> &TransportOptions {
        &self.transport
    }

    /// The time that counts: the clock's, unless there is none or it contradicts what people have
    /// signed; and why not, then.
    #[must_use]
    pub fn clock(&self, known: Timestamp) -> (Clock, Option<String>) {
        if !self.config.clock {
            return (Clock::UnknownButAfter(known), None);
        }
        let now = (self.now)();
        if now.plus_seconds(TOLERANCE) < known {
            let why = format!(
                "this device's clock says {now}, but a document verified here was signed at {known}: the clock is \
                 wrong and is not used; set it"
            );
            return (Clock::UnknownButAfter(known), Some(why));
        }
        (Clock::Known(now.max(known)), None)
    }

    /// One sync. What went wrong is in the report; what was trusted before is still trusted.
    ///
    /// # Errors
    /// Only what makes any sync impossible: [`ClientError::RootDamaged`], [`ClientError::Busy`],
    /// [`ClientError::File`] of the state directory.
    pub async fn sync(&mut self) -> Result<SyncReport, ClientError> {
        let mut report = SyncReport::default();
        let done = self.sync_once(&mut report).await;
        match &done {
            // Another one is at work, and tells for itself.
            Err(ClientError::Busy { .. }) => return done.map(|()| report),
            Err(error) => {
                // What made it fail may keep this from being remembered, too: its age will tell.
                let _ = self.remember_outcome(false, vec![("state".into(), error.to_string())]);
            }
            Ok(()) => {
                let problems = report.problems.iter().map(|p| (p.about.clone(), p.error.to_string()));
                if let Err(error) = self.remember_outcome(report.is_complete(), problems.collect()) {
                    report.problem("state", error);
                }
            }
        }
        self.tell(&mut report, done.as_ref().err()).await;
        done.map(|()| report)
    }

    async fn sync_once(&mut self, report: &mut SyncReport) -> Result<(), ClientError> {
        let root = self.directory.trusted_root(&self.config.identity.root_sha256)?;
        self.directory.lock()?;
        report.telling = Some(self.begin_telling());
        let (state, damage) = self.directory.load()?;
        // What was lost altogether is begun anew only with something to remember.
        let mendable = !damage.is_empty() && !state.memory_lost;
        report.notes = damage;
        let clock = self.clock(state.known_time).0;
        let mut work = Work { state, objects: vec![], whole: BTreeSet::new() };

        let mut settled_before = work.state.settled.clone();
        let mut held = self.in_force(&work.state);
        let settled = self.write_sinks(&mut work.state, &held, None, report).await?;
        let before = work.state.clone();
        let is_whole = |role: &Role| self.follows(role) && !held.damaged.contains(role);
        let whole = before.documents.iter().filter(|(role, _)| is_whole(role));
        work.whole = whole.map(|(_, record)| record.sha256).collect();
        let source = Source::open(&self.config.url, &self.transport);
        match source {
            Ok(source) => self.refresh(&source, root, &mut work, report).await?,
            Err(error) => report.problem("repository", error.into()),
        }
        // What was read a moment ago, and has the digests that the state names, is not read again.
        if work.state.documents != before.documents || !held.damaged.is_empty() {
            held = self.in_force_with(&work.state, &work.objects);
        }
        self.take_up_additions(&mut work, &held, report).await;
        // An equal state is committed too where that mends a damaged medium.
        if work.state != before || mendable || self.directory.lacks(&work.state, &work.objects) {
            self.directory.commit(&mut work.state, &work.objects)?;
            settled_before.clone_from(&work.state.settled);
        }
        // From the same state, at the same moment, the same follows.
        if settled.is_none() || work.state != before || self.clock(work.state.known_time).0 != clock {
            self.write_sinks(&mut work.state, &held, settled.as_ref(), report).await?;
        }
        if work.state.settled != settled_before {
            // It saves the next sync work, and nothing else.
            let _ = self.directory.commit(&mut work.state, []);
        }
        Ok(())
    }

    /// From the first request to the new state. Problems with one document do not keep the others
    /// from being taken up: none of them can add trust to what another one removes.
    async fn refresh(
        &self,
        source: &Source,
        root: Vec<u8>,
        work: &mut Work,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let (clock, wrong) = self.clock(work.state.known_time);
        report.notes.extend(wrong);
        let (mut updater, trust) = match self.refresh_metadata(source, root, clock, work).await {
            Ok(refreshed) => refreshed,
            Err(error) => {
                report.problem("repository", error);
                return Ok(());
            }
        };
        let mut candidates = Vec::new();
        let lists = self.lists(&updater);
        for role in self.followed(&lists) {
            match self.candidate(source, &mut updater, &trust, &role, work).await {
                Ok(candidate) => candidates.extend(candidate),
                Err(error) if self.is_absent(&role, &error, &work.state) => {
                    work.state.notices_known |= role == Role::Notices;
                    report.notes.push(format!("{role}: nothing is published yet"));
                }
                Err(error) => report.problem(role.to_string(), error),
            }
        }
        self.accept(source, &trust, candidates, work, report).await?;

        // Not even the server's word that a list was never published brings trust back: who has its keys
        // could so hide what the list withdraws.
        let held = |list: &ListId| work.state.documents.contains_key(&Role::List(list.clone()));
        let recovered = work.state.notices_known && lists.iter().all(held);
        if work.state.memory_lost && recovered {
            work.state.memory_lost = false;
        }
        Ok(())
    }

    /// Whether a role simply has no document yet, which is no problem unless somebody counts on it.
    /// For notices only the board can say so, by appointing nobody to sign them: otherwise whoever
    /// has the server's keys could hide every suspension from a new device.
    fn is_absent(&self, role: &Role, error: &ClientError, state: &State) -> bool {
        if state.documents.contains_key(role) {
            return false;
        }
        let undescribed = matches!(error, ClientError::NotPublished { .. });
        let unlisted = matches!(error, ClientError::Tuf(TufError::NotListed { .. }));
        match role {
            Role::Notices => undescribed,
            Role::Registry => undescribed || unlisted,
            // A list that is named in the configuration is counted on.
            _ => self.config.lists.is_empty() && (undescribed || unlisted),
        }
    }

    /// The lists to follow: those that are configured, or else every list that the board delegates.
    fn lists(&self, updater: &Updater) -> Vec<ListId> {
        if !self.config.lists.is_empty() {
            return self.config.lists.clone();
        }
        updater.targets().map_or_else(Vec::new, |targets| delegated_lists(&targets.signed))
    }

    /// Notices first: if the connection breaks, what removes trust has arrived.
    fn followed(&self, lists: &[ListId]) -> Vec<Role> {
        let lists = lists.iter().cloned().map(Role::List);
        let registry = self.config.registry.then_some(Role::Registry);
        [Role::Notices].into_iter().chain(lists).chain(registry).collect()
    }

    fn remember_outcome(&self, success: bool, problems: Vec<(String, String)>) -> Result<(), ClientError> {
        let now = (self.now)();
        let former = self.last_sync().unwrap_or_default();
        let last = LastSync {
            attempted_at: now,
            succeeded_at: if success { Some(now) } else { former.succeeded_at },
            failures: if success { 0 } else { former.failures.saturating_add(1) },
            problems,
        };
        let folder = self.directory.folder()?;
        files::replace(self.directory.files(), &folder, LAST_SYNC, &ctl_core::json::canonical(&last))
    }

    /// The outcome of the last sync; none if there was none, or the file is damaged.
    #[must_use]
    pub fn last_sync(&self) -> Option<LastSync> {
        let bytes = files::read_in(&self.directory.folder().ok()?, LAST_SYNC, 1024 * 1024).ok()??;
        serde_json::from_slice(&bytes).ok()
    }
}
