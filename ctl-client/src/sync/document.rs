//! Taking up one document: the bytes that TUF describes, read, compared with the version held, and
//! with the log's proof for them.

use ctl_core::list::LogRef;
use ctl_core::list::offline::{Document, OfflineError};
use ctl_core::log::proof::MAX_PROOF_BYTES;
use ctl_core::log::{Checkpoint, LogProof, Note, leaf_hash};
use ctl_core::paths::{METADATA, TARGET};
use ctl_core::publication::PublicationEntry;
use ctl_core::role::Role;
use ctl_core::tuf::{TargetInfo, TufError, Updater, delegated_threshold, paths, verify_role};
use ctl_core::{Digest, Timestamp};
use serde_json::Value;

use super::metadata::{Trust, take_steps};
use super::{Client, Work};
use crate::apart::Apart;
use crate::error::ClientError;
use crate::state::{DocumentRecord, State, Vouchers};
use crate::transport::Source;

/// The next version is at most so many numbers ahead. One officer or registrar who signs the largest
/// number there is could otherwise end a role for good.
const MAX_STEP: u64 = 1_000_000;

/// A document that verifies but for the history of the log.
pub(super) struct Candidate {
    pub(super) role: Role,
    pub(super) head: Head,
    pub(super) document: Document,
    /// How many keys of its role signed the metadata that describes it.
    pub(super) officers: usize,
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
    format!("{}/versions/{sequence}.tlog-proof", role.folder().unwrap_or_default())
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
        let kept = self.held_metadata(&work.state);
        let keep = |name, bytes: Option<Vec<u8>>| {
            if let Some(bytes) = bytes {
                work.keep_metadata(name, bytes);
            }
            Ok(())
        };
        take_steps(updater, source, METADATA.start(), kept, keep).await?;
        let held = work.state.documents.get(role);
        let target =
            updater.found().ok_or(ClientError::NotPublished { name: name.clone(), had: held.is_some() })?;
        if target.role != role.to_string() {
            let (expected, found) = (role.to_string(), target.role.clone());
            return Err(ClientError::WrongRole { name, expected, found });
        }
        if let Some(held) = held
            && target.hashes.sha256 == Some(held.sha256)
            && held
                .objects()
                .iter()
                .all(|digest| work.whole.contains(digest) || self.directory.object(digest).is_some())
        {
            return Ok(None);
        }

        let before = held.and_then(|held| self.directory.object(&held.sha256));
        let bytes = fetch_target(source, target, before.as_deref()).await?;
        drop(before);
        let (document, head) = read(&name, role, &bytes, trust)?;
        check_custom(&name, target.custom.as_ref(), role, &head)?;

        let path = proof_path(role, head.sequence);
        let missing =
            || ClientError::OtherProof { name: name.clone(), problem: format!("there is no {path}") };
        let proof = source.fetch(&path, MAX_PROOF_BYTES).await?.ok_or_else(missing)?;
        let (checkpoint, note) = check_proof(&name, role, Digest::of(&bytes), &head, &proof, trust)?;
        let vouchers = vouchers(&work.state, role)?;
        let (role, officers) = (role.clone(), signers(updater, role));
        Ok(Some(Candidate { role, head, document, officers, bytes, proof, checkpoint, note, vouchers }))
    }
}

/// How many of a role's keys signed its metadata; the threshold was checked before.
fn signers(updater: &Updater, role: &Role) -> usize {
    let name = role.to_string();
    let threshold = updater.targets().and_then(|targets| delegated_threshold(&targets.signed, &name).ok());
    let signed = updater.role(&name, "targets");
    let count =
        signed.zip(threshold).and_then(|(signed, threshold)| verify_role(&name, signed, &threshold).ok());
    count.map_or(0, |count| count.counted.len())
}

impl Candidate {
    fn name(&self) -> String {
        self.role.target_name().unwrap_or_default()
    }

    pub(super) fn refused(&self, problem: String) -> ClientError {
        ClientError::Document { name: self.name(), problem }
    }

    /// Whether it is the very version held.
    pub(super) fn is_held(&self, state: &State) -> bool {
        state.documents.get(&self.role).is_some_and(|held| held.sha256 == Digest::of(&self.bytes))
    }

    /// Whether it continues the version held.
    fn follows(&self, state: &State) -> bool {
        state.documents.get(&self.role).is_some_and(|held| held.sha256 == self.head.previous)
    }

    /// After a restart that replaced history: the number that the board named for this role, if this
    /// version is the first that goes on from there.
    fn goes_on_from(&self, state: &State) -> Option<u64> {
        let from = state.go_on_from.get(&self.role).copied();
        from.filter(|_| !self.follows(state) && !self.is_held(state))
    }

