//! A whole signed repository in memory that can be made to lie.

use std::collections::BTreeMap;
use std::path::Path;

use ctl_core::jws::Signature;
use ctl_core::log::Tree;
use ctl_core::role::Role;
use ctl_core::tuf::{LogTrust, Root, Targets, TopLevelRoles, V2gTrust, WitnessTrust, sign, signing_bytes};
use ctl_core::{Digest, Timestamp, json};
use ctl_governance::statement::body::{DocumentSignature, DraftOpen, MetadataSignature, PublicationRecord};
use serde_json::{Value, json};

use super::*;

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

    /// As of today, for programs, which have the real clock; with a second root.
    pub fn of_today() -> Self {
        let mut repository = Self::bare("test", "scheme");
        repository.now = ctl_client::sync::system_time();
        repository.rotate_root();
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
            sae_cms_signatures: Vec::new(),
        }
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
