//! What is trusted, since when, how fresh, and what is wrong: from what is kept, without the network.

mod health;
mod local;
mod recovery;
mod sinks;
mod text;

use std::collections::BTreeMap;

use ctl_core::role::Role;
use ctl_core::tuf::{Clock, Limits, Metadata as _, verify::trusted_root};
use ctl_core::{Digest, Timestamp};
use serde::Serialize;

use crate::error::ClientError;
use crate::sink::{StationCounts, StationLine, StationRollout};
use crate::state::{DocumentRecord, LogMemory, State};
use crate::store::TrustStore;
use crate::sync::{Client, InForce, LastSync};
use crate::transport::without_password;
pub use local::{LocalStatus, WaitingLine};
pub use recovery::{ApartLine, ConflictStatus};

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// To be looked after.
    Warning,
    /// To be acted upon now.
    Error,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What, and what to do.
    pub text: String,
}

/// How fresh a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// No newer one is due yet.
    Fresh,
    /// A newer one is due, and the grace period runs.
    Overdue,
    /// The grace period is over. The document stays in force.
    Stale,
    /// This device has no clock that can be believed.
    Unknown,
}

/// A document in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentStatus {
    /// `na`, `registry`, `notices`.
    pub role: Role,
    /// Its number.
    pub sequence: u64,
    /// When it was drafted.
    pub issued_at: Timestamp,
    /// When a newer one is due.
    pub next_update: Timestamp,
    /// How fresh it is.
    pub freshness: Freshness,
}

/// An anchor on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnchorStatusLine {
    /// The list.
    pub list: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// Its name.
    pub name: String,
    /// Who operates it.
    pub operator: String,
    /// Its status on the list.
    pub status: String,
    /// Since when.
    pub since: Timestamp,
    /// What it is trusted for.
    pub uses: Vec<String>,
}

/// An anchor that is listed and not trusted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutLine {
    /// The list, or the sink that cannot take it.
    pub by: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// Why.
    pub reason: String,
}

/// A suspension in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeLine {
    /// Index of its entry in the log.
    pub notice: u64,
    /// The list.
    pub list: String,
    /// The anchor.
    pub anchor: Digest,
    /// Since when.
    pub issued_at: Timestamp,
    /// Whether the newest notices name it; if not, nothing has lifted it all the same.
    pub named: bool,
}

/// A sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinkStatus {
    /// Its kind and path.
    pub sink: String,
    /// Whether it holds what it should.
    pub in_place: bool,
    /// How many of our certificates it should hold: anchors, and cross-certificates where it takes them.
    pub certificates: usize,
    /// How many certificates of others it keeps.
    pub foreign: usize,
    /// How many of the charging stations behind it stand how; none for sinks without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stations: Option<StationCounts>,
    /// How far what the lists add has come among them; none without a staged roll-out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<StationRollout>,
}

/// The log as remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogStatus {
    /// Entries of the largest checkpoint seen.
    pub size: u64,
    /// Witnesses that cosigned it.
    pub witnesses: Vec<String>,
    /// How many the root asks for.
    pub witnesses_needed: u32,
    /// `witnessed`, or what cannot be detected without.
    pub assurance: String,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The scheme.
    pub scheme: Digest,
    /// `test` or `production`.
    pub environment: String,
    /// Where it syncs from.
    pub url: String,
    /// The version of the root in force.
    pub root_version: Option<u64>,
    /// The time that counts, and whether it is a clock's.
    pub time: Timestamp,
    /// Whether there is a clock to be believed.
    pub clock: bool,
    /// The documents in force.
    pub documents: Vec<DocumentStatus>,
    /// What is trusted.
    pub trusted: Vec<AnchorStatusLine>,
    /// What is listed and not trusted.
    pub left_out: Vec<LeftOutLine>,
    /// What the operator of this device says, and what waits because of it.
    pub local: LocalStatus,
    /// The suspensions in force.
    pub notices: Vec<NoticeLine>,
    /// MO identifiers in the registry.
    pub mo_identifiers: Option<usize>,
    /// The log.
    pub log: Option<LogStatus>,
    /// How the log contradicts what is remembered of it, if it does.
    pub conflict: Option<ConflictStatus>,
    /// Versions that came in a conflict and only take away.
    pub apart: Vec<ApartLine>,
    /// The sinks.
    pub sinks: Vec<SinkStatus>,
    /// The charging stations behind sinks, one by one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stations: BTreeMap<String, Vec<StationLine>>,
    /// The last sync.
    pub last_sync: Option<LastSync>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Status {
    /// Whether anything is worse than a note.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity > Severity::Note)
    }

    /// The same but for a roll-out that is paused: who pauses it for trouble must not keep it paused by that.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        let mut bad = self.findings.iter().filter(|finding| finding.severity > Severity::Note);
        bad.any(|finding| !finding.text.starts_with(local::PAUSED))
    }

    fn find(&mut self, severity: Severity, text: impl Into<String>) {
        self.findings.push(Finding { severity, text: text.into() });
    }
}

