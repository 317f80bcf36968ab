//! The blocking half of the publisher: makes the editions, and reports how that goes.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::Discriminant;
use std::sync::Arc;

use bytes::Bytes;
use ctl_core::paths;
use ctl_core::role::Role;
use ctl_core::tuf::MetaFile;
use ctl_core::{Digest, Timestamp, json};
use ctl_governance::State;
use ctl_governance::statement::charter::Validity;
use tokio::sync::watch;

use super::disk::PublicDirectory;
use super::documents::{self, Chain};
use super::edition::{Edition, TIMESTAMP};
use super::freshness::{Freshness, SignedFile};
use super::interop::{Answers, Question};
use super::prepared::{Caching, ContentType, Prepared};
use super::publisher::Config;
use super::replay::{Publication, Replay};
use super::site::SharedSite;
use super::{PublishError, interop, log};
use crate::ledger::{Ledger, Snapshot};
use crate::pool::Keeper;

/// How many snapshot files stay, for devices in the middle of a refresh.
const KEPT_SNAPSHOTS: usize = 8;
/// The name under which snapshot and timestamp are stored.
const FRESHNESS: &str = "publish/freshness";
const MAX_FRESHNESS: usize = 4 * 1024 * 1024;

/// The publisher's status.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// How many entries are served.
    pub size: u64,
    /// When the served checkpoint was published.
    pub checkpoint_at: Timestamp,
    /// When snapshot and timestamp expire.
    pub freshness_expires: Option<(Timestamp, Timestamp)>,
    pub freshness_signed: Option<(Timestamp, Timestamp)>,
    /// Why it cannot publish, if so.
    pub problem: Option<String>,
}

/// The blocking half of the publisher: makes the editions.
pub(super) struct EditionMaker {
    replay: Replay,
    /// A publication whose files are not made yet.
    unmade: Option<Publication>,
    /// The roles whose renditions are older than their latest version.
    unrendered: BTreeSet<Role>,
    /// The lists whose answers on interoperability are outdated, and the moment that they should be for.
    unanswered: BTreeSet<Role>,
    asked_for: Option<Timestamp>,
    /// The keys that were suspended when the lists were last answered.
    suspended: BTreeSet<Digest>,
    /// An answer is being computed.
    answering: bool,
    /// Leftovers of an earlier run are still on the disk.
    untidy: bool,
    edition: Edition,
    latest: BTreeMap<Role, Publication>,
    metadata: BTreeMap<String, MetaFile>,
    chain: Chain,
    freshness: Freshness,
    snapshots: Vec<u64>,
    site: SharedSite,
    pool: Keeper,
    status: watch::Sender<Status>,
    /// The kind of problem that was last logged.
    reported: Option<Discriminant<PublishError>>,
}

impl EditionMaker {
    pub(super) fn new(
        ledger: &Ledger,
        config: &Config,
        site: SharedSite,
        pool: Keeper,
        status: watch::Sender<Status>,
    ) -> Result<Self, PublishError> {
        let kept = ledger.kept_under(FRESHNESS)?.into_iter().next();
        let freshness = kept.map(|(_, value)| json::read(&value, MAX_FRESHNESS)).transpose();
        let freshness = freshness.unwrap_or_else(|error| {
            tracing::warn!(%error, "the record of snapshot and timestamp cannot be read; signing anew");
            None
        });
        Ok(Self {
            replay: Replay::default(),
            unmade: None,
            unrendered: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            suspended: BTreeSet::new(),
            asked_for: None,
            answering: false,
            untidy: true,
            edition: Edition::new(PublicDirectory::new(config.data.join("public")), config.differences),
            latest: BTreeMap::new(),
            metadata: BTreeMap::new(),
            chain: Chain::default(),
            freshness: freshness.unwrap_or_default(),
            snapshots: Vec::new(),
            site,
            pool,
            status,
            reported: None,
        })
    }

    /// How many entries were taken in.
    pub(super) fn size(&self) -> u64 {
        self.replay.size()
    }

