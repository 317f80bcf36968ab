//! A whole signed repository in memory that can be made to lie, and a device that syncs from it.
//!
//! Keys are numbers: the board 1, 2, 3 (two must sign), snapshot 10, timestamp 11, the log 12, the
//! recorder 13, signers of `na` 20, 21, 22 (two must), of `eu` 30, the registrar 40, the officers 50
//! and 51, of whom one must, and only 50 does unless a test says so.
//! Odd ones are Ed25519, even ones P-256, but for the log and witnesses (60, 61), which must be
//! Ed25519.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod device;
pub mod power;
pub mod server;
pub mod sinks;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use ctl_core::jws::Signature;
use ctl_core::keys::{Algorithm, PrivateKey, PublicKey};
use ctl_core::list::{Identifiers, ListAnchor};
use ctl_core::log::note::{KeyRole, NoteKey};
use ctl_core::log::tile::TileId;
use ctl_core::log::{Checkpoint, LogProof, Note, Tree, checkpoint, leaf_hash};
use ctl_core::parts::{AnchorStatus, Constraints, Der, Purpose, Services, Standard, Use};
use ctl_core::role::Role;
use ctl_core::tuf::{
    Delegations, GoOnFrom, KeyHolders, LogTrust, MetaFile, Metadata, Restart, RestartReason, Root, Snapshot,
    Targets, Timestamp as TufTimestamp, TopLevelRoles, V2gTrust, WitnessTrust, envelope, sign, signing_bytes,
};
use ctl_core::{Digest, Timestamp, json};
use ctl_governance::statement::body::{DocumentSignature, DraftOpen, MetadataSignature, PublicationRecord};
use ctl_governance::statement::{Basis, Body, Entry, Payload, Statement};
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use serde_json::{Value, json};

pub use device::Device;

pub const DAY: u64 = 86_400;
pub const ORIGIN: &str = "log.example/v2g";

pub fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub fn na() -> Role {
    Role::List("na".parse().unwrap())
}

pub fn eu() -> Role {
    Role::List("eu".parse().unwrap())
}

pub fn key(n: u8) -> PrivateKey {
    let ed25519 = n % 2 == 1 || matches!(n, 12 | 60 | 61);
    PrivateKey::from_seed(if ed25519 { Algorithm::EdDsa } else { Algorithm::Es256 }, &[n; 32]).unwrap()
}

pub fn note_signer(n: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[n; 32])
}

fn note_key<R: KeyRole>(name: &str, n: u8) -> String {
    NoteKey::<R>::new(name, note_signer(n).verifying_key()).unwrap().to_string()
}

pub fn holders(threshold: u32, keys: &[u8]) -> KeyHolders {
    KeyHolders { threshold, keys: keys.iter().map(|n| key(*n).public_key()).collect() }
}

/// Pretend roots, made once: alpha and beta for V2G, gamma for MO.
pub fn roots() -> &'static BTreeMap<&'static str, Certificate> {
    static ROOTS: OnceLock<BTreeMap<&'static str, Certificate>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let not_before = start().minus_seconds(30 * DAY).unix();
        [("alpha", PkiKind::V2g), ("beta", PkiKind::V2g), ("gamma", PkiKind::Mo), ("evil", PkiKind::V2g)]
            .map(|(name, kind)| {
                let spec = PkiSpec::new(kind, name, "DE", name, "client tests", not_before);
                (name, Pki::generate(&spec).unwrap().root().certificate().clone())
            })
            .into()
    })
}

pub fn fingerprint(name: &str) -> Digest {
    Digest::from_bytes(roots()[name].sha256())
}

pub fn spki(name: &str) -> Digest {
    Digest::from_bytes(roots()[name].spki_sha256())
}

/// An anchor as it stands on a list. Gamma is for MO, all others for V2G.
pub fn anchor(name: &str) -> Value {
    anchor_with(name, &roots()[name])
}

/// The same with another certificate.
pub fn anchor_with(name: &str, certificate: &Certificate) -> Value {
    let purpose = if name == "gamma" { Purpose::Mo } else { Purpose::V2g };
    let anchor = ListAnchor {
        certificate: Der(certificate.der().to_vec()),
        constraints: Constraints::default(),
        decision: 0,
        fingerprint: Digest::from_bytes(certificate.sha256()),
        identifiers: Identifiers::of(certificate),
        name: name.parse().unwrap(),
        operator: name.parse().unwrap(),
        services: Services::default(),
        since: start(),
        status: AnchorStatus::Usable,
        uses: vec![Use { standard: Standard::Iso15118_2, purpose }],
    };
    serde_json::to_value(anchor).unwrap()
}

