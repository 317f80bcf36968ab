//! The four kinds of metadata: to build, to write, and as read from a file (specification §4).
//!
//! Members that this module does not know are ignored on reading but stay under the signatures: see
//! [`super::Signed`].

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::roles::{Delegations, KeyHolders, Keys, RoleKeys, TOP_LEVEL, malformed};
use super::{SPEC_VERSION, TufError, paths};
use crate::keys::KeyObject;
use crate::threshold::Threshold;
use crate::{Digest, Timestamp as Moment};

/// What the four kinds have in common.
pub trait Metadata: Serialize + DeserializeOwned {
    /// The value of `_type`.
    const TYPE: &'static str;
    /// Counts up from 1.
    fn version(&self) -> u64;
    /// From this moment on it is not accepted as new.
    fn expires(&self) -> Moment;
    /// Rules that the types alone do not express.
    ///
    /// # Errors
    /// [`TufError`] naming the rule.
    fn check(&self, role: &str) -> Result<(), TufError>;
}

macro_rules! metadata {
    ($type:ty, $name:literal, $check:expr) => {
        impl Metadata for $type {
            const TYPE: &'static str = $name;
            fn version(&self) -> u64 {
                self.version
            }
            fn expires(&self) -> Moment {
                self.expires
            }
            fn check(&self, role: &str) -> Result<(), TufError> {
                let check: fn(&Self, &str) -> Result<(), TufError> = $check;
                check(self, role)
            }
        }
    };
}

fn spec_version() -> String {
    SPEC_VERSION.into()
}

/// `root.json`: the keys of the four top-level roles (§4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "_type", rename = "root")]
pub struct Root {
    /// The specification's version it was written for.
    pub spec_version: String,
    /// Whether files carry their version or hash in their names; always true in ours.
    #[serde(default)]
    pub consistent_snapshot: bool,
    /// Counts up from 1 without gaps.
    pub version: u64,
    pub expires: Moment,
    /// All keys, by id.
    pub keys: Keys,
    /// `root`, `targets`, `snapshot` and `timestamp`.
    pub roles: BTreeMap<String, RoleKeys>,
    /// What a client needs beyond TUF, so that root.json alone is enough to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v2g: Option<V2gTrust>,
}

/// Who signs for the four top-level roles of a root to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopLevelRoles {
    /// The board.
    pub root: KeyHolders,
    /// The board again: the top-level targets only delegate.
    pub targets: KeyHolders,
    /// The server's.
    pub snapshot: KeyHolders,
    /// The server's.
    pub timestamp: KeyHolders,
}

/// The extra member `v2g` of root.json: scheme, log, recorder, witnesses, and what bounds the notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2gTrust {
    /// The scheme's id.
    pub scheme: Digest,
    /// `test` or `production`.
    pub environment: String,
    /// The transparency log.
    pub log: LogTrust,
    /// The key that signs the server's observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorder: Option<KeyObject>,
    /// Those who cosign checkpoints.
    #[serde(default)]
    pub witnesses: Vec<WitnessTrust>,
    /// How many of them must.
    #[serde(default)]
    pub witness_threshold: u32,
    /// How many suspension notices may be in force at once, which devices hold officers to.
    pub notices_cap: u32,
    /// Every restart of the log, in order; see [`super::restart`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<super::Restart>,
}

/// The log in [`V2gTrust`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTrust {
    /// The log's origin line.
    pub origin: String,
    /// Its key: a verifier key (C2SP signed-note), or the 64 hex digits of an Ed25519 key.
    pub key: String,
}

/// A witness in [`V2gTrust`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessTrust {
    /// The name it cosigns with.
    pub name: String,
    /// Its key, in the forms of [`LogTrust::key`].
    pub key: String,
}

