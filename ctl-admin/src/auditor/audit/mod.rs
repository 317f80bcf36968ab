//! The auditor's tool: the whole log is downloaded and replayed, which rebuilds every payload ever published from the
//! prefix of the log at its draft and verifies the recorded signatures over it; every screening is computed again, every report on service levels is held against its own arithmetic, and all of it is
//! compared with what the server serves.

mod reach;
mod screenings;
mod served;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use ctl_replica::{Listener, News, Observer, Options, Replica, Trust};

pub use screenings::Screenings;
pub use watch::Watch;

use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::draft::Documents;
use ctl_governance::statement::body::{PublicationRecord, ScreeningRecord};
use ctl_governance::statement::{Body, Entry};
use indicatif::HumanBytes;
use serde::Serialize;

use crate::output::{Render, section, table};
use crate::screening::Policies;
use crate::{AdminError, files};

/// One version of one role's document, as it follows from the log.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) index: u64,
    pub(crate) role: Role,
    pub(crate) version: u64,
    pub(crate) sequence: Option<u64>,
    pub(crate) recorded_at: Timestamp,
    pub(crate) documents: Documents,
    pub(crate) record: PublicationRecord,
}

/// One version of one role's document, in a row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Whose.
    pub role: Role,
    /// The TUF version.
    pub version: u64,
    /// The document's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Index of the publication's entry.
    pub index: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// How many signatures were verified over the rebuilt bytes.
    pub signatures: usize,
}

/// What the audit found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The scheme.
    pub scheme: Digest,
    /// Number of entries, each verified and replayed.
    pub entries: u64,
    /// Number of signatures on statements.
    pub statement_signatures: usize,
    /// Root hash over the entries.
    pub root_hash: Digest,
    /// Every version ever published.
    pub publications: Vec<Row>,
    /// Every screening ever recorded, computed again.
    pub screenings: Screenings,
    /// Service levels and requests for cross-certificates.
    pub watch: Watch,
    /// How many served files were compared.
    pub files: u64,
    /// How many bytes were downloaded for all of it.
    pub bytes: u64,
    /// What does not hold; nothing is good.
    pub differences: Vec<String>,
    /// What a reader should know of the audit itself.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether everything holds.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Render for Report {
    fn text(&self) -> String {
        let mut text = format!(
            "scheme {}\n{} entries replayed, {} signatures on statements verified\nroot hash {}\n",
            self.scheme, self.entries, self.statement_signatures, self.root_hash
        );
        let rows = self.publications.iter().map(|row| {
            vec![
                row.role.to_string(),
                row.version.to_string(),
                row.sequence.map_or_else(|| "-".into(), |n| n.to_string()),
                row.index.to_string(),
                row.recorded_at.to_string(),
                row.signatures.to_string(),
            ]
        });
        text += &table(&["role", "version", "sequence", "entry", "recorded", "signatures"], rows);
        text += &self.screenings.text();
        text += &self.watch.text();
        text += &format!("{} served files compared, {} downloaded\n", self.files, HumanBytes(self.bytes));
        text += &section("notes:", &self.notes);
        if self.is_clean() {
            text + "everything that is served follows from the log\n"
        } else {
            text + &section(&format!("{} DIFFERENCES:", self.differences.len()), &self.differences)
        }
    }
}