    /// Brings the site up to date with the ledger and the clock.
    pub(super) fn publish(&mut self, ledger: &Ledger) -> Result<(), PublishError> {
        let snapshot = ledger.snapshot();
        let older = self.edition.site.log_size();
        let changed = self.follow(ledger, &snapshot);
        // Whatever else fails here, what is no longer trusted leaves the pool.
        self.keep_pool(ledger, &snapshot);
        let changed = changed?;
        if older < snapshot.size() {
            let entries = |range: std::ops::Range<u64>| Ok(ledger.entries(range)?);
            log::publish(&mut self.edition, &snapshot, older, &entries)?;
        }
        let now = ledger.now();
        if let Ok(now) = now {
            self.refresh(ledger, now, &snapshot.state.charter.validity)?;
        }
        self.ask_anew(now.as_ref().map_or(snapshot.state.clock(), |now| *now), &snapshot.state);
        self.edition.press();
        self.site.store(Arc::new(self.edition.site.clone()));
        if older < snapshot.size() || changed {
            tracing::debug!(entries = snapshot.size(), "published");
        }
        let freshness = &self.freshness;
        let files = freshness.snapshot.as_ref().zip(freshness.timestamp.as_ref());
        self.status.send_modify(|status| {
            if status.size != snapshot.size() {
                status.checkpoint_at = snapshot.state.clock();
            }
            status.size = snapshot.size();
            status.freshness_expires =
                files.map(|(snapshot, timestamp)| (snapshot.expires, timestamp.expires));
            status.freshness_signed =
                files.map(|(snapshot, timestamp)| (snapshot.signed_at, timestamp.signed_at));
        });
        // HTTP does not wait for the disk.
        if let Err(error) = self.edition.write() {
            tracing::error!(%error, "the static tree on disk is behind; HTTP is not");
        }
        // Only when everything is made is the rest known to be left over.
        if self.untidy && self.unanswered.is_empty() && !self.answering {
            self.untidy = false;
            self.tidy();
        }
        now.map(drop).map_err(Into::into)
    }

    /// Notes what prevents publishing, and logs when that begins, changes and ends. Only the kind counts, because the
    /// text may change every second.
    pub(super) fn report(&mut self, result: Result<(), PublishError>) {
        let kind = result.as_ref().err().map(std::mem::discriminant);
        let problem = result.err().map(|error| error.to_string());
        if self.reported != kind {
            match &problem {
                Some(problem) => tracing::error!(problem, "cannot publish; will try again"),
                None => tracing::info!("publishing goes on"),
            }
            self.reported = kind;
        }
        if self.status.borrow().problem != problem {
            self.status.send_modify(|status| status.problem = problem);
        }
    }

    /// Takes in new entries and makes the files of what they published; returns whether they published anything. What
    /// failed comes first the next time, so no publication is skipped.
    fn follow(&mut self, ledger: &Ledger, snapshot: &Snapshot) -> Result<bool, PublishError> {
        self.make(ledger, snapshot)?;
        while self.replay.size() < snapshot.size() {
            let index = self.replay.size();
            let entry = ledger.entry(index)?.ok_or(PublishError::Missing(index))?;
            self.unmade = self.replay.follow(&entry)?;
            self.make(ledger, snapshot)?;
        }
        // All renditions contain the board's metadata.
        let all = self.unrendered.contains(&Role::Root) || self.unrendered.contains(&Role::Targets);
        for (role, latest) in &self.latest {
            if all || self.unrendered.contains(role) {
                documents::render(&mut self.edition, latest, &self.chain)?;
            }
        }
        Ok(!std::mem::take(&mut self.unrendered).is_empty())
    }

    /// Brings the root pool up to date. If the clock is not believed, the last entry's time is the best there is.
    fn keep_pool(&mut self, ledger: &Ledger, snapshot: &Snapshot) {
        let now = ledger.now().unwrap_or_else(|_| snapshot.state.clock());
        let latest = &self.latest;
        let published = |role: &Role| {
            let publication = latest.get(role)?;
            Some((publication.index, publication.documents.document.as_deref()?))
        };
        self.pool.follow(&snapshot.state, now, ledger.went_back().is_some(), published);
    }

