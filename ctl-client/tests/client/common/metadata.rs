//! The repository's TUF metadata.

use ctl_core::tuf::{
    Delegations, KeyHolders, MetaFile, Metadata, Root, Snapshot, Targets, Timestamp as TufTimestamp,
    envelope, sign,
};

use super::*;

impl Repository {
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
}