/// Audits a server: downloads all of its log once and replays it once. With a folder, the log must also continue what
/// was seen before, and the state in the folder's snapshot must be what follows from the log.
///
/// # Errors
/// The log cannot be had, or does not hold in itself: then there is nothing to compare with.
pub async fn run(options: Options, policies: &Policies) -> Result<Report, AdminError> {
    let trusted_root = match &options.trust {
        Trust::Root(path) => Some(files::read(path, ctl_core::tuf::Limits::default().root)?),
        Trust::Scheme(_) => None,
    };
    let memory = Arc::new(Mutex::new(Memory::default()));
    let listener = memory_heard(Arc::clone(&memory), options.listener.clone());
    let mut replica = Replica::open(Options { afresh: true, listener, ..options })?;
    let mut history = History::default();
    replica.sync_with(&mut history).await?;
    let (replica, log) = (&replica, replica.log()?);
    let (screenings, mut differences) = screenings::check(replica, &history.screenings, policies).await?;
    let (watch, wrong) = watch::check(replica, log, replica.now()).await?;
    differences.extend(wrong);
    let comparison = served::compare(replica, log, &history, trusted_root).await?;
    differences.extend(comparison.differences);
    let Memory { forged, mut notes } =
        std::mem::take(&mut *memory.lock().unwrap_or_else(PoisonError::into_inner));
    differences.extend(forged);
    notes.extend(comparison.notes);
    let rows = history.publications.iter().map(|publication| Row {
        role: publication.role.clone(),
        version: publication.version,
        sequence: publication.sequence,
        index: publication.index,
        recorded_at: publication.recorded_at,
        signatures: publication.record.metadata_signatures.len()
            + publication.record.document_signatures.len(),
    });
    Ok(Report {
        scheme: replica.scheme(),
        entries: log.size(),
        statement_signatures: history.signatures,
        root_hash: log.checkpoint().root,
        publications: rows.collect(),
        screenings,
        watch,
        files: comparison.files,
        bytes: replica.transport().downloaded(),
        differences,
        notes,
    })
}

/// What the audit found of what the folder remembers.
#[derive(Default)]
struct Memory {
    forged: Vec<String>,
    notes: Vec<String>,
}

/// Gathers what is said of the folder, for the report; the rest goes to whoever listened.
fn memory_heard(memory: Arc<Mutex<Memory>>, listener: Listener) -> Listener {
    Arc::new(move |news| {
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        match news {
            News::Forged(what) => memory.forged.push(what.clone()),
            News::Memory(what) => memory.notes.push(what.clone()),
            News::Lost(_) | News::SetAside(_) | News::BegunAnew { .. } => listener(news),
        }
    })
}

/// What an audit keeps of the one replay. The replay itself verifies every signature, those of publications over the
/// rebuilt bytes included.
#[derive(Default)]
struct History {
    publications: Vec<Publication>,
    screenings: Vec<(u64, Box<ScreeningRecord>)>,
    /// The sizes of the log at which it may have changed who can charge where, beside publications.
    reach: Vec<u64>,
    signatures: usize,
}

impl Observer for History {
    fn entry(&mut self, before: Option<&State>, index: u64, entry: &Entry) {
        self.signatures += entry.statement.jws.signatures.len();
        match &entry.statement.payload.body {
            Body::PublicationRecord(record) => {
                let state = before.map(|state| state.at(entry.recorded_at));
                let draft = state.as_ref().and_then(|state| state.drafts.get(&record.role));
                self.publications.extend(draft.map(|draft| Publication {
                    index,
                    role: record.role.clone(),
                    version: draft.open.version,
                    sequence: draft.open.sequence,
                    recorded_at: entry.recorded_at,
                    documents: draft.documents.clone(),
                    record: (**record).clone(),
                }));
            }
            Body::ScreeningRecord(record) => self.screenings.push((index, record.clone())),
            Body::SubcaDisclose(_) | Body::SubcaRevoke(_) | Body::NoticeIssue(_) | Body::NoticeLift(_) => {
                self.reach.push(index + 1);
            }
            _ => {}
        }
    }
}

/// The last version of each role.
pub(crate) fn latest(publications: &[Publication]) -> Vec<&Publication> {
    let mut latest: std::collections::BTreeMap<&Role, &Publication> = std::collections::BTreeMap::new();
    for publication in publications {
        latest.insert(&publication.role, publication);
    }
    latest.into_values().collect()
}

/// The document's bytes, where there is one.
pub(crate) fn document(publication: &Publication) -> Option<&Arc<[u8]>> {
    publication.documents.document.as_ref()
}
