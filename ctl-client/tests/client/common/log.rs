//! The repository's log: entries, proofs, checkpoints, another key, a new beginning.

use ctl_core::Digest;
use ctl_core::log::note::NoteKey;
use ctl_core::log::tile::TileId;
use ctl_core::log::{Checkpoint, LogProof, Note, checkpoint, leaf_hash};
use ctl_core::role::Role;
use ctl_core::tuf::{GoOnFrom, LogTrust, Restart, RestartReason};
use ctl_governance::statement::{Basis, Body, Entry, Payload, Statement};

use super::*;

impl Repository {
    /// Records a statement of the recorder; gives its index. The last entry's bytes stay in `files`
    /// under a name that is not served, for the proof.
    pub fn record(&mut self, body: impl Into<Body>) -> u64 {
        let index = self.tree.size();
        let nonce = *Digest::of(&index.to_be_bytes()).as_bytes();
        let payload = Payload {
            scheme: self.scheme,
            issued_at: self.now,
            basis: Basis { size: index, root_hash: self.tree.root() },
            nonce: ctl_core::names::Nonce::from_bytes(nonce[..16].try_into().unwrap()),
            body: body.into(),
        };
        let statement = Statement::from_jws(payload.sign(&[&key(13)]).unwrap()).unwrap();
        let entry = Entry::new(self.now, statement).unwrap();
        self.tree.push(leaf_hash(&entry.bytes));
        self.files.insert(format!("entries/{index}"), entry.bytes);
        index
    }

    /// The proof of the entry at `index`, in the place of the proof of this version.
    pub fn put_proof(&mut self, role: &Role, sequence: u64, index: u64) {
        let place = format!("{}/versions/{sequence}.tlog-proof", role.folder().unwrap());
        let proof = LogProof {
            extra: Some(self.files[&format!("entries/{index}")].clone()),
            index,
            hashes: self.tree.inclusion_proof(index, self.tree.size()).unwrap(),
            checkpoint: self.checkpoint(),
        };
        self.files.insert(place, proof.encode().into_bytes());
    }

    /// Issues the proof of a role's last version again, under the log's key and origin of now.
    pub fn prove_again(&mut self, role: &Role) {
        let published = Some(self.published[role]);
        let records = |index: &u64| {
            let entry = Entry::parse(&self.files[&format!("entries/{index}")]).unwrap();
            matches!(entry.statement.payload.body, Body::PublicationRecord(record) if record.document == published)
        };
        let index = (0..self.tree.size()).find(records).unwrap();
        let sequence = self.documents[role]["sequence"].as_u64().unwrap();
        self.put_proof(role, sequence, index);
    }

    pub fn checkpoint(&self) -> Note {
        let (origin, size, root) = (self.origin.clone(), self.tree.size(), self.tree.root());
        let mut note = Checkpoint { origin, size, root }.sign(&note_signer(self.log_key)).unwrap();
        for n in &self.cosigners {
            checkpoint::cosign(&mut note, &format!("witness-{n}.example"), &note_signer(*n), self.now)
                .unwrap();
        }
        note
    }

    pub fn put_log(&mut self) {
        let size = self.tree.size();
        for id in TileId::added(0, size) {
            self.files.insert(format!("log/{}", id.path()), id.bytes(&self.tree).unwrap());
        }
        self.files.insert("log/checkpoint".into(), self.checkpoint().to_string().into_bytes());
    }

    /// Entries of a log that nobody else is shown.
    pub fn forge_entries(&mut self, number: u64, what: &str) {
        for n in 0..number {
            self.tree.push(leaf_hash(format!("{what} {n}").as_bytes()));
        }
    }

    /// Newer for TUF than another repository, as a server is that goes on counting.
    pub fn newer_than(&mut self, other: &Self) {
        self.timestamp_version = self.timestamp_version.max(other.timestamp_version);
        self.snapshot_version = self.snapshot_version.max(other.snapshot_version);
    }

    fn log_ref(&self) -> ctl_core::list::LogRef {
        let (root_hash, size) = (self.tree.root(), self.tree.size());
        ctl_core::list::LogRef { origin: self.origin.parse().unwrap(), root_hash, size }
    }

    fn log_trust(&self) -> LogTrust {
        let name = NoteKey::<ctl_core::log::note::LogRole>::new(
            &self.origin,
            note_signer(self.log_key).verifying_key(),
        );
        LogTrust { origin: self.origin.clone(), key: name.unwrap().to_string() }
    }

    /// The board names another key of the same log.
    pub fn rotate_log_key(&mut self, key: u8) {
        self.log_key = key;
        self.root.version += 1;
        self.root.v2g.as_mut().unwrap().log = self.log_trust();
        self.put_root();
    }

    /// The board lets the log begin anew, with the entries of this tree. `old` is the last checkpoint
    /// that the board knows.
    pub fn restart(&mut self, old: &Self, key: u8, origin: &str) {
        let number = |role: &str| {
            let sequence = self.documents.iter().find(|(name, _)| name.to_string() == role);
            let sequence = sequence.and_then(|(_, document)| document["sequence"].as_u64()).unwrap_or(0);
            GoOnFrom { version: self.roles[role].version, sequence }
        };
        let roles = self.roles.keys().map(|role| (role.clone(), number(role))).collect();
        (self.origin, self.log_key) = (origin.to_owned(), key);
        let reason = RestartReason::LogKeyCompromise;
        let (old, new) = (old.log_ref(), self.log_ref());
        let v2g = self.root.v2g.as_mut().unwrap();
        v2g.restarts.push(Restart { old, new, reason, roles, time: self.now });
        self.root.version += 1;
        self.root.v2g.as_mut().unwrap().log = self.log_trust();
        self.put_root();
    }
}
