//! Taking up one document: the bytes that TUF describes, read, compared with the version held, and
//! with the log's proof for them.

use ctl_core::list::LogRef;
use ctl_core::list::offline::{Document, OfflineError};
use ctl_core::log::proof::MAX_PROOF_BYTES;
use ctl_core::log::{Checkpoint, LogProof, Note, leaf_hash};
use ctl_core::role::Role;
use ctl_core::statement::{Body, Entry};
use ctl_core::tuf::{TargetInfo, TufError, Updater};
use ctl_core::{Digest, Timestamp};
use serde_json::Value;

use super::metadata::{Trust, take_steps};
use super::{Client, Work};
use crate::error::ClientError;
use crate::state::{DocumentRecord, State, Vouchers};
use crate::transport::{Source, encode_segment};

/// A document that verifies but for the history of the log.
pub(super) struct Candidate {
    pub(super) role: Role,
    pub(super) head: Head,
    pub(super) bytes: Vec<u8>,
    pub(super) proof: Vec<u8>,
    /// The checkpoint that the proof ends in.
    pub(super) checkpoint: Checkpoint,
    pub(super) note: Note,
    pub(super) vouchers: Vouchers,
}

/// What all documents begin with.
pub(crate) struct Head {
    pub(crate) sequence: u64,
    pub(crate) previous: Digest,
    pub(crate) issued_at: Timestamp,
    pub(crate) next_update: Timestamp,
    pub(crate) log: LogRef,
}

macro_rules! head {
    ($document:expr) => {
        Head {
            sequence: $document.sequence,
            previous: $document.previous,
            issued_at: $document.issued_at,
            next_update: $document.next_update,
            log: $document.log.clone(),
        }
    };
}

impl Head {
    pub(crate) fn of(document: &Document) -> Self {
        match document {
            Document::List(list) => head!(list),
            Document::Registry(registry) => head!(registry),
            Document::Notices(notices) => head!(notices),
        }
    }
}

/// Where the log's proof for a version is.
fn proof_path(role: &Role, sequence: u64) -> String {
    match role {
        Role::List(list) => format!("v1/lists/{list}/versions/{sequence}.tlog-proof"),
        other => format!("v1/{other}/versions/{sequence}.tlog-proof"),
    }
}

impl Client {
    /// The document that the repository now describes for a role; none if it is the one held.
    pub(super) async fn candidate(
        &self,
        source: &Source,
        updater: &mut Updater,
        trust: &Trust,
        role: &Role,
        work: &mut Work,
    ) -> Result<Option<Candidate>, ClientError> {
        let Some(name) = role.target_name() else { return Ok(None) };
        updater.seek(&name)?;
        // Only a root discards, and the last one is known by now.
        let keep = |name, bytes: Option<Vec<u8>>| {
            if let Some(bytes) = bytes {
                work.keep_metadata(name, bytes);
            }
            Ok(())
        };
        take_steps(updater, source, "tuf/metadata/", keep).await?;
        let held = work.state.documents.get(role);
        let target =
            updater.found().ok_or(ClientError::NotPublished { name: name.clone(), had: held.is_some() })?;
        if target.role != role.to_string() {
            let (expected, found) = (role.to_string(), target.role.clone());
            return Err(ClientError::WrongRole { name, expected, found });
        }
        if let Some(held) = held
            && target.hashes.sha256 == Some(held.sha256)
            && held.objects().iter().all(|digest| self.directory.object(digest).is_some())
        {
            return Ok(None);
        }

        let bytes = fetch_target(source, target).await?;
        let (_, head) = read(&name, role, &bytes, trust)?;
        check_succession(&name, held.map(|held| (held.sequence, held.sha256)), &head, Digest::of(&bytes))?;
        check_custom(&name, target.custom.as_ref(), role, &head)?;

        let path = proof_path(role, head.sequence);
        let missing =
            || ClientError::OtherProof { name: name.clone(), problem: format!("there is no {path}") };
        let proof = source.fetch(&path, MAX_PROOF_BYTES).await?.ok_or_else(missing)?;
        let (checkpoint, note) = check_proof(&name, role, Digest::of(&bytes), &head, &proof, trust)?;
        let vouchers = vouchers(&work.state, role)?;
        Ok(Some(Candidate { role: role.clone(), head, bytes, proof, checkpoint, note, vouchers }))
    }
}

impl Candidate {
    pub(super) fn record(self, consistency: Vec<Digest>, now: Option<Timestamp>, work: &mut Work) {
        let record = DocumentRecord {
            sha256: work.object(self.bytes),
            sequence: self.head.sequence,
            issued_at: self.head.issued_at,
            next_update: self.head.next_update,
            proof: work.object(self.proof),
            consistency,
            vouchers: self.vouchers,
            accepted_at: now,
        };
        // The registry never feeds trust, and so not the time either.
        if self.role != Role::Registry {
            work.state.known_time = work.state.known_time.max(self.head.issued_at);
        }
        if self.role == Role::Notices {
            work.state.notices_known = true;
        }
        work.state.documents.insert(self.role, record);
    }
}