/// The same with a constraint.
pub fn constrained(name: &str, constraint: &str, value: Value, critical: bool) -> Value {
    let mut anchor = anchor(name);
    anchor["constraints"][constraint] = json!({ "critical": critical, "value": value });
    anchor
}

pub fn distrusted(kind: &str, sha256: Digest) -> Value {
    json!({ "kind": kind, "sha256": sha256 })
}

pub fn notice(index: u64, list: &str, name: &str, expires_at: Timestamp) -> Value {
    json!({
        "anchor": fingerprint(name), "expires_at": expires_at, "issued_at": start(), "list": list,
        "notice": index, "reason": "key-compromise", "spki": spki(name),
    })
}

#[derive(Clone)]
pub struct Repository {
    pub now: Timestamp,
    pub scheme: Digest,
    /// What is served.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The documents without number, times and log: what the next publication says.
    pub documents: BTreeMap<Role, Value>,
    /// Digest of each role's last document.
    pub published: BTreeMap<Role, Digest>,
    pub root: Root,
    pub top: TopLevelRoles,
    /// `targets` and the delegated roles.
    pub roles: BTreeMap<String, Targets>,
    /// Who signs for what, whatever the delegation says.
    pub signers: BTreeMap<String, Vec<u8>>,
    pub snapshot_version: u64,
    pub timestamp_version: u64,
    pub tree: Tree,
    /// The log's origin and key.
    pub origin: String,
    pub log_key: u8,
    /// Witnesses that cosign, as key numbers.
    pub cosigners: Vec<u8>,
}

impl Repository {
    /// Everything published once: `na` with alpha, beta and gamma, no notice, an empty registry.
    pub fn new() -> Self {
        let mut repository = Self::bare("test", "scheme");
        repository.publish_all();
        repository
    }

    /// A scheme of which nothing but the root is published.
    pub fn bare(environment: &str, scheme: &str) -> Self {
        let scheme = Digest::of(scheme.as_bytes());
        let top = TopLevelRoles {
            root: holders(2, &[1, 2, 3]),
            targets: holders(2, &[1, 2, 3]),
            snapshot: holders(1, &[10]),
            timestamp: holders(1, &[11]),
        };
        let v2g = V2gTrust {
            scheme,
            environment: environment.into(),
            log: LogTrust {
                origin: ORIGIN.into(),
                key: note_key::<ctl_core::log::note::LogRole>(ORIGIN, 12),
            },
            recorder: Some(key(13).public_key().to_object()),
            witnesses: [60, 61]
                .map(|n| {
                    let name = format!("witness-{n}.example");
                    let key = note_key::<ctl_core::log::note::WitnessRole>(&name, n);
                    WitnessTrust { name, key }
                })
                .into(),
            witness_threshold: 1,
            notices_cap: 3,
            restarts: vec![],
        };
        let root = Root::new(1, start().plus_seconds(1000 * DAY), &top, Some(v2g));
        let head =
            |kind: &str| json!({ "environment": environment, "format": 1, "scheme": scheme, "type": kind });
        let mut documents = BTreeMap::new();
        for list in [na(), eu()] {
            let mut document = head("v2g-certificate-trust-list");
            document["list"] = json!(list);
            document["anchors"] = json!([]);
            document["cross_certificates"] = json!([]);
            document["distrusted"] = json!([]);
            document["policy"] = json!({ "name": "policy", "sha256": Digest::of(b"policy"), "version": "1" });
            documents.insert(list, document);
        }
        let mut notices = head("v2g-suspension-notices");
        notices["notices"] = json!([]);
        documents.insert(Role::Notices, notices);
        let mut registry = head("v2g-mo-registry");
        registry["identifiers"] = json!([]);
        documents.insert(Role::Registry, registry);

        let signers = [
            ("root", vec![1, 2]),
            ("targets", vec![1, 2]),
            ("snapshot", vec![10]),
            ("timestamp", vec![11]),
            ("na", vec![20, 21]),
            ("eu", vec![30]),
            ("registry", vec![40]),
            ("notices", vec![50]),
        ];
        let mut repository = Self {
            now: start(),
            scheme,
            files: BTreeMap::new(),
            documents,
            published: BTreeMap::new(),
            root,
            top,
            roles: BTreeMap::new(),
            signers: signers.map(|(role, keys)| (role.to_owned(), keys)).into(),
            snapshot_version: 0,
            timestamp_version: 0,
            tree: Tree::new(),
            origin: ORIGIN.into(),
            log_key: 12,
            cosigners: vec![60],
        };
        repository.put_root();
        repository.put_targets(&[
            ("notices", holders(1, &[50, 51]), "notices.json"),
            ("na", holders(2, &[20, 21, 22]), "na.ctl.json"),
            ("eu", holders(1, &[30]), "eu.ctl.json"),
            ("registry", holders(1, &[40]), "mo-registry.json"),
        ]);
        repository
    }