    /// Never back, never two under one number, and never far ahead.
    pub(super) fn check_number(&self, state: &State, trust: &Trust) -> Result<(), ClientError> {
        if self.is_held(state) {
            return Ok(());
        }
        let sequence = self.head.sequence;
        let held = state.documents.get(&self.role).map(|held| held.sequence);
        // What one person signed may have been numbered far too high, and the board says better. A list
        // never goes back.
        let one_signs = matches!(self.role, Role::Notices | Role::Registry);
        let (from, is_back, is_second) = match (held, self.goes_on_from(state)) {
            (None, _) => (trust.named_sequence(&self.role), false, false),
            (Some(held), None) => (held, sequence < held, sequence == held),
            (Some(_), Some(from)) if one_signs => (from, sequence <= from, false),
            (Some(held), Some(from)) => (held.max(from), sequence <= held.max(from), false),
        };
        if is_back {
            return Err(ClientError::Rollback { name: self.name(), held: from, found: sequence });
        }
        if is_second {
            return Err(ClientError::Forked { name: self.name(), sequence });
        }
        if sequence > from.saturating_add(MAX_STEP) {
            return Err(self.refused(format!(
                "its number {sequence} is more than {MAX_STEP} above {from}, the last one that counts here: whoever \
                 signs such a number wants it to be the last. It is not taken up; tell the governance body"
            )));
        }
        Ok(())
    }

    /// And what follows directly must say that it does, but for the first version after a restart that
    /// replaced history.
    pub(super) fn check_succession(&self, state: &State, trust: &Trust) -> Result<(), ClientError> {
        self.check_number(state, trust)?;
        let Some(held) = state.documents.get(&self.role) else { return Ok(()) };
        let sequence = self.head.sequence;
        let next = Some(sequence) == held.sequence.checked_add(1);
        if next && !self.follows(state) && self.goes_on_from(state).is_none() {
            return Err(ClientError::Forked { name: self.name(), sequence });
        }
        Ok(())
    }

    /// Whether this version, fully accepted, ends what came apart.
    pub(super) fn ends(&self, apart: &Apart, state: &State) -> bool {
        let one_signs = matches!(self.role, Role::Notices | Role::Registry);
        apart.sequence <= self.head.sequence || one_signs && self.goes_on_from(state).is_some()
    }

    /// Keeps the bytes of the version held once more. Never changes what counts.
    pub(super) fn mend(&self, work: &mut Work) {
        work.object(self.bytes.clone());
        work.object(self.proof.clone());
    }

    pub(super) fn record(&self, consistency: Vec<Digest>, now: Option<Timestamp>, work: &mut Work) {
        let record = DocumentRecord {
            sha256: work.object(self.bytes.clone()),
            sequence: self.head.sequence,
            issued_at: self.head.issued_at,
            next_update: self.head.next_update,
            proof: work.object(self.proof.clone()),
            consistency,
            vouchers: self.vouchers,
            accepted_at: now,
            identifiers: match &self.document {
                Document::Registry(registry) => Some(registry.identifiers.len()),
                Document::List(_) | Document::Notices(_) => None,
            },
        };
        // Only a list's signers say how late it is: one officer or registrar must not be able to let
        // suspensions and constraints run out.
        if matches!(self.role, Role::List(_)) {
            work.state.known_time = work.state.known_time.max(self.head.issued_at);
        }
        if self.role == Role::Notices {
            work.state.notices_known = true;
        }
        if work.state.apart.get(&self.role).is_some_and(|apart| self.ends(apart, &work.state)) {
            work.state.apart.remove(&self.role);
        }
        // The same version once more goes on from nowhere.
        if !self.is_held(&work.state) {
            work.state.go_on_from.remove(&self.role);
        }
        work.state.documents.insert(self.role.clone(), record);
    }
}

async fn fetch_target(
    source: &Source,
    target: &TargetInfo,
    held: Option<&[u8]>,
) -> Result<Vec<u8>, ClientError> {
    let limit = usize::try_from(target.length).unwrap_or(usize::MAX).min(ctl_core::list::MAX_PAYLOAD);
    let segments: Vec<String> = target.path.split('/').map(paths::encode_segment).collect();
    let path = TARGET.of(&[&segments.join("/")]);
    let take = |bytes: Option<Vec<u8>>| {
        // Described, and withheld: not to be taken for something that was never published.
        let bytes = bytes.ok_or_else(|| TufError::Missing { path: path.clone() })?;
        target.check(&bytes)?;
        Ok(bytes)
    };
    source.fetch_coded(&path, limit, held, take).await
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

    let PublicationEntry { scheme: found, record } = PublicationEntry::parse(entry)
        .map_err(|error| other(format!("entry {} records no publication: {error}", proof.index)))?;
    let scheme = trust.root.v2g.as_ref().map(|v2g| v2g.scheme);
    if Some(found) != scheme {
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
