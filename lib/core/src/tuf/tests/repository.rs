//! A repository in memory that can be made to lie, and a device that keeps what it is told to keep.

use std::collections::BTreeMap;

use crate::keys::{Algorithm, PrivateKey};
use crate::tuf::*;
use crate::{Digest, Timestamp as Moment};

/// Odd numbers are Ed25519 keys, even ones P-256.
pub(super) fn key(n: u8) -> PrivateKey {
    let algorithm = if n % 2 == 1 { Algorithm::EdDsa } else { Algorithm::Es256 };
    PrivateKey::from_seed(algorithm, &[n; 32]).unwrap()
}

pub(super) fn holders(threshold: u32, keys: &[u8]) -> KeyHolders {
    KeyHolders { threshold, keys: keys.iter().map(|n| key(*n).public_key()).collect() }
}

pub(super) fn day(n: u64) -> Moment {
    Moment::EPOCH.plus_seconds(n * 86_400)
}

pub(super) fn signed_by<T: Metadata>(signed: &T, keys: &[u8]) -> Vec<u8> {
    let signatures: Vec<_> = keys.iter().map(|n| sign(&key(*n), signed).unwrap()).collect();
    envelope(signed, &signatures)
}

pub(super) const LIST: &[u8] = b"{\"list\":\"na\"}";

pub(super) struct Repository {
    pub(super) root: Root,
    pub(super) timestamp: Timestamp,
    pub(super) snapshot: Snapshot,
    /// `targets` and the delegated roles.
    pub(super) roles: BTreeMap<String, Targets>,
    /// Who signs for which role, whatever the delegation says.
    pub(super) signers: BTreeMap<String, Vec<u8>>,
    /// What is served.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Whether timestamp and snapshot tell length and hashes.
    pub(super) hashes: bool,
}

impl Repository {
    /// The board 1, 2, 3 (two must sign), snapshot 10, timestamp 11; the list `na` is signed by 20
    /// and 21.
    pub(super) fn new() -> Self {
        let top = TopLevelRoles {
            root: holders(2, &[1, 2, 3]),
            targets: holders(2, &[1, 2, 3]),
            snapshot: holders(1, &[10]),
            timestamp: holders(1, &[11]),
        };
        let v2g = V2gTrust {
            scheme: Digest::of(b"scheme"),
            environment: "test".into(),
            log: LogTrust { origin: "log.example/v2g".into(), key: hex::encode([7; 32]) },
            recorder: Some(key(12).public_key().to_object()),
            witnesses: vec![WitnessTrust { name: "witness.example".into(), key: hex::encode([8; 32]) }],
            witness_threshold: 1,
            notices_cap: 3,
            restarts: vec![],
        };
        let signers: [(&str, &[u8]); 5] = [
            ("root", &[1, 2]),
            ("targets", &[2, 3]),
            ("snapshot", &[10]),
            ("timestamp", &[11]),
            ("na", &[20, 21]),
        ];
        let mut repository = Self {
            root: Root::new(1, day(1000), &top, Some(v2g)),
            timestamp: Timestamp::new(1, day(30), MetaFile::of(1, b"")),
            snapshot: Snapshot::new(1, day(60), []),
            roles: [("targets".to_owned(), Targets::new(1, day(500)))].into(),
            signers: signers.map(|(role, keys)| (role.to_owned(), keys.to_vec())).into(),
            files: BTreeMap::new(),
            hashes: true,
        };
        repository.delegate("targets", "na", &holders(2, &[20, 21, 22]), &["na.*"], true);
        let custom = serde_json::json!({ "list": "na", "sequence": 1 });
        repository.role("na").add("na.ctl.json", LIST, Some(custom)).unwrap();
        repository.publish_root();
        repository.publish();
        repository
    }

    pub(super) fn role(&mut self, name: &str) -> &mut Targets {
        self.roles.get_mut(name).unwrap()
    }

    pub(super) fn delegate(
        &mut self,
        parent: &str,
        name: &str,
        holders: &KeyHolders,
        paths: &[&str],
        end: bool,
    ) {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        let delegations = self.role(parent).delegations.get_or_insert_default();
        delegations.add(name, holders, paths, end);
        self.roles.entry(name.into()).or_insert_with(|| Targets::new(1, day(500)));
    }

    pub(super) fn put_role(&mut self, name: &str) -> MetaFile {
        let role = &self.roles[name];
        let bytes = signed_by(role, &self.signers[name]);
        let listed = self.listed(role.version, &bytes);
        self.files.insert(format!("{}.{}", role.version, paths::role_file(name)), bytes);
        listed
    }

    fn listed(&self, version: u64, bytes: &[u8]) -> MetaFile {
        if self.hashes {
            MetaFile::of(version, bytes)
        } else {
            MetaFile { version, length: None, hashes: None }
        }
    }