    pub fn publish_all(&mut self) {
        self.set_anchors(&na(), &["alpha", "beta", "gamma"]);
        for role in [Role::Notices, na(), Role::Registry] {
            self.publish(&role);
        }
        self.refresh();
    }

    pub fn set_anchors(&mut self, list: &Role, names: &[&str]) {
        self.set_list(list, names.iter().map(|name| anchor(name)).collect());
    }

    /// Anchors in the order that a list has them in.
    pub fn set_list(&mut self, list: &Role, mut anchors: Vec<Value>) {
        anchors.sort_by_key(|anchor| anchor["fingerprint"].as_str().unwrap().to_owned());
        self.documents.get_mut(list).unwrap()["anchors"] = json!(anchors);
    }

    pub fn set_notices(&mut self, notices: Vec<Value>) {
        self.documents.get_mut(&Role::Notices).unwrap()["notices"] = json!(notices);
    }

    pub fn publish(&mut self, role: &Role) {
        self.publish_as(role, |_| {});
    }

    /// Publishes a document, with a last change to what is signed.
    pub fn publish_as(&mut self, role: &Role, tweak: impl FnOnce(&mut Value)) {
        let open = DraftOpen {
            expires: self.now,
            issued_at: self.now,
            role: role.clone(),
            sequence: None,
            version: 1,
        };
        let draft = self.record(open);
        let days = if *role == Role::Notices { 7 } else { 30 };
        let previous = self.published.get(role).copied().unwrap_or(Digest::ZERO);
        let log = json!({
            "origin": self.origin, "root_hash": self.tree.root(), "size": self.tree.size()
        });
        let document = self.documents.get_mut(role).unwrap();
        document["sequence"] = json!(document["sequence"].as_u64().unwrap_or(0) + 1);
        document["previous"] = json!(previous);
        document["issued_at"] = json!(self.now);
        document["next_update"] = json!(self.now.plus_seconds(days * DAY));
        document["log"] = log;
        let mut signed = document.clone();
        tweak(&mut signed);
        let bytes = json::canonical(&signed);
        self.put_document(role, &bytes, signed["sequence"].as_u64().unwrap(), days, draft);
    }

    /// Metadata, publication and proof for these bytes.
    pub fn put_document(&mut self, role: &Role, bytes: &[u8], sequence: u64, days: u64, draft: u64) {
        let name = role.to_string();
        let target = role.target_name().unwrap();
        let previous: Value = serde_json::from_slice(bytes).unwrap();
        let mut custom = json!({ "draft": draft, "previous": previous["previous"], "sequence": sequence });
        if let Role::List(list) = role {
            custom["list"] = json!(list);
        }
        let version = self.roles.get(&name).map_or(0, |targets| targets.version) + 1;
        let mut metadata = Targets::new(version, self.now.plus_seconds(days * DAY));
        metadata.add(&target, bytes, Some(custom)).unwrap();
        self.roles.insert(name.clone(), metadata);
        self.put_role(&name);
        let digest = Digest::of(bytes);
        self.files.insert(format!("tuf/targets/{digest}.{target}"), bytes.to_vec());
        self.published.insert(role.clone(), digest);

        let index = self.record(self.publication(role, bytes, draft));
        self.put_proof(role, sequence, index);
    }