impl Root {
    /// A root with consistent snapshots.
    #[must_use]
    pub fn new(version: u64, expires: Moment, holders: &TopLevelRoles, v2g: Option<V2gTrust>) -> Self {
        let mut keys = Keys::new();
        let roles = [
            ("root", &holders.root),
            ("targets", &holders.targets),
            ("snapshot", &holders.snapshot),
            ("timestamp", &holders.timestamp),
        ];
        let roles = roles.map(|(role, holders)| (role.to_owned(), holders.enter(&mut keys))).into();
        let spec_version = spec_version();
        Self { spec_version, consistent_snapshot: true, version, expires, keys, roles, v2g }
    }

    /// Who must sign for a top-level role; nobody can for any other role.
    #[must_use]
    pub fn threshold(&self, role: &str) -> Threshold {
        self.roles.get(role).map(|signers| signers.threshold(&self.keys)).unwrap_or_default()
    }

    fn rules(&self, role: &str) -> Result<(), TufError> {
        if let Some(missing) = TOP_LEVEL.iter().find(|name| !self.roles.contains_key(**name)) {
            return Err(malformed(role, &format!("it does not name the role {missing}")));
        }
        self.roles.iter().try_for_each(|(name, signers)| signers.check(name))
    }
}

/// `timestamp.json`: which snapshot is the current one (§4.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "_type", rename = "timestamp")]
pub struct Timestamp {
    /// The specification's version it was written for.
    pub spec_version: String,
    /// Counts up from 1.
    pub version: u64,
    pub expires: Moment,
    /// `snapshot.json` and nothing else.
    pub meta: BTreeMap<String, MetaFile>,
}

impl Timestamp {
    /// Names the current snapshot.
    #[must_use]
    pub fn new(version: u64, expires: Moment, snapshot: MetaFile) -> Self {
        let meta = [("snapshot.json".to_owned(), snapshot)].into();
        Self { spec_version: spec_version(), version, expires, meta }
    }

    /// The snapshot it names.
    ///
    /// # Errors
    /// [`TufError::NotListed`] if there is none, which no timestamp that was parsed says.
    pub fn snapshot(&self) -> Result<&MetaFile, TufError> {
        self.meta.get("snapshot.json").ok_or_else(|| TufError::NotListed { role: "snapshot".into() })
    }
}

/// `snapshot.json`: which version of every targets file is the current one (§4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "_type", rename = "snapshot")]
pub struct Snapshot {
    /// The specification's version it was written for.
    pub spec_version: String,
    /// Counts up from 1.
    pub version: u64,
    pub expires: Moment,
    /// By file name without version: `targets.json`, `<role>.json`.
    pub meta: BTreeMap<String, MetaFile>,
}

impl Snapshot {
    /// Names the current version of every role: `targets` and the delegated ones.
    #[must_use]
    pub fn new<'a>(
        version: u64,
        expires: Moment,
        roles: impl IntoIterator<Item = (&'a str, MetaFile)>,
    ) -> Self {
        let meta = roles.into_iter().map(|(role, file)| (format!("{role}.json"), file)).collect();
        Self { spec_version: spec_version(), version, expires, meta }
    }

    /// What it says of a role.
    ///
    /// # Errors
    /// [`TufError::NotListed`].
    pub fn role(&self, role: &str) -> Result<&MetaFile, TufError> {
        self.meta.get(&format!("{role}.json")).ok_or_else(|| TufError::NotListed { role: role.into() })
    }
}

/// `targets.json` or a delegated role's file: targets, and who else may describe some (§4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "_type", rename = "targets")]
pub struct Targets {
    /// The specification's version it was written for.
    pub spec_version: String,
    /// Counts up from 1.
    pub version: u64,
    pub expires: Moment,
    /// By name.
    pub targets: BTreeMap<String, Target>,
    /// To whom it delegates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Delegations>,
}

impl Targets {
    /// Without targets and delegations yet.
    #[must_use]
    pub fn new(version: u64, expires: Moment) -> Self {
        Self { spec_version: spec_version(), version, expires, targets: BTreeMap::new(), delegations: None }
    }

    /// Adds a target of these bytes.
    ///
    /// # Errors
    /// [`TufError::TargetName`] if the name is not flat ASCII.
    pub fn add(&mut self, name: &str, bytes: &[u8], custom: Option<Value>) -> Result<(), TufError> {
        if !paths::is_flat_name(name) {
            return Err(TufError::TargetName { name: name.into() });
        }
        let target = Target { length: bytes.len() as u64, hashes: Hashes::of(bytes), custom };
        self.targets.insert(name.into(), target);
        Ok(())
    }