impl Client {
    /// The status by what is kept.
    ///
    /// # Errors
    /// [`ClientError::RootDamaged`], [`ClientError::File`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        let first = self.directory.trusted_root(&self.config.identity.root_sha256)?;
        let (state, damage, documents) = self.kept()?;
        let (clock, wrong) = self.clock(state.known_time);
        let newest = state.metadata.get("root.json").and_then(|kept| self.directory.object(&kept.sha256));
        let root = trusted_root(&newest.unwrap_or(first), &Limits::default())?.signed;
        let mut status = Status {
            scheme: self.config.identity.scheme,
            environment: self.config.identity.environment.to_string(),
            url: without_password(&self.config.url),
            root_version: Some(root.version),
            time: clock.earliest(),
            clock: matches!(clock, Clock::Known(_)),
            documents: vec![],
            trusted: vec![],
            left_out: vec![],
            local: LocalStatus::default(),
            notices: vec![],
            mo_identifiers: documents.mo_identifiers,
            log: state.log.as_ref().map(log_status),
            conflict: None,
            apart: vec![],
            sinks: vec![],
            stations: BTreeMap::new(),
            last_sync: self.last_sync(),
            findings: vec![],
        };
        for text in damage.into_iter().chain(wrong) {
            status.find(Severity::Error, text);
        }
        if let Clock::Known(now) = clock
            && now >= root.expires()
        {
            let text = format!("root.json expired at {}: the board must publish a new one", root.expires());
            status.find(Severity::Error, text);
        }
        self.document_lines(&state, &documents, clock, &mut status);
        self.recovery_lines(&state, &documents, &mut status);
        self.local_lines(&state, &documents, &mut status);
        match self.store(&state, &documents) {
            Ok(store) => self.store_lines(&state, &store, &mut status).await,
            Err(why) => {
                status.find(Severity::Warning, format!("sinks are left as they are: {why}; run sync"))
            }
        }
        self.other_findings(&state, &mut status);
        Ok(status)
    }

    /// The state with its damage, and the documents in force by it.
    pub(crate) fn kept(&self) -> Result<(State, Vec<String>, InForce), ClientError> {
        let (mut state, mut damage) = self.directory.load()?;
        let mut documents = self.in_force(&state);
        // A sync that runs meanwhile may remove what the state just read still refers to.
        for _ in 0..3 {
            let (newer, newer_damage) = self.directory.load()?;
            if newer.generation == state.generation {
                break;
            }
            (state, damage) = (newer, newer_damage);
            documents = self.in_force(&state);
        }
        Ok((state, damage, documents))
    }

    fn document_lines(&self, state: &State, documents: &InForce, clock: Clock, status: &mut Status) {
        for (role, record) in &state.documents {
            let freshness = self.freshness(record, clock);
            status.documents.push(DocumentStatus {
                role: role.clone(),
                sequence: record.sequence,
                issued_at: record.issued_at,
                next_update: record.next_update,
                freshness,
            });
            let due = record.next_update;
            match freshness {
                Freshness::Overdue => status.find(
                    Severity::Warning,
                    format!("{role}: an update has been due since {due}; it stays in force. Check {}", status.url),
                ),
                Freshness::Stale => status.find(
                    Severity::Error,
                    format!(
                        "{role}: an update has been due since {due}, longer than the grace period; it stays in force, \
                         but suspensions and withdrawals since then are not known here. Sync from another mirror or \
                         a USB stick"
                    ),
                ),
                Freshness::Fresh | Freshness::Unknown => {}
            }
        }
        if !status.clock && !state.documents.is_empty() {
            status.find(Severity::Note, "freshness unknown: this device has no clock that can be believed");
        }
        for role in &documents.damaged {
            status.find(
                Severity::Error,
                format!("{role}: the copy kept here is damaged; run sync to replace it"),
            );
        }
    }

    fn freshness(&self, record: &DocumentRecord, clock: Clock) -> Freshness {
        let late = |now: Timestamp| match now.seconds_since(record.next_update) {
            _ if now < record.next_update => Freshness::Fresh,
            late if late <= self.config.grace_seconds => Freshness::Overdue,
            _ => Freshness::Stale,
        };
        match clock {
            Clock::Known(now) => late(now),
            // Old enough to tell even so.
            Clock::UnknownButAfter(now) if late(now) != Freshness::Fresh => late(now),
            Clock::UnknownButAfter(_) => Freshness::Unknown,
        }
    }

    async fn store_lines(&self, state: &State, store: &TrustStore, status: &mut Status) {
        status.trusted = store
            .anchors
            .iter()
            .map(|anchor| AnchorStatusLine {
                list: anchor.list.to_string(),
                fingerprint: anchor.fingerprint,
                name: anchor.name.clone(),
                operator: anchor.operator.clone(),
                status: anchor.status.to_string(),
                since: anchor.since,
                uses: anchor.uses.iter().map(ToString::to_string).collect(),
            })
            .collect();
        let line = |by: String, fingerprint: Digest, reason: String| LeftOutLine { by, fingerprint, reason };
        status.left_out = store
            .left_out
            .iter()
            .map(|left| line(format!("list {}", left.list), left.fingerprint, left.reason.clone()))
            .collect();
        Self::spared_lines(store, status);
        if store.listed == 0 {
            status.find(Severity::Warning, "the signed lists name no anchor at all: nothing is trusted");
        }
        for sink in &self.sinks {
            self.sink_line(sink.as_ref(), state, store, status).await;
        }
    }
}

const WITNESSED: &str = "witnessed";

fn log_status(log: &LogMemory) -> LogStatus {
    let enough = log.witnesses_needed > 0 && log.witnesses.len() >= log.witnesses_needed as usize;
    let assurance = if enough {
        WITNESSED.to_owned()
    } else {
        let (have, need) = (log.witnesses.len(), log.witnesses_needed);
        format!("unwitnessed: split views not detectable ({have} witnesses, the root asks for {need})")
    };
    LogStatus {
        size: log.size,
        witnesses: log.witnesses.clone(),
        witnesses_needed: log.witnesses_needed,
        assurance,
    }
}