    /// Makes the files of the waiting publication, if there is one.
    fn make(&mut self, ledger: &Ledger, snapshot: &Snapshot) -> Result<(), PublishError> {
        let Some(publication) = &self.unmade else { return Ok(()) };
        let role = publication.role().clone();
        let proof =
            log::proof(ledger.keys(), &snapshot.state, &snapshot.log, publication.index, &publication.entry)?;
        let before = self.latest.get(&role);
        let metadata = documents::publish(&mut self.edition, publication, before, &proof)?;
        // Nothing fails from here on.
        let described = MetaFile::of(publication.open.version, &metadata);
        match role {
            Role::Root => self.chain.roots.push(metadata),
            Role::Targets => {
                self.metadata.insert(role.to_string(), described);
                self.chain.targets = Some(metadata);
            }
            _ => drop(self.metadata.insert(role.to_string(), described)),
        }
        tracing::info!(%role, version = publication.open.version, entry = publication.index, "published");
        self.latest.extend(self.unmade.take().map(|publication| (role.clone(), publication)));
        if matches!(role, Role::List(_)) {
            self.unanswered.insert(role.clone());
        }
        self.unrendered.insert(role);
        Ok(())
    }

    /// Has all lists answered anew when a day begins, because certificates expire, when a condition ends, and when other
    /// keys are suspended.
    fn ask_anew(&mut self, now: Timestamp, state: &State) {
        let moment = interop::moment(now, state);
        let suspended: BTreeSet<Digest> = state.suspended_keys().collect();
        let others = self.suspended != suspended;
        self.suspended = suspended;
        if self.asked_for.replace(moment) != Some(moment) || others {
            self.unanswered.extend(self.latest.keys().filter(|role| matches!(role, Role::List(_))).cloned());
        }
    }

    /// The next question to answer, unless one is being answered or nothing has changed.
    pub(super) fn question(&mut self, ledger: &Ledger) -> Option<Question> {
        if self.answering {
            return None;
        }
        let publication = self.latest.get(&self.unanswered.pop_first()?)?.clone();
        self.answering = true;
        Some(Question::new(publication, ledger.snapshot(), self.asked_for?))
    }

    /// Takes in answers, unless the list has a newer version, which is asked about anyway.
    pub(super) fn take_answers(&mut self, answers: Option<Answers>) {
        self.answering = false;
        if let Some(answers) = answers
            && self.latest.get(&answers.role()).is_some_and(|latest| latest.index == answers.publication())
        {
            answers.publish(&mut self.edition);
        }
    }

    /// Signs snapshot and timestamp if due: first on the disk, then on the site.
    fn refresh(&mut self, ledger: &Ledger, now: Timestamp, validity: &Validity) -> Result<(), PublishError> {
        if !self.metadata.contains_key("targets") {
            return Ok(());
        }
        // A server whose log went back vouches for nothing: devices keep what they have.
        if ledger.went_back().is_some() {
            return Ok(());
        }
        let state = &ledger.snapshot().state;
        let from = ["snapshot", "timestamp"].map(|role| state.go_on_from(role).version);
        let renewed = self.freshness.renewed(&self.metadata, now, validity, ledger.keys(), from)?;
        if renewed != self.freshness {
            ledger.keep(FRESHNESS, Some(&json::canonical(&renewed)))?;
            self.freshness = renewed;
        }
        let Freshness { snapshot: Some(snapshot), timestamp: Some(timestamp) } = &self.freshness else {
            return Ok(());
        };
        let file = |signed: &SignedFile| Bytes::copy_from_slice(signed.file.as_bytes());
        let path = |version: u64| paths::metadata(version, "snapshot");
        if self.snapshots.last() != Some(&snapshot.version) {
            let place = path(snapshot.version);
            let bytes = file(snapshot);
            let mut prepared = Prepared::plain(bytes.clone(), ContentType::Json, Caching::Immutable);
            if self.edition.next_version("snapshot", &bytes) {
                prepared = prepared
                    .dictionary_for(&format!("/{}", paths::METADATA.of(&[&format_args!("*.snapshot.json")])));
            }
            self.edition.put(&place, Arc::new(prepared));
            self.snapshots.push(snapshot.version);
            if self.snapshots.len() > KEPT_SNAPSHOTS {
                self.edition.take(&path(self.snapshots.remove(0)));
            }
        }
        let served = self.edition.site.file(TIMESTAMP).and_then(|served| served.identity());
        if served.is_none_or(|served| **served != *timestamp.file.as_bytes()) {
            self.edition.put_bytes(TIMESTAMP, file(timestamp), ContentType::Json, Caching::Fresh);
        }
        Ok(())
    }

    /// Removes leftovers of an earlier run from the disk.
    fn tidy(&mut self) {
        if let Err(error) = self.edition.take_strangers().and_then(|()| self.edition.write()) {
            tracing::error!(%error, "leftovers in the static tree cannot be removed");
        }
    }
}
