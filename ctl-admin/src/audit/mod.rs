//! The auditor's tool: the whole log is downloaded and replayed, every payload ever published is rebuilt
//! from the prefix of the log at its draft, the recorded signatures are verified over it, every screening is
//! computed again, every report on service levels is held against its own arithmetic, and all of it is
//! compared with what the server serves.

mod screenings;
mod served;
mod watch;

use std::sync::Arc;

use ctl_replica::{Log, Options, Replica, Trust};

pub use screenings::Screenings;
pub use watch::Watch;

use ctl_core::jws::{Jws, Signature};
use ctl_core::role::Role;
use ctl_core::threshold::Threshold;
use ctl_core::{Digest, PublicKey, Timestamp};
use ctl_governance::State;
use ctl_governance::draft::Documents;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::PublicationRecord;
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

/// Audits a server. With a cache, its log must also continue what was seen before.
///
/// # Errors
/// The log cannot be had, or does not hold in itself: then there is nothing to compare with.
pub async fn run(options: Options, policies: &Policies) -> Result<Report, AdminError> {
    if options.folder.is_some() {
        Replica::open(options.clone())?.sync().await?;
    }
    let mut session = Replica::open(Options { folder: None, ..options.clone() })?;
    session.sync().await?;
    let session = &session;
    let replayed = session.log()?;
    let mut differences = Vec::new();
    let history = history(replayed, &mut differences)?;
    let (screenings, wrong) = screenings::check(session, replayed, policies).await?;
    differences.extend(wrong);
    let (watch, wrong) = watch::check(session, replayed, session.now()).await?;
    differences.extend(wrong);
    let trusted_root = match &options.trust {
        Trust::Root(path) => Some(files::read(path, ctl_core::tuf::Limits::default().root)?),
        Trust::Scheme(_) => None,
    };
    let comparison = served::compare(session, replayed, &history.publications, trusted_root).await?;
    differences.extend(comparison.differences);
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
        scheme: session.scheme(),
        entries: replayed.state().size(),
        statement_signatures: history.signatures,
        root_hash: replayed.checkpoint().root,
        publications: rows.collect(),
        screenings,
        watch,
        files: comparison.files,
        bytes: session.transport().downloaded(),
        differences,
        notes: comparison.notes,
    })
}

struct History {
    publications: Vec<Publication>,
    signatures: usize,
}

/// Every publication, rebuilt. The log is sound: the session has checked each entry. Here it is applied
/// once more to see each draft as it stood when it was published.
fn history(replayed: &Log, differences: &mut Vec<String>) -> Result<History, AdminError> {
    let mut state: Option<State> = None;
    let mut history = History { publications: Vec::new(), signatures: 0 };
    for index in 0..replayed.size() {
        let entry = replayed.entry(index)?;
        history.signatures += entry.statement.jws.signatures.len();
        let Some(state) = &mut state else {
            state = Some(
                ctl_governance::genesis(&entry)
                    .map_err(|e| AdminError::Untrue(format!("entry {index} of the log: {e}")))?,
            );
            continue;
        };
        if let Body::PublicationRecord(record) = &entry.statement.payload.body {
            match publication(&state.at(entry.recorded_at), index, entry.recorded_at, record) {
                Ok(publication) => history.publications.push(publication),
                Err(problem) => {
                    differences.push(format!("entry {index}, publication of {}: {problem}", record.role))
                }
            }
        }
        state.apply(&entry);
    }
    Ok(history)
}

/// Verifies the recorded signatures over the bytes that follow from the draft.
fn publication(
    state: &State,
    index: u64,
    recorded_at: Timestamp,
    record: &PublicationRecord,
) -> Result<Publication, String> {
    let draft = state
        .drafts
        .get(&record.role)
        .filter(|draft| draft.index == record.draft)
        .ok_or_else(|| format!("there is no open draft {}", record.draft))?;
    let documents = &draft.documents;
    if record.metadata != Digest::of(&documents.metadata)
        || record.document != documents.document.as_deref().map(Digest::of)
    {
        return Err("the recorded digests are not those of the rebuilt bytes".into());
    }
    let mut thresholds: Vec<&Threshold> = state.authorities.get(&record.role).into_iter().collect();
    if record.role == Role::Root {
        thresholds.extend(draft.authorities.get(&Role::Root));
    }
    if thresholds.is_empty() {
        return Err("nobody was appointed to sign it".into());
    }
    for threshold in thresholds {
        check_signatures(threshold, record, documents)?;
    }
    Ok(Publication {
        index,
        role: record.role.clone(),
        version: draft.open.version,
        sequence: draft.open.sequence,
        recorded_at,
        documents: documents.clone(),
        record: record.clone(),
    })
}

fn check_signatures(
    threshold: &Threshold,
    record: &PublicationRecord,
    documents: &Documents,
) -> Result<(), String> {
    let metadata = record.metadata_signatures.iter().map(|signature| {
        let bytes = hex::decode(&signature.sig).unwrap_or_default();
        (&signature.keyid, move |key: &PublicKey| key.verify_tuf(&documents.metadata, &bytes))
    });
    threshold.check(metadata).map_err(|e| format!("metadata: {e}"))?;
    let Some(document) = &documents.document else { return Ok(()) };
    let mut signatures = Vec::new();
    for (number, raw) in record.document_signatures.iter().enumerate() {
        let value = serde_json::json!({ "protected": raw.protected, "signature": raw.signature });
        let signature = Signature::from_value(value, number).map_err(|e| e.to_string())?;
        if Some(signature.protected.typ.as_str()) != record.role.document_typ() {
            return Err(format!("signature {number} is for another kind of document"));
        }
        signatures.push(signature);
    }
    let jws = Jws { payload: document.to_vec(), signatures };
    jws.check_threshold(threshold).map_err(|e| format!("document: {e}"))?;
    Ok(())
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
