//! What this person has sent, and what the log must therefore contain. A server that takes a statement and drops it
//! can answer as if it had recorded it; it cannot make the log agree. So each statement is noted before it is sent,
//! with the server's receipt afterwards, and held against the log at every later contact.
//!
//! `sent/ID.json` is the statement itself, until it is proven; `receipts/ID.json` the note, until somebody
//! [forgets](Replica::forget) it; `evidence/ID.json` is written when the log contradicts a note. A file that is damaged is
//! put aside and told: it must not keep everything else from going on.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::Entry;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::{Log, Pending, Replica, ReplicaError, files};

/// A note of what was sent is at most so many bytes.
const MAX_NOTE: usize = 64 * 1024;

/// The server's receipt, checked against what was sent: its word, until the log proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Index of the entry.
    pub index: u64,
    /// Its leaf hash.
    pub leaf_hash: Digest,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The statement's identity.
    pub statement: Digest,
}

impl Receipt {
    /// Of an entry in the log.
    #[must_use]
    pub fn of(index: u64, entry: &Entry) -> Self {
        let Entry { recorded_at, leaf_hash, ref statement, .. } = *entry;
        Self { index, leaf_hash, recorded_at, statement: statement.id }
    }
}

/// What was sent, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The statement's type.
    pub r#type: String,
    /// Its identity.
    pub statement: Digest,
    /// The name of the log that it was sent to: an index counts in this log only.
    pub log: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// What the server answered; none if it did not, or if it was found in the log before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The first signed checkpoint that was seen to cover it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// A signed checkpoint below which a statement was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root_hash: Digest,
    /// The witnesses that cosigned it.
    pub witnesses: Vec<String>,
    /// How many the charter asks for.
    pub witnesses_needed: u32,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, witnesses, witnesses_needed, .. } = self;
        write!(f, "proven by the signed checkpoint of {size} entries, ")?;
        let enough = !witnesses.is_empty() && witnesses.len() >= *witnesses_needed as usize;
        match (witnesses.len(), enough) {
            (0, _) => write!(f, "unwitnessed: a split view is not excluded"),
            (seen, true) => {
                write!(f, "cosigned by {seen} of the charter's witnesses, {witnesses_needed} needed")
            }
            (seen, false) => write!(
                f,
                "cosigned by {seen} of the {witnesses_needed} witnesses needed: a split view is not excluded"
            ),
        }
    }
}

/// Where something that was sent stands by the log at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The log contains it.
    Contained,
    /// The log may still come to contain it.
    Waiting,
    /// It was never in the log, and the server never said that it was: it can be made anew.
    Lapsed,
    /// The log does not contain what the server gave a receipt for.
    Lost(String),
}

/// Where something that was sent stands. Pure: the log is the one that was verified last. In a log of another name,
/// one that was begun anew, an index means nothing and the statement itself is looked for.
#[must_use]
pub fn standing(sent: &Sent, log: &Log) -> Standing {
    let recorded = log.state().is_recorded(&sent.statement);
    let Some(receipt) = &sent.receipt else {
        let oldest = log.state().clock.minus_seconds(log.state().charter.limits.issued_behind_seconds);
        return match (recorded, sent.sent_at < oldest) {
            (true, _) => Standing::Contained,
            (false, false) => Standing::Waiting,
            (false, true) => Standing::Lapsed,
        };
    };
    let (index, size) = (receipt.index, log.state().size());
    if sent.log != log.checkpoint().origin {
        let why = || format!("the log was begun anew as {}, without it", log.checkpoint().origin);
        return if recorded { Standing::Contained } else { Standing::Lost(why()) };
    }
    match log.leaf(index) {
        Ok(leaf) if leaf == receipt.leaf_hash => Standing::Contained,
        Ok(_) => Standing::Lost(format!("entry {index} of the signed log of {size} entries is another one")),
        // Entries are in the order of time: what comes now is later than the receipt says.
        Err(_) if log.state().clock > receipt.recorded_at => {
            let (last, claimed) = (log.state().clock, receipt.recorded_at);
            Standing::Lost(format!(
                "the signed log of {size} entries goes to {last} without it, and it was to be recorded as entry \
                 {index} at {claimed}"
            ))
        }
        Err(_) => Standing::Waiting,
    }
}