    pub(super) fn publish_root(&mut self) {
        let bytes = signed_by(&self.root, &self.signers["root"]);
        self.files.insert(format!("{}.root.json", self.root.version), bytes);
    }

    /// Signs and serves every role with the versions they have.
    pub(super) fn publish(&mut self) {
        let names: Vec<String> = self.roles.keys().cloned().collect();
        for name in names {
            let listed = self.put_role(&name);
            self.snapshot.meta.insert(format!("{name}.json"), listed);
        }
        self.publish_snapshot();
    }

    pub(super) fn publish_snapshot(&mut self) {
        let bytes = signed_by(&self.snapshot, &self.signers["snapshot"]);
        let listed = self.listed(self.snapshot.version, &bytes);
        self.files.insert(format!("{}.snapshot.json", self.snapshot.version), bytes);
        self.timestamp.meta.insert("snapshot.json".into(), listed);
        self.publish_timestamp();
    }

    pub(super) fn publish_timestamp(&mut self) {
        let bytes = signed_by(&self.timestamp, &self.signers["timestamp"]);
        self.files.insert("timestamp.json".into(), bytes);
    }

    /// The next version of snapshot and timestamp, and of the roles named.
    pub(super) fn next(&mut self, roles: &[&str]) {
        for role in roles {
            self.role(role).version += 1;
        }
        self.snapshot.version += 1;
        self.timestamp.version += 1;
        self.publish();
    }

    /// The next root, with the keys of one role replaced; signed by whom `signers` says.
    pub(super) fn rotate(&mut self, role: &str, holders: &KeyHolders) {
        self.root.version += 1;
        for key in &holders.keys {
            self.root.keys.insert(key.key_id().to_string(), key.into());
        }
        let ids = holders.keys.iter().map(|key| key.key_id().to_string()).collect();
        let signers = RoleKeys { keyids: ids, threshold: holders.threshold };
        self.root.roles.insert(role.into(), signers);
        self.publish_root();
    }
}

/// What a device has on disk, and what it asked for last.
#[derive(Clone, Default)]
pub(super) struct Device {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) asked: Vec<String>,
}

impl Device {
    /// Born with the repository's first root.
    pub(super) fn new(repository: &Repository) -> Self {
        let root = repository.files["1.root.json"].clone();
        Self { files: [("root.json".to_owned(), root)].into(), asked: Vec::new() }
    }

    /// Born and refreshed.
    pub(super) fn fresh(repository: &Repository) -> Self {
        let mut device = Self::new(repository);
        device.refresh(repository).unwrap();
        device
    }

    pub(super) fn updater(&self, clock: Clock, limits: Limits) -> Result<Updater, TufError> {
        let root = self.files["root.json"].clone();
        Updater::new(LocalMetadata { root, files: self.files.clone() }, clock, limits)
    }

    pub(super) fn refresh(&mut self, repository: &Repository) -> Result<Updater, TufError> {
        self.refresh_at(repository, day(1))
    }

    pub(super) fn refresh_at(&mut self, repository: &Repository, now: Moment) -> Result<Updater, TufError> {
        let mut updater = self.updater(Clock::Known(now), Limits::default())?;
        self.asked.clear();
        self.drive(&mut updater, repository).map(|()| updater)
    }

    pub(super) fn find(
        &mut self,
        repository: &Repository,
        name: &str,
    ) -> Result<Option<TargetInfo>, TufError> {
        let mut updater = self.refresh(repository)?;
        self.asked.clear();
        updater.seek(name)?;
        self.drive(&mut updater, repository)?;
        Ok(updater.found().cloned())
    }

    pub(super) fn drive(&mut self, updater: &mut Updater, repository: &Repository) -> Result<(), TufError> {
        loop {
            match updater.step()? {
                Step::Done => return Ok(()),
                Step::Keep { name, bytes } => drop(self.files.insert(name, bytes)),
                Step::Discard { name } => drop(self.files.remove(&name)),
                Step::Fetch { path, max_bytes, may_be_missing } => {
                    let response = match repository.files.get(&path) {
                        Some(bytes) if bytes.len() <= max_bytes => Response::Bytes(bytes.clone()),
                        Some(bytes) => Response::Bytes(bytes[..=max_bytes].to_vec()),
                        None => Response::NotFound,
                    };
                    assert_eq!(may_be_missing, path.ends_with(".root.json"));
                    self.asked.push(path);
                    updater.feed(response)?;
                }
            }
        }
    }

    /// The version kept of a role, 0 if none is.
    pub(super) fn version(&self, role: &str) -> u64 {
        let bytes = self.files.get(&format!("{role}.json"));
        bytes.map_or(0, |bytes| {
            let value = crate::json::parse(bytes, 1_000_000).unwrap();
            value["signed"]["version"].as_u64().unwrap()
        })
    }
}