async fn fetch_target(source: &Source, target: &TargetInfo) -> Result<Vec<u8>, ClientError> {
    let limit = usize::try_from(target.length).unwrap_or(usize::MAX).min(ctl_core::list::MAX_PAYLOAD);
    let segments: Vec<String> = target.path.split('/').map(encode_segment).collect();
    let path = format!("tuf/targets/{}", segments.join("/"));
    // Described, and withheld: not to be taken for something that was never published.
    let bytes = source.fetch(&path, limit).await?.ok_or(TufError::Missing { path })?;
    target.check(&bytes)?;
    Ok(bytes)
}

/// Reads a document and checks that it is the role's, in this scheme, environment and log.
pub(crate) fn read(
    name: &str,
    role: &Role,
    bytes: &[u8],
    trust: &Trust,
) -> Result<(Document, Head), ClientError> {
    let unreadable = |problem: String| ClientError::Document { name: name.into(), problem };
    let document = Document::read(role, bytes).map_err(|error| unreadable(error.to_string()))?;
    document.check_belongs(role, &trust.root).map_err(|error| match error {
        OfflineError::Mismatch { member, expected, found } => {
            ClientError::Foreign { name: name.into(), what: member, expected, found }
        }
        other => unreadable(other.to_string()),
    })?;
    let head = Head::of(&document);
    Ok((document, head))
}

/// Never back, never two under one number, and what follows directly must say that it does.
fn check_succession(
    name: &str,
    held: Option<(u64, Digest)>,
    head: &Head,
    found: Digest,
) -> Result<(), ClientError> {
    let Some((sequence, digest)) = held else { return Ok(()) };
    let name = name.to_owned();
    if head.sequence < sequence {
        return Err(ClientError::Rollback { name, held: sequence, found: head.sequence });
    }
    let same = head.sequence == sequence && found != digest;
    let next = Some(head.sequence) == sequence.checked_add(1) && head.previous != digest;
    if same || next { Err(ClientError::Forked { name, sequence: head.sequence }) } else { Ok(()) }
}

/// What TUF says about the document besides its hash must be what the document says.
fn check_custom(name: &str, custom: Option<&Value>, role: &Role, head: &Head) -> Result<(), ClientError> {
    let member = |member: &str| custom.and_then(|custom| custom.get(member));
    let list = match role {
        Role::List(list) => member("list").and_then(Value::as_str) == Some(list.as_str()),
        _ => true,
    };
    let previous = member("previous").and_then(Value::as_str) == Some(head.previous.to_string().as_str());
    if list && previous && member("sequence").and_then(Value::as_u64) == Some(head.sequence) {
        return Ok(());
    }
    let problem = "its metadata (custom) names another list, sequence or previous version".to_owned();
    Err(ClientError::Document { name: name.into(), problem })
}

/// The proof must hold under the log's key, and the entry that it proves must be the publication of
/// this very document.
pub(crate) fn check_proof(
    name: &str,
    role: &Role,
    document: Digest,
    head: &Head,
    proof: &[u8],
    trust: &Trust,
) -> Result<(Checkpoint, Note), ClientError> {
    let wrong = |source| ClientError::Proof { name: name.into(), source };
    let other = |problem: String| ClientError::OtherProof { name: name.into(), problem };
    let proof = LogProof::parse(proof).map_err(wrong)?;
    let entry = proof.extra.as_deref().ok_or_else(|| other("it holds no entry".into()))?;
    let checkpoint = proof.verify(&leaf_hash(entry), &trust.origin, &trust.log).map_err(wrong)?;

    let entry = Entry::parse(entry).map_err(|error| other(error.to_string()))?;
    let payload = entry.statement.payload;
    let scheme = trust.root.v2g.as_ref().map(|v2g| v2g.scheme);
    let Body::PublicationRecord(record) = payload.body else {
        return Err(other(format!("entry {} records no publication", proof.index)));
    };
    if Some(payload.scheme) != scheme {
        return Err(other(format!("entry {} is of another scheme", proof.index)));
    }
    if record.role != *role {
        return Err(other(format!("entry {} publishes the role {}", proof.index, record.role)));
    }
    if record.document != Some(document) {
        return Err(other(format!("entry {} publishes another version", proof.index)));
    }
    if head.log.size > proof.index {
        return Err(other("the document was drafted after it was published".into()));
    }
    Ok((checkpoint, proof.checkpoint))
}

/// Which files of metadata vouch for a document that is taken up now.
fn vouchers(state: &State, role: &Role) -> Result<Vouchers, ClientError> {
    let file = |name: &str| {
        let kept = state.metadata.get(name).map(|kept| kept.sha256);
        kept.ok_or_else(|| ClientError::NotPublished { name: name.to_owned(), had: false })
    };
    Ok(Vouchers {
        root: file("root.json")?,
        targets: file("targets.json")?,
        role: file(&ctl_core::tuf::paths::role_file(&role.to_string()))?,
    })
}