/// A receipt that the log does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What was sent.
    pub sent: Sent,
    /// What the log has instead.
    pub why: String,
    /// Where the evidence is kept.
    pub evidence: PathBuf,
    /// The note to delete when the matter is settled.
    pub note: PathBuf,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent { r#type, statement, sent_at, .. } = &self.sent;
        write!(
            f,
            "THE LOG DOES NOT CONTAIN WHAT YOU HAVE A RECEIPT FOR: {type} {statement}, sent at {sent_at}: {}.\nThe \
             receipt, the signed checkpoint and what stands in its place are kept in {}: show them to the board and \
             to an auditor, and say over another channel what you sent. This stands until it is settled; then delete \
             {}",
            self.why,
            self.evidence.display(),
            self.note.display()
        )
    }
}

/// What the notes say by a log.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// What the log contradicts.
    pub(crate) lost: Vec<Lost>,
    /// When the oldest statement was sent that has a receipt and that the log does not contain yet.
    pub(crate) promised: Option<Timestamp>,
}

/// Holds all notes against the log: proofs are noted, what was proven need not be sent again, and what the log
/// contradicts is kept as evidence.
pub(crate) fn check(
    folder: &Folder,
    log: &Log,
    now: Timestamp,
    tell: &dyn Fn(String),
) -> Result<Checked, ReplicaError> {
    let mut checked = Checked::default();
    for sent in all(folder, tell)? {
        match standing(&sent, log) {
            Standing::Contained if sent.proof.is_none() => prove(folder, sent, log)?,
            // The oldest comes first.
            Standing::Waiting if sent.receipt.is_some() => {
                checked.promised.get_or_insert(sent.sent_at);
            }
            Standing::Contained | Standing::Waiting | Standing::Lapsed => {}
            Standing::Lost(why) => {
                let evidence = keep_evidence(folder, &sent, log, &why, now)?;
                let note = note_path(folder, &sent.statement);
                checked.lost.push(Lost { sent, why, evidence, note });
            }
        }
    }
    Ok(checked)
}

fn prove(folder: &Folder, mut sent: Sent, log: &Log) -> Result<(), ReplicaError> {
    if sent.receipt.is_none() {
        sent.receipt = log.find(&sent.statement)?.map(|(index, entry)| Receipt::of(index, &entry));
        sent.log.clone_from(&log.checkpoint().origin);
    }
    sent.proof = Some(log.proof());
    write(folder, &sent)
}

/// What proves the matter to others as far as it can be proven: what was sent is signed by this person, the
/// checkpoint by the log, the server's receipt by nobody.
fn keep_evidence(
    folder: &Folder,
    sent: &Sent,
    log: &Log,
    why: &str,
    now: Timestamp,
) -> Result<PathBuf, ReplicaError> {
    let path = folder.directory().join("evidence").join(format!("{}.json", sent.statement));
    if path.exists() {
        return Ok(path);
    }
    let instead = sent.receipt.as_ref().and_then(|receipt| {
        let entry = log.entry_bytes(receipt.index).ok()?;
        let inclusion = log.inclusion_proof(receipt.index).ok()?;
        Some(json!({ "entry": BASE64_STANDARD.encode(entry), "inclusion": inclusion }))
    });
    let statement = files::read(&sent_path(folder, &sent.statement), crate::pending::MAX_FILE).ok();
    let statement = statement.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let evidence = json!({
        "found_at": now, "why": why, "sent": sent, "statement": statement, "instead": instead,
        "checkpoint": log.note().to_string(),
    });
    put(&path, &serde_json::to_vec_pretty(&evidence).unwrap_or_default())?;
    Ok(path)
}

fn note_path(folder: &Folder, statement: &Digest) -> PathBuf {
    folder.directory().join("receipts").join(format!("{statement}.json"))
}

/// The file in which a statement is kept until it is proven.
pub(crate) fn sent_path(folder: &Folder, statement: &Digest) -> PathBuf {
    folder.directory().join("sent").join(format!("{statement}.json"))
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ReplicaError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(ReplicaError::file(folder))?;
    }
    files::write(path, bytes)
}

fn write(folder: &Folder, sent: &Sent) -> Result<(), ReplicaError> {
    put(&note_path(folder, &sent.statement), &serde_json::to_vec_pretty(sent).unwrap_or_default())
}

fn read(path: &Path) -> Result<Sent, ReplicaError> {
    serde_json::from_slice(&files::read(path, MAX_NOTE)?).map_err(|e| ReplicaError::input(path.display(), e))
}