    fn rules(&self, role: &str) -> Result<(), TufError> {
        if let Some((name, _)) = self.targets.iter().find(|(_, target)| !target.hashes.is_usable()) {
            return Err(malformed(role, &format!("target {name:?} has no SHA-256 or SHA-512 hash")));
        }
        self.delegations.as_ref().map_or(Ok(()), Delegations::check)
    }
}

/// What timestamp and snapshot say of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaFile {
    pub version: u64,
    /// Its length in bytes, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Its hashes, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<Hashes>,
}

impl MetaFile {
    /// Describes a file fully: version, length and hash.
    #[must_use]
    pub fn of(version: u64, bytes: &[u8]) -> Self {
        Self { version, length: Some(bytes.len() as u64), hashes: Some(Hashes::of(bytes)) }
    }

    /// Checks length and hashes, as far as they are told.
    ///
    /// # Errors
    /// [`TufError::Length`], [`TufError::Hash`].
    pub fn check_bytes(&self, file: &str, bytes: &[u8]) -> Result<(), TufError> {
        if let Some(expected) = self.length {
            check_length(file, expected, bytes)?;
        }
        self.hashes.as_ref().map_or(Ok(()), |hashes| hashes.check_bytes(file, bytes))
    }

    fn rules(files: &BTreeMap<String, Self>, role: &str) -> Result<(), TufError> {
        let bad = |file: &&Self| file.version == 0 || file.hashes.as_ref().is_some_and(|h| !h.is_usable());
        match files.iter().find(|(_, file)| bad(file)) {
            Some((name, _)) => Err(malformed(role, &format!("version or hashes of {name:?} cannot be"))),
            None => Ok(()),
        }
    }
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Bytes.
    pub length: u64,
    /// At least one that is known.
    pub hashes: Hashes,
    /// What the publisher adds; opaque to TUF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
}

/// Hashes of a file; those of other algorithms are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// SHA-512, 128 lower-case hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha512: Option<String>,
}

impl Hashes {
    /// The SHA-256 of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: Some(Digest::of(bytes)), sha512: None }
    }

    /// Whether these bytes have all of these hashes.
    ///
    /// # Errors
    /// [`TufError::Hash`].
    pub fn check_bytes(&self, file: &str, bytes: &[u8]) -> Result<(), TufError> {
        let sha256 = self.sha256.is_none_or(|hash| hash == Digest::of(bytes));
        let sha512 = self.sha512.as_ref().is_none_or(|hash| *hash == hex::encode(Sha512::digest(bytes)));
        if self.is_usable() && sha256 && sha512 { Ok(()) } else { Err(TufError::Hash { file: file.into() }) }
    }

    /// The one that goes before a target's name in its URL, in hex.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.sha256.map(|hash| hash.to_string()).or_else(|| self.sha512.clone()).unwrap_or_default()
    }

    fn is_usable(&self) -> bool {
        let hex = |text: &String| text.len() == 128 && text.bytes().all(|b| b.is_ascii_hexdigit());
        (self.sha256.is_some() || self.sha512.is_some()) && self.sha512.as_ref().is_none_or(hex)
    }
}

pub(super) fn check_length(file: &str, expected: u64, bytes: &[u8]) -> Result<(), TufError> {
    let found = bytes.len() as u64;
    if found == expected { Ok(()) } else { Err(TufError::Length { file: file.into(), expected, found }) }
}

metadata!(Root, "root", Root::rules);
metadata!(Timestamp, "timestamp", |timestamp, role| {
    timestamp.snapshot()?;
    MetaFile::rules(&timestamp.meta, role)
});
metadata!(Snapshot, "snapshot", |snapshot, role| {
    snapshot.role("targets")?;
    MetaFile::rules(&snapshot.meta, role)
});
metadata!(Targets, "targets", Targets::rules);