    pub fn publication(&self, role: &Role, bytes: &[u8], draft: u64) -> PublicationRecord {
        let name = role.to_string();
        let metadata = &self.roles[&name];
        let signers = &self.signers[&name];
        PublicationRecord {
            document: Some(Digest::of(bytes)),
            document_signatures: signers
                .iter()
                .map(|n| {
                    let value =
                        Signature::sign(&key(*n), role.document_typ().unwrap(), bytes).unwrap().to_value();
                    let text = |member: &str| value[member].as_str().unwrap().to_owned();
                    DocumentSignature { protected: text("protected"), signature: text("signature") }
                })
                .collect(),
            draft,
            metadata: Digest::of(&signing_bytes(metadata)),
            metadata_signatures: signers
                .iter()
                .map(|n| MetadataSignature {
                    keyid: key(*n).public_key().key_id(),
                    sig: sign(&key(*n), metadata).unwrap().sig,
                })
                .collect(),
            role: role.clone(),
        }
    }

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
        let place = match role {
            Role::List(list) => format!("v1/lists/{list}/versions/{sequence}.tlog-proof"),
            other => format!("v1/{other}/versions/{sequence}.tlog-proof"),
        };
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

    /// The next snapshot and timestamp over what is there, and the log.
    pub fn refresh(&mut self) {
        self.put_log();
        self.snapshot_version += 1;
        self.put_snapshot();
        self.timestamp_version += 1;
        self.put_timestamp();
    }

    pub fn put_root(&mut self) {
        let bytes = self.signed("root", &self.root);
        self.files.insert(format!("tuf/metadata/{}.root.json", self.root.version), bytes);
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

    /// The next root, with the top-level roles and keys as they are now.
    pub fn rotate_root(&mut self) {
        let (version, v2g) = (self.root.version + 1, self.root.v2g.clone());
        self.root = Root::new(version, self.now.plus_seconds(1000 * DAY), &self.top, v2g);
        self.put_root();
    }

    pub fn put_targets(&mut self, delegations: &[(&str, KeyHolders, &str)]) {
        let version = self.roles.get("targets").map_or(0, |targets| targets.version) + 1;
        let mut targets = Targets::new(version, self.now.plus_seconds(365 * DAY));
        let mut delegated = Delegations::default();
        for (role, holders, path) in delegations {
            delegated.add(role, holders, vec![(*path).into()], true);
        }
        targets.delegations = Some(delegated);
        self.roles.insert("targets".into(), targets);
        self.put_role("targets");
    }

    pub fn put_role(&mut self, name: &str) {
        let metadata = &self.roles[name];
        let bytes = self.signed(name, metadata);
        self.files.insert(format!("tuf/metadata/{}.{name}.json", metadata.version), bytes);
    }

    pub fn put_snapshot(&mut self) {
        let listed: Vec<(&str, MetaFile)> = self
            .roles
            .iter()
            .map(|(name, metadata)| {
                let bytes = &self.files[&format!("tuf/metadata/{}.{name}.json", metadata.version)];
                (name.as_str(), MetaFile::of(metadata.version, bytes))
            })
            .collect();
        let snapshot = Snapshot::new(self.snapshot_version, self.now.plus_seconds(7 * DAY), listed);
        let bytes = self.signed("snapshot", &snapshot);
        self.files.insert(format!("tuf/metadata/{}.snapshot.json", self.snapshot_version), bytes);
    }

    pub fn put_timestamp(&mut self) {
        let bytes = &self.files[&format!("tuf/metadata/{}.snapshot.json", self.snapshot_version)];
        let snapshot = MetaFile::of(self.snapshot_version, bytes);
        let timestamp = TufTimestamp::new(self.timestamp_version, self.now.plus_seconds(DAY), snapshot);
        let bytes = self.signed("timestamp", &timestamp);
        self.files.insert("tuf/metadata/timestamp.json".into(), bytes);
    }

    pub fn signed<T: Metadata>(&self, role: &str, metadata: &T) -> Vec<u8> {
        let signatures: Vec<_> =
            self.signers[role].iter().map(|n| sign(&key(*n), metadata).unwrap()).collect();
        envelope(metadata, &signatures)
    }

    /// Time passes, and the server goes on signing that all is as it was.
    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }

    /// The directory as a USB stick would carry it.
    pub fn write(&self, folder: &Path) {
        let _ = std::fs::remove_dir_all(folder);
        for (path, bytes) in self.served() {
            let place = folder.join(path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, bytes).unwrap();
        }
        std::fs::create_dir_all(folder).unwrap();
    }

    pub fn served(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.files.iter().filter(|(path, _)| !path.starts_with("entries/"))
    }

    pub fn first_root(&self) -> Vec<u8> {
        self.files["tuf/metadata/1.root.json"].clone()
    }
}

pub fn public(n: u8) -> PublicKey {
    key(n).public_key()
}