/// Puts a file aside that is not as it was written, and says what is done without it; any other error is as it was.
fn without(
    path: &Path,
    error: ReplicaError,
    tell: &dyn Fn(String),
    without: &str,
) -> Result<(), ReplicaError> {
    use std::io::ErrorKind::{FileTooLarge, InvalidInput};
    let is_damaged = match &error {
        ReplicaError::Input(_) => true,
        ReplicaError::File { source, .. } => matches!(source.kind(), FileTooLarge | InvalidInput),
        _ => false,
    };
    if !is_damaged {
        return Err(error);
    }
    let aside = files::put_aside(path)?;
    tell(format!("{error}: it is damaged and was moved to {}; {without}", aside.display()));
    Ok(())
}

/// All notes, by the time of sending.
fn all(folder: &Folder, tell: &dyn Fn(String)) -> Result<Vec<Sent>, ReplicaError> {
    let directory = folder.directory().join("receipts");
    let mut all: Vec<Sent> = Vec::new();
    let entries = match std::fs::read_dir(&directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
        other => other.map_err(ReplicaError::file(&directory))?,
    };
    for entry in entries {
        let path = entry.map_err(ReplicaError::file(&directory))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match read(&path) {
            Ok(sent) => all.push(sent),
            Err(error) => {
                without(&path, error, tell, "whether the log keeps what was sent is not looked at any more")?;
            }
        }
    }
    all.sort_by_key(|sent| (sent.sent_at, sent.statement));
    Ok(all)
}

impl Replica {
    /// Notes a statement before it is sent, with the whole of it; gives its file.
    pub(crate) fn note_sending(&self, pending: &Pending) -> Result<Option<PathBuf>, ReplicaError> {
        let Some(folder) = self.folder() else { return Ok(None) };
        let statement = &pending.statement;
        let path = sent_path(folder, &statement.id);
        put(&path, &pending.to_bytes())?;
        let note = Sent {
            r#type: statement.payload.body.type_name().into(),
            statement: statement.id,
            log: self.log()?.checkpoint().origin.clone(),
            sent_at: self.now(),
            receipt: None,
            proof: None,
        };
        write(folder, &note)?;
        Ok(Some(path))
    }

    /// Notes the server's receipt.
    pub(crate) fn note_receipt(&self, pending: &Pending, receipt: &Receipt) -> Result<(), ReplicaError> {
        let Some(folder) = self.folder() else { return Ok(()) };
        let note = read(&note_path(folder, &pending.statement.id))?;
        write(folder, &Sent { receipt: Some(receipt.clone()), ..note })
    }

    /// Forgets what was sent, and its receipt: the server refused it, or whoever sent it needs no note of it any more.
    pub fn forget(&self, statement: &Digest) {
        let Some(folder) = self.folder() else { return };
        // What cannot be removed is only told once too often.
        let _ = std::fs::remove_file(note_path(folder, statement));
        let _ = std::fs::remove_file(sent_path(folder, statement));
    }

    /// Removes a statement that is proven, and whose blobs are uploaded; its receipt stays.
    pub(crate) fn forget_statement(&self, statement: &Digest) {
        let Some(folder) = self.folder() else { return };
        let _ = std::fs::remove_file(sent_path(folder, statement));
    }
}

/// What was sent, and where it stands.
#[derive(Clone, Debug)]
pub struct Noted {
    /// What was sent.
    pub sent: Sent,
    /// Where it stands by the log at hand.
    pub standing: Standing,
    /// The file with the statement, if it can be sent again.
    pub file: Option<PathBuf>,
}

impl Replica {
    /// All that was sent from this folder, oldest first, held against the log as last synced.
    ///
    /// # Errors
    /// There is no folder, it cannot be read, or nothing was synced yet.
    pub fn noted(&self) -> Result<Vec<Noted>, ReplicaError> {
        let log = self.log()?;
        let Some(folder) = self.folder() else {
            return Err(ReplicaError::Input(
                "without a folder nothing is remembered of what was sent".into(),
            ));
        };
        let noted = all(folder, &|what| self.set_aside(what))?.into_iter().map(|sent| {
            let path = sent_path(folder, &sent.statement);
            Noted { standing: standing(&sent, log), file: path.exists().then_some(path), sent }
        });
        Ok(noted.collect())
    }

    /// The statement of a note, to be sent again; none if there is no file of it that can be used.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn unfinished(&self, noted: &Noted) -> Result<Option<Pending>, ReplicaError> {
        let Some(path) = &noted.file else { return Ok(None) };
        match Pending::read(path) {
            Ok(pending) => Ok(Some(pending)),
            Err(error) => {
                without(path, error, &|what| self.set_aside(what), "what it says is not sent again")?;
                Ok(None)
            }
        }
    }
}
